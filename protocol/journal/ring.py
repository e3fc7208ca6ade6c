"""The journal: a ring of 64-byte records on a raw flash partition (SPEC §3, decision 0006).

Journal seq n lies in slot n mod (slots of the ring). Four rules carry everything else:

1. A record is programmed once, in one piece, onto a slot that reads blank. What cannot be
   programmed so is left behind as a *torn* slot: it keeps its number, the chain goes over it.
2. An erase is trusted only by the session that completed it. A sector in which no good record
   stands is erased again before it is used, so a torn erase, or one that only looks complete,
   never carries a record. A sector once begun therefore always holds a good record, and at most
   the slots after that one are torn by cuts.
3. A sector is erased only when every record in it is acknowledged, so the oldest record is never
   overwritten before the ledger has it: the ring is full instead, and selling stops earlier.
4. What is outside, `head` above all, ends with the last good record: a number that nobody
   was given may be used again after a cut, one that somebody was given never is.

The partition is the flash seam of docs/architecture.md. The watermark is kept by the caller; a
lost or older one only means that records are sent again. Not here: bodies (`records`), keys
(`chain`), the sync. A Ring allocates nothing of its own after `__init__` except what the
chain's hashes cost.
"""

from protocol.compat import const
from protocol.errors import JournalCorrupt, JournalFull, SyncError
from protocol.fields import get_uint
from protocol.journal.records import (
    BLANK,
    BODY_BYTES,
    BODY_OFFSET,
    BOOT,
    INTENT,
    MAC_OFFSET,
    OUTCOME,
    RECORD_BYTES,
    SEQ_NONE,
    pack_header,
)

_SECTORS_MIN = const(3)  # the one before the head's anchors it, the one after is erased
_BAD_SLOTS_MAX = const(8)  # in a row, stepped over before the flash is called broken
_CLAIMS_MAX = const(3)  # honest garbage can outbid the head's sector once: from the fresh sector
_MAC_BLANK = b"\xff" * 8


class Recovery:
    """What `Ring.recover` found.

    `head` one past the last good record; `next_seq` the number the next record gets;
    `first_torn_seq` (SEQ_NONE for none) and `torn_count` the torn slots between the two;
    `watermark` as it is now; `watermark_ahead` true if the watermark given lies beyond the head:
    then this partition is not the one it was kept for, and needs a new journal id.
    """

    def __init__(self, ring, watermark_ahead):
        self.head = ring.head
        self.next_seq = ring.next_seq
        self.first_torn_seq = ring.first_torn_seq
        self.torn_count = ring.torn_count
        self.watermark = ring.watermark
        self.watermark_ahead = watermark_ahead


