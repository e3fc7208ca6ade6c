"""The PN532 on its serial line (HSU): frames, ACK, sleep and wake-up, in bench time.

Source: UM0701-02 §6.2 (frames, error handling), §6.3.2 (HSU), §7.2.8 (baud), §7.2.11 (power).
It follows the protocol of what hangs on a board's UART: bytes arrive whole at a time, bytes begin
to leave at a time, and the line itself, with its wire time, belongs to the other side.

States: asleep (after power-up, or PowerDown): only an edge counts, and the oscillator runs
`WAKE_US` after it; bytes before that are lost. Awake: frames are read; a good command is
acknowledged at once and executed; the host's ACK ends a command, its next command replaces it,
its NACK has the last response sent again. A frame with a wrong checksum is dropped in silence.
"""

from collections import deque
from collections.abc import Generator

from host_tools.bench.reader.airtime import BYTE_GAP_US, POLL_TRY_US, WAKE_US, wire_ns
from host_tools.bench.reader.chip import IDLE, WAKE_BY_HSU, Pn532Chip, SyntaxFault
from host_tools.bench.reader.field import RfField
from host_tools.bench.reader.pcd import FOREVER
from host_tools.bench.reader.stats import ReaderStats

ACK = b"\x00\x00\xff\x00\xff\x00"
ERROR = b"\x00\x00\xff\x01\xff\x7f\x81\x00"
TFI_HOST = 0xD4
TFI_CHIP = 0xD5
START_CODE = b"\x00\xff"
POSTAMBLE = b"\x00"
DEFAULT_BAUD = 115200
BAUD_TOLERANCE = 0.03
NORMAL_MAX = 255
EXTENDED_MAX = 265
WAKE_BYTE = 0x55


def frame(body: bytes) -> bytes:
    """An information frame around TFI and data, extended if it must be (UM 6.2.1.1, 6.2.1.2)."""
    length = len(body)
    if length > EXTENDED_MAX:
        raise ValueError("too long for a frame")
    if length <= NORMAL_MAX:
        head = bytes((0, 0, 0xFF, length, -length & 0xFF))
    else:
        high, low = divmod(length, 256)
        head = bytes((0, 0, 0xFF, 0xFF, 0xFF, high, low, -(high + low) & 0xFF))
    return head + body + bytes((-sum(body) & 0xFF, 0))


