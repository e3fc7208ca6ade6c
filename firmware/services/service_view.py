"""The service button: one page about the device on the display, and the heap on the console."""

import asyncio
import gc

from firmware import VERSION
from protocol.compat import const

_SHOWN_MS = const(8000)


class ServiceView:
    """`door`: display, clock and place; `tap` must be idle, or the button does nothing."""

    def __init__(self, config, door, journal, reader, tap, minder):
        self._config = config
        self._door = door
        self._journal = journal
        self._reader = reader
        self._tap = tap
        self._minder = minder

    def show(self):
        """Tell the console, and the display unless a passenger is being served."""
        self._minder.print_heap()
        print("garbage tap=%d" % self._tap.garbage_bytes)
        if self._tap.idle:
            self._tap.linger(_SHOWN_MS)
            asyncio.create_task(self._door.indicator.lines(self._lines()))

    def _lines(self):
        ring = self._journal.ring
        place = self._door.place
        clock = self._door.clock
        return (
            "%s  %d.%d.%d" % ((self._config.device_id,) + VERSION),
            "Bus %d" % place.vehicle,
            "Route %d  Stop %d" % (place.route, place.stop),
            "Journal %d%%  %d" % (ring.fill_percent, ring.head),
            "Not sent %d" % (ring.head - ring.watermark),
            "Reader faults %d" % self._reader.fault_count,
            "Heap %d KB free" % (gc.mem_free() // 1024),
            "Clock %d  Faults %d" % (clock.quality, self._minder.fault_bits()),
        )
