"""The agency's clock: rules of known zones, and every zone of the database against zoneinfo."""

from datetime import UTC, date, datetime, timedelta
from importlib import resources
from zoneinfo import ZoneInfo

import pytest

from host_tools.tariff.tables import ZoneRule
from host_tools.tariff.zone import ZoneError, parse_posix, zone_rule

ALWAYS = (0, 0, 0, 0)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("Asia/Almaty", ZoneRule(18_000, 18_000, ALWAYS, ALWAYS)),
        ("Asia/Baku", ZoneRule(14_400, 14_400, ALWAYS, ALWAYS)),
        ("Europe/Warsaw", ZoneRule(3600, 7200, (3, 5, 0, 7200), (10, 5, 0, 10_800))),
        ("America/New_York", ZoneRule(-18_000, -14_400, (3, 2, 0, 7200), (11, 1, 0, 7200))),
        ("Australia/Sydney", ZoneRule(36_000, 39_600, (10, 1, 0, 7200), (4, 1, 0, 10_800))),
        ("Australia/Lord_Howe", ZoneRule(37_800, 39_600, (10, 1, 0, 7200), (4, 1, 0, 7200))),
        ("Europe/Dublin", ZoneRule(3600, 0, (10, 5, 0, 7200), (3, 5, 0, 3600))),
        ("Asia/Kathmandu", ZoneRule(20_700, 20_700, ALWAYS, ALWAYS)),
    ],
)
def test_known_clocks(name: str, rule: ZoneRule) -> None:
    assert zone_rule(name) == rule


def test_a_half_hour_and_times_past_midnight() -> None:
    assert parse_posix("<-0930>9:30") == ZoneRule(-34_200, -34_200, ALWAYS, ALWAYS)
    assert parse_posix("EET-2EEST,M3.4.4/50,M10.4.4/50") == ZoneRule(
        7200, 10_800, (3, 4, 4, 180_000), (10, 4, 4, 180_000)
    )


@pytest.mark.parametrize(
    "footer", ["", "EST5EDT", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "A1B,J60,J300", "A1,M3.2.0"]
)
def test_other_rules_are_none(footer: str) -> None:
    assert parse_posix(footer) is None


@pytest.mark.parametrize("name", ["", "Asia/Nowhere", "../zones", "Asia", "asia/almaty", "zones"])
def test_unknown_zones(name: str) -> None:
    with pytest.raises(ZoneError, match="not a zone of the tz database"):
        zone_rule(name)


def test_a_rule_that_cannot_be_said() -> None:
    with pytest.raises(ZoneError, match=r"M3\.5\.0/-1"):
        zone_rule("America/Nuuk")


def test_a_change_of_the_rule_itself_must_lie_before_the_tariff() -> None:
    # Kazakhstan left UTC+6 on 1 March 2024
    with pytest.raises(ZoneError, match="2024-02-29"):
        zone_rule("Asia/Almaty", date(2024, 1, 1))
    assert zone_rule("Asia/Almaty", date(2024, 3, 1)).standard_s == 18_000


def _transition(year: int, change: tuple[int, int, int, int], offset_s: int) -> datetime:
    """When a change happens in UTC, by the words of POSIX: the week-th weekday of the month."""
    month, week, weekday, second = change
    days = [date(year, month, 1) + timedelta(n) for n in range(31)]
    fitting = [d for d in days if d.month == month and d.isoweekday() % 7 == weekday]
    day = fitting[min(week, len(fitting)) - 1]
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)
    return at - timedelta(seconds=offset_s)


def test_every_zone_says_what_zoneinfo_says() -> None:
    """Just before and at each change of 2029 (and in midwinter), in all zones with a rule."""
    database = resources.files("tzdata")
    zones = (database / "zones").read_text().split()
    refused = set()
    for name in zones:
        try:
            rule = zone_rule(name, date(2029, 1, 1))
        except ZoneError:
            refused.add(name)
            continue
        with database.joinpath("zoneinfo", *name.split("/")).open("rb") as file:
            zone = ZoneInfo.from_file(file)
        offsets = [(datetime(2029, 1, 3, tzinfo=UTC), None)]
        if rule.standard_s != rule.summer_s:
            begin = _transition(2029, rule.begin, rule.standard_s)
            end = _transition(2029, rule.end, rule.summer_s)
            second = timedelta(seconds=1)
            offsets = [(begin - second, rule.standard_s), (begin, rule.summer_s)]
            offsets += [(end - second, rule.summer_s), (end, rule.standard_s)]
        for at, offset_s in offsets:
            expected = rule.standard_s if offset_s is None else offset_s
            seen = at.astimezone(zone).utcoffset()
            assert seen == timedelta(seconds=expected), (name, at)
    assert len(zones) > 550
    greenland = {"America/Nuuk", "America/Godthab", "America/Scoresbysund"}
    assert refused == greenland | {"Asia/Gaza", "Asia/Hebron"}
