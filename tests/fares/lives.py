"""Random card lives for a feed, by seed: who taps where and when, with what armed and held.

Times gather around what goes wrong: midnight, the ends of weeks, months and the year, both clock
changes, pass-back and the durations of transfers; sometimes the clock steps back.
"""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.fares.slow_card import Card, Companions, Contract, Tap
from tests.fares.slow_feed import EPOCH, ZONE, SlowFeed

_BEGINNINGS = (
    datetime(2026, 3, 28, 22, 30, tzinfo=UTC),  # Warsaw springs forward at 01:00 UTC
    datetime(2026, 10, 24, 22, 30, tzinfo=UTC),  # and falls back
    datetime(2026, 4, 4, 13, 0, tzinfo=UTC),  # Sydney falls back at 16:00 UTC
    datetime(2026, 11, 20, 6, 0, tzinfo=UTC),  # a Friday
    datetime(2026, 11, 30, 17, 0, tzinfo=UTC),  # the last day of a month
    datetime(2026, 12, 31, 16, 0, tzinfo=UTC),
    datetime(2026, 11, 22, 21, 0, tzinfo=UTC),  # a Sunday
)
_STEPS = (
    (0, 20), (20, 130), (60, 1000), (60, 1000), (200, 2000), (200, 2000), (1000, 8000),
    (5000, 40_000), (80_000, 90_000), (600_000, 700_000), (-90, -1),
)
_EDGES = (30, 60, 120, 240, 300, 900, 1800, 3600, 7200)  # pass-back, transfers, rides
_BALANCES = (0, 400, 1500, 5000, 20_000, 50_000, 100_000, 1_000_000)
VEHICLES = (101, 102, 103)


def minik_time(moment: datetime) -> int:
    """Seconds since 2020-01-01T00:00:00Z."""
    return int((moment - EPOCH).total_seconds())


def random_life(feed: SlowFeed, seed: int, taps: int) -> tuple[Card, list[Tap]]:
    """A card as it was issued, and its taps in order of presentation."""
    life = _Life(feed, random.Random(seed))
    card = life.card()
    return card, [life.tap() for _ in range(taps)]


class _Life:
    def __init__(self, feed: SlowFeed, rng: random.Random) -> None:
        self.feed, self.rng = feed, rng
        beginning = rng.choice(_BEGINNINGS) + timedelta(seconds=rng.randint(0, 9000))
        self.now = minik_time(beginning)
        self.stops = [
            row["stop_id"] for row in feed.rows("stops.txt") if row.get("location_type") != "1"
        ]
        self.routes = [row["route_id"] for row in feed.rows("routes.txt")]
        self.areas = [row["area_id"] for row in feed.rows("areas.txt")]
        self.categories = [row["rider_category_id"] for row in feed.rows("rider_categories.txt")]
        self.products = sorted({row["fare_product_id"] for row in feed.rows("fare_products.txt")})
        self.passes = [row["fare_product_id"] for row in feed.rows("minik_products.txt")]
        self.route_of = {vehicle: rng.choice(self.routes) for vehicle in VEHICLES}
        self.vehicle = VEHICLES[0]
        self.with_whom: Companions = ()

    def card(self) -> Card:
        """A new card; often with a pass, sometimes with a concession that is about to end."""
        rng, feed = self.rng, self.feed
        category = rng.choice(self.categories) if self.categories else None
        ends = None
        if rng.random() < 0.25:
            ends = feed.service_day(self.now) + timedelta(days=rng.randint(-1, 2))
        card = Card(category, rng.choice(_BALANCES), feed.card_media(), ends)
        for slot in range(2):
            if self.passes and rng.random() < 0.4:
                card.contracts[slot] = self._contract(rng.choice(self.passes))
        return card

    def _contract(self, product_id: str) -> Contract:
        rng, row = self.rng, self.feed.product(product_id)
        rides = rng.randint(1, int(row["length"])) if row["kind"] == "rides" else 0
        if row.get("start") == "first_use" and rng.random() < 0.7:
            return Contract(product_id, None, rides)
        near = self.now + rng.choice((-86_400, -3600, -300, 0, 300, 50_000))
        if row["kind"] == "minutes":
            return Contract(product_id, near, rides)
        return Contract(product_id, self.feed.service_day(near), rides)

    def tap(self) -> Tap:
        """The next one: mostly a little later, often on another bus."""
        rng = self.rng
        self.now += rng.randint(*rng.choice(_STEPS)) if rng.random() < 0.85 else self._edge()
        if rng.random() < 0.01:
            self.now -= rng.choice((3700, 3601, 3600, 3599, 7300))
        if rng.random() < 0.45:
            self.vehicle = rng.choice(VEHICLES)
        if rng.random() < 0.06:
            self.route_of[self.vehicle] = rng.choice(self.routes)
        route = self.route_of[self.vehicle]
        one = Tap(self.now, self.vehicle, route, self._place(route))
        if rng.random() < 0.25:
            ride = rng.choice((None, 60, 400, 1500, 4000))
            one = replace(
                one, exit=self._place(route), exit_time=ride and self.now + ride
            )
        if rng.random() < 0.12:
            one = replace(one, product_id=rng.choice(self.products))
        if rng.random() < 0.3:
            self.with_whom = self._companions() if rng.random() < 0.5 else ()
        return replace(one, companions=self.with_whom)

    def _edge(self) -> int:
        """Just as long as a limit, or a second less or more."""
        return self.rng.choice(_EDGES) + self.rng.choice((0, 0, -1, 1))

    def _place(self, route: str) -> str:
        """A stop, mostly of the route, or a zone."""
        if self.areas and self.rng.random() < 0.05:
            return ZONE + self.rng.choice(self.areas)
        trips = {r["trip_id"] for r in self.feed.rows("trips.txt") if r["route_id"] == route}
        served = [
            r["stop_id"] for r in self.feed.rows("stop_times.txt") if r["trip_id"] in trips
        ]
        return self.rng.choice(served if served and self.rng.random() < 0.93 else self.stops)

    def _companions(self) -> Companions:
        chosen = self.rng.sample(self.categories or [None], 1)
        if len(self.categories) > 1 and self.rng.random() < 0.3:
            chosen = self.rng.sample(self.categories, 2)
        return tuple((category, self.rng.randint(1, 3)) for category in chosen)
