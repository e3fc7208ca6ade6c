"""What is noticed when one tariff follows another: each kind of change, alone and in words."""

from dataclasses import replace
from typing import Any

import pytest

from host_tools.tariff.diff import code_changes, diff
from host_tools.tariff.feed import Cap, Feed, JoinRule, Media, Settings
from host_tools.tariff.load import load_tariff
from tests.tariff import made as m
from tests.tariff.feeds import city_feed, write_feed
from tests.tariff.rows import SMALL

BASE = m.made(
    products=(m.product("ride"), m.product("far"), m.product("day", "days", length=1)),
    prices=(m.price("ride", 60), m.price("far", 90), m.price("day", 200, "adult")),
    networks=(m.network("bus"), m.network("rail", True, missed_product_id="far")),
    routes=(m.route("R1", "bus", "S1 S2 S3"), m.route("R2", "rail")),
    areas=(m.area("A"), m.area("B")),
    stops=(m.stop("S1", "A"), m.stop("S2", "A"), m.stop("S3", "B")),
    timeframes=(m.timeframe("t", start_s=25_200, end_s=32_400),),
    services=(m.service(first=None, last=None),),
    leg_rules=(
        m.rule("ride", from_area="A", to_area="A"),
        m.rule("far", from_area="A", to_area="B"),
        m.rule("ride", from_area="B", to_area="B"),
        m.rule("day", from_area="A", to_area="A"),
    ),
    transfer_rules=(m.transfer(),),
    caps=(Cap(None, "day", 400, ""),),
)


def changes(new: Feed, old: Feed = BASE) -> list[str]:
    tables = m.compiled(old)
    return [f"{c.section}: {c}" for c in diff(tables, m.compiled(new, tables))]


def with_(**more: Any) -> Feed:
    return replace(BASE, **more)


def products(number: int, **more: Any) -> tuple:
    rows = list(BASE.products)
    rows[number] = replace(rows[number], **more)
    return tuple(rows)


def rules(number: int, **more: Any) -> tuple:
    rows = list(BASE.leg_rules)
    rows[number] = replace(rows[number], **more)
    return tuple(rows)


