"""Checking in and out, missed check-outs, legs that extend the last one (SPEC §7.4, §7.7)."""

from protocol.cards.state import START_FIRST_USE
from protocol.fares.tariff import Place
from tests.shared.fare_world import DAY, MONDAY, NOON, Rider
from tests.shared.tariff_payload import (
    ALL_WEEK,
    ANY,
    DAYS,
    FIRST_USE,
    ON_BOARD,
    RIDES,
    Sheet,
    rule,
)

_MISSED = 400
_BUS = 50
_METRO, _BUSES, _OTHER = 1, 2, 3  # routes
_TODAY = MONDAY // DAY


def _sheet(missed=True, ride_s_max=7200, joins=False, transfer=None):
    """A metro of zones 0, 1, 2 with check-out, a bus without, another metro.

    Within a zone 100, to the next 200, two further 300; children half. Stops 1, 2, 3 lie in the
    zones; 4 is a platform of 3.
    """
    sheet = Sheet()
    sheet.flags |= 2
    sheet.category("adult")
    sheet.category("child")
    sheet.network_classes = 3
    sheet.from_classes = sheet.to_classes = 3
    metro = sheet.group("metro")
    bus = sheet.group("bus")
    fares = [sheet.product(f"z{n}", ((0, ANY, 100 * n), (1, ANY, 50 * n))) for n in (1, 2, 3)]
    single = sheet.product("bus", _BUS)
    top = sheet.product("missed", ((0, ANY, _MISSED), (1, ANY, _MISSED // 2)))
    for name in ("metro", "bus", "other"):
        out = name != "bus"
        sheet.network(name, 2 if name == "bus" else 1, out, False, ride_s_max,
                      top if missed and out else 0)
        sheet.route(name, {"metro": 1, "bus": 2, "other": 3}[name])
    for zone in range(3):
        sheet.stop(f"s{zone}", zone, zone)
        for to in range(3):
            sheet.legs[1, zone, to] = (rule(fares[abs(zone - to)], metro),)
            sheet.legs[2, zone, to] = (rule(single, bus),)
    sheet.stop("platform", 2, 2, 3)
    if joins:
        sheet.join(_METRO)
    if transfer is not None:
        for pair in ((metro, bus), (bus, metro), (metro, metro)):
            sheet.transfer(pair[0], pair[1], 255 if pair[0] == pair[1] else 0, **transfer)
    return sheet


def _out(rider, at, stop, **more):
    """Tap on the metro."""
    return rider.tap(at, stop=stop, **more)


def _contract(sheet, kind, length=1, to=(0, 1, 2), flags=0):
    """A product that covers legs of the metro to these zones."""
    product = sheet.product("pass", 700, kind, length, flags)
    for zone in range(3):
        for end in to:
            sheet.legs[1, zone, end] += (rule(product, 1),)
    return product


def test_the_offer_is_the_dearest_exit():
    place = Place(1, _METRO, 1)
    assert Rider(_sheet()).fares.offer(0, place, NOON) == (300, 3)


def test_in_costs_nothing_and_out_the_leg():
    for stop, charge in ((1, 100), (2, 200), (3, 300), (4, 300)):
        rider = Rider(_sheet())
        assert _out(rider, NOON, 1) == 0
        state = rider.state
        assert state.checked_in
        assert not rider.decision.checkout
        assert state.journey_legs == 0
        assert (state.leg_network, state.leg_from_stop, state.leg_exit_stop) == (1, 1, 1)
        assert _out(rider, NOON + 900, stop) == charge
        assert rider.decision.checkout
        assert not rider.decision.missed
        assert not rider.state.checked_in
        assert rider.state.journey_legs == 1
        assert (rider.state.journey_age_s, rider.state.leg_ride_s) == (900, 900)
        assert rider.state.leg_network == 0  # no join rule needs it


def test_the_balance_must_stand_the_maximum_fare():
    assert _out(Rider(_sheet(), balance=_MISSED - 1), NOON, 1) == "insufficient_funds"
    rider = Rider(_sheet(), balance=_MISSED)
    assert _out(rider, NOON, 1, companions=0) == 0
    assert _out(Rider(rider.fares, _MISSED * 2 - 1), NOON, 1, companions=1) == "insufficient_funds"
    assert _out(Rider(rider.fares, _MISSED * 2), NOON, 1, companions=1) == 0
    assert _out(Rider(rider.fares, 599), NOON, 1, companions=0x11) == "insufficient_funds"
    assert _out(Rider(rider.fares, 600), NOON, 1, companions=0x11) == 0
    assert _out(Rider(_sheet(missed=False), 0), NOON, 1) == 0


def test_pass_back_is_for_the_stop_of_check_in():
    rider = Rider(_sheet())
    assert _out(rider, NOON, 1) == 0
    assert _out(rider, NOON + 59, 1) == "passback"
    assert _out(rider, NOON + 59, 2) == 200
    assert _out(rider, NOON + 80, 3) == "passback"  # just out, not in again
    rider = Rider(rider.fares)
    assert _out(rider, NOON, 1) == 0
    assert _out(rider, NOON + 60, 1) == 100


def test_at_most_the_maximum_fare():
    sheet = _sheet()
    dear = sheet.product("dear", 900)
    sheet.legs[1, 0, 2] = (rule(dear, 1),)
    rider = Rider(sheet)
    assert _out(rider, NOON, 1) == 0
    assert _out(rider, NOON + 900, 3) == _MISSED
    rider = Rider(rider.fares)
    assert _out(rider, NOON, 1, companions=1) == 0
    assert _out(rider, NOON + 900, 3) == 2 * _MISSED
    assert rider.decision.riders == 2  # those who checked in


def test_where_nothing_leads():
    sheet = _sheet()
    for zone in range(3):
        sheet.legs[1, 1, zone] = ()
    sheet.legs[1, 0, 2] = ()
    rider = Rider(sheet)
    assert _out(rider, NOON, 2) == "not_valid_here"
    assert _out(rider, NOON, 1) == 0
    assert _out(rider, NOON + 900, 3) == "not_valid_here"
    assert rider.state.checked_in
    assert _out(rider, NOON + 901, 2) == 200


def test_the_fare_is_that_of_the_departure():
    sheet = _sheet()
    peak = sheet.product("peak", 250)
    sheet.timeframe(1, sheet.service(ALL_WEEK), 12 * 3600, 13 * 3600)
    sheet.legs[1, 0, 0] = (rule(peak, 1, 1, 1), rule(1, 1))
    rider = Rider(sheet)
    assert [_out(rider, NOON + 3599, 1), _out(rider, NOON + 3700, 1)] == [0, 250]
    assert [_out(rider, NOON - 1 + DAY, 1), _out(rider, NOON + DAY + 99, 1)] == [0, 100]


def test_the_arrival_is_when_the_way_out_says_also_if_its_clock_is_behind():
    sheet = _sheet()
    peak = sheet.product("peak", 250)
    sheet.timeframe(1, sheet.service(ALL_WEEK), 12 * 3600, 13 * 3600)
    sheet.legs[1, 0, 1] = (rule(peak, 1, 1, 0, 1), rule(2, 1))
    for way_out, price in ((NOON + 3600, 200), (NOON + 3599, 250)):
        rider = Rider(sheet)
        assert [_out(rider, NOON + 3630, 1), _out(rider, way_out, 2)] == [0, price]


def test_an_exit_that_is_known_at_once():
    rider = Rider(_sheet(), balance=200)
    assert rider.tap(NOON, stop=1, exit_stop=2) == 200
    assert not rider.state.checked_in
    assert not rider.decision.checkout


# -- missed --------------------------------------------------------------------------------------


def test_a_missed_check_out_costs_the_maximum_at_the_next_tap():
    for tap, charge in (
        ({"now": NOON + 7201, "stop": 2}, 0),  # too late: a check-in
        ({"now": NOON + 900, "stop": 2, "vehicle": 102}, 0),  # elsewhere
        ({"now": NOON + 900, "stop": 2, "route": _OTHER}, 0),  # in another network
        ({"now": NOON + 900, "route": _BUSES, "vehicle": 7}, _BUS),
        ({"now": NOON + 900, "stop": 1, "exit_stop": 2, "vehicle": 7}, 200),
    ):
        rider = Rider(_sheet(transfer={}))
        assert _out(rider, NOON, 1) == 0
        assert rider.tap(**tap) == _MISSED + charge
        assert rider.decision.missed
        assert not rider.decision.transfer
        assert not rider.decision.checkout
        if not rider.state.checked_in:
            assert rider.state.journey_legs == 1


def test_the_last_moment_to_check_out():
    rider = Rider(_sheet())
    assert [_out(rider, NOON, 1), _out(rider, NOON + 7200, 2)] == [0, 200]
    rider = Rider(_sheet(ride_s_max=0))
    assert [_out(rider, NOON, 1), _out(rider, NOON + 3 * DAY, 2)] == [0, 200]
    assert rider.state.leg_age_s == rider.state.leg_ride_s == 0xFFFF


def test_the_companions_of_the_check_in_missed_it_too():
    rider = Rider(_sheet())
    assert _out(rider, NOON, 1, companions=0x11) == 0
    assert rider.tap(NOON + 900, route=_BUSES, vehicle=7) == _MISSED + _MISSED // 2 + _BUS
    assert rider.decision.companions == 0


def test_two_kinds_of_companions_missed_it():
    rider = Rider(_sheet())
    assert _out(rider, NOON, 1, companions=0x0211) == 0
    assert rider.tap(NOON + 900, route=_BUSES, vehicle=7) == 3 * _MISSED + _MISSED // 2 + _BUS


def test_a_missed_check_out_and_the_next_need_the_money_together():
    rider = Rider(_sheet(), balance=2 * _MISSED - 1)
    assert _out(rider, NOON, 1) == 0
    assert _out(rider, NOON + 8000, 1) == "insufficient_funds"
    assert rider.state.checked_in
    rider = Rider(rider.fares, balance=2 * _MISSED)
    assert [_out(rider, NOON, 1), _out(rider, NOON + 8000, 1)] == [0, _MISSED]
    assert rider.state.checked_in


def test_no_cap_lowers_or_counts_a_missed_check_out():
    sheet = _sheet()
    sheet.cap(1, 60)
    rider = Rider(sheet)
    assert _out(rider, NOON, 1) == 0
    assert rider.tap(NOON + 900, route=_BUSES, vehicle=7) == _MISSED + _BUS
    assert rider.state.spent_day_minor == _BUS
    assert rider.tap(NOON + 1900, route=_BUSES, vehicle=8) == 10


def test_a_check_out_with_clocks_apart():
    rider = Rider(_sheet())
    assert _out(rider, NOON, 1) == 0
    assert _out(rider, NOON - 3601, 1) == 100
    assert rider.state.leg_ride_s == rider.state.leg_age_s == 0


# -- contracts -----------------------------------------------------------------------------------


def test_a_pass_that_covers_every_exit_needs_no_money():
    sheet = _sheet()
    product = _contract(sheet, DAYS)
    rider = Rider(sheet, balance=0)
    rider.hold(product, _TODAY)
    assert (_out(rider, NOON, 1), rider.decision.product) == (0, product)
    assert (_out(rider, NOON + 900, 3), rider.decision.product) == (0, product)
    assert _out(rider, NOON + 1000, 1, companions=1) == "insufficient_funds"


def test_a_pass_that_covers_some_exits_needs_the_maximum():
    sheet = _sheet()
    product = _contract(sheet, DAYS, to=(0, 1))
    poor = Rider(sheet, balance=_MISSED - 1)
    poor.hold(product, _TODAY)
    assert _out(poor, NOON, 1) == "insufficient_funds"
    for stop, charge in ((2, 0), (3, 300)):
        rider = Rider(poor.fares, balance=_MISSED)
        rider.hold(product, _TODAY)
        assert [_out(rider, NOON, 1), rider.tap(NOON + 8000, stop=1, exit_stop=1)] == [0, _MISSED]
        rider = Rider(poor.fares, balance=_MISSED)
        rider.hold(product, _TODAY)
        assert [_out(rider, NOON, 1), _out(rider, NOON + 900, stop)] == [0, charge]


def test_where_only_a_pass_is_valid():
    sheet = _sheet()
    product = _contract(sheet, DAYS)
    for zone in range(3):
        for end in range(3):
            sheet.legs[1, zone, end] = (rule(product, 1),)
    rider = Rider(sheet)
    assert _out(rider, NOON, 1) == "not_valid_here"
    rider.hold(product, _TODAY)
    assert [_out(rider, NOON, 1), _out(rider, NOON + 900, 2)] == [0, 0]


def test_a_pass_for_the_peak_settles_what_began_in_it():
    """The missed leg counts from its departure, also where it was extended."""
    sheet = _sheet(joins=True)
    sheet.timeframe(1, sheet.service(ALL_WEEK), 12 * 3600, 13 * 3600)
    product = sheet.product("peak pass", 700, DAYS, 1)
    for zone in range(3):
        for end in range(3):
            sheet.legs[1, zone, end] += (rule(product, 1, 0, 1),)
    fares = Rider(sheet).fares
    for begin, missed in ((NOON + 3000, 0), (NOON + 3600, _MISSED)):
        rider = Rider(fares)
        rider.hold(product, _TODAY)
        assert _out(rider, begin, 1) == 0
        assert _out(rider, begin + 500, 2) == (200 if missed else 0)
        assert _out(rider, begin + 600, 2, vehicle=102) == 0
        assert rider.state.journey_legs == 1
        assert rider.tap(begin + 700, route=_BUSES, vehicle=7) == missed + _BUS


def test_a_pass_is_valid_if_it_was_at_check_in():
    sheet = _sheet()
    product = _contract(sheet, DAYS)
    rider = Rider(sheet)
    rider.hold(product, _TODAY)
    assert [_out(rider, MONDAY + DAY - 60, 1), _out(rider, MONDAY + DAY + 900, 3)] == [0, 0]
    assert [_out(rider, MONDAY + DAY + 1000, 1), _out(rider, MONDAY + DAY + 1900, 3)] == [0, 300]


def test_a_period_contract_settles_the_missed_check_out_and_rides_do_not():
    for kind, missed in ((DAYS, 0), (RIDES, _MISSED)):
        sheet = _sheet()
        product = _contract(sheet, kind)
        rider = Rider(sheet)
        rider.hold(product, _TODAY, 5)
        assert _out(rider, NOON, 1) == 0
        assert rider.tap(NOON + 900, route=_BUSES, vehicle=7) == missed + _BUS
        assert rider.decision.missed == (missed > 0)
        assert rider.state.contracts[0].rides == 5


def test_a_contract_begins_with_the_ride_it_pays_for():
    sheet = _sheet()
    product = _contract(sheet, DAYS, flags=FIRST_USE)
    fares = Rider(sheet).fares
    for later in (900, 3 * DAY):
        rider = Rider(fares)
        rider.hold(product, START_FIRST_USE)
        assert _out(rider, NOON, 1) == 0
        assert rider.state.contracts[0].start == START_FIRST_USE
        assert rider.tap(NOON + later, stop=2, route=_METRO if later == 900 else _BUSES) == (
            0 if later == 900 else _BUS)
        assert rider.state.contracts[0].start == _TODAY


def test_bought_at_check_in():
    sheet = _sheet()
    product = _contract(sheet, RIDES, 5, flags=ON_BOARD)
    rider = Rider(sheet, balance=700)
    assert _out(rider, NOON, 1, product=product) == 700
    assert rider.state.checked_in
    assert rider.state.contracts[0].rides == 5
    assert _out(rider, NOON + 900, 2) == 0
    assert rider.state.contracts[0].rides == 4
    assert _out(Rider(rider.fares, 699), NOON, 1, product=product) == "insufficient_funds"


# -- journeys ------------------------------------------------------------------------------------


def test_the_journey_goes_through_the_metro():
    sheet = _sheet(transfer={"kind": 0, "limit_type": 2, "limit_s": 600})
    rider = Rider(sheet)
    assert rider.tap(NOON, route=_BUSES, vehicle=7) == _BUS
    assert _out(rider, NOON + 500, 1) == 0
    state = rider.state
    assert (state.base_legs, state.base_group, state.base_age_s) == (1, 2, 500)
    assert state.base_block
    assert state.leg_block
    assert _out(rider, NOON + 3000, 3) == 0  # within 600 s of the bus at check-in
    assert rider.decision.transfer
    assert rider.state.journey_legs == 2
    assert not rider.state.base_block
    # 600 s after the arrival, not the departure
    assert rider.tap(NOON + 3600, route=_BUSES, vehicle=7) == 0
    assert rider.state.journey_legs == 3
    late = Rider(rider.fares)
    assert [_out(late, NOON, 1), _out(late, NOON + 900, 1)] == [0, 100]
    assert late.tap(NOON + 1501, route=_BUSES, vehicle=7) == _BUS


def test_check_in_keeps_when_the_leg_before_began_and_ended():
    for kind, limit_s in ((1, 800), (2, 500)):
        for spare, charge in ((0, 0), (-1, 100)):
            rider = Rider(_sheet(transfer={"limit_type": kind, "limit_s": limit_s + spare}))
            assert rider.tap(NOON, route=_BUSES, vehicle=7, exit_time=NOON + 300) == _BUS
            assert [_out(rider, NOON + 800, 1), _out(rider, NOON + 2000, 1)] == [0, charge]


def test_check_in_keeps_what_the_leg_before_cost():
    sheet = _sheet(transfer={"kind": 2, "product": 4})
    fares = Rider(sheet).fares
    rider = Rider(fares)
    assert rider.tap(NOON, route=_BUSES, vehicle=7) == _BUS
    assert [_out(rider, NOON + 100, 1), _out(rider, NOON + 900, 3)] == [0, 0]  # 50 for both
    assert rider.decision.transfer


def test_check_in_keeps_the_count_of_the_run():
    sheet = _sheet()
    sheet.transfer(1, 1, 1)
    rider = Rider(sheet)
    got = [_out(rider, NOON + 1000 * tap, 1) for tap in range(6)]
    assert got == [0, 100, 0, 0, 0, 100]


def test_a_run_is_timed_from_its_departure_or_arrival():
    for kind, limit_s in ((1, 2000), (2, 1100), (0, 2300), (3, 1400)):
        for spare, charge in ((0, 0), (-1, 100)):
            sheet = _sheet(transfer={"limit_type": kind, "limit_s": limit_s + spare})
            rider = Rider(sheet)
            assert [_out(rider, NOON, 1), _out(rider, NOON + 900, 1)] == [0, 100]
            assert _out(rider, NOON + 2000, 1) == 0
            assert _out(rider, NOON + 2300, 1) == charge, (kind, spare)
            if not charge:
                assert rider.state.run_transfers == 1
                assert (rider.state.journey_age_s, rider.state.run_ride_s) == (2300, 900)
                assert (rider.state.leg_age_s, rider.state.leg_ride_s) == (300, 300)


def test_companions_of_the_journey_before_check_in():
    for companions, charge in ((0x11, 0), (0x12, 100)):
        rider = Rider(_sheet(transfer={}))
        assert rider.tap(NOON, route=_BUSES, vehicle=7, companions=0x11) == 2 * _BUS
        assert _out(rider, NOON + 100, 1, companions=companions) == 0
        assert rider.state.base_companions == 0x11
        assert _out(rider, NOON + 900, 1) == charge


def test_caps_and_credit_count_at_check_out():
    sheet = _sheet(transfer={"kind": 0, "product": 0})
    sheet.cap(1, 150)
    rider = Rider(sheet)
    assert [_out(rider, NOON, 1), _out(rider, NOON + 900, 3)] == [0, 150]
    assert rider.decision.capped
    assert rider.state.spent_day_minor == 150


# -- extending the last leg ----------------------------------------------------------------------


def test_a_leg_that_goes_on_at_the_same_station_is_rated_as_one():
    rider = Rider(_sheet(joins=True))
    assert [_out(rider, NOON, 1), _out(rider, NOON + 900, 3)] == [0, 300]
    state = rider.state
    assert (state.leg_network, state.leg_from_stop, state.leg_exit_stop) == (1, 1, 3)
    assert _out(rider, NOON + 1000, 4, vehicle=102) == 0  # another platform
    assert rider.state.checked_in
    assert rider.state.journey_legs == 1
    assert (rider.state.leg_from_stop, rider.state.leg_exit_stop) == (1, 4)
    assert _out(rider, NOON + 1010, 4, vehicle=102) == "passback"
    assert _out(rider, NOON + 1900, 2, vehicle=102) == 0  # 200 in all, 300 paid
    assert rider.state.credit_minor == 100
    assert rider.decision.transfer
    assert (rider.state.journey_legs, rider.state.leg_age_s) == (1, 1900)
    assert _out(rider, NOON + 2000, 2, vehicle=103) == 0
    assert _out(rider, NOON + 2500, 3, vehicle=103) == 0  # 300 in all again
    assert rider.state.credit_minor == 0


def test_the_extension_costs_the_difference():
    rider = Rider(_sheet(joins=True))
    assert [_out(rider, NOON, 1), _out(rider, NOON + 900, 2)] == [0, 200]
    assert [_out(rider, NOON + 960, 2, vehicle=102), _out(rider, NOON + 1900, 3, vehicle=102)] == [
        0, 100]
    assert rider.state.journey_legs == 1
    assert rider.state.leg_product == 3


def test_what_extends_no_leg():
    cases = (
        ({"stop": 1}, None),  # another station
        ({"stop": 0}, None),
        ({"stop": 0x8001}, None),
        ({"stop": 2, "route": _OTHER}, None),  # another network
        ({"stop": 2, "companions": 1}, None),
        ({"stop": 2, "vehicle": 101}, 0),  # the same vehicle, where that is no transfer
        ({"stop": 2, "now": NOON + 7201}, None),
    )
    for tap, flags in cases:
        sheet = _sheet(joins=True)
        sheet.area("zone", 1, 1)
        if flags is not None:
            sheet.flags &= ~1
        rider = Rider(sheet)
        assert [_out(rider, NOON, 1), _out(rider, NOON + 900, 2)] == [0, 200]
        more = {"now": NOON + 1000, "vehicle": 102}
        more.update(tap)
        assert rider.tap(**more) == 0
        assert rider.state.journey_legs == 0, tap
        assert (rider.state.base_legs == 0) == (flags is not None)
    rider = Rider(rider.fares)
    assert [_out(rider, NOON, 1), _out(rider, NOON + 900, 2)] == [0, 200]
    assert rider.tap(NOON + 7200, stop=2, vehicle=102) == 0
    assert rider.state.journey_legs == 1


def test_join_rules_between_two_stops():
    for exit_stop, stop, joined in ((2, 3, 1), (2, 4, 1), (3, 2, 0), (2, 2, 0), (1, 3, 0)):
        sheet = _sheet()
        sheet.join(_OTHER)
        sheet.join(_METRO, 2, 3)
        rider = Rider(sheet)
        assert _out(rider, NOON, 1) == 0
        _out(rider, NOON + 900, exit_stop)
        assert _out(rider, NOON + 1000, stop, vehicle=102) == 0
        assert rider.state.journey_legs == joined, (exit_stop, stop)


def test_an_extended_leg_keeps_the_journey_before_it():
    rider = Rider(_sheet(joins=True, transfer={"kind": 1}))
    assert rider.tap(NOON, route=_BUSES, vehicle=7) == _BUS
    assert [_out(rider, NOON + 100, 1), _out(rider, NOON + 900, 2)] == [0, 200]
    assert (rider.state.journey_legs, rider.state.base_legs) == (2, 1)
    assert [_out(rider, NOON + 960, 2, vehicle=102), _out(rider, NOON + 1900, 3, vehicle=102)] == [
        0, 100]
    assert (rider.state.journey_legs, rider.state.base_legs) == (2, 1)
    assert rider.tap(NOON + 2000, route=_BUSES, vehicle=7) == _BUS
    assert rider.state.journey_legs == 3
    assert not rider.state.base_block


def test_an_extension_may_end_too_late_for_the_transfer_it_was():
    rider = Rider(_sheet(joins=True, transfer={"limit_type": 0, "limit_s": 1000}))
    assert rider.tap(NOON, route=_BUSES, vehicle=7) == _BUS
    assert [_out(rider, NOON + 100, 1), _out(rider, NOON + 900, 2)] == [0, 0]
    assert [_out(rider, NOON + 960, 2, vehicle=102), _out(rider, NOON + 1900, 3, vehicle=102)] == [
        0, 300]
    assert (rider.state.journey_legs, rider.state.base_legs) == (1, 1)


def test_an_age_that_no_card_can_say_joins_nothing():
    for age_s, legs in ((65534, 1), (65535, 0)):
        rider = Rider(_sheet(joins=True, ride_s_max=0))
        assert [_out(rider, NOON, 1), _out(rider, NOON + 900, 2)] == [0, 200]
        assert _out(rider, NOON + age_s, 2, vehicle=102) == 0
        assert rider.state.journey_legs == legs


def test_companions_pay_the_difference_too():
    rider = Rider(_sheet(joins=True))
    assert [_out(rider, NOON, 1, companions=0x12), _out(rider, NOON + 900, 2)] == [0, 400]
    assert _out(rider, NOON + 960, 2, vehicle=102, companions=0x12) == 0
    assert rider.state.journey_legs == 1
    assert _out(rider, NOON + 1900, 3, vehicle=102) == 200


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
    rider = Rider(_sheet(joins=True))
    assert [_out(rider, NOON, 1), _out(rider, NOON + 900, 2)] == [0, 200]
    assert _out(rider, NOON + 1000, 2, vehicle=102) == 0
    assert _out(rider, NOON + 600, 3, vehicle=102) == 100
    assert (rider.state.leg_age_s, rider.state.leg_ride_s) == (1000, 1000)


def test_an_extension_to_a_known_exit():
    rider = Rider(_subway())
    assert rider.tap(NOON, stop=1, exit_stop=1) == 100
    assert rider.tap(NOON + 600, stop=1, exit_stop=2, vehicle=102) == 60
    assert rider.tap(NOON + 900, stop=1, vehicle=103) == 160  # not where that leg ended
    assert rider.state.base_legs == 1
