"""Passes, purchases, companions, caps and check-out through cards, journals and books.

What a ride costs is the engine's and tested there; here it is that a card torn anywhere, or a
validator that dies anywhere, never charges twice, never sells half a pass, never loses a check-in.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from host_tools.bench.nor import PowerCut
from host_tools.bench.reader import ClassicCard, Faults
from host_tools.cards.products import SoldProduct
from protocol import tap
from protocol.cards.state import CardState
from protocol.journal import records
from tests.tap import session
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
from tests.tap.town import (
    BUS,
    LONGEST_FARE,
    MONTH,
    MONTH_PRICE,
    RIDE,
    SHORT_FARE,
    TRAIN,
    town,
)

FARE = 10_000
RICH = 500_000
TWO_REDUCED = 0x12
ONE_ADULT = 0x0100
ACTIONS_MAX = 40


def bus(device_id: str = "V1", vehicle: int = 101) -> Validator:
    return Validator(device_id, vehicle, tariff=town(), route=BUS)


def train(device_id: str = "T1", vehicle: int = 201, stop: int = 1) -> Validator:
    return Validator(device_id, vehicle, tariff=town(), route=TRAIN, stop=stop)


def rich(uid: str = "04c1b2c3", contracts: tuple[SoldProduct, ...] = ()) -> ClassicCard:
    return issued_card(uid, RICH, contracts=contracts)


def bodies(validator: Validator, kind: int) -> list[dict[str, Any]]:
    """All records of one kind in a validator's journal."""
    slots = [record for record in validator.journal() if record is not None]
    return [records.parse_body(record) for record in slots if record[4] == kind]


def products_on(card: ClassicCard) -> list[int]:
    state, _ = state_of(card)
    return [contract.product for contract in state.contracts if contract.product]


def faults_of(whole: ClassicCard) -> Iterator[Faults]:
    """Every single fault that the tap which `whole` has just had could have met."""
    for number in range(1, whole.frames + 1):
        yield Faults(remove_after_frames=number)
    for number in range(1, whole.answers + 1):
        yield Faults(answer_lost=number)
    for number in range(1, whole.eeprom_writes + 1):
        yield Faults(torn_write=number, seed=number)


def cut_before(number: int) -> Callable[[int], None]:
    """The supply fails before the `number`-th action of a tap."""
    count = 0

    def before_action(_action: int) -> None:
        nonlocal count
        count += 1
        if count == number:
            raise PowerCut

    return before_action


def until_accepted(validator: Validator, card: ClassicCard, now: int) -> tuple[Told, ClassicCard]:
    """Tap every five seconds until it is accepted, as people do."""
    for again in range(3):
        card = copy_of(card)
        told = validator.tap(card, now + 5 * again)
        if told.outcome == "accepted":
            return told, card
    raise AssertionError(f"never accepted: {told}")


# -- how many commands a tap takes --------------------------------------------------------------


def commands_of(validator: Validator, card: ClassicCard, now: int) -> int:
    seen: list[int] = []
    assert validator.tap(card, now, NO_FAULTS, seen.append).outcome == "accepted"
    return seen.count(tap.EXCHANGE)


@pytest.mark.parametrize(
    ("contracts", "wanted"), [((), 16), ((FROM_TODAY,), 20), ((TEN_RIDES, FROM_TODAY), 20)]
)
def test_commands_of_a_ride(contracts: tuple[SoldProduct, ...], wanted: int) -> None:
    card = rich(contracts=contracts)
    assert bus().tap(card, START - 7200).outcome == "accepted"
    assert commands_of(bus(), copy_of(card), START) == wanted


def test_commands_of_a_check_in_and_out_after_a_ride() -> None:
    card = rich()
    assert bus().tap(card, START - 300).outcome == "accepted"
    one = train()
    card = copy_of(card)
    assert commands_of(one, card, START) == 20, "all blocks written, two of them read"
    one.go_to(2)
    assert commands_of(one, copy_of(card), START + 600) == 23, "the base block is written no more"


# -- passes -------------------------------------------------------------------------------------


def test_a_pass_holder_is_told_again_after_a_lost_announcement() -> None:
    whole = rich(contracts=(FROM_TODAY,))
    fresh = copy_of(whole)
    bus().tap(whole, START)
    recovered = 0
    for fault in faults_of(whole):
        card = copy_of(fresh)
        first = bus("V1")
        told = first.tap(card, START, fault)
        again = bus("V2", 102).tap(card := copy_of(card), START + 5)
        assert (again.outcome, again.charged) == ("accepted", 0), (fault, told, again)
        assert spent_on(card) == 0
        assert products_on(card) == [MONTH]
        recovered += again.recovered
    assert recovered > 2


