"""Passes and rides on a card: validity, coverage, priority, buying on board (SPEC §7.2, §7.5)."""

from protocol import clock
from protocol.cards.state import START_FIRST_USE
from tests.shared.fare_world import DAY, MONDAY, NOON, Rider
from tests.shared.tariff_payload import (
    ALL_WEEK,
    ANY,
    CENTRAL_EUROPE,
    DAYS,
    FIRST_USE,
    MINUTES,
    MONTHS,
    ON_BOARD,
    RIDES,
    WEEKDAYS,
    Sheet,
    rule,
)

_FARE = 100
_TODAY = MONDAY // DAY


def _sheet(*passes, **more):
    """One fare and these passes of (kind, length, more); all cover every leg. Codes from 2."""
    sheet = Sheet()
    sheet.category("adult")
    sheet.category("reduced")
    sheet.route("r")
    rules = [rule(sheet.product("single", _FARE))]
    for index, (kind, length, terms) in enumerate(passes):
        price = terms.pop("price", 500)
        rules.append(rule(sheet.product(f"pass{index}", price, kind, length, **terms)))
    sheet.legs[0, 0, 0] = tuple(rules)
    for name in more:
        setattr(sheet, name, more[name])
    return sheet


def _valid_at(rider, start, times, rides=0):
    """At which of `times` a contract of product 2 pays."""
    valid = []
    for at in times:
        rider.state.clear()
        rider.state.granted_minor = _FARE
        rider.hold(2, start, rides)
        charge = rider.tap(at)
        assert (charge == 0) == (rider.decision.product == 2)
        if charge == 0:
            valid.append(at)
    return valid


def test_minutes_from_their_second_to_before_their_last():
    rider = Rider(_sheet((MINUTES, 30, {})))
    times = (NOON - 3601, NOON - 1, NOON, NOON + 1799, NOON + 1800)
    assert _valid_at(rider, NOON, times) == [NOON, NOON + 1799]


def test_days_are_service_days():
    rider = Rider(_sheet((DAYS, 2, {}), service_day_start_s=4 * 3600, zone=CENTRAL_EUROPE))
    begin = MONDAY + 3 * 3600  # 04:00 local
    times = (begin - 1, begin, begin + DAY, begin + 2 * DAY - 1, begin + 2 * DAY)
    assert _valid_at(rider, _TODAY, times) == list(times[1:4])


def test_a_service_day_at_the_turn_of_the_clocks_has_23_and_25_hours():
    rider = Rider(_sheet((DAYS, 1, {}), zone=CENTRAL_EUROPE))
    for day, hours in ((88, 23), (298, 25)):  # 2020-03-29, 2020-10-25
        begin = day * DAY - (3600 if hours == 23 else 7200)
        times = (begin - 1, begin, begin + hours * 3600 - 1, begin + hours * 3600)
        assert _valid_at(rider, day, times) == list(times[1:3])


def test_months_are_calendar_months_from_the_first():
    rider = Rider(_sheet((MONTHS, 1, {})))
    for year, month, length in ((2020, 2, 29), (2021, 2, 28), (2020, 12, 31), (2021, 4, 30)):
        first = clock.day_number(year, month, 1)
        for start in (first, first + 13, first + length - 1):
            times = [day * DAY for day in range(first - 2, first + length + 2)]
            assert _valid_at(rider, start, times) == times[2:-2]


def test_three_months_over_the_end_of_a_year():
    rider = Rider(_sheet((MONTHS, 3, {})))
    first = clock.day_number(2020, 11, 1)
    end = clock.day_number(2021, 2, 1)
    times = (first * DAY - 1, first * DAY, end * DAY - 1, end * DAY)
    assert _valid_at(rider, first + 20, times) == list(times[1:3])


def test_weekdays_until_the_first_that_is_not_in_the_mask():
    rider = Rider(_sheet((WEEKDAYS, 0, {"weekdays": 0b1110000})))  # Friday to Sunday
    monday = _TODAY
    week = [day * DAY for day in range(monday, monday + 14)]
    for start, valid in ((4, (4, 5, 6)), (5, (5, 6)), (6, (6,)), (0, ()), (3, ())):
        expected = [week[day] for day in valid]
        assert _valid_at(rider, monday + start, week) == expected, start


def test_weekdays_of_the_whole_week_never_end():
    rider = Rider(_sheet((WEEKDAYS, 0, {"weekdays": ALL_WEEK})))
    assert _valid_at(rider, _TODAY, (MONDAY - 1, MONDAY + 900 * DAY)) == [MONDAY + 900 * DAY]


