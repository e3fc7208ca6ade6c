"""Is a journal what its device wrote? Names each record that is not (SPEC §3.1, §3.4).

The chain is followed from the oldest record. Where a record does not verify, every way the chain
could go on from there is kept, until a later record verifies after one of them; that way says
what had happened in between:

| the next good record continues | so the records between were |
|---|---|
| the last good MAC | torn on the device, which stepped over them: honest, no finding |
| the MAC stored in a bad record | edited: its content is not what its MAC was made for |
| the MAC a bad record should have | edited in its MAC field |
| the MAC of a bad one after others | foreign, or dropped if nothing is there; that one: unproven |

*Unproven*: its MAC is genuine, its content cannot be checked since the MAC before it is lost.
The first record of a file that does not start the chain is unproven likewise.

A record found at another's place is *swapped* when it verifies at its own. Nothing follows the
last records, so a bad one there counts as *torn*, a finding: it may as well be edited. Records cut
off behind them show only against a head known from elsewhere.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from host_tools.logs.sources import JournalFile
from protocol.journal.chain import Chain
from protocol.journal.records import BLANK, MAC_OFFSET, RECORD_BYTES, record_seq

_WAYS_MAX = 12  # kept at a time; two are added for each bad record
_LISTED_MAX = 1000  # findings of records that are not in the file at all
_GAP_MAX = 1 << 20  # records taken out in one run; a higher claim is no claim
_ZEROS = bytes(RECORD_BYTES)

Progress = Callable[[int], None]

_WHY = {
    "edited": "its content and its MAC do not belong together",
    "foreign": "neither its content nor its MAC belongs to this journal",
    "dropped": "it is not there, and the chain ran through it",
    "torn": "it does not verify, and no record after it tells a torn one from an edited one",
}


@dataclass(frozen=True)
class Finding:
    """One record that is not as its device wrote it: journal seq, what happened, why we say so."""

    seq: int
    what: str
    why: str


@dataclass
class Report:
    """What verification found. `findings` empty: nothing was changed."""

    first_seq: int
    end_seq: int
    good: int = 0
    findings: list[Finding] = field(default_factory=list)
    torn: list[int] = field(default_factory=list)
    unproven: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """True if every record is there and genuine."""
        return not self.findings

    def as_dict(self) -> dict:
        """For JSON."""
        return {"ok": self.ok, **asdict(self)}


def verify(
    journal: JournalFile, chain: Chain, expected_head: int | None = None,
    progress: Progress = lambda done: None,
) -> Report:
    """Check every record of `journal` against `chain`.

    `expected_head`: a head known from elsewhere (the ledger); fewer records are a finding.
    `progress` is told how many slots are done.
    """
    placed, surplus = _place(journal)
    report = Report(journal.first_seq, journal.first_seq + len(placed), notes=list(journal.notes))
    walk = _Walk(journal, placed, chain, report)
    for at in range(len(placed)):
        walk.step(at)
        if at % 4096 == 0:
            progress(at)
    walk.finish()
    if not report.good and len(placed) > (0 if walk.anchored else 1):
        report.findings = [Finding(
            journal.first_seq, "foreign",
            "not one record verifies: another device's journal, or other keys",
        )]
        report.torn, report.unproven = [], []
        return report
    report.findings += surplus
    _missing_at_end(journal, report, expected_head)
    report.findings.sort(key=lambda finding: (finding.seq, finding.what))
    return report


# -- which slot is which record


def _place(journal: JournalFile) -> tuple[list[bytes | None], list[Finding]]:
    """Slots by journal seq from `first_seq` on, None where one was taken out; and the surplus.

    A slot stands for the next seq, unless it and its successor both claim to be further on and
    nobody claims what lies between (slots were taken out), or its successor claims to be the
    next seq (a slot was put in).
    """
    slots = journal.slots
    claims = [record_seq(slot) for slot in slots]
    claimed = set(claims)
    placed: list[bytes | None] = []
    surplus = []
    counted_more = journal.count > len(slots)
    for at, slot in enumerate(slots):
        expected = journal.first_seq + len(placed)
        ahead = claims[at] - expected
        following = claims[at + 1] if at + 1 < len(slots) else None
        if 0 < ahead <= _GAP_MAX and expected not in claimed and (
            following == claims[at] + 1 or (following is None and counted_more)
        ):
            placed += [None] * ahead
        elif ahead < 0 and following == expected:
            surplus.append(Finding(claims[at], "foreign", "it stands here a second time"))
            continue
        placed.append(slot)
    return placed, surplus


def _missing_at_end(journal: JournalFile, report: Report, expected_head: int | None) -> None:
    """Findings for the records that the header, or a known head, says should follow."""
    promised = journal.first_seq + journal.count
    sources = ((promised, "the header counts it"), (expected_head or 0, "the head lies beyond it"))
    for end, why in sources:
        absent = range(report.end_seq, end)
        for seq in absent[:_LISTED_MAX]:
            report.findings.append(Finding(seq, "dropped", f"it is not there, and {why}"))
        if len(absent) > _LISTED_MAX:
            report.notes.append(f"{len(absent) - _LISTED_MAX} more are missing up to {end - 1}")
        report.end_seq = max(report.end_seq, end)


# -- following the chain


@dataclass(frozen=True)
class _Way:
    """One way the chain may go on: after `mac`, if the bad records so far were as `verdicts` says.

    `verdicts` is a linked list, newest first: (seq, verdict, the rest), or None.
    """

    mac: bytes
    verdicts: tuple | None


class _Walk:
    """Along the chain: the ways that are open and the bad records since the last good one."""

    def __init__(
        self, journal: JournalFile, placed: list[bytes | None], chain: Chain, report: Report
    ):
        self._first = journal.first_seq
        self._placed = placed
        self._chain = chain
        self._report = report
        self._bad: list[tuple[int, bool]] = []  # seq, whether there is anything in its slot
        self._lost: tuple | None = None  # the verdicts on them if a later MAC is genuine
        self._by_claim = self._index_claims()
        self._ways: list[_Way] = []
        if journal.first_seq == 0:
            self._ways = [_Way(chain.start(), None)]
        elif journal.previous_mac is not None:
            self._ways = [_Way(journal.previous_mac, None)]
        self.anchored = bool(self._ways)  # at the start: a MAC to continue from is known

    def _index_claims(self) -> dict[int, int]:
        """Journal seq → index of a slot that claims it from elsewhere."""
        return {
            record_seq(slot): at for at, slot in enumerate(self._placed)
            if slot is not None and record_seq(slot) != self._first + at
        }

    def step(self, at: int) -> None:
        """Take the record at index `at`."""
        seq = self._first + at
        slot = self._placed[at]
        if not self._ways:
            self._start(seq, slot)
            return
        if slot is not None and record_seq(slot) == seq and self._continues(seq, slot):
            return
        elsewhere = self._by_claim.get(seq)
        if elsewhere is not None:
            record = self._placed[elsewhere]
            assert record is not None
            if self._continues(seq, record):
                self._find(seq, "swapped", f"it stands in the place of {self._first + elsewhere}")
                return
        self._keep_ways(seq, None if slot in (BLANK, _ZEROS) else slot)

    def _start(self, seq: int, slot: bytes | None) -> None:
        """Nothing is known yet: take the MAC of the first record that claims its place."""
        if slot in (None, BLANK, _ZEROS):
            self._report.torn.append(seq)
        elif slot is not None and record_seq(slot) != seq:
            self._find(seq, "torn", "it is no record, and nothing before it tells what it was")
        elif slot is not None:
            self._report.unproven.append(seq)
            self._ways = [_Way(slot[MAC_OFFSET:], None)]

    def _continues(self, seq: int, record: bytes) -> bool:
        """True if `record` verifies after one of the ways; settles the bad ones before it."""
        mac = record[MAC_OFFSET:]
        for way in self._ways:
            if self._chain.mac(way.mac, record) == mac:
                self._settle(way.verdicts)
                self._ways = [_Way(mac, None)]
                self._bad = []
                self._lost = None
                self._report.good += 1
                return True
        return False

    def _keep_ways(self, seq: int, slot: bytes | None) -> None:
        """`seq` is bad: open the ways on which it was torn, edited, or follows a foreign one."""
        ways = [_Way(way.mac, (seq, "torn", way.verdicts)) for way in self._ways]
        if slot is not None:
            verdict = "unproven" if self._bad else "edited"
            ways.append(_Way(slot[MAC_OFFSET:], (seq, verdict, self._lost)))
            if len(ways) < _WAYS_MAX:
                ways += [
                    _Way(self._chain.mac(way.mac, slot), (seq, "edited", way.verdicts))
                    for way in self._ways
                ]
        # the last good MAC, and the newest
        self._ways = ways if len(ways) <= _WAYS_MAX else ways[:1] + ways[1 - _WAYS_MAX:]
        self._bad.append((seq, slot is not None))
        lost = "dropped" if slot is None else "foreign"
        self._lost = (seq, lost, self._lost)

    def finish(self) -> None:
        """Nothing follows: what is still open cannot be settled."""
        for seq, present in self._bad:
            self._find(seq, "torn" if present else "dropped")

    def _settle(self, verdicts: tuple | None) -> None:
        if verdicts is None:
            return
        while verdicts is not None:
            seq, verdict, verdicts = verdicts
            if verdict == "torn":
                self._report.torn.append(seq)
            elif verdict == "unproven":
                self._report.unproven.append(seq)
            else:
                self._find(seq, verdict)
        self._report.torn.sort()
        self._report.unproven.sort()

    def _find(self, seq: int, what: str, why: str = "") -> None:
        self._report.findings.append(Finding(seq, what, why or _WHY[what]))
