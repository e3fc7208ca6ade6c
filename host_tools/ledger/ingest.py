"""Journal records into the ledger: one call of `ingest` is one database transaction.

Rows go in by bulk inserts and what is needed back comes by a few look-ups a batch, never by one a
row. After the records are in, every card number they speak about is settled anew
(`host_tools.ledger.settle`) and the difference is posted (`host_tools.ledger.posting`).
"""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Table, bindparam, func, insert, select, tuple_, update

from host_tools.ledger import schema
from host_tools.ledger.decode import NO_TAG, Decoded, Place, decode
from host_tools.ledger.facts import CardNumber, Facts, fetch
from host_tools.ledger.posting import Postings, account_row, post_grants, post_ride
from host_tools.ledger.settle import COMMITTED, Settled, Verdict, settle
from host_tools.ledger.tariff_kept import calendar_of
from protocol.journal import records

_LOOKUP_MAX = 400  # keys in one look-up, well below SQLite's limit on variables
_ABOUT_THE_RECORD = records.FLAG_RECOVERED | records.FLAG_UNRESOLVED  # not about the ride
_Item = TypeVar("_Item")


def ingest(
    connection: Connection,
    journal: Row | None,
    device_id: str,
    journal_id: str,
    first_seq: int,
    batch: Sequence[bytes | None],
    start_mac: bytes,
) -> tuple[int, bytes]:
    """Store `batch` at the end of its journal and post what follows from it.

    `journal` is the locked row of `journals` (None: a new journal, whose chain starts with
    `start_mac`). Returns (next seq, MAC of the last good record). What was stored before is
    skipped; a batch that leaves a gap or contradicts what is stored changes nothing.
    """
    next_seq = journal.next_seq if journal else 0
    last_mac = bytes(journal.last_mac) if journal else start_mac
    known = next_seq - first_seq
    if known < 0:
        return next_seq, last_mac
    overlap = [record or None for record in batch[:known]]
    if overlap and overlap != _stored(connection, device_id, journal_id, first_seq, len(overlap)):
        insert_missing(
            connection,
            schema.findings,
            [{"kind": "journal_fork", "subject": f"{device_id}/{journal_id}/{first_seq}"}],
        )
        return next_seq, last_mac
    fresh = batch[known:]
    if not fresh:
        return next_seq, last_mac
    place = Place(journal.vehicle, journal.route, journal.stop) if journal else Place()
    day_of = calendar_of(connection).service_day
    decoded = decode(device_id, journal_id, next_seq, fresh, place, day_of)
    for record in fresh:
        last_mac = record[-8:] if record else last_mac
    _insert_records(connection, decoded)
    findings = decoded.findings + _backwards(connection, decoded)
    numbers = _touched(decoded)
    findings += settle_numbers(connection, numbers)
    _shadow(connection, decoded)
    insert_missing(
        connection,
        schema.findings,
        [{"kind": kind, "subject": subject} for kind, subject in findings],
    )
    _advance(connection, journal is None, device_id, journal_id, decoded, last_mac)
    return next_seq + len(fresh), last_mac


def _stored(
    connection: Connection, device_id: str, journal_id: str, first_seq: int, count: int
) -> list[bytes | None]:
    table = schema.records.c
    rows = connection.execute(
        select(table.raw)
        .where(table.device_id == device_id, table.journal_id == journal_id)
        .where(table.seq >= first_seq, table.seq < first_seq + count)
        .order_by(table.seq)
    )
    return [None if row.raw is None else bytes(row.raw) for row in rows]


def _insert_records(connection: Connection, decoded: Decoded) -> None:
    bulk(connection, schema.records, [record._asdict() for record in decoded.records])
    bulk(connection, schema.intents, [intent._asdict() for intent in decoded.intents])
    bulk(connection, schema.taps, [tap._asdict() for tap in decoded.taps])


