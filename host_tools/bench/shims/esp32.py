"""`esp32.Partition` over the bench's flash.

Reading, programming and erasing allocate nothing: littlefs calls them from inside the collector.
`NVS` is in _nvs.py, which comes in when
asked for. Left out: the OTA slots' states, wake-up, the coprocessor.
"""

import struct

import _bus
from micropython import const

_OP_FLASH_READ = const(10)
_OP_FLASH_PROGRAM = const(11)
_OP_FLASH_ERASE = const(12)

_TABLE = const(0x8000)
_ENTRY = const(32)
_MAGIC = const(0x50AA)
_SECTOR = const(4096)
_PIECE = const(0x4000)
_ANY = const(0xFF)
_EIO = const(5)


class Partition:
    BOOT = 0
    RUNNING = 1
    TYPE_APP = 0
    TYPE_DATA = 1

    def __init__(self, which, _entry=None):
        if _entry is None:
            found = ()
            if isinstance(which, str):
                found = self.find(0, label=which) or self.find(1, label=which)
            elif which in (self.BOOT, self.RUNNING):
                found = self.find(self.TYPE_APP)
            if not found:
                raise OSError(2)
            _entry = found[0].info()
        self._entry = _entry
        self._at = _entry[2]
        self._size = _entry[3]

    @staticmethod
    def find(type=0, subtype=_ANY, label=None, block_size=_SECTOR):
        found = []
        entry = bytearray(_ENTRY)
        at = _TABLE
        while True:
            _bus.call(_OP_FLASH_READ, 0, at, _ENTRY, None, entry)
            fields = struct.unpack("<HBBII16sI", entry)
            if fields[0] != _MAGIC:
                return found
            name = fields[5].rstrip(b"\0").decode()
            if (
                fields[1] == type
                and subtype in (_ANY, fields[2])
                and label in (None, name)
            ):
                found.append(Partition(None, fields[1:5] + (name, bool(fields[6] & 1))))
            at += _ENTRY

    def info(self):
        return self._entry

    def _place(self, offset, n):
        if offset < 0 or offset + n > self._size:
            raise OSError(_EIO)
        return self._at + offset

    def readblocks(self, block, buf, offset=0):
        n = len(buf)
        _bus.call(_OP_FLASH_READ, 0, self._place(block * _SECTOR + offset, n), n, None, buf)

    def writeblocks(self, block, buf, offset=-1):
        n = len(buf)
        if offset < 0:
            at = self._place(block * _SECTOR, n)
            if n % _SECTOR:
                raise OSError(_EIO)
            while n:
                n -= _SECTOR
                _bus.call(_OP_FLASH_ERASE, 0, at + n)
            n = len(buf)
        else:
            at = self._place(block * _SECTOR + offset, n)
        _bus.call(_OP_FLASH_PROGRAM, 0, at, n, buf)

    def ioctl(self, op, arg):
        if op == 4:
            return self._size // _SECTOR
        if op == 5:
            return _SECTOR
        if op == 6:
            _bus.call(_OP_FLASH_ERASE, 0, self._place(arg * _SECTOR, _SECTOR))
        return 0


def __getattr__(name):
    return getattr(_bus.part("_nvs"), name)
