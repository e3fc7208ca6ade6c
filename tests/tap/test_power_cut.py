"""The validator loses its power in the middle of a tap: at any flash operation, at any action.

After boot nothing acknowledged is lost, nothing counted twice, and an INTENT without OUTCOME is
settled by the card's next sighting, wherever that is.
"""

from collections.abc import Callable

import pytest

from host_tools.bench.nor import PowerCut
from host_tools.bench.reader import ClassicCard
from protocol import tap
from protocol.journal import records
from tests.tap.books import settle
from tests.tap.line import NO_FAULTS, START, Validator, copy_of, issued_card, spent_on

FARE = 10_000
FRESH = issued_card()
ACTIONS_OF_A_TAP = 17  # 14 exchanges, 2 records, 1 announcement; the test checks it
LATER = ("same", "other")


def fail_at(number: int) -> Callable[[int], None]:
    """Raise PowerCut before the `number`-th action (from 1) is carried out."""
    count = 0

    def before_action(_action: int) -> None:
        nonlocal count
        count += 1
        if count == number:
            raise PowerCut

    return before_action


def again(card: ClassicCard, dead: Validator, where: str) -> list[Validator]:
    """Boot the dead validator, tap the card at it or on another bus; the validators met."""
    acknowledged = list(dead.acknowledged)
    dead.boot()
    kept = dead.journal()
    for seq, kind, body in acknowledged:
        record = kept[seq]
        assert record is not None, "a record that was durable is gone"
        assert record[4] == kind
        assert record[records.BODY_OFFSET :][: records.BODY_BYTES] == body
    validator = dead if where == "same" else Validator("V3", 102)
    told = validator.tap(card, START + 20)
    if dead.told.outcome == "accepted" and validator is not dead:
        assert (told.outcome, told.charged) in (("accepted", FARE), ("accepted", 0))
        assert told.recovered == (told.charged == FARE)
    elif dead.told.outcome != "accepted" or told.recovered:
        assert (told.outcome, told.charged) == ("accepted", FARE)
    return [dead] if validator is dead else [dead, validator]


def check(card: ClassicCard, dead: Validator, where: str) -> None:
    torn = copy_of(card)
    first_told = dead.told
    met = again(torn, dead, where)
    if where == "same" and first_told.outcome == "accepted" and not dead.told.recovered:
        assert (dead.told.outcome, dead.told.reason) == ("refused", "passback")
    assert spent_on(torn) == FARE
    settle(met, [torn])
    settle(met[::-1], [torn])


@pytest.mark.parametrize("where", LATER)
@pytest.mark.parametrize("torn", [False, True])
def test_every_flash_operation_of_a_tap(where: str, torn: bool) -> None:
    whole = Validator("V1", 101)
    before = whole.nor.ops
    whole.tap(copy_of(FRESH), START)
    operations = whole.nor.ops - before
    assert operations == 2  # INTENT and OUTCOME
    for number in range(1, operations + 1):
        for seed in range(6 if torn else 1):
            validator = Validator("V1", 101)
            card = copy_of(FRESH)
            validator.nor.arm_cut(number, torn=torn, seed=seed)
            validator.tap(card, START)
            assert not validator.nor.powered
            check(card, validator, where)


@pytest.mark.parametrize("where", LATER)
def test_between_any_two_actions_of_a_tap(where: str) -> None:
    for number in range(1, ACTIONS_OF_A_TAP + 1):
        validator = Validator("V1", 101)
        card = copy_of(FRESH)
        validator.tap(card, START, NO_FAULTS, fail_at(number))
        check(card, validator, where)


def test_the_number_of_actions_is_what_the_cuts_assume() -> None:
    seen = []
    Validator("V1", 101).tap(copy_of(FRESH), START, NO_FAULTS, seen.append)
    assert len(seen) == ACTIONS_OF_A_TAP
    assert seen.count(tap.EXCHANGE) == 14
    assert seen.count(tap.JOURNAL) == 2


def test_an_intent_whose_card_never_comes_back_stays_unresolved_and_the_books_balance() -> None:
    validator = Validator("V1", 101)
    card = copy_of(FRESH)
    validator.tap(card, START, NO_FAULTS, fail_at(ACTIONS_OF_A_TAP - 3))  # after the TRANSFER
    validator.boot()
    found = settle([validator], [card], unresolved=1)
    assert found.revenue == 0
    assert found.pending == FARE


def test_cut_after_cut_at_the_same_card() -> None:
    """Ten boots in a row, each cut one action later; then one ride is paid."""
    validator = Validator("V1", 101)
    card = copy_of(FRESH)
    for number in range(8, 18):
        told = validator.tap(card, START + number, NO_FAULTS, fail_at(number))
        validator.boot()
        if told.outcome == "accepted":
            break
    told = validator.tap(card, START + 30)
    assert spent_on(card) == FARE
    settle([validator], [copy_of(card)])


def test_the_order_of_a_tap_is_that_of_the_specification() -> None:
    """SPEC §2.5: INTENT before any write to the card, OUTCOME before the announcement."""
    validator = Validator("V1", 101)
    seen: list[str] = []

    def note(action: int) -> None:
        if action == tap.JOURNAL:
            seen.append(records.KIND_NAMES[validator.validation.record_kind] or "")
        elif action == tap.ANNOUNCE:
            seen.append("announce")
        else:
            seen.append(f"{validator.validation.tx[0]:02x}")

    validator.tap(copy_of(FRESH), START, NO_FAULTS, note)
    reading = ["60", "30", "30", "61", "30", "30"]
    committing = ["61", "a0", "a0", "60", "c0", "b0"]
    confirming = ["c2", "b0"]
    wanted = [*reading, "intent", *committing, "outcome", "announce", *confirming]
    assert seen == wanted


def test_wherever_the_power_fails_the_journal_alone_knows_of_the_money() -> None:
    """The card never comes back: what it paid is pending or earned; what was told is earned."""
    told_of = 0
    for number in range(1, ACTIONS_OF_A_TAP + 1):
        validator = Validator("V1", 101)
        card = copy_of(FRESH)
        told = validator.tap(card, START, NO_FAULTS, fail_at(number))
        validator.boot()
        found = settle([validator], [card], unresolved=None)
        assert spent_on(card) <= found.revenue + found.pending, number
        if told.outcome == "accepted":
            told_of += 1
            assert (found.revenue, found.pending) == (FARE, 0), number
    assert told_of == 2  # cut before the RESTORE, and before the last TRANSFER
