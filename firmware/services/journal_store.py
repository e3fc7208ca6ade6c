"""The journal on its raw flash partition: the flash seam over esp32.Partition, and the stamps.

`protocol.journal.ring` does the ring and the chain. Here every record gets its time, uptime, boot
number and clock quality, and a failure of the flash is remembered: from then on the device must
refuse to sell.
"""

from protocol.compat import const
from protocol.errors import JournalCorrupt, JournalFull
from protocol.fields import get_uint, pack_into
from protocol.journal import records
from protocol.journal.chain import Chain
from protocol.journal.ring import Ring

_SECTOR_BYTES = const(4096)
_IOCTL_COUNT = const(4)
_IOCTL_ERASE = const(6)
_BOOT_NUMBER_AT = const(6)
_BOOT_NUMBER_MAX = const(0xFFFF)


class PartitionFlash:
    """A partition as the flash seam of docs/architecture.md; OSError where the flash fails."""

    sector_bytes = _SECTOR_BYTES

    def __init__(self, partition):
        self._partition = partition
        self.sector_count = partition.ioctl(_IOCTL_COUNT, 0)

    def readinto(self, offset, buf):
        """Read len(buf) bytes from `offset`."""
        self._partition.readblocks(offset // _SECTOR_BYTES, buf, offset % _SECTOR_BYTES)

    def program(self, offset, buf):
        """Program `buf` at `offset`; it only clears bits."""
        self._partition.writeblocks(offset // _SECTOR_BYTES, buf, offset % _SECTOR_BYTES)

    def erase(self, sector_index):
        """Erase one sector."""
        self._partition.ioctl(_IOCTL_ERASE, sector_index)


class JournalStore:
    """The journal of `keyset` on `partition`. `failed`: the flash or the chain did not hold."""

    def __init__(self, partition, keyset, clock):
        self.ring = Ring(
            PartitionFlash(partition), Chain(keyset.journal_key, keyset.journal_id)
        )
        self._clock = clock
        self.boot = 0
        self.failed = True

    def recover(self, watermark):
        """Find the head and this boot's number. JournalCorrupt: not this device's journal."""
        recovery = self.ring.recover(watermark)
        if recovery.watermark_ahead:
            raise JournalCorrupt(recovery.head, "shorter than what was acknowledged")
        if recovery.head:
            last = bytearray(records.RECORD_BYTES)
            self.ring.read_into(recovery.head - 1, last)
            self.boot = get_uint(last, _BOOT_NUMBER_AT, 2)
        self.boot = min(self.boot + 1, _BOOT_NUMBER_MAX)
        self.failed = False

    def append(self, kind, body):
        """Write a record, durable on return; its journal seq. JournalFull, JournalCorrupt."""
        clock = self._clock
        try:
            return self.ring.append(
                kind, body, clock.now(), clock.uptime_s(), self.boot, clock.quality
            )
        except JournalFull:
            raise
        except (JournalCorrupt, OSError):
            self.failed = True
            raise JournalCorrupt(self.ring.next_seq, "flash")

    def append_fields(self, kind, fields):
        """Write a record of `fields` (a dict, SPEC §3.1) if there is room; False if there is not.

        JournalCorrupt as `append`.
        """
        body = bytearray(records.BODY_BYTES)
        pack_into(records.BODY_LAYOUTS[kind], body, 0, fields)
        try:
            self.append(kind, body)
        except JournalFull:
            return False
        return True

    def can_sell(self):
        """Is there room and good flash for one more tap?"""
        return not self.failed and self.ring.can_sell()
