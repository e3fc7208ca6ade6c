"""128×64 display on I2C: text drawn straight into the chip's page memory.

Source: Solomon Systech SSD1306 rev 1.1 (§8.1.5 I2C, §9 commands, §8.7 page memory). One byte is a
column of eight pixels, bit 0 on top, so text that stands on page boundaries needs no other frame
buffer. Only pages that changed are sent. Left out: scrolling, contrast control, pictures.
Fonts: `font.bin` as host_tools/device/font.py documents it.
"""

import asyncio

from protocol.compat import const

WIDTH = const(128)
PAGES = const(8)
_ADVANCE = const(6)
_SPACE = const(32)
_CONTROL_COMMAND = const(0x00)
_CONTROL_GRAM = const(0x40)
_FIRST_EXTRA = const(94)

# DS §9 table 9-1 and the application section 4.4: charge pump on, horizontal addressing, common
# pins alternative, segments and commons remapped so that row 0 is at the top
_SETUP = (
    b"\x00\xae\xd5\x80\xa8\x3f\xd3\x00\x40\x8d\x14\x20\x00\xa1\xc8\xda\x12\x81\xcf\xd9\xf1"
    b"\xdb\x40\xa4\xa6\xaf"
)


class Display:
    """`i2c` is a machine.I2C, `font` the bytes of font.bin. ValueError: not such a font."""

    def __init__(self, i2c, address, font):
        count = font[3] if len(font) > 4 else 0
        if bytes(font[:3]) != b"MF\x01" or len(font) != 4 + 7 * count or count < _FIRST_EXTRA:
            raise ValueError("font")
        self._i2c = i2c
        self._address = address
        self._font = font
        self._line = bytearray(1 + WIDTH)
        self._line[0] = _CONTROL_GRAM
        self._frame = bytearray(WIDTH * PAGES)
        self._window = bytearray(b"\x00\x21\x00\x7f\x22\x00\x00")
        self._dirty = 0xFF
        self.fault = True

    def start(self):
        """Set the chip up; `fault` says afterwards whether it answered. May be called again."""
        try:
            self._i2c.writeto(self._address, _SETUP)
        except OSError:
            self.fault = True
            return
        self._dirty = 0xFF
        self.fault = False

    def clear(self):
        """Blank the frame (the glass changes with `flush`)."""
        frame = self._frame
        for position in range(WIDTH * PAGES):
            if frame[position]:
                frame[position] = 0
                self._dirty |= 1 << (position >> 7)

    def rule(self, page, bit):
        """A line one pixel high across the frame."""
        start = page * WIDTH
        for position in range(start, start + WIDTH):
            self._frame[position] |= 1 << bit
        self._dirty |= 1 << page

    def text(self, page, x, text, scale=1):
        """Draw `text` with its top at `page` and its left edge at column `x`; cut at the edge.

        `scale` is the pixels of a dot's side: 1, 2 or 3. A character the font lacks becomes ``?``.
        """
        code = more = 0
        for byte in text.encode():  # characters one by one would be interned, each for ever
            if byte & 0xC0 == 0x80:
                code = code << 6 | byte & 0x3F
                more -= 1
            else:
                more = (byte >= 0xC0) + (byte >= 0xE0)
                code = byte & (0x7F, 0x1F, 0x0F)[more]
            if more:
                continue
            if x + _ADVANCE * scale > WIDTH + scale:
                return
            if code != _SPACE:
                self._glyph(page, x, code, scale)
            x += _ADVANCE * scale

    def centre(self, page, text, scale=1):
        """Draw `text` in the middle of the line."""
        room = WIDTH - _ADVANCE * scale * len(text) + scale
        self.text(page, max(0, room >> 1), text, scale)

    def right(self, page, text, scale=1):
        """Draw `text` so that its last cell ends at the right edge."""
        self.text(page, max(0, WIDTH - _ADVANCE * scale * len(text)), text, scale)

    def _glyph(self, page, x, code, scale):
        font = self._font
        count = font[3]
        index = code - 33 if code < 127 else self._find(code)
        start = 4 + 2 * count + 5 * index
        frame = self._frame
        for column in range(5):
            narrow = font[start + column]
            tall = narrow
            if scale > 1:
                tall = 0
                for bit in range(8):
                    if narrow >> bit & 1:
                        tall |= ((1 << scale) - 1) << (bit * scale)
            for row in range(scale):
                position = (page + row) * WIDTH + x + column * scale
                piece = tall >> (8 * row) & 0xFF
                for _ in range(scale):
                    frame[position] |= piece
                    position += 1
        for row in range(scale):
            self._dirty |= 1 << (page + row)

    def _find(self, code):
        font = self._font
        for index in range(_FIRST_EXTRA, font[3]):
            if font[4 + 2 * index] | font[5 + 2 * index] << 8 == code:
                return index
        return ord("?") - 33

    async def flush(self):
        """Send the pages that changed; the loop runs on between two pages."""
        if self.fault:
            return
        page = 0
        try:
            while self._dirty:
                if self._dirty >> page & 1:
                    self._dirty &= ~(1 << page)
                    self._send(page)
                    await asyncio.sleep_ms(0)
                page = (page + 1) % PAGES
        except OSError:
            self.fault = True

    def _send(self, page):
        window = self._window
        window[5] = window[6] = page
        self._i2c.writeto(self._address, window)
        start = page * WIDTH
        line = self._line
        frame = self._frame
        for x in range(WIDTH):
            line[x + 1] = frame[start + x]
        self._i2c.writeto(self._address, line)
