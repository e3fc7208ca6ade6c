"""Checking in and out, missed check-outs, legs that extend the last one (SPEC §7.4, §7.7)."""

from protocol.cards.state import START_FIRST_USE
from protocol.fares.tariff import Place
from tests.shared.fare_world import DAY, MONDAY, NOON, Rider
from tests.shared.metro import BUS, BUSES, METRO, MISSED, OTHER, TODAY, a_metro, out
from tests.shared.tariff_payload import (
    ALL_WEEK,
    DAYS,
    FIRST_USE,
    ON_BOARD,
    RIDES,
    rule,
)


def _contract(sheet, kind, length=1, to=(0, 1, 2), flags=0):
    """A product that covers legs of the metro to these zones."""
    product = sheet.product("pass", 700, kind, length, flags)
    for zone in range(3):
        for end in to:
            sheet.legs[1, zone, end] += (rule(product, 1),)
    return product


def test_the_offer_is_the_dearest_exit():
    place = Place(1, METRO, 1)
    assert Rider(a_metro()).fares.offer(0, place, NOON) == (300, 3)


def test_in_costs_nothing_and_out_the_leg():
    for stop, charge in ((1, 100), (2, 200), (3, 300), (4, 300)):
        rider = Rider(a_metro())
        assert out(rider, NOON, 1) == 0
        state = rider.state
        assert state.checked_in
        assert not rider.decision.checkout
        assert state.journey_legs == 0
        assert (state.leg_network, state.leg_from_stop, state.leg_exit_stop) == (1, 1, 1)
        assert out(rider, NOON + 900, stop) == charge
        assert rider.decision.checkout
        assert not rider.decision.missed
        assert not rider.state.checked_in
        assert rider.state.journey_legs == 1
        assert (rider.state.journey_age_s, rider.state.leg_ride_s) == (900, 900)
        assert rider.state.leg_network == 0  # no join rule needs it


def test_the_balance_must_stand_the_maximum_fare():
    assert out(Rider(a_metro(), balance=MISSED - 1), NOON, 1) == "insufficient_funds"
    rider = Rider(a_metro(), balance=MISSED)
    assert out(rider, NOON, 1, companions=0) == 0
    assert out(Rider(rider.fares, MISSED * 2 - 1), NOON, 1, companions=1) == "insufficient_funds"
    assert out(Rider(rider.fares, MISSED * 2), NOON, 1, companions=1) == 0
    assert out(Rider(rider.fares, 599), NOON, 1, companions=0x11) == "insufficient_funds"
    assert out(Rider(rider.fares, 600), NOON, 1, companions=0x11) == 0
    assert out(Rider(a_metro(missed=False), 0), NOON, 1) == 0


def test_pass_back_is_for_the_stop_of_check_in():
    rider = Rider(a_metro())
    assert out(rider, NOON, 1) == 0
    assert out(rider, NOON + 59, 1) == "passback"
    assert out(rider, NOON + 59, 2) == 200
    assert out(rider, NOON + 80, 3) == "passback"  # just out, not in again
    rider = Rider(rider.fares)
    assert out(rider, NOON, 1) == 0
    assert out(rider, NOON + 60, 1) == 100


def test_at_most_the_maximum_fare():
    sheet = a_metro()
    dear = sheet.product("dear", 900)
    sheet.legs[1, 0, 2] = (rule(dear, 1),)
    rider = Rider(sheet)
    assert out(rider, NOON, 1) == 0
    assert out(rider, NOON + 900, 3) == MISSED
    rider = Rider(rider.fares)
    assert out(rider, NOON, 1, companions=1) == 0
    assert out(rider, NOON + 900, 3) == 2 * MISSED
    assert rider.decision.riders == 2  # those who checked in


def test_where_nothing_leads():
    sheet = a_metro()
    for zone in range(3):
        sheet.legs[1, 1, zone] = ()
    sheet.legs[1, 0, 2] = ()
    rider = Rider(sheet)
    assert out(rider, NOON, 2) == "not_valid_here"
    assert out(rider, NOON, 1) == 0
    assert out(rider, NOON + 900, 3) == "not_valid_here"
    assert rider.state.checked_in
    assert out(rider, NOON + 901, 2) == 200


