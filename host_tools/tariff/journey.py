"""A journey to be quoted: JSON from a person or a program (docs/tariff.md), checked, in codes.

Every id becomes the tariff's code and every local time a Minik time here, so that `quote` only
runs the engine. What is wrong ends in one BadInput line that says which leg and field.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from host_tools.errors import BadInput
from host_tools.tariff.findings import did_you_mean, shown
from host_tools.tariff.load import LoadedTariff
from host_tools.tariff.tables import CategoryRow, MediaRow, ProductRow, RouteRow, StopRow
from protocol.cards.state import AMOUNT_MAX, CONTRACT_SLOTS, NO_DAY, START_FIRST_USE

Named = CategoryRow | MediaRow | ProductRow | RouteRow | StopRow

_EPOCH = datetime(2020, 1, 1)
_YEARS = range(2020, 2054)  # what a device can count (SPEC §1)
_DAY_S = 86_400
_COMPANIONS_MAX = 15  # of one category, in one of two places on the card (SPEC §2.3.1)
_COMPANION_SLOTS = 2
_COMPANION_CATEGORIES = 16
_MINUTES_KIND = 1  # SPEC §6.2
_RIDES_KIND = 5
_RIDES_MAX = 255

_JOURNEY_FIELDS = (
    "rider_category_id",
    "fare_media_id",
    "legs",
    "riders",
    "products",
    "spent",
    "concession_until",
)
_LEG_FIELDS = ("route_id", "from_stop_id", "to_stop_id", "start", "end")
_PRODUCT_FIELDS = ("product", "start", "rides")
_SPENT_FIELDS = ("day", "week", "month")

_TYPE_NAMES = {
    bool: "true or false",
    int: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True)
class Leg:
    """One ride; 0 is what was not given."""

    route: int
    from_stop: int
    to_stop: int
    start: int
    end: int


@dataclass(frozen=True)
class Held:
    """A product on the card before the journey, as a Contract has it."""

    product: int
    start: int
    rides: int


@dataclass(frozen=True)
class Journey:
    """What is to be quoted, in codes. Amounts in minor units."""

    category: int
    media: int | None  # None: whichever
    companions: int  # SPEC §2.3.1
    concession_until: int | None  # day
    held: tuple[Held, ...]
    spent_minor: tuple[int, int, int]  # in the day, week and month of the first leg
    legs: tuple[Leg, ...]


def read_journey(text: str, loaded: LoadedTariff) -> Journey:
    """The journey that the JSON `text` describes; BadInput in one line."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(
            f"journey: not JSON: line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise BadInput(
            "journey: not JSON that can be read: a number or nesting too large"
        ) from error
    return _Reader(loaded).journey(content)


class _Ids:
    """The ids of one kind that a tariff has; `open_list`: if it has none, any will do (as 0)."""

    def __init__(
        self, lookup: Callable[[str], int], rows: Sequence[Named], open_list: bool = False
    ) -> None:
        self._lookup = lookup
        self._rows = rows
        self._any = open_list and not rows

    def code(self, given: str, where: str) -> int:
        if self._any:
            return 0
        try:
            return self._lookup(given)
        except KeyError:
            known = frozenset(row.id for row in self._rows if row.name)
            hint = did_you_mean(given, known)
            raise BadInput(f"{where}: the tariff has no '{shown(given)}'{hint}") from None


