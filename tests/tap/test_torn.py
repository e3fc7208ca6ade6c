"""One fault anywhere in a tap, then the card again: charged exactly once, or told it was not.

Enumerated: the card gone after every frame, every answer lost, every EEPROM write torn in several
ways; each followed by a tap at the same validator, at another one of the same bus, and on another
bus; for a paid ride, a free transfer, a card whose copies have turned once already, a ride that a
cap makes cheaper (extension), and rides on a pass and on a ticket of ten (annex).
"""

from collections.abc import Iterator

import pytest

from host_tools.bench.reader import ClassicCard, Faults
from host_tools.cards.products import SoldProduct
from tests.tap.books import settle
from tests.tap.line import (
    FROM_TODAY,
    NO_FAULTS,
    START,
    TEN_RIDES,
    Told,
    Validator,
    copy_of,
    issued_card,
    spent_on,
    state_of,
)
from tests.tap.town import BUS, DAY_CAP, town

FARE = 10_000
TEAR_SEEDS = 2
SECONDS = ("same", "sibling", "other")


class Case:
    """A card that has ridden `rides` times, and what one ride now must cost.

    The last ride was an hour or, before a `transfer`, a minute ago. With `contracts` (an empty
    tuple: none) or a `fare` of its own the card belongs to the town, else to `flat`.
    """

    def __init__(
        self,
        rides: int = 0,
        transfer: bool = False,
        fare: int | None = None,
        contracts: tuple[SoldProduct, ...] = (),
    ) -> None:
        self.in_town = fare is not None
        self.transfer = transfer
        self.fare = FARE if fare is None else fare
        self.fare = 0 if transfer else self.fare
        card = issued_card(contracts=contracts)
        bus = self.bus("V0", 100)
        for ride in range(rides):
            ago = 60 if transfer and ride == rides - 1 else 7200 * (rides - ride)
            assert bus.tap(card, START - ago).outcome == "accepted"
        self.card = copy_of(card)
        self.buses = [bus]
        self.spent_before = spent_on(self.card)
        self.rides_before = self.rides_left(self.card)

    def bus(self, device_id: str, vehicle: int) -> Validator:
        """A validator that knows this card's tariff."""
        if self.in_town:
            return Validator(device_id, vehicle, tariff=town(), route=BUS)
        return Validator(device_id, vehicle)

    def rides_left(self, card: ClassicCard) -> int:
        """Rides left on the ticket of ten, 0 without one."""
        state, _ = state_of(card)
        return state.contracts[0].rides

    def first(self, faults: Faults = NO_FAULTS) -> tuple[ClassicCard, Validator, Told]:
        """Tap a copy of the card at a new validator, with `faults`."""
        card = copy_of(self.card)
        validator = self.bus("V1", 101)
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
            "sibling": lambda: self.bus("V2", 101),
            "other": lambda: self.bus("V3", 102),
        }[second]()
        card = copy_of(torn)
        again = validator.tap(card, START + 5)
        spent = spent_on(card) - self.spent_before
        assert spent == self.fare, (told, again)
        assert self.rides_left(card) == max(0, self.rides_before - 1), "one ride, however torn"
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
        if second == "same" or not self.in_town:  # the books know nothing of blocks
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


CASES = {
    "first ride": Case(),
    "third ride": Case(2),
    "transfer": Case(1, True),
    "capped": Case(2, fare=DAY_CAP - 2 * FARE),
    "pass": Case(2, fare=0, contracts=(FROM_TODAY,)),
    "ten rides": Case(1, fare=0, contracts=(TEN_RIDES,)),
}


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
    case = CASES[name]
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
    case = Case()
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
    all_faults = list(faults(Case()))
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
