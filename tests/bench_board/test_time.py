"""Time on the board: an ESP32's habits, virtual, exact, and cheap."""

import subprocess
import sys
import time
from pathlib import Path

from host_tools.bench.board import BOOT_US
from tests.bench_board.sample import make_board, run, run_to_end

TICKS_PERIOD = 1 << 30


def test_ticks_start_five_seconds_before_they_wrap():
    first, wrapped, between = run(
        "import time\n"
        "a = time.ticks_ms()\nprint(a)\n"
        "time.sleep_ms(6000)\n"
        "b = time.ticks_ms()\nprint(b)\nprint(time.ticks_diff(b, a))\n"
    )
    assert TICKS_PERIOD - 5000 <= int(first) < TICKS_PERIOD - 4990
    assert 1000 <= int(wrapped) < 1010
    assert int(between) in (6000, 6001)


def test_microsecond_ticks_wrap_at_the_same_moment():
    before, after, lap = run(
        "import time\n"
        "a = time.ticks_us()\nprint(a)\ntime.sleep_us(5000000)\n"
        "b = time.ticks_us()\nprint(b)\nprint(time.ticks_diff(b, a))\n"
    )
    assert int(before) >= TICKS_PERIOD - 5_000_000
    assert int(after) < 100_000
    assert 5_000_000 <= int(lap) < 5_000_010


def test_ticks_arithmetic_wraps_and_refuses_half_a_period():
    assert run(
        "import time\n"
        "print(time.ticks_add((1 << 30) - 1, 2), time.ticks_diff(0, (1 << 30) - 1),\n"
        "      time.ticks_diff((1 << 30) - 1, 0), time.ticks_add(0, -1))\n"
        "try:\n    time.ticks_add(0, 1 << 29)\nexcept OverflowError as e:\n    print(e)\n"
    ) == [f"1 1 -1 {TICKS_PERIOD - 1}", "ticks interval overflow"]


def test_the_epoch_is_2000_and_the_rtc_keeps_over_a_reset_but_not_over_a_power_cut():
    main = (
        "import machine, time\n"
        "print(time.time(), time.gmtime(0)[:7], time.localtime()[0])\n"
        "if machine.reset_cause() == machine.PWRON_RESET:\n"
        "    machine.RTC().datetime((2026, 11, 20, 4, 8, 0, 0, 0))\n"
        "    print(time.time(), machine.RTC().datetime()[:7])\n"
        "    time.sleep(10)\n"
        "    machine.reset()\n"
        "now = time.mktime((2026, 11, 20, 8, 0, 10, 0, 0))\n"
        "print(time.time() - now, time.time_ns() // 10**9)\n"
    )
    with make_board(main) as board:
        lines = run_to_end(board)
        seconds = 848476800  # date -u -d 2026-11-20T08:00:00 less that of 2000-01-01
        assert lines[0] == "0 (2000, 1, 1, 0, 0, 0, 5) 2000"
        assert lines[1] == f"{seconds} (2026, 11, 20, 4, 8, 0, 0)"
        assert lines[2].startswith(str(seconds + 10))
        assert lines[3] == f"0 {seconds + 10}"
        board.power_cut()
        assert run_to_end(board)[4] == lines[0]


def test_a_loop_that_only_watches_the_clock_ends():
    with make_board(
        "import time\n"
        "a = time.ticks_ms()\n"
        "while time.ticks_diff(time.ticks_ms(), a) < 50:\n    pass\n"
        "print('done')\n"
    ) as board:
        assert run_to_end(board) == ["done"]
        assert 50_000 <= board.local_us - BOOT_US < 55_000


def test_asyncio_sleeps_are_exact():
    lines = run(
        "import asyncio, time\n"
        "start = time.ticks_ms()\n"
        "def at():\n    return time.ticks_diff(time.ticks_ms(), start)\n"
        "async def beat(name, ms, count):\n"
        "    for _ in range(count):\n"
        "        await asyncio.sleep_ms(ms)\n"
        "        print(name, at())\n"
        "async def main():\n"
        "    await asyncio.gather(beat('a', 700, 3), beat('b', 1000, 2))\n"
        "asyncio.run(main())\n"
    )
    assert lines == ["a 700", "b 1000", "a 1400", "b 2000", "a 2100"]


