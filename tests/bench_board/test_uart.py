"""UARTs of the board: both directions, the time a line takes, wrong rates, lost bytes, PTYs."""

import os

import pytest

from host_tools.bench.board import BenchClock, PtyBridge, UartPort, serve
from host_tools.bench.board.uart import line_us, resample
from tests.bench_board.sample import make_board, run_to_end


class Peer:
    """Answers what it hears with `answer`, `after_us` later; keeps what and when it heard."""

    def __init__(self, baud=115200, answer=b"", after_us=0):
        self.baud = baud
        self.answer = answer
        self.after_us = after_us
        self.heard = []
        self._due = None

    def feed(self, data, now_us, baud):
        self.heard.append((now_us, data, baud))
        if self.answer:
            self._due = now_us + self.after_us

    def next_event_us(self):
        return self._due

    def run(self, now_us):
        self._due = None
        return self.answer


def play(main, peer):
    with make_board("import machine, time\n" + main) as board:
        board.uarts[1].attach(peer)
        return run_to_end(board)


def test_bytes_out_arrive_after_their_line_time():
    peer = Peer()
    out = play(
        "u = machine.UART(1, 115200)\n"
        "print(time.ticks_us())\nu.write(b'x' * 100)\nprint(time.ticks_us())\n"
        "u.flush()\nprint(time.ticks_us())\n",
        peer,
    )
    began, queued, flushed = map(int, out)
    assert queued - began < 20
    assert line_us(100, 115200) <= flushed - began <= line_us(100, 115200) + 20
    assert [(data, baud) for _, data, baud in peer.heard] == [(b"x" * 100, 115200)]


def test_a_write_larger_than_the_buffers_waits_for_the_line():
    peer = Peer()
    out = play(
        "u = machine.UART(1, 115200, txbuf=256)\n"
        "t = time.ticks_us()\nu.write(bytes(1000))\nprint(time.ticks_diff(time.ticks_us(), t))\n"
        "u.flush()\n",
        peer,
    )
    assert line_us(1000 - 128 - 256, 115200) <= int(out[0]) <= line_us(1000 - 384, 115200) + 20


def test_an_answer_is_readable_only_when_its_time_has_come():
    """Request, the peer's own time, answer, then the quiet time of ten symbols."""
    peer = Peer(answer=b"pong!", after_us=2000)
    out = play(
        "u = machine.UART(1, 115200)\nt = time.ticks_us()\nu.write(b'ping')\n"
        "while not u.any():\n    pass\n"
        "print(time.ticks_diff(time.ticks_us(), t), u.any(), u.read(), u.read())\n",
        peer,
    )
    waited, rest = out[0].split(" ", 1)
    due = line_us(4, 115200) + 2000 + line_us(5, 115200) + line_us(10, 115200)
    assert due <= int(waited) <= due + 20
    assert rest == "5 b'pong!' None"


def test_a_long_answer_comes_by_fifo_fulls():
    peer = Peer(answer=bytes(range(250)))
    out = play(
        "u = machine.UART(1, 115200, rxbuf=512)\nu.write(b'?')\n"
        "got = b''\nsizes = []\n"
        "while len(got) < 250:\n    part = u.read()\n"
        "    if part:\n        got += part\n        sizes.append(len(part))\n"
        "print(sizes, got == bytes(range(250)))\n",
        peer,
    )
    assert out == ["[120, 120, 10] True"]


def test_a_full_receive_buffer_loses_bytes():
    peer = Peer(answer=bytes(300))
    with make_board(
        "import machine, time\nu = machine.UART(1, 115200)\nu.write(b'?')\n"
        "time.sleep_ms(100)\nprint(u.any())\n"
    ) as board:
        board.uarts[1].attach(peer)
        assert run_to_end(board) == ["256"]
        assert board.uarts[1].bytes_lost == 44


