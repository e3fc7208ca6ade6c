"""Power cut at every flash operation of a journal's life, clean and torn, and again after it."""

import copy

import pytest

from protocol.journal import records
from tests.journal.model import Journal, run_until_cut, script, small_flash

STEPS = 36  # five laps of a ring of 16 records
CLEAN_AND_TORN = [(False, 0)] + [(True, seed) for seed in range(12)]


def fresh_journal(sectors=4):
    journal = Journal(small_flash(sectors))
    journal.boot()
    return journal


def uncut_ops(sectors=4):
    journal = fresh_journal(sectors)
    script(journal, STEPS)
    journal.check()
    assert journal.ring.head > 4 * journal.ring.capacity
    return journal.flash.ops


def survive(journal):
    """Boot after a cut, check, go on, check again."""
    journal.boot()
    if journal.promised:
        journal.check()
    script(journal, 12)
    journal.check()
    assert journal.flash.overprogrammed == journal.flash.reprogrammed == 0


@pytest.mark.parametrize(("torn", "seed"), CLEAN_AND_TORN)
@pytest.mark.parametrize("sectors", [3, 4])
def test_cut_at_every_operation(sectors, torn, seed):
    for at_op in range(1, uncut_ops(sectors) + 1):
        journal = fresh_journal(sectors)
        journal.flash.arm_cut(at_op, torn, seed)
        assert run_until_cut(journal, STEPS)
        survive(journal)


@pytest.mark.parametrize(("torn", "seed"), CLEAN_AND_TORN[:7])
def test_second_cut_right_after_the_first(torn, seed):
    for at_op in range(1, uncut_ops() + 1):
        journal = fresh_journal()
        journal.flash.arm_cut(at_op, torn, seed)
        assert run_until_cut(journal, STEPS)
        journal.ring = None  # memory is gone; flash and promises are copied
        for second_op in (1, 2, 3):
            for second_torn, second_seed in CLEAN_AND_TORN[seed % 2:7:2]:
                again = copy.deepcopy(journal)
                again.boot()
                again.flash.arm_cut(second_op, second_torn, second_seed)
                assert run_until_cut(again, STEPS)
                survive(again)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("warm_up", range(9))
def test_cut_in_every_boot_for_a_long_time(warm_up, seed):
    """A door with a loose plug: the first operation of each boot is torn, sixty times."""
    journal = fresh_journal()
    script(journal, warm_up)
    for boot in range(60):
        journal.boot()
        journal.flash.arm_cut(1 + boot % 2, torn=True, seed=seed + 6 * boot)
        run_until_cut(journal, 1)
    survive(journal)


def test_torn_slots_are_reported_once_by_the_next_boot_record():
    journal = fresh_journal()
    journal.append(records.BOOT)
    for seed in (0, 6):
        journal.flash.arm_cut(1, torn=True, seed=seed)
        assert run_until_cut(journal, 1)
        found = journal.boot()
    assert (found.head, found.first_torn_seq, found.torn_count, found.next_seq) == (1, 1, 2, 3)
    assert journal.append(records.BOOT) == 3
    assert journal.reports[-1] == (3, 1, 2)
    buf = bytearray(64)
    assert [journal.ring.read_into(seq, buf) for seq in range(4)] == [True, False, False, True]
    found = journal.boot()
    assert (found.torn_count, found.first_torn_seq) == (0, records.SEQ_NONE)
    journal.check()


def test_a_torn_first_slot_of_a_sector_is_erased_and_its_number_used():
    journal = fresh_journal()
    journal.append(records.BOOT)
    for _ in range(3):
        journal.append(records.PLACE)
    journal.ring.erase_ahead()
    journal.flash.arm_cut(1, torn=True, seed=0)
    assert run_until_cut(journal, 1)
    assert bytes(journal.flash.image[256:320]) != records.BLANK
    found = journal.boot()
    assert (found.head, found.next_seq, found.torn_count) == (4, 4, 0)
    erases = journal.flash.erases
    assert journal.append(records.BOOT) == 4
    assert journal.flash.erases == erases + 1
    journal.check()


def test_every_report_names_exactly_the_slots_the_chain_steps_over():
    """Over many cuts: what BOOT records name equals what an outsider finds torn."""
    journal = fresh_journal()
    torn_found = set()
    for cut in range(40):
        journal.flash.arm_cut(1 + cut % 7, torn=True, seed=cut)
        assert run_until_cut(journal, STEPS)
        journal.boot()
        end = journal.append(records.BOOT)
        buf = bytearray(64)
        torn_found.update(
            seq for seq in range(journal.ring.oldest, end)
            if not journal.ring.read_into(seq, buf)
        )
        journal.acknowledge(journal.ring.head)
    named = set()
    for _, first, count in journal.reports:
        named.update(range(first, first + count) if count else ())
    assert named == torn_found
    assert len(named) > 5
