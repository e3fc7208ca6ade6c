"""The card keys of a device as operations: fill an authentication, make or check a state MAC.

A vault is told which purposes its role may use and knows nothing of the others. It gives no key
away: a Classic key goes straight into the outgoing reader command, all else stays inside. This
one computes in software; a SAM or a secure element can stand behind the same methods. What a
stolen device yields is told in decision 0005. Source: SPEC §5.
"""

from protocol.compat import const
from protocol.errors import AuthError
from protocol.keys import an10922
from protocol.keys.cmac import Cmac, equal

MASTER_BYTES = const(16)
STATE_MAC_BYTES = const(8)
PURPOSES = ("read", "debit", "personalise", "state")
_STATE = "state"
_CACHED_KEYS = const(6)  # sectors of one tap: purse, both copies, environment, one grant
_EMPTY = ("", -1)
_KEY = an10922.CLASSIC_KEY_BYTES


class KeyVault:
    """The masters of `allowed` out of `masters` (purpose name → 16 bytes); the rest is dropped.

    Raises ValueError for a purpose unknown, missing from `masters`, or of a wrong length.
    """

    def __init__(self, aes, masters, allowed):
        self._masters = {}
        for purpose in allowed:
            if purpose not in PURPOSES or len(masters.get(purpose, b"")) != MASTER_BYTES:
                raise ValueError("no usable master for purpose %s" % purpose)
            self._masters[purpose] = Cmac(aes, masters[purpose])
        self._state = Cmac(aes)  # rekeyed for each card
        self._state_ready = False
        self._diversifier = bytearray(an10922.UID_BYTES_MAX + 2)
        self._diversifier_view = memoryview(self._diversifier)
        self._uid = bytearray(an10922.UID_BYTES_MAX)
        self._uid_length = 0
        self._cache = bytearray(_CACHED_KEYS * _KEY)
        self._cached = [_EMPTY] * _CACHED_KEYS  # (purpose, sector << 8 | slot) of each
        self._cached_next = 0

    def fill_classic_auth(self, out, offset, purpose, uid, sector, slot):
        """Write the 6-byte key of `sector`, slot 0x0A or 0x0B, into `out` at `offset`.

        Raises AuthError when this vault does not hold `purpose`.
        """
        master = self._master(purpose)
        self._take_in_hand(uid)
        name = sector << 8 | slot
        entry = self._find(purpose, name)
        if entry < 0:
            entry = self._derive(master, purpose, name, uid)
        start = entry * _KEY
        for position in range(_KEY):
            out[offset + position] = self._cache[start + position]

    def state_mac(self, uid, message):
        """The 8-byte MAC of a complete message under the card's state key, or AuthError."""
        return bytes(memoryview(self._state_tag(uid, message))[:STATE_MAC_BYTES])

    def state_mac_ok(self, uid, message, mac):
        """Whether `mac` is `state_mac(uid, message)`, compared in constant time."""
        tag = memoryview(self._state_tag(uid, message))[:STATE_MAC_BYTES]
        return equal(tag, mac)

    def forget(self):
        """Wipe everything that belongs to the card in hand."""
        for position in range(len(self._cache)):
            self._cache[position] = 0
        for entry in range(_CACHED_KEYS):
            self._cached[entry] = _EMPTY
        self._cached_next = 0
        self._uid_length = 0
        if self._state_ready:
            self._state.drop_key()
            self._state_ready = False

    def _master(self, purpose):
        master = self._masters.get(purpose)
        if master is None:
            raise AuthError()
        return master

    def _take_in_hand(self, uid):
        """What is cached belongs to one card: another UID wipes it first."""
        length = len(uid)
        if length == self._uid_length:
            position = 0
            while position < length and self._uid[position] == uid[position]:
                position += 1
            if position == length:
                return
        if self._uid_length:
            self.forget()
        for position in range(length):
            self._uid[position] = uid[position]
        self._uid_length = length

    def _find(self, purpose, name):
        for entry in range(_CACHED_KEYS):
            cached = self._cached[entry]
            if cached[1] == name and cached[0] == purpose:
                return entry
        return -1

    def _derive(self, master, purpose, name, uid):
        """Put a Classic key into the cache, over the oldest entry; which entry that is."""
        length = an10922.put_classic(self._diversifier, uid, name >> 8, name & 0xFF)
        tag = master.diversify(self._diversifier_view[:length])
        entry = self._cached_next
        start = entry * _KEY
        for position in range(_KEY):
            self._cache[start + position] = tag[position]
        master.wipe()
        self._cached[entry] = (purpose, name)
        self._cached_next = (entry + 1) % _CACHED_KEYS
        return entry

    def _state_tag(self, uid, message):
        master = self._master(_STATE)
        self._take_in_hand(uid)
        if not self._state_ready:
            length = an10922.put_state(self._diversifier, uid)
            self._state.rekey(master.diversify(self._diversifier_view[:length]))
            master.wipe()
            self._state_ready = True
        return self._state.compute(message)
