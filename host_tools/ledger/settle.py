"""Which of the transactions a card may have made it really made (SPEC §3.3, last paragraph).

A pure function of the records known about one card number (`card_seq` of one uid), so that the
order in which devices hand in their journals can't matter: whenever a record arrives, the card
numbers it speaks about are settled anew from all that is known.

A *sighting* is a record that shows a state as the card's current one: an OUTCOME whose card was
read and verified shows (card_seq, tag); an INTENT shows (card_seq - 1, tag before). Of the
transactions that would make card number s:

- COMMITTED: its tag was sighted at s;
- VOID: another tag was sighted at s (a sibling was committed in its place), or every attempt at
  it is known to have failed: its own OUTCOME says so, or the same device later saw the card still
  at the state before;
- UNRESOLVED: none of these, until a later record says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from protocol import outcomes
from protocol.journal import records

UNRESOLVED = 0
VOID = 1
COMMITTED = 2
STATUS_NAMES = ("unresolved", "void", "committed")

ISSUE_SEQ = 1  # the number of a card's state at issue, which is no transaction (SPEC §2.2)

RecordKey = tuple[str, str, int]  # device id, journal id, journal seq


class Intent(NamedTuple):
    """An INTENT with the place in force; the columns of the table `intents`, in order."""

    device_id: str
    journal_id: str
    seq: int
    time: int
    day: int
    medium: int
    uid: str
    flags: int
    card_seq: int
    product: int
    rider_category: int
    riders: int
    charge: int
    k: int
    granted: int
    grant_seq: int
    companions: int
    tag_before: str
    tag_after: str
    vehicle: int
    route: int
    stop: int


class Tap(NamedTuple):
    """An OUTCOME with the place in force; the columns of the table `taps`, in order."""

    device_id: str
    journal_id: str
    seq: int
    time: int
    day: int
    clock_quality: int
    medium: int
    uid: str
    flags: int
    card_seq: int
    product: int
    rider_category: int
    riders: int
    charge: int
    k: int
    granted: int
    grant_seq: int
    outcome: int
    reason: int
    tag: str
    intent_seq: int | None
    sighting: bool
    vehicle: int
    route: int
    stop: int

    @property
    def companions(self) -> int:
        """An OUTCOME counts the riders but does not say who they are."""
        return 0


@dataclass(frozen=True)
class Verdict:
    """What is known about one transaction of a card."""

    uid: str
    tag: str
    card_seq: int
    status: int
    announced: int
    source: Intent | Tap
    settled_by: RecordKey | None


@dataclass(frozen=True)
class Settled:
    """Verdicts on one card number, and what is odd about it: pairs (kind, subject)."""

    verdicts: list[Verdict]
    findings: list[tuple[str, str]]


def record_key(record: Intent | Tap) -> RecordKey:
    """Where a record stands."""
    return record.device_id, record.journal_id, record.seq


def settle(
    uid: str,
    card_seq: int,
    intents: Sequence[Intent],
    taps: Sequence[Tap],
    intents_next: Sequence[Intent],
    taps_before: Sequence[Tap],
) -> Settled:
    """Settle number `card_seq` of the card `uid`.

    `intents` and `taps` speak of this number, `intents_next` of the next, `taps_before` of the
    one before. The order within the sequences does not matter.
    """
    sighted = _sighted(taps, intents_next)
    findings = [("two_tags", f"{uid}/{card_seq}")] if len(sighted) > 1 else []
    if card_seq <= ISSUE_SEQ:
        return Settled([], findings)
    announcements: dict[str, list[Tap]] = {}
    for tap in taps:
        if tap.sighting and tap.outcome == outcomes.ACCEPTED:
            announcements.setdefault(tap.tag, []).append(tap)
    attempts: dict[str, list[Intent]] = {}
    for intent in intents:
        attempts.setdefault(intent.tag_after, []).append(intent)
    failed = {record_key(i): _failure(i, intents, taps, taps_before) for i in intents}
    verdicts = []
    for tag in sorted(attempts.keys() | announcements.keys()):
        tries = sorted(attempts.get(tag, ()), key=lambda i: (bool(failed[record_key(i)]), i[:3]))
        told = sorted(announcements.get(tag, ()), key=lambda t: t[:3])
        status, settled_by = _status(tag, tries, failed, sighted)
        source: Intent | Tap = tries[0] if tries else told[0]
        verdicts.append(Verdict(uid, tag, card_seq, status, len(told), source, settled_by))
        if len({tap.device_id for tap in told}) > 1:
            findings.append(("announced_twice", f"{uid}/{card_seq}/{tag}"))
        if len({i.charge for i in tries} | {t.charge for t in told}) > 1:
            findings.append(("charge_conflict", f"{uid}/{card_seq}/{tag}"))
    return Settled(verdicts, findings)


def _sighted(taps: Sequence[Tap], intents_next: Sequence[Intent]) -> dict[str, RecordKey]:
    """Each tag seen on the card at this number, with the record that shows it best."""
    best: dict[str, tuple[int, RecordKey]] = {}
    for tap in taps:
        if tap.sighting:
            rank = 0 if tap.outcome == outcomes.ACCEPTED else 1
            _better(best, tap.tag, (rank, record_key(tap)))
    for intent in intents_next:
        _better(best, intent.tag_before, (2, record_key(intent)))
    return {tag: found[1] for tag, found in best.items()}


def _better(
    best: dict[str, tuple[int, RecordKey]], tag: str, candidate: tuple[int, RecordKey]
) -> None:
    if tag not in best or candidate < best[tag]:
        best[tag] = candidate


def _status(
    tag: str,
    tries: Sequence[Intent],
    failed: dict[RecordKey, RecordKey | None],
    sighted: dict[str, RecordKey],
) -> tuple[int, RecordKey | None]:
    if tag in sighted:
        return COMMITTED, sighted[tag]
    if sighted:
        return VOID, min(sighted.values())
    failures = [failed[record_key(intent)] for intent in tries]
    if all(failures):
        return VOID, max(failure for failure in failures if failure)
    return UNRESOLVED, None


def _failure(
    intent: Intent, intents: Sequence[Intent], taps: Sequence[Tap], taps_before: Sequence[Tap]
) -> RecordKey | None:
    """The first record of the same journal after which this attempt is known to have failed."""
    journal = intent[:2]
    proofs = []
    for tap in (*taps_before, *taps):
        if (tap.device_id, tap.journal_id) != journal or tap.seq <= intent.seq:
            continue
        own = (
            tap.intent_seq == intent.seq
            and tap.outcome != outcomes.ACCEPTED
            and not tap.flags & records.FLAG_UNRESOLVED
        )
        still_before = (
            tap.sighting and tap.card_seq == intent.card_seq - 1 and tap.tag == intent.tag_before
        )
        if own or still_before:
            proofs.append(record_key(tap))
    for other in intents:
        later = other[:2] == journal and other.seq > intent.seq
        if later and other.tag_before == intent.tag_before:
            proofs.append(record_key(other))
    return min(proofs, default=None)