def test_the_fare_is_that_of_the_departure():
    sheet = a_metro()
    peak = sheet.product("peak", 250)
    sheet.timeframe(1, sheet.service(ALL_WEEK), 12 * 3600, 13 * 3600)
    sheet.legs[1, 0, 0] = (rule(peak, 1, 1, 1), rule(1, 1))
    rider = Rider(sheet)
    assert [out(rider, NOON + 3599, 1), out(rider, NOON + 3700, 1)] == [0, 250]
    assert [out(rider, NOON - 1 + DAY, 1), out(rider, NOON + DAY + 99, 1)] == [0, 100]


def test_the_arrival_is_when_the_way_out_says_also_if_its_clock_is_behind():
    sheet = a_metro()
    peak = sheet.product("peak", 250)
    sheet.timeframe(1, sheet.service(ALL_WEEK), 12 * 3600, 13 * 3600)
    sheet.legs[1, 0, 1] = (rule(peak, 1, 1, 0, 1), rule(2, 1))
    for way_out, price in ((NOON + 3600, 200), (NOON + 3599, 250)):
        rider = Rider(sheet)
        assert [out(rider, NOON + 3630, 1), out(rider, way_out, 2)] == [0, price]


def test_an_exit_that_is_known_at_once():
    rider = Rider(a_metro(), balance=200)
    assert rider.tap(NOON, stop=1, exit_stop=2) == 200
    assert not rider.state.checked_in
    assert not rider.decision.checkout


# -- missed --------------------------------------------------------------------------------------


def test_a_missed_check_out_costs_the_maximum_at_the_next_tap():
    for tap, charge in (
        ({"now": NOON + 7201, "stop": 2}, 0),  # too late: a check-in
        ({"now": NOON + 900, "stop": 2, "vehicle": 102}, 0),  # elsewhere
        ({"now": NOON + 900, "stop": 2, "route": OTHER}, 0),  # in another network
        ({"now": NOON + 900, "route": BUSES, "vehicle": 7}, BUS),
        ({"now": NOON + 900, "stop": 1, "exit_stop": 2, "vehicle": 7}, 200),
    ):
        rider = Rider(a_metro(transfer={}))
        assert out(rider, NOON, 1) == 0
        assert rider.tap(**tap) == MISSED + charge
        assert rider.decision.missed
        assert not rider.decision.transfer
        assert not rider.decision.checkout
        if not rider.state.checked_in:
            assert rider.state.journey_legs == 1


def test_the_last_moment_to_check_out():
    rider = Rider(a_metro())
    assert [out(rider, NOON, 1), out(rider, NOON + 7200, 2)] == [0, 200]
    rider = Rider(a_metro(ride_s_max=0))
    assert [out(rider, NOON, 1), out(rider, NOON + 3 * DAY, 2)] == [0, 200]
    assert rider.state.leg_age_s == rider.state.leg_ride_s == 0xFFFF


def test_the_companions_of_the_check_in_missed_it_too():
    rider = Rider(a_metro())
    assert out(rider, NOON, 1, companions=0x11) == 0
    assert rider.tap(NOON + 900, route=BUSES, vehicle=7) == MISSED + MISSED // 2 + BUS
    assert rider.decision.companions == 0


def test_two_kinds_of_companions_missed_it():
    rider = Rider(a_metro())
    assert out(rider, NOON, 1, companions=0x0211) == 0
    assert rider.tap(NOON + 900, route=BUSES, vehicle=7) == 3 * MISSED + MISSED // 2 + BUS


def test_a_missed_check_out_and_the_next_need_the_money_together():
    rider = Rider(a_metro(), balance=2 * MISSED - 1)
    assert out(rider, NOON, 1) == 0
    assert out(rider, NOON + 8000, 1) == "insufficient_funds"
    assert rider.state.checked_in
    rider = Rider(rider.fares, balance=2 * MISSED)
    assert [out(rider, NOON, 1), out(rider, NOON + 8000, 1)] == [0, MISSED]
    assert rider.state.checked_in


def test_no_cap_lowers_or_counts_a_missed_check_out():
    sheet = a_metro()
    sheet.cap(1, 60)
    rider = Rider(sheet)
    assert out(rider, NOON, 1) == 0
    assert rider.tap(NOON + 900, route=BUSES, vehicle=7) == MISSED + BUS
    assert rider.state.spent_day_minor == BUS
    assert rider.tap(NOON + 1900, route=BUSES, vehicle=8) == 10


def test_a_check_out_with_clocks_apart():
    rider = Rider(a_metro())
    assert out(rider, NOON, 1) == 0
    assert out(rider, NOON - 3601, 1) == 100
    assert rider.state.leg_ride_s == rider.state.leg_age_s == 0


# -- contracts -----------------------------------------------------------------------------------


