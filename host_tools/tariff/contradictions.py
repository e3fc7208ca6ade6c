"""What the rows of a feed say together: contradictions are errors, things never used warnings.

Every row by itself has been checked before; rows with a wrong cell stand here with its default,
which can only add findings where there is one already.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta

from host_tools.tariff.csv_table import Row, Table
from host_tools.tariff.feed import Category, Feed, LegRule, Price, Service, Timeframe
from host_tools.tariff.findings import Findings, shown
from host_tools.tariff.read_fares import CARD_AMOUNT_MAX

_PREDICATES = (
    "network_id",
    "from_area_id",
    "to_area_id",
    "from_timeframe_group_id",
    "to_timeframe_group_id",
    "fare_product_id",
)


class _At:
    """Findings by a row's `where`."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings

    def error(self, where: str, field: str | None, text: str) -> None:
        file, _, line = where.rpartition(":")
        self._findings.error(file, int(line), field, text)

    def warn(self, where: str, field: str | None, text: str) -> None:
        file, _, line = where.rpartition(":")
        self._findings.warn(file, int(line), field, text)


def check_together(feed: Feed, leg_rules: Table, findings: Findings) -> None:
    at = _At(findings)
    _check_defaults(feed, at)
    _check_timeframes(feed.timeframes, at)
    _check_leg_rules(leg_rules)
    _check_kinds(feed, at)
    _check_services(feed, at)
    if leg_rules.rows and leg_rules.whole:
        _check_unused(feed, at)
        _check_uncovered(feed, at)


def _check_defaults(feed: Feed, at: _At) -> None:
    """Where several rider categories may use a product, one is the default."""
    defaults = [category for category in feed.categories if category.is_default]
    for second in defaults[1:]:
        at.error(
            second.where,
            "is_default_fare_category",
            f"is 1 for '{shown(defaults[0].rider_category_id)}' already: one category is"
            " the default",
        )
    for product_id, prices in _by_product(feed.prices).items():
        eligible = _eligible(prices, feed.categories)
        if len(eligible) < 2 or any(category.is_default for category in eligible):
            continue
        names = ", ".join(shown(category.rider_category_id) for category in eligible[:4])
        if defaults:
            at.warn(
                prices[0].where,
                "rider_category_id",
                f"'{shown(product_id)}' is for {names}, of which none is the default rider"
                " category",
            )
        else:
            at.error(
                eligible[0].where,
                "is_default_fare_category",
                f"several rider categories may use '{shown(product_id)}' ({names}) and none is the"
                " default: write 1 for one of them",
            )
            return


def _by_product(prices: Iterable[Price]) -> dict[str, list[Price]]:
    found: dict[str, list[Price]] = defaultdict(list)
    for price in prices:
        found[price.fare_product_id].append(price)
    return found


def _eligible(prices: list[Price], categories: tuple[Category, ...]) -> list[Category]:
    ids = {price.rider_category_id for price in prices}
    if None in ids:
        return list(categories)
    return [category for category in categories if category.rider_category_id in ids]


def _check_timeframes(timeframes: tuple[Timeframe, ...], at: _At) -> None:
    """Of one group and service, no two overlap."""
    groups: dict[tuple[str, str], list[Timeframe]] = defaultdict(list)
    for timeframe in timeframes:
        if timeframe.start_s < timeframe.end_s:
            groups[timeframe.timeframe_group_id, timeframe.service_id].append(timeframe)
    for group in groups.values():
        latest = None
        for timeframe in sorted(group, key=lambda row: row.start_s):
            if latest is not None and timeframe.start_s < latest.end_s:
                line = latest.where.rpartition(":")[2]
                at.error(
                    timeframe.where,
                    "start_time",
                    f"overlaps line {line}, of the same timeframe_group_id and service_id:"
                    " shorten one of them",
                )
            if latest is None or timeframe.end_s > latest.end_s:
                latest = timeframe


def _check_leg_rules(table: Table) -> None:
    """The same legs and the same product: once, in one group, with one priority."""
    if "fare_product_id" not in table.columns:
        return
    seen: dict[tuple[str, ...], Row] = {}
    for row in table.rows:
        first = seen.setdefault(row.key(_PREDICATES), row)
        if first is row:
            continue
        group, other = row.raw("leg_group_id"), first.raw("leg_group_id")
        if group != other:
            row.error(
                "leg_group_id",
                f"is the rule of line {first.line} in leg group '{shown(group)}', there in"
                f" '{shown(other)}': keep one of them",
            )
        elif row.raw("rule_priority") != first.raw("rule_priority"):
            row.error(
                "rule_priority", f"is the rule of line {first.line} with another: keep one of them"
            )
        else:
            row.error("fare_product_id", f"is the rule of line {first.line} again: remove it")


