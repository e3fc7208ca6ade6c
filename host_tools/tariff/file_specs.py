"""Which files and columns of a feed are read, and what identifies a row (GTFS reference).

`required` are columns that must be there; which cells must not be empty is said where rows are
read. Files held in memory are bounded more tightly than those that are streamed.
"""

from dataclasses import dataclass

HELD_BYTES_MAX = 32 << 20
STREAMED_BYTES_MAX = 4 << 30

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class FileSpec:
    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    key: tuple[str, ...] = ()  # no two rows are equal in these
    must_exist: bool = False
    streamed: bool = False

    @property
    def ours(self) -> bool:
        """An extension file: then a column that is not known is a mistake."""
        return self.name.startswith("minik_")

    @property
    def columns(self) -> tuple[str, ...]:
        return self.required + self.optional

    @property
    def bytes_max(self) -> int:
        return STREAMED_BYTES_MAX if self.streamed else HELD_BYTES_MAX


_PLACES = (
    FileSpec(
        "agency.txt",
        ("agency_name", "agency_timezone"),
        ("agency_id",),
        ("agency_id",),
        must_exist=True,
    ),
    FileSpec(
        "stops.txt",
        ("stop_id",),
        ("stop_name", "location_type", "parent_station", "stop_timezone"),
        ("stop_id",),
        must_exist=True,
    ),
    FileSpec(
        "routes.txt",
        ("route_id",),
        ("agency_id", "route_short_name", "route_long_name", "network_id"),
        ("route_id",),
        must_exist=True,
    ),
    FileSpec("networks.txt", ("network_id",), ("network_name",), ("network_id",)),
    FileSpec("route_networks.txt", ("network_id", "route_id")),
    FileSpec("areas.txt", ("area_id",), ("area_name",), ("area_id",)),
    FileSpec("stop_areas.txt", ("area_id", "stop_id"), (), ("area_id", "stop_id")),
    FileSpec("calendar.txt", ("service_id", *DAYS, "start_date", "end_date"), (), ("service_id",)),
)
_STREAMED = (
    FileSpec("calendar_dates.txt", ("service_id", "date", "exception_type"), streamed=True),
    FileSpec("trips.txt", ("route_id", "trip_id"), streamed=True),
    FileSpec(
        "stop_times.txt",
        ("trip_id", "stop_id", "stop_sequence"),
        ("location_group_id", "location_id"),
        streamed=True,
    ),
)
_FARES = (
    FileSpec(
        "timeframes.txt",
        ("timeframe_group_id", "service_id"),
        ("start_time", "end_time"),
    ),
    FileSpec(
        "rider_categories.txt",
        ("rider_category_id", "rider_category_name", "is_default_fare_category"),
        (),
        ("rider_category_id",),
    ),
    FileSpec(
        "fare_media.txt",
        ("fare_media_id", "fare_media_type"),
        ("fare_media_name",),
        ("fare_media_id",),
    ),
    FileSpec(
        "fare_products.txt",
        ("fare_product_id", "amount", "currency"),
        ("fare_product_name", "rider_category_id", "fare_media_id"),
        ("fare_product_id", "rider_category_id", "fare_media_id"),
        must_exist=True,
    ),
    FileSpec(
        "fare_leg_rules.txt",
        ("fare_product_id",),
        (
            "leg_group_id",
            "network_id",
            "from_area_id",
            "to_area_id",
            "from_timeframe_group_id",
            "to_timeframe_group_id",
            "rule_priority",
        ),
        must_exist=True,
    ),
    FileSpec(
        "fare_leg_join_rules.txt",
        ("from_network_id", "to_network_id"),
        ("from_stop_id", "to_stop_id"),
        ("from_network_id", "to_network_id", "from_stop_id", "to_stop_id"),
    ),
    FileSpec(
        "fare_transfer_rules.txt",
        ("fare_transfer_type",),
        (
            "from_leg_group_id",
            "to_leg_group_id",
            "transfer_count",
            "duration_limit",
            "duration_limit_type",
            "fare_product_id",
        ),
        (
            "from_leg_group_id",
            "to_leg_group_id",
            "fare_product_id",
            "transfer_count",
            "duration_limit",
        ),
    ),
)
_EXTENSIONS = (
    FileSpec("minik_settings.txt", ("setting", "value"), (), ("setting",)),
    FileSpec(
        "minik_rider_categories.txt",
        ("rider_category_id", "concession"),
        (),
        ("rider_category_id",),
    ),
    FileSpec(
        "minik_fare_media.txt", ("fare_media_id",), ("on_card", "risk_limit"), ("fare_media_id",)
    ),
    FileSpec(
        "minik_products.txt",
        ("fare_product_id", "kind"),
        (
            "length",
            "weekdays",
            "start",
            "priority",
            "passback_s",
            "sold_on_board",
            "valid_days",
        ),
        ("fare_product_id",),
    ),
    FileSpec(
        "minik_networks.txt",
        ("network_id",),
        ("check_out", "unknown_exit", "ride_s_max", "missed_product_id"),
        ("network_id",),
    ),
    FileSpec(
        "minik_caps.txt",
        ("period", "amount"),
        ("rider_category_id",),
        ("rider_category_id", "period"),
    ),
)
SPECS: dict[str, FileSpec] = {
    spec.name: spec for spec in (*_PLACES, *_STREAMED, *_FARES, *_EXTENSIONS)
}
NOT_READ = ("fare_attributes.txt", "fare_rules.txt")
OTHER_GTFS_FILES = (
    "shapes.txt",
    "frequencies.txt",
    "transfers.txt",
    "pathways.txt",
    "levels.txt",
    "location_groups.txt",
    "location_group_stops.txt",
    "booking_rules.txt",
    "translations.txt",
    "feed_info.txt",
    "attributions.txt",
)
