"""`esp32.Partition` and `esp32.NVS` over the bench's flash.

Reading, programming and erasing allocate nothing: littlefs calls them from inside the collector.
Left out: the OTA slots' states, wake-up, the coprocessor.
"""

import struct

import _bus
from micropython import const

_OP_FLASH_READ = const(10)
_OP_FLASH_PROGRAM = const(11)
_OP_FLASH_ERASE = const(12)
_OP_NVS_GET = const(13)
_OP_NVS_SET = const(14)
_OP_NVS_ERASE = const(15)

_TABLE = const(0x8000)
_ENTRY = const(32)
_MAGIC = const(0x50AA)
_SECTOR = const(4096)
_PIECE = const(0x4000)
_ANY = const(0xFF)
_EIO = const(5)
_MISSING = const(0xFFFFFFFF)
_NVS_I32 = const(0x14)
_NVS_BLOB = const(0x42)


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


class NVS:
    def __init__(self, namespace):
        self._prefix = namespace.encode() + b"\0"

    def _get(self, kind, key, buf):
        name = self._prefix + key.encode()
        n = _bus.call(_OP_NVS_GET, kind, len(buf), len(name), name, buf)
        if n == _MISSING:
            raise OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")
        return n

    def _set(self, kind, key, value):
        message = self._prefix + key.encode() + b"\0" + value
        _bus.call(_OP_NVS_SET, kind, 0, len(message), message)

    def get_i32(self, key):
        buf = bytearray(4)
        self._get(_NVS_I32, key, buf)
        return struct.unpack("<i", buf)[0]

    def set_i32(self, key, value):
        self._set(_NVS_I32, key, struct.pack("<i", value))

    def get_blob(self, key, buf):
        return self._get(_NVS_BLOB, key, buf)

    def set_blob(self, key, value):
        self._set(_NVS_BLOB, key, bytes(value))

    def erase_key(self, key):
        name = self._prefix + key.encode()
        if _bus.call(_OP_NVS_ERASE, 0, 0, len(name), name) == _MISSING:
            raise OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")

    def commit(self):
        pass  # each set is already in flash, as with the ESP-IDF's own store
