"""Decide one tap: pure, integer, the same code on device and host (SPEC §7).

From what the card says, the tariff, the place, the time and the choice on the buttons follow the
outcome, the charge and the card afterwards. Nothing here knows media, keys or journals.
"""

from protocol import outcomes
from protocol.cards.state import AGE_LONGER, AMOUNT_MAX
from protocol.compat import const
from protocol.fares.capping import Caps
from protocol.fares.journey import Journey, Pricing, Rating, next_leg
from protocol.fares.matching import Matcher
from protocol.fares.products import NO_PRICE, SINGLE, Contracts
from protocol.fares.tariff import NO_FARE

_CLOCKS_APART_S = const(3600)


def riders_of(companions):
    """How many ride with these companions (SPEC §2.3.1), the card's holder included."""
    return 1 + (companions & 15) + (companions >> 8 & 15)


def is_passback(state, place, since_s, passback_s):
    """Is it too soon, `since_s` after the last tap on this vehicle, for another?

    A card that is checked in may check out at once, but not where it checked in.
    """
    there = not state.checked_in or state.leg_exit_stop == place.stop
    return there and 0 <= since_s < passback_s


class Decision:
    """Outcome of `decide`. `charge_minor` is what this tap costs, 0 if refused."""

    def __init__(self):
        self.clear()

    def clear(self):
        """Back to an undecided tap."""
        self.outcome = outcomes.REFUSED
        self.reason = outcomes.NO_REASON
        self.charge_minor = 0
        self.product = 0
        self.transfer = False
        self.capped = False
        self.checkout = False
        self.missed = False  # a missed check-out is in the charge
        self.riders = 1
        self.companions = 0  # as SPEC §2.3.1
        self.rider_category = 0

    def refuse(self, reason):
        """The passenger does not ride on this tap."""
        self.clear()
        self.reason = reason


class Choice:
    """What the passenger armed on the buttons before the tap; all 0: nothing."""

    def __init__(self):
        self.clear()

    def clear(self):
        """Forget it."""
        self.product = 0
        self.companions = 0  # as SPEC §2.3.1

    def riders(self):
        """How many ride on this tap, the card's holder included."""
        return riders_of(self.companions)


