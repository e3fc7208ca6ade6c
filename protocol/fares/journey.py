"""What a leg adds to a journey: product prices, transfer rules, runs (SPEC §7.3, §7.4).

A Journey is what a card remembers of the legs before; Pricing rates a leg on top of it for one
rider category. Contracts, caps and what was paid already are not its business.
"""

from protocol import outcomes
from protocol.cards.state import AGE_LONGER, LEGS_MAX
from protocol.compat import const
from protocol.fares.products import NO_PRICE, SINGLE, Product
from protocol.fares.tariff import at_most
from protocol.fields import get_uint

_GROUPS = const(17)  # numbers of tables
_TRANSFERS = const(18)

_FROM_KEY = const(3)  # offsets in a group's row
_TO_KEY = const(4)
_TRANSFERS_MAX = const(64)  # of a pair of keys, SPEC §6.4
_COUNT_END = const(256)  # above every transfer_count

_WITH_LEG = const(1)  # fare_transfer_type: AB + B
_INSTEAD_OF_FIRST = const(2)  # AB alone

_MEMO_SLOTS = const(16)


class Journey:
    """The journey before a leg; ages run up to the leg's departure. `legs` 0: there is none."""

    def __init__(self):
        self.clear()

    def clear(self):
        """No journey."""
        self.legs = 0
        self.run_transfers = 0
        self.age_s = 0  # since the departure of the run's first leg
        self.leg_age_s = 0  # since the departure of the last leg
        self.ride_s = 0  # of the last leg, departure to arrival; 0 not known
        self.run_ride_s = 0  # of the run's first leg
        self.credit_minor = 0
        self.group = 0
        self.product = 0
        self.companions = 0

    def load(self, state, elapsed_s, plain):
        """The journey of a card whose last tap was `elapsed_s` ago."""
        self.legs = state.journey_legs
        self.run_transfers = state.run_transfers
        self.age_s = min(state.journey_age_s + elapsed_s, AGE_LONGER)
        self.leg_age_s = min(state.leg_age_s + elapsed_s, AGE_LONGER)
        self.ride_s = state.leg_ride_s
        self.run_ride_s = state.run_ride_s
        self.credit_minor = state.credit_minor
        self.group = 1 if plain and not state.extended else state.leg_group
        self.product = state.leg_product
        self.companions = state.companions

    def load_base(self, state):
        """The journey before the card's last fare leg."""
        self.legs = state.base_legs
        self.run_transfers = state.base_run_transfers
        self.age_s = state.base_age_s
        self.leg_age_s = state.base_leg_age_s
        self.ride_s = state.base_ride_s
        self.run_ride_s = state.base_run_ride_s
        self.credit_minor = state.base_credit_minor
        self.group = state.base_group
        self.product = state.base_product
        self.companions = state.base_companions

    def save_base(self, after):
        """Keep it on the card as the journey before the last fare leg."""
        after.base_legs = self.legs
        after.base_run_transfers = self.run_transfers
        after.base_age_s = self.age_s
        after.base_leg_age_s = self.leg_age_s
        after.base_ride_s = self.ride_s
        after.base_run_ride_s = self.run_ride_s
        after.base_credit_minor = self.credit_minor
        after.base_group = self.group
        after.base_product = self.product
        after.base_companions = self.companions


class Rating:
    """What a leg comes to on a journey. `product` 0: it could not be rated."""

    def __init__(self):
        self.clear()

    def clear(self):
        """Not rated."""
        self.growth_minor = NO_PRICE  # of the journey's itinerary price
        self.price_minor = NO_PRICE  # of the leg alone
        self.product = 0
        self.group = 0
        self.transfer = False  # it joins the journey
        self.same_run = False

    def copy_from(self, other):
        """Become equal to `other`."""
        self.growth_minor = other.growth_minor
        self.price_minor = other.price_minor
        self.product = other.product
        self.group = other.group
        self.transfer = other.transfer
        self.same_run = other.same_run

    def is_below(self, other):
        """Cheaper than `other`, by growth, then by the leg's price?"""
        if self.growth_minor != other.growth_minor:
            return self.growth_minor < other.growth_minor
        return self.price_minor < other.price_minor


