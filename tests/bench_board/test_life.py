"""Boots, resets, watchdog, power cuts, the prompt; several boards; the same run twice."""

import os

import pytest

from host_tools.bench.board import (
    BOOT_US,
    BenchClock,
    BenchError,
    BoardState,
    ConsolePty,
    ResetCause,
    serve,
)
from tests.bench_board.sample import make_board, run, run_to_end

CAUSE = "import machine, time\nprint('cause', machine.reset_cause())\n"
ONCE = "if machine.reset_cause() == machine.PWRON_RESET:\n"
WDT = ONCE + "    w = machine.WDT(timeout=100)\n    time.sleep_ms(50)\n    w.feed()\n"


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        ("machine.reset()", ResetCause.HARD),
        ("machine.soft_reset()", ResetCause.SOFT),
        ("raise SystemExit", ResetCause.SOFT),
    ],
)
def test_resets_restart_with_their_cause(trouble, cause):
    with make_board(CAUSE + ONCE + f"    {trouble}\n") as board:
        assert run_to_end(board) == ["cause 1", f"cause {cause.value}"]
        assert (board.boot_count, board.reset_cause) == (2, cause)


@pytest.mark.parametrize(
    "hang",
    [
        "time.sleep(100)",
        "import asyncio; asyncio.run(asyncio.wait_for(asyncio.Event().wait(), 100))",
        "while True: time.ticks_ms()",
        "while machine.Pin(3)() == 0: pass",
        "raise ValueError",  # a board at its prompt feeds no watchdog either
    ],
)
def test_a_watchdog_nobody_feeds_resets(hang):
    with make_board(CAUSE + WDT + f"    {hang}\n") as board:
        board.boot()
        assert board.run_until(lambda: "cause 3" in board.console.text, 5000)
        assert board.reset_cause is ResetCause.WATCHDOG
        assert 0 <= board.local_us - 2 * BOOT_US - 150_000 < 2000


def test_a_fed_watchdog_does_nothing():
    with make_board(
        "import machine, time\nw = machine.WDT(timeout=1000)\n"
        "for _ in range(10):\n    time.sleep_ms(900)\n    w.feed()\nprint('alive')\n"
    ) as board:
        board.boot()
        assert board.run_until(lambda: "alive" in board.console.text, 10_000)
        assert board.boot_count == 1


def test_a_vm_that_computes_for_ever_is_a_hang():
    with make_board(CAUSE + WDT + "    while True: pass\n", guard_s=0.3) as board:
        board.boot()
        assert board.run_until(lambda: "cause 3" in board.console.text, 5000)
    with make_board("while True: pass\n", guard_s=0.3) as board:
        board.boot()
        with pytest.raises(BenchError, match="asked nothing"):
            board.run_for(1000)
        assert board.state is BoardState.CRASHED


def test_an_exception_ends_at_the_prompt_and_time_goes_on():
    lines = []
    with make_board("print('up')\n1 / 0\n") as board:
        board.console.on_line(lines.append)
        board.boot()
        assert board.run_until(lambda: board.state is BoardState.REPL, 1000)
        assert lines[0] == "up"
        assert "ZeroDivisionError: divide by zero" in lines
        assert '  File "main.py", line 2, in <module>' in lines
        before = board.local_us
        board.run_for(500)
        assert board.local_us == before + 500_000
        assert board.state is BoardState.REPL


def serve_until(board, predicate, seconds=10):
    """Run `board`, on a clock that follows the wall, until `predicate()` holds."""
    serve([board], board.clock, lambda: predicate() or board.clock.now_us > seconds * 1_000_000)
    assert predicate(), board.console.text


def test_the_prompt_works_and_ctrl_d_is_a_soft_reset():
    with make_board(CAUSE, clock=BenchClock(real=True)) as board:
        board.boot()
        serve_until(board, lambda: board.state is BoardState.REPL)
        board.type_console(b"machine.Pin(2, 3).on(); print(40 + 2, machine.Pin(2)())\r")
        serve_until(board, lambda: "42 1" in board.console.text)
        board.type_console(b"\x04")
        serve_until(board, lambda: "cause 5" in board.console.text)


def test_an_import_that_fails_names_the_module():
    assert "ImportError: no module named 'missing'" in run("import missing\n")


