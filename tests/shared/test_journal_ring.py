"""The ring's rules one by one, on a flash in memory. Runs on both interpreters."""

from protocol.errors import JournalCorrupt, JournalFull, SyncError
from protocol.journal import records
from protocol.journal.chain import Chain
from protocol.journal.ring import Ring

KEY = bytes(range(32))


class MemoryFlash:
    """The flash seam over a bytearray; `bad_offset` never takes what is programmed."""

    def __init__(self, sector_count=4, sector_bytes=256):
        self.sector_bytes = sector_bytes
        self.sector_count = sector_count
        self.image = bytearray(sector_bytes * sector_count)
        self.erased = []
        for sector in range(sector_count):
            self.erase(sector)
        self.erased.clear()
        self.programmed_bytes = 0
        self.bad_offset = -1
        self.all_bad = False

    def readinto(self, offset, buf):
        buf[:] = self.image[offset:offset + len(buf)]

    def program(self, offset, buf):
        self.programmed_bytes += len(buf)
        for index in range(len(buf)):
            self.image[offset + index] &= buf[index]
        if offset == self.bad_offset or self.all_bad:
            self.image[offset + 5] = 0

    def erase(self, sector_index):
        start = sector_index * self.sector_bytes
        self.image[start:start + self.sector_bytes] = b"\xff" * self.sector_bytes
        self.erased.append(sector_index)


def booted(flash, watermark=0, key=KEY):
    ring = Ring(flash, Chain(key, b"\x00\x00\x00\x01"))
    return ring, ring.recover(watermark)


def add(ring, kind=records.PLACE, body=b"\x01"):
    return ring.append(kind, body, 100, 5, 1, 2)


def raises(error, call, *arguments):
    try:
        call(*arguments)
    except error:
        return True
    return False


def filled(count, watermark=0, sector_count=4):
    flash = MemoryFlash(sector_count)
    ring, _ = booted(flash)
    for seq in range(count):
        ring.acknowledge(min(watermark, seq))
        add(ring, records.OUTCOME, bytes([seq % 256]))
    ring.acknowledge(watermark)
    return flash, ring


def test_virgin_partition_and_first_record_byte_for_byte():
    flash = MemoryFlash()
    ring, found = booted(flash)
    assert (found.head, found.next_seq, found.torn_count, found.watermark) == (0, 0, 0, 0)
    assert found.first_torn_seq == records.SEQ_NONE
    assert (ring.room, ring.fill_percent, ring.can_sell(), ring.oldest) == (16, 0, True, 0)
    assert add(ring, records.PLACE, b"\x65\x00") == 0
    chain = Chain(KEY, b"\x00\x00\x00\x01")
    plain = b"\x00\x00\x00\x00\x02\x02\x01\x00\x64\x00\x00\x00\x05\x00\x00\x00\x65" + bytes(39)
    assert bytes(flash.image[:64]) == plain + chain.mac(chain.start(), plain)
    last = bytearray(8)
    ring.last_mac_into(last)
    assert last == flash.image[56:64]
    assert add(ring) == 1
    second = bytes(flash.image[64:128])
    assert second[56:] == chain.mac(last, second)


def test_nothing_is_written_before_recover():
    flash = MemoryFlash()
    ring = Ring(flash, Chain(KEY, b"\x00\x00\x00\x01"))
    assert raises(JournalFull, add, ring)
    assert not ring.can_sell()
    assert not ring.erase_ahead()
    assert flash.erased == []
    assert flash.programmed_bytes == 0


def test_cost_is_one_program_a_record_and_one_erase_a_sector():
    flash = MemoryFlash(sector_count=3, sector_bytes=4096)
    ring, _ = booted(flash)
    for _ in range(640):
        ring.erase_ahead()
        add(ring)
        ring.acknowledge(ring.head)
    ring.erase_ahead()
    assert flash.programmed_bytes == 640 * 64
    assert flash.erased == [sector % 3 for sector in range(11)]  # the last one ahead


