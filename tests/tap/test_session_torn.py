"""Every choice of blocks on a card, torn everywhere: the card says the old state or the new one.

Enumerated for cards with and without extension and annex before and after the transaction: the
card gone after every frame, every answer lost, every EEPROM write torn in several ways, in the
transaction and in the one that tries again.
"""

from collections.abc import Iterator

import pytest

from host_tools.bench.reader import ClassicCard, Faults
from protocol.cards import classic
from protocol.cards.classic_session import ClassicSession
from protocol.cards.state import START_FIRST_USE, CardState
from protocol.errors import CardLost, LayoutError
from protocol.outcomes import MEDIUM_CLASSIC1K
from tests.tap.line import copy_of, issued_card
from tests.tap.session import STORE, Change, Presented, present

FRESH = issued_card()
TEAR_SEEDS = 2
CHARGE = 700
CORE, EXTENSION, CONTRACTS, LEG, BASE = range(5)  # each with all of those before it
COUNTS = {CORE: 14, EXTENSION: 16, CONTRACTS: 20, LEG: 22, BASE: 24}


def change_to(blocks: int, salt: int) -> Change:
    """Put the blocks up to `blocks` in use, every one of them full of bytes that `salt` names."""

    def change(state: CardState) -> None:
        state.extended = blocks >= EXTENSION
        state.annexed = blocks >= CONTRACTS
        state.leg_block = blocks >= LEG
        state.base_block = blocks >= BASE
        state.clear_journey()
        state.spent_day_minor = state.spent_week_minor = state.spent_month_minor = 0
        for contract in state.contracts:
            contract.clear()
        state.journey_legs = 1 + salt % 15
        state.vehicle = 100 + salt
        if state.extended:
            state.spent_day_minor = 0x10203 * salt
            state.credit_minor = 77 * salt
            state.companions = 0x1100 | salt
        if state.annexed:
            first, second = state.contracts
            first.product, first.start, first.rides = salt, 70_000 + salt, 0
            second.product, second.start, second.rides = salt + 1, START_FIRST_USE, 200 - salt
        if state.leg_block:
            state.checked_in = bool(salt & 1)
            state.leg_from_stop = state.leg_exit_stop = 500 + salt
        if state.base_block:
            state.base_credit_minor = 0xF0000 + salt
            state.base_companions = salt

    return change


def lived_in(blocks: int) -> ClassicCard:
    """A card after three transactions with these blocks in use, the last of them announced."""
    card = copy_of(FRESH)
    for number in range(3):
        done = present(card, change_to(blocks, 3 + number), CHARGE, 900 + number)
        assert done.committed, done.error
    return copy_of(card)


LIVED_IN = {blocks: lived_in(blocks) for blocks in COUNTS}


@pytest.mark.parametrize("blocks", COUNTS)
def test_commands_of_a_tap(blocks: int) -> None:
    done = present(copy_of(LIVED_IN[blocks]), change_to(blocks, 9))
    assert (done.exchanges, done.error) == (COUNTS[blocks], None)


def faults_of(card: ClassicCard) -> Iterator[Faults]:
    """Every single fault that the presentation which `card` has just had could have met."""
    for number in range(1, card.frames + 1):
        yield Faults(remove_after_frames=number)
    for number in range(1, card.answers + 1):
        yield Faults(answer_lost=number)
    for number in range(1, card.eeprom_writes + 1):
        for seed in range(TEAR_SEEDS):
            yield Faults(torn_write=number, seed=seed)


def check(card: ClassicCard, done: Presented, before: Presented) -> bool:
    """What an onlooker reads after `done`: True if it is the new state."""
    seen = present(copy_of(card))
    assert seen.error is None, seen.error
    is_new = seen.before == done.after and done.after["seq"] == before.before["seq"] + 1
    if not is_new:
        assert seen.before == before.before
        assert seen.announced
        assert not done.committed
        return False
    assert done.transfer_sent
    if not seen.announced:
        assert seen.last_charge_minor == CHARGE
    return True


@pytest.mark.parametrize(
    ("before", "after"),
    [(CORE, EXTENSION), (EXTENSION, EXTENSION), (EXTENSION, BASE), (CONTRACTS, CONTRACTS),
     (BASE, BASE), (BASE, CORE), (CORE, BASE), (LEG, CONTRACTS)],
)  # fmt: skip
def test_torn_anywhere_it_says_the_old_state_or_the_new_one(before: int, after: int) -> None:
    fresh = LIVED_IN[before]
    whole = copy_of(fresh)
    assert present(whole, change_to(after, 9), CHARGE).committed
    old = present(copy_of(fresh))
    seen = set()
    for fault in faults_of(whole):
        card = copy_of(fresh)
        done = present(card, change_to(after, 9), CHARGE, faults=fault)
        try:
            new = check(card, done, old)
        except AssertionError as error:
            raise AssertionError(f"{fault}: {error}") from error
        seen.add((new, done.committed))
        again = present(copy_of(card), change_to(after, 12), CHARGE)
        spent = CHARGE * (new + 1)
        assert again.committed, fault
        counter, seq = again.after["spent_counter"], again.after["seq"]
        assert (counter - seq) // 2 == 3 * CHARGE + spent
    assert seen == {(False, False), (True, False), (True, True)}