def test_asyncio_streams_read_lines_and_time_out():
    peer = Peer(answer=b"one\ntwo\nrest", after_us=500)
    out = play(
        "import asyncio\nu = machine.UART(1, 9600)\ns = asyncio.StreamReader(u)\n"
        "async def main():\n"
        "    u.write(b'?')\n"
        "    print(await s.readline(), await s.readline())\n"
        "    print(await s.readexactly(2), await s.read(10))\n"
        "    try:\n        await asyncio.wait_for_ms(s.read(1), 50)\n"
        "    except asyncio.TimeoutError:\n        print('time out')\n"
        "asyncio.run(main())\n",
        Peer(9600, peer.answer, 500),
    )
    assert out == ["b'one\\n' b'two\\n'", "b're' b'st'", "time out"]


def test_reading_with_a_timeout_waits_in_bench_time():
    out = play(
        "u = machine.UART(1, 115200, timeout=30)\nbuf = bytearray(8)\n"
        "t = time.ticks_ms()\nprint(u.readinto(buf), time.ticks_diff(time.ticks_ms(), t))\n"
        "u.write(b'?')\nt = time.ticks_ms()\n"
        "print(u.readinto(buf), buf, time.ticks_diff(time.ticks_ms(), t))\n",
        Peer(answer=b"late", after_us=20_000),
    )
    assert out[0] in ("None 30", "None 31")
    assert out[1] in (f"4 {bytearray(b'late' + bytes(4))} 2{n}" for n in range(5))


def test_a_wrong_rate_is_garbage_both_ways():
    peer = Peer(baud=115200, answer=b"hello there")
    out = play(
        "u = machine.UART(1, 9600)\nu.write(b'hello')\ntime.sleep_ms(50)\nprint(u.read())\n", peer
    )
    assert peer.heard
    assert all(data != b"hello" for _, data, _ in peer.heard)
    assert out != ["b'hello there'"]


@pytest.mark.parametrize(("sent", "heard"), [(115200, 115200), (115200, 117000), (9600, 9500)])
def test_rates_within_tolerance_agree(sent, heard):
    assert resample(bytes(range(256)), sent, heard) == bytes(range(256))


def test_resampling_is_the_waveform():
    # half the rate at the receiver: it sees each pair of the sender's bits as one
    assert resample(b"\x00", 4800, 9600)[0] == 0x00
    assert resample(b"\xff", 4800, 9600)[0] == 0xFE  # the long start bit reads as start and a zero
    assert len(resample(bytes(100), 1200, 115200)) >= 100


def test_bytes_that_follow_at_once_queue_on_the_line():
    port, peer = UartPort(), Peer(9600, answer=bytes(20))
    port.attach(peer)
    port.configure(9600, 256, 256)
    for now_us in (1000, 2000):
        peer.feed(b"?", now_us, 9600)
        assert not port.run(now_us)
    done = 1000 + 2 * line_us(20, 9600) + line_us(10, 9600)
    assert port.next_event_us() == done
    assert not port.run(done - 1)
    assert port.run(done)
    assert port.readable == 40


def test_a_uart_that_is_off_hears_and_says_nothing():
    port, peer = UartPort(), Peer(answer=b"x")
    port.attach(peer)
    assert port.write(b"lost", 10) == 10
    peer.feed(b"", 20, 9600)
    port.run(20)
    assert (port.readable, port.bytes_lost, port.next_event_us()) == (0, 1, None)


def test_a_pty_is_a_line_to_the_board_in_real_time():
    clock = BenchClock(real=True)
    with make_board(
        "import machine, asyncio\nu = machine.UART(2, 921600)\n"
        "async def main():\n"
        "    print('ready')\n    line = await asyncio.StreamReader(u).readline()\n"
        "    u.write(b'echo ' + line)\n    u.flush()\n    print('served')\n"
        "asyncio.run(main())\n",
        clock=clock,
    ) as board:
        bridge = PtyBridge()
        board.uarts[2].attach(bridge)
        client = os.open(bridge.path, os.O_RDWR | os.O_NOCTTY)
        board.console.on_line(lambda line: line == "ready" and os.write(client, b"ping\n"))
        board.boot()
        serve([board], clock, lambda: "served" in board.console.text or clock.now_us > 5_000_000)
        assert "served" in board.console.text
        assert os.read(client, 100) == b"echo ping\n"
        os.close(client)
        bridge.close()
        bridge.feed(b"nobody there", 0, 921600)
