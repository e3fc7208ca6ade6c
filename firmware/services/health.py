"""How the device is: faults, heap, the HEALTH record, and the watchdog that minds the tasks.

The watchdog is fed only after every minded task has shown life since the last time.
"""

import asyncio
import gc

from protocol.compat import const
from protocol.errors import JournalCorrupt
from protocol.journal import records

TAP_ALIVE = const(1)
UPLINK_ALIVE = const(2)
_ALL_ALIVE = const(3)
WATCHDOG_MS = const(12000)

READER_FAULT = const(1)
DISPLAY_FAULT = const(2)
RTC_FAULT = const(4)
CLOCK_UNKNOWN = const(8)
JOURNAL_FAULT = const(16)

_ROUND_MS = const(2000)
_ROUNDS_SCREEN = const(15)  # the ready screen tells the time of day
_ROUNDS_RTC = const(1800)
_ROUNDS_TARIFF = const(1799)  # about an hour, at another moment
_ROUNDS_RECORD = const(10800)  # six hours
_READER_FAULTS_MAX = const(0xFFFF)


class Health:
    """`watchdog` is a machine.WDT; the others are what is looked at."""

    def __init__(self, watchdog, reader, display, clock, journal):
        self._watchdog = watchdog
        self._reader = reader
        self._display = display
        self._clock = clock
        self._journal = journal
        self._alive = 0

    def tap_alive(self):
        """The tap service runs."""
        self._alive |= TAP_ALIVE

    def uplink_alive(self):
        """The uplink runs."""
        self._alive |= UPLINK_ALIVE

    def fault_bits(self):
        """What does not work now, as bits of the HEALTH record (SPEC §3.1)."""
        bits = 0
        if self._reader.away:
            bits |= READER_FAULT
        if self._display.fault:
            bits |= DISPLAY_FAULT
        if self._clock.rtc_fault:
            bits |= RTC_FAULT
        if not self._clock.quality:
            bits |= CLOCK_UNKNOWN
        if self._journal.failed:
            bits |= JOURNAL_FAULT
        return bits

    def record(self):
        """Journal how things are, if there is room; `failed` of the journal says if it failed."""
        gc.collect()
        try:
            self._journal.append_fields(records.HEALTH, {
                "fault_bits": self.fault_bits(),
                "fill_percent": self._journal.ring.fill_percent,
                "reader_faults": min(self._reader.fault_count, _READER_FAULTS_MAX),
                "heap_free": gc.mem_free(),
            })
        except JournalCorrupt:
            pass  # the journal remembers it, and the tap service closes the door

    def print_heap(self):
        """The trace line about memory, after a collection."""
        gc.collect()
        print("heap free=%d alloc=%d" % (gc.mem_free(), gc.mem_alloc()))

    async def run(self, tap, indicator, tariff):
        """Mind the tasks and the slow things, for ever.

        LayoutError when the tariff has rotted on its flash: no fare of it may be charged.
        """
        rounds = 0
        while True:
            await asyncio.sleep_ms(_ROUND_MS)
            rounds += 1
            if self._alive == _ALL_ALIVE:
                self._alive = 0
                self._watchdog.feed()
            self._clock.uptime_s()
            if tap.busy:
                continue
            if rounds % _ROUNDS_TARIFF == 0:
                tariff.check()
            if rounds % _ROUNDS_RTC == 0:
                self._clock.read_rtc()
            if rounds % _ROUNDS_RECORD == 0 and not self._journal.failed:
                self.record()
            if tap.idle and (rounds % _ROUNDS_SCREEN == 0 or indicator.is_stale()):
                await indicator.ready()