def test_rides_are_used_up_and_may_run_out():
    rider = Rider(_sheet((RIDES, 10, {"valid_days": 2})))
    rider.hold(2, _TODAY, 3)
    taps = [(rider.tap(NOON + 600 * i), rider.state.contracts[0].rides) for i in range(4)]
    assert taps == [(0, 2), (0, 1), (0, 0), (_FARE, 0)]
    times = (MONDAY - 1, MONDAY, MONDAY + 2 * DAY - 1, MONDAY + 2 * DAY)
    assert _valid_at(rider, _TODAY, times, 1) == list(times[1:3])
    assert _valid_at(rider, START_FIRST_USE, (NOON,), 0) == []
    rider = Rider(_sheet((RIDES, 10, {})))
    assert _valid_at(rider, _TODAY, (MONDAY + 999 * DAY,), 1) == [MONDAY + 999 * DAY]


def test_first_use_begins_a_contract():
    for kind, start in ((MINUTES, NOON), (DAYS, _TODAY), (MONTHS, _TODAY), (RIDES, _TODAY)):
        rider = Rider(_sheet((kind, 10, {"flags": FIRST_USE})))
        rider.hold(2, START_FIRST_USE, 5)
        assert rider.tap(NOON) == 0
        assert rider.state.contracts[0].start == start
        assert rider.state.contracts[0].rides == (4 if kind == RIDES else 5)
        assert rider.tap(NOON + 100) == 0


def test_the_last_tap_ahead_of_the_clock_still_counts():
    """A ticket bought a second before midnight by a clock that is ahead is valid everywhere."""
    rider = Rider(_sheet((MINUTES, 30, {}), (DAYS, 1, {})))
    for product, start in ((2, MONDAY + 20), (3, _TODAY)):
        rider.state.contracts[0].clear()
        rider.hold(product, start)
        rider.state.tap_time = MONDAY + 20
        rider.state.journey_legs = 1
        rider.state.vehicle = 55
        assert rider.tap(MONDAY - 30) == 0
        rider.state.tap_time = MONDAY + 3600
        assert rider.tap(MONDAY - 1) == _FARE  # stamped by a wrong clock


def test_products_that_the_tariff_does_not_know_or_sells_for_one_ride():
    rider = Rider(_sheet((DAYS, 1, {})))
    for product in (1, 3, 255):
        rider.hold(product, _TODAY, 5)
        rider.hold(product, _TODAY, 5, slot=1)
        assert rider.tap(NOON + 100 * product) == _FARE
        rider.state.contracts[1].clear()
    seller = Rider(_sheet((DAYS, 1, {"flags": ON_BOARD})))
    seller.hold(200)
    seller.hold(201, slot=1)
    assert seller.tap(NOON, product=2) == "already_used"  # what is unknown is not over


# -- which one pays ------------------------------------------------------------------------------


def test_priority_then_slot_and_the_purse_last():
    passes = [(DAYS, 9, {"priority": 20}), (DAYS, 9, {"priority": 10}), (DAYS, 9, {})]
    for slots, winner in (((2, 3), 3), ((3, 2), 3), ((3, 4), 3), ((4, 3), 4), ((2, 0), 2)):
        rider = Rider(_sheet(*[(kind, length, dict(more)) for kind, length, more in passes]))
        for slot in range(2):
            rider.hold(slots[slot], _TODAY, slot=slot)
        assert rider.tap(NOON) == 0
        assert rider.decision.product == winner


def _transferring(*passes):
    """Every second leg of a run is free."""
    sheet = _sheet(*passes)
    group = sheet.group("g")
    sheet.transfer(group, group, 1)
    sheet.legs[0, 0, 0] = tuple([rule(row[1], group) for row in sheet.legs[0, 0, 0]])
    return sheet


def test_rides_are_only_used_where_it_would_cost():
    rider = Rider(_transferring((RIDES, 10, {})))
    rider.hold(2, _TODAY, 5)
    got = [(rider.tap(NOON + 100 * i), rider.state.contracts[0].rides) for i in range(4)]
    assert got == [(0, 4), (0, 4), (0, 3), (0, 3)]
    assert rider.decision.product == 1
    assert rider.decision.transfer


def test_a_contract_does_not_begin_on_a_leg_that_is_free():
    rider = Rider(_transferring((MINUTES, 30, {"flags": FIRST_USE})))
    assert rider.tap(NOON) == _FARE
    rider.hold(2, START_FIRST_USE)
    assert rider.tap(NOON + 100) == 0
    assert rider.state.contracts[0].start == START_FIRST_USE
    assert rider.tap(NOON + 200) == 0
    assert rider.state.contracts[0].start == NOON + 200


