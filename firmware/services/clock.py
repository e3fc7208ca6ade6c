"""Time of day and uptime from the chip's ticks, wrap-safe, with a quality (SPEC §1).

Taps need a known time: quality 0 means that neither the real-time clock nor the centre has told it
since power-on. `now` has to be called at least once in six days; the supervisor sees to that.
"""

import time

from protocol.journal.records import CLOCK_RTC, CLOCK_UNKNOWN


class Clock:
    """`rtc` is a driver with `read()` and `write(seconds)` (drivers/clock_ds3231.py).

    `quality` is one of records.CLOCK_…; `rtc_fault` says the chip does not answer.
    """

    def __init__(self, rtc):
        self._rtc = rtc
        self._ticks = time.ticks_ms()
        self._uptime_s = 0
        self._offset_s = 0  # time = offset + uptime
        self.quality = CLOCK_UNKNOWN
        self.rtc_fault = False

    def uptime_s(self):
        """Whole seconds since this object was made."""
        elapsed_ms = time.ticks_diff(time.ticks_ms(), self._ticks)
        if elapsed_ms >= 1000:
            seconds = elapsed_ms // 1000
            self._uptime_s += seconds
            self._ticks = time.ticks_add(self._ticks, seconds * 1000)
        return self._uptime_s

    def now(self):
        """Seconds since 2020; without a known time, the uptime."""
        return self._offset_s + self.uptime_s()

    def read_rtc(self):
        """Take the time of the real-time clock if it has one."""
        if self.rtc_fault and self.quality:
            return  # it may not have taken the better time that `set` had for it
        try:
            seconds = self._rtc.read()
        except OSError:
            self.rtc_fault = True
            return
        self.rtc_fault = False
        if seconds >= 0:
            self._offset_s = seconds - self.uptime_s()
            self.quality = self.quality or CLOCK_RTC

    def set(self, seconds, quality):
        """The time is `seconds` now, says a source of this quality; the chip is set as well."""
        self._offset_s = seconds - self.uptime_s()
        self.quality = quality
        try:
            self._rtc.write(seconds)
            self.rtc_fault = False
        except OSError:
            self.rtc_fault = True
