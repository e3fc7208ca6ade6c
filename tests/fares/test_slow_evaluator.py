"""The slow evaluator itself: worked by hand from the GTFS reference's own sentences and table."""

import pytest

from tests.fares.slow_evaluator import Rider, itinerary, rate
from tests.fares.slow_feed import Leg, SlowFeed
from tests.tariff.feeds import FLAT, FeedFiles, city_feed

RIDER = Rider(None, None)
NOON = 217_317_600  # 2026-11-20T06:00:00Z, a Friday, 11:00 in Almaty
_ROUTES = """\
route_id,agency_id,route_short_name,route_type,network_id
RA,A,A,3,a
RB,A,B,3,b
RC,A,C,3,c
RX,A,X,3,
"""
_RULES = """\
leg_group_id,network_id,from_area_id,to_area_id,fare_product_id
A,a,,,pa
B,b,,,pb
C,c,,,pc
"""
_PRODUCTS = """\
fare_product_id,fare_product_name,rider_category_id,fare_media_id,amount,currency
pa,a,,,1.00,KZT
pb,b,,,2.00,KZT
pc,c,,,4.00,KZT
ab,ab,,,0.30,KZT
bc,bc,,,0.07,KZT
"""
_HEADER = (
    "from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,"
    "fare_transfer_type,fare_product_id\n"
)


def three(transfers: str, rules: str = _RULES, **more: str) -> FeedFiles:
    """Networks a, b, c at 1, 2 and 4; `transfers` are the transfer rules."""
    files = FLAT | {
        "routes.txt": _ROUTES,
        "fare_leg_rules.txt": rules,
        "fare_products.txt": _PRODUCTS,
        "fare_transfer_rules.txt": _HEADER + transfers,
    }
    return files | more


def leg(route: str, minute: int, until: int | None = None, **more: str | None) -> Leg:
    """A leg that departs at a minute."""
    start = NOON + 60 * minute
    end = None if until is None else NOON + 60 * until
    arrives = None if until is None else 60 * until
    stops = {"from_stop": "S1", "to_stop": "S2"} | more
    return Leg(route, stops["from_stop"], stops["to_stop"], start, end, 60 * minute, arrives, 101)


def prices(files: FeedFiles, *legs: Leg) -> list[int] | str:
    return itinerary(SlowFeed(files), list(legs), RIDER)


def test_fare_transfer_types_of_the_reference_table():
    """A > B: A + AB, A + AB + B, AB; B > C: S + BC, S + BC + C, S + BC."""
    after_b = {0: 130, 1: 330, 2: 30}
    after_c = {0: 7, 1: 407, 2: 7}
    for first, second in [(x, y) for x in range(3) for y in range(3)]:
        files = three(f"A,B,,,,{first},ab\nB,C,,,,{second},bc\n")
        ways = leg("RA", 0), leg("RB", 5), leg("RC", 10)
        total = after_b[first]
        assert prices(files, *ways) == [100, total, total + after_c[second]]
    assert prices(three(""), *ways) == [100, 300, 700]  # "the legs are considered separate"


def test_empty_leg_groups_are_those_not_listed():
    ways = leg("RA", 0), leg("RB", 5)
    assert prices(three("A,,,,,0,\n"), *ways) == [100, 100]
    assert prices(three(",B,,,,0,\n"), *ways) == [100, 100]
    assert prices(three(",,1,,,0,\n"), *ways) == [100, 100]
    # A is listed (to C), so an empty from does not stand for it
    assert prices(three("A,C,,,,0,\n,B,,,,0,\n"), *ways) == [100, 300]
    # both are listed and no exact rule: nothing
    assert prices(three("A,C,,,,0,\nC,B,,,,0,\n,,1,,,0,\n"), *ways) == [100, 300]


def test_the_least_count_that_is_enough_and_runs():
    files = three("A,A,1,,,0,\nA,A,2,,,0,ab\nA,A,-1,,,1,\n")
    ways = [leg("RA", minute) for minute in range(0, 25, 5)]
    # free, then AB for the second, then no limit: the leg's price each
    assert prices(files, *ways) == [100, 100, 130, 230, 330]
    # a leg of another group between begins the count anew
    files = three("A,A,1,,,0,\nA,B,,,,0,\nB,A,,,,0,\n")
    ways = [leg("RA", 0), leg("RA", 1), leg("RB", 2), leg("RA", 3), leg("RA", 4), leg("RA", 5)]
    assert prices(files, *ways) == [100, 100, 100, 100, 100, 200]


