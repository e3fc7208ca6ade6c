"""One fault anywhere in a tap, then the card again: charged exactly once, or told it was not.

Enumerated: the card gone after every frame, every answer lost, every EEPROM write torn in several
ways; each followed by a tap at the same validator, at another one of the same bus, and on another
bus; for a paid ride, a free transfer, and a card whose copies have turned once already.
"""

from collections.abc import Iterator

import pytest

from host_tools.bench.reader import ClassicCard, Faults
from tests.tap.books import settle
from tests.tap.line import (
    NO_FAULTS,
    START,
    Told,
    Validator,
    copy_of,
    issued_card,
    spent_on,
    state_of,
)

FARE = 10_000
TEAR_SEEDS = 2
SECONDS = ("same", "sibling", "other")


def ridden_before(rides: int, last_minute: bool) -> tuple[ClassicCard, list[Validator]]:
    """A card that has ridden `rides` times; the last ride an hour or a minute before START."""
    card = issued_card()
    bus = Validator("V0", 100)
    for ride in range(rides):
        ago = 60 if last_minute and ride == rides - 1 else 7200 * (rides - ride)
        assert bus.tap(card, START - ago).outcome == "accepted"
    return copy_of(card), [bus]


class Case:
    """A card, the buses it meets, and what one ride now must cost."""

    def __init__(self, rides: int, transfer: bool) -> None:
        self.card, self.buses = ridden_before(rides, transfer)
        self.fare = 0 if transfer else FARE
        self.spent_before = spent_on(self.card)
        self.transfer = transfer

    def first(self, faults: Faults = NO_FAULTS) -> tuple[ClassicCard, Validator, Told]:
        """Tap a copy of the card at a new validator, with `faults`."""
        card = copy_of(self.card)
        validator = Validator("V1", 101)
        return card, validator, validator.tap(card, START, faults)

    def counts(self) -> tuple[int, int, int]:
        """Frames, answers and EEPROM writes of a whole tap."""
        card, _, told = self.first()
        assert (told.outcome, told.charged) == ("accepted", self.fare)
        return card.frames, card.answers, card.eeprom_writes

    def then(self, torn: ClassicCard, first: Validator, told: Told, second: str) -> Told:
        """Tap again 5 s later; check the passenger, the card and the books. Returns the last."""
        validator = {
            "same": lambda: first,
            "sibling": lambda: Validator("V2", 101),
            "other": lambda: Validator("V3", 102),
        }[second]()
        card = copy_of(torn)
        again = validator.tap(card, START + 5)
        spent = spent_on(card) - self.spent_before
        assert spent == self.fare, (told, again)
        if told.outcome == "accepted":
            assert told.charged == self.fare
            self.after_accepted(again, second)
        else:
            assert told.charged == 0
            assert (again.outcome, again.charged) == ("accepted", self.fare), (told, again)
        balance = 50_000 - spent_on(card)
        assert again.balance == balance
        state, _ = state_of(card)
        assert state.balance_minor() == balance
        settle([*self.buses, *dict.fromkeys((first, validator))], [card])
        return again

    def after_accepted(self, again: Told, second: str) -> None:
        """Told already: pass-back on this bus, a free transfer elsewhere, or told once more."""
        if again.recovered:
            assert second != "same"
            assert (again.outcome, again.charged) == ("accepted", self.fare)
        elif second == "other":
            assert (again.outcome, again.charged) == ("accepted", 0)
        else:
            assert (again.outcome, again.reason, again.charged) == ("refused", "passback", 0)


CASES = {"first ride": (0, False), "third ride": (2, False), "transfer": (1, True)}


def seconds_for(case: Case) -> tuple[str, ...]:
    """A transfer leaves none over: another bus would rightly charge a new ride."""
    return SECONDS[:2] if case.transfer else SECONDS


def faults(case: Case, tear_seeds: int = TEAR_SEEDS) -> Iterator[Faults]:
    """Every single fault that a whole tap of this case can meet."""
    frames, answers, writes = case.counts()
    assert frames > 20
    assert writes >= 4
    for number in range(1, frames + 1):
        yield Faults(remove_after_frames=number)
    for number in range(1, answers + 1):
        yield Faults(answer_lost=number)
    for number in range(1, writes + 1):
        for seed in range(tear_seeds):
            yield Faults(torn_write=number, seed=seed)


@pytest.mark.parametrize("name", CASES)
def test_one_fault_then_the_card_again(name: str) -> None:
    case = Case(*CASES[name])
    outcomes_seen = set()
    recovered = 0
    for fault in faults(case):
        for second in seconds_for(case):
            torn, validator, told = case.first(fault)
            outcomes_seen.add((told.outcome, told.reason))
            try:
                again = case.then(torn, validator, told, second)
            except AssertionError as error:
                raise AssertionError(f"{fault}, then at {second}: {error}") from error
            recovered += again.recovered
    # the enumeration has met every kind of end
    assert ("accepted", None) in outcomes_seen
    assert ("retap", None) in outcomes_seen
    assert ("refused", "unreadable") in outcomes_seen
    assert recovered > 0


def test_a_card_that_never_comes_back_leaves_its_ride_pending_not_void() -> None:
    case = Case(0, False)
    pending = 0
    for fault in faults(case):
        card, validator, told = case.first(fault)
        charged_unseen = told.outcome != "accepted" and spent_on(card) == FARE
        found = settle([validator], [card], unresolved=None)
        assert not charged_unseen or found.pending == FARE, fault
        assert told.outcome != "refused" or found.pending == 0, fault
        pending += charged_unseen
    assert pending > 0


def test_any_two_faults_in_a_row_cost_one_fare() -> None:
    """Every seventh of all pairs; `make bench` tries every one."""
    fresh = issued_card()
    all_faults = list(faults(Case(0, False)))
    for number in range(0, len(all_faults) ** 2, 7):
        first, second = all_faults[number // len(all_faults)], all_faults[number % len(all_faults)]
        assert charged_once(fresh, first, second), (first, second)


def charged_once(fresh: ClassicCard, first: Faults, second: Faults) -> bool:
    """Two faulty taps and a whole one, all on one bus within a minute: one fare, told once."""
    card = copy_of(fresh)
    validator = Validator("V1", 101)
    told = [validator.tap(card, START, first), validator.tap(card, START + 5, second)]
    told.append(validator.tap(card, START + 10))
    accepted = [one for one in told if one.outcome == "accepted"]
    last_is_right = told[-1].outcome == "accepted" or told[-1].reason == "passback"
    return spent_on(card) == FARE and len(accepted) == 1 and last_is_right
