"""Do the books balance? Every imbalance in words, and what is merely still open.

A *problem* means the books do not balance: entries that do not sum to zero, value on cards that
no desk booked, a card whose own counter (SPEC §2.2) says something else than the rides in the
books, records that are gone. *Open* is what is known to be missing and may still come: intents
that the card's next sighting will settle, rides a card shows but no device has reported yet, torn
records. *Findings* are traces of clones, rolled-back cards and devices that contradict themselves.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, case, func, select

from host_tools.ledger import schema
from host_tools.ledger.posting import CASH, FLOAT, SALES, UNBOOKED
from host_tools.ledger.settle import COMMITTED, UNRESOLVED
from host_tools.ledger.store import Ledger

_FINDING_TEXTS = {
    "two_tags": "card number {} was held by two different transactions: a clone, or a card that"
    " was rolled back",
    "counter_backwards": "record {} shows a card's counter lower than the same device saw before:"
    " a clone, or a card that was rolled back",
    "announced_twice": "transaction {} was announced by more than one device: its"
    " confirmation was torn off; charged once",
    "charge_conflict": "records disagree on the charge of transaction {}; its intent is believed",
    "no_transaction": "record {} accepts a ride without a transaction on a card; not counted",
    "damaged_record": "record {} was whole once and is no longer: its flash fails, or somebody"
    " edited it; what it said is lost",
    "malformed": "record {} verifies but makes no sense; kept, not booked",
    "journal_fork": "journal {} was handed in again with other content; refused",
}


@dataclass(frozen=True)
class Line:
    """One thing reconcile has to say; `amount_minor` where it is about money."""

    kind: str
    text: str
    amount_minor: int | None = None


@dataclass
class Reconciliation:
    """What `reconcile` found. Amounts in minor units."""

    taps: int = 0
    revenue: int = 0
    sales: int = 0
    cash: int = 0
    unbooked: int = 0
    float_account: int = 0
    value_on_cards: int = 0
    in_transit: int = 0
    pending: int = 0
    problems: list[Line] = field(default_factory=list)
    open: list[Line] = field(default_factory=list)
    findings: list[Line] = field(default_factory=list)

    @property
    def balanced(self) -> bool:
        """Is there no problem?"""
        return not self.problems

    def verdict(self) -> str:
        """The last line of the report."""
        if self.balanced:
            return "books balance"
        more = f" (and {len(self.problems) - 1} more)" if len(self.problems) > 1 else ""
        return f"books do NOT balance: {self.problems[0].text}{more}"

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {"balanced": self.balanced, "verdict": self.verdict(), **asdict(self)}


def reconcile(ledger: Ledger) -> Reconciliation:
    """Check the whole ledger, as one state of it."""
    found = Reconciliation()
    with ledger.reading() as connection:
        damage = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if damage != "ok":
            found.problems.append(Line("damaged", f"the database file is damaged: {damage}"))
            return found
        _entries(ledger, connection, found)
        _rides(ledger, connection, found)
        _cards(ledger, connection, found)
        _float(ledger, connection, found)
        _journals(connection, found)
        _unresolved(ledger, connection, found)
        _findings(connection, found)
    return found


def _entries(ledger: Ledger, connection: Connection, found: Reconciliation) -> None:
    entries = schema.entries.c
    off = func.sum(entries.amount)
    for row in connection.execute(
        select(entries.posting, off.label("off")).group_by(entries.posting).having(off != 0)
    ):
        text = (
            f"the entries of posting {row.posting} do not sum to zero:"
            f" {ledger.amount_text(row.off)}"
        )
        found.problems.append(Line("posting", text, row.off))
    balances = {
        row[0]: row[1]
        for row in connection.execute(select(entries.account, off).group_by(entries.account))
    }
    if sum(balances.values()):
        total = sum(balances.values())
        text = f"all entries together do not sum to zero: {ledger.amount_text(total)}"
        found.problems.append(Line("entries", text, total))
    found.cash = balances.pop(CASH, 0)
    found.unbooked = balances.pop(UNBOOKED, 0)
    found.sales = -balances.pop(SALES, 0)
    found.float_account = -balances.pop(FLOAT, 0)
    found.revenue = -sum(balances.values())


def _rides(ledger: Ledger, connection: Connection, found: Reconciliation) -> None:
    table = schema.card_transactions.c
    row = connection.execute(
        select(func.count(), func.coalesce(func.sum(table.charge), 0)).where(
            table.status == COMMITTED
        )
    ).one()
    found.taps = row[0]
    if row[1] != found.revenue:
        text = (
            f"revenue accounts hold {ledger.amount_text(found.revenue)},"
            f" the rides sum to {ledger.amount_text(row[1])}"
        )
        found.problems.append(Line("revenue", text, found.revenue - row[1]))


def _per_card() -> Any:
    """Rides and money of each card by the books, beside the card's own counter."""
    cards, rides = schema.cards.c, schema.card_transactions.c
    booked = (
        select(
            rides.uid,
            func.count().label("rides"),
            func.sum(rides.charge).label("charged"),
        )
        .where(rides.status == COMMITTED)
        .group_by(rides.uid)
        .subquery()
    )
    charged = func.coalesce(booked.c.charged, 0)
    counted = func.coalesce(booked.c.rides, 0)
    spent = (cards.k - cards.card_seq) // 2
    return (
        select(
            cards.uid,
            cards.granted,
            cards.booked,
            cards.card_seq,
            spent.label("spent"),
            counted.label("rides"),
            charged.label("charged"),
        )
        .select_from(schema.cards.outerjoin(booked, booked.c.uid == cards.uid))
        .order_by(cards.uid)
    )


