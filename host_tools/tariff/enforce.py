"""What a feed says that nobody can enforce at a bus door, and what happens instead.

A device sees no exit and no arrival where a network has no check-out, charges the price of its own
fare media, and decides leg by leg. Each finding names the row and says what is done. What can't be
made right at all, a maximum fare that is below a fare, is an error.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from host_tools.tariff.codes import AllCodes, named, place_of
from host_tools.tariff.feed import Feed, Network, TransferRule
from host_tools.tariff.findings import Findings
from host_tools.tariff.legs import Legs
from host_tools.tariff.tables import ANY, NONE_U32, SINGLE, SOLD_ON_BOARD, Tables
from host_tools.tariff.unreached import groups_of, warn_unreached

COMPANION_CATEGORIES = 16  # a card has four bits for a companion's category
_LISTED_MAX = 5  # names in one sentence
_LEGS = "fare_leg_rules.txt"
_PRODUCTS_FILE: tuple[str, int | None] = ("fare_products.txt", None)
_NEW_LEG_ARRIVES = (0, 3)  # duration_limit_types that need the arrival of the new leg
_FIRST_LEG_ARRIVES = (2, 3)
_WITH_LEG = 1  # fare_transfer_type that adds the new leg's own price


def price_minor(compiled: Tables, product: int, category: int, media: int) -> int | None:
    """The lowest price of a product for a category and a fare media, None if it has none."""
    row = compiled.products[product - 1]
    prices = compiled.prices[row.price_first : row.price_first + row.price_count]
    fitting = [
        price.amount_minor
        for price in prices
        if price.category in (category, ANY) and (price.media == ANY or price.media == media != 0)
    ]
    return min(fitting, default=None)


def warn_unenforced(
    feed: Feed,
    compiled: Tables,
    legs: Legs,
    codes: AllCodes,
    findings: Findings,
    today: date | None,
) -> None:
    """All findings of this kind; `today` is the agency's date, None for not known."""
    check = _Check(feed, compiled, legs, codes, findings)
    for ride_class in check.ride_classes():
        check.exits(ride_class)
        check.arrivals(ride_class)
    check.missed_products()
    check.transfers()
    check.surcharges()
    check.joins()
    check.leg_groups()
    check.categories()
    check.passes_only()
    check.purse()
    check.products()
    ridden = [ride_class.number for ride_class in check.ride_classes()]
    warn_unreached(feed, compiled, legs, codes, findings, ridden)
    check.media()
    until = feed.settings.valid_until
    if today is not None and until is not None and until < today:
        text = f"{until} is past; devices go on selling by the tariff that they have"
        findings.warn("minik_settings.txt", None, "valid_until", text)


@dataclass(frozen=True)
class _RideClass:
    """Networks (or the routes that have none) with the same leg rules."""

    number: int
    networks: tuple[Network, ...]
    loose: bool  # routes without a network are in it

    @property
    def unseen(self) -> list[str]:
        """What in it has no check-out, in words."""
        words = [named("network", row.network_id) for row in self.networks if not row.check_out]
        return words + (["routes without network"] if self.loose else [])


