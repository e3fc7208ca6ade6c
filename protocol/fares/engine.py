"""Decide one tap: pure, integer, the same code on device and host.

From what the card says, the tariff, the place and the time follow the outcome, the charge and the
card's journey afterwards. Nothing here knows media, keys or journals.
"""

from protocol import outcomes
from protocol.compat import const
from protocol.fares.tariff import NO_FARE

_CLOCKS_APART_S = const(3600)


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
        return 1 + (self.companions & 15) + (self.companions >> 8 & 15)


class Fares:
    """Decides taps by one tariff. `media` is the fare media rated for, -1 the tariff's cards."""

    def __init__(self, tariff, media=-1):
        self.tariff = tariff
        self._media = tariff.card_media if media < 0 else media

    def offer(self, category, place, now):
        """(price in minor units, product) of a first leg from `place`; (NO_FARE, 0) if none."""
        return NO_FARE, 0

    def decide(self, state, place, now, choice, decision, after):
        """Decide the tap of a card in `state` at `place` and `now`; fill `decision`.

        If it is accepted, `after` (a CardState that is a copy of `state`) gets journey, contracts
        and caps as they are after the tap; transaction number, counter and time of the
        transaction are the medium's to set.
        """


def decide(state, tariff, place, now, decision, after):
    """Decide the tap of a card in `state` at `place` and `now`; fill `decision`.

    A last tap more than an hour ahead of `now` was stamped by a wrong clock: it starts no
    pass-back and no transfer; one that is less ahead counts as just now.
    If it is accepted, `after` (a CardState that is a copy of `state`) gets the journey as it is
    after the tap; transaction number, counter and time of the transaction are the medium's to set.
    """
    decision.clear()
    elapsed_s = max(0, now - state.tap_time)
    riding = state.journey_legs > 0 and state.tap_time - now <= _CLOCKS_APART_S
    same_vehicle = riding and state.vehicle == place.vehicle and place.vehicle != 0
    if same_vehicle and elapsed_s < tariff.passback_s:
        decision.refuse(outcomes.PASSBACK)
        return
    price_minor, product = tariff.price_minor(state.rider_category, place)
    if price_minor == NO_FARE:
        decision.refuse(outcomes.NOT_VALID_HERE)
        return
    age_s = state.next_journey_age_s(elapsed_s)
    decision.transfer = (
        riding
        and not same_vehicle
        and state.journey_legs <= tariff.transfers_max
        and age_s <= tariff.transfer_s
    )
    decision.charge_minor = 0 if decision.transfer else price_minor
    if decision.charge_minor > state.balance_minor():
        decision.refuse(outcomes.INSUFFICIENT_FUNDS)
        return
    decision.outcome = outcomes.ACCEPTED
    decision.product = product
    after.vehicle = place.vehicle
    after.journey_legs = state.next_leg() if decision.transfer else 1
    after.journey_age_s = age_s if decision.transfer else 0
