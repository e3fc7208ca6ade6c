"""One rider with one card, tapping by a tariff made with `tariff_payload.Sheet`.

After every accepted tap it looks whether a card can carry what the engine left: each field within
its width, and nothing in a block that is not in use (SPEC §2.3). Before every tap another card,
which was half across the city, has left the engine's scratch memory behind.
"""

from protocol import outcomes
from protocol.cards.state import CardState
from protocol.fares.engine import Choice, Decision, Fares
from protocol.fares.tariff import BytesStore, Place, Tariff

DAY = 86400
MONDAY = 5 * DAY  # 2020-01-06T00:00:00Z
NOON = MONDAY + 12 * 3600

_EXTENSION = (
    ("spent_day_minor", 24), ("spent_week_minor", 24), ("spent_month_minor", 24),
    ("credit_minor", 24), ("leg_group", 8), ("leg_product", 8), ("companions", 16),
)
_LEG_BLOCK = (
    ("checked_in", 1), ("leg_network", 8), ("leg_from_stop", 16), ("leg_exit_stop", 16),
    ("leg_age_s", 16), ("leg_ride_s", 16), ("run_ride_s", 16),
)
_BASE_BLOCK = (
    ("base_credit_minor", 24), ("base_group", 8), ("base_product", 8), ("base_legs", 4),
    ("base_run_transfers", 4), ("base_age_s", 16), ("base_leg_age_s", 16), ("base_ride_s", 16),
    ("base_run_ride_s", 16), ("base_companions", 16),
)


def _check_block(state, in_use, fields):
    for name, bits in fields:
        value = int(getattr(state, name))
        assert 0 <= value < 1 << bits, (name, value)
        assert in_use or value == 0, name


def check_card(state):
    """AssertionError if a card could not carry this state as it is."""
    for name, bits in (("journey_legs", 4), ("run_transfers", 4), ("journey_age_s", 16),
                       ("vehicle", 16)):
        assert 0 <= getattr(state, name) < 1 << bits, name
    _check_block(state, state.extended, _EXTENSION)
    _check_block(state, state.leg_block, _LEG_BLOCK)
    _check_block(state, state.base_block, _BASE_BLOCK)
    for contract in state.contracts:
        assert 0 <= contract.product < 256
        assert 0 <= contract.rides < 256
        assert 0 <= contract.start < 1 << 32
    assert state.annexed == bool(
        state.leg_block or state.base_block or any([c.product for c in state.contracts])
    )


class Rider:
    """A card and the validators it meets. `sheet` may be a Sheet or another rider's Fares."""

    def __init__(self, sheet, balance=100000, category=0):
        if not isinstance(sheet, Fares):
            sheet = Fares(Tariff(BytesStore(sheet.payload())))
        self.fares = sheet
        self.state = CardState()
        self.state.seq = 1
        self.state.spent_counter = 1
        self.state.granted_minor = balance
        self.state.rider_category = category
        self.decision = Decision()
        self.after = CardState()
        self.choice = Choice()
        self._stranger = CardState()
        for name in dir(self._stranger):
            if name[0] != "_" and isinstance(getattr(self._stranger, name), int):
                setattr(self._stranger, name, 1)
        self._stranger.companions = 0
        self._stranger.tap_time = NOON

    def hold(self, product, start=0, rides=0, slot=0):
        """Put a contract on the card."""
        contract = self.state.contracts[slot]
        contract.product = product
        contract.start = start
        contract.rides = rides
        self.state.annexed = True

    def _pass_a_stranger(self):
        self.choice.clear()
        self.after.copy_from(self._stranger)
        place = Place(999, 1, 1)
        self.fares.decide(
            self._stranger, place, NOON + 60, self.choice, self.decision, self.after
        )

    def tap(self, now, stop=0, vehicle=101, route=1, exit_stop=0, exit_time=0, product=0,
            companions=0):
        """Tap; returns the charge, or the name of the reason if refused."""
        self._pass_a_stranger()
        place = Place(vehicle, route, stop)
        place.exit_stop = exit_stop
        place.exit_time = exit_time
        self.choice.product = product
        self.choice.companions = companions
        decision = self.decision
        after = self.after
        after.copy_from(self.state)
        self.fares.decide(self.state, place, now, self.choice, decision, after)
        if decision.outcome != outcomes.ACCEPTED:
            assert decision.outcome == outcomes.REFUSED
            assert decision.charge_minor == 0
            return outcomes.REASON_NAMES[decision.reason]
        assert decision.reason == outcomes.NO_REASON
        assert decision.charge_minor >= 0
        check_card(after)
        after.seq += 1
        after.spent_counter += 2 * decision.charge_minor + 1
        after.tap_time = now
        assert after.balance_minor() >= 0
        self.state.copy_from(after)
        return decision.charge_minor
