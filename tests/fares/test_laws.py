"""Laws of fares that no tariff may break, and one that some tariffs do."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import outcomes
from tests.fares.corpus import City, compiled, random_city
from tests.fares.feeds_random import random_feed
from tests.fares.lives import random_life
from tests.fares.lockstep import Engine
from tests.fares.slow_card import PERIODS, Card, Contract, Tap, window
from tests.tariff.feeds import FLAT

NOON = 217_317_600  # 2026-11-20T06:00:00Z
CITIES = 60
MUCH = 10_000_000
seeds = st.integers(0, 10_000_000)
some_city = st.integers(0, CITIES - 1)


@cache
def city_of(number: int) -> City:
    """Passes here name no pass-back of their own: so they refuse no tap that the purse may do."""
    files = random_feed(5000 + number)
    if "minik_products.txt" in files:
        lines = [line.split(",") for line in files["minik_products.txt"].splitlines()]
        rows = [lines[0]] + [[*line[:6], "", *line[7:]] for line in lines[1:]]
        files["minik_products.txt"] = "".join(",".join(row) + "\n" for row in rows)
    return compiled(files)


def alone(taps: list[Tap]) -> list[Tap]:
    """The same taps by one rider who arms nothing, on a clock that never steps back."""
    times = sorted(one.now for one in taps)
    return [
        replace(one, now=now, product_id=None, companions=(), exit_time=None)
        for one, now in zip(taps, times, strict=True)
    ]


def charges(city: City, card: Card, taps: list[Tap]) -> list[int | None]:
    """What each tap is charged; None if it is refused."""
    engine = Engine(city)
    engine.line(city.card_line(card))
    found: list[int | None] = []
    for one in taps:
        engine.line(city.tap_line(one))
        accepted = engine.decision.outcome == outcomes.ACCEPTED
        found.append(engine.decision.charge_minor if accepted else None)
    return found


@settings(max_examples=60, deadline=None, derandomize=True)
@given(some_city, seeds)
def test_no_charge_is_negative_or_more_than_the_balance(number, seed):
    city = city_of(number)
    card, taps = random_life(city.slow, seed, 15)
    engine = Engine(city)
    engine.line(city.card_line(card))
    balance = card.balance
    for one in taps:
        engine.line(city.tap_line(one))
        decision = engine.decision
        assert 0 <= decision.charge_minor <= balance
        if decision.outcome != outcomes.ACCEPTED:
            assert decision.charge_minor == 0
            assert decision.reason != outcomes.NO_REASON
        balance -= decision.charge_minor
        assert engine.state.balance_minor() == balance


@settings(max_examples=60, deadline=None, derandomize=True)
@given(some_city, seeds)
def test_a_window_never_costs_more_than_its_cap(number, seed):
    city = city_of(number)
    slow = city.slow
    if slow.rows("minik_networks.txt"):  # a missed check-out is no ride, and no cap counts it
        slow = None
    if slow is None or not slow.rows("minik_caps.txt"):
        return
    card, taps = random_life(slow, seed, 25)
    card = replace(card, balance=MUCH, concession_until=None, contracts=[None, None])
    caps = list(slow.caps(card.category))
    spent: dict[tuple[object, ...], int] = {}
    taps = alone(taps)
    for one, charge in zip(taps, charges(city, card, taps), strict=True):
        for period in PERIODS:
            key = (period, *window(period, slow.service_day(one.now)))
            spent[key] = spent.get(key, 0) + (charge or 0)
            assert all(spent[key] <= cap for of, cap in caps if of == period)


def test_the_law_of_caps_was_put_to_the_test():
    """The cities have caps that are reached, without check-out."""
    reached = 0
    for number in range(CITIES):
        city = city_of(number)
        if city.slow.rows("minik_networks.txt") or not city.slow.rows("minik_caps.txt"):
            continue
        card, taps = random_life(city.slow, number, 25)
        engine = Engine(city)
        engine.line(city.card_line(replace(card, balance=MUCH, contracts=[None, None])))
        for one in alone(taps):
            engine.line(city.tap_line(one))
            reached += engine.decision.capped
    assert reached > 20


@settings(max_examples=80, deadline=None, derandomize=True)
@given(some_city, seeds, st.integers(0, 99))
def test_holding_a_pass_never_raises_a_price(number, seed, which):
    city = city_of(number)
    passes = [row["fare_product_id"] for row in city.slow.rows("minik_products.txt")]
    card, taps = random_life(city.slow, seed, 15)
    taps = alone(taps)
    without = replace(card, balance=MUCH, contracts=[None, None])
    product = passes[which % len(passes)] if passes else None
    if product is None:
        return
    rides = 3 if city.slow.product(product)["kind"] == "rides" else 0
    holding = replace(without, contracts=[Contract(product, None, rides), None])
    total, total_holding = 0, 0
    pairs = zip(charges(city, without, taps), charges(city, holding, taps), strict=True)
    for paid, paid_holding in pairs:
        if (paid is None) != (paid_holding is None):
            assert paid is None  # the pass is good where the purse is not; then it is another life
            return
        total += paid or 0
        total_holding += paid_holding or 0
        assert total_holding <= total


def one_price(limit_s: int, count: int, rules: str = "", products: str = "") -> City:
    """A city of one price, or of the routes' in `rules`: free transfers within a limit."""
    transfers = (
        "from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,"
        f"fare_transfer_type,fare_product_id\n,,{count},{limit_s},1,0,\n"
    )
    files = FLAT | {"fare_transfer_rules.txt": transfers}
    if rules:
        files["fare_leg_rules.txt"] = rules
        files["fare_products.txt"] = products
        files["networks.txt"] = "network_id,network_name\ndear,Dear\n"
        files["route_networks.txt"] = "network_id,route_id\ndear,R7\n"
    return compiled(files)


