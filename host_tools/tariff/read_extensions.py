"""The extension files minik_*.txt (docs/tariff.md): what Fares v2 lacks.

Every one is optional; the defaults here are those of a feed without them.
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from host_tools.tariff.csv_table import Row, Table
from host_tools.tariff.currency import Currency
from host_tools.tariff.feed import Cap, Category, Media, Network, Product, Settings
from host_tools.tariff.findings import did_you_mean, shown
from host_tools.tariff.known_ids import KnownIds
from host_tools.tariff.read_fares import AMOUNT_MAX, CARD_AMOUNT_MAX, DAY_S, product_names

VERSION_MAX = 0x7FFF_FFFF
PASSBACK_S_MAX = 0xFFFF
RECOVERY_S_MAX = 0x3FFF_FFFF
FIRST_DAY = date(2020, 1, 2)  # days of a compiled tariff count from 2020-01-01; 0 is no date
LAST_DAY = date(2020, 1, 1) + timedelta(0xFFFE)
CARD_MEDIA_TYPE = 2
RIDE_S_DEFAULT = 3 * 3600
PRIORITIES = {"single": 0, "rides": 20}  # before a product says its own; periods have 10
PERIOD_PRIORITY = 10
PRIORITY_MAX = 254
LENGTH_MAX = {"minutes": 0xFFFF, "days": 3660, "months": 120, "rides": 255}
KINDS = ("single", "minutes", "days", "months", "weekdays", "rides")
STARTS = ("purchase", "first_use", "chosen")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def read_settings(table: Table, currency: Currency | None) -> Settings:
    settings = Settings()
    for row in table.rows:
        name = row.raw("setting")
        if not row.required("setting") or not row.required("value"):
            continue
        if name not in _SETTING_READERS:
            known = tuple(_SETTING_READERS)
            text = did_you_mean(name, known) or f": known are {', '.join(known)}"
            row.error("setting", f"'{shown(name)}' is not a setting{text}")
            continue
        field, value = _SETTING_READERS[name](row, currency)
        if value is not None:
            settings = replace(settings, **{field: value})
    first, last = settings.valid_from, settings.valid_until
    if first and last and last < first:
        table.findings.error(table.name, None, "value", "valid_until is before valid_from")
    return settings


def _bounded_day(row: Row) -> date | None:
    day = row.day("value")
    if day is None or FIRST_DAY <= day <= LAST_DAY:
        return day
    row.error("value", f"is not a day from {FIRST_DAY:%Y%m%d} to {LAST_DAY:%Y%m%d}")
    return None


_SETTING_READERS = {
    "version": lambda row, _: ("version", row.integer("value", 1, VERSION_MAX)),
    "passback_s": lambda row, _: ("passback_s", row.integer("value", 0, PASSBACK_S_MAX)),
    "recovery_s": lambda row, _: ("recovery_s", row.integer("value", 0, RECOVERY_S_MAX)),
    "same_vehicle_transfer": lambda row, _: ("same_vehicle_transfer", row.flag("value")),
    "service_day_start": lambda row, _: ("service_day_start_s", row.time_s("value", DAY_S // 2)),
    "purse_max": lambda row, currency: (
        "purse_max_minor",
        row.amount("value", currency, 1, AMOUNT_MAX),
    ),
    "valid_from": lambda row, _: ("valid_from", _bounded_day(row)),
    "valid_until": lambda row, _: ("valid_until", _bounded_day(row)),
}


def read_categories(table: Table, extra: Table, known: KnownIds) -> tuple[Category, ...]:
    concessions = set()
    for row in extra.rows:
        row.required("rider_category_id")
        row.required("concession")
        category_id = row.ref("rider_category_id", known.categories)
        if row.flag("concession"):
            concessions.add(category_id)
    found = []
    for row in table.rows:
        category_id = row.own_id("rider_category_id")
        row.required("rider_category_name")
        found.append(
            Category(
                category_id,
                row.text("rider_category_name") or category_id,
                row.flag("is_default_fare_category"),
                category_id in concessions,
                row.where,
            )
        )
    return tuple(found)


def read_media(
    table: Table, extra: Table, known: KnownIds, currency: Currency | None
) -> tuple[Media, ...]:
    """Without a word on `on_card`, the only fare media of type 2 is the card."""
    types = {row.raw("fare_media_id"): row.raw("fare_media_type") for row in table.rows}
    cards = [media_id for media_id, kind in types.items() if kind == str(CARD_MEDIA_TYPE)]
    limits: dict[str | None, int | None] = {}
    on_card: dict[str, Row] = {}
    for row in extra.rows:
        row.required("fare_media_id")
        media_id = row.ref("fare_media_id", known.media)
        limits[media_id] = row.amount("risk_limit", currency, 0, AMOUNT_MAX)
        if row.flag("on_card") and media_id:
            on_card[media_id] = row
            _check_on_card(row, types.get(media_id), next(iter(on_card.values())))
    if "on_card" in extra.columns:
        cards = list(on_card)
    elif len(cards) > 1:
        table.findings.warn(
            table.name,
            None,
            "fare_media_type",
            f"{len(cards)} fare media are cards, so none is taken for the validators' own:"
            " say on_card in minik_fare_media.txt",
        )
        cards = []
    found = []
    for row in table.rows:
        media_id = row.own_id("fare_media_id")
        row.required("fare_media_type")
        kind = row.integer("fare_media_type", 0, 4) or 0
        name = row.text("fare_media_name") or media_id
        found.append(
            Media(media_id, name, kind, media_id in cards, limits.get(media_id), row.where)
        )
    return tuple(found)


def _check_on_card(row: Row, media_type: str | None, first: Row) -> None:
    if first is not row:
        row.error("on_card", f"is 1 on line {first.line} already: one fare media is on our cards")
    if media_type in ("0", "1", "3", "4"):
        row.error("on_card", f"is 1, but its fare_media_type is not {CARD_MEDIA_TYPE} (a card)")


def read_products(table: Table, extra: Table, known: KnownIds) -> tuple[Product, ...]:
    """One for each fare_product_id; what minik_products.txt does not name is single."""
    sold = {}
    for row in extra.rows:
        row.required("fare_product_id")
        product_id = row.ref("fare_product_id", known.products)
        sold[product_id] = _read_product(row)
    found = []
    for product_id, (name, row) in product_names(table).items():
        product = sold.get(product_id, _Sold())
        priority = PRIORITIES.get(product.kind, PERIOD_PRIORITY)
        found.append(
            Product(
                product_id,
                name,
                product.kind,
                product.length,
                product.weekdays,
                product.start,
                priority if product.priority is None else product.priority,
                product.passback_s,
                product.sold_on_board,
                product.valid_days,
                row.where,
            )
        )
    return tuple(found)


@dataclass(frozen=True)
class _Sold:
    """A row of minik_products.txt."""

    kind: str = "single"
    length: int = 0
    weekdays: int = 0
    start: str = "purchase"
    priority: int | None = None
    passback_s: int | None = None
    sold_on_board: bool = False
    valid_days: int = 0


def _read_product(row: Row) -> _Sold:
    row.required("kind")
    kind = row.choice("kind", KINDS)
    if kind is None:
        return _Sold()
    if kind == "single":
        for column in ("start", "priority", "passback_s"):
            row.forbidden(column, "for kind single")
    if kind != "rides":
        row.forbidden("valid_days", f"for kind {kind}: only rides have it")
    start = row.choice("start", STARTS) or "purchase"
    if start == "chosen" and kind in ("minutes", "rides"):
        row.error("start", f"chosen is not possible for kind {kind}: write purchase or first_use")
    return _Sold(
        kind,
        _length(row, kind),
        _weekdays(row, kind),
        start,
        row.integer("priority", 0, PRIORITY_MAX),
        row.integer("passback_s", 0, PASSBACK_S_MAX),
        row.flag("sold_on_board"),
        row.integer("valid_days", 0, LENGTH_MAX["days"]) or 0,
    )


def _length(row: Row, kind: str) -> int:
    if kind not in LENGTH_MAX:
        row.forbidden("length", f"for kind {kind}")
        return 0
    if not row.raw("length"):
        row.error("length", f"is empty: kind {kind} needs the number of {kind}")
    return row.integer("length", 1, LENGTH_MAX[kind]) or 0


def _weekdays(row: Row, kind: str) -> int:
    names = row.raw("weekdays").split()
    if kind != "weekdays":
        row.forbidden("weekdays", f"for kind {kind}")
        return 0
    if not names:
        row.error("weekdays", "is empty: kind weekdays needs its days, like fri sat sun")
    mask = 0
    for name in names:
        if name not in WEEKDAYS:
            row.error("weekdays", f"'{shown(name)}' is not a day: write {' '.join(WEEKDAYS)}")
            continue
        bit = 1 << WEEKDAYS.index(name)
        if mask & bit:
            row.error("weekdays", f"{name} is there twice: remove one")
        mask |= bit
    return mask


@dataclass(frozen=True)
class _Exits:
    """A row of minik_networks.txt."""

    check_out: bool = False
    unknown_exit: str = "dearest"
    ride_s_max: int = 0
    missed_product_id: str | None = None


def read_networks(
    networks: Table, routes: Table, extra: Table, joins: Table, known: KnownIds
) -> tuple[Network, ...]:
    """Of networks.txt; where routes.txt names networks, in the order of its rows."""
    joined = {row.raw("from_network_id") for row in joins.rows}
    exits = {}
    for row in extra.rows:
        row.required("network_id")
        network_id = row.ref("network_id", known.networks)
        exits[network_id] = _read_exits(row, known, network_id in joined)
    named: dict[str, tuple[str, Row]] = {}
    for row in networks.rows if networks.exists else routes.rows:
        network_id = row.own_id("network_id") if networks.exists else row.raw("network_id")
        if network_id:
            named.setdefault(network_id, (row.text("network_name") or network_id, row))
    found = []
    for network_id, (name, row) in named.items():
        said = exits.get(network_id, _Exits())
        found.append(
            Network(
                network_id,
                name,
                said.check_out,
                said.unknown_exit,
                said.ride_s_max,
                said.missed_product_id,
                row.where,
            )
        )
    return tuple(found)


def _read_exits(row: Row, known: KnownIds, joined: bool) -> _Exits:
    check_out = row.flag("check_out")
    missed = row.ref("missed_product_id", known.products)
    ride_s_max = row.integer("ride_s_max", 1, 0xFFFF)
    if check_out and not missed:
        row.error(
            "missed_product_id",
            "is empty: check_out needs the product that is charged without check-out",
        )
    elif row.raw("check_out") in ("", "0"):
        row.forbidden("missed_product_id", "without check_out")
        if not joined:
            row.forbidden("ride_s_max", "without check_out and without a join rule")
    return _Exits(
        check_out,
        row.choice("unknown_exit", ("dearest", "cheapest")) or "dearest",
        ride_s_max or (RIDE_S_DEFAULT if check_out else 0),
        missed if check_out else None,
    )


def read_caps(table: Table, known: KnownIds, currency: Currency | None) -> tuple[Cap, ...]:
    found = []
    for row in table.rows:
        row.required("period")
        row.required("amount")
        found.append(
            Cap(
                row.ref("rider_category_id", known.categories),
                row.choice("period", ("day", "week", "month")) or "day",
                row.amount("amount", currency, 0, CARD_AMOUNT_MAX) or 0,
                row.where,
            )
        )
    return tuple(found)