def test_full_ring_refuses_by_kind_and_never_overwrites():
    flash = MemoryFlash()
    ring, _ = booted(flash)
    sold = 0
    while ring.can_sell():
        add(ring, records.INTENT)
        add(ring, records.OUTCOME)
        sold += 1
    assert sold == 6
    assert ring.fill_percent == 100
    assert raises(JournalFull, add, ring, records.INTENT)
    for _ in range(3):
        add(ring, records.BOOT)
    assert ring.room == 1
    assert raises(JournalFull, add, ring, records.BOOT)
    before = bytes(flash.image)
    assert add(ring, records.OUTCOME) == 15
    assert raises(JournalFull, add, ring, records.OUTCOME)
    assert bytes(flash.image[:960]) == before[:960]
    assert not ring.erase_ahead()
    ring.acknowledge(3)
    assert (ring.room, ring.erase_ahead()) == (0, False)
    ring.acknowledge(4)
    assert (ring.room, ring.erase_ahead(), ring.erase_ahead()) == (4, True, False)
    assert flash.erased[-1] == 0
    assert add(ring, records.OUTCOME) == 16
    assert (ring.watermark, ring.oldest) == (4, 4)


def test_an_intent_leaves_room_for_its_outcome_whatever_else_is_written():
    for lag in range(17):
        ring = filled(lag)[1]
        if not ring.can_sell():
            assert raises(JournalFull, add, ring, records.INTENT)
            continue
        add(ring, records.INTENT)
        while not raises(JournalFull, add, ring, records.HEALTH):
            pass
        add(ring, records.OUTCOME)


def test_acknowledge_never_goes_back_or_beyond_the_head():
    ring = filled(5)[1]
    assert ring.acknowledge(3)
    assert not ring.acknowledge(3)
    assert not ring.acknowledge(1)
    assert ring.watermark == 3
    assert raises(SyncError, ring.acknowledge, 6)
    assert ring.acknowledge(5)
    assert (ring.watermark, ring.fill_percent) == (5, 0)


def test_head_is_found_at_every_length_and_lap():
    for count in range(1, 70):
        acknowledged = max(0, count - 3)
        flash = filled(count, acknowledged)[0]
        ring, found = booted(flash, acknowledged)
        assert (found.head, found.next_seq, found.torn_count) == (count, count, 0), count
        assert found.watermark == acknowledged
        assert not found.watermark_ahead
        buf = bytearray(64)
        for seq in range(ring.oldest, count):
            assert ring.read_into(seq, buf)
            assert buf[16] == seq % 256
        assert raises(ValueError, ring.read_into, count, bytearray(64))
        assert add(ring, records.OUTCOME) == count


def test_a_lost_or_old_watermark_only_means_sending_again():
    for count in range(1, 70):
        true_mark = max(0, count - 3)
        for given in (0, true_mark - 5, true_mark - 1):
            flash, before = filled(count, true_mark)
            ring, found = booted(flash, max(0, given))
            assert given <= found.watermark <= true_mark or found.watermark == ring.oldest
            assert found.watermark <= max(true_mark, before.oldest)
            buf = bytearray(64)
            for seq in range(found.watermark, found.head):
                assert ring.read_into(seq, buf), (count, given, seq)


def test_a_lost_watermark_of_a_full_ring_keeps_every_owed_record():
    flash = filled(16)[0]
    ring, found = booted(flash, 0)
    assert (found.watermark, ring.room, ring.oldest) == (0, 0, 0)
    flash = filled(24, 8)[0]
    ring, found = booted(flash, 0)
    assert (found.watermark, ring.room) == (8, 0)


def test_a_watermark_beyond_the_head_is_told():
    flash = filled(5)[0]
    _, found = booted(flash, 9)
    assert found.watermark_ahead
    assert found.watermark == found.head == 5


