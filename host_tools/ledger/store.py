"""The ledger: what devices, card desks, reports and the check of the books work with.

`position`, `commit`, `seen` and `device_keys` are what the sync server session asks for; a commit
is durable before it returns. Nothing here knows of ports or messages.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, Row, func, insert, select, update

from host_tools.errors import BadInput
from host_tools.ledger import database, schema
from host_tools.ledger.ingest import ingest, update_cards, write_postings
from host_tools.ledger.posting import Postings, post_sale
from host_tools.ledger.settle import COMMITTED
from host_tools.ledger.tariff_kept import take_tariff
from host_tools.tariff.tables import Tables
from protocol.compat import EPOCH_UNIX_S
from protocol.journal.chain import Chain

FLEET_KINDS = ("vehicle", "route", "stop")
NAMED_KINDS = (*FLEET_KINDS, "zone", "category", "product")
_NEW_LEDGER_TARIFF = "flat"


class BookedAlready(BadInput):
    """A desk has booked this card before."""


class DeviceKeys(Protocol):
    """Where the ledger learns the keys of a device; the key store is one."""

    def device_keys(self, device_id: str, journal_id: bytes) -> tuple[bytes, bytes] | None:
        """(seal key, journal key), or None for a device this agency does not have."""
        ...


@dataclass(frozen=True)
class Issue:
    """A card as a desk handed it out: uid in hex, money in minor units, time in Minik seconds."""

    uid: str
    serial: int
    medium: int
    granted_minor: int
    time: int
    grant_seq: int = 1
    tag: str = ""  # of the state at issue, hex; empty: not known
    products_minor: int = 0  # what the passes and rides on it were sold for


def minik_now() -> int:
    """Seconds since 2020-01-01T00:00:00Z by this computer's clock."""
    return int(time.time()) - EPOCH_UNIX_S


