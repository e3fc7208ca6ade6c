"""Runs a corpus of taps through the fare engine, the same under CPython and in the VM.

    micropython tests/fares/tap_runner.py REPOSITORY CORPUS…

A corpus is text; a line is a letter and integers:

    T NAME                 the tariff from here on: the file NAME beside the corpus
    C category balance valid_until concession_ends (product start rides) x 2
                           a new card
    P now vehicle route stop exit_stop exit_time product companions
                           it is held to a validator

For each P one line is printed: the decision and, if it was accepted, the card's state afterwards.
What blocks not in use would carry is forgotten between taps, as on a real card.
"""

import sys

_DECISION = (
    "outcome", "reason", "charge_minor", "product", "transfer", "capped", "riders", "companions",
    "rider_category", "checkout", "missed",
)
_CORE = (
    "tap_time", "rider_category", "valid_until", "vehicle", "concession_ends", "extended",
    "annexed", "leg_block", "base_block", "journey_legs", "run_transfers", "journey_age_s",
)
_EXTENSION = (
    "spent_day_minor", "spent_week_minor", "spent_month_minor", "credit_minor", "leg_group",
    "leg_product", "companions",
)
_LEG_BLOCK = (
    "checked_in", "leg_network", "leg_from_stop", "leg_exit_stop", "leg_age_s", "leg_ride_s",
    "run_ride_s",
)
_BASE_BLOCK = (
    "base_credit_minor", "base_group", "base_product", "base_legs", "base_run_transfers",
    "base_age_s", "base_leg_age_s", "base_ride_s", "base_run_ride_s", "base_companions",
)
STATE = _CORE + _EXTENSION + _LEG_BLOCK + _BASE_BLOCK


def new_card(state, numbers):
    """Make `state` the card of a C line."""
    state.clear()
    state.seq = 1
    state.spent_counter = 1
    state.rider_category = numbers[0]
    state.granted_minor = numbers[1]
    state.valid_until = numbers[2]
    state.concession_ends = bool(numbers[3])
    for slot in range(2):
        contract = state.contracts[slot]
        contract.product, contract.start, contract.rides = numbers[4 + 3 * slot:7 + 3 * slot]
        state.annexed = state.annexed or contract.product != 0


def forget_unused(state):
    """What is not in use is not on the card: it reads as zero."""
    if not state.extended:
        for name in _EXTENSION:
            setattr(state, name, 0)
    if not state.annexed:
        state.contracts[0].clear()
        state.contracts[1].clear()
    if not state.annexed or not state.leg_block:
        for name in _LEG_BLOCK:
            setattr(state, name, 0)
        state.checked_in = False
    if not state.annexed or not state.base_block:
        for name in _BASE_BLOCK:
            setattr(state, name, 0)


def commit(state, after, charge_minor, now):
    """The card after an accepted tap: `after` becomes `state`."""
    after.seq += 1
    after.spent_counter += 2 * charge_minor + 1
    after.tap_time = now
    state.copy_from(after)
    forget_unused(state)


def fields(one, names):
    """The values of these attributes as text."""
    return " ".join([str(int(getattr(one, name))) for name in names])


def contracts_of(state):
    """Both contracts as text."""
    return " ".join([fields(one, ("product", "start", "rides")) for one in state.contracts])


class TapRunner:
    """One validator after another, one card after another."""

    def __init__(self, folder):
        from protocol.cards.state import CardState
        from protocol.fares.engine import Choice, Decision
        from protocol.fares.tariff import Place

        self._folder = folder
        self._state = CardState()
        self._after = CardState()
        self._place = Place()
        self._choice = Choice()
        self.decision = Decision()
        self.fares = None
        self.store = None  # of the tariff's payload

    def open_tariff(self, name):
        """Use the compiled tariff in the file `name`."""
        from protocol.fares.engine import Fares
        from protocol.fares.tariff import BytesStore, Tariff

        with open(self._folder + "/" + name, "rb") as file:
            self.store = BytesStore(file.read())
        self.fares = Fares(Tariff(self.store))

    def tap(self, numbers):
        """Decide one P line; the answer as text."""
        place = self._place
        choice = self._choice
        now = numbers[0]
        place.vehicle, place.route, place.stop, place.exit_stop, place.exit_time = numbers[1:6]
        choice.product, choice.companions = numbers[6:8]
        after = self._after
        after.copy_from(self._state)
        decision = self.decision
        self.fares.decide(self._state, place, now, choice, decision, after)
        said = fields(decision, _DECISION)
        if decision.outcome:
            return said
        commit(self._state, after, decision.charge_minor, now)
        state = self._state
        parts = (said, str(state.balance_minor()), fields(state, STATE), contracts_of(state))
        return " | ".join(parts)

    def line(self, line):
        """Carry out one line; the answer to a tap, else None."""
        words = line.split()
        if words[0] == "T":
            self.fares = None
            self.open_tariff(words[1])
            return None
        numbers = [int(word) for word in words[1:]]
        if words[0] == "C":
            new_card(self._state, numbers)
            return None
        return self.tap(numbers)


def answers(path):
    """The answers to a corpus, one by one."""
    runner = TapRunner(path.rsplit("/", 1)[0])
    with open(path) as corpus:
        for line in corpus:
            answer = runner.line(line)
            if answer is not None:
                yield answer


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    for one_path in sys.argv[2:]:
        for one_answer in answers(one_path):
            print(one_answer)
