"""`minik tariff`: fares from a GTFS feed to the file a validator reads, and what it says."""

import os
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from host_tools.cli import progress, tariff_quote
from host_tools.cli.options import Json, console, print_json
from host_tools.errors import BadInput, CheckFailed

if TYPE_CHECKING:
    from host_tools.keys.store import KeyStore
    from host_tools.tariff.feed import Finding
    from host_tools.tariff.load import LoadedTariff
    from host_tools.tariff.tables import Tables

SUFFIX = ".tariff"
_COUNTED = (
    ("products", "product", "products"),
    ("categories", "rider category", "rider categories"),
    ("routes", "route", "routes"),
    ("stops", "stop", "stops"),
    ("areas", "area", "areas"),
)

app = typer.Typer(
    no_args_is_help=True,
    help="Fares: compile, check, show and compare tariffs, quote journeys.",
    epilog="Example: minik tariff show flat",
)
app.command()(tariff_quote.quote)

Feed = Annotated[Path, typer.Argument(metavar="FEED", help="Folder or zip with Fares v2")]
After = Annotated[
    str | None,
    typer.Option("--after", metavar="OLD", help="The tariff in use: ids keep their codes"),
]


@app.command()
def compile(
    feed: Feed,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="OUT", help="Default: the feed's name with .tariff"),
    ] = None,
    after: After = None,
    keys: Annotated[
        Path | None,
        typer.Option("--keys", metavar="DIR", help="Key store that signs it; devices need that"),
    ] = None,
    json: Json = False,
) -> None:
    """Compile a fare feed into one signed file that validators read.

    Example: minik tariff compile docs/tariffs/bialystok --keys keys -o bialystok.tariff
    """
    from host_tools.keys.store import KeyStore
    from host_tools.tariff.check import findings_as_json
    from host_tools.tariff.pack import pack
    from host_tools.tariff.sign import sign

    name = os.path.basename(os.path.realpath(feed))
    target = out or Path(name.removesuffix(".zip") + SUFFIX)
    if os.path.realpath(target) == os.path.realpath(feed) and not os.path.isdir(target):
        raise BadInput(f"{target}: is the feed itself")
    _check_replaceable(target)
    store = None if keys is None else KeyStore.load(keys)
    tables, findings = _compiled(feed, after)
    if tables is None:
        raise _refused(feed, findings, json)
    content = sign(pack(tables), store)
    _write(target, content)
    if json:
        summary = _summary(target, len(content), tables, store)
        print_json({**summary, **findings_as_json(findings)})
        return
    _complain(findings)
    _tell(target, len(content), tables, store)


@app.command()
def check(feed: Feed, after: After = None, json: Json = False) -> None:
    """Say everything that is wrong or can't be enforced on board; write nothing.

    Exits 0 if there is no error, also with warnings, else 2.

    Example: minik tariff check docs/tariffs/bialystok --json
    """
    from host_tools.tariff.check import findings_as_json, findings_as_lines

    tables, findings = _compiled(feed, after)
    if json:
        print_json(findings_as_json(findings))
    else:
        for line in findings_as_lines(findings):
            print(line)
    if tables is None:
        raise typer.Exit(BadInput.exit_code)


@app.command()
def show(
    tariff: Annotated[
        str, typer.Argument(metavar="TARIFF", help="A feed, a compiled file, or flat")
    ],
    json: Json = False,
) -> None:
    """Print a tariff as a person reads it: prices, transfers, caps, passes and terms.

    Example: minik tariff show flat
    """
    from host_tools.tariff.describe import describe
    from host_tools.tariff.show import show as lines

    loaded = _load(tariff)
    said = describe(loaded.tables)
    if json:
        print_json({**said, "signed_by_key": loaded.signed_key_id})
        return
    out = console()
    for line in lines(said):
        out.print(line)


@app.command()
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A feed, a compiled file, or flat")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="Likewise")],
    json: Json = False,
) -> None:
    """Say what passengers and operators would notice when NEW follows OLD.

    Exits 0 if nothing, 1 if something. A feed is taken as compiled without --after.

    Example: minik tariff diff bialystok.tariff docs/tariffs/bialystok
    """
    from host_tools.tariff.diff import code_changes
    from host_tools.tariff.diff import diff as changes_of

    changes = changes_of(_load(old).tables, _load(new).tables)
    broken = code_changes(changes)
    if json:
        told = [change.as_dict() for change in changes]
        print_json({"same": not changes, "codes_keep": not broken, "changes": told})
    else:
        _print_changes(changes, len(broken))
    if changes:
        raise typer.Exit(CheckFailed.exit_code)