def _check_kinds(feed: Feed, at: _At) -> None:
    """Passes are no prices of transfers; only a transfer's product may cost less than nothing."""
    kinds = {product.fare_product_id: product.kind for product in feed.products}
    for rule in feed.transfer_rules:
        _check_single(kinds, rule.fare_product_id, rule.where, "fare_product_id", at)
    for network in feed.networks:
        _check_single(kinds, network.missed_product_id, network.where, "missed_product_id", at)
    transfers = {rule.fare_product_id for rule in feed.transfer_rules}
    others = {rule.fare_product_id for rule in feed.leg_rules}
    others |= {network.missed_product_id or "" for network in feed.networks}
    for price in feed.prices:
        kind = kinds[price.fare_product_id]
        used = price.fare_product_id in others or kind != "single"
        if price.amount_minor < 0 and (used or price.fare_product_id not in transfers):
            at.error(
                price.where,
                "amount",
                "is negative: only a product of fare_transfer_rules.txt, and of nothing else, may"
                " be",
            )
        if kind == "single" and price.amount_minor > CARD_AMOUNT_MAX:
            at.error(
                price.where,
                "amount",
                f"is more than a card counts for one ride: {CARD_AMOUNT_MAX:,} minor units",
            )


def _check_single(
    kinds: dict[str, str], product_id: str | None, where: str, field: str, at: _At
) -> None:
    kind = kinds.get(product_id or "", "single")
    if kind != "single":
        at.error(
            where,
            field,
            f"'{shown(product_id or '')}' is of kind {kind}: a product of kind single is needed",
        )


def _check_unused(feed: Feed, at: _At) -> None:
    used = {rule.fare_product_id for rule in feed.leg_rules}
    used |= {rule.fare_product_id or "" for rule in feed.transfer_rules}
    used |= {"", *(network.missed_product_id or "" for network in feed.networks)}
    for product in feed.products:
        if product.fare_product_id not in used:
            name = shown(product.fare_product_id)
            at.warn(product.where, "fare_product_id", f"'{name}' is in no fare rule")
    groups = {"", *(rule.from_timeframe_group_id for rule in feed.leg_rules)}
    groups |= {rule.to_timeframe_group_id for rule in feed.leg_rules}
    for group, timeframe in {row.timeframe_group_id: row for row in feed.timeframes[::-1]}.items():
        if group not in groups:
            text = f"'{shown(group)}' is in no row of fare_leg_rules.txt"
            at.warn(timeframe.where, "timeframe_group_id", text)
    served = {"", *(route.network_id for route in feed.routes)}
    for network in feed.networks:
        if network.network_id not in served:
            text = f"'{shown(network.network_id)}' has no route"
            at.warn(network.where, "network_id", text)
    stopped = {"", *(area_id for stop in feed.stops for area_id in stop.area_ids)}
    for area in feed.areas:
        if area.area_id not in stopped:
            at.warn(area.where, "area_id", f"'{shown(area.area_id)}' has no stop")


def _check_uncovered(feed: Feed, at: _At) -> None:
    """Networks and areas that no rule can match, neither by name nor by an empty field."""
    networks = {rule.network_id for rule in feed.leg_rules}
    served = {route.network_id for route in feed.routes}
    for network in feed.networks:
        if network.network_id in served and not networks & {network.network_id, None}:
            at.warn(
                network.where,
                "network_id",
                f"no row of fare_leg_rules.txt is for '{shown(network.network_id)}': its routes"
                " have no fare",
            )
    stopped = {area_id for stop in feed.stops for area_id in stop.area_ids}
    for area in feed.areas:
        if area.area_id in stopped and not _ends_of(feed.leg_rules) & {area.area_id, None}:
            at.warn(
                area.where,
                "area_id",
                f"no row of fare_leg_rules.txt is for '{shown(area.area_id)}'",
            )


def _ends_of(rules: tuple[LegRule, ...]) -> set[str | None]:
    return {rule.from_area_id for rule in rules} | {rule.to_area_id for rule in rules}


def _check_services(feed: Feed, at: _At) -> None:
    empty = {service.service_id for service in feed.services if not _has_day(service)}
    for timeframe in feed.timeframes:
        if timeframe.service_id in empty:
            text = f"'{shown(timeframe.service_id)}' has no day, so this row never matches"
            at.warn(timeframe.where, "service_id", text)


def _has_day(service: Service) -> bool:
    if service.added:
        return True
    if service.first is None or service.last is None or not service.weekdays:
        return False
    span = min((service.last - service.first).days, 7 * len(service.removed) + 6)
    days = (service.first + timedelta(offset) for offset in range(span + 1))
    return any(
        service.weekdays >> day.weekday() & 1 and day not in service.removed for day in days
    )
