"""What a person reads on the display, from its pixels alone.

The bench matches glyphs of the device's own font (`host_tools.device.font`) in the frame: text
stands on page boundaries (multiples of 8 rows), anywhere across, and may be drawn with dots of 1,
2 or 3 pixels. Rules (full-width lines one pixel high) are no text. What matches no glyph is left
out.
"""

from collections.abc import Sequence
from functools import cache

from host_tools.device.font import ADVANCE_COLUMNS, FONT_SOURCE, parse_font

WIDTH = 128
HEIGHT = 64
PAGE_ROWS = 8
_SCALES = (3, 2, 1)

Rows = Sequence[Sequence[int]]


def rows_of_pages(frame: bytes) -> list[list[int]]:
    """Rows of pixels (0 or 1) of a display's memory: 8 pages of 128 column bytes, bit 0 on top."""
    return [
        [frame[(y // PAGE_ROWS) * WIDTH + x] >> (y % PAGE_ROWS) & 1 for x in range(WIDTH)]
        for y in range(HEIGHT)
    ]


def read_display(rows: Rows) -> list[str]:
    """The lines of text of a frame of 64 rows of 128 pixels (true is lit), top to bottom.

    Pieces whose feet stand on the same page are one line; a gap of a small character or more
    between two of them becomes one space.
    """
    columns = _page_columns(rows)
    found: dict[int, list[tuple[int, int, str]]] = {}
    for scale in _SCALES:
        for page in range(HEIGHT // PAGE_ROWS - scale + 1):
            _match(columns, page, scale, found.setdefault(page + scale - 1, []))
    return [_join(sorted(found[page])) for page in sorted(found) if found[page]]


def _page_columns(rows: Rows) -> list[list[int]]:
    """Pages of column bytes, rules taken out."""
    kept = [[0] * WIDTH if all(row) else row for row in rows]
    return [
        [
            sum(1 << bit for bit in range(PAGE_ROWS) if kept[top + bit][x])
            for x in range(WIDTH)
        ]
        for top in range(0, HEIGHT, PAGE_ROWS)
    ]


def _match(
    columns: list[list[int]], page: int, scale: int, found: list[tuple[int, int, str]]
) -> None:
    """Glyphs of one scale whose cells start at `page`; what is found is wiped from `columns`."""
    cells = _cells(scale)
    span = range(page, page + scale)
    width = ADVANCE_COLUMNS * scale
    line = [
        sum(columns[row][x] << (8 * index) for index, row in enumerate(span))
        for x in range(WIDTH)
    ]
    x = 0
    while x <= WIDTH - width:
        character = cells.get(tuple(line[x : x + width]))
        if character is None or (x and line[x - 1]):
            x += 1
            continue
        found.append((x, x + width, character))
        for row in span:
            columns[row][x : x + width] = [0] * width
        x += width


@cache
def _cells(scale: int) -> dict[tuple[int, ...], str]:
    """Each character by the columns its cell has when every dot is `scale` pixels square."""
    cells = {}
    for character, narrow in parse_font(FONT_SOURCE.read_text(encoding="utf-8")).items():
        wide: list[int] = []
        for column in (*narrow, 0):
            dot = (1 << scale) - 1
            tall = sum(dot << (bit * scale) for bit in range(PAGE_ROWS) if column >> bit & 1)
            wide += [tall] * scale
        cells[tuple(wide)] = character
    return cells


def _join(pieces: list[tuple[int, int, str]]) -> str:
    text = ""
    end = pieces[0][0]
    for start, after, character in pieces:
        text += (" " if start - end >= ADVANCE_COLUMNS else "") + character
        end = after
    return text
