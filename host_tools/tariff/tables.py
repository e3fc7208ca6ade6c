"""The tables of a compiled tariff (SPEC §6.2) as rows of integers and texts, before packing.

`compile` fills them from a Feed, `pack` writes them as bytes, `unpack` reads them back. Codes are
positions: categories count from 0, everything else from 1 (0 is none); row i of a tuple has code
i, or i + 1. A text is at most 255 bytes of UTF-8.
"""

from dataclasses import dataclass
from typing import NamedTuple

ANY = 255  # a category or media that does not matter, a leg rule's timeframe is 0 then
NONE_U32 = 0xFFFFFFFF  # no ceiling, no risk limit
NO_LIMIT = 255  # a transfer_count that never runs out
DAY_MAX = 0xFFFF  # valid_until: always

KINDS = ("single", "minutes", "days", "months", "weekdays", "rides")
STARTS = ("purchase", "first_use", "chosen")
PERIODS = (None, "day", "week", "month")
SINGLE = 0  # of KINDS

CONCESSION = 1  # flag of a category
SOLD_ON_BOARD = 1  # flag of a product
START_SHIFT = 1  # bits 1 and 2 of a product's flags
CHECK_OUT = 1  # flags of a network
CHEAPEST_EXIT = 2


class CategoryRow(NamedTuple):
    id: str
    name: str
    flags: int  # bit 0 concession


class MediaRow(NamedTuple):
    id: str
    name: str
    type: int
    risk_limit_minor: int  # 0xFFFFFFFF none


class ProductRow(NamedTuple):
    id: str
    name: str
    kind: int
    flags: int
    length: int
    weekdays: int
    priority: int
    passback_s: int
    valid_days: int
    price_first: int
    price_count: int


class PriceRow(NamedTuple):
    category: int
    media: int
    amount_minor: int


class NetworkRow(NamedTuple):
    id: str
    name: str
    flags: int
    rule_class: int
    ride_s_max: int
    missed_product: int


class RouteRow(NamedTuple):
    id: str
    name: str
    network: int
    stop_first: int
    stop_count: int


class StopRow(NamedTuple):
    id: str
    name: str
    from_class: int
    to_class: int
    station: int


class AreaRow(NamedTuple):
    id: str
    name: str
    from_class: int
    to_class: int


class CellRow(NamedTuple):
    """Rule sets of one (network class, from class) by to class; `exits`: when it is not known."""

    rule_sets: tuple[int, ...]  # one per to class, 0 no rule
    exits: tuple[int, ...]  # distinct rule sets of the exits that can be reached


class RuleRow(NamedTuple):
    group: int
    product: int
    rank: int
    from_timeframe: int
    to_timeframe: int


class TimeframeRow(NamedTuple):
    group: int
    service: int
    start_s: int
    end_s: int


class ServiceRow(NamedTuple):
    weekdays: int
    first_day: int
    last_day: int
    exceptions: tuple[tuple[int, int], ...]  # (day, 1 added or 0 removed), by day


class GroupRow(NamedTuple):
    id: str
    from_key: int
    to_key: int


class TransferRow(NamedTuple):
    from_key: int
    to_key: int
    transfer_count: int  # 0 between two groups, 255 no limit
    type: int
    product: int
    duration_type: int
    duration_s: int


class CapRow(NamedTuple):
    category: int
    period: int
    amount_minor: int


class JoinRow(NamedTuple):
    network: int
    from_stop: int
    to_stop: int


class ZoneRule(NamedTuple):
    """The agency's clock (SPEC §6.3)."""

    standard_s: int
    summer_s: int  # equal to standard_s: no summer time
    begin: tuple[int, int, int, int]  # month, week (5 last), weekday (0 Sunday), second of day
    end: tuple[int, int, int, int]


@dataclass(frozen=True)
class Tables:
    version: int
    agency_name: str
    currency: str
    exponent: int
    default_category: int
    card_media: int  # 0 none
    zone: ZoneRule
    zone_name: str
    service_day_start_s: int
    passback_s: int
    recovery_s: int
    purse_max_minor: int  # 0xFFFFFFFF no ceiling
    same_vehicle_transfer: bool
    valid_from: int  # day, 0 always
    valid_until: int  # day, 0xFFFF always
    categories: tuple[CategoryRow, ...]
    media: tuple[MediaRow, ...]
    products: tuple[ProductRow, ...]
    prices: tuple[PriceRow, ...]
    networks: tuple[NetworkRow, ...]
    routes: tuple[RouteRow, ...]
    route_stops: tuple[int, ...]
    stops: tuple[StopRow, ...]
    areas: tuple[AreaRow, ...]
    from_class_count: int  # class 0 included
    to_class_count: int
    leg_rows: tuple[int, ...]  # [network class * from_class_count + from class] -> index of cells
    cells: tuple[CellRow, ...]
    rule_sets: tuple[tuple[int, int], ...]  # (first rule, count); set 0 is empty
    rules: tuple[RuleRow, ...]
    timeframes: tuple[TimeframeRow, ...]
    services: tuple[ServiceRow, ...]
    groups: tuple[GroupRow, ...]
    transfers: tuple[TransferRow, ...]
    caps: tuple[CapRow, ...]
    joins: tuple[JoinRow, ...]
