"""What a board prints, as text and as lines with the bench time they came."""

from __future__ import annotations

from collections.abc import Callable


class Console:
    """`text` so far, whole `lines` as (bench time, line); subscribers get what is new."""

    def __init__(self) -> None:
        self.raw = bytearray()
        self.lines: list[tuple[int, str]] = []
        self._partial = bytearray()
        self._on_line: list[Callable[[str], None]] = []
        self._on_bytes: list[Callable[[bytes], None]] = []

    @property
    def text(self) -> str:
        """Everything printed since the board was made, over all its boots."""
        return self.raw.decode("utf-8", "replace")

    def on_line(self, subscriber: Callable[[str], None]) -> None:
        """Call `subscriber` with each whole line from now on."""
        self._on_line.append(subscriber)

    def on_bytes(self, subscriber: Callable[[bytes], None]) -> None:
        """Call `subscriber` with everything printed from now on, as it comes."""
        self._on_bytes.append(subscriber)

    def take(self, printed: bytes, now_us: int) -> None:
        """The board printed this."""
        if not printed:
            return
        self.raw += printed
        for subscriber in self._on_bytes:
            subscriber(printed)
        *whole, rest = (bytes(self._partial) + printed).split(b"\n")
        self._partial = bytearray(rest)
        for piece in whole:
            line = piece.rstrip(b"\r").decode("utf-8", "replace")
            self.lines.append((now_us, line))
            for listener in self._on_line:
                listener(line)

    def end_line(self, now_us: int) -> None:
        """The board stopped in the midst of a line: what there is counts as one."""
        if self._partial:
            self.take(b"\n", now_us)