class _Reader:
    """Checks one journey against one tariff."""

    def __init__(self, loaded: LoadedTariff) -> None:
        tables = loaded.tables
        self._tables = tables
        self._tariff = loaded.tariff
        self._category = _Ids(loaded.category_code, tables.categories)
        self._media = _Ids(loaded.media_code, tables.media)
        self._product = _Ids(loaded.product_code, tables.products)
        self._route = _Ids(loaded.route_code, tables.routes, open_list=True)
        self._stop = _Ids(loaded.stop_code, tables.stops, open_list=True)

    def journey(self, content: Any) -> Journey:
        fields = _object(content, "journey", _JOURNEY_FIELDS)
        media = _text(fields, "fare_media_id", "journey")
        category, companions = self._riders(fields)
        legs = self._legs(_required(fields, "legs", "journey", list))
        return Journey(
            category,
            None if media is None else self._media.code(media, "journey: fare_media_id"),
            companions,
            self._concession_until(fields),
            self._held_products(fields),
            _spent(fields),
            legs,
        )

    def _riders(self, fields: dict[str, Any]) -> tuple[int, int]:
        """(the card holder's category, who comes along)."""
        given = _text(fields, "rider_category_id", "journey")
        where = "journey: rider_category_id"
        holder = None if given is None else self._category.code(given, where)
        riders = fields.get("riders")
        where = "journey: riders"
        if riders is None:
            riders = 1
        if isinstance(riders, list):
            codes = [self._rider(each, number) for number, each in enumerate(riders, 1)]
            if not codes:
                raise BadInput(f"{where}: nobody rides")
            holder = codes[0] if holder is None else holder
            if holder not in codes:
                raise BadInput(
                    f"{where}: {shown(str(given))}, whose card it is, is not among them"
                )
            codes.remove(holder)
            return holder, _companions(codes)
        if not _is_int(riders) or riders < 1:
            raise BadInput(f"{where}: a count from 1 on or a list of categories is expected")
        holder = self._tables.default_category if holder is None else holder
        if riders > 1 + _COMPANION_SLOTS * _COMPANIONS_MAX:
            raise BadInput(f"{where}: {shown(str(riders))} are more than one card can take along")
        return holder, _companions([holder] * (riders - 1))

    def _rider(self, each: Any, number: int) -> int:
        where = f"journey: riders: {number}"
        if not isinstance(each, str):
            raise BadInput(f"{where}: a rider category is expected, not {_kind(each)}")
        return self._category.code(each, where)

    def _concession_until(self, fields: dict[str, Any]) -> int | None:
        until = _text(fields, "concession_until", "journey")
        if until is None:
            return None
        day = _date(until, "journey: concession_until")
        return min(day, NO_DAY - 1)

    def _held_products(self, fields: dict[str, Any]) -> tuple[Held, ...]:
        products = fields.get("products")
        if products is None:
            return ()
        if not isinstance(products, list):
            raise BadInput(f"journey: products: a list is expected, not {_kind(products)}")
        if len(products) > CONTRACT_SLOTS:
            raise BadInput(f"journey: products: a card holds {CONTRACT_SLOTS} at most")
        return tuple(self._held(each, f"product {n}") for n, each in enumerate(products, 1))

    def _held(self, each: Any, where: str) -> Held:
        described = {"product": each} if isinstance(each, str) else each
        fields = _object(described, where, _PRODUCT_FIELDS)
        name = _required(fields, "product", where, str)
        code = self._product.code(name, f"{where}: product")
        row = self._tables.products[code - 1]
        if row.kind == 0:
            raise BadInput(f"{where}: product: {shown(name)} is a single fare, nothing to hold")
        start = _text(fields, "start", where)
        rides = fields.get("rides")
        if rides is not None and row.kind != _RIDES_KIND:
            raise BadInput(f"{where}: rides: {shown(name)} isn't counted in rides")
        if rides is not None and not (_is_int(rides) and 0 <= rides <= _RIDES_MAX):
            raise BadInput(f"{where}: rides: a number from 0 to {_RIDES_MAX} is expected")
        full = row.length if row.kind == _RIDES_KIND else 0
        return Held(
            code,
            START_FIRST_USE if start is None else self._start(start, row, f"{where}: start"),
            full if rides is None else rides,
        )

    def _start(self, text: str, row: ProductRow, where: str) -> int:
        """A time for products by minutes, else a service day (SPEC §7.2)."""
        if len(text) == len("2026-11-20"):
            day = _date(text, where)
            return day if row.kind != _MINUTES_KIND else self._time(f"{text}T00:00:00", where)
        time = self._time(text, where)
        return time if row.kind == _MINUTES_KIND else self._tariff.service_day(time)

    def _legs(self, given: list[Any]) -> tuple[Leg, ...]:
        if not given:
            raise BadInput("journey: legs: there is none")
        legs: list[Leg] = []
        for number, each in enumerate(given, 1):
            leg = self._leg(each, f"leg {number}")
            if legs and leg.start < max(legs[-1].start, legs[-1].end):
                raise BadInput(f"leg {number}: start: is before leg {number - 1} is over")
            legs.append(leg)
        return tuple(legs)

    def _leg(self, each: Any, where: str) -> Leg:
        fields = _object(each, where, _LEG_FIELDS)
        codes = []
        for name, ids in (
            ("route_id", self._route),
            ("from_stop_id", self._stop),
            ("to_stop_id", self._stop),
        ):
            given = _text(fields, name, where)
            codes.append(0 if given is None else ids.code(given, f"{where}: {name}"))
        start = self._time(_required(fields, "start", where, str), f"{where}: start")
        end_text = _text(fields, "end", where)
        end = 0 if end_text is None else self._time(end_text, f"{where}: end")
        if end_text is not None and end < start:
            raise BadInput(f"{where}: end: is before its start")
        return Leg(codes[0], codes[1], codes[2], start, end)

    def _time(self, text: str, where: str) -> int:
        """The first time at which the agency's clocks show `text`."""
        try:
            local = datetime.fromisoformat(text)
        except ValueError:
            local = None
        if local is None or "T" not in text or local.microsecond:
            raise BadInput(f"{where}: {shown(text)} is no time; write 2026-11-20T08:00:00")
        if local.tzinfo is not None:
            raise BadInput(f"{where}: {shown(text)}: local times of the agency have no offset")
        seconds = _DAY_S * (local - _EPOCH).days + (local - _EPOCH).seconds
        zone = self._tariff.zone
        times = sorted(seconds - offset for offset in {zone.standard_s, zone.summer_s})
        if local.year not in _YEARS or times[0] < 0:
            raise BadInput(f"{where}: {shown(text)}: years from 2020 to 2053 can be quoted")
        for time in times:
            if zone.local(time) == seconds:
                return time
        raise BadInput(f"{where}: {shown(text)} does not exist: the clocks go forward over it")


