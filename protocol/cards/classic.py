"""Layout 1 of a MIFARE Classic card: where everything lies, how a state is coded (SPEC §2).

It knows blocks and bytes, no reader and no order of writes (that is `classic_session`).
"""

from protocol import outcomes
from protocol.compat import const
from protocol.fields import get_uint, put_uint

LAYOUT = const(1)
PURSE_SECTOR = const(1)
STATE_SECTORS = (2, 3)
ENVIRONMENT_SECTOR = const(4)
GRANT_SECTORS = ((5, 6), (7, 8))
RESERVED_DEBIT_SECTORS = (9, 10, 11, 12, 13, 14)
RESERVED_SECTOR = const(15)

VALUE_BLOCKS = (5, 6)

KEY_A = const(0x0A)  # key slots as AN10922 input and in the vault's calls
KEY_B = const(0x0B)

CORE_WIDTH = const(32)
CORE_FIELDS_WIDTH = const(24)
MAC_WIDTH = const(8)
TAG_WIDTH = const(4)
_FLAG_EXTENSION = const(0x01)
_FLAG_BLOCKED = const(0x02)

# (name, offset, width), SPEC §2.3
STATE_COPY = (
    ("layout_flags", 0, 1),
    ("seq", 1, 3),
    ("granted_minor", 4, 4),
    ("grant_seq", 8, 2),
    ("action_seq", 10, 2),
    ("tap_time", 12, 4),
    ("rider_category", 16, 1),
    ("valid_until", 17, 2),
    ("vehicle", 19, 2),
    ("journey_legs", 21, 1),
    ("journey_age_s", 22, 2),
)
_STATE_ATTRIBUTES = STATE_COPY[1:]  # each is an attribute of CardState

# SPEC §2.7
ENVIRONMENT = (
    ("layout", 0, 1),
    ("agency", 1, 2),
    ("key_version", 3, 1),
    ("card_serial", 4, 8, "raw"),
    ("issued_day", 12, 2),
    ("valid_until", 14, 2),
    ("rider_category", 16, 1),
    ("reserved", 17, 7, "raw"),
)

# SPEC §2.8, the signed 32 bytes
GRANT = (
    ("layout", 0, 1),
    ("kind", 1, 1),
    ("agency", 2, 2),
    ("grant_seq", 4, 2),
    ("key_id", 6, 2),
    ("card_serial", 8, 8, "raw"),
    ("value_minor", 16, 4),
    ("signed_at", 20, 4),
    ("reserved", 24, 8, "raw"),
)
GRANT_VALUE = const(1)
GRANT_WIDTH = const(32)
SIGNATURE_WIDTH = const(64)

_MAC_STATE = const(0x43)
_MAC_ENVIRONMENT = const(0x45)
_UID_MAX = const(10)


def medium_of(sak, uid_length):
    """The medium (SPEC §1) of a card that answers so; MEDIUM_UNKNOWN if it is none of these.

    SAK: NXP AN10833, table 4; 0x88 is Infineon's MIFARE Classic 1K.
    """
    if uid_length not in (4, 7):
        return outcomes.MEDIUM_UNKNOWN
    if sak == 0x18:
        return outcomes.MEDIUM_CLASSIC4K
    return outcomes.MEDIUM_CLASSIC1K if sak in (0x08, 0x88) else outcomes.MEDIUM_UNKNOWN


def first_block(sector):
    """Number of the first block of a sector: 4 blocks each, from sector 32 on 16 (MF1S70 §8.6)."""
    return sector * 4 if sector < 32 else 128 + (sector - 32) * 16


def trailer_block(sector):
    """Number of the sector's trailer."""
    return first_block(sector + 1) - 1


def sector_of(block):
    """Sector that a block lies in."""
    return block // 4 if block < 128 else 32 + (block - 128) // 16


def is_layout(core):
    """Is this a core of the layout we know, without an extension (this version has none)?"""
    return core[0] >> 4 == LAYOUT and not core[0] & _FLAG_EXTENSION


def get_state(core, state):
    """Fill `state` from a core whose MAC was right. UID, medium and K are the caller's to set."""
    for name, offset, width in _STATE_ATTRIBUTES:
        setattr(state, name, get_uint(core, offset, width))
    state.blocked = bool(core[0] & _FLAG_BLOCKED)
    state.tag = bytes(core[CORE_FIELDS_WIDTH:CORE_FIELDS_WIDTH + TAG_WIDTH])


def put_state(core, state):
    """Store the 24 bytes before the MAC; ValueError for a state this layout cannot say."""
    core[0] = LAYOUT << 4 | (_FLAG_BLOCKED if state.blocked else 0)
    for name, offset, width in _STATE_ATTRIBUTES:
        put_uint(core, offset, width, getattr(state, name))


class StateSeal:
    """MACs of state copies and environments under the vault's state key; buffers made once."""

    def __init__(self, vault):
        self._vault = vault
        self._message = bytearray(_UID_MAX + 6 + CORE_FIELDS_WIDTH)

    def _state_message(self, uid, counter, core):
        message = self._message
        length = len(uid)
        message[:length] = uid
        message[length] = _MAC_STATE
        message[length + 1] = LAYOUT
        put_uint(message, length + 2, 4, counter)
        length += 6
        for index in range(CORE_FIELDS_WIDTH):
            message[length + index] = core[index]
        return memoryview(message)[:length + CORE_FIELDS_WIDTH]

    def fits(self, uid, counter, core):
        """Does this core belong to the card `uid` whose purse stands at `counter` (K)?"""
        message = self._state_message(uid, counter, core)
        mac = memoryview(core)[CORE_FIELDS_WIDTH:CORE_WIDTH]
        return self._vault.state_mac_ok(uid, message, mac)

    def seal(self, uid, counter, core):
        """Store the MAC of a core; `counter` is the K that commits it."""
        mac = self._vault.state_mac(uid, self._state_message(uid, counter, core))
        for index in range(MAC_WIDTH):
            core[CORE_FIELDS_WIDTH + index] = mac[index]

    def environment_mac(self, uid, environment):
        """The 8 MAC bytes of an environment's first 24 bytes."""
        message = bytes(uid) + bytes((_MAC_ENVIRONMENT,)) + bytes(environment[:CORE_FIELDS_WIDTH])
        return self._vault.state_mac(uid, message)
