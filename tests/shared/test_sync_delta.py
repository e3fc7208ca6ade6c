"""Delta coding of records (SPEC §4.4). Runs on both interpreters."""

from protocol.errors import FrameError, JournalCorrupt
from protocol.journal import records
from protocol.journal.chain import Chain
from protocol.sync import delta, undelta
from tests.shared.sync_world import JOURNAL_ID, JOURNAL_KEY, NOON, JournalDouble, fill, tap


def coded(slots, first=0):
    out = bytearray(4096)
    end = 0
    prediction = delta.Prediction()
    for index in range(len(slots)):
        if slots[index] is None:
            end = delta.put_torn(out, end)
        else:
            before = end
            end = delta.put_record(prediction, slots[index], first + index, out, end)
            assert end - before <= delta.CODED_BYTES_MAX
    return bytes(out[:end])


def rebuilt(content, count, first=0, previous=None):
    chain = Chain(JOURNAL_KEY, JOURNAL_ID)
    return undelta.rebuild(content, first, count, chain, previous or chain.start())


def test_round_trip_of_taps_and_torn_slots():
    journal = JournalDouble()
    fill(journal, 20, torn_at=(0, 3, 7))
    slots = journal.slots
    back, mac = rebuilt(coded(slots), len(slots))
    assert back == slots
    assert mac == slots[-1][56:]


def test_round_trip_from_the_middle():
    journal = JournalDouble()
    fill(journal, 4, torn_at=(1,))
    for first in range(1, journal.head):
        good = [record for record in journal.slots[:first] if record is not None]
        part = journal.slots[first:]
        back, _ = rebuilt(coded(part, first), len(part), first, good[-1][56:])
        assert back == part


def test_golden_bytes_of_a_tap():
    journal = JournalDouble()
    tap(journal, 1, 20)
    content = coded(journal.slots)
    # INTENT: boot 1, quality 2, uptime +20, time, body; OUTCOME: head and uptime only
    assert content[:4] == bytes([0xF3, 1, 2, 40])
    assert content[-2:] == bytes([records.OUTCOME, 0])
    groups_at = 4 + 5  # the time difference (zigzag of 200000020) takes five bytes
    assert content[groups_at] == 0x1F


def test_an_outcome_after_its_intent_costs_two_bytes_whatever_the_ride_was():
    journal = JournalDouble()
    rides = (
        {"flags": records.FLAG_TRANSFER | records.FLAG_CAPPED, "charge": 0},
        {"riders": 4, "companions": 0x1201, "charge": 40000},
        {"flags": records.FLAG_CHECKOUT, "product": 255, "rider_category": 254},
        {"flags": records.FLAG_MISSED | records.FLAG_CHECKOUT, "riders": 31},
    )
    sizes = []
    prediction = delta.Prediction()
    for number in range(len(rides)):
        tap(journal, number, 20 + number, more=rides[number])
        out = bytearray(200)
        seq = journal.head - 2
        end = delta.put_record(prediction, journal.slots[seq], seq, out, 0)
        after = delta.put_record(prediction, journal.slots[seq + 1], seq + 1, out, end)
        sizes.append(after - end)
    assert sizes == [2, 2, 2, 2]
    assert rebuilt(coded(journal.slots), journal.head)[0] == journal.slots


def test_extremes_round_trip():
    journal = JournalDouble()
    full = bytearray(b"\xff" * 40)
    chain = Chain(JOURNAL_KEY, JOURNAL_ID)
    mac = chain.start()
    slots = []
    for kind, quality, boot, time, uptime in (
        (255, 255, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
        (15, 0, 0, 0, 0),
        (records.OUTCOME, 0, 0, 0xFFFFFFFF, 0),
        (14, 0, 0, 0, 0xFFFFFFFF),
        (records.INTENT, 3, 2, NOON, 5),
        (records.OUTCOME, 3, 2, NOON - 5, 4),
        (records.INTENT, 3, 3, NOON, 1),
    ):
        record = bytearray(64)
        records.pack_header(record, len(slots), kind, quality, boot, time, uptime)
        record[16:56] = full
        mac = chain.mac(mac, record)
        record[56:] = mac
        slots.append(bytes(record))
    assert rebuilt(coded(slots), len(slots))[0] == slots
    assert journal.head == 0


def test_check_needs_the_right_mac():
    journal = JournalDouble()
    fill(journal, 2)
    slots = journal.slots
    chain = Chain(JOURNAL_KEY, JOURNAL_ID)
    content = coded(slots)
    right = slots[-1][56:]
    assert undelta.check(content, 0, len(slots), chain, chain.start(), right)[0] == slots
    assert undelta.check(coded([None]), 0, 1, chain, chain.start(), None)[0] == [None]
    for wrong_content, count, start, mac in (
        (content, len(slots), chain.start(), slots[-2][56:]),
        (content, len(slots), chain.start(), None),
        (content, len(slots), right, right),
        (coded([None]), 1, chain.start(), right),
        (coded(slots[:2] + slots[3:]), len(slots) - 1, chain.start(), right),
        (coded([None] + slots[1:]), len(slots), chain.start(), right),  # noqa: RUF005 (dialect)
    ):
        try:
            undelta.check(wrong_content, 0, count, chain, start, mac)
            raise AssertionError("taken")
        except JournalCorrupt:
            pass


def refused(content, count):
    try:
        rebuilt(content, count)
    except FrameError:
        return True
    return False


def test_what_is_refused():
    journal = JournalDouble()
    fill(journal, 2, torn_at=(1,))
    content = coded(journal.slots)
    count = journal.head
    for length in range(len(content)):
        assert refused(content[:length], count)
    assert refused(content, count - 1)
    assert refused(content, count + 1)
    assert refused(content + b"\x00", count)
    for wrong in (
        b"\x10", b"\x80",  # a torn slot with content
        b"\x0f\x05\x00",  # a kind escaped that need not be
        b"\x11\x80\x80\x04\x00",  # boot number above 65535
        b"\x01\x01", b"\x01\xff\xff\xff\xff\x7f",  # uptime below zero, beyond 32 bits
        b"\x41\x00\x01",  # time below zero
        b"\x01\x80\x80\x80\x80\x80\x00",  # a number of six bytes
        b"\x81\x00\x00", b"\x81\x00\x20\x01\x01",  # no group, a group that does not exist
    ):
        assert refused(wrong, 1)


def test_every_bit_flip_is_refused_or_rebuilds_something_else():
    journal = JournalDouble()
    fill(journal, 2)
    content = bytearray(coded(journal.slots))
    for position in range(len(content)):
        for bit in range(8):
            content[position] ^= 1 << bit
            try:
                _, mac = rebuilt(bytes(content), journal.head)
                assert mac != journal.slots[-1][56:] or rebuilt(
                    bytes(content), journal.head)[0] == journal.slots
            except FrameError:
                pass
            content[position] ^= 1 << bit