def test_a_free_leg_still_goes_to_a_pass_that_loses_nothing():
    rider = Rider(_transferring((RIDES, 10, {"priority": 1}), (DAYS, 1, {})))
    rider.hold(2, _TODAY, 5)
    rider.hold(3, _TODAY, slot=1)
    assert (rider.tap(NOON), rider.decision.product) == (0, 2)
    assert (rider.tap(NOON + 100), rider.decision.product) == (0, 3)
    assert rider.state.contracts[0].rides == 4


def test_a_covered_leg_goes_on_with_the_journey_as_if_paid():
    rider = Rider(_transferring((DAYS, 1, {})))
    rider.hold(2, _TODAY - 1)
    rider.state.contracts[0].start = _TODAY
    assert rider.tap(NOON) == 0
    assert (rider.state.journey_legs, rider.state.leg_product) == (1, 1)
    rider.state.contracts[0].clear()
    assert rider.tap(NOON + 100) == 0
    assert rider.decision.transfer
    assert rider.decision.product == 1


def test_a_pass_covers_what_its_rules_name():
    sheet = _sheet((DAYS, 1, {}))
    sheet.to_classes = 2
    sheet.legs[0, 0, 1] = (rule(1),)
    near = sheet.stop("near")
    far = sheet.stop("far", to_class=1)
    rider = Rider(sheet)
    rider.hold(2, _TODAY)
    assert rider.tap(NOON, exit_stop=far) == _FARE
    assert rider.tap(NOON + 100, exit_stop=near) == 0
    assert rider.tap(NOON + 200) == 0  # some exit is covered


def test_a_pass_is_bound_by_timeframe_and_rank():
    sheet = _sheet((DAYS, 1, {}))
    service = sheet.service(ALL_WEEK)
    sheet.timeframe(1, service, 9 * 3600, 24 * 3600)
    sheet.timeframe(2, service, 22 * 3600, 24 * 3600)
    night = sheet.product("night", 150)
    sheet.legs[0, 0, 0] = (rule(night, 0, 1, 2), rule(1), rule(2, 0, 0, 1))
    rider = Rider(sheet)
    rider.hold(2, _TODAY)
    assert [rider.tap(MONDAY + 3600 * hour) for hour in (8, 9, 21, 22)] == [_FARE, 0, 0, 150]


def test_where_only_the_pass_is_valid():
    sheet = _sheet((RIDES, 5, {}))
    group = sheet.group("g")
    sheet.legs[0, 0, 0] = (rule(2, group),)
    rider = Rider(sheet)
    assert rider.tap(NOON) == "not_valid_here"
    rider.hold(2, _TODAY, 1)
    assert rider.tap(NOON) == 0
    state = rider.state
    assert (state.contracts[0].rides, state.leg_group, state.leg_product) == (0, group, 0)
    assert rider.tap(NOON + 100) == "not_valid_here"


def test_a_pass_needs_no_money():
    rider = Rider(_sheet((DAYS, 1, {})), balance=0)
    rider.hold(2, _TODAY)
    assert rider.tap(NOON) == 0
    assert rider.state.annexed
    assert not rider.state.leg_block


# -- buying --------------------------------------------------------------------------------------


def test_buying_puts_a_contract_in_a_free_slot_that_starts_now():
    kinds = ((MINUTES, 30, NOON, 0), (DAYS, 1, _TODAY, 0), (MONTHS, 1, _TODAY, 0),
             (RIDES, 10, _TODAY, 9), (RIDES, 300, _TODAY, 254))
    for kind, length, start, rides in kinds:
        rider = Rider(_sheet((kind, length, {"flags": ON_BOARD | FIRST_USE})), balance=500)
        assert rider.tap(NOON, product=2) == 500
        contract = rider.state.contracts[0]
        assert (contract.product, contract.start, contract.rides) == (2, start, rides)
        assert rider.decision.product == 2
        assert rider.state.annexed
        assert rider.tap(NOON + 100) == 0


def test_weekdays_are_bought_on_their_days_only():
    rider = Rider(_sheet((WEEKDAYS, 0, {"weekdays": 0b1110000, "flags": ON_BOARD})))
    assert rider.tap(NOON, product=2) == "not_valid_here"
    assert rider.tap(NOON + 4 * DAY, product=2) == 500
    assert [rider.tap(NOON + day * DAY) for day in (6, 7)] == [0, _FARE]


def test_what_is_held_is_not_bought_again():
    rider = Rider(_sheet((DAYS, 1, {"flags": ON_BOARD}), (DAYS, 5, {"priority": 1})))
    rider.hold(3, _TODAY)
    assert rider.tap(NOON, product=2) == 500
    assert rider.tap(NOON + 100, product=2) == 0
    assert rider.decision.product == 2
    assert rider.tap(NOON + 200) == 0
    assert rider.decision.product == 3


