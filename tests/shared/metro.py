"""A metro with check-out, a bus without, for the tests of fares."""

from tests.shared.fare_world import DAY, MONDAY
from tests.shared.tariff_payload import (
    ANY,
    Sheet,
    rule,
)

MISSED = 400
BUS = 50
METRO, BUSES, OTHER = 1, 2, 3  # routes
TODAY = MONDAY // DAY


def a_metro(missed=True, ride_s_max=7200, joins=False, transfer=None):
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
    single = sheet.product("bus", BUS)
    top = sheet.product("missed", ((0, ANY, MISSED), (1, ANY, MISSED // 2)))
    for name in ("metro", "bus", "other"):
        checks_out = name != "bus"
        sheet.network(name, 2 if name == "bus" else 1, checks_out, False, ride_s_max,
                      top if missed and checks_out else 0)
        sheet.route(name, {"metro": 1, "bus": 2, "other": 3}[name])
    for zone in range(3):
        sheet.stop(f"s{zone}", zone, zone)
        for to in range(3):
            sheet.legs[1, zone, to] = (rule(fares[abs(zone - to)], metro),)
            sheet.legs[2, zone, to] = (rule(single, bus),)
    sheet.stop("platform", 2, 2, 3)
    if joins:
        sheet.join(METRO)
    if transfer is not None:
        for pair in ((metro, bus), (bus, metro), (metro, metro)):
            sheet.transfer(pair[0], pair[1], 255 if pair[0] == pair[1] else 0, **transfer)
    return sheet


def out(rider, at, stop, **more):
    """Tap on the metro."""
    return rider.tap(at, stop=stop, **more)