def test_a_state_that_the_card_cannot_say_is_not_sealed() -> None:
    session = ClassicSession(STORE.vault(("read", "debit", "state")))
    session.start(FRESH.uid, MEDIUM_CLASSIC1K)
    assert session.seal(CHARGE, 1000)
    tag = session.after.tag
    session.after.leg_age_s, session.after.leg_block, session.after.annexed = 1 << 16, True, True
    assert not session.seal(CHARGE, 1000)
    assert session.after.tag == tag
    assert not session.wrote


def test_torn_again_and_again_it_still_says_one_of_the_two() -> None:
    """Two faults in a row on a card with everything in use, every seventeenth pair."""
    fresh = LIVED_IN[BASE]
    whole = copy_of(fresh)
    present(whole, change_to(BASE, 9), CHARGE)
    faults = list(faults_of(whole))
    for number in range(0, len(faults) ** 2, 17):
        card = copy_of(fresh)
        first, second = faults[number // len(faults)], faults[number % len(faults)]
        present(card, change_to(BASE, 9), CHARGE, faults=first)
        card = copy_of(card)
        old = present(copy_of(card))
        if not old.announced:
            continue  # a transaction only begins on a card whose last one is announced
        done = present(card, change_to(BASE, 12), CHARGE, faults=second)
        if done.after["seq"]:
            check(card, done, old)
        else:
            assert present(copy_of(card)).before == old.before


def with_key(card: ClassicCard, sector: int, at: int) -> ClassicCard:
    """The card with another key in a trailer: `at` 0 key A, 10 key B."""
    image = bytearray(card.image)
    start = 16 * classic.trailer_block(sector) + at
    image[start : start + 6] = b"wrong!"
    return ClassicCard(card.uid, size=card.size, image=bytes(image))


@pytest.mark.parametrize("blocks", [CONTRACTS, BASE])
def test_an_annex_that_refuses_the_key_is_told_from_a_card_that_left(blocks: int) -> None:
    card = LIVED_IN[blocks]  # seq 4, so copy 0 and its annex are in force
    refusing = with_key(card, classic.ANNEX_SECTORS[0], 10)
    error = present(copy_of(refusing)).error
    assert isinstance(error, LayoutError)
    other = present(with_key(card, classic.ANNEX_SECTORS[1], 10))
    assert other.error is None, "the annex of the other copy is not read"
    whole = copy_of(refusing)
    present(whole)
    for frames in range(1, whole.frames - 2):  # before the reselection has found it again
        gone = present(copy_of(refusing), faults=Faults(remove_after_frames=frames)).error
        assert gone is None or isinstance(gone, CardLost), frames


def flipped(card: ClassicCard, block: int, index: int, bit: int) -> ClassicCard:
    image = bytearray(card.image)
    image[16 * block + index] ^= 1 << bit
    return ClassicCard(card.uid, size=card.size, image=bytes(image))


@pytest.mark.parametrize("blocks", COUNTS)
def test_every_bit_of_a_block_in_use_counts_and_no_other(blocks: int) -> None:
    """Flip each bit of all six blocks of the copy in force."""
    fresh = LIVED_IN[blocks]
    state = present(copy_of(fresh)).before
    for index in range(classic.COPY_BLOCKS):
        used = index < 2 or index - 1 <= blocks
        for place in range(128):
            card = flipped(fresh, classic.block_of(0, index), place // 8, place % 8)
            seen = present(card)
            if used:
                assert isinstance(seen.error, LayoutError), (index, place)
            else:
                assert (seen.error, seen.before) == (None, state)


def test_blocks_that_go_out_of_use_leave_nothing_behind() -> None:
    card = copy_of(LIVED_IN[BASE])
    for number in range(2):
        assert present(card, change_to(CORE, 4), now=2000 + number).committed
        card = copy_of(card)
    seen = present(card)
    assert seen.before["contracts"] == [(0, 0, 0)] * 2
    assert not seen.before["credit_minor"]
    assert present(copy_of(card), change_to(CORE, 5)).exchanges == 14


def test_a_block_of_the_other_copy_does_not_serve() -> None:
    """An older copy's extension or annex put in the place of the newer one's."""
    fresh = LIVED_IN[BASE]
    for index in range(2, classic.COPY_BLOCKS):
        image = bytearray(fresh.image)
        source, target = (16 * classic.block_of(copy, index) for copy in (1, 0))
        image[target : target + 16] = image[source : source + 16]
        seen = present(ClassicCard(fresh.uid, size=fresh.size, image=bytes(image)))
        assert isinstance(seen.error, LayoutError), index
