"""What a journey costs, slowly and obviously: the peer of the fare engine, for the tests only.

`itinerary` prices a journey of legs from the feed's rows, by GTFS Fares v2 and, where that leaves
a choice, SPEC 7.3 and 7.4. Passes, caps, companions and check-out are in slow_card.py.
Quotations are of the GTFS Schedule reference ("GTFS") and of protocol/SPEC.md ("SPEC").
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.fares.slow_feed import ZONE, Leg, Row, SlowFeed, listed_or_empty

LONGEST_S = 65_534  # a card counts no further
HERE, NOW = "not_valid_here", "not_valid_now"


@dataclass(frozen=True)
class Fare:
    """One fare leg of a journey as it was rated. Money in minor units."""

    leg: Leg
    rule: Row
    order: int  # of the rule in the feed
    price: int
    growth: int  # of the itinerary's price
    joined: bool  # by a transfer rule to the leg before
    run: str | None = None  # the two equal keys of that transfer, "" for the empty one
    run_count: int = 0  # transfers of the run up to this one
    run_first: Leg | None = None

    @property
    def product_id(self) -> str:
        return _product(self.rule)

    @property
    def group(self) -> str | None:
        return self.rule.get("leg_group_id") or None


@dataclass(frozen=True)
class Rider:
    """Whose prices count: a category and the media of his card."""

    category: str | None
    media: str | None


def rate(
    feed: SlowFeed, journey: list[Fare], leg: Leg, rider: Rider, only: str | None = None
) -> Fare | str:
    """The fare of `leg` after `journey` (empty: nothing to join), or the reason why none."""
    exits = feed.exits(leg)
    found = [_rate_exit(feed, journey, leg, place, rider, only) for place in exits]
    fares = [fare for fare in found if fare is not None]
    if not fares:
        # SPEC 7.3: "No rule at all: not_valid_here; rules but none at this time: not_valid_now;
        # rules but no single product with a price: not_valid_here"
        here = any(feed.rules_of(leg, place) for place in exits)
        return NOW if here and not any(feed.rules_now(leg, place) for place in exits) else HERE
    # SPEC 7.3: "the one with the dearest growth (or the cheapest, by the network), then with the
    # dearest (cheapest) leg price, then the first counts"
    network = feed.network(feed.network_of(leg.route_id))
    sign = 1 if network.get("unknown_exit") == "cheapest" else -1
    return min(fares, key=lambda fare: (sign * fare.growth, sign * fare.price))


def _rate_exit(
    feed: SlowFeed, journey: list[Fare], leg: Leg, exit_place: str | None, rider: Rider,
    only: str | None,
) -> Fare | None:
    fares = []
    for rule in feed.rules_now(leg, exit_place):
        price = feed.price(_product(rule), rider.category, rider.media)
        # SPEC 7.5: "A chosen product of kind single restricts 7.3 to it."
        if only not in (None, _product(rule)):
            continue
        if not feed.is_single(_product(rule)) or price is None:
            continue
        order = feed.rows("fare_leg_rules.txt").index(rule)
        fares.append(_continued(feed, journey, leg, rule, order, price, rider))
    # SPEC 7.3: "the one that makes the journey's itinerary price lowest, then the cheapest
    # product, then the first in the feed"
    return min(fares, key=lambda fare: (fare.growth, fare.price, fare.order), default=None)


def rate_as(feed: SlowFeed, journey: list[Fare], leg: Leg, rule: Row, rider: Rider) -> Fare:
    """The leg at this very rule, whatever others there are.

    SPEC 7.4: "Prices are those of the category that the rider has now; one that it does
    not have (A, for a companion) counts as 0."
    """
    price = feed.price(_product(rule), rider.category, rider.media) or 0
    return _continued(feed, journey, leg, rule, 0, price, rider)


def _product(rule: Row) -> str:
    return rule["fare_product_id"]


def _continued(
    feed: SlowFeed, journey: list[Fare], leg: Leg, rule: Row, order: int, price: int, rider: Rider
) -> Fare:
    """The leg at this rule: joined if a transfer rule says so, else a journey of its own."""
    # GTFS: "If the transfer does not match any of the rules described above, then … the legs
    # are considered separate."
    separate = Fare(leg, rule, order, price, price, joined=False)
    if not journey:
        return separate
    last = journey[-1]
    group = rule.get("leg_group_id") or None
    candidates = list(_transfers(feed, last, group, leg, rider))
    if not candidates:
        return separate
    # GTFS: "the rule with the minimum transfer_count that is greater than or equal to the
    # current transfer count of the sub-journey is to be selected"; SPEC 7.4: "no limit comes
    # last), then the one that makes it cheapest".
    fewest = min(count for count, *_ in candidates)
    # SPEC 7.4: "Prices are those of the category that the rider has now; one that it does
    # not have (A, for a companion) counts as 0."
    before = feed.price(last.product_id, rider.category, rider.media) or 0
    growth = min(
        _growth(transfer, cost, len(journey) == 1, before, price)
        for count, transfer, cost, *_ in candidates
        if count == fewest
    )
    _, _, _, run, run_count, run_first = candidates[0]
    return Fare(leg, rule, order, price, growth, True, run, run_count, run_first)


def _transfers(
    feed: SlowFeed, last: Fare, group: str | None, leg: Leg, rider: Rider
) -> Iterator[tuple[float, Row, int, str | None, int, Leg]]:
    """(count limit, rule, its cost, run, transfers in it, its first leg) of each that holds."""
    rules = feed.rows("fare_transfer_rules.txt")
    from_key = listed_or_empty(rules, "from_leg_group_id", last.group)
    to_key = listed_or_empty(rules, "to_leg_group_id", group)
    run, count, first = None, 1, last.leg
    if from_key == to_key:
        # SPEC 7.4: "A run is a succession of transfers by rules whose two keys are equal, and
        # the same"; GTFS: "measured starting from the first matched leg".
        run = from_key or ""
        if last.joined and last.run == run and last.run_first is not None:
            count, first = last.run_count + 1, last.run_first
    for rule in feed.transfer_rules(last.group, group):
        limit = float(rule.get("transfer_count") or -1) if run is not None else -1.0
        if limit < 0:
            limit = float("inf")  # GTFS: "-1 - No limit."
        cost = 0  # GTFS: "If empty, the cost of the transfer rule is 0."
        if rule.get("fare_product_id"):
            price = feed.price(rule["fare_product_id"], rider.category, rider.media)
            if price is None:  # SPEC 7.4: "whose product has a price for the rider"
                continue
            cost = price
        if count <= limit and _in_time(rule, first, leg):
            yield limit, rule, cost, run, count, first


def _in_time(rule: Row, first: Leg, leg: Leg) -> bool:
    """GTFS duration_limit_type: which of departure and arrival validation of the two legs."""
    if not rule.get("duration_limit"):
        return True  # "If there is no duration limit, duration_limit must be empty."
    # SPEC 7.4: "an arrival that nobody saw counts as the departure"
    first_arrival = first.departs if first.arrives is None else first.arrives
    arrival = leg.departs if leg.arrives is None else leg.arrives
    begin, end = {
        "0": (first.departs, arrival),
        "1": (first.departs, leg.departs),
        "2": (first_arrival, leg.departs),
        "3": (first_arrival, arrival),
    }[rule["duration_limit_type"]]
    return end - begin <= int(rule["duration_limit"])


def _growth(transfer: Row, cost: int, is_first: bool, before: int, price: int) -> int:
    """GTFS fare_transfer_type: A + AB, A + AB + B, AB; then S + BC, S + BC + C, S + BC."""
    kind = transfer["fare_transfer_type"]
    if kind == "1":
        return cost + price
    return cost - before if kind == "2" and is_first else cost


def itinerary(feed: SlowFeed, legs: list[Leg], rider: Rider) -> list[int] | str:
    """The itinerary's price after each leg, or the reason why a leg has none. No card.

    GTFS: "those two legs should be considered as a single effective fare leg": it is rated
    on what was there before its first leg.
    """
    before: list[Fare] = []  # the journey before the last fare leg
    journey: list[Fare] = []
    price, prices = 0, []
    for leg in legs:
        if journey and extends(feed, journey[-1].leg, leg):
            leg = effective(journey[-1].leg, leg)
            price -= journey[-1].growth
        else:
            before = journey
        fare = rate(feed, before, leg, rider)
        if isinstance(fare, str):
            return fare
        journey = [*before, fare] if fare.joined else [fare]
        price += fare.growth
        prices.append(price)
    return prices


def extends(feed: SlowFeed, last: Leg, leg: Leg) -> bool:
    """GTFS fare_leg_join_rules: the two legs are one effective fare leg."""
    network = feed.network_of(leg.route_id)
    if network is None or network != feed.network_of(last.route_id):
        return False
    # SPEC 7.4: "only extended while the network's ride_s_max from its departure lasts (0:
    # without limit)"; "An age of 0xFFFF is over every limit, and joins nothing."
    most_s = int(feed.network(network).get("ride_s_max") or 0) or LONGEST_S
    if leg.departs - last.departs > min(most_s, LONGEST_S):
        return False
    # SPEC 7.4: "An exit nobody saw counts as the new leg's first stop."
    left = last.to_stop if last.to_stop is not None else leg.from_stop
    if left is None or leg.from_stop is None or ZONE in (left[:5], leg.from_stop[:5]):
        return False  # SPEC 7.4: "a stop that is unknown or a zone joins nothing"
    for rule in feed.rows("fare_leg_join_rules.txt"):
        if rule["from_network_id"] != network or rule["to_network_id"] != network:
            continue
        if not rule.get("from_stop_id"):
            # "the last station of the pre-transfer leg and the first station of the
            # post-transfer leg must be the same"
            if feed.station_of(left) == feed.station_of(leg.from_stop):
                return True
        elif rule["from_stop_id"] in (left, feed.station_of(left)) and rule["to_stop_id"] in (
            leg.from_stop, feed.station_of(leg.from_stop)
        ):
            return True
    return False


def effective(first: Leg, last: Leg) -> Leg:
    """GTFS: the first leg gives the departure area and event, the last leg the arrival's."""
    return replace(
        first, route_id=last.route_id, to_stop=last.to_stop, end=last.end, arrives=last.arrives,
        vehicle=last.vehicle,
    )
