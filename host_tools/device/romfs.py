"""A ROMFS: the read-only file system whose modules a board runs in place, out of flash.

What lies in it takes no heap but for its objects (decision 0007). Source: MicroPython's ROMFS
(extmod/vfs_rom.c): records of kind, length, payload; numbers in groups of seven bits, high first.
"""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

MAGIC = b"\xd2\xcd\x31"
_KIND_DATA = 2
_KIND_FOLDER = 4
_KIND_FILE = 5


def _number(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(0x80 | value & 0x7F)
    return bytes(reversed(groups))


def _record(kind: int, payload: bytes) -> bytes:
    return _number(kind) + _number(len(payload)) + payload


def _folder(entries: Mapping[str, Any]) -> bytes:
    body = b""
    for name in sorted(entries):
        encoded = name.encode()
        head = _number(len(encoded)) + encoded
        entry = entries[name]
        if isinstance(entry, bytes):
            body += _record(_KIND_FILE, head + _record(_KIND_DATA, entry))
        else:
            body += _record(_KIND_FOLDER, head + _folder(entry))
    return body


def romfs_image(files: Mapping[str, bytes]) -> bytes:
    """A ROMFS with `files` (absolute path → content)."""
    root: dict[str, Any] = {}
    for path, content in files.items():
        *folders, name = PurePosixPath(path).parts[1:]
        place = root
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = content
    body = _folder(root)
    return MAGIC + _number(len(body)) + body
