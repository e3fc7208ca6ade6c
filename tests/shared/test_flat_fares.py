"""The engine with the tariff `flat`: each rule at its edges."""

from protocol import outcomes
from protocol.cards.state import CardState
from protocol.fares.engine import Decision, decide
from protocol.fares.tariff import FlatTariff, Place

_NOON = 200000000


def _card(granted=50000, category=0):
    state = CardState()
    state.seq = 1
    state.spent_counter = 1
    state.granted_minor = granted
    state.rider_category = category
    return state


def _tap(state, vehicle, now, tariff=FlatTariff()):  # noqa: B008 (it has no state)
    """Decide and, if accepted, return the state afterwards too."""
    decision = Decision()
    after = CardState()
    after.copy_from(state)
    decide(state, tariff, Place(vehicle, 1, 1), now, decision, after)
    if decision.outcome == outcomes.ACCEPTED:
        after.seq += 1
        after.spent_counter += 2 * decision.charge_minor + 1
        after.tap_time = now
    return decision, after


def test_prices_by_category():
    for category, price in ((0, 10000), (1, 5000)):
        decision, after = _tap(_card(category=category), 101, _NOON)
        assert (decision.outcome, decision.charge_minor) == (outcomes.ACCEPTED, price)
        assert decision.product == 1
        assert after.balance_minor() == 50000 - price
        assert (after.journey_legs, after.journey_age_s, after.vehicle) == (1, 0, 101)


def test_unknown_category_has_no_fare():
    decision, _ = _tap(_card(category=2), 101, _NOON)
    assert (decision.outcome, decision.reason) == (outcomes.REFUSED, outcomes.NOT_VALID_HERE)


def test_the_last_coin_is_enough_and_one_less_is_not():
    decision, after = _tap(_card(granted=10000), 101, _NOON)
    assert decision.outcome == outcomes.ACCEPTED
    assert after.balance_minor() == 0
    decision, after = _tap(_card(granted=9999), 101, _NOON)
    assert (decision.outcome, decision.reason) == (outcomes.REFUSED, outcomes.INSUFFICIENT_FUNDS)
    assert decision.charge_minor == 0
    assert after.balance_minor() == 9999


def test_pass_back_on_the_same_vehicle_ends_after_60_seconds():
    _, state = _tap(_card(), 101, _NOON)
    for elapsed in (-30, 0, 1, 59):
        decision, _ = _tap(state, 101, _NOON + elapsed)
        assert (decision.outcome, decision.reason) == (outcomes.REFUSED, outcomes.PASSBACK)
        assert decision.charge_minor == 0
    decision, _ = _tap(state, 101, _NOON + 60)
    assert (decision.outcome, decision.charge_minor) == (outcomes.ACCEPTED, 10000)


def test_one_free_transfer_within_30_minutes_onto_another_vehicle():
    _, state = _tap(_card(), 101, _NOON)
    for elapsed, charge in ((1, 0), (1800, 0), (1801, 10000)):
        decision, after = _tap(state, 102, _NOON + elapsed)
        assert (decision.outcome, decision.charge_minor) == (outcomes.ACCEPTED, charge)
        assert decision.transfer == (charge == 0)
        assert after.journey_legs == (2 if charge == 0 else 1)
    _, second = _tap(state, 102, _NOON + 600)
    decision, after = _tap(second, 103, _NOON + 900)
    assert (decision.charge_minor, decision.transfer, after.journey_legs) == (10000, False, 1)


def test_a_transfer_needs_no_money_but_a_new_ride_does():
    _, state = _tap(_card(granted=10000), 101, _NOON)
    decision, after = _tap(state, 102, _NOON + 300)
    assert (decision.outcome, decision.charge_minor) == (outcomes.ACCEPTED, 0)
    decision, _ = _tap(after, 101, _NOON + 600)
    assert decision.reason == outcomes.INSUFFICIENT_FUNDS


def test_the_free_transfer_is_timed_from_the_first_leg():
    _, state = _tap(_card(), 101, _NOON)
    state.journey_age_s = 1700  # as after a leg of a longer journey
    decision, _ = _tap(state, 102, _NOON + 101)
    assert decision.charge_minor == 10000
    state.journey_age_s = 0xFFFF
    decision, _ = _tap(state, 102, _NOON + 1)
    assert decision.charge_minor == 10000


def test_the_first_tap_of_a_new_card_is_no_pass_back():
    state = _card()
    decision, _ = _tap(state, 0, 0)
    assert (decision.outcome, decision.charge_minor) == (outcomes.ACCEPTED, 10000)
