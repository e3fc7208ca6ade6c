"""The non-volatile store behind `esp32.NVS`, in the nvs partition: a log in two halves.

Every set and erase is one program operation at the end of the log; a full half is copied to the
other one first. So it survives a cut at any operation, as the ESP-IDF's store does. The format is
the bench's own (the chip's own format is not imitated).

half:   magic 4, generation u32, crc32 u32, 20 zero bytes; then records
record: length of the rest u16, type u8 (0 erased), length of the name u8, crc32 of the rest u32,
        name (namespace, 0, key), value; padded to 32 with ones
"""

from __future__ import annotations

import struct
import zlib

from host_tools.bench.nor import NorFlash
from host_tools.device.image import PartitionEntry

_MAGIC = b"MNVS"
_HEAD = struct.Struct("<4sII20x")
_RECORD = struct.Struct("<HBBI")
_ALIGN = 32
_BLANK = 0xFFFF


class NvsStore:
    """Names (bytes) → (type, value), kept in flash. Any method may raise PowerCut."""

    def __init__(self, flash: NorFlash, part: PartitionEntry) -> None:
        self._flash = flash
        half = part.size // 2 // flash.sector_bytes * flash.sector_bytes
        self._half_bytes = half
        self._starts = (part.offset, part.offset + half)
        self.load()

    def load(self) -> None:
        """Read the newest sound half; torn records at its end are left out."""
        self._entries: dict[bytes, tuple[int, bytes]] = {}
        self._generation = 0
        self._active: int | None = None
        self._end = 0
        for index, start in enumerate(self._starts):
            magic, generation, crc = _HEAD.unpack(self._flash.read(start, _HEAD.size))
            sound = magic == _MAGIC and crc == zlib.crc32(_MAGIC + struct.pack("<I", generation))
            if sound and generation > self._generation:
                self._generation, self._active = generation, index
        if self._active is not None:
            self._replay(self._starts[self._active])

    def _replay(self, start: int) -> None:
        log = self._flash.read(start, self._half_bytes)
        at = _HEAD.size
        while at + _RECORD.size <= len(log):
            length, kind, name_length, crc = _RECORD.unpack_from(log, at)
            if length == _BLANK:
                break
            rest = log[at + _RECORD.size:at + _RECORD.size + length]
            if len(rest) < length or zlib.crc32(bytes([kind, name_length]) + rest) != crc:
                at = len(log)  # torn: what comes next goes to the other half
                break
            self._apply(kind, rest[:name_length], rest[name_length:])
            at += _padded(_RECORD.size + length)
        self._end = at

    def _apply(self, kind: int, name: bytes, value: bytes) -> None:
        if kind:
            self._entries[name] = (kind, value)
        else:
            self._entries.pop(name, None)

    def get(self, kind: int, name: bytes) -> bytes | None:
        """The value, or None if there is none of that type."""
        found = self._entries.get(name)
        return found[1] if found and found[0] == kind else None

    def set(self, kind: int, name: bytes, value: bytes) -> None:
        """Store it; OSError when it does not fit."""
        if self._entries.get(name) != (kind, value):
            self._append(kind, name, value)

    def erase(self, name: bytes) -> bool:
        """Forget it; False if there was none."""
        if name not in self._entries:
            return False
        self._append(0, name, b"")
        return True

    def _append(self, kind: int, name: bytes, value: bytes) -> None:
        record = _pack(kind, name, value)
        if self._active is None or self._end + len(record) > self._half_bytes:
            self._compact(len(record))
        assert self._active is not None
        at = self._starts[self._active] + self._end
        self._end += len(record)
        self._flash.program(at, record)
        self._apply(kind, name, value)

    def _compact(self, more: int) -> None:
        """All entries into the other half; its header, programmed last, makes it the one."""
        target = 0 if self._active is None else 1 - self._active
        start = self._starts[target]
        records = b"".join(_pack(kind, name, v) for name, (kind, v) in self._entries.items())
        if _HEAD.size + len(records) + more > self._half_bytes:
            raise OSError("the non-volatile store is full")
        for sector in range(self._half_bytes // self._flash.sector_bytes):
            self._flash.erase(start // self._flash.sector_bytes + sector)
        if records:
            self._flash.program(start + _HEAD.size, records)
        generation = self._generation + 1
        crc = zlib.crc32(_MAGIC + struct.pack("<I", generation))
        self._flash.program(start, _HEAD.pack(_MAGIC, generation, crc))
        self._generation, self._active = generation, target
        self._end = _HEAD.size + len(records)


def _padded(length: int) -> int:
    return -(-length // _ALIGN) * _ALIGN


def _pack(kind: int, name: bytes, value: bytes) -> bytes:
    rest = name + value
    crc = zlib.crc32(bytes([kind, len(name)]) + rest)
    record = _RECORD.pack(len(rest), kind, len(name), crc) + rest
    return record.ljust(_padded(len(record)), b"\xff")
