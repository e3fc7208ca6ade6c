"""`machine.SPI`: comes in when asked for."""

import _bus
from micropython import const

_OP_SPI_INIT = const(34)
_OP_SPI = const(35)


class SPI:
    MSB = 0

    def __init__(
        self, id, baudrate=1000000, polarity=0, phase=0, bits=8, firstbit=0, sck=None, mosi=None,
        miso=None,
    ):
        self._id = id
        self.init(baudrate)

    def init(self, baudrate=1000000, polarity=0, phase=0):
        _bus.call(_OP_SPI_INIT, self._id, baudrate)

    def deinit(self):
        pass

    def write(self, buf):
        _bus.call(_OP_SPI, self._id, 0, len(buf), buf)

    def write_readinto(self, out, into):
        _bus.call(_OP_SPI, self._id, 1, len(out), out, into)

    def readinto(self, buf, write=0):
        for i in range(len(buf)):
            buf[i] = write
        self.write_readinto(buf, buf)

    def read(self, n, write=0):
        buf = bytearray(n)
        self.readinto(buf, write)
        return bytes(buf)
