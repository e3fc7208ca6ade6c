"""The serial uplink: `protocol.sync.session.DeviceSession` on a UART, between taps only.

While a tap is under way bytes wait in the UART's buffer. Everything the session asks of the device
(clock, place) is answered here. Left out: other carriers.
"""

import asyncio

from firmware import VERSION
from protocol.compat import const
from protocol.errors import JournalCorrupt
from protocol.journal import records

BAUD = const(921600)
BUFFER_BYTES = const(2048)
_CHUNK_BYTES = const(256)
_BUSY_PAUSE_MS = const(20)
_TICK_MS = const(1000)
_CLOCK_STEP_S = const(2)  # the centre's time is taken when ours is off by that, or worse known


class DeviceSide:
    """What DeviceSession wants of the device: `firmware`, `clock`, `place` and setting both.

    `state` (services/state.py) keeps the place, and what the ledger acknowledged.
    """

    firmware = bytes(VERSION)

    def __init__(self, clock, journal, place, state):
        self._clock = clock
        self._journal = journal
        self._place = place
        self._state = state

    def clock(self):
        """(time, quality)"""
        return self._clock.now(), self._clock.quality

    def set_clock(self, seconds):
        """The centre says what time it is; a step is journalled."""
        clock = self._clock
        before = clock.now()
        if clock.quality == records.CLOCK_CENTRE and abs(seconds - before) < _CLOCK_STEP_S:
            return
        clock.set(seconds, records.CLOCK_CENTRE)
        self._journal.append_fields(records.CLOCK, {
            "old_time": before, "new_time": seconds, "source": records.CLOCK_CENTRE,
        })
        print("clock set=%d" % seconds)

    def place(self):
        """(vehicle, route, stop)"""
        place = self._place
        return place.vehicle, place.route, place.stop

    def set_place(self, vehicle, route, stop):
        """Move to another place. True once it holds, is journalled and outlasts a power cut."""
        before = self.place()
        self._move(vehicle, route, stop)
        fields = {"vehicle": vehicle, "route": route, "stop": stop}
        if self.keep() and self._journal.append_fields(records.PLACE, fields):
            print("place vehicle=%d route=%d stop=%d" % (vehicle, route, stop))
            return True
        self._move(*before)
        self.keep()
        return False

    def _move(self, vehicle, route, stop):
        place = self._place
        place.vehicle = vehicle
        place.route = route
        place.stop = stop

    def keep(self):
        """Keep place and watermark for the next boot. False if the file system fails."""
        try:
            self._state.save(self._journal.ring.watermark)
        except OSError:
            print("fault file system")
            return False
        return True


class Uplink:
    """`session` on `uart`. `held` says whether a tap is under way, `alive` is called every second.

    `device` is the session's DeviceSide.
    """

    def __init__(self, uart, session, journal, device, clock, held, alive):
        self._uart = uart
        self._session = session
        self._journal = journal
        self._device = device
        self._clock = clock
        self._held = held
        self._alive = alive
        self._told = None

    async def run(self):
        """Feed what comes over the line to the session, for ever."""
        stream = asyncio.StreamReader(self._uart)
        chunk = bytearray(_CHUNK_BYTES)
        view = memoryview(chunk)
        while True:
            count = await stream.readinto(chunk) or 0
            await self._free()
            self._guarded(self._session.feed, view[:count])

    async def run_clock(self):
        """Let the session's time pass, keep its results, for ever."""
        while True:
            await asyncio.sleep_ms(_TICK_MS)
            self._alive()
            if self._held():
                continue
            self._guarded(self._session.tick)
            self._keep()

    async def _free(self):
        while self._held():
            await asyncio.sleep_ms(_BUSY_PAUSE_MS)

    def _guarded(self, step, *args):
        """One step of the session and what it sends; a journal that fails closes the device."""
        try:
            step(*args, self._clock.uptime_s())
            frame = self._session.outgoing()
            while frame is not None:
                self._uart.write(frame)
                frame = self._session.outgoing()
        except (JournalCorrupt, OSError):
            self._journal.failed = True

    def _keep(self):
        session = self._session
        ring = self._journal.ring
        told = (session.is_open, ring.watermark, session.fault)
        if told == self._told:
            return
        self._told = told
        print("sync open=%d watermark=%d head=%d fault=%d" % (
            session.is_open, ring.watermark, ring.head, session.fault
        ))
        self._device.keep()
