"""Feeds made by hand, as objects: the least that compiles, changed where a test wants it."""

from dataclasses import replace
from datetime import date
from typing import Any

from host_tools.tariff import feed as f
from host_tools.tariff.compile import compile_feed
from host_tools.tariff.feed import Feed, Finding
from host_tools.tariff.tables import Tables

EVERY_DAY = 127


def category(name: str, default: bool = False, line: int = 2) -> f.Category:
    return f.Category(name, name.title(), default, not default, f"rider_categories.txt:{line}")


def product(name: str, kind: str = "single", **more: Any) -> f.Product:
    said = f.Product(name, name.title(), kind, 0, 0, "purchase", 0, None, False, 0, "")
    return replace(said, **{"where": "fare_products.txt:2", **more})


def price(name: str, amount_minor: int, who: str | None = None, media: str | None = None):
    return f.Price(name, who, media, amount_minor, "fare_products.txt:2")


def rule(name: str, line: int = 2, priority: int = 0, **more: str | None) -> f.LegRule:
    """A leg rule for the product `name`; fields without _id: network, from_area, group …"""
    fields: dict[str, Any] = dict.fromkeys(
        (
            "leg_group_id",
            "network_id",
            "from_area_id",
            "to_area_id",
            "from_timeframe_group_id",
            "to_timeframe_group_id",
        )
    )
    fields["leg_group_id"] = "g"
    short = {"group": "leg_group", "after": "from_timeframe_group", "by": "to_timeframe_group"}
    for key, value in more.items():
        fields[short.get(key, key) + "_id"] = value
    where = f"fare_leg_rules.txt:{line}"
    return f.LegRule(**fields, fare_product_id=name, rule_priority=priority, where=where)


def network(name: str, check_out: bool = False, **more: Any) -> f.Network:
    said = f.Network(name, name.title(), check_out, "dearest", 7200, None, "networks.txt:2")
    return replace(said, **more)


def route(name: str, network_id: str | None = None, stops: str = "") -> f.Route:
    return f.Route(name, f"Line {name}", network_id, tuple(stops.split()), "routes.txt:2")


def stop(name: str, areas: str = "", station: str | None = None) -> f.Stop:
    return f.Stop(name, f"Stop {name}", station or name, tuple(areas.split()), "stops.txt:2")


def area(name: str) -> f.Area:
    return f.Area(name, f"Zone {name}", "areas.txt:2")


def transfer(begin: str | None = "g", end: str | None = "g", **more: Any) -> f.TransferRule:
    count = 1 if begin == end else None
    where = "fare_transfer_rules.txt:2"
    said = f.TransferRule(begin, end, count, None, None, 0, None, where)
    return replace(said, **more)


def timeframe(name: str, service: str = "daily", start_s: int = 0, end_s: int = 86_400):
    return f.Timeframe(name, start_s, end_s, service, "timeframes.txt:2")


def service(name: str = "daily", weekdays: int = EVERY_DAY, **more: Any) -> f.Service:
    return replace(f.Service(name, weekdays, date(2026, 1, 1), date(2026, 12, 31), (), ()), **more)


SIMPLE = Feed(
    source="made",
    agency_name="Made",
    timezone="Asia/Baku",
    currency="AZN",
    exponent=2,
    has_rule_priority=False,
    settings=f.Settings(),
    categories=(category("adult", True), category("child", line=3)),
    media=(f.Media("card", "Card", 2, True, None, "fare_media.txt:2"),),
    products=(product("ride"),),
    prices=(price("ride", 60),),
    routes=(route("R1"),),
    stops=(stop("S1"), stop("S2")),
    leg_rules=(rule("ride"),),
)


def made(**changes: Any) -> Feed:
    """SIMPLE with other fields."""
    return replace(SIMPLE, **changes)


def compiled(said: Feed, after: Tables | None = None) -> Tables:
    """The tables of a feed that must have no errors."""
    tables, findings = compile_feed(said, after)
    assert tables is not None, [str(found) for found in findings]
    return tables


def findings(said: Feed, **more: Any) -> list[Finding]:
    return compile_feed(said, **more)[1]


def lines(said: Feed, severity: str | None = None, **more: Any) -> list[str]:
    """Findings as lines, of one severity."""
    found = findings(said, **more)
    return [str(one) for one in found if severity in (None, one.severity)]
