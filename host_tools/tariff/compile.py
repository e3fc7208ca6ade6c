"""A fare feed as the tables of a compiled tariff (SPEC §6): every meaning decided, nothing lost.

What an empty field means is `legs`'; what a device can't hold is `limits`'; what can't be enforced
on board is `enforce`'s. The same feed gives the same tables, and with an older tariff every id
keeps the code that cards and journals know it by.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from host_tools.tariff import tables
from host_tools.tariff.codes import AllCodes, Codes
from host_tools.tariff.enforce import warn_unenforced
from host_tools.tariff.feed import Category, Feed, Finding, Price, Service, TransferRule
from host_tools.tariff.findings import Findings
from host_tools.tariff.legs import Legs, TooLarge, build_legs
from host_tools.tariff.limits import check_after, check_feed, check_size, check_tables
from host_tools.tariff.tables import (
    ANY,
    CHEAPEST_EXIT,
    CHECK_OUT,
    CONCESSION,
    DAY_MAX,
    KINDS,
    NO_LIMIT,
    NONE_U32,
    PERIODS,
    SOLD_ON_BOARD,
    START_SHIFT,
    STARTS,
    Tables,
)
from host_tools.tariff.zone import ZoneError, zone_rule

DAY_ZERO = date(2020, 1, 1)
STAND_IN = "default"  # the rider category of a feed that has none


def compile_feed(
    feed: Feed, after: Tables | None = None, today: date | None = None
) -> tuple[Tables | None, list[Finding]]:
    """The tables of `feed` and all there is to say of it; None where that is an error.

    With `after`, the tables of an older tariff, ids keep their codes. With `today` (the agency's
    date) a tariff that has ended is warned of; the tables never depend on it.
    """
    findings = Findings()
    check_feed(feed, findings)
    codes = _assign_codes(feed, after)
    if after is not None:
        check_after(feed, after, codes, findings)
    zone = _zone(feed, findings)
    try:
        legs = build_legs(feed, codes)
    except TooLarge as error:
        findings.error("fare_leg_rules.txt", None, None, str(error))
        return None, findings.all()
    if findings.error_count:
        return None, findings.all()
    compiled = _tables(feed, codes, legs, zone)
    check_tables(feed, compiled, codes, legs, findings)
    if not findings.error_count:
        check_size(compiled, findings)
    warn_unenforced(feed, compiled, legs, codes, findings, today)
    return (None if findings.error_count else compiled), findings.all()


def day_number(day: date | None, none: int) -> int:
    """A date as days since 2020-01-01, clamped to what 16 bits hold."""
    return none if day is None else min(max((day - DAY_ZERO).days, 0), DAY_MAX)


def _zone(feed: Feed, findings: Findings) -> tables.ZoneRule:
    try:
        return zone_rule(feed.timezone, feed.settings.valid_from)
    except ZoneError as error:
        findings.error("agency.txt", None, "agency_timezone", str(error))
        return tables.ZoneRule(0, 0, (0, 0, 0, 0), (0, 0, 0, 0))


def _categories(feed: Feed) -> Sequence[Category]:
    """The feed's rider categories, or the one that stands in where it has none."""
    stand_in = Category(STAND_IN, "Rider", True, False, "rider_categories.txt")
    return feed.categories or (stand_in,)


def _assign_codes(feed: Feed, after: Tables | None) -> AllCodes:
    groups = [rule.leg_group_id for rule in feed.leg_rules if rule.leg_group_id is not None]
    timeframes = [
        name
        for rule in feed.leg_rules
        for name in (rule.from_timeframe_group_id, rule.to_timeframe_group_id)
        if name is not None
    ]
    services = [
        row.service_id for row in feed.timeframes if row.timeframe_group_id in set(timeframes)
    ]
    return AllCodes(
        Codes((row.rider_category_id for row in _categories(feed)), _old(after, "categories"), 0),
        Codes((row.fare_media_id for row in feed.media), _old(after, "media")),
        Codes((row.fare_product_id for row in feed.products), _old(after, "products")),
        Codes((row.network_id for row in feed.networks), _old(after, "networks")),
        Codes((row.route_id for row in feed.routes), _old(after, "routes")),
        Codes((row.stop_id for row in feed.stops), _old(after, "stops")),
        Codes((row.area_id for row in feed.areas), _old(after, "areas")),
        Codes(groups, _old(after, "groups")),
        Codes(timeframes),
        Codes(services),
    )


def _old(after: Tables | None, table: str) -> tuple:
    return () if after is None else getattr(after, table)


