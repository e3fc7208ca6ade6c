"""A small tariff as rows, for tests of what is done with tables that are there already."""

from dataclasses import replace

from host_tools.tariff import tables
from host_tools.tariff.tables import ANY, Tables

SMALL = Tables(
    version=7,
    agency_name="Araz",
    currency="AZN",
    exponent=2,
    default_category=0,
    card_media=1,
    zone=tables.ZoneRule(3600, 7200, (3, 5, 0, 7200), (10, 5, 0, 10800)),
    zone_name="Europe/Warsaw",
    service_day_start_s=14_400,
    passback_s=60,
    recovery_s=43_200,
    purse_max_minor=20_000,
    same_vehicle_transfer=True,
    valid_from=2_000,
    valid_until=0xFFFF,
    categories=(tables.CategoryRow("adult", "Adult", 0), tables.CategoryRow("s", "Şagird", 1)),
    media=(tables.MediaRow("card", "Card", 2, 500),),
    products=(
        tables.ProductRow("one", "One ride", 0, 0, 0, 0, 0, 0, 0, 0, 2),
        tables.ProductRow("day", "Adult", 2, 1, 1, 0, 10, 300, 0, 2, 1),
        tables.ProductRow("less", "less", 0, 0, 0, 0, 0, 0, 0, 3, 1),
    ),
    prices=(
        tables.PriceRow(0, 1, 60),
        tables.PriceRow(1, ANY, 30),
        tables.PriceRow(ANY, ANY, 200),
        tables.PriceRow(ANY, ANY, -20),
    ),
    networks=(tables.NetworkRow("bus", "Buses", 1, 1, 5400, 2),),
    routes=(tables.RouteRow("R5", "5", 1, 0, 2), tables.RouteRow("R6", "6", 0, 2, 0)),
    route_stops=(1, 2),
    stops=(
        tables.StopRow("S1", "Bazaar", 1, 0, 1),
        tables.StopRow("S2", "Port", 0, 1, 1),
    ),
    areas=(tables.AreaRow("A", "Centre", 1, 1),),
    from_class_count=2,
    to_class_count=2,
    leg_rows=(0, 0, 0, 1),
    cells=(tables.CellRow((0, 0), ()), tables.CellRow((1, 2), (1, 2))),
    rule_sets=((0, 0), (0, 1), (1, 2)),
    rules=(
        tables.RuleRow(1, 1, 0, 0, 0),
        tables.RuleRow(1, 2, 1, 1, 0),
        tables.RuleRow(1, 1, 0, 0, 0),
    ),
    timeframes=(tables.TimeframeRow(1, 1, 0, 86_400),),
    services=(tables.ServiceRow(0x1F, 0, 0xFFFF, ((2_001, 0), (2_002, 1))),),
    groups=(tables.GroupRow("g", 1, 1),),
    transfers=(tables.TransferRow(1, 1, 255, 2, 3, 1, 3_600),),
    caps=(tables.CapRow(ANY, 1, 400),),
    joins=(tables.JoinRow(1, 2, 0),),
)

# as bare as can be: one price for everybody and everywhere
BARE = replace(
    SMALL,
    agency_name="",
    media=(),
    card_media=0,
    categories=(tables.CategoryRow("adult", "Adult", 0),),
    products=(tables.ProductRow("one", "one", 0, 0, 0, 0, 0, 0, 0, 0, 1),),
    prices=(tables.PriceRow(ANY, ANY, 60),),
    networks=(),
    routes=(),
    route_stops=(),
    stops=(),
    areas=(),
    from_class_count=1,
    to_class_count=1,
    leg_rows=(0,),
    cells=(tables.CellRow((1,), (1,)),),
    rule_sets=((0, 0), (0, 1)),
    rules=(tables.RuleRow(1, 1, 0, 0, 0),),
    timeframes=(),
    services=(),
    transfers=(),
    caps=(),
    joins=(),
)
