"""The shims as one read-only file system that the VM runs in place.

On a board `machine` and its like are in flash and take no heap. Here their bytecode lies in memory
outside the VM's heap, so only their objects count in it. Source: MicroPython's ROMFS (extmod/
vfs_rom.c): records of kind, length, payload, numbers in groups of seven bits, high group first.
"""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from host_tools.device.build import compile_module

SHIMS = Path(__file__).parent.parent / "shims"
_MAGIC = b"\xd2\xcd\x31"
_KIND_DATA = 2
_KIND_FILE = 5


def _number(value: int) -> bytes:
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(0x80 | value & 0x7F)
    return bytes(reversed(groups))


def _record(kind: int, payload: bytes) -> bytes:
    return _number(kind) + _number(len(payload)) + payload


def romfs(files: Mapping[str, bytes]) -> bytes:
    """A ROMFS with `files` (plain name → content) in its root."""
    body = b""
    for name in sorted(files):
        encoded = name.encode()
        payload = _number(len(encoded)) + encoded + _record(_KIND_DATA, files[name])
        body += _record(_KIND_FILE, payload)
    return _MAGIC + _number(len(body)) + body


@functools.cache
def shim_rom_file() -> BinaryIO:
    """An unnamed file with the compiled shims as a ROMFS, made once a process."""
    files = {
        source.stem + ".mpy": compile_module(source.read_bytes(), source.name)
        for source in SHIMS.glob("*.py")
    }
    file = tempfile.TemporaryFile(prefix="minik-shims-")  # noqa: SIM115 (kept for all boards)
    file.write(romfs(files))
    file.flush()
    return file
