"""DS3231 real-time clock on I2C: the time when nobody else knows it.

Source: Maxim DS3231 data sheet 19-5170 rev 10 (table 1 registers, p. 14 status register). It keeps
UTC; times are seconds since 2020-01-01T00:00:00Z. Left out: alarms, ageing, the 12-hour mode.
"""

from protocol.clock import civil, day_number
from protocol.compat import const

_SECONDS = const(0x00)
_STATUS = const(0x0F)
_OSF = const(0x80)  # the oscillator has stopped since it was last set: the time is no good
_YEAR_MAX = const(2053)


def seconds_of(year, month, day, hour, minute, second):
    """Seconds since 2020 of a UTC date and time of 2020 to 2053."""
    return ((day_number(year, month, day) * 24 + hour) * 60 + minute) * 60 + second


def date_of(seconds):
    """(year, month, day, hour, minute, second) of seconds since 2020."""
    day, rest = divmod(seconds, 86400)
    return civil(day) + (rest // 3600, rest // 60 % 60, rest % 60)


def _bcd(value):
    return value // 10 << 4 | value % 10


class ClockDs3231:
    """The clock at `address` of `i2c` (a machine.I2C)."""

    def __init__(self, i2c, address):
        self._i2c = i2c
        self._address = address
        self._registers = bytearray(7)
        self._status = bytearray(1)

    def read(self):
        """The time in seconds since 2020, or -1: it does not know. OSError: it does not answer."""
        self._i2c.readfrom_mem_into(self._address, _STATUS, self._status)
        self._i2c.readfrom_mem_into(self._address, _SECONDS, self._registers)
        if self._status[0] & _OSF:
            return -1
        registers = self._registers
        second = self._value(0, 0x7F, 0, 59)
        minute = self._value(1, 0x7F, 0, 59)
        hour = self._value(2, 0x3F, 0, 23)
        day = self._value(4, 0x3F, 1, 31)
        month = self._value(5, 0x1F, 1, 12)
        year = self._value(6, 0xFF, 20, _YEAR_MAX - 2000)
        if registers[2] & 0x40 or min(second, minute, hour, day, month, year) < 0:
            return -1
        return seconds_of(2000 + year, month, day, hour, minute, second)

    def _value(self, register, mask, least, most):
        bcd = self._registers[register] & mask
        value = (bcd >> 4) * 10 + (bcd & 15)
        return value if bcd & 15 <= 9 and least <= value <= most else -1

    def write(self, seconds):
        """Set the time; it counts as known from now on. OSError: it does not answer."""
        year, month, day, hour, minute, second = date_of(seconds)
        registers = self._registers
        registers[0] = _bcd(second)
        registers[1] = _bcd(minute)
        registers[2] = _bcd(hour)
        registers[3] = (seconds // 86400 + 2) % 7 + 1
        registers[4] = _bcd(day)
        registers[5] = _bcd(month)
        registers[6] = _bcd(year - 2000)
        self._i2c.writeto_mem(self._address, _SECONDS, registers)
        self._status[0] = 0
        self._i2c.writeto_mem(self._address, _STATUS, self._status)
