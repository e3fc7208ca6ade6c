"""The driver's menu: which line the bus is on, and at which stop or in which zone it is.

Stages: closed → line → stop → closed; the driver key opens it and leaves it from any stage,
fifteen seconds without a press close it. What was taken becomes the place at once
(`DeviceSide.set_place` journals and keeps it). Rows of the tariff without a name are gone (SPEC
§6.5) and passed over. Left out: vehicles, which the configuration names, and drivers' names.
"""

import time

from firmware.services.choice import DRIVER, REDUCED, RIDERS
from protocol.compat import const
from protocol.errors import JournalCorrupt
from protocol.fares.tariff import ZONE_STOP

_SHOWN_MS = const(15000)
_CLOSED = const(0)
_LINE = const(1)
_STOP = const(2)
_TOLD = const(3)  # a text that any key takes away


class PlaceMenu:
    """Changes the place of `device` (uplink.DeviceSide) to what is chosen from `tariff`."""

    def __init__(self, tariff, device, indicator):
        self._tariff = tariff
        self._device = device
        self._indicator = indicator
        self._stage = _CLOSED
        self._told = ""
        self._index = 0
        self._route = 0
        self._pressed_at = 0

    def left_ms(self):
        """For how long the menu stays open without a press; 0 is closed."""
        if self._stage == _CLOSED:
            return 0
        left_ms = _SHOWN_MS - time.ticks_diff(time.ticks_ms(), self._pressed_at)
        if left_ms <= 0:
            self._stage = _CLOSED
            return 0
        return left_ms

    def press(self, key):
        """A key of services/choice.py was pressed while the menu is open, or DRIVER to open it."""
        opened = self.left_ms() > 0
        self._pressed_at = time.ticks_ms()
        if not opened:
            self._open()
        elif key == DRIVER or self._stage == _TOLD:
            self._stage = _CLOSED
        elif key == RIDERS:
            self._step(1)
        elif key == REDUCED:
            self._step(-1)
        elif self._stage == _LINE:
            self._take_line()
        else:
            self._move(self._code())

    def _open(self):
        self._stage = _LINE
        if not self._find(self._device.place()[1]):
            self._tell("no_lines")

    def _take_line(self):
        self._route = self._code()
        self._stage = _STOP
        _, route, stop = self._device.place()
        if not self._find(stop if route == self._route else 0):
            self._move(0)

    def _find(self, code):
        """Begin with the entry of `code`, else with the first; False if there is none."""
        count = self._count()
        for index in range(count):
            self._index = index
            if self._code() == code and self._name():
                return True
        self._index = count - 1
        return count > 0 and self._step(1)

    def _step(self, by):
        """To the next entry that has a name, round and round; False if none has."""
        count = self._count()
        for _ in range(count):
            self._index = (self._index + by) % count
            if self._name():
                return True
        return False

    def _count(self):
        """How many lines, or stops and zones, there are to choose from."""
        tariff = self._tariff
        if self._stage == _LINE:
            return tariff.route_count
        return tariff.route_stop_count(self._route) + tariff.area_count

    def _code(self):
        """Code of the line, stop or zone on show."""
        index = self._index
        if self._stage == _LINE:
            return index + 1
        stop_count = self._tariff.route_stop_count(self._route)
        if index < stop_count:
            return self._tariff.route_stop(self._route, index)
        return ZONE_STOP + index - stop_count + 1

    def _name(self):
        if self._stage == _LINE:
            return self._tariff.route_name(self._code())
        return self._tariff.stop_name(self._code())

    def _move(self, stop):
        self._stage = _CLOSED
        try:
            if not self._device.set_place(self._device.place()[0], self._route, stop):
                self._tell("not_kept")
        except JournalCorrupt:
            pass  # the journal remembers it, and the tap service closes the door

    def _tell(self, key):
        self._stage = _TOLD
        self._told = key

    async def draw(self):
        """Show the entry to choose, or what there is to tell."""
        if self._stage == _TOLD:
            await self._indicator.told(self._told)
            return
        key = "menu_line" if self._stage == _LINE else "menu_stop"
        await self._indicator.entry(key, self._index + 1, self._count(), self._name())