def test_tampered_contracts_are_a_bad_signature_and_in_the_journal() -> None:
    fresh = rich(contracts=(FROM_TODAY, TEN_RIDES))
    contracts = 16 * 40  # block 0 of the annex of copy 1, SPEC §2.1
    for position in range(contracts, contracts + 16):
        image = bytearray(fresh.image)
        image[position] ^= 0x01
        card = ClassicCard(fresh.uid, size=fresh.size, image=bytes(image))
        validator = bus()
        told = validator.tap(card, START)
        assert (told.outcome, told.reason) == ("refused", "bad_signature")
        assert bytes(card.image) == bytes(image), "nothing written"
        assert bodies(validator, records.OUTCOME)[-1]["reason"] == 14


# -- buying on board ----------------------------------------------------------------------------


def seller() -> Validator:
    validator = bus()
    validator.validation.choice.product = MONTH
    return validator


def check_bought_once(card: ClassicCard, *validators: Validator) -> None:
    assert products_on(card) == [MONTH]
    assert spent_on(card) == MONTH_PRICE
    settle(validators, [card], RICH)


def test_what_is_bought_is_charged_once_wherever_the_card_is_torn() -> None:
    fresh = rich()
    whole = copy_of(fresh)
    assert seller().tap(whole, START) == Told("accepted", None, MONTH_PRICE, RICH - MONTH_PRICE)
    torn = 0
    for fault in faults_of(whole):
        card = copy_of(fresh)
        validator = seller()
        told = validator.tap(card, START, fault)
        armed = validator.validation.choice.product
        assert armed == (0 if told.outcome == "accepted" else MONTH), (fault, told)
        if told.outcome != "accepted":
            torn += 1
            told, card = until_accepted(validator, card, START + 5)
        assert told.charged == MONTH_PRICE, fault
        assert not validator.validation.choice.product
        check_bought_once(copy_of(card), validator)
        later = validator.tap(card := copy_of(card), START + 3600)
        assert (later.outcome, later.charged) == ("accepted", 0), fault
    assert torn > 30


def test_a_purchase_torn_here_and_finished_elsewhere_is_a_pass_or_a_ride() -> None:
    fresh = rich()
    whole = copy_of(fresh)
    seller().tap(whole, START)
    seen = set()
    for fault in faults_of(whole):
        card = copy_of(fresh)
        first, other = seller(), bus("V2", 102)
        told = first.tap(card, START, fault)
        again, card = until_accepted(other, card, START + 5)
        bought = products_on(card) == [MONTH]
        assert bought or not products_on(card)
        assert spent_on(card) == (MONTH_PRICE if bought else FARE), (fault, told, again)
        settle([first, other], [card], RICH)
        seen.add((told.outcome == "accepted", bought, again.recovered))
    assert seen >= {(False, True, True), (False, False, False), (True, True, True)}


def test_a_purchase_survives_a_power_cut_anywhere() -> None:
    fresh = rich()
    bought = 0
    for number in range(1, ACTIONS_MAX):
        card = copy_of(fresh)
        validator = seller()
        told = validator.tap(card, START, NO_FAULTS, cut_before(number))
        if number > 24:
            break
        validator.boot()  # what was armed is forgotten
        again = validator.tap(card := copy_of(card), START + 5)
        has_pass = products_on(card) == [MONTH]
        assert spent_on(card) == (MONTH_PRICE if has_pass else FARE), (number, told, again)
        settle([validator], [card], RICH)
        bought += has_pass
    assert bought > 3


def test_a_refusal_leaves_armed_what_was_armed() -> None:
    validator = seller()
    poor = issued_card("04c1b2c4", MONTH_PRICE - 1)
    told = validator.tap(poor, START)
    assert (told.reason, validator.validation.choice.product) == ("insufficient_funds", MONTH)
    assert validator.tap(rich(), START + 5).charged == MONTH_PRICE
    told = validator.tap(issued_card("04c1b2c5"), START + 10)
    assert told.charged == FARE, "the next passenger rides as always"


# -- companions ---------------------------------------------------------------------------------


