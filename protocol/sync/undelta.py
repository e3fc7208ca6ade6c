"""Journal records rebuilt from a batch (SPEC §4.4): the server's side, not loaded by devices."""

from protocol.compat import const
from protocol.errors import FrameError, JournalCorrupt
from protocol.fields import put_uint
from protocol.journal.records import BODY_BYTES, BODY_OFFSET, MAC_OFFSET, RECORD_BYTES
from protocol.sync import delta
from protocol.sync.delta import Prediction

_VARINT_BYTES_MAX = const(5)
_U32_MAX = const(0xFFFFFFFF)
DAMAGED = b""  # in place of a record that was whole once and is no longer: rotten, or edited


class _Reader:
    """Reads the coded records and never past their end."""

    def __init__(self, coded):
        self._coded = coded
        self._position = 0

    def byte(self):
        if self._position >= len(self._coded):
            raise FrameError("batch: cut")
        self._position += 1
        return self._coded[self._position - 1]

    def varint(self):
        value = 0
        for place in range(_VARINT_BYTES_MAX):
            byte = self.byte()
            value |= (byte & 0x7F) << 7 * place
            if byte < 0x80:
                return value
        raise FrameError("batch: number too long")

    def signed(self):
        value = self.varint()
        return -(value + 1) // 2 if value & 1 else value // 2

    def continued(self):
        """The MAC that the next record is said to continue, None if nothing is said."""
        if self.at_end() or self._coded[self._position] != delta.CONTINUES:
            return None
        self._position += 1
        return bytes([self.byte() for _ in range(delta.CONTINUES_BYTES - 1)])

    def at_end(self):
        return self._position == len(self._coded)


def rebuild(coded, first, count, chain, previous):
    """The records `first` to `first + count - 1`: (list, MAC of the last good one).

    Each is 64 bytes with the MAC that `chain` gives it after the 8 bytes `previous`, or None for
    a torn slot, or DAMAGED for the slot before a record that does not continue the last good one.
    FrameError if `coded` is anything else than these records.
    """
    reader = _Reader(coded)
    prediction = Prediction()
    records: "list[bytes | None]" = []
    for seq in range(first, first + count):
        continued = reader.continued()
        record = _record(reader, prediction, seq)
        if continued is not None:
            if record is None:
                raise FrameError("batch: a torn slot continues nothing")
            previous = continued
            if records:
                records[-1] = DAMAGED
        if record is not None:
            previous = chain.mac(previous, record)
            record[MAC_OFFSET:RECORD_BYTES] = previous
            record = bytes(record)
        records.append(record)
    if not reader.at_end():
        raise FrameError("batch: bytes left over")
    return records, bytes(previous)


def check(coded, first, count, chain, previous, mac):
    """As `rebuild`, but JournalCorrupt unless the last good record's MAC is `mac` (None: there is
    no good record)."""
    records, last = rebuild(coded, first, count, chain, previous)
    good = any(records)
    if (mac is not None) != good or (good and last != mac):
        raise JournalCorrupt(first, "the batch does not continue the chain")
    return records, last


def _record(reader, prediction, seq):
    head = reader.byte()
    kind = head & delta.KIND_MASK
    if not kind:
        if head:
            raise FrameError("batch: torn slot with content")
        return None
    if kind == delta.KIND_ESCAPE:
        kind = reader.byte()
        if kind < delta.KIND_ESCAPE:
            raise FrameError("batch: kind escaped for nothing")
    record = bytearray(RECORD_BYTES)
    boot = reader.varint() if head & delta.BOOT_GIVEN else prediction.boot
    quality = reader.byte() if head & delta.QUALITY_GIVEN else prediction.quality
    elapsed = reader.signed()
    if head & delta.BOOT_GIVEN:
        uptime = elapsed
        time = prediction.time
    else:
        uptime = prediction.uptime + elapsed
        time = prediction.time + elapsed
    if head & delta.TIME_GIVEN:
        time += reader.signed()
    if boot > 0xFFFF or not 0 <= uptime <= _U32_MAX or not 0 <= time <= _U32_MAX:
        raise FrameError("batch: boot number, uptime or time out of range")
    put_uint(record, 0, 4, seq)
    record[delta.KIND_AT] = kind
    record[delta.QUALITY_AT] = quality
    put_uint(record, delta.BOOT_AT, 2, boot)
    put_uint(record, delta.TIME_AT, 4, time)
    put_uint(record, delta.UPTIME_AT, 4, uptime)
    prediction.expect(kind, seq)
    record[BODY_OFFSET:BODY_OFFSET + BODY_BYTES] = prediction.body
    if head & delta.BODY_GIVEN:
        _add_residue(reader, record)
    prediction.saw(record, seq)
    return record


def _add_residue(reader, record):
    groups = reader.byte()
    if not groups or groups >> delta.GROUP_COUNT:
        raise FrameError("batch: body groups")
    masks = []
    for group in range(delta.GROUP_COUNT):
        masks.append(reader.byte() if groups >> group & 1 else 0)
    for place in range(BODY_BYTES):
        if masks[place >> 3] >> (place & 7) & 1:
            record[BODY_OFFSET + place] ^= reader.byte()
