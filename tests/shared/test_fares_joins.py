"""Legs that extend the last one (SPEC §7.4)."""

from tests.shared.fare_world import NOON, Rider
from tests.shared.metro import BUS, BUSES, METRO, OTHER, a_metro, out
from tests.shared.tariff_payload import (
    Sheet,
    rule,
)


def test_a_leg_that_goes_on_at_the_same_station_is_rated_as_one():
    rider = Rider(a_metro(joins=True))
    assert [out(rider, NOON, 1), out(rider, NOON + 900, 3)] == [0, 300]
    state = rider.state
    assert (state.leg_network, state.leg_from_stop, state.leg_exit_stop) == (1, 1, 3)
    assert out(rider, NOON + 1000, 4, vehicle=102) == 0  # another platform
    assert rider.state.checked_in
    assert rider.state.journey_legs == 1
    assert (rider.state.leg_from_stop, rider.state.leg_exit_stop) == (1, 4)
    assert out(rider, NOON + 1010, 4, vehicle=102) == "passback"
    assert out(rider, NOON + 1900, 2, vehicle=102) == 0  # 200 in all, 300 paid
    assert rider.state.credit_minor == 100
    assert rider.decision.transfer
    assert (rider.state.journey_legs, rider.state.leg_age_s) == (1, 1900)
    assert out(rider, NOON + 2000, 2, vehicle=103) == 0
    assert out(rider, NOON + 2500, 3, vehicle=103) == 0  # 300 in all again
    assert rider.state.credit_minor == 0


def test_the_extension_costs_the_difference():
    rider = Rider(a_metro(joins=True))
    assert [out(rider, NOON, 1), out(rider, NOON + 900, 2)] == [0, 200]
    assert [out(rider, NOON + 960, 2, vehicle=102), out(rider, NOON + 1900, 3, vehicle=102)] == [
        0, 100]
    assert rider.state.journey_legs == 1
    assert rider.state.leg_product == 3


def test_what_extends_no_leg():
    cases = (
        ({"stop": 1}, None),  # another station
        ({"stop": 0}, None),
        ({"stop": 0x8001}, None),
        ({"stop": 2, "route": OTHER}, None),  # another network
        ({"stop": 2, "companions": 1}, None),
        ({"stop": 2, "vehicle": 101}, 0),  # the same vehicle, where that is no transfer
        ({"stop": 2, "now": NOON + 7201}, None),
    )
    for tap, flags in cases:
        sheet = a_metro(joins=True)
        sheet.area("zone", 1, 1)
        if flags is not None:
            sheet.flags &= ~1
        rider = Rider(sheet)
        assert [out(rider, NOON, 1), out(rider, NOON + 900, 2)] == [0, 200]
        more = {"now": NOON + 1000, "vehicle": 102}
        more.update(tap)
        assert rider.tap(**more) == 0
        assert rider.state.journey_legs == 0, tap
        assert (rider.state.base_legs == 0) == (flags is not None)
    rider = Rider(rider.fares)
    assert [out(rider, NOON, 1), out(rider, NOON + 900, 2)] == [0, 200]
    assert rider.tap(NOON + 7200, stop=2, vehicle=102) == 0
    assert rider.state.journey_legs == 1


def test_join_rules_between_two_stops():
    for exit_stop, stop, joined in ((2, 3, 1), (2, 4, 1), (3, 2, 0), (2, 2, 0), (1, 3, 0)):
        sheet = a_metro()
        sheet.join(OTHER)
        sheet.join(METRO, 2, 3)
        rider = Rider(sheet)
        assert out(rider, NOON, 1) == 0
        out(rider, NOON + 900, exit_stop)
        assert out(rider, NOON + 1000, stop, vehicle=102) == 0
        assert rider.state.journey_legs == joined, (exit_stop, stop)


def test_an_extended_leg_keeps_the_journey_before_it():
    rider = Rider(a_metro(joins=True, transfer={"kind": 1}))
    assert rider.tap(NOON, route=BUSES, vehicle=7) == BUS
    assert [out(rider, NOON + 100, 1), out(rider, NOON + 900, 2)] == [0, 200]
    assert (rider.state.journey_legs, rider.state.base_legs) == (2, 1)
    assert [out(rider, NOON + 960, 2, vehicle=102), out(rider, NOON + 1900, 3, vehicle=102)] == [
        0, 100]
    assert (rider.state.journey_legs, rider.state.base_legs) == (2, 1)
    assert rider.tap(NOON + 2000, route=BUSES, vehicle=7) == BUS
    assert rider.state.journey_legs == 3
    assert not rider.state.base_block


