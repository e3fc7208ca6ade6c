"""A board's UART and the line to what hangs on it: every byte takes its time in both directions.

Modelled: the ESP32 driver's 128-byte transmit FIFO and its buffers, a receive FIFO that shows its
bytes when 120 are in it or the line was quiet for ten symbols (the ESP-IDF's defaults), a full
receive buffer that loses bytes, and wrong baud rates, where the receiver samples the sender's
waveform with its own clock. 8N1 only. Left out: flow control, breaks.
"""

from __future__ import annotations

import os
import pty
import termios
import tty
from collections import deque
from contextlib import suppress
from typing import Protocol, runtime_checkable

SYMBOL_BITS = 10
TX_FIFO_BYTES = 128
RX_FIFO_FULL_BYTES = 120
RX_QUIET_SYMBOLS = 10
BAUD_TOLERANCE = 0.03


@runtime_checkable
class UartPeer(Protocol):
    """What hangs on a UART. `baud`: the rate it sends and listens at, None = whatever the board's.

    A peer may also have `power(on: bool, now_us: int)`, called when the board's supply comes or
    goes.
    """

    baud: int | None

    def feed(self, chunk: bytes, now_us: int, baud: int) -> None:
        """`chunk` has arrived whole at `now_us`, sent at `baud`."""

    def next_event_us(self) -> int | None:
        """When it next wants to run, bench time; None until it is fed."""

    def run(self, now_us: int) -> bytes:
        """Do what is due; the bytes it begins to send now."""


