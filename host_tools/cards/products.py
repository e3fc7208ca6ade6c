"""Passes and rides at the card desk: what `--product ID[@START]` sells, what a contract says.

How long a contract lasts is SPEC §7.2; this is that rule for people who read and print dates.
Whether it covers a ride is the engine's, and money is the desk's.
"""

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from host_tools.errors import BadInput
from host_tools.tariff.load import LoadedTariff
from host_tools.tariff.tables import (
    ANY,
    KINDS,
    START_SHIFT,
    STARTS,
    ProductRow,
    Tables,
)
from protocol import clock
from protocol.cards.state import START_FIRST_USE, Contract

_EPOCH = date(2020, 1, 1)
_DAY_MAX = 0xFFFE
SINGLE, MINUTES, DAYS, MONTHS, WEEKDAYS, RIDES = range(len(KINDS))
_EVERY_DAY = 0x7F


@dataclass(frozen=True)
class SoldProduct:
    """A contract as the desk sells it: codes and numbers as the card keeps them (SPEC §2.3.2)."""

    product: int
    start: int
    rides: int
    fare_product_id: str
    price_minor: int


@dataclass(frozen=True)
class ContractView:
    """A contract on a card for people. Days and times are local ISO texts, `ends` inclusive.

    `status`: valid, not_begun, over, or first_use: it begins with its first use.
    """

    fare_product_id: str
    name: str
    kind: str
    status: str
    starts: str | None
    ends: str | None
    rides_left: int | None

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return asdict(self)

    def __str__(self) -> str:
        parts = [self.name]
        if self.rides_left is not None:
            parts.append(f"{self.rides_left} left")
        if self.status == "first_use":
            parts.append("begins with its first use")
        elif self.ends is not None and self.starts != self.ends:
            parts.append(f"{self.starts} to {self.ends}")
        elif self.ends is not None:
            parts.append(self.ends)
        elif self.starts is not None:
            parts.append(f"from {self.starts}")
        if self.status in ("not_begun", "over"):
            parts.append(self.status.replace("_", " "))
        return ", ".join(parts)


def sold_product(text: str, loaded: LoadedTariff, category: int, now: int) -> SoldProduct:
    """What `--product text` sells to a rider of `category` at `now` (Minik seconds).

    `text` is the product's id, and "@" and its first day (YYYY-MM-DD) or month (YYYY-MM) where
    the passenger chooses it; without, a chosen one begins today, and a ticket for days of the
    week on the next of them. BadInput for what this tariff can't sell.
    """
    wanted, at, chosen = text.partition("@")
    where = f"--product {text}"
    tables = loaded.tables
    try:
        code = loaded.product_code(wanted)
    except KeyError:
        known = ", ".join(row.id for row in tables.products if row.kind != SINGLE and row.name)
        raise BadInput(f"{where}: the passes and rides of this tariff are {known or 'none'}") \
            from None
    if at and not chosen:
        raise BadInput(f"{where}: after @ comes a day or month")
    row = tables.products[code - 1]
    if row.kind == SINGLE:
        raise BadInput(f"{where}: a single ride is paid when it is taken, not put on a card")
    price = _price(tables, row, category)
    if price is None or price < 0:
        who = tables.categories[category].id
        raise BadInput(f"{where}: this tariff has no price of it for {who}")
    start = _start(where, row, chosen, loaded, now)
    last = _last(row, start)
    if row.kind != MINUTES and last is not None and last < loaded.tariff.service_day(now):
        raise BadInput(f"{where}: it would be over already")
    return SoldProduct(code, start, row.length if row.kind == RIDES else 0, wanted, price)


def contract_view(contract: Contract, loaded: LoadedTariff, now: int) -> ContractView:
    """A contract of a card in words, as it stands at `now`."""
    products = loaded.tables.products
    if contract.product > len(products):
        name = f"product {contract.product}"
        return ContractView(name, f"{name} (not in this tariff)", "unknown", "valid", None, None,
                            contract.rides or None)
    row = products[contract.product - 1]
    rides = contract.rides if row.kind == RIDES else None
    status, starts, ends = "first_use", None, None
    if contract.start != START_FIRST_USE:
        at = now if row.kind == MINUTES else loaded.tariff.service_day(now)
        text = (lambda t: local_text(loaded, t)) if row.kind == MINUTES else day_text
        first, last = _first(row, contract.start), _last(row, contract.start)
        starts, ends = text(first), None if last is None else text(last)
        status = "valid" if at >= first else "not_begun"
        if last is not None and at > last:
            status = "over"
    if rides == 0:
        status = "over"
    name = row.name or row.id
    return ContractView(row.id, name, KINDS[row.kind], status, starts, ends, rides)


