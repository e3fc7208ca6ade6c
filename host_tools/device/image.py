"""The flash of a board: the partition table as data, its bytes, a littlefs and the whole image.

The one place that says where things lie in flash. Sources: the ESP-IDF's partition table format
(32-byte entries at 0x8000, MD5 entry at their end); littlefs-python for the file system, with the
geometry MicroPython's ESP32 port mounts.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from littlefs import LittleFS, LittleFSError

from host_tools.device.romfs import romfs_image
from host_tools.errors import BadInput

SECTOR_BYTES = 4096
TABLE_OFFSET = 0x8000
TYPE_APP = 0
TYPE_DATA = 1
_ENTRY = struct.Struct("<HBBII16sI")
_ENTRY_MAGIC = 0x50AA
_MD5_MAGIC = b"\xeb\xeb" + b"\xff" * 14
_SUBTYPE_UNDEFINED = 0x06
_SUBTYPE_ROMFS = 0x8F
ROMFS_LABEL = "romfs"
ROM_FOLDER = "/rom"  # where a board mounts it, and what build paths of its files begin with
_DISK_VERSION = 0x00020000


@dataclass(frozen=True)
class PartitionEntry:
    """One partition; offsets and sizes in bytes, whole sectors."""

    label: str
    type: int
    subtype: int
    offset: int
    size: int

    @property
    def end(self) -> int:
        """First byte after it."""
        return self.offset + self.size


@dataclass(frozen=True)
class FlashLayout:
    """Flash size and partitions in ascending order; ValueError if they do not fit."""

    size: int
    partitions: tuple[PartitionEntry, ...]

    def __post_init__(self) -> None:
        free_from = TABLE_OFFSET + SECTOR_BYTES
        for part in self.partitions:
            if part.offset < free_from or part.offset % SECTOR_BYTES or part.size % SECTOR_BYTES:
                raise ValueError(f"partition {part.label} overlaps or is not whole sectors")
            free_from = part.end
        if free_from > self.size:
            raise ValueError("the partitions are larger than the flash")

    def find(self, label: str) -> PartitionEntry:
        """The partition called `label`; KeyError if there is none."""
        for part in self.partitions:
            if part.label == label:
                return part
        raise KeyError(label)

    def table_bytes(self) -> bytes:
        """The table as the bootloader and `esp32.Partition` read it, one sector."""
        entries = b"".join(
            _ENTRY.pack(
                _ENTRY_MAGIC, part.type, part.subtype, part.offset, part.size,
                part.label.encode(), 0,
            )
            for part in self.partitions
        )
        table = entries + _MD5_MAGIC + hashlib.md5(entries, usedforsecurity=False).digest()
        return table.ljust(SECTOR_BYTES, b"\xff")


DEFAULT_LAYOUT = FlashLayout(
    0x1000000,
    (
        PartitionEntry("nvs", TYPE_DATA, 0x02, 0x9000, 0x6000),
        PartitionEntry("otadata", TYPE_DATA, 0x00, 0xF000, 0x1000),
        PartitionEntry("ota_0", TYPE_APP, 0x10, 0x10000, 0x1F0000),
        PartitionEntry("ota_1", TYPE_APP, 0x11, 0x200000, 0x200000),
        PartitionEntry("lists_0", TYPE_DATA, _SUBTYPE_UNDEFINED, 0x400000, 0x200000),
        PartitionEntry("lists_1", TYPE_DATA, _SUBTYPE_UNDEFINED, 0x600000, 0x200000),
        PartitionEntry("journal", TYPE_DATA, _SUBTYPE_UNDEFINED, 0x800000, 0x700000),
        PartitionEntry("vfs", TYPE_DATA, 0x81, 0xF00000, 0xC0000),
        PartitionEntry(ROMFS_LABEL, TYPE_DATA, _SUBTYPE_ROMFS, 0xFC0000, 0x40000),
    ),
)


def small_layout(
    journal_sectors: int = 8, vfs_sectors: int = 64, romfs_sectors: int = 32
) -> FlashLayout:
    """A layout with the same labels but little flash, for tests that cut it many times."""
    at = 0x9000
    parts = []
    for label, kind, subtype, sectors in (
        ("nvs", TYPE_DATA, 0x02, 4),
        ("ota_0", TYPE_APP, 0x10, 1),
        ("journal", TYPE_DATA, _SUBTYPE_UNDEFINED, journal_sectors),
        ("vfs", TYPE_DATA, 0x81, vfs_sectors),
        (ROMFS_LABEL, TYPE_DATA, _SUBTYPE_ROMFS, romfs_sectors),
    ):
        parts.append(PartitionEntry(label, kind, subtype, at, sectors * SECTOR_BYTES))
        at = parts[-1].end
    return FlashLayout(at, tuple(parts))


def _littlefs(block_count: int) -> LittleFS:
    return LittleFS(
        block_size=SECTOR_BYTES, block_count=block_count, read_size=32, prog_size=32,
        cache_size=128, lookahead_size=32, disk_version=_DISK_VERSION,
    )


def littlefs_image(files: Mapping[str, bytes], size: int) -> bytes:
    """A littlefs of `size` bytes with `files` (absolute path → content), the same every time.

    BadInput if they do not fit.
    """
    disk = _littlefs(size // SECTOR_BYTES)
    try:
        for path in sorted(files):
            disk.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
            with disk.open(path, "wb") as file:
                file.write(files[path])
    except LittleFSError as error:
        raise BadInput(f"{path}: does not go into a file system of {size} bytes") from error
    return bytes(disk.context.buffer)


def read_littlefs(image: bytes) -> dict[str, bytes]:
    """Every file of a littlefs image; BadInput if it is none."""
    disk = LittleFS(
        block_size=SECTOR_BYTES, block_count=len(image) // SECTOR_BYTES, read_size=32,
        prog_size=32, cache_size=128, lookahead_size=32, mount=False,
    )
    disk.context.buffer = bytearray(image)
    files = {}
    try:
        disk.mount()
        for folder, _, names in disk.walk("/"):
            for name in names:
                path = str(PurePosixPath(folder, name))
                with disk.open(path, "rb") as file:
                    files[path] = bytes(file.read())
    except LittleFSError as error:
        raise BadInput("not a sound littlefs image") from error
    return files


def flash_image(
    files: Mapping[str, bytes], layout: FlashLayout = DEFAULT_LAYOUT
) -> bytearray:
    """The whole flash of a new board: partition table, `files` in their places, the rest blank.

    `files` is a build (`build.build_firmware`) plus what the board gets at provisioning
    (/config.json, /keys.cbor). What lies in /rom goes into the ROMFS, all else into the vfs.
    BadInput if it does not fit.
    """
    image = bytearray(b"\xff") * layout.size
    image[TABLE_OFFSET:TABLE_OFFSET + SECTOR_BYTES] = layout.table_bytes()
    vfs = layout.find("vfs")
    in_place = {path[len(ROM_FOLDER):]: content for path, content in files.items()
                if path.startswith(ROM_FOLDER + "/")}
    plain = {path: content for path, content in files.items()
             if not path.startswith(ROM_FOLDER + "/")}
    image[vfs.offset:vfs.end] = littlefs_image(plain, vfs.size)
    if in_place:
        rom = layout.find(ROMFS_LABEL)
        content = romfs_image(in_place)
        if len(content) > rom.size:
            raise BadInput(f"the modules do not fit into a ROMFS of {rom.size} bytes")
        image[rom.offset:rom.offset + len(content)] = content
    return image
