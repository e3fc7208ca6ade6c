"""A small true world for the ledger's tests: cards, validators with journals, and what happened.

The world keeps the truth (what each card really paid) beside the records the validators wrote.
Records are packed by `protocol.journal.records`; their MACs are fillers, since the ledger is
handed records whose chain was verified.
"""

import hashlib
from dataclasses import dataclass, field

from sqlalchemy import func, select

from host_tools.ledger import Issue, Ledger, open_ledger, schema
from protocol import outcomes
from protocol.journal import records

AGENCY_KEY = bytes(range(32))
START = 200_000_000  # Minik time, in 2026
_ALONE = {"product": 1, "riders": 1}


class Keys:
    """Knows every device whose id starts with V."""

    def device_keys(self, device_id: str, journal_id: bytes) -> tuple[bytes, bytes] | None:
        if not device_id.startswith("V"):
            return None
        return AGENCY_KEY[:16], hashlib.sha256(device_id.encode() + journal_id).digest()


def new_ledger(path=None) -> Ledger:
    """An empty ledger, in memory or at `path`."""
    url = "sqlite://" if path is None else f"sqlite:///{path}"
    return open_ledger(url, keys=Keys(), clock=lambda: START)


@dataclass
class Card:
    """What the card itself holds."""

    uid: bytes
    granted: int
    seq: int = 1
    k: int = 1
    tag: bytes = b""
    last_charge: int = 0
    announced: bool = True

    def __post_init__(self) -> None:
        self.tag = self.tag or self.tag_of(self.seq, self.k, "issue")

    def tag_of(self, seq: int, k: int, salt: str) -> bytes:
        return hashlib.sha256(f"{self.uid.hex()} {seq} {k} {salt}".encode()).digest()[:4]

    def spent(self) -> int:
        return (self.k - self.seq) // 2

    def clone(self) -> "Card":
        return Card(self.uid, self.granted, self.seq, self.k, self.tag)