class VirtualPn532:
    """A PN532 with its supply on, asleep as after power-up. `baud`: what its line runs at now."""

    def __init__(self, field: RfField, baud: int = DEFAULT_BAUD):
        self.field = field
        self.stats = ReaderStats()
        self.chip = Pn532Chip(field, self.stats)
        self.baud = baud
        self.powered = True
        self._line_down()

    def power_off(self, now_us: int = 0) -> None:
        """Board power cut: the carrier is off, all state is lost, the line is dead."""
        self.chip.pcd.now_us = max(now_us, self.chip.pcd.now_us)
        self.chip.reset()
        self.powered = False
        self._line_down()

    def power_on(self) -> None:
        """Supply back: asleep, at 115,200 baud."""
        self.powered = True
        self.baud = DEFAULT_BAUD

    def power(self, on: bool, now_us: int) -> None:
        """The board's supply came or went."""
        if on:
            self.power_on()
        else:
            self.power_off(now_us)

    def _line_down(self) -> None:
        self._asleep = True
        self._awake_us: int | None = None
        self._heard = bytearray()
        self._heard_us = 0
        self._outbox: deque[tuple[int, bytes, int]] = deque()
        self._task: Generator[int, int, bytes] | None = None
        self._due_us: int | None = None
        self._idle_since: int | None = None
        self._last_response = b""

    def feed(self, chunk: bytes, now_us: int, baud: int) -> None:
        """`chunk` has arrived whole at `now_us`; at another baud it is noise."""
        if not self.powered or not chunk:
            return
        byte_ns = wire_ns(1, baud)
        self._advance(now_us - len(chunk) * byte_ns // 1000)
        noise = abs(baud - self.baud) > BAUD_TOLERANCE * self.baud
        self._account(len(chunk))
        if self._asleep:
            chunk = self._wake(chunk, now_us, byte_ns)
        if noise:
            self._heard.clear()
            return
        if now_us - self._heard_us > BYTE_GAP_US + len(chunk) * byte_ns // 1000:
            self._heard.clear()
        self._heard_us = now_us
        self._heard += chunk
        self._read_frames(now_us, byte_ns)

    def next_event_us(self) -> int | None:
        """When `run` next has something to do; None until it is fed or a card is placed."""
        due = self._task_due()
        if self._outbox and (due is None or self._outbox[0][0] < due):
            return self._outbox[0][0]
        return due

    def run(self, now_us: int) -> bytes:
        """Do what is due at `now_us`; the bytes that begin to leave by then."""
        self._advance(now_us)
        sent = b""
        while self._outbox and self._outbox[0][0] <= now_us:
            _, leaving, baud = self._outbox.popleft()
            sent += leaving
            self.stats.link_bytes += len(leaving)
            self.stats.link_ns += wire_ns(len(leaving), baud)
        return sent

    def _account(self, byte_count: int) -> None:
        self.stats.link_bytes += byte_count
        self.stats.link_ns += wire_ns(byte_count, self.baud)

    def _wake(self, chunk: bytes, now_us: int, byte_ns: int) -> bytes:
        """Asleep: the first 0x55 starts the oscillator; what comes after it ran is heard."""
        if self._awake_us is None:
            first = chunk.find(WAKE_BYTE)
            if first < 0 or not self.chip.wake_sources & WAKE_BY_HSU:
                return b""
            self._awake_us = now_us - (len(chunk) - first) * byte_ns // 1000 + WAKE_US
        if now_us < self._awake_us:
            return b""
        self._asleep = False
        heard = min(len(chunk), (now_us - self._awake_us) * 1000 // byte_ns)
        self._awake_us = None
        return chunk[len(chunk) - heard:]

    def _read_frames(self, now_us: int, byte_ns: int) -> None:
        heard = self._heard
        while True:
            start = heard.find(START_CODE)
            if start < 0:
                del heard[:max(0, len(heard) - 1)]
                return
            del heard[:start]
            taken, body = _first_frame(heard)
            if not taken:
                return
            del heard[:taken]
            at_us = now_us - len(heard) * byte_ns // 1000
            if body is not None and not self._asleep:
                self._on_frame(body, at_us)

    def _on_frame(self, body: bytes, at_us: int) -> None:
        self._advance(at_us)
        if body == b"ack":
            self._abort()
            if self.chip.next_baud is not None:
                self.baud, self.chip.next_baud = self.chip.next_baud, None
        elif body == b"nack":
            if self._task is None and self._last_response:
                self._send(self._last_response, at_us)
        else:
            self._start(body, at_us)

    def _abort(self) -> None:
        """End the running command; what has begun to leave the chip is not called back."""
        if self._task is not None:
            self._task.close()
            self._task = None
        self._due_us = self._idle_since = None

    def _start(self, body: bytes, at_us: int) -> None:
        self._abort()
        self.chip.next_baud = None
        self.stats.commands += 1
        self._send(ACK, at_us)
        self._due_us = at_us + wire_ns(len(ACK), self.baud) // 1000
        self.chip.pcd.now_us = self._due_us
        if len(body) < 2 or body[0] != TFI_HOST:
            self._answer(ERROR)
            return
        self._task = self.chip.execute(bytes(body[1:]))

    def _send(self, leaving: bytes, at_us: int) -> None:
        self._outbox.append((at_us, leaving, self.baud))

    def _answer(self, response: bytes) -> None:
        self._last_response = response
        self._send(response, self.chip.pcd.now_us)
        self._task = None
        self._due_us = self._idle_since = None
        if self.chip.going_down:
            self.chip.power_down()
            self._asleep = True
            self._heard.clear()

    def _task_due(self) -> int | None:
        if self._task is None:
            return None
        if self._idle_since is not None and self.field.occupied:
            waited = max(0, self.field.changed_us - self._idle_since)
            noticed = self._idle_since + -(-waited // POLL_TRY_US) * POLL_TRY_US
            return noticed if self._due_us is None else min(noticed, self._due_us)
        return self._due_us

    def _advance(self, now_us: int) -> None:
        """Step the running command up to `now_us`."""
        while True:
            due = self._task_due()
            if due is None or due > now_us or self._task is None:
                return
            skipped = 0
            if self._idle_since is not None:
                skipped = (due - self._idle_since) // POLL_TRY_US
            self._step(self._task, due, skipped)

    def _step(self, task: Generator[int, int, bytes], due_us: int, skipped: int) -> None:
        fresh = self._idle_since is None
        self._idle_since = None
        self.chip.pcd.now_us = due_us
        try:
            spent = next(task) if fresh else task.send(skipped)
        except SyntaxFault:
            self._answer(ERROR)
        except StopIteration as done:
            self._answer(frame(bytes((TFI_CHIP,)) + done.value))
        else:
            if spent == IDLE:
                tries = self.chip.idle_tries
                self._idle_since = due_us
                self._due_us = None if tries is None else due_us + tries * POLL_TRY_US
            elif spent == FOREVER:
                self._due_us = None
            else:
                self._due_us = due_us + spent


def _first_frame(heard: bytearray) -> tuple[int, bytes | None]:
    """(bytes taken, body) of a stream that begins with a start code; (0, None): not complete.

    The body is TFI and data, b"ack" or b"nack" (no command is that), or None if damaged.
    """
    if len(heard) < 4:
        return 0, None
    length, check = heard[2], heard[3]
    head = 4
    if length == 0x00 and check == 0xFF:
        return 4, b"ack"
    if length == 0xFF and check == 0x00:
        return 4, b"nack"
    if length == check == 0xFF:
        if len(heard) < 7:
            return 0, None
        head = 7
        length = heard[4] << 8 | heard[5]
        if sum(heard[4:7]) & 0xFF or not 0 < length <= EXTENDED_MAX:
            return 2, None
    elif (length + check) & 0xFF or not length:
        return 2, None
    end = head + length + 1
    if len(heard) < end:
        return 0, None
    taken = end + 1 if heard[end:end + 1] == POSTAMBLE else end
    if sum(heard[head:end]) & 0xFF:
        return taken, None
    return taken, bytes(heard[head:end - 1])
