"""Journeys: transfer rules of every type, runs, counts, durations, credit (SPEC §7.4)."""

from tests.shared.fare_world import NOON, Rider
from tests.shared.tariff_payload import ANY, Sheet, rule

_A, _B, _C = 100, 70, 40  # prices of legs on routes 1, 2, 3
_LONGER = 0xFFFF


def _lines(prices=(_A, _B, _C), grouped=True):
    """A route, network and leg group for each price; add transfers before riding."""
    sheet = Sheet()
    sheet.category("adult")
    sheet.category("reduced")
    sheet.network_classes = len(prices) + 1
    for index, price in enumerate(prices):
        network = sheet.network(f"n{index}", rule_class=index + 1)
        sheet.route(f"r{index}", network)
        product = sheet.product(f"p{index}", price)
        group = sheet.group(f"g{index}") if grouped else 0
        sheet.legs[index + 1, 0, 0] = (rule(product, group),)
    return sheet


def _charges(sheet, routes=(1, 2, 3), gap_s=600, balance=100000):
    rider = sheet if isinstance(sheet, Rider) else Rider(sheet, balance)
    at = rider.state.tap_time + gap_s if rider.state.tap_time else NOON
    charges = []
    for route in routes:
        charges.append(rider.tap(at, vehicle=100 + len(charges), route=route))
        at += gap_s
    return charges


def _all_to_all(kind, product=0, price=None, **limits):
    """Every group to every later one by one kind of transfer."""
    sheet = _lines()
    if price is not None:
        product = sheet.product("transfer", price)
    for start in (1, 2, 3):
        for end in (1, 2, 3):
            if start != end:
                sheet.transfer(start, end, 0, kind, product, **limits)
    return sheet


def test_no_rule_and_no_group_are_separate_journeys():
    assert _charges(_lines()) == [_A, _B, _C]
    rider = Rider(_lines(grouped=False))
    assert _charges(rider) == [_A, _B, _C]
    assert rider.state.journey_legs == 1
    assert not rider.decision.transfer


def test_type_0_grows_by_the_transfer_alone():
    assert _charges(_all_to_all(0)) == [_A, 0, 0]
    assert _charges(_all_to_all(0, price=25)) == [_A, 25, 25]


def test_type_1_grows_by_transfer_and_leg():
    assert _charges(_all_to_all(1)) == [_A, _B, _C]
    assert _charges(_all_to_all(1, price=5)) == [_A, 5 + _B, 5 + _C]
    assert _charges(_all_to_all(1, price=-30)) == [_A, _B - 30, _C - 30]


def test_type_2_stands_for_the_first_legs_and_comes_on_top_of_later_ones():
    assert _charges(_all_to_all(2, price=130)) == [_A, 30, 130]
    rider = Rider(_all_to_all(2, price=130))
    assert _charges(rider, (1, 2)) == [_A, 30]
    assert rider.decision.transfer
    assert rider.state.journey_legs == 2


def test_credit_of_a_dear_first_leg_pays_for_later_ones():
    rider = Rider(_all_to_all(2, price=60))
    assert _charges(rider, (1, 2)) == [_A, 0]
    assert rider.state.credit_minor == 40
    assert rider.state.extended
    assert _charges(rider, (3,)) == [20]  # 60 more, of which 40 are paid
    assert rider.state.credit_minor == 0


def test_a_discount_below_nothing_becomes_credit():
    rider = Rider(_all_to_all(1, price=-90))
    assert _charges(rider, (1, 2)) == [_A, 0]
    assert rider.state.credit_minor == 20  # 70 - 90
    assert _charges(rider, (3,)) == [0]
    assert rider.state.credit_minor == 70  # 40 - 90 more


def test_credit_saturates_and_ends_with_the_journey():
    sheet = _all_to_all(0, price=-0xFFFFFF, limit_type=1, limit_s=1200)
    rider = Rider(sheet)
    assert _charges(rider, (1, 2, 3)) == [_A, 0, 0]
    assert rider.state.credit_minor == 0xFFFFFF
    assert _charges(rider, (1,), gap_s=1201) == [_A]
    assert rider.state.credit_minor == 0


def test_only_the_direction_that_a_rule_names():
    sheet = _lines()
    sheet.transfer(1, 2)
    assert _charges(sheet, (1, 2, 1)) == [_A, 0, _A]


def test_the_key_0_is_every_group_that_the_column_does_not_list():
    sheet = Sheet()
    sheet.category("adult")
    sheet.network_classes = 4
    for index, keys in enumerate(((1, 0), (0, 0), (0, 3))):
        network = sheet.network(f"n{index}", rule_class=index + 1)
        sheet.route(f"r{index}", network)
        sheet.group(f"g{index}", *keys)
        sheet.legs[index + 1, 0, 0] = (rule(sheet.product(f"p{index}", 100), index + 1),)
    sheet.transfer(0, 0, 1, 0, sheet.product("five", 5))
    sheet.transfer(1, 0, 0, 0, sheet.product("six", 6))
    sheet.transfer(1, 3, 0, 0, sheet.product("seven", 7))
    rider = Rider(sheet)
    for routes, charge in (((1, 3), 7), ((1, 2), 6), ((1, 1), 6), ((2, 1), 5), ((3, 2), 5),
                           ((2, 3), 100)):
        assert _charges(Rider(rider.fares), routes) == [100, charge], routes


