"""Random feeds, compiled, and random lives in the numbers of the compiled tariff, by seed."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path

from host_tools.tariff.compile import compile_feed
from host_tools.tariff.pack import pack
from host_tools.tariff.read_feed import read_feed
from host_tools.tariff.tables import Tables
from protocol.fares.engine import Choice
from protocol.fares.tariff import Place
from tests.fares.feeds_random import random_feed
from tests.fares.lives import random_life
from tests.fares.slow_card import Card, Companions, Contract, Tap
from tests.fares.slow_feed import ZONE, SlowFeed
from tests.tariff.feeds import FeedFiles, write_feed

ZONE_STOP = 0x8000
NO_DAY = 0xFFFF
FIRST_USE = 0xFFFFFFFF
CARDS_OF_A_TARIFF = 20
TAPS_OF_A_CARD = 10
_DAY_ZERO = date(2020, 1, 1)


@dataclass
class City:
    """A feed, what the slow evaluator reads, and its compiled tariff."""

    files: FeedFiles
    tables: Tables
    warnings: list[str]

    @cached_property
    def slow(self) -> SlowFeed:
        return SlowFeed(self.files)

    @cached_property
    def payload(self) -> bytes:
        return pack(self.tables)

    def card_line(self, card: Card) -> str:
        """The C line of a new card."""
        until = NO_DAY if card.concession_until is None else day_number(card.concession_until)
        numbers = [
            self.category(card.category), card.balance, until, int(until != NO_DAY),
        ]
        for contract in card.contracts:
            numbers += self._contract(contract)
        return "C " + " ".join(map(str, numbers))

    def tap_line(self, one: Tap) -> str:
        """The P line of a tap."""
        product = 0 if one.product_id is None else self.product(one.product_id)
        numbers = (
            one.now, one.vehicle, self._code(self.tables.routes, one.route_id),
            self.place(one.stop), self.place(one.exit), one.exit_time or 0, product,
            self.companions(one.companions),
        )
        return "P " + " ".join(map(str, numbers))

    def presented(self, one: Tap) -> tuple[Place, int, Choice]:
        """Place, time and choice of a tap, as the engine takes them."""
        now, vehicle, route, stop, exit_stop, exit_time, product, companions = map(
            int, self.tap_line(one).split()[1:]
        )
        place, choice = Place(vehicle, route, stop), Choice()
        place.exit_stop, place.exit_time = exit_stop, exit_time
        choice.product, choice.companions = product, companions
        return place, now, choice

    def category(self, category: str | None) -> int:
        """Codes of categories count from 0; a feed without any has one that stands in."""
        if category is None:
            return self.tables.default_category
        return [row.id for row in self.tables.categories].index(category)

    def product(self, product_id: str) -> int:
        return self._code(self.tables.products, product_id)

    def place(self, place: str | None) -> int:
        """A stop's code, or a zone's."""
        if place is not None and place.startswith(ZONE):
            return ZONE_STOP + self._code(self.tables.areas, place[len(ZONE):])
        return self._code(self.tables.stops, place)

    def companions(self, companions: Companions) -> int:
        """SPEC 2.3.1: two times 4 bits rider category, 4 bits count."""
        value = 0
        for number, (category, count) in enumerate(companions):
            value |= (self.category(category) << 4 | count) << 8 * number
        return value

    def _contract(self, contract: Contract | None) -> list[int]:
        if contract is None:
            return [0, 0, 0]
        start = contract.start
        if start is None:
            start = FIRST_USE
        elif isinstance(start, date):
            start = day_number(start)
        return [self.product(contract.product_id), start, contract.rides]

    @staticmethod
    def _code(rows, row_id: str | None) -> int:
        return 0 if row_id is None else [row.id for row in rows].index(row_id) + 1


def day_number(day: date) -> int:
    """Days since 2020-01-01."""
    return (day - _DAY_ZERO).days


def compiled(files: FeedFiles) -> City:
    """The city of a valid feed; AssertionError with the findings if it is not."""
    with tempfile.TemporaryDirectory() as folder:
        feed, findings = read_feed(write_feed(files, Path(folder) / "feed"))
    assert feed is not None, [str(one) for one in findings]
    tables, more = compile_feed(feed)
    assert tables is not None, [str(one) for one in more]
    return City(files, tables, [str(one) for one in findings + more])


def random_city(seed: int) -> City:
    """The city of `random_feed(seed)`."""
    return compiled(random_feed(seed))


def lives(city: City, seed: int, cards: int, taps: int) -> Iterator[tuple[Card, list[Tap]]]:
    """Random lives in a city."""
    for number in range(cards):
        yield random_life(city.slow, seed * 1000 + number, taps)


def write_corpus(folder: Path, seeds: range) -> Path:
    """The tariffs of these seeds and their corpus: 200 taps each; the path of the corpus."""
    lines = []
    for seed in seeds:
        city = random_city(seed)
        (folder / f"{seed}.bin").write_bytes(city.payload)
        lines.append(f"T {seed}.bin")
        for card, taps in lives(city, seed, CARDS_OF_A_TARIFF, TAPS_OF_A_CARD):
            lines.append(city.card_line(card))
            lines += [city.tap_line(one) for one in taps]
    path = folder / "corpus.txt"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path
