"""Journal records as differences to what a batch already said (SPEC §4.4): the coding side.

`Prediction` is what both ends expect of the next record; the server's half is `undelta`. A wrong
guess costs bytes, never correctness: the chain's MAC judges what the server rebuilt.
"""

from protocol.compat import const
from protocol.fields import get_uint, put_uint
from protocol.journal.records import BODY_BYTES, BODY_OFFSET, INTENT, OUTCOME

KIND_MASK = const(0x0F)
KIND_ESCAPE = const(15)
BOOT_GIVEN = const(0x10)
QUALITY_GIVEN = const(0x20)
TIME_GIVEN = const(0x40)
BODY_GIVEN = const(0x80)
GROUP_COUNT = const(5)  # of eight body bytes
CODED_BYTES_MAX = const(2 + 3 + 1 + 5 + 5 + 6 + 40)
CONTINUES = const(0x80)  # in the place of a head: the MAC that the next record continues
CONTINUES_BYTES = const(9)
KIND_AT = const(4)
QUALITY_AT = const(5)
BOOT_AT = const(6)
TIME_AT = const(8)
UPTIME_AT = const(12)
_INTENT_SEQ_AT = const(26)
# (offset in an INTENT body, offset in the OUTCOME body, width): medium and uid, flags, product,
# rider category, riders, charge, K, tag after, card seq, granted, grant_seq
_CARRIED = (
    (0, 0, 10), (13, 12, 2), (15, 39, 1), (16, 14, 4), (20, 18, 4), (28, 22, 4), (10, 30, 3),
    (32, 33, 4), (36, 37, 2),
)


class Prediction:
    """What to expect of the next record; the same on both sides after the same records."""

    def __init__(self):
        self.body = bytearray(BODY_BYTES)
        self._intent = bytearray(BODY_BYTES)
        self.restart()

    def restart(self):
        """A batch begins: before it stand zeros."""
        self.boot = 0
        self.quality = 0
        self.time = 0
        self.uptime = 0
        self._intent_seq = -2  # journal seq of the record just before, if an INTENT
        for position in range(BODY_BYTES):
            self._intent[position] = 0

    def expect(self, kind, seq):
        """Fill `body` with the expected body of record `seq`, whose kind is known."""
        body = self.body
        carried = kind == OUTCOME and self._intent_seq == seq - 1
        for position in range(BODY_BYTES):
            body[position] = self._intent[position] if kind == INTENT else 0
        if carried:
            for source, target, width in _CARRIED:
                for step in range(width):
                    body[target + step] = self._intent[source + step]
            put_uint(body, _INTENT_SEQ_AT, 4, seq - 1)

    def saw(self, record, seq):
        """Record `seq` (its 56 bytes before the MAC) is now the record before."""
        self.quality = record[QUALITY_AT]
        self.boot = get_uint(record, BOOT_AT, 2)
        self.time = get_uint(record, TIME_AT, 4)
        self.uptime = get_uint(record, UPTIME_AT, 4)
        self._intent_seq = -2
        if record[KIND_AT] == INTENT:
            self._intent_seq = seq
            for position in range(BODY_BYTES):
                self._intent[position] = record[BODY_OFFSET + position]


def _put_varint(out, position, value):
    while value > 0x7F:
        out[position] = value & 0x7F | 0x80
        position += 1
        value >>= 7
    out[position] = value
    return position + 1


def _put_signed(out, position, value):
    return _put_varint(out, position, 2 * value if value >= 0 else -2 * value - 1)


def put_torn(out, position):
    """Code a torn slot; returns the position after it."""
    out[position] = 0
    return position + 1


def put_continues(mac, out, position):
    """Code that the record after this continues the 8 bytes `mac`, which a rotten slot holds."""
    out[position] = CONTINUES
    out[position + 1:position + CONTINUES_BYTES] = mac
    return position + CONTINUES_BYTES


def put_record(prediction, record, seq, out, position):
    """Code record `seq`, of a kind above 0, into `out`; returns the position after it, at most
    CODED_BYTES_MAX further."""
    kind = record[KIND_AT]
    boot = get_uint(record, BOOT_AT, 2)
    uptime = get_uint(record, UPTIME_AT, 4)
    head_at = position
    position += 1
    head = kind
    if kind >= KIND_ESCAPE:
        head = KIND_ESCAPE
        out[position] = kind
        position += 1
    elapsed = uptime - prediction.uptime
    expected_time = prediction.time + elapsed
    if boot != prediction.boot:
        head |= BOOT_GIVEN
        position = _put_varint(out, position, boot)
        elapsed = uptime
        expected_time = prediction.time
    if record[QUALITY_AT] != prediction.quality:
        head |= QUALITY_GIVEN
        out[position] = record[QUALITY_AT]
        position += 1
    position = _put_signed(out, position, elapsed)
    late = get_uint(record, TIME_AT, 4) - expected_time
    if late:
        head |= TIME_GIVEN
        position = _put_signed(out, position, late)
    prediction.expect(kind, seq)
    after = _put_residue(prediction.body, record, out, position)
    if after != position + 1:
        head |= BODY_GIVEN
        position = after
    out[head_at] = head
    prediction.saw(record, seq)
    return position


def _put_residue(expected, record, out, position):
    """Groups, masks and bytes of body XOR expected body; only the groups byte if they agree."""
    groups_at = position
    out[groups_at] = 0
    position += 1
    for group in range(GROUP_COUNT):
        mask = 0
        for bit in range(8):
            place = 8 * group + bit
            if record[BODY_OFFSET + place] != expected[place]:
                mask |= 1 << bit
        if mask:
            out[groups_at] |= 1 << group
            out[position] = mask
            position += 1
    for place in range(BODY_BYTES):
        byte = record[BODY_OFFSET + place] ^ expected[place]
        if byte:
            out[position] = byte
            position += 1
    return position