def parse_day(text: str, option: str, month_too: bool = False) -> int:
    """YYYY-MM-DD (`month_too`: or YYYY-MM, its first) as days since 2020-01-01.

    BadInput names the `option`.
    """
    is_month = month_too and len(text) == len("2026-11")
    try:
        day = (date.fromisoformat(f"{text}-01" if is_month else text) - _EPOCH).days
    except ValueError as error:
        forms = "a month as YYYY-MM or a date" if month_too else "a date"
        raise BadInput(f"{option} {text!r}: give {forms} as YYYY-MM-DD") from error
    if not 0 <= day <= _DAY_MAX:
        raise BadInput(f"{option} {text!r}: from 2020-01-01 to {day_text(_DAY_MAX)}")
    return day


def day_text(day: int) -> str:
    """Days since 2020-01-01 as YYYY-MM-DD."""
    return (_EPOCH + timedelta(days=day)).isoformat()


def local_text(loaded: LoadedTariff, at: int) -> str:
    """Minik seconds as the agency's clocks show them: YYYY-MM-DD HH:MM."""
    local = loaded.tariff.zone.local(at)
    day, second = divmod(local, clock.DAY_S)
    return f"{day_text(day)} {second // 3600:02d}:{second // 60 % 60:02d}"


def _price(tables: Tables, row: ProductRow, category: int) -> int | None:
    """The lowest price of a product for this category on our cards, None if there is none."""
    prices = tables.prices[row.price_first : row.price_first + row.price_count]
    fitting = (
        price.amount_minor
        for price in prices
        if price.category in (category, ANY) and price.media in (tables.card_media, ANY)
    )
    return min(fitting, default=None)


def _start(where: str, row: ProductRow, chosen: str, loaded: LoadedTariff, now: int) -> int:
    """The contract's start as the card keeps it."""
    rule = STARTS[row.flags >> START_SHIFT & 3]
    if chosen and rule != "chosen":
        begins = "with its first use" if rule == "first_use" else "when it is sold"
        raise BadInput(f"{where}: this product begins {begins}; leave @{chosen} out")
    if rule == "first_use":
        return START_FIRST_USE
    if row.kind == MINUTES:
        return now
    today = loaded.tariff.service_day(now)
    if row.kind == WEEKDAYS and not chosen:
        return next(day for day in range(today, today + 8) if _in_mask(row, day))
    if not chosen:
        return _first(row, today)
    day = parse_day(chosen, f"{where}:", month_too=row.kind == MONTHS)
    if row.kind == WEEKDAYS and not _in_mask(row, day):
        raise BadInput(f"{where}: {day_text(day)} is none of its days of the week")
    return _first(row, day)


def _in_mask(row: ProductRow, day: int) -> bool:
    return bool(row.weekdays >> clock.weekday(day) & 1)


def _first(row: ProductRow, start: int) -> int:
    """The first day (minutes: second) of a contract."""
    if row.kind == MONTHS:
        return clock.month_start(clock.month_of(start))
    return start


def _last(row: ProductRow, start: int) -> int | None:
    """The last day (minutes: second) of a contract, None if it does not end by itself."""
    if start == START_FIRST_USE:
        return None
    if row.kind == MINUTES:
        return start + 60 * row.length - 1
    if row.kind == DAYS:
        return start + row.length - 1
    if row.kind == MONTHS:
        return clock.month_start(clock.month_of(start) + row.length) - 1
    if row.kind == WEEKDAYS:
        if row.weekdays & _EVERY_DAY == _EVERY_DAY:
            return None
        return next(day for day in range(start, start + 8) if not _in_mask(row, day)) - 1
    return start + row.valid_days - 1 if row.valid_days else None
