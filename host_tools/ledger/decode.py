"""A batch of journal records as rows of the ledger: no database in here.

The PLACE in force goes from record to record and from batch to batch, so decoding takes the place
that held before the batch and hands on the one that holds after it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from host_tools.ledger.settle import ISSUE_SEQ, Intent, Tap
from protocol import outcomes
from protocol.journal import records
from protocol.journal.records import parse_body, parse_header

NO_TAG = "00000000"
_UID_LENGTHS = (0, 4, 7)
# why a card was refused before anything on it had been verified
_UNREAD = (
    outcomes.ONE_CARD_PLEASE,
    outcomes.UNREADABLE,
    outcomes.UNKNOWN_MEDIUM,
    outcomes.BAD_SIGNATURE,
)


class Place(NamedTuple):
    """Vehicle, route and stop codes; 0 is none."""

    vehicle: int = 0
    route: int = 0
    stop: int = 0


class Record(NamedTuple):
    """One slot of a journal; the columns of the table `records`, in order."""

    device_id: str
    journal_id: str
    seq: int
    kind: int | None
    time: int | None
    raw: bytes | None


@dataclass
class Decoded:
    """A batch, decoded; `place` holds after its last record."""

    place: Place
    records: list[Record] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    taps: list[Tap] = field(default_factory=list)
    findings: list[tuple[str, str]] = field(default_factory=list)


def decode(
    device_id: str,
    journal_id: str,
    first_seq: int,
    batch: Sequence[bytes | None],
    place: Place,
    day_of: Callable[[int], int],
) -> Decoded:
    """Rows of `batch`, whose first record has journal seq `first_seq`; None is a torn slot.

    `day_of` gives the service day of a time.

    Empty bytes are a record that was whole once: rotten on the flash, or edited there. A finding.
    A record whose MAC verified but whose body makes no sense is kept raw and becomes a finding.
    """
    decoded = Decoded(place)
    for seq, raw in enumerate(batch, first_seq):
        if not raw:
            if raw is not None:
                decoded.findings.append(("damaged_record", f"{device_id}/{journal_id}/{seq}"))
            decoded.records.append(Record(device_id, journal_id, seq, None, None, None))
            continue
        header = parse_header(raw)
        kind = header["kind"]
        decoded.records.append(Record(device_id, journal_id, seq, kind, header["time"], raw))
        if kind == records.PLACE:
            body = parse_body(raw)
            decoded.place = Place(body["vehicle"], body["route"], body["stop"])
        elif kind in (records.INTENT, records.OUTCOME):
            body = parse_body(raw)
            if body["uid_length"] not in _UID_LENGTHS[kind == records.INTENT :]:
                decoded.findings.append(("malformed", f"{device_id}/{journal_id}/{seq}"))
                continue
            key = (device_id, journal_id, seq)
            when = (header["time"], day_of(header["time"]))
            if kind == records.INTENT:
                decoded.intents.append(_intent(key, when, body, decoded.place))
            else:
                tap = _tap(key, when, header["clock_quality"], body, decoded.place)
                decoded.taps.append(tap)
                rode = tap.outcome == outcomes.ACCEPTED
                if rode and not (tap.sighting and tap.card_seq > ISSUE_SEQ):
                    decoded.findings.append(("no_transaction", f"{device_id}/{journal_id}/{seq}"))
    return decoded


def _intent(
    key: tuple[str, str, int], when: tuple[int, int], body: dict, place: Place
) -> Intent:
    return Intent(
        *key,
        *when,
        body["medium"],
        body["uid"][: body["uid_length"]].hex(),
        body["flags"],
        body["card_seq"],
        body["product"],
        body["rider_category"],
        body["riders"],
        body["charge"],
        body["k"],
        body["granted"],
        body["grant_seq"],
        body["companions"],
        body["tag_before"].hex(),
        body["tag_after"].hex(),
        *place,
    )


def _tap(
    key: tuple[str, str, int], when: tuple[int, int], quality: int, body: dict, place: Place
) -> Tap:
    tag = body["tag"].hex()
    sighting = (
        tag != NO_TAG
        and body["card_seq"] > 0
        and not body["flags"] & records.FLAG_UNRESOLVED
        and body["reason"] not in _UNREAD
    )
    return Tap(
        *key,
        *when,
        quality,
        body["medium"],
        body["uid"][: body["uid_length"]].hex(),
        body["flags"],
        body["card_seq"],
        body["product"],
        body["rider_category"],
        body["riders"],
        body["charge"],
        body["k"],
        body["granted"],
        body["grant_seq"],
        body["outcome"],
        body["reason"],
        tag,
        None if body["intent_seq"] == records.SEQ_NONE else body["intent_seq"],
        sighting,
        *place,
    )
