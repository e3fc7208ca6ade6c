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
        self.riders = 1

    def refuse(self, reason):
        """The passenger does not ride on this tap."""
        self.clear()
        self.reason = reason


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