@pytest.mark.parametrize(
    ("kind", "minutes"),
    [(0, 30), (1, 25), (2, 15), (3, 20)],
)
def test_duration_limit_types(kind, minutes):
    """From the departure at 0 or the arrival at 10 to the departure at 25 or arrival at 30."""
    ways = leg("RA", 0, 10), leg("RB", 25, 30)
    assert prices(three(f"A,B,,{60 * minutes},{kind},0,\n"), *ways) == [100, 100]
    assert prices(three(f"A,B,,{60 * minutes - 1},{kind},0,\n"), *ways) == [100, 300]


def test_a_run_is_measured_from_its_first_leg():
    files = three("A,A,-1,1800,1,0,\n")
    ways = [leg("RA", minute) for minute in (0, 20, 30, 31)]
    assert prices(files, *ways) == [100, 100, 100, 200]


def test_empty_fields_without_and_with_rule_priority():
    rules = "leg_group_id,network_id,from_area_id,to_area_id,fare_product_id{}\n"
    without = rules.format("") + "A,a,,,pa\nB,,,,pc\n"
    assert prices(three("", without), leg("RA", 0)) == [100]
    assert prices(three("", without), leg("RX", 0)) == [400]  # a route of no network
    assert prices(three("", without), leg("RB", 0)) == [400]
    with_it = rules.format(",rule_priority") + "A,a,,,pc,1\nB,,,,pa,\n"
    assert prices(three("", with_it), leg("RA", 0)) == [400]  # the higher priority, though dearer
    assert prices(three("", with_it), leg("RB", 0)) == [100]
    equal = rules.format(",rule_priority") + "A,a,,,pc,\nB,,,,pa,0\n"
    assert prices(three("", equal), leg("RA", 0)) == [100]  # empty is zero: both count


def test_areas_of_stations_platforms_and_several_at_once():
    feed = SlowFeed(city_feed())
    assert feed.areas_of("C1") == {"inner"}  # of its station
    assert feed.areas_of("zone:outer") == {"outer"}
    own = city_feed()
    own["stop_areas.txt"] += "outer,C2\n"
    assert SlowFeed(own).areas_of("C2") == {"outer"}  # "overridden"


def test_timeframes_begin_at_the_start_and_end_before_the_end():
    feed = SlowFeed(city_feed())
    half_past_nine = NOON - 5400
    assert feed.in_timeframe("peak", half_past_nine - 1)
    assert not feed.in_timeframe("peak", half_past_nine)
    assert feed.in_timeframe("peak", NOON + 5 * 3600 + 1800)  # 16:30
    assert not feed.in_timeframe("peak", half_past_nine + 86_399)  # Saturday
    assert feed.in_timeframe("always", NOON)


def test_joined_legs_are_one_leg_on_what_was_before():
    joins = "from_network_id,to_network_id,from_stop_id,to_stop_id\nb,b,,\n"
    files = three("A,B,,,,1,\n") | {"fare_leg_join_rules.txt": joins}
    ways = [leg("RA", 0), leg("RB", 5), leg("RB", 10, from_stop="S2", to_stop="S3")]
    assert prices(files, *ways) == [100, 300, 300]
    elsewhere = leg("RB", 10, from_stop="S3", to_stop="S1")
    assert prices(files, *ways[:2], elsewhere) == [100, 300, 500]


def test_reasons():
    feed = SlowFeed(three(""))
    assert rate(feed, [], leg("RX", 0), RIDER) == "not_valid_here"
    frames = city_feed()
    frames["fare_leg_rules.txt"] = (
        "leg_group_id,network_id,from_timeframe_group_id,fare_product_id\nbus,bus,peak,ride\n"
    )
    rider = Rider("adult", "card")
    assert rate(SlowFeed(frames), [], leg("R5", 0), rider) == "not_valid_now"
    found = rate(SlowFeed(frames), [], leg("R5", 6 * 60), rider)
    assert not isinstance(found, str)
    assert found.price == 10_000
    nobody = rate(SlowFeed(frames), [], leg("R5", 6 * 60), Rider("nobody", "card"))
    assert nobody == "not_valid_here"