def test_companions_are_journalled_and_recovered() -> None:
    fresh = rich()
    whole = copy_of(fresh)
    validator = bus()
    validator.validation.choice.companions = TWO_REDUCED
    assert validator.tap(whole, START).charged == 2 * FARE
    intent = bodies(validator, records.INTENT)[-1]
    assert (intent["riders"], intent["companions"]) == (3, TWO_REDUCED)
    assert bodies(validator, records.OUTCOME)[-1]["riders"] == 3
    recovered = 0
    for fault in faults_of(whole):
        card = copy_of(fresh)
        validator = bus()
        validator.validation.choice.companions = TWO_REDUCED
        if validator.tap(card, START, fault).outcome != "accepted":
            told, card = until_accepted(validator, card, START + 5)
            assert told.charged == 2 * FARE
            outcome = bodies(validator, records.OUTCOME)[-1]
            assert (outcome["riders"], outcome["rider_category"]) == (3, 0)
            assert outcome["product"] == RIDE
            recovered += told.recovered
        assert spent_on(copy_of(card)) == 2 * FARE
    assert recovered


def test_companions_of_two_categories_are_journalled() -> None:
    validator = bus()
    validator.validation.choice.companions = TWO_REDUCED | ONE_ADULT
    assert validator.tap(rich(), START).charged == 3 * FARE
    intent = bodies(validator, records.INTENT)[-1]
    assert (intent["riders"], intent["companions"]) == (4, TWO_REDUCED | ONE_ADULT)


# -- concessions --------------------------------------------------------------------------------


def test_a_concession_that_has_ended_leaves_the_full_fare() -> None:
    today = (START + 18_000) // 86_400
    for until, charge, category in ((today, 5_000, 1), (today - 1, FARE, 0)):
        card = issued_card("04c1b2c6", category=1, concession_until=until)
        validator = bus()
        assert validator.tap(card, START) == Told("accepted", None, charge, 50_000 - charge)
        assert bodies(validator, records.INTENT)[-1]["rider_category"] == category
        assert bodies(validator, records.OUTCOME)[-1]["rider_category"] == category
        assert state_of(card)[0].rider_category == 1, "the card keeps its category"
        assert state_of(card)[0].concession_ends


def test_who_was_told_too_late_keeps_the_concession_of_that_day() -> None:
    today = (START + 18_000) // 86_400
    midnight = 86_400 * (today + 1) - 18_000
    fresh = issued_card("04c1b2c6", category=1, concession_until=today)
    whole = copy_of(fresh)
    bus().tap(whole, midnight - 1)
    recovered = 0
    for fault in faults_of(whole):
        card = copy_of(fresh)
        validator = bus()
        validator.tap(card, midnight - 1, fault)
        told = validator.tap(copy_of(card), midnight + 4)
        if told.recovered:
            recovered += 1
            assert told.charged == 5_000
            assert bodies(validator, records.OUTCOME)[-1]["rider_category"] == 1
    assert recovered


# -- check-in and check-out ---------------------------------------------------------------------


def test_in_and_out_within_the_pass_back_window() -> None:
    card = rich()
    one = train()
    assert one.tap(card, START) == Told("accepted", None, 0, RICH)
    assert state_of(card)[0].checked_in
    told = one.tap(card := copy_of(card), START + 10)
    assert (told.outcome, told.reason) == ("refused", "passback"), "at the same stop"
    one.go_to(2)
    told = one.tap(card := copy_of(card), START + 20)
    assert (told.outcome, told.charged) == ("accepted", SHORT_FARE)
    assert not state_of(card)[0].checked_in
    assert bodies(one, records.INTENT)[-1]["flags"] & records.FLAG_CHECKOUT
    assert bodies(one, records.OUTCOME)[-1]["flags"] & records.FLAG_CHECKOUT
    settle([one], [card], RICH)


def test_a_check_in_torn_anywhere_is_one_check_in() -> None:
    fresh = rich()
    whole = copy_of(fresh)
    train().tap(whole, START)
    for fault in faults_of(whole):
        card = copy_of(fresh)
        one = train()
        told = one.tap(card, START, fault)
        if told.outcome != "accepted":
            told, card = until_accepted(one, card, START + 5)
        card = copy_of(card)
        assert (told.charged, spent_on(card), state_of(card)[0].checked_in) == (0, 0, True), fault
        one.go_to(2)
        told = one.tap(card, START + 30)
        assert (told.outcome, told.charged) == ("accepted", SHORT_FARE), fault
        settle([one], [copy_of(card)], RICH)