class Pricing:
    """Rates the leg that `matcher` holds; `ride_s` is its departure to arrival, 0 not known."""

    def __init__(self, tariff, matcher, media):
        self._tariff = tariff
        self._matcher = matcher
        self._media = media
        self._terms = Product()
        self._memo_key = [-1] * _MEMO_SLOTS
        self._memo_minor = [0] * _MEMO_SLOTS
        self._others = bytearray(32)  # a bit for each product known not to be single
        self._no_journey = Journey()
        self._journey = self._no_journey
        self._candidate = Rating()
        self._exit = Rating()
        self._category = 0
        self.ride_s = 0
        self._group = -1  # whose transfers the next three tell
        self._flat_minor = NO_PRICE  # growth by a rule that does not add the leg's price
        self._adding_minor = NO_PRICE  # growth besides the leg's price by one that does
        self._same_run = False

    def price(self, product, category):
        """Price of a single product; NO_PRICE if the category has none, or it is another kind."""
        if self._others[product >> 3] >> (product & 7) & 1:
            return NO_PRICE
        slot = (product + 5 * category) % _MEMO_SLOTS
        key = product << 8 | category
        if self._memo_key[slot] != key:
            terms = self._terms
            price_minor = NO_PRICE
            if terms.read(self._tariff, product) and terms.kind == SINGLE:
                price_minor = terms.price(self._tariff, category, self._media)
            else:
                self._others[product >> 3] |= 1 << (product & 7)
            self._memo_key[slot] = key
            self._memo_minor[slot] = price_minor
        return self._memo_minor[slot]

    def rate(self, journey, category, only, rating):
        """Rate the leg on `journey` (None: alone), with product `only` if not 0.

        Returns NO_REASON, or why there is no fare.
        """
        self._begin(journey, category)
        matcher = self._matcher
        rating.clear()
        for index in range(matcher.exit_count):
            matcher.open_exit(index)
            self._rate_exit(only)
            found = self._exit
            if found.product == 0:
                continue
            if matcher.unknown_is_cheapest:
                better = found.is_below(rating)
            else:
                better = rating.is_below(found)
            if better or rating.product == 0:
                rating.copy_from(found)
        if rating.product:
            return outcomes.NO_REASON
        if matcher.has_rules and not matcher.has_rules_now:
            return outcomes.NOT_VALID_NOW
        return outcomes.NOT_VALID_HERE

    def rate_as(self, journey, category, group, product, rating):
        """Rate a leg of `group` by `product`, which costs nothing if the category has none."""
        self._begin(journey, category)
        price_minor = self.price(product, category)
        rating.product = product
        self._put(rating, group, 0 if price_minor == NO_PRICE else price_minor)

    def _begin(self, journey, category):
        self._journey = journey or self._no_journey
        self._category = category
        self._group = -1

    def _rate_exit(self, only):
        """The best rule of the open exit, into `_exit`."""
        matcher = self._matcher
        best = self._exit
        best.clear()
        candidate = self._candidate
        product = matcher.next_rule()
        while product:
            if only == 0 or only == product:
                price_minor = self.price(product, self._category)
                if price_minor != NO_PRICE:
                    candidate.product = product
                    self._put(candidate, matcher.group, price_minor)
                    if best.product == 0 or candidate.is_below(best):
                        best.copy_from(candidate)
            product = matcher.next_rule()

    def _put(self, rating, group, price_minor):
        """Fill `rating` for a leg of `group` that costs `price_minor` alone."""
        if group != self._group:
            self._find_transfers(group)
        growth_minor = self._flat_minor
        if self._adding_minor != NO_PRICE:
            growth_minor = min(growth_minor, self._adding_minor + price_minor)
        rating.transfer = growth_minor != NO_PRICE
        rating.growth_minor = growth_minor if rating.transfer else price_minor
        rating.price_minor = price_minor
        rating.group = group
        rating.same_run = rating.transfer and self._same_run

    def _find_transfers(self, group):
        """What it costs to join the journey by a leg of `group`, by the rules that apply."""
        self._group = group
        self._flat_minor = NO_PRICE
        self._adding_minor = NO_PRICE
        tariff = self._tariff
        journey = self._journey
        if journey.legs == 0 or tariff.count(_TRANSFERS) == 0:
            return
        from_key = self._key(journey.group, _FROM_KEY)
        to_key = self._key(group, _TO_KEY)
        self._same_run = from_key == to_key
        transfer_count = journey.run_transfers + 1 if self._same_run else 0
        count_best = _COUNT_END
        first = self._first_transfer(from_key, to_key)
        for index in range(first, tariff.count(_TRANSFERS)):
            row = tariff.row(_TRANSFERS, index)
            if row[0] != from_key or row[1] != to_key:
                break
            at_most(_TRANSFERS_MAX, index - first + 1)
            count = row[2]
            kind = row[3]
            if transfer_count <= count <= count_best and self._lasts(row):
                growth_minor = self._transfer_price(kind, row[4])
                if growth_minor == NO_PRICE:
                    continue
                if count < count_best:
                    count_best = count
                    self._flat_minor = NO_PRICE
                    self._adding_minor = NO_PRICE
                if kind == _WITH_LEG:
                    self._adding_minor = min(self._adding_minor, growth_minor)
                else:
                    self._flat_minor = min(self._flat_minor, growth_minor)

    def _transfer_price(self, kind, product):
        """Price of the transfer, less that of the first leg if it stands instead of it."""
        price_minor = self.price(product, self._category) if product else 0
        journey = self._journey
        if kind == _INSTEAD_OF_FIRST and journey.legs == 1 and price_minor != NO_PRICE:
            first_minor = self.price(journey.product, self._category)
            if first_minor != NO_PRICE:
                price_minor -= first_minor
        return price_minor

    def _lasts(self, row):
        """Does the duration limit of a transfer rule hold?"""
        duration_s = get_uint(row, 6, 4)
        if duration_s == 0:
            return True
        journey = self._journey
        age_s = journey.age_s if self._same_run else journey.leg_age_s
        if age_s == AGE_LONGER:
            return False
        if row[5] >= 2:  # from the arrival of the first leg
            age_s -= journey.run_ride_s if self._same_run else journey.ride_s
        if row[5] in (0, 3):  # to the arrival of the new one
            age_s += self.ride_s
        return age_s <= duration_s

    def _key(self, group, at):
        """From or to key of a leg group; 0 for a leg without one."""
        tariff = self._tariff
        return tariff.row(_GROUPS, group - 1)[at] if 0 < group <= tariff.count(_GROUPS) else 0

    def _first_transfer(self, from_key, to_key):
        """Where the rules of the two keys begin, if there are any."""
        tariff = self._tariff
        first = 0
        end = tariff.count(_TRANSFERS)
        while first < end:
            middle = (first + end) >> 1
            row = tariff.row(_TRANSFERS, middle)
            if row[0] < from_key or (row[0] == from_key and row[1] < to_key):
                first = middle + 1
            else:
                end = middle
        return first


def next_leg(legs):
    """One leg or transfer more; saturates."""
    return min(legs + 1, LEGS_MAX)
