"""Where the recovery of a lost announcement begins and ends (SPEC §2.6)."""

import pytest

from host_tools.bench.reader import ClassicCard, Faults
from tests.tap.books import settle
from tests.tap.line import START, Told, Validator, copy_of, issued_card, spent_on, state_of
from tests.tap.town import flat

FRESH = issued_card()
WINDOW = flat().tables.recovery_s


def lost_announcement() -> tuple[ClassicCard, Validator]:
    """A card charged at START by a validator that never heard so."""
    for frames in range(20, 30):
        card, validator = copy_of(FRESH), Validator("V1", 101)
        told = validator.tap(card, START, Faults(remove_after_frames=frames))
        if spent_on(card) and told.outcome == "retap":
            return copy_of(card), validator
    for answer in range(15, 30):
        card, validator = copy_of(FRESH), Validator("V1", 101)
        told = validator.tap(card, START, Faults(answer_lost=answer))
        if spent_on(card) and told.outcome == "retap":
            return copy_of(card), validator
    raise AssertionError("no fault loses the answer to the commit")


@pytest.mark.parametrize("later", [1, 3600, WINDOW, -600])
def test_within_the_window_it_is_told_and_nothing_charged(later: int) -> None:
    card, first = lost_announcement()
    other = Validator("V2", 102)
    assert other.tap(card, START + later) == Told("accepted", None, 10_000, 40_000, True)
    assert spent_on(card) == 10_000
    assert state_of(card)[1], "confirmed"
    settle([first, other], [card])


def test_after_the_window_the_next_ride_is_a_ride() -> None:
    card, first = lost_announcement()
    other = Validator("V2", 102)
    told = other.tap(card, START + WINDOW + 1)
    assert (told.outcome, told.charged, told.recovered) == ("accepted", 10_000, False)
    assert spent_on(card) == 20_000
    settle([first, other], [card])


def test_pass_back_counts_from_when_the_passenger_was_told() -> None:
    card, validator = lost_announcement()
    assert validator.tap(card, START + 70).recovered
    for later in (71, 129):
        told = validator.tap(card, START + later)
        assert (told.outcome, told.reason, told.charged) == ("refused", "passback", 0)
    assert validator.tap(card, START + 130).charged == 10_000


def test_pass_back_is_of_the_bus_that_told_not_of_the_one_that_charged() -> None:
    card, _ = lost_announcement()
    other = Validator("V2", 102)
    assert other.tap(card, START + 70).recovered
    told = other.tap(card, START + 73)
    assert (told.outcome, told.reason) == ("refused", "passback")
    other.validation.place.vehicle = 103
    told = other.tap(card, START + 76)
    assert (told.outcome, told.charged) == ("accepted", 0), "another bus now: a transfer"


def test_the_same_validator_remembers_over_a_boot() -> None:
    card, validator = copy_of(FRESH), Validator("V1", 101)
    validator.tap(card, START, Faults(remove_after_frames=26))
    assert not state_of(card)[1]
    validator.tap(issued_card("04a1b2c9"), START + 5)
    validator.boot()
    told = validator.tap(card, START + 20)
    assert (told.outcome, told.reason) == ("refused", "passback")


def test_who_tears_every_confirmation_off_rides_no_longer_than_the_window() -> None:
    card = copy_of(FRESH)
    rides = []
    for number in range(6):
        bus = Validator(f"V{number}", 101 + number)
        torn = Faults(remove_after_frames=18 if number else 26)  # in the midst of the RESTORE
        told = bus.tap(card, START + number * 4 * 3600, torn)
        rides.append((told.outcome, told.recovered))
        card = copy_of(card)
    assert rides[:4] == [("accepted", False)] + [("accepted", True)] * 3
    assert all(outcome != "accepted" for outcome, _ in rides[4:]), "from then on a ride is a ride"


def test_buses_without_a_number_do_not_take_each_other_for_the_same() -> None:
    card = copy_of(FRESH)
    assert Validator("V1", 0).tap(card, START).charged == 10_000
    told = Validator("V2", 0).tap(card, START + 30)
    assert (told.outcome, told.charged) == ("accepted", 0)


def test_a_tap_by_a_clock_days_ahead_does_not_lock_the_card_out() -> None:
    card = copy_of(FRESH)
    validator = Validator("V1", 101)
    assert validator.tap(card, START + 2 * 86_400).charged == 10_000
    told = Validator("V2", 101).tap(card, START)
    assert (told.outcome, told.charged) == ("accepted", 10_000)
