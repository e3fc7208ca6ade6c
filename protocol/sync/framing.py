"""Frames on a serial line: COBS, CRC-32, zero as the delimiter (SPEC §4.1).

Bytes in, payloads out and the other way round; no ports. Damage costs the frame it hits: it is
counted, dropped, and the next delimiter starts afresh. All buffers are made once.
Source for COBS: S. Cheshire, M. Baker, "Consistent Overhead Byte Stuffing", 1999.
"""

import binascii

from protocol.compat import const

PAYLOAD_BYTES_MAX = const(1024)
_CRC_BYTES = const(4)
_CODED_BYTES_MAX = const(1024 + 4)
_GROUP_MAX = const(254)  # bytes of a COBS group that no zero ends
FRAME_BYTES_MAX = const(1028 + 5 + 2)  # a code for each group, and both delimiters


class Framer:
    """Makes frames in a buffer of its own."""

    def __init__(self):
        self._frame = bytearray(FRAME_BYTES_MAX)
        self._view = memoryview(self._frame)
        self._crc = bytearray(_CRC_BYTES)

    def frame(self, payload):
        """The frame of `payload` (1 to 1,024 bytes): a memoryview that holds until the next."""
        if not 1 <= len(payload) <= PAYLOAD_BYTES_MAX:
            raise ValueError("a payload has 1 to 1,024 bytes")
        crc = binascii.crc32(payload)
        for position in range(_CRC_BYTES):
            self._crc[position] = crc & 0xFF
            crc >>= 8
        frame = self._frame
        frame[0] = 0
        code = 1  # where the running group's code goes
        position = 2
        for part in (payload, self._crc):
            for byte in part:
                if position - code > _GROUP_MAX:
                    frame[code] = position - code
                    code = position
                    position += 1
                if byte:
                    frame[position] = byte
                else:
                    frame[code] = position - code
                    code = position
                position += 1
        frame[code] = position - code
        frame[position] = 0
        return self._view[:position + 1]


class Deframer:
    """Finds frames in a stream of bytes. `damaged` counts what had to be dropped."""

    def __init__(self):
        self._payload = bytearray(_CODED_BYTES_MAX)
        self._view = memoryview(self._payload)
        self.damaged = 0
        self._restart()

    def _restart(self):
        self._length = 0
        self._left = 0  # bytes still to come of the running group
        self._zero_due = False  # a zero stands between the running group and the next
        self._started = False
        self._bad = False

    def payloads(self, chunk):
        """Yields each good payload as a memoryview that holds until the next step."""
        for byte in chunk:
            if byte:
                if not self._bad:
                    self._take(byte)
                continue
            length = self._close()
            self._restart()
            if length:
                yield self._view[:length]

    def _take(self, byte):
        if self._left:
            self._left -= 1
            self._append(byte)
            return
        if self._zero_due:
            self._append(0)
        self._started = True
        self._left = byte - 1
        self._zero_due = byte <= _GROUP_MAX

    def _append(self, byte):
        if self._length == _CODED_BYTES_MAX:
            self._bad = True
            return
        self._payload[self._length] = byte
        self._length += 1

    def _close(self):
        """The payload's length at a delimiter; 0 for a damaged or an empty frame."""
        if not self._started:
            return 0
        length = self._length - _CRC_BYTES
        if not self._bad and not self._left and length > 0:
            crc = binascii.crc32(self._view[:length])
            for position in range(length, length + _CRC_BYTES):
                if self._payload[position] != crc & 0xFF:
                    break
                crc >>= 8
            else:
                return length
        self.damaged += 1
        return 0