def test_an_extension_may_end_too_late_for_the_transfer_it_was():
    rider = Rider(a_metro(joins=True, transfer={"limit_type": 0, "limit_s": 1000}))
    assert rider.tap(NOON, route=BUSES, vehicle=7) == BUS
    assert [out(rider, NOON + 100, 1), out(rider, NOON + 900, 2)] == [0, 0]
    assert [out(rider, NOON + 960, 2, vehicle=102), out(rider, NOON + 1900, 3, vehicle=102)] == [
        0, 300]
    assert (rider.state.journey_legs, rider.state.base_legs) == (1, 1)


def test_an_age_that_no_card_can_say_joins_nothing():
    for age_s, legs in ((65534, 1), (65535, 0)):
        rider = Rider(a_metro(joins=True, ride_s_max=0))
        assert [out(rider, NOON, 1), out(rider, NOON + 900, 2)] == [0, 200]
        assert out(rider, NOON + age_s, 2, vehicle=102) == 0
        assert rider.state.journey_legs == legs


def test_companions_pay_the_difference_too():
    rider = Rider(a_metro(joins=True))
    assert [out(rider, NOON, 1, companions=0x12), out(rider, NOON + 900, 2)] == [0, 400]
    assert out(rider, NOON + 960, 2, vehicle=102, companions=0x12) == 0
    assert rider.state.journey_legs == 1
    assert out(rider, NOON + 1900, 3, vehicle=102) == 200


def _subway():
    """Check-in only; who changes at a station goes on with the same leg."""
    sheet = Sheet()
    sheet.category("adult")
    sheet.route("r", sheet.network("subway", 0))
    sheet.from_classes = sheet.to_classes = 2
    near, far = sheet.product("near", 100), sheet.product("far", 160)
    for zone in range(2):
        sheet.stop(f"s{zone}", zone, zone)
        for end in range(2):
            sheet.legs[0, zone, end] = (rule(near if zone == end else far),)
    sheet.join(1)
    return sheet


def test_an_exit_that_nobody_saw_is_where_the_next_leg_begins():
    rider = Rider(_subway())
    assert rider.tap(NOON, stop=1) == 160
    assert rider.state.leg_block
    assert rider.state.leg_exit_stop == 0
    assert rider.tap(NOON + 600, stop=2, vehicle=102) == 0
    assert (rider.state.journey_legs, rider.state.leg_from_stop) == (1, 1)
    assert rider.decision.transfer
    assert rider.state.leg_age_s == 600
    assert rider.tap(NOON + 7200, stop=2, vehicle=103) == 0
    assert rider.tap(NOON + 7201, stop=2, vehicle=104) == 160


def test_an_extension_is_no_younger_by_a_clock_behind():
    rider = Rider(_subway())
    assert rider.tap(NOON, stop=1) == 160
    assert rider.tap(NOON + 1800, stop=2, vehicle=102) == 0
    assert rider.tap(NOON + 900, stop=2, vehicle=103, exit_stop=1, exit_time=NOON + 960) == 0
    assert (rider.state.leg_age_s, rider.state.leg_ride_s) == (1800, 1860)
    assert rider.tap(NOON + 900 + 5400, stop=1, vehicle=104) == 0
    assert rider.state.journey_legs == 1
    assert rider.tap(NOON + 900 + 5401, stop=1, vehicle=105) == 160


def test_a_ride_is_no_shorter_by_a_clock_behind():
    rider = Rider(a_metro(joins=True))
    assert [out(rider, NOON, 1), out(rider, NOON + 900, 2)] == [0, 200]
    assert out(rider, NOON + 1000, 2, vehicle=102) == 0
    assert out(rider, NOON + 600, 3, vehicle=102) == 100
    assert (rider.state.leg_age_s, rider.state.leg_ride_s) == (1000, 1000)


def test_an_extension_to_a_known_exit():
    rider = Rider(_subway())
    assert rider.tap(NOON, stop=1, exit_stop=1) == 100
    assert rider.tap(NOON + 600, stop=1, exit_stop=2, vehicle=102) == 60
    assert rider.tap(NOON + 900, stop=1, vehicle=103) == 160  # not where that leg ended
    assert rider.state.base_legs == 1