def _cards(ledger: Ledger, connection: Connection, found: Reconciliation) -> None:
    for card in connection.execute(_per_card()):
        found.value_on_cards += card.granted - card.spent
        if card.granted != card.booked:
            unbooked = card.granted - card.booked
            text = (
                f"card {card.uid} was granted {ledger.amount_text(card.granted)},"
                f" but desks booked {ledger.amount_text(card.booked)}"
            )
            found.problems.append(Line("unbooked", text, unbooked))
        if card.spent > card.granted:
            text = (
                f"card {card.uid} spent {ledger.amount_text(card.spent)}"
                f" of only {ledger.amount_text(card.granted)} granted"
            )
            found.problems.append(Line("overspent", text, card.spent - card.granted))
        _counter(ledger, card, found)


def _counter(ledger: Ledger, card: Any, found: Reconciliation) -> None:
    """The card's own counter against the rides in the books."""
    missing = card.card_seq - 1 - card.rides
    worth_minor = card.spent - card.charged
    if missing == 0 and worth_minor == 0:
        return
    if missing > 0 and worth_minor >= 0:
        text = (
            f"card {card.uid} shows {missing} transaction(s) worth"
            f" {ledger.amount_text(worth_minor)} that no device has reported yet"
        )
        found.open.append(Line("in_transit", text, worth_minor))
        found.in_transit += worth_minor
        return
    text = (
        f"card {card.uid} itself counts {card.card_seq - 1} transaction(s) and"
        f" {ledger.amount_text(card.spent)},"
        f" the books hold {card.rides} and {ledger.amount_text(card.charged)}"
    )
    found.problems.append(Line("counter", text, worth_minor))


def _float(ledger: Ledger, connection: Connection, found: Reconciliation) -> None:
    cards, rides = schema.cards.c, schema.card_transactions.c
    granted = connection.execute(select(func.coalesce(func.sum(cards.granted), 0))).scalar_one()
    charged = connection.execute(
        select(func.coalesce(func.sum(rides.charge), 0)).where(rides.status == COMMITTED)
    ).scalar_one()
    expected = granted - charged
    if expected != found.float_account:
        text = (
            f"the float account holds {ledger.amount_text(found.float_account)},"
            f" grants less rides come to {ledger.amount_text(expected)}"
        )
        found.problems.append(Line("float", text, found.float_account - expected))


def _journals(connection: Connection, found: Reconciliation) -> None:
    stored, journals = schema.records.c, schema.journals
    counts = (
        select(
            stored.device_id,
            stored.journal_id,
            func.count().label("count"),
            func.sum(case((stored.raw.is_(None), 1), else_=0)).label("torn"),
        )
        .group_by(stored.device_id, stored.journal_id)
        .subquery()
    )
    on = (counts.c.device_id == journals.c.device_id) & (
        counts.c.journal_id == journals.c.journal_id
    )
    rows = connection.execute(
        select(
            journals.c.device_id,
            journals.c.journal_id,
            journals.c.next_seq,
            func.coalesce(counts.c.count, 0).label("count"),
            func.coalesce(counts.c.torn, 0).label("torn"),
        ).select_from(journals.outerjoin(counts, on))
    )
    for row in rows.all():
        name = f"journal {row.journal_id} of device {row.device_id}"
        if row.count != row.next_seq:
            text = f"{name} has {row.next_seq} records, the ledger keeps {row.count} of them"
            found.problems.append(Line("gap", text))
        if row.torn:
            text = f"{name} has {row.torn} record(s) torn by a power cut"
            found.open.append(Line("torn", text))


def _unresolved(ledger: Ledger, connection: Connection, found: Reconciliation) -> None:
    rides = schema.card_transactions.c
    for row in connection.execute(
        select(rides.uid, rides.charge, rides.device_id, rides.journal_id, rides.seq)
        .where(rides.status == UNRESOLVED)
        .order_by(rides.time, rides.uid, rides.tag)
    ):
        text = (
            f"{ledger.amount_text(row.charge)} of card {row.uid} by record {row.seq} of device"
            f" {row.device_id}: the card's next sighting settles it"
        )
        found.open.append(Line("unresolved", text, row.charge))
        found.pending += row.charge


def _findings(connection: Connection, found: Reconciliation) -> None:
    table = schema.findings.c
    for row in connection.execute(
        select(table.kind, table.subject).order_by(table.kind, table.subject)
    ):
        found.findings.append(Line(row.kind, _FINDING_TEXTS[row.kind].format(row.subject)))
