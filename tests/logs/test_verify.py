"""Verification names what was changed, by journal seq, and nothing else."""

import dataclasses

import pytest

from host_tools.logs.verify import verify
from tests.logs.journals import Device, chain


def named(report):
    return [(finding.seq, finding.what) for finding in report.findings]


@pytest.fixture(scope="module")
def taps():
    """32 records from seq 0: one boot, fifteen taps, one more boot."""
    device = Device()
    device.run(15)
    device.boot()
    return device.journal()


def changed(journal, edit):
    """A copy of `journal` whose slots `edit` has changed in place."""
    slots = list(journal.slots)
    edit(slots)
    return dataclasses.replace(journal, slots=slots, notes=[])


def test_untouched_journal_is_genuine(taps):
    report = verify(taps, chain())
    assert report.ok
    assert (report.good, report.first_seq, report.end_seq) == (32, 0, 32)
    assert report.torn == report.unproven == report.notes == []


def test_every_single_bit_flip_is_named(taps):
    for seq in range(len(taps.slots)):
        last = seq == len(taps.slots) - 1
        for bit in range(512):
            def flip(slots, seq=seq, bit=bit):
                slot = bytearray(slots[seq])
                slot[bit // 8] ^= 1 << bit % 8
                slots[seq] = bytes(slot)

            report = verify(changed(taps, flip), chain())
            assert named(report) == [(seq, "torn" if last else "edited")], (seq, bit)
            assert report.good == 31
            assert report.unproven == []


@pytest.mark.parametrize("seq", range(31))
def test_every_dropped_record_is_named(taps, seq):
    def drop(slots):
        del slots[seq]

    for count in (32, 31):  # with and without the header that counts it
        journal = dataclasses.replace(changed(taps, drop), count=count)
        report = verify(journal, chain())
        if seq == 30:  # of what stands at the end, nothing can be said but that it is wrong
            assert 30 in {finding.seq for finding in report.findings}
            continue
        assert named(report) == [(seq, "dropped")]
        assert report.unproven == [seq + 1]


def test_dropped_run_is_named_whole(taps):
    def drop(slots):
        del slots[5:12]

    report = verify(changed(taps, drop), chain())
    assert named(report) == [(seq, "dropped") for seq in range(5, 12)]
    assert report.unproven == [12]


def test_dropped_tail_shows_against_the_count_or_a_known_head(taps):
    def drop(slots):
        del slots[28:]

    report = verify(changed(taps, drop), chain())
    assert named(report) == [(seq, "dropped") for seq in range(28, 32)]
    shorter = dataclasses.replace(changed(taps, drop), count=28)
    assert verify(shorter, chain()).ok
    assert named(verify(shorter, chain(), expected_head=30)) == [(28, "dropped"), (29, "dropped")]


@pytest.mark.parametrize("distance", [1, 2, 9])
def test_swapped_records_are_both_named(taps, distance):
    for seq in range(32 - distance):
        def swap(slots, seq=seq):
            slots[seq], slots[seq + distance] = slots[seq + distance], slots[seq]

        report = verify(changed(taps, swap), chain())
        assert named(report) == [(seq, "swapped"), (seq + distance, "swapped")]
        assert report.good == 32


def test_swapped_runs_are_named(taps):
    def swap(slots):
        slots[4:7], slots[10:13] = slots[10:13], slots[4:7]

    report = verify(changed(taps, swap), chain())
    assert named(report) == [(seq, "swapped") for seq in (4, 5, 6, 10, 11, 12)]


def test_record_put_in_twice_is_named(taps):
    def repeat(slots):
        slots.insert(9, slots[4])

    report = verify(dataclasses.replace(changed(taps, repeat), count=33), chain())
    assert (4, "foreign") in named(report)
    assert report.good == 32


def test_record_of_another_device_is_named(taps):
    other = Device(device_id="V2")
    for number in range(100, 115):
        other.tap(number)
    for seq in range(1, 30):
        def put(slots, seq=seq):
            slots[seq] = other.slots()[seq]

        report = verify(changed(taps, put), chain())
        assert named(report) == [(seq, "foreign")]
        assert report.unproven == [seq + 1]


@pytest.mark.parametrize(("device_id", "journal_id"), [("V2", b"\x0a\x0b\x0c\x0d"),
                                                       ("V1", b"\x0a\x0b\x0c\x0e")])
def test_whole_journal_of_another_device_or_laying_out_is_foreign(taps, device_id, journal_id):
    report = verify(taps, chain(device_id, journal_id))
    assert named(report) == [(0, "foreign")]
    assert report.good == 0


def test_torn_slots_that_the_device_stepped_over_are_listed_and_honest():
    device = Device()
    device.run(3)
    torn = []
    for seed in (0, 1, 4):  # an untouched slot (2 may be), or a whole record, is not torn
        torn.append(device.ring.head)
        device.tear(seed)
        device.boot()
        device.run(2)
    report = verify(device.journal(), chain())
    assert report.ok
    assert report.torn == torn
    assert report.good == device.ring.head - 3

    def zero(slots):
        for seq in torn:
            slots[seq] = bytes(64)

    assert verify(changed(device.journal(), zero), chain()).torn == torn


def test_a_torn_slot_does_not_cover_for_an_edit_beside_it():
    device = Device()
    device.run(3)
    torn = device.ring.head
    device.tear()
    device.boot()
    device.run(2)
    journal = device.journal()
    for seq in (torn - 1, torn + 1):
        def edit(slots, seq=seq):
            slots[seq] = slots[seq][:32] + b"\x99" + slots[seq][33:]

        report = verify(changed(journal, edit), chain())
        if seq < torn:
            assert named(report) == [(seq, "edited")]
            assert report.torn == [torn]
        else:  # the torn slot damaged, or the one after it edited: the MACs cannot tell
            assert named(report) == [(torn, "foreign")]
            assert report.unproven == [seq]


def test_record_made_to_look_torn_is_found(taps):
    for seq in range(31):
        def wipe(slots, seq=seq):
            slots[seq] = bytes(64)

        report = verify(changed(taps, wipe), chain())
        assert seq in {finding.seq for finding in report.findings}
        assert report.torn == []


def test_dump_from_the_middle_is_anchored_by_the_mac_before_it():
    device = Device()
    device.run(20)
    whole = device.journal()
    middle = device.journal(10)
    free = verify(middle, chain())
    assert free.ok
    assert free.unproven == [10]
    middle.previous_mac = whole.slots[9][56:]
    assert verify(middle, chain()).unproven == []

    def edit(slots):
        slots[0] = slots[0][:30] + b"\x77" + slots[0][31:]

    assert named(verify(changed(middle, edit), chain())) == [(10, "edited")]


def test_two_far_apart_edits_are_both_named(taps):
    def edit(slots):
        for seq in (3, 20):
            slots[seq] = slots[seq][:20] + b"\x55\x55" + slots[seq][22:]

    assert named(verify(changed(taps, edit), chain())) == [(3, "edited"), (20, "edited")]
