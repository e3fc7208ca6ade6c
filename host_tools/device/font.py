"""The display's font: from text art to the file the device loads, and to what the bench matches.

The source is `firmware/assets/font.txt`. Lines that open with ``;`` are remarks. A band is a line
of characters after a colon, then eight rows of cells, five columns each, ``#`` for ink.

The compiled file `font.bin`, version 1 (all integers little-endian):

| offset | width | field |
|---|---|---|
| 0 | 2 | ``MF`` |
| 2 | 1 | version, 1 |
| 3 | 1 | n, count of characters |
| 4 | 2·n | code points, ascending; the first 94 are ASCII 33 to 126 |
| 4+2n | 5·n | columns, left to right; bit 0 is the top row |

The space has no cell. A device advances 6 columns a character (one blank between) and may draw
every dot as a square of 1, 2 or 3 pixels. Left out: proportional widths, kerning, right-to-left.
"""

import struct
from pathlib import Path

from host_tools.errors import BadInput

FONT_SOURCE = Path(__file__).parents[2] / "firmware" / "assets" / "font.txt"
MAGIC = b"MF\x01"
CELL_COLUMNS = 5
CELL_ROWS = 8
ADVANCE_COLUMNS = 6
_ASCII = [chr(code) for code in range(33, 127)]


def parse_font(source: str, name: str = "font.txt") -> dict[str, bytes]:
    """Characters of the text art, each with its five column bytes, in code point order.

    Raises BadInput naming the line that is not a band, or a character drawn twice or missing.
    """
    glyphs: dict[str, bytes] = {}
    lines = [
        (number, line)
        for number, line in enumerate(source.splitlines(), 1)
        if line.strip() and not line.startswith(";")
    ]
    while lines:
        number, head = lines[0]
        if not head.startswith(":"):
            raise BadInput(f"{name}:{number}: a band opens with a colon and its characters")
        characters = head[1:].split()
        rows = [line.split() for _, line in lines[1 : 1 + CELL_ROWS]]
        if len(rows) != CELL_ROWS:
            raise BadInput(f"{name}:{number}: a band needs {CELL_ROWS} rows of cells")
        for row_number, row in enumerate(rows, 1):
            if len(row) != len(characters) or any(not _is_cell_row(cell) for cell in row):
                raise BadInput(f"{name}:{number}: row {row_number} does not fit its characters")
        for index, character in enumerate(characters):
            if len(character) != 1 or character in glyphs:
                raise BadInput(f"{name}:{number}: {character!r} is no new single character")
            glyphs[character] = _columns([row[index] for row in rows])
        del lines[: 1 + CELL_ROWS]
    if any(character not in glyphs for character in _ASCII):
        raise BadInput(f"{name}: a printable ASCII character is not drawn")
    return dict(sorted(glyphs.items()))


def _is_cell_row(cell: str) -> bool:
    return len(cell) == CELL_COLUMNS and not cell.strip("#.")


def _columns(rows: list[str]) -> bytes:
    return bytes(
        sum(1 << y for y in range(CELL_ROWS) if rows[y][x] == "#") for x in range(CELL_COLUMNS)
    )


def compile_font(source: str, name: str = "font.txt") -> bytes:
    """The bytes of `font.bin` for this text art. Raises BadInput as `parse_font` does."""
    glyphs = parse_font(source, name)
    codes = struct.pack(f"<{len(glyphs)}H", *map(ord, glyphs))
    return MAGIC + bytes([len(glyphs)]) + codes + b"".join(glyphs.values())


def device_font() -> bytes:
    """The `font.bin` of the project's own font."""
    return compile_font(FONT_SOURCE.read_text(encoding="utf-8"), FONT_SOURCE.name)
