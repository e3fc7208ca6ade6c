"""A journal under test with an oracle beside it that shares no code with the ring.

The oracle remembers every record that `append` promised, and at the end checks the raw image:
each promised record where its seq belongs, chained by the standard library's HMAC.
"""

import hashlib
import hmac
import struct

from host_tools.bench.nor import NorFlash, PowerCut
from protocol.journal import records
from protocol.journal.chain import Chain
from protocol.journal.ring import Ring

KEY = bytes(range(32))
JOURNAL_ID = b"\x01\x02\x03\x04"
SLOTS_PER_SECTOR = 4


def small_flash(sectors=4):
    """`sectors` sectors of four records."""
    return NorFlash(sectors * SLOTS_PER_SECTOR * 64, SLOTS_PER_SECTOR * 64)


def expected_mac(previous, record):
    """The chain's MAC as the standard library computes it."""
    return hmac.digest(KEY, previous + record[:56], hashlib.sha256)[:8]


def expected_start():
    """What stands before the first record."""
    return hmac.digest(KEY, b"minik journal" + JOURNAL_ID, hashlib.sha256)[:8]


class Journal:
    """One device's life: boots, appends, acknowledgements, and what it was promised."""

    def __init__(self, flash):
        self.flash = flash
        self.promised = {}
        self.watermark = 0
        self.boots = 0
        self.cuts = 1  # since the last promise: each may leave one slot used
        self.reports = []  # (first torn seq, count) as BOOT records carried them
        self.ring = None

    def boot(self):
        """Recover and check what recovery says; answer the Recovery."""
        self.flash.power_on()
        self.ring = Ring(self.flash, Chain(KEY, JOURNAL_ID))
        before = bytes(self.flash.image)
        found = self.ring.recover(self.watermark)
        assert bytes(self.flash.image) == before
        last = max(self.promised, default=-1)
        assert found.head >= last + 1, "a promised record is gone"
        assert found.head <= last + 1 + self.cuts, "more new records than cuts"
        self.cuts += 1
        assert found.next_seq == found.head + found.torn_count
        assert found.watermark == self.watermark
        assert not found.watermark_ahead
        self.boots += 1
        return found

    def append(self, kind, marker=0):
        """Append one record whose body tells it apart; remember the promise."""
        body = struct.pack("<IIB", len(self.promised), self.boots, marker)
        if kind == records.BOOT:
            report = (self.ring.first_torn_seq, self.ring.torn_count)
            body = struct.pack("<BBI", 0, report[1], report[0])
        seq = self.ring.append(kind, body, 1000 + self.boots, 7, self.boots, 1)
        assert seq not in self.promised, "a number was promised twice"
        if kind == records.BOOT:
            self.reports.append((seq, *report))
        self.promised[seq] = (kind, body)
        self.cuts = 1
        return seq

    def acknowledge(self, next_seq):
        """The ledger has everything below; the caller's file keeps it too."""
        self.ring.acknowledge(next_seq)
        self.watermark = self.ring.watermark

    def check(self):
        """Everything still owed is readable, says what was promised, and the chain holds."""
        ring = self.ring
        buf = bytearray(64)
        owed = [seq for seq in self.promised if seq >= ring.watermark]
        for seq in owed:
            assert ring.read_into(seq, buf), seq
            kind, body = self.promised[seq]
            assert records.record_seq(buf) == seq
            assert (buf[4], bytes(buf[16:16 + len(body)])) == (kind, body)
        self._check_chain()

    def _check_chain(self):
        """Walk from oldest to head as a stranger with the key would; torn slots are stepped over.
        """
        ring = self.ring
        previous = expected_start() if ring.oldest == 0 else None
        buf = bytearray(64)
        for seq in range(ring.oldest, ring.head):
            offset = seq % ring.capacity * 64
            raw = bytes(self.flash.image[offset:offset + 64])
            if previous is None:
                if ring.read_into(seq, buf):
                    previous = raw[56:]
                continue
            good = raw[56:] == expected_mac(previous, raw) and raw[:4] == struct.pack("<I", seq)
            assert good or seq not in self.promised, seq
            assert ring.read_into(seq, buf) == good
            if good:
                previous = raw[56:]
        assert good, "the head ends with a good record"


def script(journal, steps):
    """A day at the door, endlessly mixed and always the same: `steps` turns of a fixed wheel.

    BOOT first, then taps (INTENT and OUTCOME), places, housekeeping, acknowledgements that lag
    behind. Returns normally or lets PowerCut out.
    """
    journal.append(records.BOOT)
    for step in range(steps):
        if journal.ring.can_sell():
            journal.append(records.INTENT, step % 256)
            journal.append(records.OUTCOME, step % 256)
        if step % 3 == 0:
            journal.acknowledge(max(journal.ring.watermark, journal.ring.head - 2))
        if step % 4 != 3:
            journal.ring.erase_ahead()
        if step % 5 == 4 and journal.ring.room >= 2:
            journal.append(records.PLACE, step % 256)


def run_until_cut(journal, steps):
    """True if the script was cut."""
    try:
        script(journal, steps)
    except PowerCut:
        return True
    return False
