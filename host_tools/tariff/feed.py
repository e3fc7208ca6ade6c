"""A fare feed after reading: every row typed, every reference checked, every amount an integer.

Names are those of GTFS Fares v2 (reference of June 2026) and of the extension files in
docs/tariff.md. None is an empty field. `where` says "file:line" for later findings. Nothing is
interpreted here: what an empty field means is the compiler's.
"""

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True)
class Category:
    rider_category_id: str
    name: str
    is_default: bool
    concession: bool  # minik_rider_categories: reduced, may end on a date, its own sound
    where: str


@dataclass(frozen=True)
class Media:
    fare_media_id: str
    name: str
    fare_media_type: int  # 0 none, 1 paper, 2 card, 3 cEMV, 4 app
    on_card: bool  # our validators' cards are this media; by minik_fare_media, or the only card
    risk_limit_minor: int | None  # what it may owe at most a service day while there is no link
    where: str


@dataclass(frozen=True)
class Price:
    """One row of fare_products.txt."""

    fare_product_id: str
    rider_category_id: str | None
    fare_media_id: str | None
    amount_minor: int  # may be negative
    where: str


@dataclass(frozen=True)
class Product:
    """All rows of one fare_product_id, with what minik_products.txt says of it."""

    fare_product_id: str
    name: str
    kind: str  # single, minutes, days, months, weekdays, rides
    length: int  # minutes, service days, calendar months, rides; 0 for single and weekdays
    weekdays: int  # bit 0 Monday; weekdays only
    start: str  # purchase, first_use, chosen
    priority: int  # the lower is used first
    passback_s: int | None  # None: the tariff's
    sold_on_board: bool
    valid_days: int  # rides: end this many service days after the start; 0 never
    where: str


@dataclass(frozen=True)
class Network:
    network_id: str
    name: str
    check_out: bool
    unknown_exit: str  # dearest, cheapest
    ride_s_max: int  # a check-in older than this is missed, a leg joins no more; 0 no limit
    missed_product_id: str | None  # its price is the maximum fare
    where: str


@dataclass(frozen=True)
class Route:
    route_id: str
    name: str
    network_id: str | None
    stop_ids: tuple[str, ...]  # in order of travel, each once; empty without stop_times.txt
    where: str


@dataclass(frozen=True)
class Stop:
    """A stop or a station; entrances and the like have no fares."""

    stop_id: str
    name: str
    station_id: str  # parent_station, or the stop itself
    area_ids: tuple[str, ...]  # resolved: a platform without areas of its own has its station's
    where: str


@dataclass(frozen=True)
class Area:
    area_id: str
    name: str
    where: str


@dataclass(frozen=True)
class Service:
    """A service that some timeframe names; others have no say in fares."""

    service_id: str
    weekdays: int  # bit 0 Monday; 0 when only calendar_dates name it
    first: date | None
    last: date | None
    added: tuple[date, ...]
    removed: tuple[date, ...]


@dataclass(frozen=True)
class Timeframe:
    timeframe_group_id: str
    start_s: int  # seconds of the local day; 0 to 86400
    end_s: int
    service_id: str
    where: str


@dataclass(frozen=True)
class LegRule:
    leg_group_id: str | None
    network_id: str | None
    from_area_id: str | None
    to_area_id: str | None
    from_timeframe_group_id: str | None
    to_timeframe_group_id: str | None
    fare_product_id: str
    rule_priority: int  # empty is 0
    where: str


@dataclass(frozen=True)
class JoinRule:
    network_id: str  # from_network_id and to_network_id are the same
    from_stop_id: str | None
    to_stop_id: str | None
    where: str


@dataclass(frozen=True)
class TransferRule:
    from_leg_group_id: str | None
    to_leg_group_id: str | None
    transfer_count: int | None  # -1 no limit; None where the two groups differ
    duration_limit_s: int | None
    duration_limit_type: int | None
    fare_transfer_type: int
    fare_product_id: str | None
    where: str


@dataclass(frozen=True)
class Cap:
    rider_category_id: str | None  # None: every category
    period: str  # day, week, month
    amount_minor: int
    where: str


@dataclass(frozen=True)
class Settings:
    """minik_settings.txt; the defaults are those of a feed without it."""

    version: int = 1
    passback_s: int = 60
    recovery_s: int = 43_200
    same_vehicle_transfer: bool = True
    service_day_start_s: int = 0
    purse_max_minor: int | None = None
    valid_from: date | None = None
    valid_until: date | None = None


@dataclass(frozen=True)
class Feed:
    """What a folder or zip says, in the order of its rows."""

    source: str
    agency_name: str
    timezone: str
    currency: str
    exponent: int  # ISO 4217
    has_rule_priority: bool
    settings: Settings
    categories: tuple[Category, ...] = ()
    media: tuple[Media, ...] = ()
    products: tuple[Product, ...] = ()
    prices: tuple[Price, ...] = ()
    networks: tuple[Network, ...] = ()
    routes: tuple[Route, ...] = ()
    stops: tuple[Stop, ...] = ()
    areas: tuple[Area, ...] = ()
    services: tuple[Service, ...] = ()
    timeframes: tuple[Timeframe, ...] = ()
    leg_rules: tuple[LegRule, ...] = ()
    join_rules: tuple[JoinRule, ...] = ()
    transfer_rules: tuple[TransferRule, ...] = ()
    caps: tuple[Cap, ...] = field(default=())


@dataclass(frozen=True)
class Finding:
    """One thing to say of a feed. Errors stop the compiler, warnings do not."""

    severity: str  # error, warning
    file: str
    line: int | None  # 1 is the header
    field: str | None
    text: str

    def __str__(self) -> str:
        place = self.file + (f":{self.line}" if self.line else "")
        return f"{place}: {self.field}: {self.text}" if self.field else f"{place}: {self.text}"
