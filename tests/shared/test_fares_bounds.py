"""A tariff that is over a bound of SPEC §6.4 is refused where it shows, one within is not."""

from protocol.errors import LayoutError
from tests.shared.fare_world import NOON, Rider
from tests.shared.tariff_payload import ALL_WEEK, ANY, Sheet, rule


def _sheet():
    sheet = Sheet()
    sheet.category("adult")
    sheet.route("r", sheet.network("n"))
    sheet.stop("s")
    sheet.legs[0, 0, 0] = (rule(sheet.product("single", 100), sheet.group("g")),)
    return sheet


def _exits(sheet, count):
    sheet.to_classes = count
    for index in range(1, count):
        sheet.legs[0, 0, index] = (rule(sheet.product(f"p{index}", 100 + index)),)


def _rules(sheet, count):
    for index in range(1, count):
        sheet.legs[0, 0, 0] += (rule(sheet.product(f"p{index}", 100 + index)),)


def _prices(sheet, count):
    rows = [(1, ANY, 7)] * (count - 1) + [(ANY, ANY, 100)]
    sheet.legs[0, 0, 0] = (rule(sheet.product("many", rows), 1),)


def _timeframes(sheet, count):
    service = sheet.service(ALL_WEEK)
    for index in range(count):
        sheet.timeframe(1, service, index, index + 1)
    sheet.timeframe(2, service, 0, 86400)
    sheet.legs[0, 0, 0] = (rule(1, 1, 1, 1), rule(1, 1, 1, 2))


def _exceptions(sheet, count):
    service = sheet.service(ALL_WEEK, exceptions=[(1000 + index, 0) for index in range(count)])
    sheet.timeframe(1, service, 0, 86400)
    sheet.legs[0, 0, 0] = (rule(1, 1, 0, 1),)


def _transfers(sheet, count):
    for _ in range(count):
        sheet.transfer(1, 1, 1, 0, 1)


def _caps(sheet, count):
    for _ in range(count):
        sheet.cap(1, 5000)


def _joins(sheet, count):
    for index in range(count):
        sheet.join(2 if index else 1, 5, 5)


def test_each_bound():
    bounds = ((_exits, 32), (_rules, 32), (_prices, 32), (_timeframes, 16), (_exceptions, 32),
              (_transfers, 64), (_caps, 64), (_joins, 64))
    for fill, bound in bounds:
        for count in (bound, bound + 1):
            sheet = _sheet()
            fill(sheet, count)
            rider = Rider(sheet)
            try:
                rider.tap(NOON, vehicle=1)
                rider.tap(NOON + 60, vehicle=2)
                assert count == bound, fill
            except LayoutError:
                assert count > bound, fill
