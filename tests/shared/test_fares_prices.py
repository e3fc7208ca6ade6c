"""What one leg costs: classes, ranks, timeframes, prices, exits that nobody saw (SPEC §7.3)."""

from protocol.fares.tariff import NO_FARE, Place
from tests.shared.fare_world import DAY, MONDAY, NOON, Rider
from tests.shared.tariff_payload import ALL_WEEK, ANY, CENTRAL_EUROPE, DAYS, Sheet, rule

_HOUR = 3600


def _sheet():
    sheet = Sheet()
    sheet.category("adult")
    sheet.category("reduced")
    return sheet


def _offer(sheet, now=NOON, stop=0, exit_stop=0, exit_time=0, route=1, category=0):
    place = Place(1, route, stop)
    place.exit_stop = exit_stop
    place.exit_time = exit_time
    fares = sheet if isinstance(sheet, Rider) else Rider(sheet)
    return fares.fares.offer(category, place, now)


def test_price_by_category_and_media():
    sheet = _sheet()
    sheet.media("card")
    sheet.media("app")
    sheet.card_media = 1
    rows = ((0, ANY, 100), (1, 1, 40), (1, ANY, 60), (ANY, 2, 10), (2, 1, 70))
    sheet.legs[0, 0, 0] = (rule(sheet.product("single", rows)),)
    rider = Rider(sheet)
    assert [_offer(rider, category=code)[0] for code in range(4)] == [100, 40, 70, NO_FARE]
    rider.state.rider_category = 3
    assert rider.tap(NOON) == "not_valid_here"


def test_riders_of_many_categories_each_pay_their_own_price_one_after_another():
    sheet = _sheet()
    rows = tuple((code, ANY, 10 + code) for code in range(32))
    sheet.legs[0, 0, 0] = (rule(sheet.product("single", rows)),)
    rider = Rider(sheet)
    for code in (0, 16, 0, 31, 15, 23, 7):
        assert _offer(rider, category=code) == (10 + code, 1)


def test_a_rule_that_holds_at_one_exit_is_not_for_another_time():
    """The rider's category has no price: that is why, though other exits have a time of theirs."""
    for timed_exit in (0, 1):
        sheet = _sheet()
        sheet.to_classes = 2
        only = sheet.product("for others", ((1, ANY, 100),))
        sheet.timeframe(1, sheet.service(ALL_WEEK), 0, _HOUR)
        sheet.legs[0, 0, timed_exit] = (rule(only, begins_in=1),)
        sheet.legs[0, 0, 1 - timed_exit] = (rule(only),)
        assert Rider(sheet).tap(NOON) == "not_valid_here"


def test_the_lowest_row_of_a_price_counts_also_below_zero():
    sheet = _sheet()
    sheet.legs[0, 0, 0] = (rule(sheet.product("s", ((0, ANY, 100), (ANY, ANY, -5)))),)
    rider = Rider(sheet)
    assert _offer(rider) == (-5, 1)
    assert rider.tap(NOON) == 0
    assert rider.state.credit_minor == 5


def test_large_prices_keep_every_bit():
    for price in (0xFFFFFF, 0x800000, 0x7FFF01):
        sheet = _sheet()
        sheet.legs[0, 0, 0] = (rule(sheet.product("s", price)),)
        rider = Rider(sheet, balance=price)
        assert rider.tap(NOON) == price
        assert rider.state.balance_minor() == 0


def test_networks_and_classes():
    sheet = _sheet()
    products = [sheet.product(f"p{index}", 10 * index) for index in range(1, 9)]
    sheet.network("bus")  # not listed: class 0
    sheet.network("tram", rule_class=1)
    for network in (1, 2, 0):
        sheet.route(f"r{network}", network)
    stops = (sheet.stop("a"), sheet.stop("b", from_class=1), sheet.stop("c", to_class=1),
             sheet.area("zone", 1, 1))
    sheet.network_classes = sheet.from_classes = sheet.to_classes = 2
    for index in range(8):
        sheet.legs[index >> 2, index >> 1 & 1, index & 1] = (rule(products[index]),)
    rider = Rider(sheet)
    for route, network_class in ((1, 0), (2, 1), (3, 0), (0, 0), (99, 0)):
        for index, stop in enumerate(stops):
            for exit_index, exit_stop in enumerate(stops):
                code = 1 + 4 * network_class + 2 * (0, 1, 0, 1)[index] + (0, 0, 1, 1)[exit_index]
                assert _offer(rider, NOON, stop, exit_stop, 0, route) == (10 * code, code)
    assert _offer(rider, NOON, 77, 99)[1] == 1  # stops that nobody knows are in no area


