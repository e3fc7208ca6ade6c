"""The engine on compiled tariffs decides as the slow evaluator does on the feed's rows.

Random feeds and random lives; where they part, the failure says what differs and every tap.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.cards.state import CardState
from protocol.fares.engine import Decision
from protocol.fares.tariff import NO_FARE
from tests.fares.corpus import City, compiled, lives, random_city
from tests.fares.lives import random_life
from tests.fares.lockstep import Engine, live
from tests.fares.slow_card import Answer, Card, Tap
from tests.fares.slow_evaluator import Rider, itinerary
from tests.fares.slow_feed import Leg
from tests.fares.tap_runner import STATE, contracts_of, fields
from tests.tariff.feeds import FLAT, city_feed

CARDS = 8
TAPS = 15
NOON = 217_317_600  # 2026-11-20, a Friday


def answers_of(city: City, seed: int, cards: int = CARDS) -> list[Answer]:
    """What every tap of some lives in a city ends in; fails where the two part."""
    seen = []
    for card, taps in lives(city, seed, cards, TAPS):
        difference, answers = live(city, card, taps)
        assert difference is None, str(difference)
        seen += answers
    return seen


@pytest.mark.parametrize("begin", range(0, 64, 16))
def test_lives_in_random_cities(begin):
    seen: list[Answer] = []
    for seed in range(begin, begin + 16):
        seen += answers_of(random_city(seed), seed)
    assert len(seen) == 16 * CARDS * TAPS
    assert sum(one.reason is None for one in seen) > 900
    for name in ("charge", "transfer", "capped", "check_out", "missed"):
        assert any(getattr(one, name) for one in seen), name


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(10_000, 10_000_000))
def test_any_city(seed):
    answers_of(random_city(seed), seed, cards=3)


def test_lives_in_the_city_of_every_fare_file():
    seen = answers_of(compiled(city_feed()), 1, cards=40)
    assert {one.reason for one in seen} >= {None, "passback", "not_valid_here"}


def test_an_exit_nobody_sees_is_the_dearest_that_is_reached_and_the_compiler_says_so():
    differ = 0
    for seed in range(150):
        city = random_city(seed)
        fares = Engine(city).fares
        for row in city.slow.rows("routes.txt"):
            route = row["route_id"]
            network = city.slow.network(city.slow.network_of(route))
            if network.get("check_out") == "1" or network.get("unknown_exit") == "cheapest":
                continue
            place, now, _ = city.presented(Tap(NOON, 101, route, "S0"))
            charged, _ = fares.offer(city.tables.default_category, place, now)
            known = []
            for stop in city.slow.reachable(Leg(route, "S0", None, now, None, 0, None, 101)):
                place.exit_stop = city.place(stop)
                known.append(fares.offer(city.tables.default_category, place, now)[0])
            priced = [price for price in known if price != NO_FARE]
            assert charged == max(priced, default=NO_FARE)
            if len(set(priced)) > 1:
                differ += 1
                assert any("the exit is not known" in text for text in city.warnings)
    assert differ > 20


def test_a_network_reaches_the_exits_of_its_own_routes_only():
    """No leg rule names a network, but the near one never goes to the far zone."""
    files = FLAT | {
        "areas.txt": "area_id,area_name\nnear,Near\nfar,Far\n",
        "stop_areas.txt": "area_id,stop_id\nnear,S2\nfar,S3\n",
        "networks.txt": "network_id,network_name\nshort,Short\nlong,Long\n",
        "route_networks.txt": "network_id,route_id\nshort,R5\nlong,R7\n",
        "trips.txt": "route_id,service_id,trip_id\nR5,all,t5\nR7,all,t7\n",
        "stop_times.txt": "trip_id,stop_id,stop_sequence\n"
        "t5,S1,1\nt5,S2,2\nt7,S1,1\nt7,S2,2\nt7,S3,3\n",
        "fare_products.txt": "fare_product_id,amount,currency\na,1.00,KZT\nb,4.00,KZT\n",
        "fare_leg_rules.txt": "to_area_id,fare_product_id\n,a\nnear,a\nfar,b\n",
    }
    city = compiled(files)
    assert any("the exit is not known" in text for text in city.warnings)
    for route, price in (("R5", 100), ("R7", 400)):
        place, now, _ = city.presented(Tap(NOON, 101, route, "S1"))
        assert Engine(city).fares.offer(0, place, now)[0] == price


def test_a_way_out_costs_no_more_than_a_missed_one():
    """The surcharge for changing would make 5.00 of the second ride; the maximum fare is 4.00."""
    files = FLAT | {
        "networks.txt": "network_id,network_name\nrail,Rail\n",
        "route_networks.txt": "network_id,route_id\nrail,R5\nrail,R7\n",
        "fare_products.txt": "fare_product_id,amount,currency\n"
        "ride,3.00,KZT\nchange,2.00,KZT\nmost,4.00,KZT\n",
        "fare_transfer_rules.txt": "from_leg_group_id,to_leg_group_id,transfer_count,"
        "fare_transfer_type,fare_product_id\ncity,city,-1,1,change\n",
        "minik_networks.txt": "network_id,check_out,ride_s_max,missed_product_id\n"
        "rail,1,3600,most\n",
    }
    city = compiled(files)
    taps = [
        Tap(NOON, 101, "R5", "S1"), Tap(NOON + 600, 101, "R5", "S2"),
        Tap(NOON + 900, 102, "R7", "S2"), Tap(NOON + 1500, 102, "R7", "S3"),
    ]
    difference, answers = live(city, Card(None, 10_000), taps)
    assert difference is None, str(difference)
    assert [one.charge for one in answers] == [0, 300, 0, 400]


def legs_of(city: City, card: Card, taps: list[Tap]) -> list[Leg]:
    """The taps as legs of one journey, each known whole."""
    legs, axis, before = [], 0, None
    for one in taps:
        axis += 0 if before is None else one.now - before
        before = one.now
        ride = one.exit_time - one.now
        legs.append(
            Leg(one.route_id, one.stop, one.exit, one.now, one.exit_time, axis, axis + ride, 101)
        )
    return legs


@pytest.mark.parametrize("begin", range(0, 120, 40))
def test_what_was_charged_is_the_itinerary_price(begin):
    """Whole legs, no pass, no cap: at each leg all charges together are the itinerary's price."""
    journeys, joined = 0, 0
    for seed in range(begin, begin + 40):
        city = random_city(seed)
        if "minik_caps.txt" in city.files:
            continue
        for number in range(4):
            card, taps = random_life(city.slow, seed * 7 + number, 6)
            legs = [
                Tap(NOON + 900 * count, 101 + count, one.route_id, one.stop,
                    one.exit or one.stop, NOON + 900 * count + 60 * (seed % 9 + 1))
                for count, one in enumerate(taps)
            ]
            rich = Card(card.category, 10**6, card.media)
            prices = itinerary(
                city.slow, legs_of(city, rich, legs), Rider(card.category, card.media)
            )
            if isinstance(prices, str) or prices != sorted(prices):
                continue  # a leg without a fare, or a discount that a later leg must use up
            engine = Engine(city)
            engine.line(city.card_line(rich))
            charged = []
            for one in legs:
                engine.line(city.tap_line(one))
                charged.append(10**6 - engine.state.balance_minor())
                joined += engine.decision.transfer
            assert charged == prices, (seed, number)
            journeys += 1
    assert journeys >= 30
    assert joined >= 15


def test_one_fares_object_keeps_nothing_between_cards():
    """Two cards by turns on one engine, each tap decided twice: as on engines of their own."""
    for seed in range(30):
        city = random_city(seed)
        alone = [Engine(city), Engine(city)]
        shared = alone[0].fares
        decision, after = Decision(), CardState()
        lived = list(lives(city, seed, 2, 12))
        for number, (card, _) in enumerate(lived):
            alone[number].line(city.card_line(card))
        for count in range(12):
            for number, (_, taps) in enumerate(lived):
                one, engine = taps[count], alone[number]
                said = []
                for fares in (shared, engine.fares, shared):
                    state = engine.state
                    was = said_of(state)
                    after.copy_from(state)
                    fares.decide(state, *city.presented(one), decision, after)
                    assert said_of(state) == was  # a decision leaves the card alone
                    said.append((vars(decision).copy(), decision.outcome or said_of(after)))
                assert said[0] == said[1] == said[2]
                engine.line(city.tap_line(one))


def said_of(state: CardState) -> str:
    """All that a card's state says."""
    return f"{fields(state, STATE)} {contracts_of(state)} {state.balance_minor()}"
