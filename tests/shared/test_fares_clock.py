"""Calendar and summer time, against counting on fingers and instants from the tz database."""

import struct

from protocol import clock
from protocol.clock import Zone
from tests.shared.tariff_payload import CENTRAL_EUROPE

_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _zone(standard, summer, begin, end):
    rule = struct.pack("<ii", standard, summer)
    for month, week, weekday, second in (begin, end):
        rule += bytes([month, week, weekday]) + struct.pack("<I", second)[:3]
    return Zone(rule)


def test_every_day_that_a_card_can_say():
    day = 0
    month_count = 0
    for year in range(2020, 2200):
        for month in range(1, 13):
            length = _LENGTHS[month - 1]
            if month == 2 and year % 4 == 0 and year != 2100:
                length = 29
            start = day
            index = clock.month_of(day)
            assert index - clock.month_of(0) == month_count
            assert clock.month_start(index) == start
            for of_month in range(1, length + 1):
                assert clock.month_of(day) == index
                if of_month in (1, 15, length):
                    assert clock.civil(day) == (year, month, of_month)
                    assert clock.day_number(year, month, of_month) == day
                day += 1
            month_count += 1
    assert day == 65744
    assert day > 0xFFFF


def test_weeks_begin_on_monday():
    assert clock.weekday(0) == 2  # 2020-01-01 was a Wednesday
    for day in range(1000):
        assert clock.weekday(day + 1) == (clock.weekday(day) + 1) % 7
        assert (clock.week_of(day + 1) == clock.week_of(day)) == (clock.weekday(day + 1) != 0)


def _turns(zone, at, before_s, after_s):
    assert zone.offset_s(at - 1) == before_s
    assert zone.offset_s(at) == after_s


def _utc(year, month, day, hour, minute=0):
    return clock.day_number(year, month, day) * 86400 + hour * 3600 + minute * 60


def test_summer_time_of_central_europe():
    zone = _zone(*CENTRAL_EUROPE)
    for year, march, october in ((2020, 29, 25), (2026, 29, 25), (2027, 28, 31), (2030, 31, 27)):
        _turns(zone, _utc(year, 3, march, 1), 3600, 7200)
        _turns(zone, _utc(year, 10, october, 1), 7200, 3600)
    assert zone.local(_utc(2026, 7, 1, 10)) == _utc(2026, 7, 1, 12)


def test_summer_time_of_the_southern_hemisphere():
    sydney = _zone(36000, 39600, (10, 1, 0, 7200), (4, 1, 0, 10800))
    _turns(sydney, _utc(2026, 4, 4, 16), 39600, 36000)
    _turns(sydney, _utc(2026, 10, 3, 16), 36000, 39600)
    assert sydney.offset_s(_utc(2026, 12, 31, 23)) == sydney.offset_s(_utc(2027, 1, 1, 1)) == 39600


def test_the_second_sunday_of_new_york_and_the_half_hour_of_lord_howe():
    new_york = _zone(-18000, -14400, (3, 2, 0, 7200), (11, 1, 0, 7200))
    _turns(new_york, _utc(2026, 3, 8, 7), -18000, -14400)
    _turns(new_york, _utc(2026, 11, 1, 6), -14400, -18000)
    lord_howe = _zone(37800, 39600, (10, 1, 0, 7200), (4, 1, 0, 7200))
    _turns(lord_howe, _utc(2026, 4, 4, 15), 39600, 37800)
    _turns(lord_howe, _utc(2026, 10, 3, 15, 30), 37800, 39600)


def test_a_turn_after_midnight_counts_from_its_sunday():
    israel = _zone(7200, 10800, (3, 4, 4, 26 * 3600), (10, 5, 0, 7200))
    _turns(israel, _utc(2026, 3, 27, 0), 7200, 10800)


def test_winter_time_that_is_ahead():
    dublin = _zone(3600, 0, (10, 5, 0, 7200), (3, 5, 0, 3600))  # standard in summer
    _turns(dublin, _utc(2026, 3, 29, 1), 0, 3600)
    _turns(dublin, _utc(2026, 10, 25, 1), 3600, 0)


def test_no_summer_time():
    zone = _zone(18000, 18000, (1, 1, 0, 0), (1, 1, 0, 0))
    for month in range(1, 13):
        assert zone.offset_s(_utc(2026, month, 1, 0)) == 18000
