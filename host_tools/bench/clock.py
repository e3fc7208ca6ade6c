"""Bench time, shared by every board and peripheral of a bench.

Virtual: it jumps to where the next thing happens, so an idle hour costs nothing and a run is the
same every time. Real (`minik bench up`): it follows the wall and the boards wait for it.
"""

from __future__ import annotations

import time

DEFAULT_START_UNIX_S = 1_795_143_600  # 2026-11-20T03:00:00Z


class BenchClock:
    """`now_us`: microseconds since the bench began; never goes back."""

    def __init__(self, start_unix_s: int = DEFAULT_START_UNIX_S, real: bool = False) -> None:
        self.start_unix_us = start_unix_s * 1_000_000
        self.real = real
        self.now_us = 0
        self._real_start_ns = time.monotonic_ns()

    def unix_us(self, at_us: int | None = None) -> int:
        """Unix time in microseconds, now or at bench time `at_us`."""
        return self.start_unix_us + (self.now_us if at_us is None else at_us)

    def advance_to(self, at_us: int) -> None:
        """Bench time is at least `at_us`."""
        self.now_us = max(self.now_us, at_us)

    def advance(self, us: int) -> None:
        """Let `us` pass for whoever looks at the clock; boards catch up when they next run."""
        self.advance_to(self.now_us + us)

    def go_real(self) -> None:
        """From here on bench time follows the wall; what has passed has passed."""
        self.real = True
        self._real_start_ns = time.monotonic_ns() - self.now_us * 1000

    def follow_wall(self) -> None:
        """In real mode bring `now_us` up to the wall; does nothing in virtual mode."""
        if self.real:
            self.advance_to((time.monotonic_ns() - self._real_start_ns) // 1000)
