"""What hangs on the board: display, clock, lights, sound, buttons, SPI; and its random bytes."""

import pytest
from PIL import Image

from host_tools.bench.board import BOOT_US, Ds3231, Ssd1306, Tone
from tests.bench_board.sample import make_board, run, run_to_end

SHOW = """
import machine, framebuf
i2c = machine.I2C(0, freq=400000)
buf = bytearray(1025)
buf[0] = 0x40
fb = framebuf.FrameBuffer(memoryview(buf)[1:], 128, 64, framebuf.MONO_VLSB)
fb.pixel(0, 0, 1)
fb.pixel(127, 63, 1)
fb.text('BOARD 12', 8, 16)
fb.hline(0, 40, 100, 1)
i2c.writeto(0x3C, bytes((0, 0xAE, 0x20, 0, 0x40, 0xA1, 0xC8, 0xD3, 0, 0x8D, 0x14, 0x21, 0, 127,
                         0x22, 0, 7, 0xAF)))
i2c.writeto(0x3C, buf)
print('shown')
"""


@pytest.fixture
def shown(request):
    display = Ssd1306()
    with make_board(SHOW) as board:
        board.i2c[0].attach(0x3C, display)
        assert run_to_end(board) == ["shown"]
        yield board, display


def test_the_display_shows_the_firmwares_frame_buffer(shown):
    board, display = shown
    frame = display.frame()
    assert (len(frame), len(frame[0])) == (64, 128)
    assert frame[0][0] == frame[63][127] == 1
    assert frame[0][127] == frame[63][0] == 0
    assert [sum(row) for row in frame][40] == 100
    assert sum(map(sum, frame[16:24])) > 60  # the text
    assert display.bytes_written == 1024
    # 1,025 bytes and the address at 400 kHz, nine bits each
    assert board.local_us - BOOT_US > 1026 * 9 * 2.5


def test_the_frame_becomes_a_picture(shown, tmp_path):
    _, display = shown
    display.save_png(tmp_path / "frame.png", scale=3)
    picture = Image.open(tmp_path / "frame.png")
    assert picture.size == (384, 192)
    lit, dark = picture.getpixel((1, 1)), picture.getpixel((380, 1))
    assert lit != dark
    assert picture.getpixel((382, 190)) == lit


def test_a_display_without_power_forgets(shown):
    board, display = shown
    board.power_cut()
    assert sum(map(sum, display.frame())) == 0


@pytest.mark.parametrize(
    ("commands", "pixel"),
    [
        ([0xA1, 0xC8], (10, 3)),
        ([0xA0, 0xC8], (117, 3)),
        ([0xA1, 0xC0], (10, 60)),
        ([0xA1, 0xC8, 0x42], (10, 1)),
    ],
)
def test_display_commands_place_the_memory(commands, pixel):
    display = Ssd1306()
    display.write(bytes([0, 0x8D, 0x14, 0xAF, *commands]), 0)
    display.write(bytes([0, 0xB0, 0x0A, 0x10]), 0)  # page 0, column 10
    display.write(b"\x40\x08", 0)  # row 3
    lit = [(x, y) for y, row in enumerate(display.frame()) for x, bit in enumerate(row) if bit]
    assert lit == [pixel]
    display.write(b"\x80\xa7", 0)
    assert sum(map(sum, display.frame())) == 128 * 64 - 1
    display.write(b"\x00\xae", 0)
    assert sum(map(sum, display.frame())) == 0


def test_display_addressing_modes_wrap_in_their_window():
    display = Ssd1306()
    display.write(bytes([0, 0x8D, 0x14, 0xA1, 0xC8, 0xAF, 0x20, 0, 0x21, 5, 6, 0x22, 2, 3]), 0)
    display.write(b"\x40" + b"\x01\x01\x01\x01\x80", 0)  # the fifth is back at the start
    lit = {(x, y) for y, row in enumerate(display.frame()) for x, bit in enumerate(row) if bit}
    assert lit == {(5, 23), (6, 16), (5, 24), (6, 24)}
    display.write(bytes([0, 0x20, 1, 0x21, 5, 6, 0x22, 2, 3]), 0)
    display.write(b"\x40" + b"\x02\x02", 0)  # vertical: the second goes one page down
    lit = {(x, y) for y, row in enumerate(display.frame()) for x, bit in enumerate(row) if bit}
    assert {(5, 17), (5, 25)} < lit


def test_nobody_at_an_address_is_an_error():
    assert run(
        "import machine\ni = machine.I2C(0)\n"
        "try:\n    i.writeto(0x50, b'x')\nexcept OSError as e:\n    print(e.errno)\n"
        "print(i.scan())\n"
    ) == ["19", "[]"]


CLOCK = (
    "import machine\ni = machine.I2C(0)\n"
    "def show():\n"
    "    print(i.readfrom_mem(0x68, 0, 7).hex(), i.readfrom_mem(0x68, 0x0F, 1)[0] >> 7)\n"
    "show()\n"
)


