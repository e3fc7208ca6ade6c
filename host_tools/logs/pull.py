"""Read a device's journal over its serial line into a dump file; acknowledges nothing.

`protocol.sync.server.PullSession` does the talking, sealed with the device's own keys; here are
the port, the clock and the waiting. Repeating it is harmless: the device keeps every record.
"""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import serial

from host_tools.errors import BadInput, NoAnswer
from host_tools.keys.aes import Aes
from host_tools.keys.store import KeyStore
from host_tools.ledger.store import minik_now
from host_tools.logs.dump import DumpHeader, write_dump
from host_tools.server.serial_line import open_port
from protocol.journal.records import MAC_OFFSET, RECORD_BYTES
from protocol.sync.server import PullSession

SESSION_RANDOM_BYTES = 8
_ANCHOR_SLOTS = 8
_KNOCK_S = 3.0
_TICK_S = 1.0
_TORN_SLOT = bytes(RECORD_BYTES)  # what a dump shows where the journal has a torn slot

Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Pulled:
    """What came: `records` are (journal seq, 64 bytes or None for a torn slot) in order."""

    device_id: str
    journal_id: bytes
    head: int
    records: list[tuple[int, bytes | None]]


def pull(path: str, store: KeyStore, first_seq: int, wait_s: float, told: Told) -> Pulled:
    """Everything from `first_seq` to the head; NoAnswer if nothing moves for `wait_s` seconds.

    A few records before `first_seq` come along: the last good one of them anchors the chain.
    `told(records so far, records in all)` is called as they come.
    """
    session = PullSession(
        store, Aes, lambda: secrets.token_bytes(SESSION_RANDOM_BYTES),
        max(0, first_seq - _ANCHOR_SLOTS),
    )
    port = open_port(path)
    try:
        _talk(port, session, wait_s, told)
    except (serial.SerialException, OSError) as error:
        raise NoAnswer(f"{path}: the port went away") from error
    finally:
        port.close()
    if not session.done or session.head is None:
        raise NoAnswer(f"{path}: no device of this agency answered for {wait_s:g} s")
    return Pulled(session.device_id, session.journal_id, session.head, session.records)


def _talk(port: serial.Serial, session: PullSession, wait_s: float, told: Told) -> None:
    """Run the session until it is done or nothing has come for `wait_s` seconds."""
    moved_at = time.monotonic()
    knock_at = tick_at = moved_at
    while not session.done and time.monotonic() - moved_at < wait_s:
        if session.device_id is None and time.monotonic() >= knock_at:
            session.knock()
            knock_at += _KNOCK_S
        if time.monotonic() >= tick_at:
            session.tick(minik_now())
            tick_at += _TICK_S
        before = len(session.records)
        received = port.read(max(1, port.in_waiting))
        if received:
            session.feed(received, minik_now())
        while (frame := session.outgoing()) is not None:
            port.write(frame)
        if len(session.records) != before:
            moved_at = time.monotonic()
            told(session.records[-1][0] + 1 - session.records[0][0],
                 session.head - session.records[0][0])
    while (frame := session.outgoing()) is not None:
        port.write(frame)


def write_pulled(path: Path, pulled: Pulled, first_seq: int) -> DumpHeader:
    """Write the dump, whole or not at all; records before `first_seq` only anchor the chain.

    BadInput if the device holds nothing from `first_seq` on.
    """
    kept = [(seq, record) for seq, record in pulled.records if seq >= first_seq]
    if not kept:
        raise BadInput(
            f"{pulled.device_id}: no record from {first_seq} on; its head is {pulled.head}"
        )
    anchors = [record for seq, record in pulled.records if seq < first_seq and record is not None]
    header = DumpHeader(
        device_id=pulled.device_id,
        journal_id=pulled.journal_id,
        first_seq=kept[0][0],
        count=len(kept),
        previous_mac=anchors[-1][MAC_OFFSET:] if anchors else None,
        head=pulled.head,
    )
    write_dump(path, header, (record or _TORN_SLOT for _, record in kept))
    return header