def bulk(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert `rows` in one executemany."""
    if rows:
        connection.execute(insert(table), rows)


def insert_missing(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Insert those of `rows` whose primary key is not there yet; meant for few rows."""
    columns = [column.name for column in table.primary_key.columns]
    wanted = {tuple(row[name] for name in columns): row for row in rows}
    for part in chunks(list(wanted)):
        keys = tuple_(*table.primary_key.columns)
        for found in connection.execute(select(*table.primary_key.columns).where(keys.in_(part))):
            del wanted[tuple(found)]
    bulk(connection, table, list(wanted.values()))


def chunks(items: Sequence[_Item]) -> Iterable[Sequence[_Item]]:
    """`items` in pieces that fit one look-up."""
    for start in range(0, len(items), _LOOKUP_MAX):
        yield items[start : start + _LOOKUP_MAX]


def _advance(
    connection: Connection,
    new: bool,
    device_id: str,
    journal_id: str,
    decoded: Decoded,
    last_mac: bytes,
) -> None:
    row = {
        "device_id": device_id,
        "journal_id": journal_id,
        "next_seq": decoded.records[-1].seq + 1,
        "last_mac": last_mac,
        **decoded.place._asdict(),
    }
    if new:
        connection.execute(insert(schema.journals), row)
        return
    table = schema.journals
    connection.execute(
        update(table)
        .where(table.c.device_id == device_id, table.c.journal_id == journal_id)
        .values(row)
    )


# -- counters that go backwards --------------------------------------------------------------


def _backwards(connection: Connection, decoded: Decoded) -> list[tuple[str, str]]:
    """Findings where one journal shows a card's counter lower than it showed before."""
    sightings = [tap for tap in decoded.taps if tap.sighting]
    lowest: dict[str, int] = {}
    for tap in sightings:
        lowest[tap.uid] = min(tap.k, lowest.get(tap.uid, tap.k))
    highest = _highest_before(connection, decoded, lowest)
    findings = []
    for tap in sightings:
        if tap.k < highest.get(tap.uid, 0):
            subject = f"{tap.device_id}/{tap.journal_id}/{tap.seq}"
            findings.append(("counter_backwards", subject))
        highest[tap.uid] = max(tap.k, highest.get(tap.uid, 0))
    return findings


def _highest_before(
    connection: Connection, decoded: Decoded, lowest: dict[str, int]
) -> dict[str, int]:
    """Highest counter the same journal showed before, for the few cards that went back."""
    cards = schema.cards.c
    suspects: list[str] = []
    for part in chunks(list(lowest)):
        rows = connection.execute(select(cards.uid, cards.k).where(cards.uid.in_(part)))
        suspects += [row.uid for row in rows if row.k > lowest[row.uid]]
    highest: dict[str, int] = {}
    first = decoded.records[0]
    taps = schema.taps.c
    for part in chunks(suspects):
        rows = connection.execute(
            select(taps.uid, func.max(taps.k))
            .where(taps.uid.in_(part), taps.sighting)
            .where(taps.device_id == first.device_id, taps.journal_id == first.journal_id)
            .where(taps.seq < first.seq)
            .group_by(taps.uid)
        )
        highest.update({row[0]: row[1] for row in rows})
    return highest


# -- settling ------------------------------------------------------------------------------


def _touched(decoded: Decoded) -> set[CardNumber]:
    """The card numbers these records can say something new about."""
    numbers = set()
    for intent in decoded.intents:
        numbers.add((intent.uid, intent.card_seq))
        numbers.add((intent.uid, intent.card_seq - 1))
    for tap in decoded.taps:
        if tap.uid and tap.card_seq:
            numbers.add((tap.uid, tap.card_seq))
            numbers.add((tap.uid, tap.card_seq + 1))
    return numbers


def settle_numbers(connection: Connection, numbers: set[CardNumber]) -> list[tuple[str, str]]:
    """Settle these card numbers from all that is known, post the difference; the findings."""
    facts = fetch(connection, numbers)
    findings: list[tuple[str, str]] = []
    verdicts: list[Verdict] = []
    for uid, number in sorted(numbers):
        found: Settled = settle(
            uid,
            number,
            facts.intents.get((uid, number), ()),
            facts.taps.get((uid, number), ()),
            facts.intents.get((uid, number + 1), ()),
            facts.taps.get((uid, number - 1), ()),
        )
        findings += found.findings
        verdicts += found.verdicts
    _record_verdicts(connection, facts, verdicts)
    return findings


def _names(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns)


def _record_verdicts(connection: Connection, facts: Facts, verdicts: Iterable[Verdict]) -> None:
    table = schema.card_transactions
    new, changed = [], []
    postings = Postings()
    for verdict in verdicts:
        before = facts.transactions.get((verdict.uid, verdict.card_seq, verdict.tag))
        row = _transaction_row(verdict, before)
        if row["status"] == COMMITTED:
            post_ride(postings, row)
        if before is None:
            new.append(row)
        elif row != before:
            changed.append(row)
    bulk(connection, table, new)
    if changed:
        _update(connection, table, ("uid", "card_seq", "tag"), changed)
    write_postings(connection, postings)


def _transaction_row(verdict: Verdict, before: dict[str, Any] | None) -> dict[str, Any]:
    source = verdict.source
    settled = verdict.settled_by or (None, None, None)
    return {
        "uid": verdict.uid,
        "tag": verdict.tag,
        "card_seq": verdict.card_seq,
        "status": verdict.status,
        "charge": source.charge,
        "k": source.k,
        "announced": verdict.announced,
        "time": source.time,
        "day": source.day,
        "product": source.product,
        "rider_category": source.rider_category,
        "riders": source.riders,
        "companions": source.companions,
        "flags": source.flags & ~_ABOUT_THE_RECORD,
        "vehicle": source.vehicle,
        "route": source.route,
        "stop": source.stop,
        "device_id": source.device_id,
        "journal_id": source.journal_id,
        "seq": source.seq,
        "settled_device": settled[0],
        "settled_journal": settled[1],
        "settled_seq": settled[2],
        "posted_charge": before["posted_charge"] if before else 0,
        "posted_route": before["posted_route"] if before else None,
        "posted_times": before["posted_times"] if before else 0,
    }


def _update(
    connection: Connection, table: Table, key: tuple[str, ...], rows: list[dict[str, Any]]
) -> None:
    statement = update(table).values(
        {name: bindparam(name) for name in _names(table) if name not in key}
    )
    for name in key:
        statement = statement.where(table.c[name] == bindparam(f"key_{name}"))
    connection.execute(
        statement, [{**row, **{f"key_{name}": row[name] for name in key}} for row in rows]
    )


def write_postings(connection: Connection, postings: Postings) -> None:
    """Insert what was gathered, and the accounts that are new."""
    insert_missing(
        connection, schema.accounts, [account_row(name) for name in sorted(postings.accounts())]
    )
    bulk(connection, schema.postings, postings.postings)
    bulk(connection, schema.entries, postings.entries)


# -- the shadow of each card ---------------------------------------------------------------


def _shadow(connection: Connection, decoded: Decoded) -> None:
    """Bring `cards` to the newest state and grant these records show."""
    sightings: dict[str, list[Sighting]] = {}
    for tap in decoded.taps:
        if tap.sighting:
            state = (tap.card_seq, tap.k, tap.tag)
            grant = (tap.grant_seq, tap.granted)
            sightings.setdefault(tap.uid, []).append((tap.medium, tap.time, state, grant))
    for intent in decoded.intents:
        before = (intent.card_seq - 1, intent.k - 2 * intent.charge - 1, intent.tag_before)
        grant = (intent.grant_seq, intent.granted)
        sightings.setdefault(intent.uid, []).append((intent.medium, intent.time, before, grant))
    update_cards(connection, sightings)


Sighting = tuple[int, int, tuple[int, int, str], tuple[int, int]]  # medium, time, state, grant


def update_cards(
    connection: Connection,
    sightings: dict[str, list[Sighting]],
    booked: dict[str, tuple[str, int]] | None = None,
) -> None:
    """Merge sightings, and (serial, amount) that a desk booked, into `cards`; post the grants."""
    table = schema.cards
    stored: dict[str, dict[str, Any]] = {}
    for part in chunks(list(sightings)):
        for row in connection.execute(select(table).where(table.c.uid.in_(part))):
            stored[row.uid] = dict(row._mapping)
    new, changed = [], []
    postings = Postings()
    for uid, seen in sightings.items():
        before = stored.get(uid)
        card = dict(before) if before else _blank_card(uid)
        for sighting in seen:
            _merge(card, sighting)
        if booked and uid in booked:
            card["serial"], amount = booked[uid]
            card["booked"] += amount
        post_grants(postings, card)
        if before is None:
            new.append(card)
        elif card != before:
            changed.append(card)
    bulk(connection, table, new)
    if changed:
        _update(connection, table, ("uid",), changed)
    write_postings(connection, postings)


def _blank_card(uid: str) -> dict[str, Any]:
    card: dict[str, Any] = dict.fromkeys(_names(schema.cards), 0)
    return {**card, "uid": uid, "serial": None, "tag": NO_TAG}


def _merge(card: dict[str, Any], sighting: Sighting) -> None:
    """The largest state and the newest grant win, so that order does not matter."""
    medium, time, state, grant = sighting
    card["medium"] = max(card["medium"], medium)
    card["seen"] = max(card["seen"], time)
    if state > (card["card_seq"], card["k"], card["tag"]):
        card["card_seq"], card["k"], card["tag"] = state
    if grant > (card["grant_seq"], card["granted"]):
        card["grant_seq"], card["granted"] = grant
