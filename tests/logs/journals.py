"""Journals for the tests of the host's tools: written by the ring, so as a device writes them."""

import struct

from host_tools.bench.nor import NorFlash, PowerCut
from host_tools.keys.store import KeyStore
from host_tools.logs.dump import DumpHeader
from host_tools.logs.sources import JournalFile
from protocol.journal import records
from protocol.journal.chain import Chain
from protocol.journal.ring import Ring

DEVICE_ID = "V1"
JOURNAL_ID = b"\x0a\x0b\x0c\x0d"
STORE = KeyStore.deterministic(7)
NOW = 217_000_000  # 2026-11-16
SECTORS = 4
FLASH_BYTES = 16 << 20
JOURNAL_OFFSET = 0x310000


def chain(device_id=DEVICE_ID, journal_id=JOURNAL_ID):
    return Chain(STORE.device_keys(device_id, journal_id)[1], journal_id)


class Device:
    """A device that boots, taps, and loses power when it is told to."""

    def __init__(self, sectors=SECTORS, device_id=DEVICE_ID, journal_id=JOURNAL_ID):
        self.flash = NorFlash(sectors * 4096)
        self.device_id = device_id
        self.journal_id = journal_id
        self.chain = chain(device_id, journal_id)
        self.boot_number = 0
        self.watermark = 0
        self.body = bytearray(records.BODY_BYTES)
        self.boot()

    def boot(self):
        self.flash.power_on()
        self.ring = Ring(self.flash, self.chain)
        found = self.ring.recover(self.watermark)
        self.boot_number += 1
        self.put(records.BOOT, {
            "reset_cause": 1, "torn_count": found.torn_count,
            "first_torn_seq": found.first_torn_seq, "firmware_major": 1, "firmware_minor": 2,
            "firmware_patch": 3, "tariff_version": 4, "journal_id": self.journal_id,
            "device_id": self.device_id.encode(),
        })

    def put(self, kind, fields):
        records.pack_body(kind, self.body, fields)
        seq = self.ring.head
        return self.ring.append(kind, self.body, NOW + seq, seq, self.boot_number, 2)

    def tap(self, number):
        """One committed tap: INTENT and OUTCOME."""
        uid = struct.pack(">I", 0xC0FFEE00 + number % 256)
        card = {"medium": 1, "uid_length": 4, "uid": uid, "charge": 10000, "card_seq": 2,
                "k": 20002, "granted": 50000, "grant_seq": 1, "riders": 1}
        seq = self.put(records.INTENT, {**card, "tag_before": b"tag0", "tag_after": b"tag1"})
        self.put(records.OUTCOME, {**card, "tag": b"tag1", "intent_seq": seq, "flags": 4})

    def run(self, taps):
        for number in range(taps):
            self.ring.acknowledge(self.ring.head)
            self.watermark = self.ring.watermark
            self.ring.erase_ahead()
            self.tap(number)

    def tear(self, seed=0):
        """Lose power in the next program."""
        self.flash.arm_cut(1, torn=True, seed=seed)
        try:
            self.put(records.PLACE, {"vehicle": 101})
        except PowerCut:
            self.flash.power_on()

    # -- what a field engineer has in hand

    def slot_offset(self, seq):
        return seq % self.ring.capacity * 64

    def slots(self, first=None):
        first = self.ring.oldest if first is None else first
        return [
            bytes(self.flash.image[self.slot_offset(seq):self.slot_offset(seq) + 64])
            for seq in range(first, self.ring.head)
        ]

    def dump(self, first=None):
        """(header, slots) as `minik logs pull` has them."""
        first = self.ring.oldest if first is None else first
        slots = self.slots(first)
        return DumpHeader(self.device_id, self.journal_id, first, len(slots)), slots

    def journal(self, first=None):
        """As read from a dump."""
        header, slots = self.dump(first)
        return JournalFile("dump", header.first_seq, header.count, slots, header.device_id,
                           header.journal_id)

    def whole_flash(self):
        """A 16 MB flash image with a partition table, the journal in it."""
        image = bytearray(b"\xff" * FLASH_BYTES)
        entries = (
            (1, 2, 0x9000, 0x6000, b"nvs"), (0, 0x10, 0x10000, 0x300000, b"ota_0"),
            (0x40, 0, JOURNAL_OFFSET, self.flash.size, b"journal"),
        )
        for at, (kind, subtype, offset, size, label) in enumerate(entries):
            struct.pack_into("<2sBBII16sI", image, 0x8000 + 32 * at, b"\xaa\x50", kind, subtype,
                             offset, size, label, 0)
        image[JOURNAL_OFFSET:JOURNAL_OFFSET + self.flash.size] = self.flash.image
        return bytes(image)
