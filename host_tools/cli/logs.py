"""`minik logs`: what is in a device's journal, and is it what the device wrote?"""

import json
import math
import sys
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from host_tools.cli.progress import counting
from host_tools.errors import BadInput, CheckFailed
from host_tools.logs.decode import TORN, UNREADABLE, rows
from host_tools.logs.files import not_itself, whole_file
from host_tools.logs.formats import WRITERS
from host_tools.logs.sources import JournalFile, read_journal
from host_tools.logs.verify import Finding, Progress, Report, verify
from protocol.journal.chain import Chain
from protocol.journal.records import KIND_NAMES

app = typer.Typer(
    no_args_is_help=True,
    help="Pull, decode and verify journals.",
    epilog="Example: minik logs verify v1.dump --keys keys/",
)

_BAR_SLOTS_MIN = 20_000  # below it a bar would only flash up
_KINDS = (*(name for name in KIND_NAMES if name), TORN, UNREADABLE)
_SHOWN_MAX = 20  # torn or unproven numbers on one line


class Format(StrEnum):
    """How decoded records are written."""

    table = "table"
    jsonl = "jsonl"
    csv = "csv"


File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="A dump, a journal partition or a whole flash image."),
]


@app.command("pull", epilog="Example: minik logs pull --port /dev/ttyUSB0 --keys keys -o v1.dump")
def pull_command(
    port: Annotated[str, typer.Option(metavar="PORT", help="Serial port or PTY of the device.")],
    keys: Annotated[Path, typer.Option(metavar="DIR", help="The agency's key store.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The dump file to write.")],
    first: Annotated[
        int, typer.Option("--from", metavar="SEQ", min=0, help="First journal seq wanted.")
    ] = 0,
    wait: Annotated[
        float, typer.Option(min=0.1, help="Seconds without a record until it gives up.")
    ] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read the journal of the device on PORT into a file. The device keeps every record."""
    from host_tools.keys.store import KeyStore
    from host_tools.logs.pull import pull, write_pulled

    if not wait < math.inf:
        raise BadInput(f"--wait {wait:g}: give a number of seconds")
    store = KeyStore.load(keys)
    not_itself(out, Path(port))
    if not out.absolute().parent.is_dir():
        raise BadInput(f"{out}: there is no folder {out.absolute().parent}")
    with counting("pulling") as told:
        pulled = pull(port, store, first, wait, told)
    header = write_pulled(out, pulled, first)
    torn = sum(record is None for seq, record in pulled.records if seq >= header.first_seq)
    if as_json:
        typer.echo(json.dumps({
            "device": header.device_id, "journal_id": header.journal_id.hex(),
            "first_seq": header.first_seq, "records": header.count, "torn": torn,
            "head": header.head, "out": str(out),
        }))
    else:
        typer.echo(
            f"{header.count} records of {header.device_id} from {header.first_seq} on"
            f" ({torn} torn) written to {out}"
        )


@app.command("decode", epilog="Example: minik logs decode v1.dump --kind outcome --format csv")
def decode_command(
    file: File,
    output_format: Annotated[
        Format | None, typer.Option("--format", help="table (default), jsonl or csv.")
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help=f"Only these, repeatable: {', '.join(_KINDS)}."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Write here instead of standard output.")
    ] = None,
    uids: Annotated[bool, typer.Option("--uids", help="Show the cards' UIDs.")] = False,
    as_json: Annotated[
        bool,
        typer.Option("--json", help="As --format jsonl; with -o print one JSON object about it."),
    ] = False,
) -> None:
    """Show the records of a journal. Needs no key and proves nothing: verify does."""
    chosen = output_format or (Format.jsonl if as_json else Format.table)
    kinds = _kinds(kind)
    if out is not None:
        not_itself(out, file)
    journal = read_journal(file)
    for note in journal.notes:
        typer.echo(f"note: {note}", err=True)
    write = WRITERS[chosen]
    shown = out is None and sys.stdout.isatty()  # what scrolls by is progress enough
    with nullcontext(lambda done: None) if shown else _progress("decoding", journal) as progress:
        found = rows(journal, kinds, uids, progress)
        if out is None:
            write(found, sys.stdout)
            return
        with whole_file(out) as target:
            count = write(found, target)
    if as_json:
        typer.echo(json.dumps({"records": count, "out": str(out), "format": chosen.value}))
    else:
        typer.echo(f"{count} records of {journal.source} {file} written to {out}")


@app.command("verify", epilog="Example: minik logs verify v1.dump --keys keys/ --device V1")
def verify_command(
    file: File,
    keys: Annotated[Path, typer.Option(metavar="DIR", help="The agency's key store.")],
    device: Annotated[
        str | None, typer.Option(metavar="ID", help="Default: the device the file names.")
    ] = None,
    journal_id: Annotated[
        str | None,
        typer.Option(metavar="HEX", help="4 bytes. Default: the one the file names."),
    ] = None,
    head: Annotated[
        int | None,
        typer.Option(metavar="SEQ", min=0, help="Head known from the ledger: fewer records fail."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check every record against the device's key; exit 1 naming each that is not genuine."""
    journal = read_journal(file)
    device_id, identity = _identity(file, journal, device, journal_id)
    chain = Chain(_journal_key(keys, device_id, identity), identity)
    with _progress("verifying", journal) as progress:
        report = verify(journal, chain, head, progress)
    if report.findings and journal.device_id not in (None, device_id):
        report.notes.append(f"the file says it is of device {journal.device_id}")
    if as_json:
        about = {"device": device_id, "journal_id": identity.hex(), "source": journal.source}
        typer.echo(json.dumps({**about, **report.as_dict()}))
    else:
        _print_report(report, f"{device_id} journal {identity.hex()}", journal.source)
    if not report.ok:
        named = ", ".join(f"{f.seq} {f.what}" for f in report.findings[:_SHOWN_MAX])
        more = len(report.findings) - _SHOWN_MAX
        raise CheckFailed(f"{file}: not genuine: {named}" + (f", {more} more" if more > 0 else ""))


def _kinds(wanted: list[str] | None) -> frozenset[str] | None:
    if not wanted:
        return None
    for name in wanted:
        if name not in _KINDS:
            raise BadInput(f"--kind {name}: not one of {', '.join(_KINDS)}")
    return frozenset(wanted)


def _identity(
    file: Path, journal: JournalFile, device: str | None, journal_id: str | None
) -> tuple[str, bytes]:
    """Device id and journal id, from the options or else from the file."""
    device_id = device or journal.device_id
    if not device_id:
        raise BadInput(f"{file}: names no device; give --device")
    identity = journal.journal_id
    if journal_id is not None:
        try:
            identity = bytes.fromhex(journal_id)
        except ValueError as error:
            raise BadInput(f"--journal-id {journal_id}: not hexadecimal") from error
        if len(identity) != 4:
            raise BadInput(f"--journal-id {journal_id}: 4 bytes, so 8 digits")
    if identity is None:
        if journal.slots:
            raise BadInput(f"{file}: no BOOT record names the journal id; give --journal-id")
        identity = bytes(4)  # an empty journal: nothing depends on it
    return device_id, identity


def _journal_key(directory: Path, device_id: str, journal_id: bytes) -> bytes:
    from host_tools.keys.store import KeyStore

    keys = KeyStore.load(directory).device_keys(device_id, journal_id)
    if keys is None:
        raise BadInput(f"--device {device_id}: 1 to 16 of A-Z a-z 0-9 - _")
    return keys[1]


def _print_report(report: Report, name: str, source: str) -> None:
    count = report.end_seq - report.first_seq
    where = f"seq {report.first_seq} to {report.end_seq - 1}" if count else "no records"
    typer.echo(f"{name}, {source}: {where}")
    typer.echo(f"genuine    {report.good} of {count}")
    if report.torn:
        typer.echo(f"torn       {_listed(report.torn)} (power cuts; the device stepped over them)")
    if report.unproven:
        typer.echo(f"unproven   {_listed(report.unproven)} (the MAC before is lost)")
    for first, last in _runs(report.findings):
        which = str(first.seq) if first is last else f"{first.seq} to {last.seq}"
        typer.echo(f"{first.what:<10} {which}: {first.why}")
    for note in report.notes:
        typer.echo(f"note       {note}")
    if report.ok:
        typer.echo("the journal is genuine")


def _runs(findings: list[Finding]) -> list[tuple[Finding, Finding]]:
    """(first, last) of findings of one kind on records that follow each other."""
    runs: list[tuple[Finding, Finding]] = []
    for finding in findings:
        if runs and runs[-1][1] == replace(finding, seq=finding.seq - 1):
            runs[-1] = (runs[-1][0], finding)
        else:
            runs.append((finding, finding))
    return runs


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:_SHOWN_MAX])
    more = len(numbers) - _SHOWN_MAX
    return shown + (f" and {more} more" if more > 0 else "")


def _progress(what: str, journal: JournalFile) -> AbstractContextManager[Progress]:
    """A bar for a long journal."""
    long = len(journal.slots) >= _BAR_SLOTS_MIN
    return counting(what, len(journal.slots)) if long else nullcontext(lambda done: None)
