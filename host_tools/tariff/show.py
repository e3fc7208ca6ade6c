"""A tariff as a person reads it: prices by category and zone, transfers, caps, passes, terms.

Takes what `describe` says. Sentences are text, tables are rich's; nothing is decided here.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from host_tools.ledger.store import decimal_amount
from host_tools.tariff.findings import shown

_PAIRS_MAX = 6  # departures with their exits in one cell
_NAMES_MAX = 12
_TIME_CHARS_MAX = 24
_DURATION_ENDS = (
    "from boarding to leaving",
    "from boarding to boarding",
    "from leaving to boarding",
    "from leaving to leaving",
)
_UNITS = {"minutes": "minute", "days": "day", "months": "calendar month", "rides": "ride"}


def show(said: dict[str, Any]) -> Iterator[RenderableType]:
    """Everything that there is to say, section by section."""
    view = View(said)
    yield from view.head()
    yield from _section("Riders", view.riders())
    yield from view.fares()
    yield from _section("Times", view.times())
    yield from view.passes()
    yield from _section("Transfers", view.transfers())
    yield from _section("Caps", view.caps())
    yield from _section("Networks", view.networks())
    yield from _section("Gone", view.gone())


def _section(title: str, lines: Iterable[str]) -> Iterator[RenderableType]:
    found = list(lines)
    if found:
        yield Text(f"\n{title}", style="bold")
        yield from map(_indented, found)


def _indented(line: str) -> RenderableType:
    return Padding(Text(line), (0, 0, 0, 2))


class View:
    """One described tariff, and how its parts are put into words."""

    def __init__(self, said: dict[str, Any]) -> None:
        self._said = said
        self._settings = said["settings"]
        self._products = {row["id"]: row for row in said["products"]}
        self._categories = said["rider_categories"]
        self._letters: dict[str, str] = {}  # times that are too long for a column, and theirs

    # -- words -------------------------------------------------------------------------------

    def money(self, amount_minor: int) -> str:
        return decimal_amount(amount_minor, self._settings["exponent"])

    def amount(self, amount_minor: int) -> str:
        return f"{self.money(amount_minor)} {self._settings['currency']}"

    def product_name(self, product_id: str) -> str:
        row = self._products.get(product_id)
        return shown(row["name"] if row else product_id)

    def price(self, product_id: str, category_id: str, media_id: str | None) -> str:
        """The lowest price for a category and fare media; empty if there is none."""
        row = self._products.get(product_id)
        fitting = [
            price["amount_minor"]
            for price in (row["prices"] if row else ())
            if price["rider_category"] in (None, category_id)
            and price["fare_media"] in (None, media_id)
        ]
        return self.money(min(fitting)) if fitting else ""

    def price_cells(self, product_id: str, media_id: str | None) -> list[str]:
        return [self.price(product_id, row["id"], media_id) for row in self._categories]

    # -- sections ----------------------------------------------------------------------------

    def head(self) -> Iterator[RenderableType]:
        settings = self._settings
        counts = self._said["counts"]
        first, last = (
            settings["valid_from"] or "always",
            settings["valid_until"] or "further notice",
        )
        yield Text(
            f"{shown(settings['agency'])}, tariff version {settings['version']}", style="bold"
        )
        lines = [f"amounts in {settings['currency']}, valid from {first} until {last}"]
        lines.append(
            f"clock of {settings['timezone']} ({_offsets(settings)}); "
            f"the service day begins at {settings['service_day_start']}"
        )
        lines.append(
            f"pass-back {settings['passback_s']} s on the same vehicle; "
            f"a lost answer is repeated for {_duration(settings['recovery_s'])}"
        )
        ceiling = settings["purse_max_minor"]
        purse = "no ceiling" if ceiling is None else f"a ceiling of {self.amount(ceiling)}"
        card = settings["card_media"]
        lines.append(
            f"the purse has {purse}; cards are "
            + (f"fare media '{shown(card)}'" if card else "no fare media of the feed")
        )
        lines.append(
            f"{_count(counts['routes'], 'route')}, {_count(counts['stops'], 'stop')}, "
            f"{_count(counts['areas'], 'area')}, {_count(counts['products'], 'product')}"
        )
        yield from map(_indented, lines)

    def riders(self) -> Iterator[str]:
        for row in self._categories:
            notes = [word for word in ("default", "concession") if row[word]]
            note = f" ({', '.join(notes)})" if notes else ""
            yield _named(row["name"], row["id"]) + note

    def fares(self) -> Iterator[RenderableType]:
        """Tables of what a leg costs, zone by zone and category by category.

        Networks with the same fares share a table.
        """
        by_networks: dict[tuple, list[dict]] = {}
        for fare in self._said["fares"]:
            by_networks.setdefault(tuple(fare["networks"]), []).append(fare)
        merged: dict[str, tuple[list[str | None], list[dict]]] = {}
        for networks, rows in by_networks.items():
            key = repr([(fare["between"], fare["rules"]) for fare in rows])
            merged.setdefault(key, ([], rows))[0].extend(networks)
        for names, rows in merged.values():
            yield Text(f"\nFares {_of_networks(names)}", style="bold")
            table = self._fare_table(rows)
            if table.row_count:
                yield table
            for line in self._covering(rows):
                yield _indented(line)

    def _fare_table(self, rows: Sequence[dict]) -> Table:
        """Single tickets with their prices."""
        media = self._settings["card_media"]
        timed = any(self._when(rule, fare["rules"]) for fare in rows for rule in fare["rules"])
        table = self._price_table(("from -> to", "product", *(("when",) if timed else ())))
        for fare in rows:
            first = self._between(fare["between"])
            for rule in fare["rules"]:
                if self._kind(rule["product"]) != "single":
                    continue
                when = (self._when(rule, fare["rules"]),) if timed else ()
                cells = [first, self.product_name(rule["product"]), *when]
                table.add_row(*map(Text, cells + self.price_cells(rule["product"], media)))
                first = ""
        return table

    def _covering(self, rows: Sequence[dict]) -> Iterator[str]:
        """Which passes and rides cover which legs."""
        for fare in rows:
            passes: dict[str, list[str]] = {}
            for rule in fare["rules"]:
                if self._kind(rule["product"]) != "single":
                    when = self._when(rule, fare["rules"])
                    passes.setdefault(when, []).append(self.product_name(rule["product"]))
            for when, names in passes.items():
                between = ", ".join(self._between(fare["between"]).split("\n"))
                between += f", {when}" if when else ""
                yield f"{between}: covered by {_some(names)}"

    def _when(self, rule: dict[str, Any], rules: Sequence[dict[str, Any]]) -> str:
        """The times of a rule; `else` where one of an earlier order may hold."""
        parts = []
        if rule["order"] > min(other["order"] for other in rules):
            parts.append("else")
        if rule["boarding"] is not None:
            parts.append(self._time(rule["boarding"]))
        if rule["arriving"] is not None:
            parts.append("arriving " + self._time(rule["arriving"]))
        return " ".join(parts)

    def _time(self, times: Sequence[str]) -> str:
        text = "; ".join(times)
        if len(text) <= _TIME_CHARS_MAX:
            return text
        return self._letters.setdefault(text, f"time {_letter(len(self._letters))}")

    def times(self) -> Iterator[str]:
        """What the letters stand for that the tables of fares use."""
        for text, letter in self._letters.items():
            yield f"{letter}: {text}"

    def _between(self, between: Sequence[Sequence[str | None]]) -> str:
        """Departures with their exits, in few words where they are all there are."""
        pairs = [pair for fare in self._said["fares"] for pair in fare["between"]]
        begins, ends = ({pair[side] for pair in pairs} for side in (0, 1))
        return "everywhere" if len(between) == len(begins) * len(ends) else _pairs(between)

    def _kind(self, product_id: str) -> str:
        row = self._products.get(product_id)
        return row["kind"] if row else ""

    def _price_table(self, headings: Sequence[str]) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for heading in headings:
            table.add_column(heading, overflow="fold")
        for row in self._categories:
            table.add_column(Text(shown(row["name"])), justify="right")
        return table

    def passes(self) -> Iterator[RenderableType]:
        """Products with their own validity, and prices that no card pays."""
        card = self._settings["card_media"]
        table = self._price_table(("product", "valid", "sold"))
        for row in self._said["products"]:
            if row["kind"] != "single":
                sold = "on board" if row["sold_on_board"] else "at the desk"
                cells = [_named(row["name"], row["id"]), validity(row), sold]
                table.add_row(*map(Text, cells + self.price_cells(row["id"], card)))
        if table.row_count:
            yield Text("\nPasses and rides", style="bold")
            yield table
        table = self._price_table(("product", "fare media"))
        names = {row["id"]: row["name"] for row in self._said["fare_media"]}
        for row in self._said["products"]:
            for media in dict.fromkeys(price["fare_media"] for price in row["prices"]):
                if media not in (None, card):
                    cells = [self.product_name(row["id"]), _named(names[media], media)]
                    table.add_row(*map(Text, cells + self.price_cells(row["id"], media)))
        if table.row_count:
            yield Text("\nOther fare media", style="bold")
            yield table

    def transfers(self) -> Iterator[str]:
        for row in self._said["transfers"]:
            yield f"{transfer_groups(row)}: {self.transfer(row)}"
        if self._said["transfers"] and not self._settings["same_vehicle_transfer"]:
            yield "A leg on the vehicle of the last one begins a new journey."

    def transfer(self, row: dict[str, Any]) -> str:
        """What changing by a rule costs, and when it may."""
        product = row["product"]
        costs = self._cost(product)
        words = (
            "costs nothing" if product is None else f"costs {costs} instead of the second fare",
            "costs the second fare" + ("" if product is None else f" and {costs}"),
            "makes both together cost " + ("nothing" if product is None else costs),
        )[row["type"]]
        limits = [words]
        count = row["transfer_count"]
        if count is not None:
            limits.append("once" if count == 1 else f"up to {count} times")
        if row["duration_s"] is not None:
            ends = _DURATION_ENDS[row["duration_type"]]
            limits.append(f"within {_duration(row['duration_s'])} {ends}")
        return ", ".join(limits)

    def _cost(self, product_id: str | None) -> str:
        """What a product costs each category on a card, in one phrase."""
        if product_id is None:
            return ""
        media = self._settings["card_media"]
        prices = {
            shown(row["name"]): self.price(product_id, row["id"], media)
            for row in self._categories
        }
        if len(set(prices.values())) == 1:
            return next(iter(prices.values())) or f"'{shown(product_id)}' (without a card price)"
        parts = [f"{name} {price or 'has none'}" for name, price in prices.items()]
        return f"'{shown(product_id)}' ({', '.join(parts)})"

    def caps(self) -> Iterator[str]:
        for row in self._said["caps"]:
            period = {"day": "service day"}.get(row["period"], row["period"])
            amount = self.amount(row["amount_minor"])
            yield f"At most {amount} a {period} for {rider_words(row['rider_category'])}"

    def networks(self) -> Iterator[str]:
        for row in self._said["networks"]:
            routes = f"{_count(len(row['routes']), 'route')}: {_some(row['routes'])}"
            yield f"{_of_networks([row['id']])}, {routes if row['routes'] else 'no routes'}"
            yield f"  {self.network_terms(row)}"
            if row["id"] is not None and not self._fares_of(row["id"]):
                yield "  no fare: cards are refused"
        for row in self._said["joins"]:
            yield join_words(row)

    def network_terms(self, row: dict[str, Any]) -> str:
        """How the exit becomes known, and what a missed one costs."""
        if not row["check_out"]:
            begins = [
                begin
                for fare in self._fares_of(row["id"])
                for begin in {pair[0] for pair in fare["between"]}
            ]
            if len(begins) == len(set(begins)):
                return "check-in only"
            return f"check-in only; of fares that differ by exit the {row['unknown_exit']} counts"
        limit = row["ride_s_max"]
        within = "" if limit is None else f" within {_duration(limit)}"
        missed = row["missed_product"]
        costs = self._cost(missed) if missed else "nothing"
        return f"check-in and check-out{within}; a missed check-out costs {costs}"

    def _fares_of(self, network_id: str | None) -> list[dict]:
        return [fare for fare in self._said["fares"] if network_id in fare["networks"]]

    def gone(self) -> Iterator[str]:
        for kind, ids in self._said["gone"].items():
            yield f"{kind}: {_some(ids)}"


def validity(row: dict[str, Any]) -> str:
    """How long a product is valid, in words."""
    kind = row["kind"]
    starts = {"purchase": "", "first_use": " from first use", "chosen": " from a chosen day"}
    if kind == "single":
        return "one leg"
    if kind == "weekdays":
        return f"{', '.join(row['weekdays'])}{starts[row['start']]}"
    words = (
        _duration(60 * row["length"]) if kind == "minutes" else _count(row["length"], _UNITS[kind])
    )
    if row["valid_days"]:
        words += f" within {_count(row['valid_days'], 'day')}"
    return words + starts[row["start"]]


def transfer_groups(row: dict[str, Any]) -> str:
    """`From 'bus' to 'rail'`."""
    begin, end = (f"'{shown(name)}'" if name else "any other" for name in (row["from"], row["to"]))
    return f"From {begin} to {end}"


def rider_words(category_id: str | None) -> str:
    """`a rider of 'adult'`."""
    return "every rider" if category_id is None else f"a rider of '{shown(category_id)}'"


def join_words(row: dict[str, Any]) -> str:
    """A join rule as a sentence."""
    begin, end = row["from_stop"], row["to_stop"]
    where = "at the same station"
    if begin is not None and end is not None:
        where = f"from '{shown(begin)}' to '{shown(end)}'"
    return f"Legs in '{shown(row['network'])}' that meet {where} count as one"


def _pairs(between: Sequence[Sequence[str | None]]) -> str:
    """`A -> A, B` and so on, a line for each departure; those with the same exits together."""
    by_begin: dict[str, list[str]] = {}
    for begin, end in between:
        by_begin.setdefault(_area(begin), []).append(_area(end))
    merged: dict[tuple[str, ...], list[str]] = {}
    for begin, ends in by_begin.items():
        merged.setdefault(tuple(ends), []).append(begin)
    lines = [f"{_some(begins)} -> {_some(ends)}" for ends, begins in merged.items()]
    more = len(lines) - _PAIRS_MAX
    return "\n".join(lines[:_PAIRS_MAX] + ([f"and {more} more"] if more > 0 else []))


def _area(name: str | None) -> str:
    return "elsewhere" if name is None else shown(name)


def _letter(number: int) -> str:
    """A to Z, then A1, B1 and so on."""
    rounds, place = divmod(number, 26)
    return chr(ord("A") + place) + (str(rounds) if rounds else "")


def _of_networks(networks: Sequence[str | None]) -> str:
    names = [f"'{shown(name)}'" for name in networks if name is not None]
    if None in networks:
        names.append("routes without a network")
    return f"of {_some(names)}"


def _named(name: str, row_id: str) -> str:
    return shown(name) if name == row_id else f"{shown(name)} ({shown(row_id)})"


def _some(names: Sequence[str]) -> str:
    listed = ", ".join(map(shown, names[:_NAMES_MAX]))
    more = len(names) - _NAMES_MAX
    return f"{listed} and {more} more" if more > 0 else listed


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}" + ("" if count == 1 else "s")


def _duration(seconds: int) -> str:
    """Seconds in the largest unit that divides them."""
    for unit_s, unit in ((3600, "hour"), (60, "minute")):
        if seconds and seconds % unit_s == 0:
            return _count(seconds // unit_s, unit)
    return _count(seconds, "second")


def _offsets(settings: dict[str, Any]) -> str:
    own, summer = (
        f"UTC{'-' if seconds < 0 else '+'}{abs(seconds) // 3600}"
        + (f":{abs(seconds) % 3600 // 60:02}" if seconds % 3600 else "")
        for seconds in (settings["utc_offset_s"], settings["summer_utc_offset_s"])
    )
    return own if own == summer else f"{own}, in summer {summer}"