def _tables(feed: Feed, codes: AllCodes, legs: Legs, zone: tables.ZoneRule) -> Tables:
    settings = feed.settings
    default = next((row for row in _categories(feed) if row.is_default), _categories(feed)[0])
    on_card = [row.fare_media_id for row in feed.media if row.on_card]
    ceiling = settings.purse_max_minor
    products, prices = _products(feed, codes)
    routes, route_stops = _routes(feed, codes)
    return Tables(
        version=settings.version,
        agency_name=feed.agency_name,
        currency=feed.currency,
        exponent=feed.exponent,
        default_category=codes.categories[default.rider_category_id],
        card_media=codes.media.of(on_card[0] if on_card else None),
        zone=zone,
        zone_name=feed.timezone,
        service_day_start_s=settings.service_day_start_s,
        passback_s=settings.passback_s,
        recovery_s=settings.recovery_s,
        purse_max_minor=NONE_U32 if ceiling is None else ceiling,
        same_vehicle_transfer=settings.same_vehicle_transfer,
        valid_from=day_number(settings.valid_from, 0),
        valid_until=day_number(settings.valid_until, DAY_MAX),
        categories=_category_rows(feed, codes),
        media=_media(feed, codes),
        products=products,
        prices=prices,
        networks=_networks(feed, codes, legs),
        routes=routes,
        route_stops=route_stops,
        stops=_stops(feed, codes, legs),
        areas=_areas(feed, codes, legs),
        from_class_count=legs.from_class_count,
        to_class_count=legs.to_class_count,
        leg_rows=tuple(legs.leg_rows),
        cells=tuple(legs.cells),
        rule_sets=tuple(legs.rule_sets),
        rules=tuple(legs.rules),
        timeframes=_timeframes(feed, codes),
        services=_services(feed, codes),
        groups=_groups(feed, codes),
        transfers=_transfers(feed, codes),
        caps=tuple(
            tables.CapRow(
                codes.categories.of(cap.rider_category_id, ANY),
                PERIODS.index(cap.period),
                cap.amount_minor,
            )
            for cap in feed.caps
        ),
        joins=tuple(
            tables.JoinRow(
                codes.networks[rule.network_id],
                codes.stops.of(rule.from_stop_id),
                codes.stops.of(rule.to_stop_id),
            )
            for rule in feed.join_rules
        ),
    )


def _category_rows(feed: Feed, codes: AllCodes) -> tuple[tables.CategoryRow, ...]:
    rows = {
        row.rider_category_id: tables.CategoryRow(
            row.rider_category_id,
            row.name or row.rider_category_id,
            CONCESSION if row.concession else 0,
        )
        for row in _categories(feed)
    }
    gone = {row.id: row._replace(name="") for row in codes.categories.old_rows}
    return tuple((gone | rows)[name] for name in codes.categories.ids)


def _media(feed: Feed, codes: AllCodes) -> tuple[tables.MediaRow, ...]:
    rows = {
        row.fare_media_id: tables.MediaRow(
            row.fare_media_id,
            row.name or row.fare_media_id,
            row.fare_media_type,
            NONE_U32 if row.risk_limit_minor is None else row.risk_limit_minor,
        )
        for row in feed.media
    }
    gone = {row.id: row._replace(name="") for row in codes.media.old_rows}
    return tuple((gone | rows)[name] for name in codes.media.ids)


def _products(
    feed: Feed, codes: AllCodes
) -> tuple[tuple[tables.ProductRow, ...], tuple[tables.PriceRow, ...]]:
    """Products by code, and their prices, product by product."""
    by_product: dict[str, list[Price]] = {}
    for price in feed.prices:
        by_product.setdefault(price.fare_product_id, []).append(price)
    living = {row.fare_product_id: row for row in feed.products}
    gone = {row.id: row for row in codes.products.old_rows}
    rows: list[tables.ProductRow] = []
    prices: list[tables.PriceRow] = []
    for product_id in codes.products.ids:
        product = living.get(product_id)
        if product is None:
            flags = gone[product_id].flags & ~SOLD_ON_BOARD
            tombstone = gone[product_id]._replace(name="", flags=flags)
            rows.append(tombstone._replace(price_first=0, price_count=0))
            continue
        own = by_product.get(product_id, [])
        start = STARTS.index(product.start) << START_SHIFT
        rows.append(
            tables.ProductRow(
                product_id,
                product.name or product_id,
                KINDS.index(product.kind),
                (SOLD_ON_BOARD if product.sold_on_board else 0) | start,
                product.length,
                product.weekdays,
                product.priority,
                product.passback_s or 0,
                product.valid_days,
                len(prices),
                len(own),
            )
        )
        prices += [
            tables.PriceRow(
                codes.categories.of(price.rider_category_id, ANY),
                codes.media.of(price.fare_media_id, ANY),
                price.amount_minor,
            )
            for price in own
        ]
    return tuple(rows), tuple(prices)


def _networks(feed: Feed, codes: AllCodes, legs: Legs) -> tuple[tables.NetworkRow, ...]:
    rows = {
        row.network_id: tables.NetworkRow(
            row.network_id,
            row.name or row.network_id,
            (CHECK_OUT if row.check_out else 0)
            | (CHEAPEST_EXIT if row.unknown_exit == "cheapest" else 0),
            legs.network_classes[codes.networks[row.network_id]],
            row.ride_s_max,
            codes.products.of(row.missed_product_id),
        )
        for row in feed.networks
    }
    gone = {row.id: tables.NetworkRow(row.id, "", 0, 0, 0, 0) for row in codes.networks.old_rows}
    return tuple((gone | rows)[name] for name in codes.networks.ids)