class _Check:
    def __init__(
        self, feed: Feed, compiled: Tables, legs: Legs, codes: AllCodes, findings: Findings
    ) -> None:
        self._feed = feed
        self._compiled = compiled
        self._legs = legs
        self._codes = codes
        self._findings = findings

    def ride_classes(self) -> Iterator[_RideClass]:
        """The classes of networks that somebody can ride in."""
        classes = self._legs.network_classes
        codes = self._codes.networks
        loose = any(route.network_id is None for route in self._feed.routes)
        loose = loose or not self._feed.routes
        for number in sorted(set(classes.values()) | {0}):
            members = [n for n in self._feed.networks if classes[codes[n.network_id]] == number]
            here = loose and number == 0
            if members or here:
                yield _RideClass(number, tuple(members), here)

    # -- what a door does not see ------------------------------------------------------------

    def exits(self, ride_class: _RideClass) -> None:
        """Fares that differ by exit, where nobody sees it."""
        unseen = ride_class.unseen
        if not unseen:
            return
        exits = [cell.exits for cell in self._legs.cells_of(ride_class.number)]
        fares = max(len({self._rows(number, True) for number in row}) for row in exits)
        passes = max(len({self._rows(number, False) for number in row}) for row in exits)
        place = self._first_rule(ride_class, "to_area_id")
        if place is None:
            return
        if fares > 1:
            # where exits matter, each network is a class of its own
            kinds = {row.unknown_exit for row in ride_class.networks}
            which = "cheapest" if kinds == {"cheapest"} else "dearest"
            text = (
                f"the exit is not known in {_some(unseen)}, which has no check-out: of up to "
                f"{fares} fares by exit the {which} is charged unless the exit is chosen by hand"
            )
            self._findings.warn(*place, "to_area_id", text)
        if passes > 1:
            text = (
                f"the exit is not known in {_some(unseen)}, which has no check-out: a pass that "
                "holds to one exit is taken there for all"
            )
            self._findings.warn(*place, "to_area_id", text)

    def arrivals(self, ride_class: _RideClass) -> None:
        """Rules that depend on when a leg ends, where nobody sees it."""
        place = self._first_rule(ride_class, "to_timeframe_group_id")
        if ride_class.unseen and place is not None:
            text = (
                f"the time of arrival is not known in {_some(ride_class.unseen)}, which has no "
                "check-out: that of boarding is taken"
            )
            self._findings.warn(*place, "to_timeframe_group_id", text)

    def _first_rule(self, ride_class: _RideClass, field: str) -> tuple[str, int | None] | None:
        """Where the first leg rule stands that holds in a class and has this field."""
        numbers = {n for number in self._sets(ride_class) for n in self._legs.sources[number]}
        networks = (None, *(row.network_id for row in ride_class.networks))
        for number in sorted(numbers):
            rule = self._feed.leg_rules[number]
            if rule.network_id in networks and getattr(rule, field) is not None:
                return place_of(rule.where)
        return None

    def _sets(self, ride_class: _RideClass) -> dict[int, None]:
        """The rule sets of a class, but for the empty one."""
        cells = self._legs.cells_of(ride_class.number)
        sets = dict.fromkeys(number for cell in cells for number in cell.rule_sets)
        sets.pop(0, None)
        return sets

    def _is_single(self, product: int) -> bool:
        return self._compiled.products[product - 1].kind == SINGLE

    def _rows(self, rule_set: int, single: bool) -> tuple:
        """A set's rules for single products, or for others; their groups matter for fares."""
        return tuple(
            (row.product, row.rank, row.from_timeframe, row.to_timeframe, row.group * single)
            for row in self._legs.rules_of(rule_set)
            if self._is_single(row.product) == single
        )

    # -- check-out ---------------------------------------------------------------------------

    def missed_products(self) -> None:
        """The maximum fare of a network must be a maximum, for everybody who rides there."""
        for ride_class in self.ride_classes():
            for network in ride_class.networks:
                if network.check_out:
                    self._missed_product(network, ride_class)

    def _missed_product(self, network: Network, ride_class: _RideClass) -> None:
        place = place_of(network.where)
        what = named("network", network.network_id)
        if network.missed_product_id is None:
            text = f"{what} has check-out, so it needs a product for a missed one"
            self._findings.error(*place, "missed_product_id", text)
            return
        missed = self._codes.products[network.missed_product_id]
        singles = self._singles(self._sets(ride_class))
        for category_id in self._living_categories():
            category = self._codes.categories[category_id]
            prices = {product: self._price(product, category) for product in singles}
            known = {product: price for product, price in prices.items() if price is not None}
            if not known:
                continue
            at_most = self._price(missed, category)
            product = max(known, key=lambda number: known[number])
            who = named("rider category", category_id)
            which = named("product", network.missed_product_id)
            if at_most is None:
                text = f"{which} has no price for {who}, who can ride in {what}"
                self._findings.error(*place, "missed_product_id", text)
            elif at_most < known[product]:
                dear = named("product", self._codes.products.ids[product - 1])
                text = (
                    f"{which} costs {who} {at_most} minor units, less than {dear} with "
                    f"{known[product]}: a missed check-out would be cheaper than a ride"
                )
                self._findings.error(*place, "missed_product_id", text)

    def _singles(self, sets: Iterable[int]) -> dict[int, None]:
        """The single products that rules of these sets name."""
        rules = (rule for number in sets for rule in self._legs.rules_of(number))
        return dict.fromkeys(rule.product for rule in rules if self._is_single(rule.product))

    def _price(self, product: int, category: int) -> int | None:
        return price_minor(self._compiled, product, category, self._compiled.card_media)

    def _living_categories(self) -> list[str]:
        codes = self._codes.categories
        return [name for name in codes.ids if name in codes.alive]

    # -- journeys ----------------------------------------------------------------------------

    def transfers(self) -> None:
        """Durations that need an arrival nobody sees, and rules without a price for someone."""
        for rule in self._feed.transfer_rules:
            place = place_of(rule.where)
            unseen: dict[str, None] = {}
            if rule.duration_limit_type in _FIRST_LEG_ARRIVES:
                unseen |= dict.fromkeys(self._unseen_of(rule.from_leg_group_id, rule, True))
            if rule.duration_limit_type in _NEW_LEG_ARRIVES:
                unseen |= dict.fromkeys(self._unseen_of(rule.to_leg_group_id, rule, False))
            if rule.duration_limit_s is not None and unseen:
                text = (
                    f"{rule.duration_limit_type} needs an arrival that nobody sees in "
                    f"{_some(list(unseen))}: the departure of that leg is taken"
                )
                self._findings.warn(*place, "duration_limit_type", text)
            if rule.fare_product_id is not None:
                product = self._codes.products[rule.fare_product_id]
                without = self._without_price(product)
                if without:
                    text = (
                        f"{named('product', rule.fare_product_id)} has no card price for "
                        f"{_some(without)}: the rule does not hold for them"
                    )
                    self._findings.warn(*place, "fare_product_id", text)

    def surcharges(self) -> None:
        """Transfers after which a check-out would charge less than the rule says."""
        checked_out = [
            (network, ride_class)
            for ride_class in self.ride_classes()
            for network in ride_class.networks
            if network.check_out and network.missed_product_id is not None
        ]
        for rule in self._feed.transfer_rules:
            for network, ride_class in checked_out:
                if rule.fare_product_id is not None and self._is_over(rule, network, ride_class):
                    what = named("product", network.missed_product_id or "")
                    text = (
                        f"in {named('network', network.network_id)} a leg after this transfer may "
                        f"come to more than {what}, which is then charged instead"
                    )
                    self._findings.warn(*place_of(rule.where), "fare_product_id", text)

    def _is_over(self, rule: TransferRule, network: Network, ride_class: _RideClass) -> bool:
        """May a leg after the transfer come to more than the maximum fare, for some rider?"""
        codes = self._codes
        groups = groups_of(rule.to_leg_group_id, self._compiled, codes, False)
        singles = {
            row.product
            for number in self._sets(ride_class)
            for row in self._legs.rules_of(number)
            if row.group in groups and self._is_single(row.product)
        }
        for name in self._living_categories():
            category = codes.categories[name]
            change = self._price(codes.products[rule.fare_product_id or ""], category)
            most = self._price(codes.products[network.missed_product_id or ""], category)
            prices = [self._price(product, category) for product in singles]
            known = [price for price in prices if price is not None]
            if change is None or most is None or not known:
                continue
            dearest = max(known) if rule.fare_transfer_type == _WITH_LEG else 0
            if change + dearest > most:
                return True
        return False

    def _unseen_of(self, group_id: str | None, rule: TransferRule, begin: bool) -> Iterator[str]:
        """Where legs of a group are ridden without check-out; None: of all groups not named."""
        groups = groups_of(group_id, self._compiled, self._codes, begin)
        for ride_class in self.ride_classes():
            sets = self._sets(ride_class)
            rules = (row for number in sets for row in self._legs.rules_of(number))
            if any(row.group in groups for row in rules):
                yield from ride_class.unseen

    def joins(self) -> None:
        """Join rules where nobody sees the exit."""
        networks = {row.network_id: row for row in self._feed.networks}
        stations = {row.stop_id: row.station_id for row in self._feed.stops}
        for rule in self._feed.join_rules:
            network = networks[rule.network_id]
            if network.check_out:
                continue
            where = f"the exit is not known in {named('network', network.network_id)}"
            if rule.from_stop_id is None or rule.to_stop_id is None:
                limit = f"within {network.ride_s_max} s" if network.ride_s_max else "at any time"
                text = f"{where}: every next leg in it is joined to the last one, {limit}"
            elif _same_place(rule.from_stop_id, rule.to_stop_id, stations):
                text = f"{where}: every next leg from there is taken to go on from the last one"
            else:
                text = (
                    f"{where} and counts as the stop where the next leg begins: the rule holds "
                    "only for an exit that was chosen by hand"
                )
            self._findings.warn(*place_of(rule.where), "from_stop_id", text)

    def leg_groups(self) -> None:
        """Legs that may belong to several groups: a door can't wait for the next one."""
        told: set[frozenset[str]] = set()
        for number in range(1, len(self._legs.rule_sets)):
            by_rank: dict[int, set[str]] = {}
            for row in self._legs.rules_of(number):
                if self._is_single(row.product):
                    name = self._codes.groups.ids[row.group - 1] if row.group else "(none)"
                    by_rank.setdefault(row.rank, set()).add(name)
            for names in map(frozenset, by_rank.values()):
                if len(names) > 1 and names not in told:
                    told.add(names)
                    line = place_of(self._feed.leg_rules[self._legs.sources[number][0]].where)
                    text = (
                        f"a leg can be of groups {_some(sorted(names))}: the one that makes the "
                        "journey cheapest so far is taken, and a later leg does not change it"
                    )
                    self._findings.warn(*line, "leg_group_id", text)

    # -- prices ------------------------------------------------------------------------------

    def categories(self) -> None:
        """Riders who find no price."""
        rows = {row.rider_category_id: row for row in self._feed.categories}
        offers = self._offers()
        for position, category_id in enumerate(self._codes.categories.ids):
            if category_id not in self._codes.categories.alive:
                continue
            place, who = _PRODUCTS_FILE, "a rider"
            if row := rows.get(category_id):  # else the one that stands in
                place, who = place_of(row.where), named("rider category", category_id)
            category = self._codes.categories[category_id]
            refused = [
                singles
                for singles in offers
                if all(self._price(product, category) is None for product in singles)
            ]
            if refused and len(refused) == len(offers):
                text = f"{who} has no card price for any leg: such cards ride with a pass only"
                self._findings.warn(*place, None, text)
            elif refused:
                ids = self._codes.products.ids
                names = dict.fromkeys(ids[p - 1] for singles in refused for p in singles)
                text = (
                    f"{who} has no card price for {_some(list(names))}: such cards are refused on "
                    "legs that offer nothing else"
                )
                self._findings.warn(*place, None, text)
            if position >= COMPANION_CATEGORIES:
                text = f"{who} comes after the first {COMPANION_CATEGORIES}: nobody can bring one"
                self._findings.warn(*place, None, text)

    def _offers(self) -> dict[tuple[int, ...], None]:
        """The single products that some leg is offered: of one priority, which hides others."""
        offers: dict[tuple[int, ...], None] = {}
        for number in range(1, len(self._legs.rule_sets)):
            by_rank: dict[int, dict[int, None]] = {}
            for row in self._legs.rules_of(number):
                if self._is_single(row.product):
                    by_rank.setdefault(row.rank, {})[row.product] = None
            offers |= dict.fromkeys(map(tuple, by_rank.values()))
        return offers

    def passes_only(self) -> None:
        """Legs that the purse can't pay, because what counts for them names only passes."""
        told: set[frozenset[int]] = set()
        served = {number for each in self.ride_classes() for number in self._served(each)}
        for number in sorted(served):
            by_rank: dict[int, set[int]] = {}
            for row in self._legs.rules_of(number):
                by_rank.setdefault(row.rank, set()).add(row.product)
            for products in map(frozenset, by_rank.values()):
                if any(map(self._is_single, products)) or products in told:
                    continue
                told.add(products)
                rules = (self._feed.leg_rules[n] for n in self._legs.sources[number])
                codes = self._codes.products
                rule = next(rule for rule in rules if codes[rule.fare_product_id] in products)
                text = (
                    "where this rule counts there is no single fare: who holds no pass of "
                    f"{_some([codes.ids[product - 1] for product in sorted(products)])} is refused"
                )
                self._findings.warn(*place_of(rule.where), "fare_product_id", text)

    def _served(self, ride_class: _RideClass) -> set[int]:
        """The rule sets of legs between stops that a line of the class serves."""
        legs = self._legs
        networks = [*(row.network_id for row in ride_class.networks), *[None] * ride_class.loose]
        lines = [route for route in self._feed.routes if route.network_id in networks]
        begins = {begin for begin, _ in legs.stop_classes.values()} or {0}
        if lines and all(route.stop_ids for route in lines):
            stops = {stop for route in lines for stop in route.stop_ids}
            begins = {legs.stop_classes[stop][0] for stop in stops}
        first = ride_class.number * legs.from_class_count
        cells = {legs.leg_rows[first + begin] for begin in begins}
        return {number for cell in cells for number in legs.cells[cell].exits}

    def purse(self) -> None:
        """Fares that no purse can hold the money for."""
        most = self._compiled.purse_max_minor
        sets = range(1, len(self._legs.rule_sets))
        products = self._singles(sets)
        products |= dict.fromkeys(n.missed_product for n in self._compiled.networks)
        products.pop(0, None)
        for product in products if most != NONE_U32 else ():
            prices = [
                self._price(product, self._codes.categories[name])
                for name in self._living_categories()
            ]
            dearest = max((price for price in prices if price is not None), default=0)
            if dearest > most:
                what = named("product", self._codes.products.ids[product - 1])
                text = (
                    f"a purse holds {most} minor units at most, and {what} costs {dearest}: "
                    "nobody could pay it"
                )
                self._findings.warn("minik_settings.txt", None, "purse_max", text)

    def _without_price(self, product: int) -> list[str]:
        """Living rider categories for which a product has no price."""
        return [
            named("rider category", name)
            for name in self._living_categories()
            if self._price(product, self._codes.categories[name]) is None
        ]

    def products(self) -> None:
        """Products that a door can't sell as they say."""
        for row in self._feed.products:
            place = place_of(row.where)
            what = named("product", row.fare_product_id)
            product = self._codes.products[row.fare_product_id]
            sold = bool(self._compiled.products[product - 1].flags & SOLD_ON_BOARD)
            if row.kind == "single" or not sold:
                continue
            if len(self._without_price(product)) == len(self._living_categories()):
                text = f"{what} is to be sold on board, but has no card price: nobody can buy it"
                self._findings.warn(*place, None, text)
            if row.start != "purchase":
                text = f"{what} starts at once if it is bought on board, whatever start says"
                self._findings.warn(*place, "start", text)

    def media(self) -> None:
        """Prices for fare media that our validators don't read."""
        own = self._compiled.card_media
        names = {price.fare_media_id: None for price in self._feed.prices if price.fare_media_id}
        if own:
            card = self._codes.media.ids[own - 1]
            names.pop(card, None)
            then = f"validators charge the prices of {named('fare media', card)} only"
        else:
            then = "no fare media is marked on_card, so validators charge only prices without one"
        if names:
            text = f"prices for {_some(list(names))} are not charged on board: {then}"
            self._findings.warn("fare_products.txt", None, "fare_media_id", text)


def _same_place(one: str, other: str, stations: dict[str, str]) -> bool:
    """Is there a stop that both are, or are the station of?"""
    return one == other or stations[one] == other or stations[other] == one


def _some(names: Sequence[str]) -> str:
    """A list in words, cut where it gets long."""
    shown = ", ".join(names[:_LISTED_MAX])
    more = len(names) - _LISTED_MAX
    return f"{shown} and {more} more" if more > 0 else shown