def _print_changes(changes: list[Any], broken_count: int) -> None:
    if broken_count:
        print(f"WARNING: {broken_count:,} codes would change their meaning: cards and journals")
        print("would be read wrong. Compile NEW with --after OLD.")
    section = None
    for change in changes:
        if change.section != section:
            section = change.section
            print(section.replace("_", " "))
        print(f"  {change}")
    if not changes:
        print("nothing that passengers or operators would notice")


def _compiled(feed: Path, after: str | None) -> "tuple[Tables | None, list[Finding]]":
    """The tables of a feed, None if it has errors; and all that there is to say of it."""
    from host_tools.tariff.compile import compile_feed
    from host_tools.tariff.read_feed import read_feed

    older = None if after is None else _load(after).tables
    with progress.spinning(f"reading {feed}") as doing:
        read, findings = read_feed(feed)
        if read is None:
            return None, findings
        doing(f"compiling {feed}")
        tables, said = compile_feed(read, older, date.today())
    return tables, [*findings, *said]


def _load(name: str) -> "LoadedTariff":
    from host_tools.tariff.load import BadFeed, load_tariff

    try:
        return load_tariff(name)
    except BadFeed as error:
        raise _refused(error.path, error.findings, False) from None


def _refused(feed: Path, findings: "list[Finding]", json: bool) -> Exception:
    """Say all findings; what then ends the command."""
    from host_tools.tariff.check import findings_as_json, summary

    if json:
        print_json(findings_as_json(findings))
    else:
        _complain(findings)
    return BadInput(f"{feed}: {summary(findings)}")


def _complain(findings: "list[Finding]") -> None:
    from host_tools.tariff.check import findings_as_lines

    for line in findings_as_lines(findings)[:-1]:
        typer.echo(line, err=True)


def _check_replaceable(target: Path) -> None:
    """BadInput if what is there already is not an older tariff: a slip must not cost keys."""
    from host_tools.tariff.sign import SIGN1

    if os.path.isdir(target):
        raise BadInput(f"{target}: is a folder")
    if not os.path.exists(target):
        return
    if not os.path.isfile(target):
        raise BadInput(f"{target}: is no ordinary file")
    try:
        with target.open("rb") as file:
            begin = file.read(len(SIGN1))
    except OSError as error:
        raise BadInput(f"{target}: cannot be read ({error.strerror})") from None
    if begin not in (b"", SIGN1):
        raise BadInput(f"{target}: is there already and no tariff; delete it or name another")


def _write(target: Path, content: bytes) -> None:
    """Put the file there whole or not at all; BadInput if that can't be done."""
    fresh = None
    try:
        descriptor, fresh = tempfile.mkstemp(".part", dir=target.parent)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), 0o644)
        os.replace(fresh, target)
        fresh = None
    except OSError as error:
        raise BadInput(f"{target}: cannot be written ({error.strerror})") from None
    finally:
        if fresh is not None:
            Path(fresh).unlink(missing_ok=True)


def _summary(
    target: Path, size: int, tables: "Tables", store: "KeyStore | None"
) -> dict[str, Any]:
    from host_tools.tariff.describe import describe

    said = describe(tables)
    return {
        "file": str(target),
        "bytes": size,
        "version": tables.version,
        "currency": tables.currency,
        "agency": None if store is None else store.agency,
        "signed_by_key": None if store is None else store.issuer_key_id,
        "plain": said["settings"]["plain"],
        "counts": {**said["counts"], "rules": len(tables.rules)},
    }


def _tell(target: Path, size: int, tables: "Tables", store: "KeyStore | None") -> None:
    summary = _summary(target, size, tables, store)
    counts = summary["counts"]
    print(f"{target}: {size:,} bytes, version {tables.version}, {tables.currency}")
    parts = [
        f"{counts[kind]:,} {word if counts[kind] == 1 else words}"
        for kind, word, words in _COUNTED
    ]
    print(f"  {', '.join(parts)}")
    if store is None:
        print("  not signed: validators refuse it; sign with --keys DIR")
    else:
        print(f"  signed by key {store.issuer_key_id} of agency {store.agency}")