def test_a_pass_that_covers_every_exit_needs_no_money():
    sheet = a_metro()
    product = _contract(sheet, DAYS)
    rider = Rider(sheet, balance=0)
    rider.hold(product, TODAY)
    assert (out(rider, NOON, 1), rider.decision.product) == (0, product)
    assert (out(rider, NOON + 900, 3), rider.decision.product) == (0, product)
    assert out(rider, NOON + 1000, 1, companions=1) == "insufficient_funds"


def test_a_pass_that_covers_some_exits_needs_the_maximum():
    sheet = a_metro()
    product = _contract(sheet, DAYS, to=(0, 1))
    poor = Rider(sheet, balance=MISSED - 1)
    poor.hold(product, TODAY)
    assert out(poor, NOON, 1) == "insufficient_funds"
    for stop, charge in ((2, 0), (3, 300)):
        rider = Rider(poor.fares, balance=MISSED)
        rider.hold(product, TODAY)
        assert [out(rider, NOON, 1), rider.tap(NOON + 8000, stop=1, exit_stop=1)] == [0, MISSED]
        rider = Rider(poor.fares, balance=MISSED)
        rider.hold(product, TODAY)
        assert [out(rider, NOON, 1), out(rider, NOON + 900, stop)] == [0, charge]


def test_where_only_a_pass_is_valid():
    sheet = a_metro()
    product = _contract(sheet, DAYS)
    for zone in range(3):
        for end in range(3):
            sheet.legs[1, zone, end] = (rule(product, 1),)
    rider = Rider(sheet)
    assert out(rider, NOON, 1) == "not_valid_here"
    rider.hold(product, TODAY)
    assert [out(rider, NOON, 1), out(rider, NOON + 900, 2)] == [0, 0]


def test_a_pass_for_the_peak_settles_what_began_in_it():
    """The missed leg counts from its departure, also where it was extended."""
    sheet = a_metro(joins=True)
    sheet.timeframe(1, sheet.service(ALL_WEEK), 12 * 3600, 13 * 3600)
    product = sheet.product("peak pass", 700, DAYS, 1)
    for zone in range(3):
        for end in range(3):
            sheet.legs[1, zone, end] += (rule(product, 1, 0, 1),)
    fares = Rider(sheet).fares
    for begin, missed in ((NOON + 3000, 0), (NOON + 3600, MISSED)):
        rider = Rider(fares)
        rider.hold(product, TODAY)
        assert out(rider, begin, 1) == 0
        assert out(rider, begin + 500, 2) == (200 if missed else 0)
        assert out(rider, begin + 600, 2, vehicle=102) == 0
        assert rider.state.journey_legs == 1
        assert rider.tap(begin + 700, route=BUSES, vehicle=7) == missed + BUS


def test_a_pass_is_valid_if_it_was_at_check_in():
    sheet = a_metro()
    product = _contract(sheet, DAYS)
    rider = Rider(sheet)
    rider.hold(product, TODAY)
    assert [out(rider, MONDAY + DAY - 60, 1), out(rider, MONDAY + DAY + 900, 3)] == [0, 0]
    assert [out(rider, MONDAY + DAY + 1000, 1), out(rider, MONDAY + DAY + 1900, 3)] == [0, 300]


def test_a_period_contract_settles_the_missed_check_out_and_rides_do_not():
    for kind, missed in ((DAYS, 0), (RIDES, MISSED)):
        sheet = a_metro()
        product = _contract(sheet, kind)
        rider = Rider(sheet)
        rider.hold(product, TODAY, 5)
        assert out(rider, NOON, 1) == 0
        assert rider.tap(NOON + 900, route=BUSES, vehicle=7) == missed + BUS
        assert rider.decision.missed == (missed > 0)
        assert rider.state.contracts[0].rides == 5


def test_a_contract_begins_with_the_ride_it_pays_for():
    sheet = a_metro()
    product = _contract(sheet, DAYS, flags=FIRST_USE)
    fares = Rider(sheet).fares
    for later in (900, 3 * DAY):
        rider = Rider(fares)
        rider.hold(product, START_FIRST_USE)
        assert out(rider, NOON, 1) == 0
        assert rider.state.contracts[0].start == START_FIRST_USE
        assert rider.tap(NOON + later, stop=2, route=METRO if later == 900 else BUSES) == (
            0 if later == 900 else BUS)
        assert rider.state.contracts[0].start == TODAY