def test_durations_of_each_type():
    """First leg from 0 to 500, the new one from 1000 to 1300."""
    for kind, lasts_s in ((0, 1300), (1, 1000), (2, 500), (3, 800)):
        for limit_s, charge in ((lasts_s, 0), (lasts_s - 1, _B)):
            sheet = _lines()
            sheet.transfer(1, 2, limit_type=kind, limit_s=limit_s)
            rider = Rider(sheet)
            rider.tap(NOON, vehicle=1, route=1, exit_time=NOON + 500)
            assert rider.state.leg_ride_s == rider.state.run_ride_s == 500
            charged = rider.tap(NOON + 1000, vehicle=2, route=2, exit_time=NOON + 1300)
            assert charged == charge, (kind, limit_s)


def test_an_arrival_that_nobody_saw_is_the_departure():
    for kind in range(4):
        for limit_s, charge in ((1000, 0), (999, _B)):
            sheet = _lines()
            sheet.transfer(1, 2, limit_type=kind, limit_s=limit_s)
            assert _charges(sheet, (1, 2), gap_s=1000) == [_A, charge]


def _run(*counts, **limits):
    """One route whose legs transfer among themselves."""
    sheet = _lines((_A,))
    for index, count in enumerate(counts):
        sheet.transfer(1, 1, count, 0, sheet.product(f"t{count}", index + 1), **limits)
    return sheet


def test_a_count_spans_so_many_transfers():
    assert _charges(_run(1), (1, 1, 1, 1)) == [_A, 1, _A, 1]
    assert _charges(_run(2), (1, 1, 1, 1)) == [_A, 1, 1, _A]
    assert _charges(_run(255), [1] * 30) == [_A] + [1] * 29


def test_the_lowest_count_that_is_not_below_comes_first_and_no_limit_last():
    assert _charges(_run(1, 3, 255), (1, 1, 1, 1, 1)) == [_A, 1, 2, 2, 3]


def test_of_the_same_count_the_cheapest():
    sheet = _lines((_A,))
    for price, kind in ((30, 0), (20, 0), (-75, 1), (25, 0)):
        sheet.transfer(1, 1, 1, kind, sheet.product(f"t{price + 100}", price))
    assert _charges(sheet, (1, 1)) == [_A, 20]
    sheet = _lines((_A,))
    for price, kind in ((30, 0), (-75, 1)):
        sheet.transfer(1, 1, 1, kind, sheet.product(f"t{price + 100}", price))
    assert _charges(sheet, (1, 1)) == [_A, 25]


def test_a_transfer_that_the_rider_can_not_buy_is_none():
    sheet = _lines((_A,))
    sheet.transfer(1, 1, 1, 0, sheet.product("for some", ((1, ANY, 5),)))
    sheet.transfer(1, 1, 3, 0, sheet.product("for all", 9))
    rider = Rider(sheet)
    assert _charges(rider, (1, 1)) == [_A, 9]
    assert _charges(Rider(rider.fares, category=1), (1, 1)) == [_A, 5]


def test_counts_saturate_with_the_card():
    rider = Rider(_run(15, 255))
    assert _charges(rider, [1] * 20) == [_A] + [1] * 15 + [2] * 4
    assert (rider.state.journey_legs, rider.state.run_transfers) == (15, 15)


def test_a_run_is_timed_from_its_first_leg():
    sheet = _run(255, limit_type=1, limit_s=1800)
    assert _charges(sheet, (1, 1, 1, 1, 1)) == [_A, 1, 1, 1, _A]


def test_a_rule_between_two_groups_is_timed_from_the_last_leg():
    sheet = _all_to_all(0, limit_type=1, limit_s=600)
    rider = Rider(sheet)
    assert _charges(rider, (1, 2, 1, 2, 3)) == [_A, 0, 0, 0, 0]
    assert rider.state.journey_legs == 5
    assert rider.state.run_transfers == 0


def test_a_run_after_another_group_begins_with_the_leg_before_it():
    sheet = _lines((_A, _B))
    sheet.transfer(1, 1, 255, limit_type=1, limit_s=900)
    sheet.transfer(1, 2, limit_type=1, limit_s=900)
    sheet.transfer(2, 2, 2, limit_type=1, limit_s=900)
    rider = Rider(sheet)
    # 0: A, 300: AA, 600: AB (300 after the last), 900 and 1500: BB (900 after the first B)
    at = (0, 300, 600, 900, 1500, 1501)
    got = [rider.tap(NOON + at[i], vehicle=i + 1, route=(1, 1, 2, 2, 2, 2)[i]) for i in range(6)]
    assert got == [_A, 0, 0, 0, 0, _B]


