"""The messages of a sync session and the seal around them (SPEC §4.2, §4.3).

A message is a dict with the small unsigned keys of the SPEC. `Sealer` puts one into a buffer,
sealed; the fields of what was opened are taken with `uint` and its like, which judge them.
"""

from protocol.compat import const
from protocol.errors import FrameError, SealError
from protocol.sync.framing import PAYLOAD_BYTES_MAX
from protocol.tickets import cbor

VERSION = const(1)
KNOCK = b"?"

HELLO = const(1)
WELCOME = const(2)
BATCH = const(3)
ACK = const(4)
SET_PLACE = const(5)
PLACE_SET = const(6)
PULL = const(7)
DUMP = const(8)
BYE = const(9)
ERROR = const(10)

CHAIN = const(1)
FORGOTTEN = const(2)
AHEAD = const(3)
MALFORMED = const(4)
WRONG_VERSION = const(5)
ERROR_NAMES = (None, "chain", "forgotten", "ahead", "malformed", "version")

FROM_DEVICE = const(1)
FROM_SERVER = const(2)
PREFIX_BYTES = const(9)  # of a nonce: direction and what is fixed for a session
_COUNTER_BYTES = const(4)
_COUNTER_MAX = const(0xFFFFFFFF)
_PREAMBLE_BYTES = const(40)  # of a message, but for a string that already lies in the buffer
PAYLOAD_AT = const(51 + 40)  # where such a string starts
STRING_BYTES_MAX = const(1024 - 51 - 40 - 16)  # a payload less header, preamble and tag


def uint(message, key, top):
    """The unsigned integer `key` of a message, at most `top`; FrameError for anything else."""
    value = message.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= top:
        raise FrameError("message %s: key %d" % (message.get(0), key))
    return value


def raw(message, key, width_max):
    """The byte string `key` of a message, of at most `width_max` bytes; FrameError otherwise."""
    value = message.get(key)
    if not isinstance(value, bytes) or len(value) > width_max:
        raise FrameError("message %s: key %d" % (message.get(0), key))
    return value


def put_be(out, offset, width, value):
    """Big-endian integer into `out`: counters of nonces count from the right."""
    for position in range(offset + width - 1, offset - 1, -1):
        out[position] = value & 0xFF
        value >>= 8


def get_be(buf, offset, width):
    """Big-endian integer of `width` bytes at `offset`."""
    value = 0
    for position in range(offset, offset + width):
        value = value << 8 | buf[position]
    return value


class Sealer:
    """One direction of one side: counts its nonces and seals messages into a buffer of its own.

    `nonce` is the last one used; `prefix` its fixed 9 bytes. Records of a BATCH or DUMP are put
    into `buf` from PAYLOAD_AT on before `seal` is called with their end.
    """

    def __init__(self, seal, prefix):
        if len(prefix) != PREFIX_BYTES:
            raise ValueError("a nonce starts with 9 fixed bytes")
        self._seal = seal
        self.buf = bytearray(PAYLOAD_BYTES_MAX)
        self._view = memoryview(self.buf)
        self.nonce = bytearray(prefix + bytes(_COUNTER_BYTES))
        self._counter = -1

    def seal(self, message, external_aad, string_key=0, string_end=PAYLOAD_AT):
        """The sealed message as a memoryview that holds until the next; None once the counter is
        spent. With `string_key`, buf[PAYLOAD_AT:string_end] becomes the value of that key, which
        must be the message's highest."""
        if self._counter == _COUNTER_MAX:
            return None
        self._counter += 1
        put_be(self.nonce, PREFIX_BYTES, _COUNTER_BYTES, self._counter)
        start = PAYLOAD_AT
        end = string_end
        if string_key:
            start = self._put_preamble(message, string_key, end - PAYLOAD_AT)
        else:
            end = cbor.encode_into(message, self.buf, start)
        begin, end = self._seal.seal(self.buf, start, end, self.nonce, external_aad)
        return self._view[begin:end]

    def _put_preamble(self, message, string_key, width):
        """All of a message but the string of `width` bytes at its end; where it starts."""
        preamble = bytearray(_PREAMBLE_BYTES)
        length = cbor.encode_into(message, preamble)
        preamble[0] += 1  # one more pair in the map
        length = cbor.put_head(preamble, length, 0, string_key)
        length = cbor.put_head(preamble, length, cbor.BYTES, width)
        start = PAYLOAD_AT - length
        self.buf[start:PAYLOAD_AT] = memoryview(preamble)[:length]
        return start


class Opener:
    """Opens what one peer sends: its direction only, one prefix once it is known, and rising
    counters, so that nothing is accepted twice or after its successor."""

    def __init__(self, direction):
        self._direction = direction
        self._counter = -1
        self.prefix = b""

    def open(self, seal, buf, nonce, start, end, external_aad):
        """The message sealed in buf[start:end], opened in place.

        Raises SealError, nothing having changed but `buf`, when it does not verify or its nonce
        is not one this peer may use now; FrameError when what verified is not a message.
        """
        prefix = bytes(nonce[:PREFIX_BYTES])
        counter = get_be(nonce, PREFIX_BYTES, _COUNTER_BYTES)
        if prefix[0] != self._direction or counter <= self._counter:
            raise SealError("direction or replay")
        if self.prefix and self.prefix != prefix:
            raise SealError("another session")
        stop = seal.open(buf, start, end, nonce, external_aad)
        self.prefix = prefix
        self._counter = counter
        message = cbor.decode(buf, start, stop)
        if not isinstance(message, dict):
            raise FrameError("message: not a map")
        uint(message, 0, 255)
        return message