class Ledger:
    """One ledger database. Made by `open_ledger`; errors a user can cause come as BadInput."""

    def __init__(
        self,
        engine: Engine,
        where: str,
        keys: DeviceKeys | None,
        clock: Callable[[], int],
    ) -> None:
        self._engine = engine
        self._writer = database.writer(engine)
        self._keys = keys
        self._clock = clock
        self.where = where
        meta = database.read_meta(engine)
        self.currency = meta["currency"]
        self.exponent = int(meta["exponent"])

    def close(self) -> None:
        """Give the database back."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the ledger and changes nothing."""
        with database.plainly(self.where), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction that holds the write lock; durable when the block is left."""
        with database.plainly(self.where), self._writer.begin() as connection:
            yield connection

    # -- devices -----------------------------------------------------------------------------

    def device_keys(self, device_id: str, journal_id: bytes) -> tuple[bytes, bytes] | None:
        """(seal key, journal key) of a device of this agency, else None."""
        return self._keys.device_keys(device_id, bytes(journal_id)) if self._keys else None

    def position(self, device_id: str, journal_id: bytes) -> tuple[int, bytes]:
        """(next journal seq wanted, MAC of the last good record before it)."""
        with self.reading() as connection:
            journal = _journal(connection, device_id, bytes(journal_id).hex())
        if journal is None:
            return 0, self._start_mac(device_id, journal_id)
        return journal.next_seq, bytes(journal.last_mac)

    def commit(
        self, device_id: str, journal_id: bytes, first_seq: int, batch: Sequence[bytes | None]
    ) -> tuple[int, bytes]:
        """Store records whose chain was verified; durable before it returns.

        `batch` holds 64-byte records, None for a torn slot. Returns the position afterwards, as
        `position`. Records that are there already are skipped, so repeating is harmless. A batch
        that starts beyond the position is refused as a whole: nothing of it is stored and the
        position comes back unchanged. So is one that contradicts what is stored (a finding).
        """
        known_as = bytes(journal_id).hex()
        kept = [None if record is None else bytes(record) for record in batch]
        with self.writing() as connection:
            journal = _journal(connection, device_id, known_as)
            start = b"" if journal else self._start_mac(device_id, journal_id)
            return ingest(connection, journal, device_id, known_as, first_seq, kept, start)

    def seen(self, device_id: str, hello: Mapping[str, Any]) -> None:
        """A device has proved itself: remember when, and what it said."""
        said = json.dumps(hello, default=lambda value: bytes(value).hex(), sort_keys=True)
        row = {"last_seen": self._clock(), "hello": said}
        table = schema.devices
        with self.writing() as connection:
            known = connection.execute(
                update(table).where(table.c.device_id == device_id).values(row)
            )
            if known.rowcount == 0:
                connection.execute(insert(table).values(device_id=device_id, **row))

    def _start_mac(self, device_id: str, journal_id: bytes) -> bytes:
        keys = self.device_keys(device_id, journal_id)
        if keys is None:
            raise BadInput(f"the key store has no device {device_id!r} with this journal")
        return Chain(keys[1], bytes(journal_id)).start()

    # -- cards and fleet ---------------------------------------------------------------------

    def issue(self, issue: Issue) -> None:
        """Book a card a desk was paid for: debit cash, credit float and sales.

        BadInput if it is booked.
        """
        with self.booking(issue.uid) as book:
            book(issue)

    @contextmanager
    def booking(self, uid: str) -> Iterator[Callable[[Issue], None]]:
        """Hold the write lock while a desk sells the card `uid`; call what comes with the sale.

        BadInput before the block begins if the card is booked already or the ledger can't be
        written now; when the block is left the booking is durable. Without a call, or when the
        block raises, nothing is booked.
        """
        with self.writing() as connection:
            _check_not_booked(connection, uid)
            yield lambda issue: _book(connection, issue)

    def register(self, kind: str, code: int, name: str) -> None:
        """Say what a code of the fleet registry stands for; the latest name wins.

        `kind` is vehicle, or, with a tariff that has none of its own, route or stop.
        """
        if kind not in FLEET_KINDS:
            raise BadInput(f"{kind!r} is none of {', '.join(FLEET_KINDS)}")
        table = schema.fleet
        with self.writing() as connection:
            known = connection.execute(
                update(table).where(table.c.kind == kind, table.c.code == code).values(name=name)
            )
            if known.rowcount == 0:
                connection.execute(insert(table).values(kind=kind, code=code, name=name))

    def take_tariff(self, tariff: Tables) -> None:
        """A tariff is at hand: register what it names; a newer one's calendar holds from here.

        BadInput, and nothing changed, if its currency is another or a code changes its meaning.
        """
        with self.writing() as connection:
            take_tariff(connection, self.where, tariff)

    def names(self, kind: str) -> dict[int, str]:
        """Code → id for one of NAMED_KINDS."""
        table = schema.fleet.c
        with self.reading() as connection:
            rows = connection.execute(select(table.code, table.name).where(table.kind == kind))
            return {row.code: row.name for row in rows}

    def amount_text(self, amount_minor: int) -> str:
        """An amount for people: 12345 of exponent 2 is "123.45 KZT"."""
        return f"{decimal_amount(amount_minor, self.exponent)} {self.currency}"

    # -- figures -----------------------------------------------------------------------------

    def totals(self) -> tuple[int, int]:
        """(committed card transactions, sum of their charges in minor units)."""
        table = schema.card_transactions.c
        with self.reading() as connection:
            row = connection.execute(
                select(func.count(), func.coalesce(func.sum(table.charge), 0)).where(
                    table.status == COMMITTED
                )
            ).one()
        return row[0], row[1]


def open_ledger(
    url: str,
    *,
    keys: DeviceKeys | None = None,
    create: bool = True,
    tariff: Tables | None = None,
    clock: Callable[[], int] = minik_now,
    lock_wait_s: float = database.LOCK_WAIT_S,
) -> Ledger:
    """Open the ledger at `url` (sqlite:///FILE, or a bare path); lay it out if it is new.

    `create=False` demands that it exists. A new ledger takes its currency, its calendar and the
    names of codes from `tariff` (None: the built-in `flat`); one that exists takes what is new.
    BadInput for a URL, file or version this program can't use, or a tariff that does not fit.
    """
    parsed = database.parse_url(url)
    openable = parsed if create else database.for_reading(parsed)
    engine = database.open_engine(openable, lock_wait_s)
    database.prepare(engine, parsed, create, lambda: tariff or _usual_tariff())
    ledger = Ledger(engine, database.shown(parsed), keys, clock)
    if tariff is not None:
        try:
            ledger.take_tariff(tariff)
        except BadInput:
            ledger.close()
            raise
    return ledger


def _usual_tariff() -> Tables:
    from host_tools.tariff.load import load_tariff  # the compiler, for new ledgers only

    return load_tariff(_NEW_LEDGER_TARIFF).tables


def decimal_amount(amount_minor: int, exponent: int) -> str:
    """12345 of exponent 2 is "123.45"; integers all the way."""
    sign = "-" if amount_minor < 0 else ""
    if exponent == 0:
        return f"{sign}{abs(amount_minor)}"
    whole, part = divmod(abs(amount_minor), 10**exponent)
    return f"{sign}{whole}.{part:0{exponent}d}"


def _journal(connection: Connection, device_id: str, journal_id: str) -> Row | None:
    table = schema.journals
    return connection.execute(
        select(table)
        .where(table.c.device_id == device_id, table.c.journal_id == journal_id)
        .with_for_update()
    ).first()


def _book(connection: Connection, issue: Issue) -> None:
    state = (1, 1, issue.tag or "00000000")
    grant = (issue.grant_seq, issue.granted_minor)
    update_cards(
        connection,
        {issue.uid: [(issue.medium, issue.time, state, grant)]},
        {issue.uid: (str(issue.serial), issue.granted_minor)},
    )
    postings = Postings()
    post_sale(postings, issue.uid, issue.time, issue.products_minor)
    write_postings(connection, postings)


def _check_not_booked(connection: Connection, uid: str) -> None:
    cards = schema.cards.c
    booked = connection.execute(
        select(cards.serial).where(cards.uid == uid, cards.serial.is_not(None))
    ).first()
    if booked:
        raise BookedAlready(f"card {uid} is booked already (serial {booked.serial})")
