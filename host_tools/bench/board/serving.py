"""Running boards in real time with their lines on pseudo-terminals (`minik bench up`).

The same boards as in virtual time: bench time just never runs ahead of the wall.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Sequence

from host_tools.bench.board.board import Board
from host_tools.bench.board.uart import PtyBridge
from host_tools.bench.clock import BenchClock

_WAIT_MS_MAX = 100


class ConsolePty(PtyBridge):
    """A board's console on a pseudo-terminal: what it prints comes out, what is typed goes in."""

    def __init__(self, board: Board) -> None:
        super().__init__()
        self._board = board
        board.console.on_bytes(self._print)

    def _print(self, printed: bytes) -> None:
        lines = printed.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        self.feed(lines, self._board.local_us, 0)

    def pump(self, now_us: int) -> None:
        """Take in what was typed and hand it to the board."""
        super().pump(now_us)
        if typed := self.run(now_us):
            self._board.type_console(typed)


def serve(
    boards: Sequence[Board], clock: BenchClock, stop: Callable[[], bool],
    consoles: Sequence[ConsolePty] = (),
) -> None:
    """Run `boards` on the wall's time until `stop()` holds (asked every 100 ms at least)."""
    while not stop():
        clock.follow_wall()
        bridges = _bridges(boards) + list(consoles)
        for bridge in bridges:
            bridge.pump(clock.now_us)
        for board in boards:
            board.run_to(clock.now_us)
        _wait(boards, clock, bridges)


def _bridges(boards: Sequence[Board]) -> list[PtyBridge]:
    return [
        port.peer for board in boards for port in board.uarts if isinstance(port.peer, PtyBridge)
    ]


def _wait(boards: Sequence[Board], clock: BenchClock, bridges: Sequence[PtyBridge]) -> None:
    """Until a terminal, a prompt or a board's next event wants us."""
    due_us = min((board.next_due_us() for board in boards), default=clock.now_us)
    wait_ms = min(_WAIT_MS_MAX, max(1, (due_us - clock.now_us) // 1000))
    poll = select.poll()
    for bridge in bridges:
        poll.register(bridge.fileno(), select.POLLIN)
    for board in boards:
        for fd in board.prompt_fds():
            poll.register(fd, select.POLLIN)
    poll.poll(wait_ms)