def _routes(feed: Feed, codes: AllCodes) -> tuple[tuple[tables.RouteRow, ...], tuple[int, ...]]:
    """Routes by code, and the stops they share; routes with the same stops share a list."""
    living = {row.route_id: row for row in feed.routes}
    route_stops: list[int] = []
    begins: dict[tuple[str, ...], int] = {(): 0}
    rows = []
    for route_id in codes.routes.ids:
        route = living.get(route_id)
        if route is None:
            rows.append(tables.RouteRow(route_id, "", 0, 0, 0))
            continue
        if route.stop_ids not in begins:
            begins[route.stop_ids] = len(route_stops)
            route_stops += [codes.stops[stop] for stop in route.stop_ids]
        network, name = codes.networks.of(route.network_id), route.name or route_id
        begin, count = begins[route.stop_ids], len(route.stop_ids)
        rows.append(tables.RouteRow(route_id, name, network, begin, count))
    return tuple(rows), tuple(route_stops)


def _stops(feed: Feed, codes: AllCodes, legs: Legs) -> tuple[tables.StopRow, ...]:
    living = {row.stop_id: row for row in feed.stops}
    rows = []
    for stop_id in codes.stops.ids:
        own = codes.stops[stop_id]
        stop = living.get(stop_id)
        if stop is None:
            rows.append(tables.StopRow(stop_id, "", 0, 0, own))
            continue
        station = codes.stops[stop.station_id] if stop.station_id in living else own
        classes = legs.stop_classes[stop_id]
        rows.append(tables.StopRow(stop_id, stop.name or stop_id, *classes, station))
    return tuple(rows)


def _areas(feed: Feed, codes: AllCodes, legs: Legs) -> tuple[tables.AreaRow, ...]:
    names = {row.area_id: row.name or row.area_id for row in feed.areas}
    return tuple(
        tables.AreaRow(area_id, names.get(area_id, ""), *legs.area_classes.get(area_id, (0, 0)))
        for area_id in codes.areas.ids
    )


def _timeframes(feed: Feed, codes: AllCodes) -> tuple[tables.TimeframeRow, ...]:
    rows = [
        tables.TimeframeRow(
            codes.timeframes[row.timeframe_group_id],
            codes.services[row.service_id],
            row.start_s,
            row.end_s,
        )
        for row in feed.timeframes
        if row.timeframe_group_id in codes.timeframes.alive
    ]
    return tuple(sorted(rows, key=lambda row: row.group))


def _services(feed: Feed, codes: AllCodes) -> tuple[tables.ServiceRow, ...]:
    """Services that a timeframe names, with the exceptions that change a day."""
    by_id = {service.service_id: service for service in feed.services}
    return tuple(
        tables.ServiceRow(
            by_id[name].weekdays,
            day_number(by_id[name].first, 0),
            day_number(by_id[name].last, DAY_MAX),
            tuple(_exceptions(by_id[name])),
        )
        for name in codes.services.ids
    )


def _exceptions(service: Service) -> Iterable[tuple[int, int]]:
    days = [(day, 1) for day in service.added] + [(day, 0) for day in service.removed]
    for day, kind in sorted(days):
        runs = (service.first or day) <= day <= (service.last or day)
        runs = runs and bool(service.weekdays >> day.weekday() & 1)
        if runs != bool(kind) and 0 <= (day - DAY_ZERO).days <= DAY_MAX:
            yield (day - DAY_ZERO).days, kind


def _groups(feed: Feed, codes: AllCodes) -> tuple[tables.GroupRow, ...]:
    begins = {rule.from_leg_group_id for rule in feed.transfer_rules}
    ends = {rule.to_leg_group_id for rule in feed.transfer_rules}
    rows = []
    for group_id in codes.groups.ids:
        code = codes.groups[group_id]
        rows.append(
            tables.GroupRow(
                group_id, code if group_id in begins else 0, code if group_id in ends else 0
            )
        )
    return tuple(rows)


def _transfers(feed: Feed, codes: AllCodes) -> tuple[tables.TransferRow, ...]:
    rows = [
        tables.TransferRow(
            codes.groups.of(rule.from_leg_group_id),
            codes.groups.of(rule.to_leg_group_id),
            _transfer_count(rule),
            rule.fare_transfer_type,
            codes.products.of(rule.fare_product_id),
            rule.duration_limit_type or 0,
            rule.duration_limit_s or 0,
        )
        for rule in feed.transfer_rules
    ]
    return tuple(sorted(rows, key=lambda row: (row.from_key, row.to_key)))


def _transfer_count(rule: TransferRule) -> int:
    if rule.transfer_count == -1:
        return NO_LIMIT
    return rule.transfer_count or 0
