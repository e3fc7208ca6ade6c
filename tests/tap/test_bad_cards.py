"""Blank, foreign, other agencies', tampered, rolled-back and several cards: refused by name,
nothing written, and every tap of theirs is in the journal.
"""

import random

import pytest

from host_tools.bench.reader import ClassicCard, DirectReader, Faults, RfField
from host_tools.device.pn532_client import Pn532Client
from host_tools.keys.store import KeyStore
from protocol.cards import classic
from protocol.journal import records
from protocol.outcomes import REASON_NAMES
from tests.tap.books import findings_of
from tests.tap.line import START, STORE, Told, Validator, copy_of, issued_card, spent_on

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
    """seq 1 is in force in copy 1; copy 0 is empty, so there is nothing to fall back on."""
    start = 16 * classic.first_block(classic.STATE_SECTORS[1])
    for position in range(start, start + 32):
        for bit in range(8):
            image = bytearray(FRESH.image)
            image[position] ^= 1 << bit
            assert refused(with_image(FRESH, bytes(image))) == "bad_signature"


def flipped(position: int, bit: int) -> bytearray:
    image = bytearray(FRESH.image)
    image[position] ^= 1 << bit
    return image


def test_every_flipped_bit_of_one_counter_block_is_survived_and_of_both_refused() -> None:
    """At rest both value blocks hold the counter: one rotten block costs nobody a fare."""
    first, second = (16 * block for block in classic.VALUE_BLOCKS)
    for index in range(16):
        for bit in range(8):
            card = with_image(FRESH, bytes(flipped(first + index, bit)))
            told = Validator("V1", 101).tap(card, START)
            assert told == Told("accepted", None, 10_000, 40_000)
            image = flipped(first + index, bit)
            image[second + index] ^= 1 << bit
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


def with_debit_key(card: ClassicCard, *commands: bytes) -> ClassicCard:
    """What someone who broke the card's debit key does to it: commands in the purse sector."""
    stolen = copy_of(card)
    field = RfField()
    field.place(stolen, 0)
    reader = DirectReader(field)
    client = Pn532Client(reader)
    client.start()
    client.targets()
    key = bytearray(6)
    vault = STORE.vault(("debit",))
    vault.fill_classic_auth(key, 0, "debit", card.uid, classic.PURSE_SECTOR, classic.KEY_A)
    client.exchange(bytes((0x60, 4)) + bytes(key) + card.uid[-4:])
    for command in commands:
        client.exchange(command)
    field.remove(stolen, reader.now_us)
    return copy_of(stolen)


def restore_onto(source: int, target: int) -> tuple[bytes, bytes]:
    blocks = classic.VALUE_BLOCKS
    return bytes((0xC2, blocks[source], 0, 0, 0, 0)), bytes((0xB0, blocks[target]))


@pytest.mark.parametrize("source", [0, 1])
def test_the_debit_key_cannot_turn_back_a_ride_that_was_confirmed(source: int) -> None:
    card = copy_of(FRESH)
    assert Validator("V1", 101).tap(card, START).outcome == "accepted"
    forged = with_debit_key(card, *restore_onto(source, 1 - source))
    assert spent_on(forged) == 10_000
    told = Validator("V2", 102).tap(forged, START + 5000)
    assert (told.outcome, told.charged, told.recovered) == ("accepted", 10_000, False)


def test_the_debit_key_can_only_spend_more() -> None:
    lower = bytes((0xC0, classic.VALUE_BLOCKS[0], 9, 0, 0, 0))
    forged = with_debit_key(copy_of(FRESH), lower, bytes((0xB0, classic.VALUE_BLOCKS[1])))
    told = Validator("V1", 101).tap(forged, START)
    assert (told.outcome, told.balance) == ("accepted", 40_000), "the block in force still fits"
    again = with_debit_key(forged, lower, bytes((0xB0, classic.VALUE_BLOCKS[1])))
    again = with_debit_key(again, *restore_onto(1, 0))
    assert refused(again) == "bad_signature"


def test_a_confirmation_torn_off_and_turned_back_is_two_tags_in_the_ledger() -> None:
    card = copy_of(FRESH)
    first, second = Validator("V1", 101), Validator("V2", 102)
    told = first.tap(card, START, Faults(remove_after_frames=26))
    assert (told.outcome, told.charged) == ("accepted", 10_000)
    before = [spent_on(with_debit_key(card, *restore_onto(a, 1 - a))) for a in (0, 1)]
    assert sorted(before) == [0, 10_000], "one of the two blocks still holds the older counter"
    older = before.index(0)
    forged = with_debit_key(card, *restore_onto(older, 1 - older))
    assert second.tap(forged, START + 60).charged == 10_000
    assert "two_tags" in findings_of([first, second], FRESH.uid.hex())


def test_a_confirmation_torn_off_is_told_once_more_and_found() -> None:
    card = copy_of(FRESH)
    first, second = Validator("V1", 101), Validator("V2", 102)
    assert first.tap(card, START, Faults(remove_after_frames=26)).outcome == "accepted"
    told = second.tap(card := copy_of(card), START + 60)
    assert told == Told("accepted", None, 10_000, 40_000, True)
    assert spent_on(card) == 10_000
    assert "announced_twice" in findings_of([first, second], FRESH.uid.hex())
    third = Validator("V3", 103).tap(card, START + 90)
    assert (third.charged, third.recovered) == (0, False), "confirmed now: a transfer as any other"


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
