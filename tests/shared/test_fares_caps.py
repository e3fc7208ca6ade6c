"""Caps by day, week and month (SPEC §7.5)."""

from protocol import clock
from tests.shared.fare_world import DAY, MONDAY, NOON, Rider
from tests.shared.tariff_payload import CENTRAL_EUROPE, DAYS, ON_BOARD, Sheet, rule

_FARE = 100
_DAY, _WEEK, _MONTH = 1, 2, 3


def _sheet(*caps, **more):
    sheet = Sheet()
    sheet.category("adult")
    sheet.category("reduced")
    sheet.route("r")
    sheet.legs[0, 0, 0] = (rule(sheet.product("single", _FARE)),)
    for cap in caps:
        sheet.cap(*cap)
    for name in more:
        setattr(sheet, name, more[name])
    return sheet


def _taps(rider, begin, count, gap_s=600):
    return [rider.tap(begin + gap_s * index) for index in range(count)]


def test_a_cap_leaves_the_rest_and_then_nothing():
    rider = Rider(_sheet((_DAY, 250)))
    charges = []
    for index in range(4):
        charges.append((rider.tap(NOON + 600 * index), rider.decision.capped))
    assert charges == [(_FARE, False), (_FARE, False), (50, True), (0, True)]
    assert rider.state.spent_day_minor == 250
    assert rider.state.extended
    assert rider.decision.product == 1


def test_a_cap_that_is_just_reached_lowers_nothing():
    rider = Rider(_sheet((_DAY, 200)))
    assert _taps(rider, NOON, 2) == [_FARE, _FARE]
    assert not rider.decision.capped
    assert rider.tap(NOON + 7000) == 0


def test_a_day_is_a_service_day():
    rider = Rider(_sheet((_DAY, 100), service_day_start_s=4 * 3600, zone=CENTRAL_EUROPE))
    turn = MONDAY + 3 * 3600
    got = [rider.tap(at) for at in (turn - 120, turn - 60, turn, turn + 60, turn + DAY)]
    assert got == [_FARE, 0, _FARE, 0, _FARE]


def test_a_week_begins_on_monday():
    rider = Rider(_sheet((_WEEK, 100)))
    taps = (MONDAY - 60, MONDAY, MONDAY + 7 * DAY - 60, MONDAY + 7 * DAY)
    got = [rider.tap(at) for at in taps]
    assert got == [_FARE, _FARE, 0, _FARE]


def test_a_month_is_that_of_the_calendar():
    rider = Rider(_sheet((_MONTH, 100)))
    for year, month in ((2020, 3), (2021, 1), (2021, 3)):
        first = clock.day_number(year, month, 1) * DAY
        rider.state.tap_time = 0
        assert [rider.tap(at) for at in (first - 60, first, first + 27 * DAY)] == [_FARE, _FARE, 0]


def test_windows_end_each_in_its_time():
    rider = Rider(_sheet((_DAY, 150), (_WEEK, 250), (_MONTH, 300)))
    assert _taps(rider, NOON, 3) == [_FARE, 50, 0]
    assert _taps(rider, NOON + DAY, 3) == [_FARE, 0, 0]  # the week is full
    assert _taps(rider, NOON + 7 * DAY, 2) == [50, 0]  # the month
    state = rider.state
    assert (state.spent_day_minor, state.spent_week_minor, state.spent_month_minor) == (
        50, 50, 300)


def test_caps_of_a_category_and_of_any():
    sheet = _sheet((_DAY, 150, 0), (_DAY, 60, 1), (_DAY, 170))
    rider = Rider(sheet)
    assert _taps(rider, NOON, 3) == [_FARE, 50, 0]
    reduced = Rider(rider.fares, category=1)
    assert _taps(reduced, NOON, 2) == [60, 0]
    other = Rider(rider.fares, category=2)
    assert _taps(other, NOON, 2) == [_FARE, 70]


def test_a_lower_cap_than_what_is_spent_gives_nothing_back():
    rider = Rider(_sheet((_DAY, 300)))
    assert _taps(rider, NOON, 2) == [_FARE, _FARE]
    lower = Rider(_sheet((_DAY, 150)))
    rider.fares = lower.fares
    assert rider.tap(NOON + 2000) == 0


def test_without_caps_nothing_is_counted():
    rider = Rider(_sheet((_DAY, 300)))
    assert rider.tap(NOON) == _FARE
    rider.fares = Rider(_sheet()).fares
    assert rider.tap(NOON + 600) == _FARE
    assert rider.state.spent_day_minor == rider.state.spent_month_minor == 0


def test_spending_saturates():
    sheet = Sheet()
    sheet.category("adult")
    sheet.route("r")
    sheet.legs[0, 0, 0] = (rule(sheet.product("single", 0x900000)),)
    sheet.cap(_DAY, 0xFFFFFF)
    rider = Rider(sheet, balance=0x7FFFFFFF)
    assert _taps(rider, NOON, 3) == [0x900000, 0x6FFFFF, 0]
    rider = Rider(_sheet((_MONTH, 0xFFFFFF)))
    rider.state.spent_day_minor = rider.state.spent_week_minor = 0xFFFFFF - 50
    rider.state.tap_time = NOON
    assert rider.tap(NOON + 60) == _FARE
    assert rider.state.spent_day_minor == rider.state.spent_week_minor == 0xFFFFFF


def test_a_cap_needs_only_what_it_leaves():
    rider = Rider(_sheet((_DAY, 130)), balance=130)
    assert _taps(rider, NOON, 3) == [_FARE, 30, 0]


def test_passes_bought_count_for_no_cap():
    sheet = _sheet((_DAY, 150))
    product = sheet.product("day", 400, DAYS, 1, ON_BOARD)
    sheet.legs[0, 0, 0] += (rule(product),)
    rider = Rider(sheet)
    assert rider.tap(NOON, product=product) == 400
    assert not rider.decision.capped
    assert rider.state.spent_day_minor == 0
    assert rider.tap(NOON + 100) == 0
    assert rider.state.spent_day_minor == 0
    rider.state.contracts[0].clear()
    assert _taps(rider, NOON + 200, 3) == [_FARE, 50, 0]


def test_a_refused_tap_counts_nothing():
    rider = Rider(_sheet((_DAY, 150)), balance=120)
    assert rider.tap(NOON) == _FARE
    assert rider.tap(NOON + 100) == "insufficient_funds"
    assert rider.state.spent_day_minor == _FARE


def test_every_tap_moves_the_windows():
    """A tap that costs nothing on another day restarts what the card counted on the last."""
    sheet = _sheet((_DAY, 100))
    product = sheet.product("day", 400, DAYS, 1)
    sheet.legs[0, 0, 0] += (rule(product),)
    rider = Rider(sheet)
    assert rider.tap(NOON) == _FARE
    rider.hold(product, MONDAY // DAY + 1)
    assert rider.tap(NOON + DAY) == 0
    assert rider.state.spent_day_minor == 0
    assert rider.state.spent_week_minor == _FARE
    rider.state.contracts[0].clear()
    assert rider.tap(NOON + DAY + 600) == _FARE
