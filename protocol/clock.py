"""Local time and calendar by arithmetic: days, weeks, months and the zone's summer time.

A zone is its present rule (SPEC §6.3), not its history: a tariff carries the rule for its own
life. Days count from 2020-01-01, a Wednesday. Source of the month arithmetic: years that begin
on 1 March end with the leap day, and the lengths of their months repeat every 153 days.
"""

from protocol.compat import const
from protocol.fields import get_uint

ZONE_WIDTH = const(20)
DAY_S = const(86400)

_DAYS_TO_2020 = const(7245)  # from 2000-03-01, where months are counted from
_BEGIN = const(8)  # offsets in the zone rule
_END = const(14)
_LAST_WEEK = const(5)


def weekday(day):
    """Day of the week, 0 Monday to 6 Sunday."""
    return (day + 2) % 7


def week_of(day):
    """Number of the ISO week (Monday first) that `day` lies in, counted without gaps."""
    return (day + 2) // 7


def month_of(day):
    """Number of the calendar month that `day` lies in, counted without gaps from March 2000."""
    days = day + _DAYS_TO_2020
    year = (days - days // 1460 + days // 36524) // 365
    day_of_year = days - (365 * year + year // 4 - year // 100)
    return 12 * year + (5 * day_of_year + 2) // 153


def month_start(month):
    """First day of the month that `month_of` counts so."""
    year = month // 12
    days = 365 * year + year // 4 - year // 100 + (153 * (month % 12) + 2) // 5
    return days - _DAYS_TO_2020


def civil(day):
    """(year, month 1 to 12, day of the month) of a day."""
    month = month_of(day)
    return 2000 + (month + 2) // 12, (month + 2) % 12 + 1, day - month_start(month) + 1


def day_number(year, month, day_of_month):
    """The day of a civil date; the date is not checked."""
    return month_start(12 * (year - 2000) + month - 3) + day_of_month - 1


def _offset_s(rule, at):
    """Signed 32 bits."""
    value = get_uint(rule, at, 3)
    return value + (((rule[at + 3] ^ 0x80) - 0x80) << 24)


class Zone:
    """The clock of one agency, from the 20 bytes of its zone rule."""

    def __init__(self, rule):
        self._rule = bytes(rule)
        self.standard_s = _offset_s(self._rule, 0)
        self.summer_s = _offset_s(self._rule, 4)

    def offset_s(self, now):
        """Seconds that local time is ahead of UTC at `now`."""
        if self.summer_s == self.standard_s:
            return self.standard_s
        standard = now + self.standard_s  # both turns are compared in standard time
        year = (month_of(standard // DAY_S) + 2) // 12
        begin = self._turn(_BEGIN, year)
        end = self._turn(_END, year) - (self.summer_s - self.standard_s)
        if begin <= end:
            summer = begin <= standard < end
        else:
            summer = not end <= standard < begin
        return self.summer_s if summer else self.standard_s

    def local(self, now):
        """Seconds of local time since 2020-01-01T00:00:00 on the clock of the place."""
        return now + self.offset_s(now)

    def _turn(self, at, year):
        """Local second at which the clocks turn in `year` (since 2000)."""
        rule = self._rule
        month = 12 * year + rule[at] - 3
        first = month_start(month)
        day = first + (rule[at + 2] - first - 3) % 7 + 7 * (rule[at + 1] - 1)
        if rule[at + 1] == _LAST_WEEK and day >= month_start(month + 1):
            day -= 7
        return day * DAY_S + get_uint(rule, at + 3, 3)
