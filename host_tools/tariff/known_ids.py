"""The ids that the rows of a feed may point to."""

from dataclasses import dataclass

from host_tools.tariff.csv_table import IdSet, Table
from host_tools.tariff.read_routes import network_ids


@dataclass(frozen=True)
class KnownIds:
    categories: IdSet
    media: IdSet
    products: IdSet
    networks: IdSet
    areas: IdSet
    stops: IdSet
    timeframes: IdSet
    leg_groups: IdSet


def known_ids(tables: dict[str, Table]) -> KnownIds:
    """Of all files that are held in memory, by file name."""
    return KnownIds(
        categories=tables["rider_categories.txt"].ids("rider_category_id"),
        media=tables["fare_media.txt"].ids("fare_media_id"),
        products=tables["fare_products.txt"].ids("fare_product_id"),
        networks=network_ids(tables["routes.txt"], tables["networks.txt"]),
        areas=tables["areas.txt"].ids("area_id"),
        stops=tables["stops.txt"].ids("stop_id"),
        timeframes=tables["timeframes.txt"].ids("timeframe_group_id"),
        leg_groups=_leg_groups(tables["fare_leg_rules.txt"]),
    )


def _leg_groups(rules: Table) -> IdSet:
    """Without the column there are no groups, and nothing may name one."""
    ids = frozenset(row.raw("leg_group_id") for row in rules.rows) - {""}
    return IdSet("leg_group_id", rules.name, ids, rules.exists, rules.whole)