CHANGES: dict[str, tuple[Feed, list[str]]] = {
    "nothing": (with_(), []),
    "a setting": (
        with_(settings=Settings(version=2, passback_s=90)),
        ["settings: version: 1 -> 2", "settings: passback_s: 60 -> 90"],
    ),
    "the ceiling": (
        with_(settings=Settings(purse_max_minor=20_000)),
        ["settings: purse_max: none -> 200.00 AZN"],
    ),
    "the clock": (
        with_(timezone="Asia/Tbilisi"),
        ["settings: timezone: Asia/Baku -> Asia/Tbilisi"],
    ),
    "a price": (
        with_(prices=(m.price("ride", 70), *BASE.prices[1:])),
        ["prices: ride for every rider: 0.60 AZN -> 0.70 AZN"],
    ),
    "a price for some": (
        with_(prices=(*BASE.prices, m.price("ride", 30, "child", "card"))),
        ["prices: ride for a rider of 'child' with 'card': new: 0.30 AZN"],
    ),
    "a name": (
        with_(products=products(0, name="Trip")),
        ["products: ride: Ride, one leg -> Trip, one leg"],
    ),
    "a validity": (
        with_(products=products(2, length=7, sold_on_board=True, priority=5)),
        [
            "products: day: Day, 1 day, priority 0 -> Day, sold on board, 7 days, priority 5",
        ],
    ),
    "a product": (
        with_(products=BASE.products[:2], prices=BASE.prices[:2], leg_rules=BASE.leg_rules[:3]),
        [
            "prices: day for a rider of 'adult': gone, was 2.00 AZN",
            "products: day: gone, was Day, 1 day, priority 0",
            "fares: 'bus' from 'A' to 'A', 'rail' from 'A' to 'A': ride (g); day (g) -> ride (g)",
        ],
    ),
    "a rule": (
        with_(leg_rules=rules(1, fare_product_id="ride")),
        ["fares: 'bus' from 'A' to 'B', 'rail' from 'A' to 'B': far (g) -> ride (g)"],
    ),
    "a time": (
        with_(leg_rules=rules(1, from_timeframe_group_id="t")),
        [
            "fares: 'bus' from 'A' to 'B', 'rail' from 'A' to 'B': far (g) -> far (g) daily "
            "07:00-09:00"
        ],
    ),
    "a fare": (
        with_(leg_rules=(*BASE.leg_rules, m.rule("far", from_area="B", to_area="A"))),
        ["fares: 'bus' from 'B' to 'A', 'rail' from 'B' to 'A': new: far (g)"],
    ),
    "a transfer": (
        with_(transfer_rules=(m.transfer(transfer_count=2), m.transfer("g", None))),
        [
            "transfers: From 'g' to 'g': costs nothing, once -> costs nothing, up to 2 times",
            "transfers: From 'g' to any other: new: costs nothing",
        ],
    ),
    "caps": (
        with_(caps=(Cap(None, "day", 300, ""), Cap("child", "month", 900, ""))),
        [
            "caps: every rider, a day: 4.00 AZN -> 3.00 AZN",
            "caps: a rider of 'child', a month: new: 9.00 AZN",
        ],
    ),
    "a network": (
        with_(networks=(m.network("bus", unknown_exit="cheapest"), BASE.networks[1])),
        [
            "networks: 'bus': check-in only; of fares that differ by exit the dearest counts -> "
            "check-in only; of fares that differ by exit the cheapest counts"
        ],
    ),
    "a join": (
        with_(join_rules=(JoinRule("rail", None, None, ""),)),
        ["joins: Legs in 'rail' that meet at the same station count as one: new"],
    ),
    "a category": (
        with_(categories=(BASE.categories[0],)),
        ["rider_categories: child: gone, was Child, concession"],
    ),
    "the default": (
        with_(
            categories=(
                replace(BASE.categories[0], is_default=False),
                replace(BASE.categories[1], is_default=True),
            )
        ),
        [
            "rider_categories: adult: Adult, default -> Adult",
            "rider_categories: child: Child, concession -> Child, default, concession",
        ],
    ),
    "media": (
        with_(media=(Media("card", "Town card", 2, True, None, ""),)),
        ["fare_media: card: Card, on card, type 2 -> Town card, on card, type 2"],
    ),
    "a route": (
        with_(routes=(BASE.routes[0], m.route("R9", "rail", "S1"))),
        [
            "routes: R2: gone, was Line R2, network rail",
            "routes: R9: new: Line R9, network rail",
        ],
    ),
    "a route's network": (
        with_(routes=(m.route("R1", "rail", "S1 S2 S3"), m.route("R2", "rail"))),
        ["routes: R1: Line R1, network bus -> Line R1, network rail"],
    ),
    "stops of a route": (
        with_(routes=(m.route("R1", "bus", "S1 S3"), BASE.routes[1])),
        ["routes: R1 stops: 3 stops -> 2 stops (-S2)"],
    ),
    "their order": (
        with_(routes=(m.route("R1", "bus", "S1 S3 S2"), BASE.routes[1])),
        ["routes: R1 stops: 3 stops -> 3 stops (in another order)"],
    ),
    "a stop's zone": (
        with_(stops=(BASE.stops[0], m.stop("S2", "B"), BASE.stops[2])),
        ["stops: S2: Stop S2, A -> Stop S2, B"],
    ),
    "a zone's name": (
        with_(areas=(replace(BASE.areas[0], name="Inner"), BASE.areas[1])),
        ["areas: A: Zone A -> Inner"],
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_one_change_is_one_thing_to_say(what: str) -> None:
    new, said = CHANGES[what]
    assert changes(new) == said


def test_the_order_of_rows_is_nothing_to_notice_but_codes_are() -> None:
    turned = with_(
        products=BASE.products[::-1],
        stops=BASE.stops[::-1],
        networks=BASE.networks[::-1],
        caps=BASE.caps[::-1],
        prices=BASE.prices[::-1],
    )
    assert changes(turned) == []  # with --after
    found = diff(m.compiled(BASE), m.compiled(turned))
    assert code_changes(found) == found
    assert [str(change) for change in found] == [
        "code 1 of product: 'ride' -> 'day'",
        "code 3 of product: 'day' -> 'ride'",
        "code 1 of network: 'bus' -> 'rail'",
        "code 2 of network: 'rail' -> 'bus'",
        "code 1 of stop: 'S1' -> 'S3'",
        "code 3 of stop: 'S3' -> 'S1'",
    ]


def test_a_code_that_nobody_has_any_more() -> None:
    less = with_(
        areas=(m.area("A"),),
        stops=BASE.stops[:2],
        routes=(m.route("R1", "bus", "S1 S2"), BASE.routes[1]),
        leg_rules=(BASE.leg_rules[0], m.rule("far"), BASE.leg_rules[3]),
    )
    found = diff(m.compiled(BASE), m.compiled(less))
    assert [str(change) for change in code_changes(found)] == [
        "code 3 of stop: gone, was 'S3'",
        "code 2 of area: gone, was 'B'",
    ]


def test_many_places_with_the_same_change_are_one() -> None:
    def said(product: str) -> Feed:
        zones = [f"Z{n}" for n in range(8)]
        return with_(
            areas=tuple(map(m.area, zones)),
            stops=tuple(m.stop(f"S{n}", zone) for n, zone in enumerate(zones)),
            routes=(m.route("R1", "bus"),),
            networks=(m.network("bus"),),
            leg_rules=tuple(m.rule(product, from_area=zone) for zone in zones),
        )

    (found,) = changes(said("far"), said("ride"))
    assert found == (
        "fares: 'bus' from 'Z0' to elsewhere, 'bus' from 'Z1' to elsewhere, 'bus' from 'Z2' to "
        "elsewhere, 'bus' from 'Z3' to elsewhere, 'bus' from 'Z4' to elsewhere and 3 more: "
        "ride (g) -> far (g)"
    )


def test_any_two_tariffs_can_be_compared(tmp_path) -> None:
    city = load_tariff(write_feed(city_feed(), tmp_path / "city")).tables
    flat = load_tariff("flat").tables
    for old, new in ((city, flat), (flat, SMALL), (SMALL, city)):
        assert diff(old, new) != []
        assert diff(old, old) == diff(new, new) == []
        there, back = diff(old, new), diff(new, old)
        # what is listed together, or only on one side, may be worded otherwise
        uneven = ("codes", "fares", "routes")
        assert {(c.section, c.what) for c in there if c.section not in uneven} == {
            (c.section, c.what) for c in back if c.section not in uneven
        }


def test_json_has_the_parts_and_the_whole() -> None:
    tables = m.compiled(BASE)
    (change,) = diff(
        tables, m.compiled(with_(prices=(m.price("ride", 70), *BASE.prices[1:])), tables)
    )
    assert change.as_dict() == {
        "section": "prices",
        "what": "ride for every rider",
        "old": "0.60 AZN",
        "new": "0.70 AZN",
        "text": "ride for every rider: 0.60 AZN -> 0.70 AZN",
    }
