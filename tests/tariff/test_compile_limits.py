"""What a tariff has no room for is an error with the number in it; what just fits compiles."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest

from host_tools.tariff import legs
from host_tools.tariff.compile import compile_feed
from host_tools.tariff.feed import Cap, Feed, JoinRule, Media, Settings
from host_tools.tariff.pack import pack
from tests.tariff import made as m


def products(count: int) -> Feed:
    names = [f"p{n}" for n in range(count)]
    return m.made(
        products=tuple(map(m.product, names)),
        prices=tuple(m.price(name, 60) for name in names),
        networks=tuple(m.network(f"n{n}") for n in range(count)),
        routes=tuple(m.route(f"r{n}", f"n{n}") for n in range(count)),
        leg_rules=tuple(m.rule(f"p{n}", network=f"n{n}", group=f"g{n}") for n in range(count)),
    )


def prices(count: int) -> Feed:
    categories = tuple(m.category(f"c{n}", n == 0) for n in range(count))
    rows = tuple(m.price("ride", 60, f"c{n}") for n in range(count))
    return m.made(categories=categories, prices=rows)


def rules_of_a_leg(count: int) -> Feed:
    names = [f"p{n}" for n in range(count)]
    return m.made(
        products=tuple(map(m.product, names)),
        prices=tuple(m.price(name, 60) for name in names),
        leg_rules=tuple(map(m.rule, names)),
    )


def exits(count: int) -> Feed:
    names = [f"p{n}" for n in range(count)]
    return m.made(
        products=tuple(map(m.product, names)),
        prices=tuple(m.price(name, 60) for name in names),
        areas=tuple(m.area(f"a{n}") for n in range(count)),
        stops=tuple(m.stop(f"s{n}", f"a{n}") for n in range(count)),
        leg_rules=tuple(m.rule(f"p{n}", to_area=f"a{n}") for n in range(count)),
    )


def rules_of_exits(count: int) -> Feed:
    names = [f"p{n}" for n in range(40)]
    sixteen = [(f"a{area}", names[area + n]) for area in range(16) for n in range(16)]
    rules = [*sixteen, *((f"a{n}", names[39]) for n in range(16))][:count]
    return m.made(
        products=tuple(map(m.product, names)),
        prices=tuple(m.price(name, 60) for name in names),
        areas=tuple(m.area(f"a{n}") for n in range(16)),
        stops=tuple(m.stop(f"s{n}", f"a{n}") for n in range(16)),
        leg_rules=tuple(m.rule(name, to_area=area) for area, name in rules),
    )


def exceptions(count: int) -> Feed:
    added = tuple(date(2027, 1, 1) + timedelta(n) for n in range(count))
    return timed(services=(m.service(added=added),))


def timed(**more: object) -> Feed:
    said = {"timeframes": (m.timeframe("t"),), "services": (m.service(),)} | more
    return m.made(leg_rules=(m.rule("ride", after="t"),), **said)


def riders(count: int) -> Feed:
    return m.made(categories=tuple(m.category(f"c{n}", n == 0) for n in range(count)))


def media(count: int) -> Feed:
    rows = (Media(f"m{n}", "", 2, n == 0, None, "fare_media.txt:2") for n in range(count))
    return m.made(media=tuple(rows))


def cap(amount_minor: int) -> Feed:
    return m.made(caps=(Cap(None, "day", amount_minor, "minik_caps.txt:2"),))


def rides(length: int) -> Feed:
    ten = m.product("ten", "rides", length=length)
    return m.made(
        products=(m.product("ride"), ten),
        prices=(m.price("ride", 60), m.price("ten", 60)),
        leg_rules=(m.rule("ride"), m.rule("ten")),
    )


def duration(seconds: int) -> Feed:
    return m.made(transfer_rules=(m.transfer(duration_limit_s=seconds, duration_limit_type=1),))


def caps(count: int) -> Feed:
    return m.made(caps=(Cap(None, "day", 100, "minik_caps.txt:2"),) * count)


def joins(count: int) -> Feed:
    join = JoinRule("n", None, None, "fare_leg_join_rules.txt:2")
    return m.made(networks=(m.network("n"),), join_rules=(join,) * count)


# (feed by a number, the most that fits, what the error says of one more)
LIMITS = {
    "products": (products, 255, "fare_products.txt: 256 fare products; a tariff has room for 255"),
    "networks": (products, 255, "networks.txt: 256 networks; a tariff has room for 255"),
    "leg groups": (products, 255, "fare_leg_rules.txt: 256 leg groups; a tariff has room for 255"),
    "categories": (riders, 255, "rider_categories.txt: 256 rider categories; a tariff has room"),
    "media": (media, 254, "fare_media.txt: 255 fare media; a tariff has room for 254"),
    "prices of a product": (
        prices,
        32,
        "fare_products.txt:2: product 'ride' has 33 prices; 32 at most",
    ),
    "rules of a leg": (
        rules_of_a_leg,
        32,
        "fare_leg_rules.txt:2: 33 rules match the same leg; 32 at most",
    ),
    "rules of all exits": (
        rules_of_exits, 256, "257 rules match a leg whose exit is not known in networks that no",
    ),
    "exits": (exits, 32, "33 different fares by exit in networks that no rule names; 32 at most"),
    "exceptions": (
        exceptions,
        32,
        "calendar_dates.txt: service 'daily' has 33 exceptions; 32 at most",
    ),
    "timeframes": (
        lambda count: timed(timeframes=(m.timeframe("t"),) * count),
        16,
        "timeframes.txt: timeframe group 't' has 17 rows; 16 at most",
    ),
    "stops of a route": (
        lambda count: m.made(
            stops=tuple(m.stop(f"s{n}") for n in range(count)),
            routes=(m.route("R1", None, " ".join(f"s{n}" for n in range(count))),),
        ),
        255,
        "routes.txt:2: route 'R1' has 256 stops; 255 at most",
    ),
    "transfers": (
        lambda count: m.made(transfer_rules=(m.transfer(),) * count),
        64,
        "fare_transfer_rules.txt: 65 transfer rules from g to g; a tariff has room for 64",
    ),
    "caps": (caps, 64, "minik_caps.txt: 65 caps; a tariff has room for 64"),
    "joins": (joins, 64, "fare_leg_join_rules.txt: 65 join rules; a tariff has room for 64"),
    "cap": (cap, 0xFFFFFF, "minik_caps.txt:2: amount: 16,777,216 is not from 0 to 16,777,215"),
    "amount": (
        lambda amount: m.made(prices=(m.price("ride", amount),)),
        0xFFFFFF,
        "fare_products.txt:2: amount: 16,777,216 is not from -16,777,215 to 16,777,215",
    ),
    "discount": (
        lambda amount: m.made(prices=(m.price("ride", -amount),)),
        0xFFFFFF,
        "fare_products.txt:2: amount: -16,777,216 is not from -16,777,215 to 16,777,215",
    ),
    "transfer count": (
        lambda count: m.made(transfer_rules=(m.transfer(transfer_count=count),)),
        15,
        "fare_transfer_rules.txt:2: transfer_count: 16 is not from -1 to 15",
    ),
    "duration": (
        duration,
        65_534,
        "fare_transfer_rules.txt:2: duration_limit: 65,535 is not from 1 to 65,534",
    ),
    "rides": (rides, 255, "fare_products.txt:2: length: 256 rides; a card counts 1 to 255"),
    "name": (
        lambda width: m.made(agency_name="é" * (width // 2) + "x" * (width % 2)),
        255,
        "agency.txt: agency_name: 256 bytes of UTF-8; a tariff has room for 255",
    ),
    "id": (
        lambda width: m.made(stops=(m.stop("s" * width, ""),)),
        255,
        "stops.txt:2: stop_id: 256 bytes of UTF-8; a tariff has room for 255",
    ),
    "version": (
        lambda version: m.made(settings=Settings(version=version)),
        0x7FFFFFFF,
        "minik_settings.txt: version: 2,147,483,648 is not from 1 to 2,147,483,647",
    ),
    "purse": (
        lambda amount: m.made(settings=Settings(purse_max_minor=amount)),
        0x1FFFFFFF,
        "minik_settings.txt: purse_max: 536,870,912 is not from 0 to 536,870,911",
    ),
    "service day": (
        lambda second: m.made(settings=Settings(service_day_start_s=second)),
        43_200,
        "minik_settings.txt: service_day_start: 43,201 is not from 0 to 43,200",
    ),
    "ride": (
        lambda seconds: m.made(networks=(m.network("bus", ride_s_max=seconds),)),
        0xFFFF,
        "networks.txt:2: ride_s_max: 65,536 is not from 0 to 65,535",
    ),
}


@pytest.mark.parametrize("what", LIMITS)
def test_what_just_fits_and_one_more(what: str) -> None:
    feed_of, most, text = LIMITS[what]
    said = feed_of(most)
    if what in ("name", "id"):  # names of stops are longer than their ids
        said = replace(said, stops=tuple(replace(stop, name="") for stop in said.stops))
    assert m.lines(said, "error") == []
    pack(m.compiled(said))
    errors = m.lines(feed_of(most + 1), "error")
    assert any(text in error for error in errors), errors
    assert compile_feed(feed_of(most + 1))[0] is None


def test_days_outside_the_calendar() -> None:
    def said(first: date | None, last: date | None) -> list[str]:
        return m.lines(m.made(settings=Settings(valid_from=first, valid_until=last)), "error")

    assert said(date(2026, 1, 2), date(2026, 1, 2)) == []
    assert said(date(2026, 1, 2), date(2026, 1, 1)) == [
        "minik_settings.txt: valid_until: 2026-01-01 is before valid_from 2026-01-02"
    ]
    assert said(None, date(2199, 1, 1)) == [
        "minik_settings.txt: valid_until: 2199-01-01 is not between 2020 and 2199"
    ]


def test_a_feed_that_sells_nothing() -> None:
    said = m.made(leg_rules=())
    assert "fare_leg_rules.txt: there is no leg rule, so nobody could ride" in m.lines(said)
    assert compile_feed(said)[0] is None


def test_a_currency_of_other_letters() -> None:
    assert m.lines(m.made(currency="azn"), "error") == [
        "fare_products.txt: currency: 'azn' is no currency code"
    ]


def test_all_errors_come_at_once() -> None:
    said = m.made(currency="", prices=(m.price("ride", 1 << 24),), timezone="", leg_rules=())
    assert len(m.lines(said, "error")) == 4


def test_look_ups_without_bound_are_refused_before_they_are_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(legs, "_WORK_MAX", 30)
    rules = tuple(
        m.rule("ride", from_area=f"a{n}", to_area=f"a{n}", network="n") for n in range(4)
    )
    said = m.made(
        networks=(m.network("n"),),
        areas=tuple(m.area(f"a{n}") for n in range(4)),
        stops=tuple(m.stop(f"s{n}", f"a{n}") for n in range(4)),
        leg_rules=rules,
    )
    assert m.lines(said) == [
        "fare_leg_rules.txt: 10 kinds of departure times 5 of arrival are too many; put stops "
        "that cost the same into the same areas"
    ]
    monkeypatch.setattr(legs, "ROWS_MAX", 9)
    assert m.lines(said) == [
        "fare_leg_rules.txt: 2 classes of networks times 5 of departures make 10 rows; a tariff "
        "has room for 9"
    ]


def test_a_tariff_that_a_device_could_not_hash_in_its_time() -> None:
    stops = tuple(m.stop(f"{'stop' * 4}-{n:05}") for n in range(20_000))
    compiled, findings = compile_feed(m.made(stops=stops))
    assert compiled is None
    errors = [str(finding) for finding in findings if finding.severity == "error"]
    assert len(errors) == 1
    assert re.match(r"stops.txt: the tariff comes to 1,\d\d\d,\d\d\d bytes; a device", errors[0])
    assert compile_feed(m.made(stops=stops[:15_000]))[0] is not None
