"""An SSD1306 display of 128 × 64 on I2C: its memory, its commands, what a person sees.

Source: SSD1306 rev 1.1, tables 9-1 and 10. The glass is the usual module's: upright with segment
remap (A1h) and reversed scan (C8h), dark until its charge pump is on. Left out: scrolling (the
commands are taken and do nothing), contrast as brightness.
"""

from __future__ import annotations

from pathlib import Path

ADDRESS = 0x3C
WIDTH = 128
HEIGHT = 64
PAGES = HEIGHT // 8
_CO = 0x80
_DC = 0x40
_HORIZONTAL, _VERTICAL, _PAGE = 0, 1, 2
_PARAMETERS = {
    0x20: 1, 0x21: 2, 0x22: 2, 0x26: 6, 0x27: 6, 0x29: 5, 0x2A: 5, 0x81: 1, 0x8D: 1, 0xA3: 2,
    0xA8: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1,
}
_SWITCHES = {0xA0: "_remap", 0xA4: "all_on", 0xA6: "inverted", 0xAE: "on"}  # by bit 0
_LIT = (160, 220, 255)
_DARK = (8, 10, 14)


class Ssd1306:
    """The chip as an I2C device. `frame()` is what shows; `bytes_written` counts GDDRAM bytes."""

    def __init__(self) -> None:
        self.bytes_written = 0
        self._reset()

    def _reset(self) -> None:
        self.on = False
        self.charge_pump = False
        self.inverted = False
        self.all_on = False
        self.contrast = 0x7F
        self.start_line = 0
        self.offset = 0
        self.multiplex = HEIGHT
        self._remap = False
        self._scan_reversed = False
        self._mode = _PAGE
        self._columns = (0, WIDTH - 1)
        self._pages = (0, PAGES - 1)
        self._column = 0
        self._page = 0
        self._command = bytearray()
        self._gddram = [bytearray(WIDTH) for _ in range(PAGES)]  # by page, segment

    # -- I2C

    def power(self, on: bool, now_us: int) -> None:
        """Without supply the memory and every setting are gone."""
        self._reset()

    def read(self, n: int, now_us: int) -> bytes:
        """Status byte: bit 6 display off."""
        return bytes([0 if self.on else 0x40]) * n

    def write(self, chunk: bytes, now_us: int) -> None:
        """Control bytes and what follows them (rev 1.1, 8.1.5.2)."""
        at = 0
        while at < len(chunk):
            control = chunk[at]
            end = at + 2 if control & _CO else len(chunk)
            for value in chunk[at + 1:end]:
                if control & _DC:
                    self._store(value)
                else:
                    self._take_command(value)
            at = end

    # -- commands

    def _take_command(self, value: int) -> None:
        self._command.append(value)
        if len(self._command) > _PARAMETERS.get(self._command[0], 0):
            code, *parameters = self._command
            self._command.clear()
            self._obey(code, parameters)

    def _obey(self, code: int, parameters: list[int]) -> None:
        if parameters:
            self._obey_with(code, parameters)
        elif code < 0x10:
            self._column = self._column & 0xF0 | code
        elif code < 0x20:
            self._column = (code & 0x07) << 4 | self._column & 0x0F
        elif 0x40 <= code < 0x80:
            self.start_line = code & 0x3F
        elif 0xB0 <= code < 0xB8:
            self._page = code & 7
        elif code & 0xF0 == 0xC0:
            self._scan_reversed = bool(code & 8)
        elif code & 0xFE in _SWITCHES:
            setattr(self, _SWITCHES[code & 0xFE], bool(code & 1))

    def _obey_with(self, code: int, parameters: list[int]) -> None:
        first = parameters[0]
        if code == 0x20:
            self._mode = first & 3
        elif code == 0x21:
            self._columns = (first & 0x7F, parameters[1] & 0x7F)
            self._column = self._columns[0]
        elif code == 0x22:
            self._pages = (first & 7, parameters[1] & 7)
            self._page = self._pages[0]
        elif code == 0x81:
            self.contrast = first
        elif code == 0x8D:
            self.charge_pump = bool(first & 4)
        elif code == 0xA8:
            self.multiplex = (first & 0x3F) + 1
        elif code == 0xD3:
            self.offset = first & 0x3F

    # -- memory

    def _store(self, value: int) -> None:
        segment = WIDTH - 1 - self._column if self._remap else self._column
        self._gddram[self._page][segment] = value
        self.bytes_written += 1
        if self._mode == _PAGE:
            self._column = (self._column + 1) % WIDTH
        elif self._mode == _HORIZONTAL:
            if self._step_column():
                self._step_page()
        elif self._step_page():
            self._step_column()

    def _step_column(self) -> bool:
        wraps = self._column == self._columns[1]
        self._column = self._columns[0] if wraps else (self._column + 1) % WIDTH
        return wraps

    def _step_page(self) -> bool:
        wraps = self._page == self._pages[1]
        self._page = self._pages[0] if wraps else (self._page + 1) % PAGES
        return wraps

    # -- what shows

    @property
    def lit(self) -> bool:
        """Anything shows at all: switched on and supplied."""
        return self.on and self.charge_pump

    def frame(self) -> list[list[int]]:
        """64 rows of 128 pixels, 1 is lit, as a person in front of the module sees them."""
        return [[self._pixel(x, y) for x in range(WIDTH)] for y in range(HEIGHT)]

    def _pixel(self, x: int, y: int) -> int:
        if not self.lit:
            return 0
        if self.all_on:
            return 1
        line = y if self._scan_reversed else HEIGHT - 1 - y
        row = (line + self.start_line + self.offset) % HEIGHT
        bit = self._gddram[row // 8][WIDTH - 1 - x] >> (row % 8) & 1
        return bit ^ self.inverted

    def save_png(self, path: str | Path, scale: int = 4) -> None:
        """The frame as a picture, `scale` picture pixels a display pixel."""
        from PIL import Image

        picture = Image.new("RGB", (WIDTH, HEIGHT), _DARK)
        for y, row in enumerate(self.frame()):
            for x, bit in enumerate(row):
                if bit:
                    picture.putpixel((x, y), _LIT)
        picture.resize((WIDTH * scale, HEIGHT * scale), Image.Resampling.NEAREST).save(path)