class Ring:
    """The journal on `flash`, chained by `chain`; call `recover` first, and again never.

    `head`: one past the last good record. `next_seq`: what the next record is numbered, higher
    than `head` while torn slots lie between. `watermark`: everything below is acknowledged.
    `torn_count` and `first_torn_seq`: torn slots not yet named by a BOOT record (a BOOT that is
    appended sets them back). `continued`: the MAC that the record last read continues, that of a
    rotten slot too. `start_mac`: the MAC before the first record.
    """

    def __init__(self, flash, chain):
        per_sector = flash.sector_bytes // RECORD_BYTES
        if flash.sector_count < _SECTORS_MIN or per_sector * RECORD_BYTES != flash.sector_bytes:
            raise ValueError("a journal needs three sectors of whole records")
        self._flash = flash
        self._chain = chain
        self._per_sector = per_sector
        self.capacity = per_sector * flash.sector_count
        self._record = bytearray(RECORD_BYTES)
        self._record_view = memoryview(self._record)
        self._slot = bytearray(RECORD_BYTES)
        self._slot_view = memoryview(self._slot)
        self._slot_mac = self._slot_view[MAC_OFFSET:]
        self._last_mac = bytearray(8)
        self.continued = bytearray(8)
        self.start_mac = chain.start()
        self.head = 0
        self.next_seq = self.capacity  # nothing fits before `recover` says where the head is
        self.watermark = 0
        self._bad_slots = 0
        self.torn_count = 0
        self.first_torn_seq = SEQ_NONE
        self._erased_start = -1  # first seq of the sector this session erased, not yet begun

    # -- after boot

    def recover(self, watermark=0):
        """Find the head after whatever cut, and answer a Recovery. Only reads.

        Reads one slot a sector, the slots of two or three sectors, and up to two sectors
        of MACs for each torn slot. Raises JournalCorrupt when there are records but none that this
        chain made: who holds another key must not overwrite them.
        """
        last = self._find_last_good()
        self.head = self.next_seq = last + 1
        if last < 0:
            self._last_mac[:] = self.start_mac
        else:
            self._read_mac(last, self._last_mac)
        self.torn_count = 0
        self.first_torn_seq = SEQ_NONE
        self._erased_start = -1
        while self.next_seq % self._per_sector:
            self._read_slot(self.next_seq)
            if self._slot == BLANK:
                break
            self._leave_torn()
        floor = self._fresh_start() - self.capacity
        if 0 <= floor and watermark < floor + self._per_sector and not self._claim_count(floor):
            floor += self._per_sector
        self.watermark = min(max(watermark, floor, 0), self.head)
        return Recovery(self, watermark > self.head)

    def _find_last_good(self):
        """Journal seq of the last good record, -1 for an empty journal.

        The sector whose first record claims the highest seq is tried first; garbage that claims a
        higher one does not verify, and the next lower claim is tried.
        """
        below = SEQ_NONE
        claims = 0
        for _ in range(_CLAIMS_MAX):
            start = self._highest_claim(below)
            if start < 0:
                break
            last = self._last_good_in(start)
            if last >= 0:
                return self._last_good_beyond(last)
            claims += self._claim_count(start)
            below = start
            if claims > _BAD_SLOTS_MAX:
                break
        if claims > 1:
            raise JournalCorrupt(below, "no record is of this key")
        return -1

    def _highest_claim(self, below):
        """The highest seq under `below` that the first slot of a sector claims, or -1."""
        best = -1
        for start in range(0, self.capacity, self._per_sector):
            self._read_slot(start)
            seq = get_uint(self._slot, 0, 4)
            if best < seq < below and seq % self.capacity == start and self._slot[4]:
                best = seq
        return best

    def _last_good_in(self, start):
        """The last good record of the sector whose first record has seq `start`, or -1."""
        for seq in range(start + self._per_sector - 1, start - 1, -1):
            if self._is_good(seq):
                return seq
        return -1

    def _last_good_beyond(self, last):
        """Go on into the next sectors: the first slot of one may have been left as torn."""
        for _ in range(self._flash.sector_count):
            start = last - last % self._per_sector + self._per_sector
            further = self._last_good_in(start)
            if further < 0:
                break
            last = further
        return last

    def _claim_count(self, start):
        """How many slots of the sector claim their seq of `start` and up."""
        count = 0
        for seq in range(start, start + self._per_sector):
            count += self._claims(seq)
        return count

    # -- writing

    def append(self, kind, body, now, uptime_s, boot, clock_quality):
        """Write one record and answer its journal seq; it is durable when this returns.

        `body` is up to 40 bytes, zeros follow. The record is read back and compared before it
        counts; a slot that does not keep it is left as torn. Raises JournalFull when there is no
        room for this kind (INTENT leaves room for its OUTCOME and a sector more, BOOT and the like
        for one OUTCOME), JournalCorrupt when eight slots in a row have failed (until the next
        boot), ValueError for a value that does not fit; in each case no record was written.
        """
        if self.room < self._room_needed(kind):
            raise JournalFull
        while self._bad_slots < _BAD_SLOTS_MAX:
            seq = self.next_seq
            if self.room < 1:
                raise JournalFull
            self._pack(seq, kind, body, now, uptime_s, boot, clock_quality)
            if seq % self._per_sector == 0 and self._erased_start != seq:
                self._erase(seq)
            if self._program(seq):
                self._last_mac[:] = self._record_view[MAC_OFFSET:]
                self.head = self.next_seq = seq + 1
                self._bad_slots = 0
                if kind == BOOT:
                    self.torn_count = 0
                    self.first_torn_seq = SEQ_NONE
                return seq
            self._leave_torn()
            self._bad_slots += 1
        raise JournalCorrupt(self.next_seq, "the flash does not keep what is programmed")

    def _pack(self, seq, kind, body, now, uptime_s, boot, clock_quality):
        width = len(body)
        if width > BODY_BYTES:
            raise ValueError("a body has at most 40 bytes")
        view = self._record_view
        pack_header(view, seq, kind, clock_quality, boot, now, uptime_s)
        view[BODY_OFFSET:BODY_OFFSET + width] = body
        for position in range(BODY_OFFSET + width, MAC_OFFSET):
            view[position] = 0
        view[MAC_OFFSET:] = self._chain.mac(self._last_mac, view)

    def _program(self, seq):
        """True if the slot was blank and now holds the record."""
        self._read_slot(seq)
        if self._slot != BLANK:
            return False
        self._flash.program(self._offset(seq), self._record)
        self._read_slot(seq)
        return self._slot == self._record

    def _leave_torn(self):
        if self.torn_count == 0:
            self.first_torn_seq = self.next_seq
        self.torn_count += 1
        self.next_seq += 1

    def erase_ahead(self):
        """Housekeeping: have the next sector erased. True if that took an erase now.

        Does nothing while that sector holds a record that is not acknowledged. An append that
        finds no sector erased erases by itself: slower, never wrong.
        """
        start = self._fresh_start()
        if self._erased_start == start or start + self._per_sector > self._limit():
            return False
        self._erase(start)
        return True

    def _erase(self, start):
        self._erased_start = -1
        self._flash.erase(start % self.capacity // self._per_sector)
        self._erased_start = start

    # -- room

    @property
    def room(self):
        """Records that can still be written before an unacknowledged one is in the way."""
        return self._limit() - self.next_seq

    @property
    def fill_percent(self):
        """How much of what fits without a sync is used; at 100 selling stops or is about to."""
        sellable = self.capacity - 2 * self._per_sector - 1
        return min(100, (self.head - self.watermark) * 100 // sellable)

    def can_sell(self):
        """True if the INTENT and OUTCOME of one more tap fit, and a sector's worth besides."""
        return self.room >= self._room_needed(INTENT)

    def _room_needed(self, kind):
        if kind == OUTCOME:
            return 1
        if kind == INTENT:
            return 2 + self._per_sector
        return 2

    def _limit(self):
        """The first seq whose slot still holds a record that is not acknowledged."""
        reach = self.watermark + self.capacity
        return reach - reach % self._per_sector

    def _fresh_start(self):
        """First seq of the first sector in which nothing was written this lap."""
        reach = self.next_seq + self._per_sector - 1
        return reach - reach % self._per_sector

    # -- reading and acknowledging

    @property
    def oldest(self):
        """The lowest seq that can still be read; at most the watermark."""
        kept = self._fresh_start() - self.capacity + self._per_sector
        return max(0, min(kept, self.watermark))

    def read_into(self, seq, buf):
        """Read the record of `seq` into the 64-byte `buf`. False: a torn slot, `buf` says nothing.

        Raises ValueError outside `oldest` to `head`. The record is verified against the chain.
        The oldest one, whose predecessor is gone, is verified by the record after it: its MAC is
        proven then, its content is not.
        """
        if not self.oldest <= seq < self.head:
            raise ValueError("not in the journal")
        self._flash.readinto(self._offset(seq), buf)
        if get_uint(buf, 0, 4) != seq:
            return False
        return self._follows(seq, buf) or self._is_followed(seq, buf)

    def acknowledge(self, next_seq):
        """Everything below `next_seq` is in the ledger. True if that moved the watermark.

        Never backwards; SyncError beyond the head.
        """
        if next_seq > self.head:
            raise SyncError("acknowledged beyond the head")
        if next_seq <= self.watermark:
            return False
        self.watermark = next_seq
        return True

    def last_mac_into(self, buf):
        """The MAC of the last good record, or the chain's start, into the 8-byte `buf`."""
        buf[:] = self._last_mac

    # -- slots

    def _offset(self, seq):
        return seq % self.capacity * RECORD_BYTES

    def _read_slot(self, seq):
        self._flash.readinto(self._offset(seq), self._slot)

    def _read_mac(self, seq, buf):
        self._flash.readinto(self._offset(seq) + MAC_OFFSET, buf)

    def _claims(self, seq):
        self._read_slot(seq)
        return get_uint(self._slot, 0, 4) == seq

    def _is_good(self, seq):
        return self._claims(seq) and self._follows(seq, self._slot_view)

    def _follows(self, seq, record):
        """True if `record` verifies after one of the slots before it.

        Which of them is good need not be known: only the key's holder can have made a MAC that
        continues it. By rule 2 the last good one is less than two sectors back.
        """
        mac = bytes(record[MAC_OFFSET:])
        for back in range(1, 2 * self._per_sector + 1):
            if back > seq:
                self.continued[:] = self.start_mac
                return self._chain.mac(self.start_mac, record) == mac
            self._read_mac(seq - back, self.continued)
            if self.continued != _MAC_BLANK and self._chain.mac(self.continued, record) == mac:
                return True
        return False

    def _is_followed(self, seq, record):
        """True if `record` is the oldest one and a later record verifies after it."""
        oldest = self.oldest
        if oldest == 0 or seq >= oldest + self._per_sector:
            return False
        for before in range(oldest, seq):
            if self._claims(before):
                return False
        mac = bytes(record[MAC_OFFSET:])
        for ahead in range(seq + 1, min(self.head, seq + 2 * self._per_sector + 1)):
            self._read_slot(ahead)
            if self._chain.mac(mac, self._slot_view) == bytes(self._slot_mac):
                return True
        return False
