"""`time` as an ESP32 has it, on bench time.

`time()` counts from 2000; ticks have the period 2**30 and start 5 s before they wrap, so that
every boot meets the wrap. Reading a clock takes 2 us, so that a loop which only watches the time
ends. Left out: time zones (a board has none).
"""

import _bus
import utime
from micropython import const

_MASK = const((1 << 30) - 1)
_HALF = const(1 << 29)
_START_MS = const((1 << 30) - 5000)
_START_US = const((1 << 30) - 5000000)
_EPOCH_UNIX_S = const(946684800)
_READ_US = const(2)

rtc_us = 0  # microseconds since 2000 when `_bus.now` was 0


def ticks_ms():
    _bus.spend(_READ_US)
    return (_bus.now // 1000 + _START_MS) & _MASK


def ticks_us():
    _bus.spend(_READ_US)
    return (_bus.now + _START_US) & _MASK


ticks_cpu = ticks_us


def ticks_add(ticks, delta):
    if not -_HALF <= delta < _HALF:
        raise OverflowError("ticks interval overflow")
    return (ticks + delta) & _MASK


def ticks_diff(end, start):
    return ((end - start + _HALF) & _MASK) - _HALF


def sleep(seconds):
    _bus.wait_until(_bus.now + int(seconds * 1000000))


def sleep_ms(ms):
    _bus.wait_until(_bus.now + ms * 1000)


def sleep_us(us):
    _bus.wait_until(_bus.now + us)


def time():
    _bus.spend(_READ_US)
    return (rtc_us + _bus.now) // 1000000


def time_ns():
    _bus.spend(_READ_US)
    return (rtc_us + _bus.now) * 1000


def gmtime(seconds=None):
    if seconds is None:
        seconds = time()
    return utime.gmtime(seconds + _EPOCH_UNIX_S)[:8]


localtime = gmtime


def mktime(fields):
    return int(utime.mktime(tuple(fields[:8]) + (0,))) - _EPOCH_UNIX_S
