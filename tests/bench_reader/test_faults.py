"""A card that goes, answers in vain or is torn, at every place of a whole debit."""

from random import Random

import pytest

from host_tools.bench.reader import ClassicCard, DirectReader, Faults, RfField
from host_tools.bench.reader.classic import value_block
from host_tools.bench.reader.tear import PATTERNS, torn
from tests.bench_reader.cards import AUTH_FAILED, KEY_A, OK, TIMEOUT, Bench, keyed_card

RECORD = bytes(range(16))
DEBITED = value_block(990, 4)


def purse():
    card = keyed_card()
    card.set_block(4, value_block(1000, 4))
    card.set_block(5, value_block(1000, 4))
    return card


def debit(bench):
    """Write a record, debit one block into the other; the statuses of all commands."""
    if not bench.listed(2):
        return ["absent"]
    return [
        bench.auth(4, KEY_A), bench.write(6, RECORD), bench.compute(0xC0, 4, 10),
        bench.transfer(5), bench.read(5)[0],
    ]


def counted():
    """Frames, answers and EEPROM writes of a debit without faults."""
    card = purse()
    assert debit(Bench(card)) == [OK] * 5
    assert (card.block(6), card.block(5)) == (RECORD, DEBITED)
    return card.frames, card.answers, card.eeprom_writes


FRAMES, ANSWERS, WRITES = counted()


def test_what_a_debit_takes():
    # list 5, WUPA and SELECT 2, authentication 2, write 2, decrement 2, transfer 1, read 1;
    # no answer to HLTA, the REQA after it and the second half of the decrement
    assert (FRAMES, ANSWERS, WRITES) == (15, 12, 2)


@pytest.mark.parametrize("frames", range(1, FRAMES + 1))
def test_removal_after_each_frame(frames):
    card = purse()
    bench = Bench(card, faults=Faults(remove_after_frames=frames))
    statuses = debit(bench)
    assert card.frames == frames
    assert card.gone
    assert not bench.field.occupied
    assert (card.block(6) == RECORD) == (frames >= 11)
    assert (card.block(5) == DEBITED) == (frames >= 14)
    assert card.block(4) == value_block(1000, 4)
    assert (statuses == [OK] * 5) == (frames == FRAMES)
    bench.field.clear()
    bench.field.place(card)
    assert debit(bench) == [OK] * 5  # no harm done


@pytest.mark.parametrize("answers", range(1, ANSWERS + 1))
def test_each_answer_lost(answers):
    card = purse()
    statuses = debit(Bench(card, faults=Faults(answer_lost=answers)))
    assert not card.gone
    if answers <= 3:
        assert statuses == ["absent"]
    else:
        assert any(status in (TIMEOUT, AUTH_FAILED) for status in statuses)
    assert (card.block(6) == RECORD) == (answers not in range(1, 9))
    assert (card.block(5) == DEBITED) == (answers in (9, 11, 12))


def test_a_lost_answer_was_acted_on():
    card = purse()
    bench = Bench(card, faults=Faults(answer_lost=11))  # the ACK of TRANSFER
    assert debit(bench)[3] == TIMEOUT
    assert card.block(5) == DEBITED


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("write", range(1, WRITES + 1))
def test_each_write_torn(write, seed):
    card = purse()
    statuses = debit(Bench(card, faults=Faults(torn_write=write, seed=seed)))
    assert card.gone
    assert statuses[write] == TIMEOUT or statuses[3] == TIMEOUT
    block, old, new = ((6, bytes(16), RECORD), (5, value_block(1000, 4), DEBITED))[write - 1]
    assert card.block(block) not in (old, new)
    again = purse()
    debit(Bench(again, faults=Faults(torn_write=write, seed=seed)))
    assert again.image == card.image  # the seed decides


def test_tears_differ_by_seed():
    mixes = set()
    for seed in range(40):
        card = purse()
        debit(Bench(card, faults=Faults(torn_write=1, seed=seed)))
        mixes.add(card.block(6))
    assert len(mixes) > 20


@pytest.mark.parametrize(("old", "new"), [
    (bytes(16), bytes(16)), (b"\xff" * 16, b"\xff" * 16), (bytes(16), b"\xff" * 16),
    (bytes(16), bytes(15) + b"\x01"), (b"\x80" + bytes(15), bytes(16)), (RECORD, RECORD),
])
def test_a_tear_is_never_old_or_new(old, new):
    source = Random(3)
    for _ in range(300):
        mix = torn(old, new, source)
        assert len(mix) == 16
        assert mix not in (old, new)


def test_every_pattern_is_drawn():
    assert len(PATTERNS) == 6
    old, new = bytes(16), b"\xff" * 16
    drawn = {torn(old, new, Random(seed)) for seed in range(200)}
    prefixes = {new[:cut] + old[cut:] for cut in range(1, 16)}
    suffixes = {old[:cut] + new[cut:] for cut in range(1, 16)}
    assert drawn & prefixes
    assert drawn & suffixes
    assert drawn - prefixes - suffixes


@pytest.mark.parametrize("how", ["field off", "removed"])
@pytest.mark.parametrize(("into_us", "whole"), [(1_000, False), (9_000, False), (12_000, True)])
def test_power_lost_within_the_programming_time_tears(how, into_us, whole):
    card = purse()
    bench = Bench(card)
    bench.listed()
    bench.auth(4, KEY_A)
    chip = bench.reader.chip
    running = chip.execute(b"\x40\x01\xb0\x05")
    bench.compute(0xC0, 4, 10)
    start_us = chip.pcd.now_us
    next(running)  # TRANSFER is on the air and being programmed
    if how == "field off":
        bench.field.switch(False, start_us + into_us)
    else:
        bench.field.remove(card, start_us + into_us)
    assert (card.block(5) == DEBITED) == whole
    assert card.block(5) != value_block(1000, 4)


def test_the_next_frame_proves_the_write_done():
    card = purse()
    bench = Bench(card)
    debit(bench)
    bench.field.remove(card, 0)
    assert card.block(5) == DEBITED


def test_a_new_presentation_starts_counting_again():
    card = purse()
    bench = Bench(card, faults=Faults(remove_after_frames=3))
    debit(bench)
    assert (card.frames, card.gone) == (3, True)
    bench.field.remove(card)
    bench.field.place(card)
    assert (card.frames, card.answers, card.eeprom_writes, card.gone) == (0, 0, 0, False)


def test_a_card_is_in_the_field_once():
    field = RfField()
    card = ClassicCard.transport(b"\x01\x02\x03\x04")
    field.place(card)
    with pytest.raises(ValueError, match="already"):
        field.place(card)
    field.remove(card)
    with pytest.raises(ValueError, match="not in"):
        field.remove(card)


def test_thousands_of_frames_a_second():
    """Not a bound, a guard: an exhaustive tear of a tap must stay affordable."""
    reader = DirectReader(RfField())
    for _ in range(2000):
        assert reader.exchange(b"\xd4\x02") == b"\xd5\x03\x32\x01\x06\x07"
