"""The MAC that ties each journal record to the one before (SPEC §3.1).

HMAC-SHA256 written out because MicroPython has only `hashlib` (RFC 2104, RFC 4231). A Chain is
handed to whoever writes or checks a journal; keys that move forward come as another Chain with
the same two methods, since `mac` sees the record and with it its journal seq.
"""

import hashlib

from protocol.compat import const

MAC_BYTES = const(8)
JOURNAL_ID_BYTES = const(4)
_BLOCK_BYTES = const(64)  # of SHA-256
_COVERED_BYTES = const(56)  # of a record
_START_LABEL = b"minik journal"


class Chain:
    """The chain of one journal: `journal_key` of 16 to 64 bytes, `journal_id` of 4 bytes."""

    def __init__(self, journal_key, journal_id):
        if not 16 <= len(journal_key) <= _BLOCK_BYTES or len(journal_id) != JOURNAL_ID_BYTES:
            raise ValueError("journal key or journal id has a wrong length")
        padded = bytes(journal_key) + bytes(_BLOCK_BYTES - len(journal_key))
        self._inner = bytes([byte ^ 0x36 for byte in padded])
        self._outer = bytes([byte ^ 0x5C for byte in padded])
        self.journal_id = bytes(journal_id)

    def start(self):
        """The 8 bytes that stand before the first record."""
        return self._hmac(_START_LABEL, self.journal_id)

    def mac(self, previous, record):
        """MAC of `record` (its first 56 bytes) after the 8 bytes `previous`: 8 bytes."""
        return self._hmac(previous, memoryview(record)[:_COVERED_BYTES])

    def _hmac(self, first, second):
        inner = hashlib.sha256(self._inner)
        inner.update(first)
        inner.update(second)
        outer = hashlib.sha256(self._outer)
        outer.update(inner.digest())
        return outer.digest()[:MAC_BYTES]