def test_a_check_out_torn_anywhere_is_paid_once() -> None:
    fresh = rich()
    train().tap(fresh, START)
    whole = copy_of(fresh)
    train(stop=2).tap(whole, START + 600)
    for fault in faults_of(whole):
        card = copy_of(fresh)
        one = train("T2", stop=2)
        told = one.tap(card, START + 600, fault)
        if told.outcome != "accepted":
            told, card = until_accepted(one, card, START + 605)
        card = copy_of(card)
        assert told.charged == spent_on(card) == SHORT_FARE, fault
        assert not state_of(card)[0].checked_in, fault
        told = one.tap(card, START + 640)
        assert (told.outcome, told.reason) == ("refused", "passback"), fault


def test_a_lost_check_in_is_told_at_the_next_stop_and_may_leave_there() -> None:
    fresh = rich()
    whole = copy_of(fresh)
    train().tap(whole, START)
    recovered = 0
    for fault in faults_of(whole):
        card = copy_of(fresh)
        one = train()
        if one.tap(card, START, fault).outcome == "accepted":
            continue
        one.go_to(2)
        told, card = until_accepted(one, card, START + 20)
        card = copy_of(card)
        assert state_of(card)[0].checked_in, fault
        if told.recovered:
            recovered += 1
            outcome = bodies(one, records.OUTCOME)[-1]
            assert (outcome["product"], outcome["charge"]) == (0, 0), "nothing was sold"
            told = one.tap(card, START + 30)
            assert (told.outcome, told.charged) == ("accepted", SHORT_FARE), fault
    assert recovered


def test_a_lost_check_in_that_goes_on_with_a_ride_is_no_transfer() -> None:
    def check_in_again(after: CardState) -> None:
        after.vehicle = 201
        after.journey_legs = 2
        after.checked_in = after.leg_block = after.annexed = True
        after.leg_network, after.leg_from_stop, after.leg_exit_stop = TRAIN, 1, 1

    recovered = 0
    for number in range(1, 30):
        card = issued_card()
        session.present(card, check_in_again, now=START, faults=Faults(answer_lost=number))
        one = train(stop=2)
        if one.tap(copy_of(card), START + 5).recovered:
            recovered += 1
            assert not bodies(one, records.OUTCOME)[-1]["flags"] & records.FLAG_TRANSFER
    assert recovered


def test_a_missed_check_out_is_charged_once_wherever_the_card_is_torn() -> None:
    fresh = rich()
    train().tap(fresh, START)
    fresh = copy_of(fresh)
    whole = copy_of(fresh)
    validator = bus()
    assert validator.tap(whole, START + 4000).charged == LONGEST_FARE + FARE
    assert bodies(validator, records.INTENT)[-1]["flags"] & records.FLAG_MISSED
    for fault in faults_of(whole):
        card = copy_of(fresh)
        validator = bus()
        told = validator.tap(card, START + 4000, fault)
        if told.outcome != "accepted":
            told, card = until_accepted(validator, card, START + 4005)
        card = copy_of(card)
        assert told.charged == spent_on(card) == LONGEST_FARE + FARE, fault


def test_check_in_and_out_survive_a_power_cut_anywhere() -> None:
    fresh = rich()
    for stop, at in ((1, START), (2, START + 600)):
        whole = copy_of(fresh)
        for number in range(1, ACTIONS_MAX):
            card = copy_of(fresh)
            one = train("T2", stop=stop)
            if one.tap(card, at, NO_FAULTS, cut_before(number)).outcome == "accepted":
                break
            one.boot()
            told, card = until_accepted(one, card, at + 5)
            card = copy_of(card)
            assert told.charged == spent_on(card) == (SHORT_FARE if stop == 2 else 0), number
            assert state_of(card)[0].checked_in == (stop == 1), number
        train(stop=stop).tap(whole, at)
        fresh = copy_of(whole)


def test_caps_are_journalled() -> None:
    card = rich()
    one = bus()
    charged = [one.tap(card := copy_of(card), START + 3600 * ride).charged for ride in range(4)]
    assert charged == [FARE, FARE, 5_000, 0]
    flags = [body["flags"] & records.FLAG_CAPPED for body in bodies(one, records.INTENT)]
    assert [bool(flag) for flag in flags] == [False, False, True, True]
    settle([one], [copy_of(card)], RICH)
