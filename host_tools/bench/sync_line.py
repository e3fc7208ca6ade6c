"""What a device's sync port is plugged into: a depot cable, a radio link, or nothing.

A UART peer that carries frames (SPEC §4.1) both ways to an endpoint, each with the loss and the
latency the scenario set. Losses are drawn from a seeded source, so two runs lose the same frames.
Left out: what is in the frames, and retries; both ends do those themselves.
"""

from collections import deque
from random import Random
from typing import Protocol

from host_tools.bench.scenario.schema import LinkQuality

TICK_US = 1_000_000
_FRAME_BYTES_MAX = 4096  # well above SPEC §4.1; noise without an end is handed on in pieces


class Endpoint(Protocol):
    """The far end. Bytes to send back are answered at once."""

    def feed(self, received: bytes) -> bytes:
        """A whole frame came."""
        ...

    def tick(self) -> bytes:
        """About a second has passed."""
        ...


class _FrameCutter:
    """Cuts a byte stream after each zero that ends something."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def cut(self, received: bytes) -> list[bytes]:
        """The frames that are whole now, each with its zeros."""
        frames = []
        for byte in received:
            self._pending.append(byte)
            ended = byte == 0 and any(self._pending)
            if ended or len(self._pending) >= _FRAME_BYTES_MAX:
                frames.append(bytes(self._pending))
                self._pending.clear()
        return frames


class SyncLine:
    """A `UartPeer` that is unplugged until `plug` is called."""

    def __init__(self, seed: str) -> None:
        self.baud: int | None = None
        self.frames_lost = 0
        self._random = Random(seed)
        self._endpoint: Endpoint | None = None
        self._quality: LinkQuality | None = None
        self.unplug()

    def plug(self, endpoint: Endpoint, quality: LinkQuality | None) -> None:
        """`endpoint` is at the other end now; `quality` None: nothing gets through."""
        self.unplug()
        self._endpoint = endpoint
        self._quality = quality

    def unplug(self) -> None:
        """Nothing is there; what was on its way is lost."""
        self._endpoint = None
        self._up = _FrameCutter()
        self._down = _FrameCutter()
        self._to_endpoint: deque[tuple[int, bytes]] = deque()
        self._to_device: deque[tuple[int, bytes]] = deque()
        self._tick_us: int | None = None

    def power(self, on: bool, now_us: int) -> None:
        """The device's supply came or went: what it was sending ends in the middle."""
        self._up = _FrameCutter()
        self._to_device.clear()

    def send(self, frames: bytes, now_us: int) -> None:
        """Bytes of the endpoint, such as a knock, start on their way."""
        self._carry(self._down.cut(frames), self._to_device, now_us)
        self._tick_us = now_us + TICK_US

    def feed(self, chunk: bytes, now_us: int, baud: int) -> None:
        """Bytes of the device have arrived at the near end."""
        if self._endpoint is not None:
            self._carry(self._up.cut(chunk), self._to_endpoint, now_us)

    def next_event_us(self) -> int | None:
        """When the next frame arrives at either end, or the endpoint wants its tick."""
        due = [queue[0][0] for queue in (self._to_endpoint, self._to_device) if queue]
        if self._tick_us is not None:
            due.append(self._tick_us)
        return min(due, default=None)

    def run(self, now_us: int) -> bytes:
        """Hand over what is due; the bytes that start on the device's line now."""
        endpoint = self._endpoint
        if endpoint is not None:
            for frame in _due(self._to_endpoint, now_us):
                self._answer(endpoint.feed(frame), now_us)
            if self._tick_us is not None and self._tick_us <= now_us:
                self._tick_us = now_us + TICK_US
                self._answer(endpoint.tick(), now_us)
        return b"".join(_due(self._to_device, now_us))

    def _answer(self, answer: bytes, now_us: int) -> None:
        if answer:
            self.send(answer, now_us)

    def _carry(
        self, frames: list[bytes], queue: deque[tuple[int, bytes]], now_us: int
    ) -> None:
        quality = self._quality
        for frame in frames:
            if quality is None or self._random.random() < quality.loss:
                self.frames_lost += 1
            else:
                queue.append((now_us + 1000 * quality.latency_ms, frame))


def _due(queue: deque[tuple[int, bytes]], now_us: int) -> list[bytes]:
    frames = []
    while queue and queue[0][0] <= now_us:
        frames.append(queue.popleft()[1])
    return frames
