"""What an ESP32's frozen start code does: mount the flash, run boot.py, then main.py.

Started once a boot by the bench, from the host's files; before the firmware's first line the
host's file system is unmounted and the import path is a board's. When main.py ends or raises, a
board is at its REPL: so is this one, and the bench is told.
"""

# ruff: noqa: E402, F401, I001 (what the shims keep is counted from the first line on)
import gc

gc.collect()
_before = gc.mem_alloc()

import sys

import _bus
import _tasks
import esp32
import machine
import neopixel
import os
import random
import select
import struct
import time
import vfs
from micropython import const

_OP_HELLO = const(1)
_OP_STARTED = const(4)
_OP_REPL = const(9)
_BLANK_BYTES = const(512)
_ENDED = const(0)
_RAISED = const(1)
_NO_FILES = const(2)


def _mount():
    """littlefs at '/', made if there is none on a blank partition. False if none can be mounted.

    A blank first block alone says nothing: a power cut may have left the pair's other one.
    No modification times: littlefs in this VM would take them from the host's clock.
    """
    found = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="vfs")
    if not found:
        return False
    try:
        files = vfs.VfsLfs2(found[0], mtime=False)
    except OSError:
        blank = bytearray(_BLANK_BYTES)
        found[0].readblocks(0, blank, 0)
        if blank != b"\xff" * _BLANK_BYTES:
            return False
        vfs.VfsLfs2.mkfs(found[0])
        files = vfs.VfsLfs2(found[0], mtime=False)
    vfs.umount("/rom")
    vfs.umount("/")
    vfs.mount(files, "/")
    os.chdir("/")
    sys.path[:] = ["", ".frozen", "/lib"]
    try:
        vfs.mount(vfs.VfsRom(_bus.flash_rom), "/rom")
        sys.path += ["/rom", "/rom/lib"]
    except OSError:
        pass  # no ROMFS in that partition
    return True


def _run(name):
    """Run a file of the flash as the board does; True unless it raised."""
    try:
        os.stat(name)
    except OSError:
        return True
    try:
        execfile(name, _bus.main_space)  # noqa: F821
    except SystemExit:
        machine.soft_reset()
    except BaseException as error:
        sys.print_exception(error)
        return False
    return True


sys.modules["_asyncio"] = _tasks
_bus.call(_OP_HELLO, 0, 0, len(_bus.boot), None, _bus.boot)
time.rtc_us, _seed = struct.unpack_from("<qI", _bus.boot, 0)
random.seed(_seed)
gc.collect()
_bus.call(_OP_STARTED, 0, gc.mem_alloc() - _before, gc.mem_free())
if _mount():
    gc.collect()
    _how = _ENDED if _run("boot.py") and _run("main.py") else _RAISED
else:
    print("no file system on the vfs partition")
    _how = _NO_FILES
_bus.call(_OP_REPL, _how)