def test_the_run_remembers_the_ride_of_its_first_leg():
    sheet = _run(255, limit_type=2, limit_s=1000)
    rider = Rider(sheet)
    taps = ((0, 400), (700, 900), (1400, 0), (1401, 0))
    got = [rider.tap(NOON + at, vehicle=at + 1, exit_time=end and NOON + end) for at, end in taps]
    assert got == [_A, 1, 1, _A]


def test_ages_saturate_and_are_then_over_every_limit():
    rider = Rider(_run(255, limit_type=1, limit_s=65534))
    assert _charges(rider, (1, 1), gap_s=65534) == [_A, 1]
    assert rider.state.journey_age_s == 65534
    assert _charges(rider, (1,), gap_s=1) == [_A]
    rider = Rider(_run(255))  # without a limit
    assert _charges(rider, (1, 1, 1), gap_s=50000) == [_A, 1, 1]
    assert rider.state.journey_age_s == _LONGER
    rider = Rider(_run(255, limit_type=1, limit_s=99999))
    assert _charges(rider, (1, 1), gap_s=65534) == [_A, 1]
    assert _charges(Rider(rider.fares), (1, 1), gap_s=65535) == [_A, _A]
    rider = Rider(rider.fares)
    rider.tap(NOON, exit_time=NOON + 100000)
    assert rider.state.leg_ride_s == rider.state.run_ride_s == _LONGER


def test_same_vehicle_transfers_by_the_flag():
    for flag, charge in ((1, 1), (0, _A)):
        sheet = _run(255)
        sheet.flags = flag
        rider = Rider(sheet)
        assert rider.tap(NOON) == _A
        assert rider.tap(NOON + 60) == charge
        assert rider.tap(NOON + 120, vehicle=102) == 1
        assert rider.state.journey_legs == (2 if charge == _A else 3)
        assert rider.tap(NOON + 180, vehicle=0) == 1  # unknown vehicles are not the same
        assert rider.tap(NOON + 181, vehicle=0) == 1


def test_the_product_that_makes_the_journey_cheapest():
    """A dearer leg whose group transfers for nothing is taken before a cheaper one."""
    sheet = _lines((_A,))
    dear = sheet.product("dear", 90)
    cheap = sheet.product("cheap", 30)
    group = sheet.group("dear")
    sheet.network("n", rule_class=2)
    sheet.route("r", 2)
    sheet.network_classes = 3
    sheet.legs[2, 0, 0] = (rule(cheap), rule(dear, group))
    sheet.transfer(1, group)
    rider = Rider(sheet)
    assert _charges(rider, (1, 2)) == [_A, 0]
    assert rider.decision.product == dear == rider.state.leg_product
    assert _charges(Rider(rider.fares), (2,)) == [30]


def test_a_tie_of_the_journey_goes_to_the_cheaper_leg():
    sheet = _lines((_A,))
    group = sheet.group("both")
    products = [sheet.product(name, price) for name, price in (("x", 90), ("y", 50), ("z", 50))]
    sheet.network("n", rule_class=2)
    sheet.route("r", 2)
    sheet.network_classes = 3
    sheet.legs[2, 0, 0] = tuple([rule(product, group) for product in products])
    sheet.transfer(1, group)
    rider = Rider(sheet)
    assert _charges(rider, (1, 2)) == [_A, 0]
    assert rider.decision.product == products[1]


def test_the_dearest_exit_is_that_of_the_journey_then_of_the_leg():
    sheet = _lines((_A,))
    near, far = sheet.group("near"), sheet.group("far")
    sheet.network("n", rule_class=2)
    sheet.route("r", 2)
    sheet.network_classes = 3
    sheet.to_classes = 2
    sheet.legs[2, 0, 0] = (rule(sheet.product("near", 50), near),)
    sheet.legs[2, 0, 1] = (rule(sheet.product("far", 80), far),)
    sheet.transfer(1, near, 0, 0, sheet.product("t", 20))
    sheet.transfer(1, far)
    rider = Rider(sheet)
    assert _charges(rider, (2,)) == [80]
    rider = Rider(rider.fares)
    assert _charges(rider, (1, 2)) == [_A, 20]  # to the near one, which grows more
    assert rider.state.leg_group == near


def test_among_many_rules_the_pair_is_found():
    prices = [10 * index for index in range(1, 13)]
    sheet = _lines(prices)
    for start in range(1, 13):
        for end in range(1, 13):
            if start != end and (start + end) % 3:
                product = sheet.product(f"t{start}-{end}", start + end)
                sheet.transfer(start, end, 0, 0, product)
    rider = Rider(sheet)
    for start in range(1, 13):
        for end in range(1, 13):
            if start != end:
                expected = start + end if (start + end) % 3 else 10 * end
                assert _charges(Rider(rider.fares), (start, end)) == [10 * start, expected]
