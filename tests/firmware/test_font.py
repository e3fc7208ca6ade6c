"""The font file, and reading it back from pixels: every character, pair, scale and position."""

import itertools

import pytest

from firmware.drivers.display_ssd1306 import PAGES, WIDTH, Display
from host_tools.bench.read_display import read_display, rows_of_pages
from host_tools.device.font import FONT_SOURCE, compile_font, device_font, parse_font
from host_tools.errors import BadInput

CHARACTERS = "".join(parse_font(FONT_SOURCE.read_text(encoding="utf-8")))


class GlassOnly:
    """An I2C bus that keeps the display's memory as the chip would."""

    def __init__(self):
        self.memory = bytearray(WIDTH * PAGES)
        self.page = 0
        self.bytes_written = 0

    def writeto(self, address, buf):
        assert address == 0x3C
        self.bytes_written += len(buf)
        if buf[0] == 0x40:
            self.memory[self.page * WIDTH : (self.page + 1) * WIDTH] = buf[1:]
        elif len(buf) == 7:
            self.page = buf[5]


def drawn(*calls):
    """Lines read back from a display after `(page, x, text, scale)` calls."""
    display = Display(GlassOnly(), 0x3C, device_font())
    for call in calls:
        display.text(*call)
    return read_display(rows_of_pages(bytes(display._frame)))


def test_compiled_font_is_what_its_format_says():
    font = device_font()
    count = font[3]
    codes = [font[4 + 2 * i] | font[5 + 2 * i] << 8 for i in range(count)]
    assert font[:3] == b"MF\x01"
    assert len(font) == 4 + 7 * count
    assert codes == sorted(codes)
    assert codes[:94] == list(range(33, 127))
    assert {"₸", "₼", "₾", "✓", "✗"} <= {chr(code) for code in codes}
    bang = font[4 + 2 * count : 9 + 2 * count]
    assert bang == bytes([0, 0, 0b1011111, 0, 0])


@pytest.mark.parametrize(
    ("damage", "where"),
    [
        (lambda text: text.replace(":  !", ";  !", 1), "font.txt:6"),
        (lambda text: text.replace("..#..", "..#.", 1), "row 1"),
        (lambda text: text.replace(":  !", ":  A", 1), "'A'"),
        (lambda text: text[: text.index(":  q")], "not drawn"),
    ],
)
def test_bad_font_source_is_refused_with_its_place(damage, where):
    source = FONT_SOURCE.read_text(encoding="utf-8")
    with pytest.raises(BadInput, match=where):
        compile_font(damage(source))


@pytest.mark.parametrize("scale", [1, 2, 3])
def test_every_pair_of_characters_reads_back(scale):
    per_line = (WIDTH + scale) // (6 * scale)
    texts = [
        first + CHARACTERS[start : start + per_line - 1]
        for first in CHARACTERS
        for start in range(0, len(CHARACTERS), per_line - 1)
    ]
    for batch in (texts[i : i + PAGES // scale] for i in range(0, len(texts), PAGES // scale)):
        assert drawn(*((scale * row, 0, text, scale) for row, text in enumerate(batch))) == batch


@pytest.mark.parametrize(("scale", "x"), [*itertools.product([1, 2, 3], range(0, 18, 5))])
def test_a_word_reads_back_wherever_it_stands(scale, x):
    for page in range(PAGES - scale + 1):
        assert drawn((page, x, "l.i 7", scale)) == ["l.i 7"]


def test_sizes_mix_on_one_line_and_rules_are_no_text():
    display = Display(GlassOnly(), 0x3C, device_font())
    display.rule(1, 2)
    display.text(2, 4, "100.00", 3)
    display.text(4, 118, "₸")
    display.text(7, 0, "Balance")
    display.right(6, "400.00", 2)
    lines = read_display(rows_of_pages(bytes(display._frame)))
    assert lines == ["100.00 ₸", "Balance 400.00"]


def test_an_unknown_character_is_a_question_mark():
    assert drawn((0, 0, "aшb", 1)) == ["a?b"]


@pytest.mark.parametrize(
    "font", [b"", b"MF\x01", b"XX\x01" + bytes(800), b"MF\x01\x69" + bytes(9)]
)
def test_a_bad_font_file_is_refused(font):
    with pytest.raises(ValueError, match="font"):
        Display(GlassOnly(), 0x3C, font)
