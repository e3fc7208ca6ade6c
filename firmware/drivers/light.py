"""The status light at the door: a string of WS2812 lights, all one colour (`machine` bitstream).

Green is ready or accepted, red refused or out of service, blue working with limits or starting.
"""

OFF = (0, 0, 0)
GREEN = (0, 96, 0)
RED = (120, 0, 0)
BLUE = (0, 0, 120)


class Light:
    """`pixels` is a neopixel.NeoPixel."""

    def __init__(self, pixels):
        self._pixels = pixels
        self._colour = None

    def show(self, colour):
        """Set the whole light; nothing is sent if it is that colour already."""
        if colour is not self._colour:
            self._colour = colour
            self._pixels.fill(colour)
            self._pixels.write()
