"""Boards with a few lines of firmware, for the tests of this folder."""

from host_tools.bench.board import BenchClock, Board
from host_tools.device.image import flash_image, small_layout

LAYOUT = small_layout()


def make_board(main, files=None, clock=None, layout=LAYOUT, **options):
    """A board, switched off, whose main.py is `main`; `files` go beside it."""
    content = {"/main.py": main.encode(), **(files or {})}
    image = flash_image(content, layout)
    return Board(clock or BenchClock(), image=image, layout=layout, **options)


def run_to_end(board, timeout_ms=60_000):
    """Boot `board`, run until main.py is over; the lines it printed."""
    board.boot()
    assert board.run_until(lambda: board.state != "running", timeout_ms), board.console.text
    lines = [line for _, line in board.console.lines]
    return [line for line in lines if not line.startswith(("MicroPython", "Type ", ">>>"))]


def run(main, **options):
    """Lines that `main` prints on a board of its own, from boot to its end."""
    with make_board(main, **options) as board:
        return run_to_end(board)