def test_bought_at_check_in():
    sheet = a_metro()
    product = _contract(sheet, RIDES, 5, flags=ON_BOARD)
    rider = Rider(sheet, balance=700)
    assert out(rider, NOON, 1, product=product) == 700
    assert rider.state.checked_in
    assert rider.state.contracts[0].rides == 5
    assert out(rider, NOON + 900, 2) == 0
    assert rider.state.contracts[0].rides == 4
    assert out(Rider(rider.fares, 699), NOON, 1, product=product) == "insufficient_funds"


# -- journeys ------------------------------------------------------------------------------------


def test_the_journey_goes_through_the_metro():
    sheet = a_metro(transfer={"kind": 0, "limit_type": 2, "limit_s": 600})
    rider = Rider(sheet)
    assert rider.tap(NOON, route=BUSES, vehicle=7) == BUS
    assert out(rider, NOON + 500, 1) == 0
    state = rider.state
    assert (state.base_legs, state.base_group, state.base_age_s) == (1, 2, 500)
    assert state.base_block
    assert state.leg_block
    assert out(rider, NOON + 3000, 3) == 0  # within 600 s of the bus at check-in
    assert rider.decision.transfer
    assert rider.state.journey_legs == 2
    assert not rider.state.base_block
    # 600 s after the arrival, not the departure
    assert rider.tap(NOON + 3600, route=BUSES, vehicle=7) == 0
    assert rider.state.journey_legs == 3
    late = Rider(rider.fares)
    assert [out(late, NOON, 1), out(late, NOON + 900, 1)] == [0, 100]
    assert late.tap(NOON + 1501, route=BUSES, vehicle=7) == BUS


def test_check_in_keeps_when_the_leg_before_began_and_ended():
    for kind, limit_s in ((1, 800), (2, 500)):
        for spare, charge in ((0, 0), (-1, 100)):
            rider = Rider(a_metro(transfer={"limit_type": kind, "limit_s": limit_s + spare}))
            assert rider.tap(NOON, route=BUSES, vehicle=7, exit_time=NOON + 300) == BUS
            assert [out(rider, NOON + 800, 1), out(rider, NOON + 2000, 1)] == [0, charge]


def test_check_in_keeps_what_the_leg_before_cost():
    sheet = a_metro(transfer={"kind": 2, "product": 4})
    fares = Rider(sheet).fares
    rider = Rider(fares)
    assert rider.tap(NOON, route=BUSES, vehicle=7) == BUS
    assert [out(rider, NOON + 100, 1), out(rider, NOON + 900, 3)] == [0, 0]  # 50 for both
    assert rider.decision.transfer


def test_check_in_keeps_the_count_of_the_run():
    sheet = a_metro()
    sheet.transfer(1, 1, 1)
    rider = Rider(sheet)
    got = [out(rider, NOON + 1000 * tap, 1) for tap in range(6)]
    assert got == [0, 100, 0, 0, 0, 100]


def test_a_run_is_timed_from_its_departure_or_arrival():
    for kind, limit_s in ((1, 2000), (2, 1100), (0, 2300), (3, 1400)):
        for spare, charge in ((0, 0), (-1, 100)):
            sheet = a_metro(transfer={"limit_type": kind, "limit_s": limit_s + spare})
            rider = Rider(sheet)
            assert [out(rider, NOON, 1), out(rider, NOON + 900, 1)] == [0, 100]
            assert out(rider, NOON + 2000, 1) == 0
            assert out(rider, NOON + 2300, 1) == charge, (kind, spare)
            if not charge:
                assert rider.state.run_transfers == 1
                assert (rider.state.journey_age_s, rider.state.run_ride_s) == (2300, 900)
                assert (rider.state.leg_age_s, rider.state.leg_ride_s) == (300, 300)


def test_companions_of_the_journey_before_check_in():
    for companions, charge in ((0x11, 0), (0x12, 100)):
        rider = Rider(a_metro(transfer={}))
        assert rider.tap(NOON, route=BUSES, vehicle=7, companions=0x11) == 2 * BUS
        assert out(rider, NOON + 100, 1, companions=companions) == 0
        assert rider.state.base_companions == 0x11
        assert out(rider, NOON + 900, 1) == charge


def test_caps_and_credit_count_at_check_out():
    sheet = a_metro(transfer={"kind": 0, "product": 0})
    sheet.cap(1, 150)
    rider = Rider(sheet)
    assert [out(rider, NOON, 1), out(rider, NOON + 900, 3)] == [0, 150]
    assert rider.decision.capped
    assert rider.state.spent_day_minor == 150