def test_a_chosen_ride_is_spared_on_a_free_leg():
    rider = Rider(_transferring((RIDES, 10, {"flags": ON_BOARD})))
    assert rider.tap(NOON, product=2) == 500
    assert rider.tap(NOON + 100, product=2) == 0
    assert rider.state.contracts[0].rides == 9
    assert rider.state.contracts[1].product == 0
    assert rider.tap(NOON + 200, product=2) == 0
    assert rider.state.contracts[0].rides == 8


def test_bought_on_a_free_leg_no_ride_is_used():
    rider = Rider(_transferring((RIDES, 10, {"flags": ON_BOARD})))
    assert rider.tap(NOON) == _FARE
    assert rider.tap(NOON + 100, product=2) == 500
    assert rider.state.contracts[0].rides == 10


def test_a_slot_is_free_when_its_contract_is_over():
    rider = Rider(_sheet((DAYS, 1, {"flags": ON_BOARD}), (RIDES, 5, {}), (DAYS, 30, {})))
    rider.hold(3, _TODAY, 0)
    rider.hold(2, _TODAY - 1, slot=1)
    assert rider.tap(NOON, product=2) == 500
    assert rider.state.contracts[0].product == 2
    rider.hold(4, _TODAY + 1)  # begins tomorrow: not over
    rider.hold(3, _TODAY, 1, slot=1)
    assert rider.tap(NOON + 100, product=2) == "already_used"
    rider.state.contracts[1].rides = 0
    assert rider.tap(NOON + 100, product=2) == 500
    assert [c.product for c in rider.state.contracts] == [4, 2]


def test_what_can_not_be_bought():
    rider = Rider(_sheet((DAYS, 1, {}), (DAYS, 1, {"flags": ON_BOARD, "price": ((1, ANY, 9),)})))
    assert rider.tap(NOON, product=2) == "not_valid_here"  # not sold on board
    assert rider.tap(NOON, product=3) == "not_valid_here"  # not for adults
    assert rider.tap(NOON, product=99) == "not_valid_here"
    rider.state.rider_category = 1
    assert rider.tap(NOON, product=3) == 9
    sheet = _sheet((DAYS, 1, {"flags": ON_BOARD}))
    sheet.legs[0, 0, 0] = (rule(1),)
    assert Rider(sheet).tap(NOON, product=2) == "not_valid_here"  # covers nothing here


def test_what_covers_some_exit_can_be_bought():
    sheet = _sheet((DAYS, 1, {"flags": ON_BOARD}))
    sheet.to_classes = 2
    sheet.legs[0, 0, 1] = (rule(1),)
    rider = Rider(sheet)
    assert [rider.tap(NOON, product=2), rider.tap(NOON + 100, product=2)] == [500, 0]
    assert rider.state.contracts[1].product == 0


def test_buying_needs_the_money_and_changes_nothing_without():
    rider = Rider(_sheet((DAYS, 1, {"flags": ON_BOARD})), balance=499)
    assert rider.tap(NOON, product=2) == "insufficient_funds"
    assert rider.state.contracts[0].product == 0
    assert rider.tap(NOON) == _FARE


def test_a_chosen_single_product_restricts_the_choice():
    sheet = _sheet()
    other = sheet.product("express", 180)
    elsewhere = sheet.product("elsewhere", 5)
    sheet.legs[0, 0, 0] = (rule(1), rule(other))
    rider = Rider(sheet)
    assert rider.tap(NOON) == _FARE
    assert rider.tap(NOON + 100, product=other) == 180
    assert rider.decision.product == other
    assert rider.tap(NOON + 200, product=elsewhere) == "not_valid_here"


def test_pass_back_of_a_product():
    rider = Rider(_sheet((DAYS, 1, {"passback_s": 900}), (DAYS, 1, {"passback_s": 5})))
    rider.hold(2, _TODAY)
    assert rider.tap(NOON) == 0
    assert rider.tap(NOON + 899) == "passback"
    assert rider.tap(NOON + 899, vehicle=102) == 0
    assert rider.tap(NOON + 899 + 899, vehicle=102) == "passback"
    assert rider.tap(NOON + 899 + 900, vehicle=102) == 0
    rider.state.contracts[0].product = 3  # shorter than the tariff's
    assert rider.tap(NOON + 899 + 900 + 59, vehicle=102) == "passback"
    assert rider.tap(NOON + 899 + 900 + 60, vehicle=102) == 0