def test_a_slot_that_does_not_keep_its_record_is_left_and_named():
    for bad_slot in range(8):
        flash = MemoryFlash()
        flash.bad_offset = bad_slot * 64
        ring, _ = booted(flash)
        seqs = [add(ring) for _ in range(8)]
        assert seqs == [seq for seq in range(9) if seq != bad_slot]
        assert (ring.first_torn_seq, ring.torn_count) == (bad_slot, 1)
        buf = bytearray(64)
        assert not ring.read_into(bad_slot, buf)
        again, found = booted(flash)
        assert (found.head, found.next_seq) == (9, 9)
        assert not again.read_into(bad_slot, buf)
        add(ring, records.BOOT)
        assert (ring.first_torn_seq, ring.torn_count) == (records.SEQ_NONE, 0)


def test_a_slot_that_is_not_blank_is_never_programmed():
    flash = MemoryFlash()
    ring, _ = booted(flash)
    add(ring)
    flash.image[64 + 30] = 0x7F
    dirty = bytes(flash.image[64:128])
    assert add(ring) == 2
    assert bytes(flash.image[64:128]) == dirty
    assert (ring.first_torn_seq, ring.torn_count) == (1, 1)


def test_broken_flash_is_said_and_not_ground_through():
    flash = MemoryFlash(sector_count=3, sector_bytes=1024)
    ring, _ = booted(flash)
    add(ring)
    flash.all_bad = True
    assert raises(JournalCorrupt, add, ring)
    assert raises(JournalCorrupt, add, ring)
    assert (ring.torn_count, ring.head, ring.next_seq) == (8, 1, 9)
    flash.all_bad = False
    ring, found = booted(flash)
    assert (found.head, found.first_torn_seq, found.torn_count) == (1, 1, 8)
    assert add(ring) == 9


def test_a_journal_of_another_key_is_not_overwritten():
    for count in (2, 3, 5, 20):
        flash = filled(count, max(0, count - 3))[0]
        before = bytes(flash.image)
        assert raises(JournalCorrupt, booted, flash, 0, b"another key, of the same length ")
        assert bytes(flash.image) == before


def test_one_rotten_bit_hides_its_record_only_and_in_a_mac_the_next():
    flash, ring = filled(12)
    buf = bytearray(64)
    for seq in range(12):
        for bit in range(512):
            offset = seq * 64 + bit // 8
            flash.image[offset] ^= 1 << bit % 8
            assert not ring.read_into(seq, buf)
            if seq < 11:
                assert ring.read_into(seq + 1, buf) == (bit < 448)
            if bit % 37 == 0:
                lost = seq == 11 or (seq == 10 and bit >= 448)
                assert booted(flash)[1].head == (seq if lost else 12), (seq, bit)
            flash.image[offset] ^= 1 << bit % 8


def test_wrong_use_is_refused():
    ring = filled(2)[1]
    assert raises(ValueError, add, ring, records.PLACE, bytes(41))
    assert raises(ValueError, lambda: ring.append(records.PLACE, b"", 1 << 32, 0, 0, 0))
    assert ring.head == ring.next_seq == 2
    assert raises(ValueError, lambda: Ring(MemoryFlash(2), Chain(KEY, b"\x00" * 4)))
    assert raises(ValueError, lambda: Ring(MemoryFlash(4, 100), Chain(KEY, b"\x00" * 4)))


def test_rot_in_the_oldest_sector_is_found_behind_its_first_record():
    """The records after it can't vouch for its content: the one before it is still there."""
    for seq in range(9, 12):
        flash, ring = filled(18, 12)
        assert ring.oldest == 8
        buf = bytearray(64)
        assert ring.read_into(seq, buf)
        flash.image[64 * seq + 16] ^= 1
        assert not ring.read_into(seq, buf)
        assert ring.read_into(8, buf)
        assert ring.read_into(seq + 1, buf)
        assert ring.continued == bytes(flash.image[64 * seq + 56:64 * seq + 64])