@cache
def of_limit(limit_s: int, count: int) -> City:
    return one_price(limit_s, count)


@cache
def of_two_prices(limit_s: int, count: int) -> City:
    rules = "leg_group_id,network_id,fare_product_id\ncheap,,cheap\ndear,dear,dear\n"
    products = "fare_product_id,amount,currency\ncheap,1.00,KZT\ndear,4.00,KZT\n"
    return one_price(limit_s, count, rules, products)


def total_of(city: City, minutes: list[int], routes: list[str]) -> int:
    """All that a rider pays who boards another bus at each of these minutes."""
    taps = [
        Tap(NOON + 60 * minute, 101 + number, route, "S1")
        for number, (minute, route) in enumerate(zip(minutes, routes, strict=True))
    ]
    paid = charges(city, Card(None, MUCH), taps)
    assert None not in paid
    return sum(one for one in paid if one is not None)


minutes_of_a_day = st.lists(st.integers(0, 300), min_size=1, max_size=12).map(sorted)
limits = st.sampled_from((300, 900, 1800, 3600, 5400))
counts = st.sampled_from((-1, 1, 2, 3))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(minutes_of_a_day, limits, limits, counts)
def test_with_one_price_a_longer_transfer_is_never_dearer(minutes, one, other, count):
    shorter, longer = sorted((one, other))
    routes = ["R5"] * len(minutes)
    dear = total_of(of_limit(shorter, count), minutes, routes)
    assert total_of(of_limit(longer, count), minutes, routes) <= dear


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 120), st.permutations(["R5", "R7"]), limits, limits)
def test_with_two_legs_a_longer_transfer_is_never_dearer(gap, routes, one, other):
    shorter, longer = sorted((one, other))
    dear = total_of(of_two_prices(shorter, 1), [0, gap], routes)
    assert total_of(of_two_prices(longer, 1), [0, gap], routes) <= dear


def test_with_two_prices_and_three_legs_a_longer_transfer_can_be_dearer():
    """The standard's own doing: a longer limit joins the cheap leg to the dear one before it, and
    the last, dear one has no transfer left. With the shorter one the cheap leg pays for both."""
    minutes, routes = [0, 40, 70], ["R7", "R5", "R7"]
    assert total_of(of_two_prices(1800, 1), minutes, routes) == 500
    assert total_of(of_two_prices(3600, 1), minutes, routes) == 800


@pytest.mark.parametrize("number", range(0, CITIES, 10))
def test_other_cards_of_the_day_change_nothing(number):
    city = city_of(number)
    mine, my_taps = random_life(city.slow, 1, 12)
    other, other_taps = random_life(city.slow, 2, 12)
    expected = charges(city, mine, my_taps)
    shared = Engine(city)
    busy = Engine(city)
    busy.fares = shared.fares
    shared.line(city.card_line(mine))
    busy.line(city.card_line(other))
    found = []
    for one, another in zip(my_taps, other_taps, strict=True):
        busy.line(city.tap_line(another))
        shared.line(city.tap_line(one))
        accepted = shared.decision.outcome == outcomes.ACCEPTED
        found.append(shared.decision.charge_minor if accepted else None)
    assert found == expected


def test_random_cities_are_the_same_every_time():
    assert random_feed(3) == random_feed(3)
    assert random_city(3).payload == random_city(3).payload
