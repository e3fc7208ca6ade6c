"""The tables of the ledger and their version, for any database SQLAlchemy reaches.

Money is whole minor units of the currency in `ledger_meta`; times are Minik seconds (SPEC §1);
uids, tags and journal ids are lower-case hex. What each table is for: docs/ledger.md.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
)

SCHEMA_VERSION = 2

metadata = MetaData()


def _table(name: str, *parts: Column | PrimaryKeyConstraint | Index) -> Table:
    return Table(name, metadata, *parts, sqlite_with_rowid=False)


def _record_key() -> tuple[Column, Column, Column]:
    return (
        Column("device_id", String(16), nullable=False),
        Column("journal_id", String(8), nullable=False),
        Column("seq", BigInteger, nullable=False),
    )


def _place() -> tuple[Column, Column, Column]:
    return (
        Column("vehicle", Integer, nullable=False, default=0),
        Column("route", Integer, nullable=False, default=0),
        Column("stop", Integer, nullable=False, default=0),
    )


def _when() -> tuple[Column, Column]:
    """The time, and the service day by the calendar when the record came in."""
    return (
        Column("time", BigInteger, nullable=False),
        Column("day", BigInteger, nullable=False),
    )


def _companions() -> Column:
    """Who rides along with the card's holder: two pairs of category and count (SPEC §2.3.1)."""
    return Column("companions", Integer, nullable=False)


def _ride() -> tuple[Column, ...]:
    """What an INTENT and an OUTCOME both say about a ride."""
    return (
        Column("medium", Integer, nullable=False),
        Column("uid", String(14), nullable=False),
        Column("flags", Integer, nullable=False),
        Column("card_seq", Integer, nullable=False),
        Column("product", Integer, nullable=False),
        Column("rider_category", Integer, nullable=False),
        Column("riders", Integer, nullable=False),
        Column("charge", BigInteger, nullable=False),
        Column("k", BigInteger, nullable=False),
        Column("granted", BigInteger, nullable=False),
        Column("grant_seq", Integer, nullable=False),
    )


ledger_meta = _table(
    "ledger_meta",
    Column("name", String(32), primary_key=True),
    Column("value", String(64), nullable=False),
)

devices = _table(
    "devices",
    Column("device_id", String(16), primary_key=True),
    Column("last_seen", BigInteger),
    Column("hello", String(1024)),  # JSON of what it said last
)

journals = _table(
    "journals",
    Column("device_id", String(16), nullable=False),
    Column("journal_id", String(8), nullable=False),
    Column("next_seq", BigInteger, nullable=False),
    Column("last_mac", LargeBinary(8), nullable=False),
    *_place(),  # in force after the last record
    PrimaryKeyConstraint("device_id", "journal_id"),
)

records = _table(
    "records",
    *_record_key(),
    Column("kind", Integer),
    Column("time", BigInteger),
    Column("raw", LargeBinary(64)),  # null: torn
    PrimaryKeyConstraint("device_id", "journal_id", "seq"),
)

intents = _table(
    "intents",
    *_record_key(),
    *_when(),
    *_ride(),
    _companions(),
    Column("tag_before", String(8), nullable=False),
    Column("tag_after", String(8), nullable=False),
    *_place(),
    PrimaryKeyConstraint("device_id", "journal_id", "seq"),
    Index("intents_by_card", "uid", "card_seq"),
)

taps = _table(
    "taps",
    *_record_key(),
    *_when(),
    Column("clock_quality", Integer, nullable=False),
    *_ride(),
    Column("outcome", Integer, nullable=False),
    Column("reason", Integer, nullable=False),
    Column("tag", String(8), nullable=False),
    Column("intent_seq", BigInteger),
    Column("sighting", Boolean, nullable=False),  # k, tag and card_seq were read and verified
    *_place(),
    PrimaryKeyConstraint("device_id", "journal_id", "seq"),
    Index("taps_by_card", "uid", "card_seq"),
)

card_transactions = _table(
    "card_transactions",
    Column("uid", String(14), nullable=False),
    Column("tag", String(8), nullable=False),
    Column("card_seq", Integer, nullable=False),
    Column("status", Integer, nullable=False),  # settle.UNRESOLVED, VOID, COMMITTED
    Column("charge", BigInteger, nullable=False),
    Column("k", BigInteger, nullable=False),
    Column("announced", Integer, nullable=False),
    *_when(),
    Column("product", Integer, nullable=False),
    Column("rider_category", Integer, nullable=False),
    Column("riders", Integer, nullable=False),
    _companions(),
    Column("flags", Integer, nullable=False),
    *_place(),
    *_record_key(),  # of the record these fields come from
    Column("settled_device", String(16)),  # the record that settled it
    Column("settled_journal", String(8)),
    Column("settled_seq", BigInteger),
    Column("posted_charge", BigInteger, nullable=False),
    Column("posted_route", Integer),  # null: nothing posted yet
    Column("posted_times", Integer, nullable=False),
    PrimaryKeyConstraint("uid", "card_seq", "tag"),  # four bytes of tag alone may come again
    Index("card_transactions_by_status", "status", "time"),
)

cards = _table(
    "cards",
    Column("uid", String(14), primary_key=True),
    Column("serial", String(20)),
    Column("medium", Integer, nullable=False),
    Column("granted", BigInteger, nullable=False),  # newest grant known
    Column("grant_seq", Integer, nullable=False),
    Column("booked", BigInteger, nullable=False),  # what desks were paid for
    Column("k", BigInteger, nullable=False),
    Column("card_seq", Integer, nullable=False),
    Column("tag", String(8), nullable=False),
    Column("seen", BigInteger, nullable=False),  # latest record or issue that shows the card
    Column("posted_granted", BigInteger, nullable=False),
    Column("posted_booked", BigInteger, nullable=False),
    Column("posted_times", Integer, nullable=False),
)

fleet = _table(
    "fleet",
    Column("kind", String(8), nullable=False),
    Column("code", Integer, nullable=False),
    Column("name", String(255), nullable=False),
    PrimaryKeyConstraint("kind", "code"),
)

findings = _table(
    "findings",
    Column("kind", String(24), nullable=False),
    Column("subject", String(64), nullable=False),
    PrimaryKeyConstraint("kind", "subject"),
)

accounts = _table(
    "accounts",
    Column("account", String(24), primary_key=True),
    Column("class", String(10), nullable=False),  # asset, liability, income
    Column("title", String(80), nullable=False),
)

postings = _table(
    "postings",
    Column("posting", String(48), primary_key=True),
    Column("kind", String(8), nullable=False),
    Column("time", BigInteger, nullable=False),
)

entries = _table(
    "entries",
    Column("posting", String(48), nullable=False),
    Column("account", String(24), nullable=False),
    Column("amount", BigInteger, nullable=False),  # debit positive, credit negative
    PrimaryKeyConstraint("posting", "account"),
    Index("entries_by_account", "account", "amount"),
)
