"""What the ledger knows about the card numbers a batch touches, fetched in three look-ups.

The numbers go into a temporary table of the connection, so the text of the look-ups never
changes, however long the batch.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Row,
    Select,
    String,
    Table,
    delete,
    insert,
    select,
    tuple_,
)

from host_tools.ledger import schema
from host_tools.ledger.settle import Intent, Tap

CardNumber = tuple[str, int]  # uid, card_seq

_batch_numbers = Table(
    "batch_numbers",
    MetaData(),
    Column("uid", String(14), nullable=False),
    Column("card_seq", Integer, nullable=False),
    Column("touched", Boolean, nullable=False),  # False: a neighbour of a touched number
    PrimaryKeyConstraint("uid", "card_seq"),
    prefixes=["TEMPORARY"],
)


def _of_batch(table: Table, names: Iterable[str], neighbours: bool) -> Select:
    """Rows of `table` by its index on (uid, card_seq). A join would do as well, but its planner
    may walk through the whole table, whose size it does not know."""
    wanted = select(_batch_numbers.c.uid, _batch_numbers.c.card_seq)
    if not neighbours:
        wanted = wanted.where(_batch_numbers.c.touched)
    return select(*[table.c[name] for name in names]).where(
        tuple_(table.c.uid, table.c.card_seq).in_(wanted)
    )


_INTENTS = _of_batch(schema.intents, Intent._fields, True)
_TAPS = _of_batch(schema.taps, Tap._fields, True)
_TRANSACTIONS = _of_batch(
    schema.card_transactions, [column.name for column in schema.card_transactions.columns], False
)


@dataclass
class Facts:
    """Records by card number, and the stored card transactions by (uid, card_seq, tag)."""

    intents: dict[CardNumber, list[Intent]] = field(default_factory=dict)
    taps: dict[CardNumber, list[Tap]] = field(default_factory=dict)
    transactions: dict[tuple[str, int, str], dict[str, Any]] = field(default_factory=dict)


def fetch(connection: Connection, numbers: set[CardNumber]) -> Facts:
    """All records of these card numbers and their neighbours, and their transactions."""
    _batch_numbers.create(connection, checkfirst=True)
    connection.execute(delete(_batch_numbers))
    wide = {(uid, number + step) for uid, number in numbers for step in (-1, 0, 1)}
    found = Facts()
    if not wide:
        return found
    connection.execute(
        insert(_batch_numbers),
        [
            {"uid": uid, "card_seq": number, "touched": (uid, number) in numbers}
            for uid, number in sorted(wide)
        ],
    )
    for row in connection.execute(_INTENTS):
        intent = Intent._make(row)
        found.intents.setdefault((intent.uid, intent.card_seq), []).append(intent)
    for row in connection.execute(_TAPS):
        tap = Tap._make(row)
        found.taps.setdefault((tap.uid, tap.card_seq), []).append(tap)
    stored: Row
    for stored in connection.execute(_TRANSACTIONS):
        found.transactions[stored.uid, stored.card_seq, stored.tag] = dict(stored._mapping)
    return found
