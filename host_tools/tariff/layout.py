"""Where every field of a compiled tariff lies (SPEC §6.2), said once for `pack` and `unpack`.

A field is (name, kind): a kind is the width in bytes of an unsigned integer, TEXT or SIGNED; a
field without a name is zero. Names are those of the rows in `tables` where there is such a row.
"""

TEXT = "text"  # a u24 offset of a length u8 and that many bytes of UTF-8
SIGNED = "i32"
Kind = int | str
Fields = tuple[tuple[str | None, Kind], ...]

MAGIC = b"MNKT"
FORMAT = 1
HEAD_BYTES = 256
HEAD_CRC_AT = 248
BODY_CRC_AT = 252
DIRECTORY_AT = 72
DIRECTORY_ENTRY_BYTES = 8
TEXT_BYTES_MAX = 255

FLAG_SAME_VEHICLE = 1
FLAG_CHECK_OUT = 2
FLAG_JOINS = 4
FLAG_PLAIN = 8

_ZONE_CHANGE = ("month", "week", "weekday")
HEAD: Fields = (
    ("magic", 4),
    ("format", 1),
    ("flags", 1),
    ("head_bytes", 2),
    ("payload_bytes", 4),
    ("version", 4),
    ("currency", 3),
    ("exponent", 1),
    ("default_category", 1),
    ("card_media", 1),
    ("valid_from", 2),
    ("valid_until", 2),
    ("passback_s", 2),
    ("recovery_s", 4),
    ("purse_max_minor", 4),
    ("service_day_start_s", 4),
    ("standard_s", SIGNED),
    ("summer_s", SIGNED),
    *((f"begin_{part}", 1) for part in _ZONE_CHANGE),
    ("begin_s", 3),
    *((f"end_{part}", 1) for part in _ZONE_CHANGE),
    ("end_s", 3),
    ("from_class_count", 2),
    ("to_class_count", 2),
    ("agency_name", TEXT),
    ("zone_name", TEXT),
    (None, 2),
)

_NAMED: Fields = (("id", TEXT), ("name", TEXT))
TABLES: tuple[tuple[str, Fields], ...] = (
    ("categories", (*_NAMED, ("flags", 1), (None, 1))),
    ("media", (*_NAMED, ("type", 1), (None, 1), ("risk_limit_minor", 4))),
    (
        "products",
        (
            *_NAMED,
            ("kind", 1),
            ("flags", 1),
            ("length", 2),
            ("weekdays", 1),
            ("priority", 1),
            ("passback_s", 2),
            ("valid_days", 2),
            ("price_first", 2),
            ("price_count", 1),
            (None, 1),
        ),
    ),
    ("prices", (("category", 1), ("media", 1), ("amount_minor", SIGNED))),
    (
        "networks",
        (
            *_NAMED,
            ("flags", 1),
            ("rule_class", 1),
            ("ride_s_max", 2),
            ("missed_product", 1),
            (None, 1),
        ),
    ),
    ("routes", (*_NAMED, ("network", 1), ("stop_count", 1), ("stop_first", 2))),
    ("route_stops", (("stop", 2),)),
    ("stops", (*_NAMED, ("from_class", 2), ("to_class", 2), ("station", 2))),
    ("areas", (*_NAMED, ("from_class", 2), ("to_class", 2))),
    ("leg_rows", (("cell", 2),)),
    ("cells", (("exit_first", 2), ("exit_count", 2))),  # and to_class_count rule sets, u16
    ("exits", (("rule_set", 2),)),
    ("rule_sets", (("rule_first", 2), ("rule_count", 1), (None, 1))),
    (
        "rules",
        (
            ("group", 1),
            ("product", 1),
            ("rank", 1),
            ("from_timeframe", 1),
            ("to_timeframe", 1),
            (None, 1),
        ),
    ),
    ("timeframes", (("group", 1), ("service", 1), ("start_s", 3), ("end_s", 3))),
    (
        "services",
        (
            ("weekdays", 1),
            ("exception_count", 1),
            ("first_day", 2),
            ("last_day", 2),
            ("exception_first", 2),
        ),
    ),
    ("exceptions", (("day", 2), ("kind", 1))),
    ("groups", (("id", TEXT), ("from_key", 1), ("to_key", 1))),
    (
        "transfers",
        (
            ("from_key", 1),
            ("to_key", 1),
            ("transfer_count", 1),
            ("type", 1),
            ("product", 1),
            ("duration_type", 1),
            ("duration_s", 4),
        ),
    ),
    ("caps", (("category", 1), ("period", 1), ("amount_minor", 4))),
    ("joins", (("network", 1), ("from_stop", 2), ("to_stop", 2))),
    ("reserved", ()),
)

_KIND_BYTES = {TEXT: 3, SIGNED: 4}


def kind_bytes(kind: Kind) -> int:
    """Width of a field of this kind."""
    return kind if isinstance(kind, int) else _KIND_BYTES[kind]


def row_bytes(fields: Fields) -> int:
    """Width of a row."""
    return sum(kind_bytes(kind) for _, kind in fields)


def cell_fields(to_class_count: int) -> Fields:
    """Fields of a cells row, which is as wide as there are to classes."""
    return (*dict(TABLES)["cells"], *((f"rule_set_{n}", 2) for n in range(to_class_count)))