class Fares:
    """Decides taps by one tariff. `media` is the fare media rated for, -1 the tariff's cards.

    Everything it needs for a tap is made here once: a decision allocates nothing.
    """

    def __init__(self, tariff, media=-1):
        self.tariff = tariff
        self._media = tariff.card_media if media < 0 else media
        self._matcher = Matcher(tariff)
        self._pricing = Pricing(tariff, self._matcher, self._media)
        self._contracts = Contracts(tariff, self._matcher)
        self._caps = Caps(tariff)
        self._journey = Journey()
        self._rating = Rating()
        self._other = Rating()  # of a companion, or of the leg as it was before
        self._category = 0
        self._companions = 0
        self._elapsed_s = 0
        self._riding = False  # the last tap is one that this one may follow from
        self._same_vehicle = False
        self._checkout = False
        self._extends = False  # the leg is the last one, rated anew
        self._from_stop = 0
        self._exit_stop = 0
        self._age_s = 0  # departure of the leg to this tap
        self._missed_minor = 0
        self._only = 0  # single product that was chosen
        self._pass = 0  # other product that was chosen
        self._slot = -1  # contract that pays
        self._bought = False
        self._bought_minor = 0
        self._credit_minor = 0  # after the leg
        self._companions_minor = 0

    def offer(self, category, place, now):
        """(price in minor units, product) of a first leg from `place`; (NO_FARE, 0) if none."""
        self._extends = False
        self._journey.clear()
        self._matcher.read_network(self._matcher.network_of(place.route))
        self._age_s = 0
        self._take_leg(place.stop, place.exit_stop, now, place.exit_time, now)
        if self._pricing.rate(self._journey, category, 0, self._rating):
            return NO_FARE, 0
        return self._rating.growth_minor, self._rating.product

    def decide(self, state, place, now, choice, decision, after):
        """Decide the tap of a card in `state` at `place` and `now`; fill `decision`.

        If it is accepted, `after` (a CardState that is a copy of `state`) gets journey, contracts
        and caps as they are after the tap; transaction number, counter and time of the
        transaction are the medium's to set.
        """
        decision.clear()
        reason = self._decide(state, place, now, choice, decision, after)
        if reason:
            decision.refuse(reason)
        else:
            decision.outcome = outcomes.ACCEPTED
            decision.companions = self._companions
            decision.riders = riders_of(self._companions)
            after.vehicle = place.vehicle
            _mark_blocks(after, self.tariff.plain)
        decision.rider_category = self._category

    def _decide(self, state, place, now, choice, decision, after):
        """Fill `decision` and `after`; returns NO_REASON, or why the passenger can't ride."""
        self._look_back(state, place, now, choice)
        passback_s = self.tariff.passback_s
        if self._same_vehicle and is_passback(state, place, self._elapsed_s, passback_s):
            return outcomes.PASSBACK
        self._caps.load(state, now)
        self._missed_minor = 0
        if state.checked_in and not self._checkout:
            self._settle_missed(state, after)
            self._matcher.read_network(self._matcher.network_of(place.route))
            decision.missed = self._missed_minor > 0
        self._set_leg(state, place, now)
        if self._matcher.has_checkout and not self._checkout and place.exit_stop == 0:
            return self._check_in(state, place, decision, after)
        return self._ride(state, place, decision, after)

    def _look_back(self, state, place, now, choice):
        """What this tap is in the light of the last one, and who rides by which choice."""
        tariff = self.tariff
        matcher = self._matcher
        ahead_s = state.tap_time - now
        self._elapsed_s = max(0, -ahead_s)
        self._riding = ahead_s <= _CLOCKS_APART_S and (state.journey_legs > 0 or state.checked_in)
        same = state.vehicle == place.vehicle
        self._same_vehicle = self._riding and same and place.vehicle != 0
        matcher.read_network(matcher.network_of(place.route))
        self._checkout = (
            state.checked_in
            and same
            and state.leg_network == matcher.network
            and (matcher.ride_s_max == 0 or self._elapsed_s <= matcher.ride_s_max)
        )
        self._companions = state.companions if self._checkout else choice.companions
        self._category = state.rider_category
        if state.concession_ends and tariff.day(now) > state.valid_until:
            self._category = tariff.default_category
        terms = self._contracts.terms
        single = terms.read(tariff, choice.product) and terms.kind == SINGLE
        self._only = choice.product if single else 0
        self._pass = 0 if single else choice.product

    def _settle_missed(self, state, after):
        """What the leg costs that the card is still checked in to."""
        matcher = self._matcher
        contracts = self._contracts
        matcher.read_network(state.leg_network)
        matcher.set_leg(state.leg_from_stop, 0, state.tap_time - state.leg_age_s, 0)
        contracts.set_time(state.tap_time)
        slot = contracts.find(after, 0, True, True, True)
        if slot >= 0:
            contracts.use(after.contracts[slot], True)
        else:
            self._missed_minor = self._missed_price(self._category)
        self._missed_minor += self._missed_of_companions(state.companions)

    def _missed_price(self, category):
        """Maximum fare of the network, 0 if it names none."""
        price_minor = self._pricing.price(self._matcher.missed_product, category)
        return 0 if price_minor == NO_PRICE else max(0, price_minor)

    def _missed_of_companions(self, companions):
        """Maximum fare of all who come along."""
        charge_minor = 0
        for shift in (0, 8):
            count = companions >> shift & 15
            if count:
                charge_minor += count * self._missed_price(companions >> shift + 4 & 15)
        return charge_minor

    def _set_leg(self, state, place, now):
        """The leg that this tap begins, ends or extends, and the journey before it."""
        boarding = now
        if state.tap_time - now <= _CLOCKS_APART_S:
            boarding = max(now, state.tap_time)
        self._contracts.set_time(state.tap_time if self._checkout else boarding)
        self._extends = False
        if self._checkout or self._joins(state, place):
            self._extends = state.journey_legs > 0
            self._journey.load_base(state)
            departure = state.tap_time - state.leg_age_s
            self._age_s = state.leg_age_s + self._elapsed_s
            exit_stop = place.stop if self._checkout else place.exit_stop
            arrival = now if self._checkout else place.exit_time
            self._take_leg(state.leg_from_stop, exit_stop, departure, arrival, now)
            return
        if self._follows(state):
            self._journey.load(state, self._elapsed_s, self.tariff.plain)
        else:
            self._journey.clear()
        self._age_s = 0
        self._take_leg(place.stop, place.exit_stop, now, place.exit_time, now)

    def _take_leg(self, from_stop, exit_stop, departure, arrival, now):
        """Set the leg to rate, in the network that `matcher` has read; its age is known.

        The ride is counted from the age, which no clock ahead of another makes shorter. An arrival
        before `now` is none.
        """
        self._from_stop = from_stop
        self._exit_stop = exit_stop
        if arrival < now:
            arrival = 0
        self._pricing.ride_s = self._age_s + (arrival - now) if arrival else 0
        self._matcher.set_leg(from_stop, exit_stop, departure, arrival)

    def _follows(self, state):
        """May a new leg go on with the card's journey?"""
        if self._same_vehicle and not self.tariff.same_vehicle_transfer:
            return False
        return self._riding and not state.checked_in

    def _joins(self, state, place):
        """Does the new leg extend the last one, by a join rule?"""
        matcher = self._matcher
        if matcher.network == 0 or state.leg_network != matcher.network:
            return False
        if not self._follows(state) or state.companions != self._companions:
            return False
        age_s = state.leg_age_s + self._elapsed_s
        if age_s > (matcher.ride_s_max or AGE_LONGER - 1):
            return False
        return matcher.joins(state.leg_exit_stop, place.stop)

    # -- riding ------------------------------------------------------------------------------

    def _ride(self, state, place, decision, after):
        """Rate the leg, find who pays, write the journey."""
        rating = self._rating
        reason = self._pricing.rate(self._journey, self._category, self._only, rating)
        nominal_minor = 0 if reason else self._nominal_charge(state)
        charge_minor = self._caps.limit(self._category, nominal_minor)
        costs = charge_minor > 0 or reason != outcomes.NO_REASON
        pass_reason = self._find_pass(after, costs)
        if pass_reason:
            return pass_reason
        if self._slot < 0 and reason:
            return reason
        decision.product = rating.product
        decision.capped = self._slot < 0 and charge_minor < nominal_minor
        if self._slot >= 0:
            if reason:
                group = self._contracts.group
                self._pricing.rate_as(self._journey, self._category, group, 0, rating)
                self._nominal_charge(state)
            charge_minor = 0
            decision.product = after.contracts[self._slot].product
            self._contracts.use(after.contracts[self._slot], costs)
        self._caps.save(after, charge_minor)
        reason = self._charge_companions(state)
        if reason:
            return reason
        if self._bought:
            charge_minor = self._bought_minor
        charge_minor += self._missed_minor + self._companions_minor
        if charge_minor and charge_minor > state.balance_minor():
            return outcomes.INSUFFICIENT_FUNDS
        decision.charge_minor = charge_minor
        decision.checkout = self._checkout
        decision.transfer = rating.transfer or self._extends
        self._write_journey(after)
        return outcomes.NO_REASON

    def _nominal_charge(self, state):
        """The rider's own charge by the rating, before caps; leaves the credit after it."""
        rating = self._rating
        growth_minor = self._growth(state, self._journey, self._category, rating.growth_minor)
        credit_minor = 0
        if self._extends:
            credit_minor = state.credit_minor
        elif rating.transfer:
            credit_minor = self._journey.credit_minor
        self._credit_minor = min(max(0, credit_minor - growth_minor), AMOUNT_MAX)
        return max(0, growth_minor - credit_minor)

    def _growth(self, state, journey, category, growth_minor):
        """Growth of the leg: at most the maximum fare, less that of the leg it extends."""
        growth_minor = self._at_most_missed(growth_minor, category)
        if self._extends:
            pricing = self._pricing
            ride_s = pricing.ride_s
            pricing.ride_s = state.leg_ride_s
            before = self._other
            pricing.rate_as(journey, category, state.leg_group, state.leg_product, before)
            pricing.ride_s = ride_s
            growth_minor -= self._at_most_missed(before.growth_minor, category)
        return growth_minor

    def _at_most_missed(self, growth_minor, category):
        """Who checks out pays no more than who forgets to."""
        if not self._checkout:
            return growth_minor
        return min(growth_minor, self._pricing.price(self._matcher.missed_product, category))

    def _charge_companions(self, state):
        """Sum of what the companions pay; returns NO_REASON, or why they can't ride."""
        self._companions_minor = 0
        companions = self._companions
        journey = self._journey if companions == self._journey.companions else None
        for shift in (0, 8):
            count = companions >> shift & 15
            if count:
                category = companions >> shift + 4 & 15
                reason = self._pricing.rate(journey, category, self._only, self._other)
                if reason:
                    return reason
                growth_minor = self._growth(state, journey, category, self._other.growth_minor)
                self._companions_minor += count * max(0, growth_minor)
        return outcomes.NO_REASON

    def _find_pass(self, after, costs):
        """Which contract pays, the chosen or bought one first; NO_REASON, or why not."""
        contracts = self._contracts
        chosen = self._pass
        self._bought = False
        self._slot = contracts.find(after, 0, False, False, True)
        too_soon = self._slot >= 0 and self._elapsed_s < contracts.passback_s
        if too_soon and self._same_vehicle and not self._checkout:
            return outcomes.PASSBACK
        if chosen:
            self._slot = contracts.find(after, chosen, False, False, True)
            if self._slot < 0:
                self._slot = contracts.buy(after, chosen, self._category, self._media)
                self._bought = True
                self._bought_minor = max(0, contracts.price_minor)
                return contracts.reason if self._slot < 0 else outcomes.NO_REASON
        if self._slot >= 0 and not costs:
            self._slot = contracts.find(after, chosen, False, False, False)
        return outcomes.NO_REASON

    def _write_journey(self, after):
        """The journey on the card after a leg whose end is known, or never will be."""
        rating = self._rating
        journey = self._journey
        age_s = self._age_s
        ride_s = min(self._pricing.ride_s, AGE_LONGER)
        after.clear_journey()
        after.journey_legs = next_leg(journey.legs) if rating.transfer else 1
        after.journey_age_s = min(age_s, AGE_LONGER)
        after.run_ride_s = ride_s
        if rating.same_run:
            after.run_transfers = next_leg(journey.run_transfers)
            after.journey_age_s = min(journey.age_s + age_s, AGE_LONGER)
            after.run_ride_s = journey.run_ride_s
        after.credit_minor = self._credit_minor
        after.leg_group = rating.group
        after.leg_product = rating.product
        after.companions = self._companions
        after.leg_age_s = min(age_s, AGE_LONGER)
        after.leg_ride_s = ride_s
        if self._matcher.joins_network():
            after.leg_network = self._matcher.network
            after.leg_from_stop = self._from_stop
            after.leg_exit_stop = self._exit_stop
            journey.save_base(after)

    # -- checking in -------------------------------------------------------------------------

    def _check_in(self, state, place, decision, after):
        """Note where the ride begins; the balance must stand the maximum fare."""
        contracts = self._contracts
        reason = self._find_pass(after, True)
        if reason:
            return reason
        reason = self._pricing.rate(self._journey, self._category, 0, self._rating)
        if reason and self._slot < 0:
            return reason
        charge_minor = self._missed_minor
        if self._slot >= 0:
            decision.product = after.contracts[self._slot].product
        if self._bought:
            charge_minor += self._bought_minor
        secured_minor = charge_minor + self._missed_of_companions(self._companions)
        if self._slot < 0 or contracts.find(after, 0, True, False, True) < 0:
            secured_minor += self._missed_price(self._category)
        if secured_minor and secured_minor > state.balance_minor():
            return outcomes.INSUFFICIENT_FUNDS
        decision.charge_minor = charge_minor
        self._caps.save(after, 0)
        if self._extends:
            age_s = state.journey_age_s + self._elapsed_s
            after.journey_age_s = min(age_s, AGE_LONGER)
        else:
            after.clear_journey()
            self._journey.save_base(after)
        after.checked_in = True
        after.companions = self._companions
        after.leg_network = self._matcher.network
        after.leg_from_stop = self._from_stop
        after.leg_exit_stop = place.stop
        after.leg_age_s = min(self._age_s, AGE_LONGER)
        return outcomes.NO_REASON


def _mark_blocks(after, plain):
    """Say which blocks of the card carry something (SPEC §2.3)."""
    after.extended = bool(
        after.spent_day_minor
        or after.spent_week_minor
        or after.spent_month_minor
        or after.credit_minor
        or after.companions
        or (not plain and (after.leg_group or after.leg_product))
    )
    if not after.extended:
        after.leg_group = 0
        after.leg_product = 0
    after.base_block = bool(
        after.base_legs or after.base_credit_minor or after.base_companions
    )
    after.leg_block = bool(
        after.base_block
        or after.leg_network
        or after.leg_age_s
        or after.leg_ride_s
        or after.run_ride_s
    )
    contracts = after.contracts
    after.annexed = bool(after.leg_block or contracts[0].product or contracts[1].product)
