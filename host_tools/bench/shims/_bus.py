"""The wire between the firmware's VM and the bench: requests out, replies in, and bench time.

Everything a peripheral does goes through `call`; nothing here allocates, because the collector
may come in by way of a flash callback. `now` is microseconds since this start of the VM. It only
moves by replies, by `idle` and by the few microseconds that reading a clock takes, so a run is the
same every time. The messages: host_tools/bench/board/messages.py.
"""

import sys
from array import array

import uos
import vfs
from micropython import const

_OP_POLL = const(2)
_OP_IDLE = const(3)
_REPLY_BYTES = const(32)
_WAIT_US_MAX = const(0x3FFFFFFF)
IRQ_READY = const(0x8000)
_SHIMS = "/.shims"

_port = open(int(uos.getenv("MINIK_BUS_FD")), "rb+")
_read = _port.readinto
_write = _port.write
# 64-bit words as "l": reading a "Q" allocates in this VM
_request = array("l", (0, 0, 0))
_reply = array("l", (0, 0, 0, 0))

now = 0
horizon = 0  # nothing outside the VM happens before this time: until then it need not ask
ready = 0  # bit n: UART n has bytes to read; bit 15: a pin interrupt is pending
irq = None  # called when one is
rom = None  # the file system the shims came from
flash_rom = None  # the flash's ROMFS partition, mapped into memory
main_space = None  # what boot.py, main.py and the prompt share
boot = bytearray(24)  # what the bench said at HELLO


def call(op, unit=0, arg=0, n=0, out=None, into=None):
    """One request; answers the reply's value. `n` bytes of `out` go along, or are asked for.

    The reply's bytes (as many as its value says) are read into `into`. OSError as the reply says.
    """
    global now, horizon, ready
    _request[0] = op | unit << 8 | n << 16
    _request[1] = arg
    _request[2] = now
    _write(_request)
    if out is not None and n:
        _write(out, n)
    if _read(_reply) != _REPLY_BYTES:
        raise SystemExit  # the bench is gone
    value = _reply[0]
    status = _reply[1] >> 16
    ready = _reply[1] & 0xFFFF
    now = _reply[2]
    horizon = _reply[3]
    if status:
        raise OSError(status)
    if into is not None and value:
        _read(into, value)
    return value


def spend(us):
    """Local work of `us`; asks the bench once this VM may have missed something."""
    global now
    now += us
    if now >= horizon:
        call(_OP_POLL)


def idle(until):
    """Let bench time pass to `until` (negative: for ever) or to the next thing that happens."""
    global now
    if ready & IRQ_READY:
        irq()
    elif 0 <= until <= horizon:
        if until > now:
            now = until
    else:
        wait_us = _WAIT_US_MAX if until < 0 else max(until - now, 0)
        call(_OP_IDLE, 0, min(wait_us, _WAIT_US_MAX))
        if ready & IRQ_READY:
            irq()


def wait_until(until):
    """Sleep: `idle` again and again until `now` is `until`."""
    while now < until:
        idle(until)


def part(name):
    """A shim that comes in only when the firmware asks for what is in it."""
    vfs.mount(rom, _SHIMS)
    sys.path.insert(0, _SHIMS)
    try:
        return __import__(name)
    finally:
        sys.path.pop(0)
        vfs.umount(_SHIMS)
