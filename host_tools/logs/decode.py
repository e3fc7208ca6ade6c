"""Journal records as rows with names instead of numbers (SPEC §1, §3).

Decoding needs no key and proves nothing; `verify` does. A slot that a BOOT record names as torn
comes out as kind `torn`, one that does not even claim to be the record of its place as
`unreadable`, both without content. A card's UID is left out unless asked for. Codes of a tariff
stay codes: the tariff they belong to is not at hand. A stop code that is a zone is shown as such,
companions as "category:count".
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from host_tools.logs.sources import JournalFile
from protocol.compat import EPOCH_UNIX_S
from protocol.fares.tariff import ZONE_STOP
from protocol.journal import records
from protocol.outcomes import MEDIUM_NAMES, OUTCOME_NAMES, REASON_NAMES

TORN = "torn"
UNREADABLE = "unreadable"
COMMON_COLUMNS = ("seq", "kind", "time", "clock_quality", "boot", "uptime_s")
BODY_COLUMNS = (
    "medium", "uid", "outcome", "reason", "charge", "flags", "product", "rider_category", "riders",
    "companions", "card_seq", "k", "tag", "tag_before", "tag_after", "granted", "grant_seq",
    "intent_seq", "vehicle", "route", "stop", "zone", "reset_cause", "torn_count",
    "first_torn_seq", "firmware", "tariff_version", "device_id", "journal_id", "old_time",
    "new_time", "source", "fault_bits", "fill_percent", "reader_faults", "heap_free",
)
COLUMNS = COMMON_COLUMNS + BODY_COLUMNS

Row = dict[str, Any]


def rows(
    journal: JournalFile, kinds: frozenset[str] | None = None, uids: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> Iterator[Row]:
    """One dict for each slot of `journal`, oldest first, of the `kinds` wanted (None: all)."""
    torn = torn_by_boot(journal)
    for at, slot in enumerate(journal.slots):
        if at % 4096 == 0:
            progress(at)
        seq = journal.first_seq + at
        row = {"seq": seq, "kind": TORN} if seq in torn else row_of(slot, seq, uids)
        if kinds is None or row["kind"] in kinds:
            yield row


def torn_by_boot(journal: JournalFile) -> set[int]:
    """Journal seqs that BOOT records name as torn.

    A BOOT names the first and how many. If they reach up to the BOOT itself they are those before
    it, as a cut leaves them; else only the first is certain.
    """
    torn: set[int] = set()
    for at, slot in enumerate(journal.slots):
        seq = journal.first_seq + at
        if slot[4] != records.BOOT or records.record_seq(slot) != seq:
            continue
        body = records.parse_body(slot)
        first, count = body["first_torn_seq"], body["torn_count"]
        if count and first < seq:
            torn.update(range(first, seq) if first + count == seq else (first,))
    return torn


def row_of(record: bytes, seq: int, uids: bool = False) -> Row:
    """The 64 bytes in the place of journal seq `seq` as a dict; money in minor units."""
    header = records.parse_header(record)
    kind = header["kind"]
    if header["seq"] != seq or not 0 < kind < len(records.KIND_NAMES):
        return {"seq": seq, "kind": UNREADABLE}
    row = {
        "seq": seq,
        "kind": records.KIND_NAMES[kind],
        "time": iso_time(header["time"]),
        "clock_quality": _name(records.CLOCK_QUALITY_NAMES, header["clock_quality"]),
        "boot": header["boot"],
        "uptime_s": header["uptime_s"],
    }
    body = records.parse_body(record)
    _put_names(row, body, uids)
    return row


def iso_time(seconds: int) -> str:
    """Minik time as ISO 8601 in UTC."""
    moment = datetime.fromtimestamp(EPOCH_UNIX_S + seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _put_names(row: Row, body: Row, uids: bool) -> None:
    """Add the fields of `body` to `row`, those with names by name."""
    uid_length = body.pop("uid_length", 0)
    for name, value in body.items():
        if name == "uid":
            if uids:
                row["uid"] = value[:uid_length].hex()
        elif name in _CONVERSIONS:
            row[name] = _CONVERSIONS[name](value)
        elif not name.startswith("firmware_"):
            row[name] = value
    if body.get("stop", 0) >= ZONE_STOP:
        row["stop"], row["zone"] = None, body["stop"] - ZONE_STOP
    if "firmware_major" in body:
        row["firmware"] = ".".join(
            str(body[f"firmware_{part}"]) for part in ("major", "minor", "patch")
        )


def _name(names: tuple[str | None, ...], index: int) -> str | None:
    return names[index] if index < len(names) else f"unknown_{index}"


def _flags(bits: int) -> list[str]:
    names = [name for bit, name in enumerate(records.FLAG_NAMES) if bits >> bit & 1]
    rest = bits >> len(records.FLAG_NAMES) << len(records.FLAG_NAMES)
    return names + ([f"bits_{rest:#x}"] if rest else [])


def _companions(packed: int) -> list[str]:
    pairs = (packed & 0xFF, packed >> 8)
    return [f"{pair >> 4}:{pair & 15}" for pair in pairs if pair & 15]


def _seq_or_none(seq: int) -> int | None:
    return None if seq == records.SEQ_NONE else seq


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "medium": lambda index: _name(MEDIUM_NAMES, index),
    "outcome": lambda index: _name(OUTCOME_NAMES, index),
    "reason": lambda index: _name(REASON_NAMES, index),
    "source": lambda index: _name(records.CLOCK_QUALITY_NAMES, index),
    "flags": _flags,
    "companions": _companions,
    "tag": bytes.hex,
    "tag_before": bytes.hex,
    "tag_after": bytes.hex,
    "journal_id": bytes.hex,
    "device_id": lambda raw: raw.rstrip(b"\0").decode("ascii", "replace"),
    "first_torn_seq": _seq_or_none,
    "intent_seq": _seq_or_none,
    "old_time": iso_time,
    "new_time": iso_time,
}