def test_an_idle_hour_costs_little_and_the_clock_agrees():
    with make_board(
        "import asyncio\n"
        "ticks = 0\n"
        "async def every(ms):\n"
        "    global ticks\n"
        "    while True:\n"
        "        await asyncio.sleep_ms(ms)\n"
        "        ticks += 1\n"
        "async def main():\n"
        "    asyncio.create_task(every(1000))\n"
        "    await asyncio.sleep(3600)\n"
        "    print(ticks)\n"
        "asyncio.run(main())\n"
    ) as board:
        began = time.process_time()
        assert run_to_end(board, 3_700_000) == ["3599"]
        host_s = time.process_time() - began
        assert board.local_us // 1_000_000 == 3600
        assert host_s + board.cpu_ms() / 1000 < 2


def test_the_board_stands_still_between_two_runs():
    with make_board(
        "import time\nwhile True:\n    print(time.ticks_ms())\n    time.sleep_ms(100)\n"
    ) as board:
        board.boot()
        board.run_for(1250)
        assert board.local_us == board.clock.now_us == 1_250_000
        assert len(board.console.lines) == 10
        board.run_for(50)
        assert len(board.console.lines) == 11


ASYNCIO_STORY = """
import asyncio

async def sleeper(name, ms):
    try:
        await asyncio.sleep_ms(ms)
        print(name, "slept")
        return name
    except asyncio.CancelledError:
        print(name, "cancelled")
        raise
    finally:
        print(name, "out")

async def fails():
    await asyncio.sleep_ms(20)
    raise ValueError("boo")

async def waits_on(task):
    return await task

async def main():
    print(await asyncio.gather(sleeper("a", 40), sleeper("b", 20)))
    print(await asyncio.gather(fails(), sleeper("c", 60), return_exceptions=True))
    try:
        await fails()
    except ValueError as error:
        print("caught", error)
    task = asyncio.create_task(fails())
    try:
        await task
    except ValueError as error:
        print("awaited", error, task.done())
    task = asyncio.create_task(sleeper("d", 1000))
    await asyncio.sleep_ms(20)
    print(task.cancel(), task.done())
    try:
        await task
    except asyncio.CancelledError:
        print("d is gone", task.done(), task.cancel())
    inner = asyncio.create_task(sleeper("e", 1000))
    outer = asyncio.create_task(waits_on(inner))
    await asyncio.sleep_ms(20)
    outer.cancel()
    await asyncio.sleep_ms(20)
    print(inner.done(), outer.done())
    try:
        await asyncio.wait_for(sleeper("f", 1000), 0.04)
    except asyncio.TimeoutError:
        print("f took too long")
    print(await asyncio.wait_for(sleeper("g", 20), 1))
    event = asyncio.Event()
    lock = asyncio.Lock()
    async def guarded(name):
        async with lock:
            print(name, "in")
            await event.wait()
            print(name, "done")
    first = asyncio.create_task(guarded("h"))
    second = asyncio.create_task(guarded("i"))
    third = asyncio.create_task(guarded("j"))
    await asyncio.sleep_ms(20)
    second.cancel()
    event.set()
    await first
    await third
    try:
        asyncio.current_task().cancel()
    except RuntimeError as error:
        print(error)
    finished = asyncio.create_task(sleeper("k", 0))
    await asyncio.sleep_ms(40)
    print(await finished)
    asyncio.get_event_loop().set_exception_handler(
        lambda loop, context: print("unhandled", repr(context["exception"])))
    asyncio.create_task(fails())
    await asyncio.sleep_ms(100)

asyncio.run(main())
print("end")
"""


def test_our_task_queue_behaves_as_the_built_in_one(tmp_path: Path):
    """The judge is the VM's own `_asyncio`; steps of 20 ms outlast the host's hiccups."""
    script = tmp_path / "story.py"
    script.write_text(ASYNCIO_STORY)
    vm = Path(sys.executable).with_name("micropython")
    judged = subprocess.run(
        [vm, str(script)], capture_output=True, text=True, check=True, timeout=30
    )
    assert run(ASYNCIO_STORY) == judged.stdout.splitlines()
    assert judged.stdout.endswith("end\n")