def test_an_empty_rule_set_is_not_valid_here():
    sheet = _sheet()
    sheet.to_classes = 2
    away = sheet.stop("away", to_class=1)
    home = sheet.stop("home")
    sheet.legs[0, 0, 0] = (rule(sheet.product("s", 100)),)
    rider = Rider(sheet)
    assert rider.tap(NOON, exit_stop=away) == "not_valid_here"
    assert rider.tap(NOON, exit_stop=home) == 100


def test_only_the_highest_rank_that_matches_in_time_counts():
    sheet = _sheet()
    low = sheet.product("low", 10)
    high = sheet.product("high", 50)
    night = sheet.product("night", 200)
    service = sheet.service(ALL_WEEK)
    sheet.timeframe(1, service, 22 * _HOUR, 24 * _HOUR)
    sheet.legs[0, 0, 0] = (rule(night, rank=2, begins_in=1), rule(high, rank=1), rule(low))
    rider = Rider(sheet)
    assert _offer(rider, MONDAY + 12 * _HOUR) == (50, high)
    assert _offer(rider, MONDAY + 22 * _HOUR) == (200, night)


def test_the_cheapest_of_several_then_the_first():
    sheet = _sheet()
    first, second, third = [sheet.product(n, p) for n, p in (("a", 90), ("b", 70), ("c", 70))]
    sheet.legs[0, 0, 0] = (rule(first), rule(third), rule(second))
    assert _offer(sheet) == (70, third)


def test_a_rule_whose_product_has_no_price_for_the_rider_is_passed_over():
    sheet = _sheet()
    young = sheet.product("young", ((1, ANY, 10),))
    single = sheet.product("single", 100)
    sheet.legs[0, 0, 0] = (rule(young), rule(single))
    rider = Rider(sheet)
    assert _offer(rider) == (100, single)
    assert _offer(rider, category=1) == (10, young)


def test_only_passes_are_sold_here():
    sheet = _sheet()
    sheet.legs[0, 0, 0] = (rule(sheet.product("day", 100, kind=DAYS, length=1)),)
    rider = Rider(sheet)
    assert rider.tap(NOON) == "not_valid_here"
    assert _offer(rider) == (NO_FARE, 0)


# -- timeframes ----------------------------------------------------------------------------------


def _peak(zone=None, begins_in=1, ends_in=0, frames=((7 * _HOUR, 9 * _HOUR),), **service):
    sheet = _sheet()
    if zone:
        sheet.zone = zone
    weekdays = service.pop("weekdays", ALL_WEEK)
    code = sheet.service(weekdays, **service)
    for start_s, end_s in frames:
        sheet.timeframe(1, code, start_s, end_s)
    sheet.legs[0, 0, 0] = (rule(sheet.product("peak", 100), 0, 0, begins_in, ends_in),)
    return Rider(sheet)


def test_a_timeframe_holds_from_its_first_to_before_its_last_second():
    rider = _peak()
    for second, valid in ((7 * _HOUR - 1, False), (7 * _HOUR, True), (9 * _HOUR - 1, True),
                          (9 * _HOUR, False)):
        assert (_offer(rider, MONDAY + second)[0] == 100) == valid
    assert rider.tap(MONDAY + 9 * _HOUR) == "not_valid_now"


def test_timeframes_across_midnight_follow_the_local_day():
    rider = _peak(frames=((0, 2 * _HOUR), (22 * _HOUR, 24 * _HOUR)), weekdays=1)  # Mondays
    for second, valid in ((0, True), (7199, True), (7200, False), (22 * _HOUR, True),
                          (DAY - 1, True), (DAY, False), (-1, False), (7 * DAY, True)):
        assert (_offer(rider, MONDAY + second)[0] == 100) == valid, second


def test_timeframes_follow_the_clock_on_the_wall():
    rider = _peak(zone=CENTRAL_EUROPE)
    winter = 6 * _HOUR  # 07:00 local
    summer = 5 * _HOUR
    march = 88 * DAY  # 2020-03-29, the clocks go forward at 01:00 UTC
    for begin in (march - DAY + winter, march + summer, 298 * DAY + winter, 297 * DAY + summer):
        assert _offer(rider, begin - 1)[0] == NO_FARE
        assert _offer(rider, begin)[0] == 100
        assert _offer(rider, begin + 2 * _HOUR)[0] == NO_FARE