def test_the_clock_chip_keeps_time_over_a_power_cut():
    with make_board(CLOCK) as board:
        chip = Ds3231(board.clock.start_unix_us)
        board.i2c[0].attach(0x68, chip)
        assert run_to_end(board) == ["00000305201126 0"]  # Friday 2026-11-20T03:00:00Z
        board.power_cut()
        board.clock.advance(86_400_000_000)
        assert run_to_end(board)[1] == "00000306211126 0"


def test_the_clock_chip_is_set_and_says_when_it_lost_the_time():
    main = CLOCK + (
        "i.writeto_mem(0x68, 0, bytes((0x58, 0x59, 0x23, 3, 0x31, 0x12, 0x29)))\n"
        "i.writeto_mem(0x68, 0x0F, b'\\x00')\n"
        "import time\ntime.sleep(3)\nshow()\n"
    )
    with make_board(main) as board:
        board.i2c[0].attach(0x68, Ds3231(board.clock.start_unix_us, lost=True))
        assert run_to_end(board) == ["00000006010100 1", "01000002010130 0"]


def test_tones_are_observed():
    with make_board(
        "import machine, time\n"
        "p = machine.PWM(machine.Pin(25), freq=2000, duty_u16=32768)\ntime.sleep_ms(80)\n"
        "p.freq(3000)\ntime.sleep_ms(40)\np.duty_u16(0)\ntime.sleep_ms(20)\n"
        "p.duty_u16(100)\ntime.sleep_ms(10)\np.deinit()\n"
    ) as board:
        run_to_end(board)
        tones = board.pwm[25].heard()
        assert [(tone.hz, tone.duration_us // 1000) for tone in tones] == [
            (2000, 80), (3000, 40), (3000, 10),
        ]
        assert isinstance(tones[0], Tone)
        assert tones[1].start_us - tones[0].start_us == tones[0].duration_us


def test_lights_are_observed_and_go_dark_with_the_power():
    with make_board(
        "import machine, neopixel\n"
        "n = neopixel.NeoPixel(machine.Pin(4), 3)\n"
        "n.fill((0, 80, 0))\nn[1] = (1, 2, 3)\nn.write()\nprint(len(n), n[1])\n"
    ) as board:
        assert run_to_end(board) == ["3 (1, 2, 3)"]
        assert board.pixels[4].colours == [(0, 80, 0), (1, 2, 3), (0, 80, 0)]
        board.power_cut()
        assert board.pixels[4].colours == [(0, 0, 0)] * 3
        assert len(board.pixels[4].history) == 2


def test_a_button_is_polled_or_interrupts():
    with make_board(
        "import machine, time\n"
        "b = machine.Pin(13, machine.Pin.IN, machine.Pin.PULL_UP)\n"
        "free = machine.Pin(14, machine.Pin.IN)\nout = machine.Pin(15, machine.Pin.OUT, value=1)\n"
        "print(b.value(), free(), out())\n"
        "b.irq(lambda p: print('edge', p(), time.ticks_ms() & 0xFFF),\n"
        "      machine.Pin.IRQ_FALLING | machine.Pin.IRQ_RISING)\n"
        "time.sleep_ms(300)\n"
        "b.irq(None)\nwhile b():\n    time.sleep_ms(5)\nprint('polled')\n"
    ) as board:
        board.boot()
        board.run_for(350)
        board.press(13, ms=60)
        board.run_for(300)
        board.press(13)
        assert board.run_until(lambda: board.state == "repl", 1000)
        lines = board.console.text.splitlines()
        edges = [line.split() for line in lines[1:3]]
        assert lines[0] == "1 0 1"
        assert [edge[:2] for edge in edges] == [["edge", "0"], ["edge", "1"]]
        assert int(edges[1][2]) - int(edges[0][2]) == 60
        assert lines[3] == "polled"


def test_spi_reaches_the_selected_device_only():
    class Inverter:
        def __init__(self):
            self.heard = b""

        def transfer(self, data, now_us):
            self.heard += data
            return bytes(byte ^ 0xFF for byte in data)

    chip = Inverter()
    with make_board(
        "import machine\ns = machine.SPI(1, baudrate=1000000)\n"
        "cs = machine.Pin(5, machine.Pin.OUT, value=1)\nbuf = bytearray(2)\n"
        "s.write(b'unheard')\ncs.off()\ns.write_readinto(b'\\x01\\x80', buf)\ns.write(b'x')\n"
        "cs.on()\nprint(buf.hex(), s.read(1))\n"
    ) as board:
        board.spi[1].attach(5, chip)
        assert run_to_end(board) == ["fe7f b'\\xff'"]
        assert chip.heard == b"\x01\x80x"


def test_random_bytes_follow_the_seed():
    main = "import os, random\nprint(os.urandom(8).hex(), random.getrandbits(30))\n"
    assert run(main, seed=1) == run(main, seed=1)
    assert run(main, seed=1) != run(main, seed=2)


def test_two_boards_know_who_they_are():
    main = "import machine\nprint(machine.unique_id())\n"
    assert run(main, unique_id=b"board1") == ["b'board1'"]