def _companions(categories: list[int]) -> int:
    """Companions as the card keeps them: at most two categories, 15 of each."""
    packed, slot = 0, 0
    for category in dict.fromkeys(categories):
        count = categories.count(category)
        while count:
            if slot == _COMPANION_SLOTS or category >= _COMPANION_CATEGORIES:
                raise BadInput(
                    "journey: riders: a card takes along two categories, 15 of each, at most"
                )
            some = min(count, _COMPANIONS_MAX)
            packed |= (category << 4 | some) << 8 * slot
            slot += 1
            count -= some
    return packed


def _spent(fields: dict[str, Any]) -> tuple[int, int, int]:
    given = fields.get("spent")
    if given is None:
        return 0, 0, 0
    spent = _object(given, "journey: spent", _SPENT_FIELDS)
    day, week, month = (_amount(spent, name) for name in _SPENT_FIELDS)
    return day, week, month


def _amount(spent: dict[str, Any], name: str) -> int:
    amount = spent.get(name)
    if amount is None:
        return 0
    if not (_is_int(amount) and 0 <= amount <= AMOUNT_MAX):
        raise BadInput(
            f"journey: spent: {name}: minor units from 0 to {AMOUNT_MAX:,} are expected"
        )
    return int(amount)


def _object(content: Any, where: str, known: Iterable[str]) -> dict[str, Any]:
    """An object with no other fields than `known`."""
    if not isinstance(content, dict):
        raise BadInput(f"{where}: an object is expected, not {_kind(content)}")
    names = tuple(known)
    for name in content:
        if name not in names:
            hint = did_you_mean(name, names) or f"; known: {', '.join(names)}"
            raise BadInput(f"{where}: there is no field '{shown(name)}'{hint}")
    return content


def _required(fields: dict[str, Any], name: str, where: str, kind: type) -> Any:
    value = fields.get(name)
    if value is None:
        raise BadInput(f"{where}: {name}: is missing")
    if not isinstance(value, kind):
        raise BadInput(f"{where}: {name}: {_TYPE_NAMES[kind]} is expected, not {_kind(value)}")
    return value


def _text(fields: dict[str, Any], name: str, where: str) -> str | None:
    """A text, or None where null or nothing was given."""
    return None if fields.get(name) is None else str(_required(fields, name, where, str))


def _date(text: str, where: str) -> int:
    """A day since 2020-01-01."""
    try:
        day = (date.fromisoformat(text) - _EPOCH.date()).days
    except ValueError:
        day = -1
    if not 0 <= day < NO_DAY:
        raise BadInput(f"{where}: {shown(text)} is no day from 2020 on; write 2026-11-20")
    return day


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    return "null" if value is None else _TYPE_NAMES.get(type(value), "a number")