def test_the_hour_that_comes_twice_and_the_one_that_does_not():
    rider = _peak(zone=CENTRAL_EUROPE, frames=((2 * _HOUR, 3 * _HOUR),))
    october = 298 * DAY  # 2020-10-25: from 03:00 back to 02:00 at 01:00 UTC
    assert [_offer(rider, october + s)[0] for s in (-1, 0, 7199, 7200)] == [-1, 100, 100, -1]
    march = 88 * DAY  # 02:00 becomes 03:00 at 01:00 UTC
    assert [_offer(rider, march + s)[0] for s in (0, 3599, 3600, 7199)] == [-1] * 4


def test_a_service_has_first_and_last_days_and_exceptions():
    monday = MONDAY // DAY
    rider = _peak(weekdays=1, first=monday, last=monday + 14,
                  exceptions=((monday + 1, 1), (monday + 7, 0), (monday + 30, 1)))
    days = [day for day in range(40) if _offer(rider, (monday + day) * DAY + 8 * _HOUR)[0] == 100]
    assert days == [0, 1, 14, 30]
    assert _offer(rider, MONDAY - 7 * DAY + 8 * _HOUR)[0] == NO_FARE


def test_the_end_of_a_leg_is_its_arrival_or_its_departure():
    rider = _peak(begins_in=0, ends_in=1)
    at = MONDAY + 7 * _HOUR
    assert _offer(rider, at)[0] == 100
    assert _offer(rider, at - 60)[0] == NO_FARE
    assert _offer(rider, at - 60, exit_time=at)[0] == 100
    assert _offer(rider, at + 7199, exit_time=at + 7200)[0] == NO_FARE
    assert _offer(rider, at, exit_time=at - 3600)[0] == 100  # an arrival before is none


def test_groups_are_found_among_many():
    sheet = _sheet()
    service = sheet.service(ALL_WEEK)
    rules = []
    for group in range(1, 25):
        sheet.timeframe(group, service, (group - 1) * _HOUR, group * _HOUR)
        rules.append(rule(sheet.product(f"h{group}", group), begins_in=group))
    sheet.legs[0, 0, 0] = tuple(rules)
    rider = Rider(sheet)
    for hour in range(24):
        assert _offer(rider, MONDAY + hour * _HOUR + 1800) == (hour + 1, hour + 1)


def test_a_group_that_has_no_timeframes_never_holds():
    sheet = _sheet()
    sheet.timeframe(2, sheet.service(ALL_WEEK), 0, DAY)
    sheet.legs[0, 0, 0] = (rule(sheet.product("s", 100), begins_in=1),)
    assert Rider(sheet).tap(NOON) == "not_valid_now"


# -- exits that nobody saw -----------------------------------------------------------------------


def _zones(cheapest):
    """Zones 0 to 3 of one network; from zone 1 nobody gets to zone 3."""
    sheet = _sheet()
    sheet.network("bus", cheapest=cheapest)
    sheet.route("r", 1)
    sheet.to_classes = 4
    sheet.from_classes = 2
    for zone, price in enumerate((100, 300, 200)):
        product = sheet.product(f"z{zone}", price)
        sheet.legs[0, 0, zone] = sheet.legs[0, 1, zone] = (rule(product),)
    service = sheet.service(ALL_WEEK)
    sheet.timeframe(1, service, 0, _HOUR)
    sheet.legs[0, 1, 1] = (rule(2, begins_in=1),)  # only after midnight
    sheet.exits[0, 0] = (2, 1, 0)
    sheet.stop("a")
    sheet.stop("b", from_class=1)
    sheet.stop("nowhere", to_class=3)
    return Rider(sheet)


def test_an_unknown_exit_is_the_dearest_that_has_a_fare():
    rider = _zones(False)
    assert _offer(rider, stop=1) == (300, 2)
    assert _offer(rider, stop=2) == (200, 3)
    assert _offer(rider, MONDAY, stop=2) == (300, 2)
    assert _offer(rider, stop=1, exit_stop=1) == (100, 1)
    assert rider.tap(NOON, stop=1, exit_stop=3) == "not_valid_here"


def test_or_the_cheapest():
    rider = _zones(True)
    assert _offer(rider, stop=1) == (100, 1)
    assert _offer(rider, stop=2) == (100, 1)


def test_a_network_that_reaches_nothing():
    sheet = _sheet()
    sheet.legs[0, 0, 0] = (rule(sheet.product("s", 100)),)
    sheet.exits[0, 0] = ()
    assert Rider(sheet).tap(NOON) == "not_valid_here"