def line_us(count: int, baud: int) -> int:
    """Microseconds that `count` bytes take on the line, rounded up."""
    return -(-count * SYMBOL_BITS * 1_000_000 // baud)


def resample(chunk: bytes, sent_baud: int, heard_baud: int) -> bytes:
    """What a receiver at `heard_baud` makes of `chunk` sent without gaps at `sent_baud`."""
    if abs(sent_baud - heard_baud) <= BAUD_TOLERANCE * heard_baud:
        return chunk
    line = [1]
    for byte in chunk:
        line += [0, *(byte >> bit & 1 for bit in range(8)), 1]
    line.append(1)
    ratio = sent_baud / heard_baud  # sender's bits a receiver's bit

    def level(at: float) -> int:
        return line[int(at)] if at < len(line) else 1

    heard = bytearray()
    at = 0.0
    while at < len(line):
        if level(at):
            at = float(int(at) + 1)  # the next place the line can fall
            continue
        heard.append(sum(level(at + (bit + 1.5) * ratio) << bit for bit in range(8)))
        at += 9.5 * ratio
        while at < len(line) and not level(at):
            at += ratio  # a framing error: wait for the line to rise
    return bytes(heard)


class UartPort:
    """One UART of a board. Times are bench microseconds; the board calls `run` when due."""

    def __init__(self) -> None:
        self.peer: UartPeer | None = None
        self.bytes_sent = 0
        self.bytes_received = 0
        self.bytes_lost = 0
        self.reset()

    def attach(self, peer: UartPeer) -> None:
        """Hang `peer` on the line, in place of what was there."""
        self.peer = peer

    def reset(self) -> None:
        """The board was reset: configuration, FIFOs and buffers are gone."""
        self.baud = 0
        self._rx_room = 0
        self._tx_room = 0
        self._outgoing: deque[tuple[int, bytes, int]] = deque()  # complete at, bytes, baud
        self._tx_free_us = 0
        self._rx_free_us = 0
        self._fifo: deque[tuple[int, int]] = deque()  # arrives at, byte
        self._arrivals: deque[tuple[int, bytes]] = deque()  # shown at, bytes
        self._quiet_us: int | None = None
        self._received = bytearray()

    # -- the board's side

    def configure(self, baud: int, rx_room: int, tx_room: int) -> None:
        """Set the rate (0 switches it off) and the sizes of the two buffers."""
        if not baud:
            self.reset()
            return
        self.baud = baud
        self._rx_room = rx_room
        self._tx_room = tx_room

    def write(self, chunk: bytes, now_us: int) -> int:
        """Queue `chunk`; answers when the call returns: at once, or when the rest fits."""
        if not self.baud or not chunk:
            return now_us
        start = max(now_us, self._tx_free_us)
        self._tx_free_us = start + line_us(len(chunk), self.baud)
        self._outgoing.append((self._tx_free_us, chunk, self.baud))
        self.bytes_sent += len(chunk)
        room_us = line_us(TX_FIFO_BYTES + self._tx_room, self.baud)
        return max(now_us, self._tx_free_us - room_us)

    def sent_at(self, now_us: int) -> int:
        """When the last queued byte is out."""
        return max(now_us, self._tx_free_us)

    def unsent(self, now_us: int) -> int:
        """Bytes still to go out."""
        if not self.baud:
            return 0
        left_us = max(0, self._tx_free_us - now_us)
        return -(-left_us * self.baud // (SYMBOL_BITS * 1_000_000))

    @property
    def readable(self) -> int:
        """Bytes the board can read now."""
        return len(self._received)

    def read(self, n: int, line: bool = False) -> bytes:
        """Up to `n` received bytes, or up to the end of the first line."""
        if line and (end := self._received.find(b"\n")) >= 0:
            n = min(n, end + 1)
        taken = bytes(self._received[:n])
        del self._received[:n]
        return taken

    # -- time

    def next_event_us(self) -> int | None:
        """When something next happens on this line."""
        times = []
        if self._outgoing:
            times.append(self._outgoing[0][0])
        if self._arrivals:
            times.append(self._arrivals[0][0])
        if self._quiet_us is not None:
            times.append(self._quiet_us)
        if self.peer is not None and (due := self.peer.next_event_us()) is not None:
            times.append(due)
        return min(times, default=None)

    def run(self, now_us: int) -> bool:
        """Do what is due at `now_us`; True if bytes became readable."""
        while self._outgoing and self._outgoing[0][0] <= now_us:
            at, chunk, baud = self._outgoing.popleft()
            if self.peer is not None:
                heard = resample(chunk, baud, self.peer.baud or baud)
                self.peer.feed(heard, at, baud)
        if self.peer is not None:
            due = self.peer.next_event_us()
            if due is not None and due <= now_us:
                self._hear(self.peer.run(now_us), now_us)
        return self._show(now_us)

    def _hear(self, chunk: bytes, now_us: int) -> None:
        if not chunk:
            return
        sent_baud = (self.peer.baud if self.peer else None) or self.baud
        if not self.baud or not sent_baud:
            self.bytes_lost += len(chunk)
            return
        start = max(now_us, self._rx_free_us)
        self._rx_free_us = start + line_us(len(chunk), sent_baud)
        heard = resample(chunk, sent_baud, self.baud)
        if self._quiet_us is not None and start >= self._quiet_us:
            self._flush_fifo(self._quiet_us)
        whole_us = self._rx_free_us - start
        for index, byte in enumerate(heard):
            arrives = start + -(-whole_us * (index + 1) // len(heard))
            self._fifo.append((arrives, byte))
            if len(self._fifo) == RX_FIFO_FULL_BYTES:
                self._flush_fifo(arrives)
        if self._fifo:
            self._quiet_us = self._rx_free_us + line_us(RX_QUIET_SYMBOLS, self.baud)

    def _flush_fifo(self, at_us: int) -> None:
        self._quiet_us = None
        if self._fifo:
            self._arrivals.append((at_us, bytes(byte for _, byte in self._fifo)))
            self._fifo.clear()

    def _show(self, now_us: int) -> bool:
        if self._quiet_us is not None and self._quiet_us <= now_us:
            self._flush_fifo(self._quiet_us)
        shown = False
        while self._arrivals and self._arrivals[0][0] <= now_us:
            _, chunk = self._arrivals.popleft()
            kept = chunk[:max(0, self._rx_room - len(self._received))]
            self.bytes_lost += len(chunk) - len(kept)
            self.bytes_received += len(kept)
            self._received += kept
            shown = shown or bool(kept)
        return shown


class PtyBridge:
    """A UART peer that is a pseudo-terminal: whatever opens `path` is on the board's line.

    For a bench in real time; `pump` takes in what the other side wrote. Bytes that nobody reads
    are dropped when the terminal's buffer is full, as on a line.
    """

    baud: int | None = None

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave, termios.TCSANOW)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._pending = bytearray()
        self._due_us = 0
        self._closed = False

    def fileno(self) -> int:
        """Readable when the other side wrote."""
        return self._master

    def pump(self, now_us: int) -> None:
        """Take in what the other side wrote by now."""
        with suppress(BlockingIOError):
            self._pending += os.read(self._master, 4096)
        self._due_us = now_us

    def feed(self, chunk: bytes, now_us: int, baud: int) -> None:
        """Hand `chunk` to the other side."""
        if self._closed:
            return
        with suppress(BlockingIOError):
            os.write(self._master, chunk)

    def next_event_us(self) -> int | None:
        """Due when something was pumped in."""
        return self._due_us if self._pending else None

    def run(self, now_us: int) -> bytes:
        """What was pumped in starts on the line."""
        chunk = bytes(self._pending)
        self._pending.clear()
        return chunk

    def close(self) -> None:
        """Give the terminal back."""
        self._closed = True
        os.close(self._master)
        os.close(self._slave)
