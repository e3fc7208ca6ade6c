"""Several riders on one card: count and categories (SPEC §7.5)."""

from tests.shared.fare_world import DAY, MONDAY, NOON, Rider
from tests.shared.tariff_payload import ANY, DAYS, ON_BOARD, Sheet, rule

_ADULT, _CHILD, _DOG = 0, 1, 2
_A, _C = 100, 40


def _with(*pairs):
    """Companions as a card says them: pairs of (category, count)."""
    value = 0
    for index, (category, count) in enumerate(pairs):
        value |= (category << 4 | count) << 8 * index
    return value


def _sheet(kind=None, transfer=0, **limits):
    """One group that transfers to itself twice, by `kind`; dogs have no fare."""
    sheet = Sheet()
    for name in ("adult", "child", "dog"):
        sheet.category(name)
    sheet.route("r")
    sheet.route("s")
    rows = ((_ADULT, ANY, _A), (_CHILD, ANY, _C))
    group = sheet.group("g")
    sheet.legs[0, 0, 0] = (rule(sheet.product("single", rows), group),)
    if kind is not None:
        product = sheet.product("t", transfer) if transfer else 0
        sheet.transfer(group, group, 2, kind, product, **limits)
    return sheet


def test_each_companion_pays_the_price_of_the_category():
    for companions, charge, riders in (
        (_with((_ADULT, 2)), 3 * _A, 3),
        (_with((_CHILD, 1)), _A + _C, 2),
        (_with((_CHILD, 3), (_ADULT, 1)), 2 * _A + 3 * _C, 5),
        (_with((_CHILD, 15), (_ADULT, 15)), 16 * _A + 15 * _C, 31),
        (_with((_CHILD, 0), (_ADULT, 1)), 2 * _A, 2),
        (_with((_DOG, 0)), _A, 1),
    ):
        rider = Rider(_sheet())
        assert rider.tap(NOON, companions=companions) == charge
        assert rider.decision.riders == riders
        assert rider.decision.companions == companions == rider.state.companions


def test_a_companion_without_a_fare_rides_not():
    rider = Rider(_sheet())
    assert rider.tap(NOON, companions=_with((_ADULT, 1), (_DOG, 1))) == "not_valid_here"


def test_the_balance_must_cover_all():
    family = _with((_CHILD, 1), (_ADULT, 1))
    assert Rider(_sheet(), balance=239).tap(NOON, companions=family) == "insufficient_funds"
    assert Rider(_sheet(), balance=240).tap(NOON, companions=family) == 240


def test_companions_transfer_with_the_rider():
    group = _with((_CHILD, 2))
    rider = Rider(_sheet(0, 10))
    got = [rider.tap(NOON + 100 * i, vehicle=i + 1, companions=group) for i in range(4)]
    assert got == [_A + 2 * _C, 30, 30, _A + 2 * _C]


def test_other_companions_pay_the_whole_price():
    rider = Rider(_sheet(0))
    assert rider.tap(NOON, vehicle=1, companions=_with((_CHILD, 2))) == _A + 2 * _C
    assert rider.tap(NOON + 100, vehicle=2, companions=_with((_CHILD, 1))) == _C
    assert rider.tap(NOON + 200, vehicle=3, companions=_with((_CHILD, 1))) == 0
    rider = Rider(rider.fares)
    assert rider.tap(NOON, vehicle=1) == _A
    assert rider.tap(NOON + 100, vehicle=2, companions=_with((_CHILD, 1))) == _C
    assert rider.tap(NOON + 200, vehicle=3) == 0


def test_type_2_uses_the_companions_own_prices():
    rider = Rider(_sheet(2, 130))
    group = _with((_CHILD, 1))
    got = [rider.tap(NOON + 100 * i, vehicle=i + 1, companions=group) for i in range(3)]
    # rider: 100, 130 - 100, 130; child: 40, 130 - 40, 130
    assert got == [140, 30 + 90, 260]


def test_companions_have_no_credit():
    rider = Rider(_sheet(2, 60))
    group = _with((_ADULT, 1))
    got = [rider.tap(NOON + 100 * i, vehicle=i + 1, companions=group) for i in range(3)]
    assert got == [200, 0, 20 + 60]  # the rider's credit of 40 pays for the third leg


def test_companions_have_no_caps():
    sheet = _sheet()
    sheet.cap(1, 150)
    rider = Rider(sheet)
    got = [rider.tap(NOON + 100 * i, companions=_with((_ADULT, 1))) for i in range(3)]
    assert got == [200, 150, 100]
    assert rider.state.spent_day_minor == 150


def test_companions_have_no_contracts():
    sheet = _sheet()
    product = sheet.product("day", 300, DAYS, 1, ON_BOARD)
    sheet.legs[0, 0, 0] += (rule(product),)
    rider = Rider(sheet)
    rider.hold(product, MONDAY // DAY)
    assert rider.tap(NOON, companions=_with((_CHILD, 1))) == _C
    buyer = Rider(rider.fares)
    assert buyer.tap(NOON, companions=_with((_CHILD, 1)), product=product) == 300 + _C


def test_a_chosen_single_product_is_for_all():
    sheet = _sheet()
    express = sheet.product("express", ((_ADULT, ANY, 150), (_CHILD, ANY, 90)))
    sheet.legs[0, 0, 0] += (rule(express),)
    rider = Rider(sheet)
    assert rider.tap(NOON, companions=_with((_CHILD, 1)), product=express) == 240


def test_a_first_leg_that_companions_have_no_price_for_counts_nothing():
    sheet = Sheet()
    for name in ("adult", "child"):
        sheet.category(name)
    sheet.network_classes = 3
    for index, product in enumerate((sheet.product("a", ((_ADULT, ANY, _A),)),
                                     sheet.product("all", _C))):
        sheet.network(f"n{index}", rule_class=index + 1)
        sheet.route(f"r{index}", index + 1)
        group = sheet.group(f"g{index}")
        sheet.legs[index + 1, 0, 0] = (rule(product, group),)
    sheet.transfer(1, 2, 0, 2, sheet.product("t", 120))
    rider = Rider(sheet)
    assert rider.tap(NOON, vehicle=1) == _A
    rider.state.companions = _with((_CHILD, 1))
    assert rider.tap(NOON + 60, vehicle=2, route=2, companions=_with((_CHILD, 1))) == 20 + 120
