"""Blank, foreign, other agencies', tampered, rolled-back and several cards: refused by name,
nothing written, and every tap of theirs is in the journal.
"""

import random

import pytest

from host_tools.bench.reader import ClassicCard
from host_tools.keys.store import KeyStore
from protocol.cards import classic
from protocol.journal import records
from protocol.outcomes import REASON_NAMES
from tests.tap.books import findings_of
from tests.tap.line import START, Told, Validator, copy_of, issued_card, spent_on

FRESH = issued_card()
_PURSE_TRAILER = 16 * classic.trailer_block(classic.PURSE_SECTOR)


def with_image(card: ClassicCard, image: bytes) -> ClassicCard:
    return ClassicCard(card.uid, size=card.size, image=image)


def refused(card: ClassicCard | list[ClassicCard]) -> str | None:
    """Tap; the card must come away unwritten and the refusal stand in the journal."""
    cards = card if isinstance(card, list) else [card]
    before = [bytes(one.image) for one in cards]
    validator = Validator("V1", 101)
    told = validator.tap(cards, START)
    assert [bytes(one.image) for one in cards] == before
    assert told.outcome == "refused"
    assert told.charged == 0
    journal = validator.journal()
    assert journal[-1] is not None
    body = records.parse_body(journal[-1])
    assert REASON_NAMES[body["reason"]] == told.reason
    return told.reason


def test_blank_cards_of_either_size_and_uid() -> None:
    for uid, size in (("01020304", "1k"), ("04112233445566", "1k"), ("01020305", "4k")):
        card = ClassicCard.transport(bytes.fromhex(uid), size)
        assert refused(card) == "unknown_medium"


def test_another_agencys_card() -> None:
    assert refused(issued_card(store=KeyStore.deterministic(8, agency=2))) == "unknown_medium"


def test_a_foreign_card_with_its_own_keys() -> None:
    image = bytearray(ClassicCard.transport(FRESH.uid).image)
    for sector in range(16):
        trailer = 16 * classic.trailer_block(sector)
        image[trailer : trailer + 6] = b"foreig"
    assert refused(with_image(FRESH, bytes(image))) == "unknown_medium"


def test_cards_copied_onto_another_uid() -> None:
    """A clone with another UID: our keys follow the UID, so none opens."""
    copy = bytearray(FRESH.image)
    other = ClassicCard.transport(bytes.fromhex("04a1b2c4"))
    copy[:16] = other.image[:16]
    assert refused(with_image(other, bytes(copy))) == "unknown_medium"


def test_two_cards_touch_neither() -> None:
    assert refused([copy_of(FRESH), issued_card("04a1b2c5")]) == "one_card_please"
    same_as_issued = [copy_of(FRESH), ClassicCard.transport(bytes.fromhex("99a1b2c5"))]
    assert refused(same_as_issued) == "one_card_please"


def test_every_flipped_bit_of_the_state_in_force_is_a_bad_signature() -> None:
    """seq 1 is in force in copy 1 and V1; copy 0 is empty, so there is nothing to fall back on."""
    start = 16 * classic.first_block(classic.STATE_SECTORS[1])
    for position in range(start, start + classic.CORE_WIDTH):
        for bit in range(8):
            image = bytearray(FRESH.image)
            image[position] ^= 1 << bit
            assert refused(with_image(FRESH, bytes(image))) == "bad_signature"


def test_every_flipped_bit_of_the_counter_in_force_is_a_bad_signature() -> None:
    start = 16 * classic.VALUE_BLOCKS[1]
    for position in range(start, start + 16):
        for bit in range(8):
            image = bytearray(FRESH.image)
            image[position] ^= 1 << bit
            assert refused(with_image(FRESH, bytes(image))) == "bad_signature"


def test_a_rolled_back_state_does_not_fit_the_counter() -> None:
    """Everything but the value blocks put back as it was before two rides."""
    bus = Validator("V0", 100)
    card = copy_of(FRESH)
    for ride in range(2):
        assert bus.tap(card, START - 7200 + 3600 * ride).outcome == "accepted"
    image = bytearray(FRESH.image)
    for block in classic.VALUE_BLOCKS:
        image[16 * block : 16 * block + 16] = card.image[16 * block : 16 * block + 16]
    assert refused(with_image(card, bytes(image))) == "bad_signature"


def test_a_clone_of_the_whole_card_pays_too_and_shows_in_the_ledger() -> None:
    """What a validator can't know offline: the books find two transactions with one number."""
    original, clone = copy_of(FRESH), copy_of(FRESH)
    first, second = Validator("V1", 101), Validator("V2", 102)
    assert first.tap(original, START).outcome == "accepted"
    assert second.tap(clone, START + 60).outcome == "accepted"
    assert "two_tags" in findings_of([first, second], FRESH.uid.hex())


def test_an_old_mark_put_back_wins_one_announcement_and_a_finding() -> None:
    card = copy_of(FRESH)
    first, second = Validator("V1", 101), Validator("V2", 102)
    assert first.tap(card, START).outcome == "accepted"
    image = bytearray(card.image)
    start = 16 * classic.MARK_BLOCK
    image[start : start + 16] = FRESH.image[start : start + 16]
    forged = with_image(card, bytes(image))
    told = second.tap(forged, START + 60)
    assert told == Told("accepted", None, 10_000, 40_000, True)
    assert spent_on(forged) == 10_000
    assert "announced_twice" in findings_of([first, second], FRESH.uid.hex())


def test_a_blocked_and_an_expired_card() -> None:
    assert refused(issued_card("04b1b2b3", blocked=True)) == "blocked"
    assert refused(issued_card("04b1b2b4", valid_until=(START // 86_400) - 1)) == "expired"
    last_day = issued_card("04b1b2b5", valid_until=(START + 18_000) // 86_400)
    assert Validator("V1", 101).tap(last_day, START).outcome == "accepted"


def test_too_little_money_is_said_and_costs_nothing() -> None:
    assert refused(issued_card("04b1b2b6", balance=9_999)) == "insufficient_funds"


@pytest.mark.parametrize("seed", range(40))
def test_random_memory_behind_right_keys_never_crashes_or_charges(seed: int) -> None:
    source = random.Random(seed)
    image = bytearray(FRESH.image)
    sectors = (classic.PURSE_SECTOR, *classic.STATE_SECTORS)
    for sector in sectors:
        start = 16 * classic.first_block(sector)
        image[start : start + 48] = source.randbytes(48)
    assert refused(with_image(FRESH, bytes(image))) == "bad_signature"
