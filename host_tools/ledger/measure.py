"""How fast the ledger takes records in, beside plain executemany of the very same rows.

For `make bench`; never a timed unit test. Both sides write a file with full syncing. What plain
executemany leaves out is everything the ledger is for: decoding, settling and posting.
"""

import sqlite3
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import select

from host_tools.ledger import schema
from host_tools.ledger.store import Ledger, open_ledger
from protocol import outcomes
from protocol.journal import records

_DEVICE = "BENCH"
_JOURNAL = b"\x00\x00\x00\x01"
_CARDS = 500
_CHARGE = 10000
_START = 200_000_000
_RIDE_TABLES = (
    schema.records,
    schema.intents,
    schema.taps,
    schema.card_transactions,
    schema.cards,
    schema.postings,
    schema.entries,
)


class IngestFigures(NamedTuple):
    """Journal records a second."""

    ours_rows_s: float
    executemany_rows_s: float


class _Keys:
    def device_keys(self, device_id: str, journal_id: bytes) -> tuple[bytes, bytes] | None:
        return bytes(16), bytes(32)


def ride_records(count: int) -> list[bytes]:
    """`count` journal records of a busy validator: one PLACE, then INTENT and OUTCOME by turns."""
    journal = [_record(0, records.PLACE, {"vehicle": 1, "route": 5, "stop": 1})]
    tags = [bytes((1, 0, 0, 0))] * _CARDS
    for ride in range((count - 1) // 2):
        card, round_number = ride % _CARDS, ride // _CARDS
        card_seq = round_number + 2
        k = 2 * _CHARGE * (round_number + 1) + card_seq
        before, tags[card] = tags[card], (ride + 2).to_bytes(4, "little")
        shared = {
            "medium": 1, "uid_length": 4, "uid": (card + 1).to_bytes(4, "big"), "product": 1,
            "riders": 1, "card_seq": card_seq, "charge": _CHARGE, "k": k,
            "granted": 1_000_000_000, "grant_seq": 1,
        }  # fmt: skip
        intent_seq = len(journal)
        intent = {**shared, "tag_before": before, "tag_after": tags[card]}
        journal.append(_record(intent_seq, records.INTENT, intent))
        outcome = {
            **shared,
            "tag": tags[card],
            "intent_seq": intent_seq,
            "outcome": outcomes.ACCEPTED,
        }
        journal.append(_record(intent_seq + 1, records.OUTCOME, outcome))
    return journal


def _record(seq: int, kind: int, fields: dict) -> bytes:
    record = bytearray(records.RECORD_BYTES)
    records.pack_header(record, seq, kind, 1, 1, _START + seq, seq)
    body = bytearray(records.BODY_BYTES)
    records.pack_body(kind, body, fields)
    record[records.BODY_OFFSET : records.MAC_OFFSET] = body
    return bytes(record)


def ingest_benchmark(rows: int, batch: int = 64) -> IngestFigures:
    """Ingest `rows` records in batches of `batch` (one commit each, as the sync session does).

    The other figure is one executemany a table of all the rows that ingesting made, cut into
    as many commits.
    """
    journal = ride_records(rows)
    with tempfile.TemporaryDirectory(prefix="minik-ingest-") as folder:
        ledger = open_ledger(f"sqlite:///{Path(folder) / 'ours.db'}", keys=_Keys())
        started = time.perf_counter()
        for start in range(0, len(journal), batch):
            ledger.commit(_DEVICE, _JOURNAL, start, journal[start : start + batch])
        ours_s = time.perf_counter() - started
        made = _rows_made(ledger)
        ledger.close()
        plain = Path(folder) / "plain.db"
        open_ledger(f"sqlite:///{plain}").close()
        plain_s = _executemany_s(plain, made, commits=-(-len(journal) // batch))
    return IngestFigures(len(journal) / ours_s, len(journal) / plain_s)


def _rows_made(ledger: Ledger) -> dict[str, list[tuple]]:
    with ledger.reading() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table))]
            for table in _RIDE_TABLES
        }


def _executemany_s(path: Path, made: dict[str, list[tuple]], commits: int) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous=FULL")
    started = time.perf_counter()
    for turn in range(commits):
        connection.execute("BEGIN IMMEDIATE")
        for name, rows in made.items():
            part = rows[len(rows) * turn // commits : len(rows) * (turn + 1) // commits]
            if part:
                marks = ", ".join("?" * len(part[0]))
                connection.executemany(f"INSERT INTO {name} VALUES ({marks})", part)
        connection.execute("COMMIT")
    taken = time.perf_counter() - started
    connection.close()
    return taken
