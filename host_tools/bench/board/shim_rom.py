"""The shims as one read-only file system that the VM runs in place.

On a board `machine` and its like are in flash and take no heap. Here their bytecode lies in memory
outside the VM's heap, so only their objects count in it.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import BinaryIO

from host_tools.device.build import compile_module
from host_tools.device.romfs import romfs_image

SHIMS = Path(__file__).parent.parent / "shims"
@functools.cache
def shim_rom_file() -> BinaryIO:
    """An unnamed file with the compiled shims as a ROMFS, made once a process."""
    files = {
        "/" + source.stem + ".mpy": compile_module(source.read_bytes(), source.name)
        for source in SHIMS.glob("*.py")
    }
    file = tempfile.TemporaryFile(prefix="minik-shims-")  # noqa: SIM115 (kept for all boards)
    file.write(romfs_image(files))
    file.flush()
    return file