def test_a_power_cut_takes_ram_and_leaves_flash():
    main = (
        "import os, time\n"
        "print(sorted(os.listdir('/')))\n"
        "with open('/kept', 'w') as f:\n    f.write('x')\n"
        "time.sleep(100)\n"
    )
    with make_board(main) as board:
        board.boot()
        board.run_for(2000)
        board.power_cut()
        assert board.state is BoardState.OFF
        board.run_for(1000)
        assert board.state is BoardState.OFF
        board.boot()
        board.run_for(1000)
        assert board.console.text == "['main.py']\n['kept', 'main.py']\n"
        assert (board.boot_count, board.reset_cause) == (2, ResetCause.POWER_ON)
        with pytest.raises(RuntimeError):
            board.boot()


@pytest.mark.parametrize("torn", [False, True])
def test_an_armed_cut_strikes_and_a_boot_recovers(torn):
    main = "for n in range(5):\n    with open('/log', 'a') as f:\n        f.write('line\\n')\n"
    with make_board(main) as board:
        board.arm_power_cut(5, torn=torn, seed=1)
        board.boot()
        assert board.run_until(lambda: board.state is BoardState.OFF, 10_000)
        assert run_to_end(board)[-1:] == []
        assert board.state is BoardState.REPL


def test_boards_share_a_clock_and_catch_up():
    clock = BenchClock()
    main = "import time\nwhile True:\n    print(time.ticks_ms())\n    time.sleep(1)\n"
    with make_board(main, clock=clock) as first, make_board(main, clock=clock) as second:
        first.boot()
        second.boot()
        first.run_for(10_500)
        assert (len(first.console.lines), len(second.console.lines)) == (11, 0)
        second.run_for(1000)
        assert clock.now_us == 11_500_000
        assert [at for at, _ in second.console.lines[:11]] == [
            at for at, _ in first.console.lines
        ]
        first.catch_up()
        assert len(first.console.lines) == len(second.console.lines) == 12


BUSY = """
import asyncio, machine, os, time
u = machine.UART(1, 115200)
async def talk():
    s = asyncio.StreamReader(u)
    while True:
        u.write(b'?')
        print(await s.read(20), time.ticks_us())
async def store():
    for n in range(20):
        with open('/f%d' % (n % 3), 'wb') as f:
            f.write(os.urandom(50))
        await asyncio.sleep_ms(7)
async def main():
    t = asyncio.create_task(talk())
    await store()
asyncio.run(main())
"""


def test_the_same_run_twice_is_the_same():
    from tests.bench_board.test_uart import Peer

    def once():
        with make_board(BUSY, trace=True, seed=3) as board:
            board.uarts[1].attach(Peer(answer=b"answer", after_us=3333))
            run_to_end(board)
            return board.trace, board.console.lines, bytes(board.flash.image), board.local_us

    first, second = once(), once()
    assert len(first[0]) > 300
    assert first == second


def test_the_shims_leave_the_heap_to_the_firmware():
    with make_board("") as board:
        run_to_end(board)
        print(f"shims keep {board.shim_heap_bytes} bytes, {board.heap_free_at_start} are free")
        assert 0 < board.shim_heap_bytes < 16 * 1024
        assert board.heap_free_at_start > 215_000
        assert 0 < board.cpu_ms() < 1000


def test_a_smaller_heap_is_a_smaller_heap():
    assert run("import gc\ngc.collect()\nprint(gc.mem_free() < 70000)\n", heap="80k") == ["True"]


def test_the_console_on_a_terminal():
    clock = BenchClock(real=True)
    with make_board("print('hello')\n", clock=clock) as board:
        console = ConsolePty(board)
        client = os.open(console.path, os.O_RDWR | os.O_NOCTTY)
        board.boot()
        serve_until(board, lambda: board.state is BoardState.REPL)
        assert os.read(client, 1000).startswith(b"hello\r\n")
        os.write(client, b"6 * 7\r")
        serve(
            [board], clock, lambda: "42" in board.console.text or clock.now_us > 10_000_000,
            consoles=[console],
        )
        assert b"42\r\n" in os.read(client, 1000)
        os.close(client)
        console.close()


def test_an_unknown_operation_is_the_benchs_own_error():
    with make_board("import _bus\n_bus.call(99)\n") as board:
        board.boot()
        with pytest.raises(BenchError, match="operation 99"):
            board.run_for(1000)
