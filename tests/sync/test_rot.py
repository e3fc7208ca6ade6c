"""A bit that rots on the flash costs the records it hits, never the sync (SPEC §3.4, §4.4).

A real ring on a NOR chip, each of its records rotten in turn, synced by both sides of the session.
"""

import struct

import pytest

from host_tools.bench.nor import NorFlash
from protocol.errors import FrameError
from protocol.journal import records
from protocol.journal.chain import Chain
from protocol.journal.ring import Ring
from protocol.sync import delta, undelta
from tests.shared.sync_world import JOURNAL_ID, JOURNAL_KEY, World

COUNT = 70  # more than a batch
SEQ_AT, BODY_AT, MAC_AT = 0, 16, 60


class RingWorld(World):
    """The sync world with a real ring; `good` are its records as they were written."""

    def __init__(self, count=COUNT):
        self.flash = NorFlash(4 * 4096)
        self.good = []
        super().__init__(taps=0)
        self.journal = Ring(self.flash, Chain(JOURNAL_KEY, JOURNAL_ID))
        self.journal.recover()
        self.boot()
        self.add(count)

    def add(self, count):
        """`count` PLACE records more; a torn slot among them is None in `good`."""
        for _ in range(count):
            number = len(self.good)
            body = struct.pack("<H", number | 0x101)
            seq = self.journal.append(records.PLACE, body, 1000 + number, number, 1, 2)
            self.good += [None] * (seq - number)
            self.good.append(bytes(self.flash.image[64 * seq:64 * seq + 64]))

    def rot(self, seq, at):
        """Clear the lowest bit that is set in the record from byte `at` on."""
        place = 64 * seq + at
        while not self.flash.image[place]:
            place += 1
        self.flash.image[place] &= self.flash.image[place] - 1

    def tear_next(self, content):
        """A power cut leaves `content` in the next slot."""
        at = 64 * self.journal.next_seq
        self.flash.image[at:at + 64] = content

    def synced_but(self, *lost):
        """Everything is acknowledged, and the ledger has all records but those, which are torn."""
        kept = [None if seq in lost else record for seq, record in enumerate(self.good)]
        return self.journal.watermark == self.journal.head and self.ledger.records == kept

    def synced(self):
        return self.journal.watermark == self.journal.head


@pytest.mark.parametrize("at", [SEQ_AT, BODY_AT, MAC_AT])
def test_every_record_rotten_in_turn(at):
    for seq in range(COUNT):
        if at == SEQ_AT and not seq:
            continue  # its number is zero: no bit to clear
        world = RingWorld()
        world.rot(seq, at)
        world.talk()
        lost = (seq, seq + 1) if at == MAC_AT and seq + 1 < COUNT else (seq,)
        assert world.synced_but(*lost), (seq, world.device.fault, world.server.fault)
        after = lost[-1] + 1
        told = after < COUNT and after not in world.ledger.starts  # a batch tells of its own slots
        assert world.ledger.damaged == ([lost[-1]] if told else [])
        world.add(3)
        world.talk()
        assert world.device.fault == world.server.fault == 0, seq
        assert world.journal.watermark == COUNT + 3
        if at != MAC_AT:
            assert world.synced_but(seq), seq


def test_rotten_between_two_batches():
    """What was taken while it was good rots before the records after it are sent."""
    world = RingWorld()
    world.talk()
    world.rot(COUNT - 1, BODY_AT)
    world.rot(COUNT - 3, BODY_AT)
    world.add(1)
    world.talk()
    assert world.synced_but()


def test_neighbours_and_pairs():
    for first in range(12):
        for second in range(first + 1, 12):
            world = RingWorld(14)
            world.rot(first, BODY_AT)
            world.rot(second, BODY_AT)
            world.talk()
            assert world.synced_but(first, second), (first, second)


@pytest.mark.parametrize("kept", range(1, 64, 3))
def test_torn_slots_that_claim_their_number_are_stepped_over(kept):
    """Of a record cut while it was programmed the first bytes stand: the chain goes round it."""
    world = RingWorld(5)
    whole = RingWorld(6).good[5]
    world.tear_next(whole[:kept] + bytes(64 - kept))
    world.add(4)
    world.talk()
    assert world.good[5] is None
    assert world.synced_but()
    world = RingWorld(5)
    world.tear_next(whole[:kept] + bytes(64 - kept))
    world.add(4)
    world.rot(6, BODY_AT)
    world.talk()
    assert world.synced_but(6)


def test_nothing_but_a_good_record_continues_a_mac():
    chain = Chain(JOURNAL_KEY, JOURNAL_ID)
    out = bytearray(100)
    end = delta.put_torn(out, delta.put_continues(bytes(8), out, 0))
    for content in (out[:end], out[:end - 1], out[:5], out[:9] + out[:9] + b"\x01\x00"):
        with pytest.raises(FrameError):
            undelta.rebuild(bytes(content), 0, 1, chain, chain.start())
