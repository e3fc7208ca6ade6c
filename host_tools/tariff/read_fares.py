"""The fare files of GTFS Fares v2: each row typed, each rule of presence checked.

What rows say together (contradictions, things never used) is checked in `contradictions`.
"""

from host_tools.tariff.csv_table import IdSet, Row, Table
from host_tools.tariff.currency import Currency, currency_of
from host_tools.tariff.feed import JoinRule, LegRule, Price, Timeframe, TransferRule
from host_tools.tariff.findings import shown
from host_tools.tariff.known_ids import KnownIds
from host_tools.tariff.read_places import STATION, STOP, location_type

DAY_S = 86_400
CARD_AMOUNT_MAX = 0xFFFFFF  # what a card counts of one day, week, month or journey (u24)
AMOUNT_MAX = 0x1FFF_FFFF  # a card's lifetime of spending
COUNT_MAX = 254  # 255 is no limit
SECONDS_MAX = 0x7FFF_FFFF


def read_currency(products: Table) -> Currency | None:
    """The one currency of all prices: that of the first row that names one."""
    first: Row | None = None
    currency: Currency | None = None
    for row in products.rows:
        if not row.required("currency"):
            continue
        code = row.raw("currency")
        if first is None:
            first = row
            currency = currency_of(code)
        if code != first.raw("currency"):
            row.error(
                "currency",
                f"'{shown(code)}' differs from {shown(first.raw('currency'))} on line"
                f" {first.line}: a feed has one currency",
            )
        elif currency is None:
            row.error(
                "currency",
                f"'{shown(code)}' is not a currency of ISO 4217 with minor units:"
                " write it like EUR",
            )
    return currency


def read_prices(table: Table, known: KnownIds, currency: Currency | None) -> tuple[Price, ...]:
    found = []
    for row in table.rows:
        row.required("amount")
        amount_minor = row.amount("amount", currency, -CARD_AMOUNT_MAX, AMOUNT_MAX)
        found.append(
            Price(
                row.own_id("fare_product_id"),
                row.ref("rider_category_id", known.categories),
                row.ref("fare_media_id", known.media),
                amount_minor or 0,
                row.where,
            )
        )
    return tuple(found)


def product_names(table: Table) -> dict[str, tuple[str, Row]]:
    """(name, first row) by fare_product_id."""
    found: dict[str, tuple[str, Row]] = {}
    for row in table.rows:
        product_id, name = row.raw("fare_product_id"), row.text("fare_product_name")
        first = found.setdefault(product_id, (name or product_id, row))
        if name and first[1] is not row and name != first[0]:
            row.warn(
                "fare_product_name",
                f"'{shown(name)}' is not used: line {first[1].line} names it '{shown(first[0])}'",
            )
    return found


def read_timeframes(table: Table, services: IdSet) -> tuple[Timeframe, ...]:
    found = []
    for row in table.rows:
        start_s, end_s = row.time_s("start_time", DAY_S), row.time_s("end_time", DAY_S)
        for here, other in (("start_time", "end_time"), ("end_time", "start_time")):
            if row.raw(here) and not row.raw(other):
                row.error(other, f"is empty, but {here} is not: fill in both or neither")
        if start_s is not None and end_s is not None and end_s <= start_s:
            row.error(
                "end_time",
                "is not after start_time: give a time across midnight two rows,"
                " until 24:00:00 and from 00:00:00",
            )
        row.required("service_id")
        if not row.raw("start_time") and not row.raw("end_time"):
            start_s, end_s = 0, DAY_S
        if start_s is None or end_s is None:
            start_s = end_s = 0  # what is wrong overlaps nothing
        found.append(
            Timeframe(
                row.own_id("timeframe_group_id"),
                start_s,
                end_s,
                row.ref("service_id", services) or "",
                row.where,
            )
        )
    return tuple(found)


def read_leg_rules(table: Table, known: KnownIds) -> tuple[LegRule, ...]:
    found = []
    for row in table.rows:
        row.required("fare_product_id")
        found.append(
            LegRule(
                row.text("leg_group_id"),
                row.ref("network_id", known.networks),
                row.ref("from_area_id", known.areas),
                row.ref("to_area_id", known.areas),
                row.ref("from_timeframe_group_id", known.timeframes),
                row.ref("to_timeframe_group_id", known.timeframes),
                row.ref("fare_product_id", known.products) or "",
                row.integer("rule_priority", 0, SECONDS_MAX) or 0,
                row.where,
            )
        )
    return tuple(found)


def read_join_rules(table: Table, known: KnownIds, stops: Table) -> tuple[JoinRule, ...]:
    kinds = {row.raw("stop_id"): location_type(row) for row in stops.rows}
    found = []
    for row in table.rows:
        both = row.required("from_network_id") & row.required("to_network_id")
        network_id = row.ref("from_network_id", known.networks)
        if both and row.raw("to_network_id") != network_id:
            row.error("to_network_id", "differs from from_network_id: legs join in one network")
        for here, other in (("from_stop_id", "to_stop_id"), ("to_stop_id", "from_stop_id")):
            if row.raw(here) and not row.raw(other):
                row.error(other, f"is empty, but {here} is not: fill in both or neither")
            if kinds.get(row.raw(here), STOP) not in (STOP, STATION):
                row.error(here, f"'{shown(row.raw(here))}' is neither a stop nor a station")
        found.append(
            JoinRule(
                network_id or "",
                row.ref("from_stop_id", known.stops),
                row.ref("to_stop_id", known.stops),
                row.where,
            )
        )
    return tuple(found)


def read_transfer_rules(table: Table, known: KnownIds) -> tuple[TransferRule, ...]:
    found = []
    for row in table.rows:
        row.required("fare_transfer_type")
        found.append(
            TransferRule(
                row.ref("from_leg_group_id", known.leg_groups),
                row.ref("to_leg_group_id", known.leg_groups),
                _transfer_count(row),
                row.integer("duration_limit", 1, SECONDS_MAX),
                _duration_limit_type(row),
                row.integer("fare_transfer_type", 0, 2) or 0,
                row.ref("fare_product_id", known.products),
                row.where,
            )
        )
    return tuple(found)


def _transfer_count(row: Row) -> int | None:
    if row.raw("from_leg_group_id") != row.raw("to_leg_group_id"):
        row.forbidden("transfer_count", "where from_leg_group_id and to_leg_group_id differ")
    elif not row.raw("transfer_count"):
        row.error(
            "transfer_count",
            "is empty: a rule from a leg group to itself needs a number, or -1 for no limit",
        )
    count = row.integer("transfer_count", -1, COUNT_MAX)
    if count == 0:
        row.error("transfer_count", "is 0: write 1 or more, or -1 for no limit")
    return count


def _duration_limit_type(row: Row) -> int | None:
    if not row.raw("duration_limit"):
        row.forbidden("duration_limit_type", "where duration_limit is empty")
    elif not row.raw("duration_limit_type"):
        row.error("duration_limit_type", "is empty, but duration_limit is not: write 0, 1, 2 or 3")
    return row.integer("duration_limit_type", 0, 3)