@dataclass
class Validator:
    """A device with one journal, and the world's clock."""

    device_id: str
    journal_id: bytes = b"\x00\x00\x00\x01"
    route: int = 0
    vehicle: int = 0
    now: int = START
    journal: list = field(default_factory=list)

    def write(self, kind: int, **fields) -> int:
        """Append a record; its seq."""
        seq = len(self.journal)
        record = bytearray(records.RECORD_BYTES)
        records.pack_header(record, seq, kind, 1, 1, self.now, self.now - START)
        body = bytearray(records.BODY_BYTES)
        records.pack_body(kind, body, fields)
        record[16:56] = body
        mac = hashlib.sha256(self.device_id.encode() + bytes(record[:56])).digest()
        record[56:64] = mac[:8]
        self.journal.append(bytes(record))
        return seq

    def place(self, route: int, vehicle: int = 1, stop: int = 1) -> None:
        self.route, self.vehicle = route, vehicle
        self.write(records.PLACE, vehicle=vehicle, route=route, stop=stop)

    def tear_last(self) -> None:
        """The last record was torn by a power cut."""
        self.journal[-1] = None

    # -- the parts of a tap ------------------------------------------------------------------

    def intent(
        self, card: Card, charge: int, salt: str = "", **said: int
    ) -> tuple[int, bytes, int]:
        """Journal an INTENT, with `said` besides; (its seq, tag after, K after)."""
        k = card.k + 2 * charge + 1
        tag = card.tag_of(card.seq + 1, k, salt or f"{self.device_id} {len(self.journal)}")
        seq = self.write(
            records.INTENT, medium=1, uid_length=len(card.uid), uid=card.uid,
            card_seq=card.seq + 1, charge=charge, k=k, tag_before=card.tag,
            tag_after=tag, granted=card.granted, grant_seq=1, **{**_ALONE, **said},
        )  # fmt: skip
        return seq, tag, k

    def outcome(
        self, card: Card, outcome: int, charge: int = 0, reason: int = 0, flags: int = 0,
        intent_seq: int = records.SEQ_NONE, **said: int,
    ) -> int:  # fmt: skip
        product = 1 if charge and not flags & records.FLAG_RECOVERED else 0
        return self.write(
            records.OUTCOME, medium=1, uid_length=len(card.uid), uid=card.uid, flags=flags,
            outcome=outcome, reason=reason, charge=charge, k=card.k, tag=card.tag,
            intent_seq=intent_seq, card_seq=card.seq, granted=card.granted,
            grant_seq=1, **{"riders": 1, "product": product, **said},
        )  # fmt: skip

    @staticmethod
    def commit(card: Card, charge: int, tag: bytes, k: int) -> None:
        """The card takes the transaction."""
        card.seq += 1
        card.k, card.tag, card.last_charge, card.announced = k, tag, charge, False

    # -- whole taps --------------------------------------------------------------------------

    def tap(self, card: Card, charge: int, **said: int) -> None:
        """A tap as passengers know it: recovered if the last was never announced, else sold.

        `said` are further fields of its INTENT; the OUTCOME has those it can hold too.
        """
        if not card.announced:
            self.recover(card)
            return
        seq, tag, k = self.intent(card, charge, **said)
        self.commit(card, charge, tag, k)
        said.pop("companions", None)
        self.outcome(card, outcomes.ACCEPTED, charge, intent_seq=seq, **said)
        card.announced = True

    def tap_twice_in_a_second(self, card: Card, charge: int) -> None:
        """Torn, surely not committed, then sold: both INTENTs name the same state and tag."""
        if not card.announced:
            return
        salt = f"{self.device_id} {self.now}"
        seq, _, _ = self.intent(card, charge, salt)
        self.outcome(card, outcomes.RETAP, intent_seq=seq)
        seq, tag, k = self.intent(card, charge, salt)
        self.commit(card, charge, tag, k)
        self.outcome(card, outcomes.ACCEPTED, charge, intent_seq=seq)
        card.announced = True

    def recover(self, card: Card) -> None:
        self.outcome(
            card, outcomes.ACCEPTED, card.last_charge, flags=records.FLAG_RECOVERED
        )
        card.announced = True

    def refuse(self, card: Card, reason: int = outcomes.INSUFFICIENT_FUNDS) -> None:
        self.outcome(card, outcomes.REFUSED, reason=reason)

    def torn_tap(self, card: Card, charge: int, committed: bool, told: str) -> None:
        """A sale that broke off. `told`: "cut" no OUTCOME, "torn" OUTCOME torn, "unsure" flagged
        unresolved, "sure" certainly not committed (then `committed` must be false)."""
        if not card.announced:
            self.recover(card)
            return
        seq, tag, k = self.intent(card, charge)
        if told == "sure":
            self.outcome(card, outcomes.RETAP, intent_seq=seq)
        elif told == "unsure":
            flags = records.FLAG_UNRESOLVED
            self.outcome(card, outcomes.RETAP, flags=flags, intent_seq=seq)
        elif told == "torn":
            self.outcome(card, outcomes.RETAP, intent_seq=seq)
            self.tear_last()
        if committed:
            self.commit(card, charge, tag, k)


def issue_all(ledger: Ledger, cards: list[Card]) -> None:
    for number, card in enumerate(cards, 1):
        ledger.issue(Issue(card.uid.hex(), number, 1, card.granted, START, tag=""))


def sync(ledger: Ledger, validator: Validator, batch: int = 0, upto: int | None = None) -> None:
    """Hand over the journal from where the ledger stands, in batches of `batch` records."""
    head = len(validator.journal) if upto is None else upto
    at, _ = ledger.position(validator.device_id, validator.journal_id)
    while at < head:
        end = min(head, at + (batch or head))
        at, _ = ledger.commit(
            validator.device_id, validator.journal_id, at, validator.journal[at:end]
        )


def contents(ledger: Ledger) -> dict:
    """Everything the order of arrival must not change: all tables, accounts by balance."""
    found = {}
    uncertain = {"posted_times"}
    with ledger.reading() as connection:
        for table in schema.metadata.sorted_tables:
            if table in (schema.postings, schema.entries):
                continue
            columns = [column for column in table.columns if column.name not in uncertain]
            found[table.name] = sorted(map(repr, connection.execute(select(*columns))))
        entries = schema.entries.c
        found["balances"] = sorted(
            tuple(row)
            for row in connection.execute(
                select(entries.account, func.sum(entries.amount)).group_by(entries.account)
            )
            if row[1]
        )
    found["accounts"] = []  # an account that a correction emptied may or may not be there
    return found
