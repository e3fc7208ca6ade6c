"""A compiled tariff in ids and words instead of codes: what `show` prints and `diff` compares.

Rows of ids that are gone (SPEC §6.5) are listed apart, and nothing else is said of them.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from host_tools.tariff.compile import DAY_ZERO
from host_tools.tariff.pack import is_plain
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
    ProductRow,
    ServiceRow,
    Tables,
)

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WITH_CODES = ("categories", "media", "products", "networks", "routes", "stops", "areas")
DAY_S = 86_400
_ALL_DAYS = 127


def describe(said: Tables) -> dict[str, Any]:
    """The tariff as JSON has it; amounts in minor units, ids instead of codes, null for none."""
    return {
        "settings": settings(said),
        "rider_categories": [
            {
                "id": row.id,
                "name": row.name,
                "default": code == said.default_category,
                "concession": bool(row.flags & CONCESSION),
            }
            for code, row in enumerate(said.categories)
            if row.name
        ],
        "fare_media": [
            {
                "id": row.id,
                "name": row.name,
                "type": row.type,
                "on_card": code == said.card_media,
                "risk_limit_minor": _unless(row.risk_limit_minor, NONE_U32),
            }
            for code, row in enumerate(said.media, 1)
            if row.name
        ],
        "products": [product(said, row) for row in said.products if row.name],
        "networks": networks(said),
        "fares": fares(said),
        "transfers": transfers(said),
        "caps": [
            {
                "rider_category": category_id(said, row.category),
                "period": PERIODS[row.period],
                "amount_minor": row.amount_minor,
            }
            for row in said.caps
        ],
        "joins": [
            {
                "network": said.networks[row.network - 1].id,
                "from_stop": row_id(said.stops, row.from_stop),
                "to_stop": row_id(said.stops, row.to_stop),
            }
            for row in said.joins
        ],
        "counts": {name: _living(getattr(said, name)) for name in WITH_CODES},
        "gone": {
            name: gone
            for name in WITH_CODES
            if (gone := [row.id for row in getattr(said, name) if not row.name])
        },
    }


def settings(said: Tables) -> dict[str, Any]:
    """What holds for the whole tariff."""
    return {
        "agency": said.agency_name,
        "version": said.version,
        "currency": said.currency,
        "exponent": said.exponent,
        "valid_from": None if said.valid_from == 0 else _day(said.valid_from),
        "valid_until": None if said.valid_until == DAY_MAX else _day(said.valid_until),
        "timezone": said.zone_name,
        "utc_offset_s": said.zone.standard_s,
        "summer_utc_offset_s": said.zone.summer_s,
        "service_day_start": clock(said.service_day_start_s),
        "passback_s": said.passback_s,
        "recovery_s": said.recovery_s,
        "purse_max_minor": _unless(said.purse_max_minor, NONE_U32),
        "same_vehicle_transfer": said.same_vehicle_transfer,
        "card_media": row_id(said.media, said.card_media),
        "plain": is_plain(said),
    }


def product(said: Tables, row: ProductRow) -> dict[str, Any]:
    """A fare product with its prices."""
    prices = said.prices[row.price_first : row.price_first + row.price_count]
    return {
        "id": row.id,
        "name": row.name,
        "kind": KINDS[row.kind],
        "length": row.length,
        "weekdays": [name for day, name in enumerate(WEEKDAYS) if row.weekdays >> day & 1],
        "start": STARTS[row.flags >> START_SHIFT],
        "priority": row.priority,
        "passback_s": row.passback_s or None,
        "valid_days": row.valid_days or None,
        "sold_on_board": bool(row.flags & SOLD_ON_BOARD),
        "prices": [
            {
                "rider_category": category_id(said, price.category),
                "fare_media": None if price.media == ANY else row_id(said.media, price.media),
                "amount_minor": price.amount_minor,
            }
            for price in prices
        ],
    }


def networks(said: Tables) -> list[dict[str, Any]]:
    """Networks with their routes; the last, without an id, is of the routes that have none."""
    routes: dict[int, list[str]] = {}
    for route in said.routes:
        if route.name:
            routes.setdefault(route.network, []).append(route.id)
    found: list[dict[str, Any]] = [
        {
            "id": row.id,
            "name": row.name,
            "check_out": bool(row.flags & CHECK_OUT),
            "unknown_exit": "cheapest" if row.flags & CHEAPEST_EXIT else "dearest",
            "ride_s_max": row.ride_s_max or None,
            "missed_product": row_id(said.products, row.missed_product),
            "routes": routes.get(code, []),
        }
        for code, row in enumerate(said.networks, 1)
        if row.name
    ]
    if 0 in routes:
        found.append(
            {
                "id": None,
                "name": None,
                "check_out": False,
                "unknown_exit": "dearest",
                "ride_s_max": None,
                "missed_product": None,
                "routes": routes[0],
            }
        )
    return found


def fares(said: Tables) -> list[dict[str, Any]]:
    """Which rules hold between which areas, by network; departures with the same rules together.

    An area of None is everything that no rule names an area for; an area stands for its stops.
    """
    found = []
    begins, ends = area_classes(said, 0), area_classes(said, 1)
    for network_class, network_ids in ride_classes(said).items():
        between: dict[int, list[list[str | None]]] = {}
        for begin, begin_class in begins.items():
            cell = said.cells[said.leg_rows[network_class * said.from_class_count + begin_class]]
            for end, end_class in ends.items():
                between.setdefault(cell.rule_sets[end_class], []).append([begin, end])
        found += [
            {"networks": network_ids, "between": pairs, "rules": rules(said, rule_set)}
            for rule_set, pairs in between.items()
            if rule_set
        ]
    return found


def ride_classes(said: Tables) -> dict[int, list[str | None]]:
    """Ids of the networks by their class; None for routes without a network."""
    classes: dict[int, list[str | None]] = {}
    for row in said.networks:
        if row.name:
            classes.setdefault(row.rule_class, []).append(row.id)
    living = [row for row in said.routes if row.name]
    if not living or any(row.network == 0 for row in living):
        classes.setdefault(0, []).append(None)
    return dict(sorted(classes.items()))


def area_classes(said: Tables, side: int) -> dict[str | None, int]:
    """The classes of areas on one side of a leg (0 from, 1 to); None is class 0."""
    rows = [(row.id, (row.from_class, row.to_class)[side]) for row in said.areas if row.name]
    classes: dict[str | None, int] = {area: number for area, number in rows if number}
    inside = {(row.from_class, row.to_class)[side] for row in said.stops if row.name}
    if 0 in inside or not classes or not inside:
        classes[None] = 0
    return classes


def rules(said: Tables, rule_set: int) -> list[dict[str, Any]]:
    """The rules of a set; of those that hold at a time only the lowest `order` counts."""
    first, count = said.rule_sets[rule_set]
    rows = said.rules[first : first + count]
    ranks = sorted({row.rank for row in rows}, reverse=True)
    return [
        {
            "leg_group": row_id(said.groups, row.group),
            "product": said.products[row.product - 1].id,
            "order": 1 + ranks.index(row.rank),
            "boarding": times(said, row.from_timeframe),
            "arriving": times(said, row.to_timeframe),
        }
        for row in rows
    ]


def transfers(said: Tables) -> list[dict[str, Any]]:
    """Transfer rules; a group of None is every one that no rule names there."""
    return [
        {
            "from": row_id(said.groups, row.from_key),
            "to": row_id(said.groups, row.to_key),
            "transfer_count": None if row.transfer_count in (0, NO_LIMIT) else row.transfer_count,
            "type": row.type,
            "product": row_id(said.products, row.product),
            "duration_s": row.duration_s or None,
            "duration_type": row.duration_type if row.duration_s else None,
        }
        for row in said.transfers
    ]


def times(said: Tables, group: int) -> list[str] | None:
    """The times of a timeframe group in words (`Mon-Fri 07:00-09:30`); None: always."""
    if group == 0:
        return None
    by_service: dict[int, list[str]] = {}
    for row in said.timeframes:
        if row.group == group:
            whole = (row.start_s, row.end_s) == (0, DAY_S)
            hours = "" if whole else f"{clock(row.start_s)}-{clock(row.end_s)}"
            by_service.setdefault(row.service, []).append(hours)
    return [
        f"{service_days(said.services[service - 1])} {', '.join(hours)}".rstrip()
        for service, hours in by_service.items()
    ]


def service_days(row: ServiceRow) -> str:
    """`Mon-Fri`, `daily`, with the first and last day and the days that are different."""
    words = [weekdays(row.weekdays)] if row.weekdays else []
    if row.weekdays and row.first_day:
        words.append(f"from {_day(row.first_day)}")
    if row.weekdays and row.last_day != DAY_MAX:
        words.append(f"until {_day(row.last_day)}")
    for kind, word in ((1, "and"), (0, "except")):
        days = [_day(day) for day, its_kind in row.exceptions if its_kind == kind]
        if days:
            words.append(f"{word} {', '.join(days)}")
    return " ".join(words).removeprefix("and ") or "never"


def weekdays(mask: int) -> str:
    """`Mon-Fri`, `Mon, Wed` or `daily`."""
    if mask == _ALL_DAYS:
        return "daily"
    runs: list[list[int]] = []
    for day in (day for day in range(7) if mask >> day & 1):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ", ".join(
        WEEKDAYS[run[0]] if len(run) == 1 else f"{WEEKDAYS[run[0]]}-{WEEKDAYS[run[-1]]}"
        for run in runs
    )


def clock(second: int) -> str:
    """Seconds of a day as `HH:MM`, with seconds where there are some."""
    hours, rest = divmod(second, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")


def category_id(said: Tables, code: int) -> str | None:
    """The id of a rider category, None for any."""
    return None if code == ANY else said.categories[code].id


def row_id(rows: Any, code: int) -> str | None:
    """The id in the row of a code, None for 0."""
    return rows[code - 1].id if code else None


def _living(rows: Iterable[Any]) -> int:
    return sum(1 for row in rows if row.name)


def _unless(value: int, none: int) -> int | None:
    return None if value == none else value


def _day(number: int) -> str:
    return str(_date(number))


def _date(number: int) -> date:
    return DAY_ZERO + timedelta(days=number)
