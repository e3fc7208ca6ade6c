"""`esp32.NVS`: comes in when asked for."""

import struct

import _bus
from micropython import const

_OP_NVS_GET = const(13)
_OP_NVS_SET = const(14)
_OP_NVS_ERASE = const(15)
_ENOENT = const(2)
_NVS_I32 = const(0x14)
_NVS_BLOB = const(0x42)


def _ask(op, kind, size, name, buf):
    try:
        return _bus.call(op, kind, size, len(name), name, buf)
    except OSError as error:
        if error.errno == _ENOENT:
            raise OSError(-4354, "ESP_ERR_NVS_NOT_FOUND")
        raise


class NVS:
    def __init__(self, namespace):
        self._prefix = namespace.encode() + b"\0"

    def _get(self, kind, key, buf):
        name = self._prefix + key.encode()
        return _ask(_OP_NVS_GET, kind, len(buf), name, buf)

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
        _ask(_OP_NVS_ERASE, 0, 0, self._prefix + key.encode(), None)

    def commit(self):
        pass  # each set is already in flash, as with the ESP-IDF's own store
