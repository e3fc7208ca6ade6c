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
ANNEX_SECTORS = (9, 10)  # of state copy 0, 1
RESERVED_DEBIT_SECTORS = (11, 12, 13, 14)
RESERVED_SECTOR = const(15)

VALUE_BLOCKS = (5, 6)

KEY_A = const(0x0A)  # key slots as AN10922 input and in the vault's calls
KEY_B = const(0x0B)

# A state copy in memory: six blocks of 16 bytes, of which core blocks 0 and 1 are always in use.
# Block 2 is the extension, 3 to 5 are the annex: contracts, leg, base.
BLOCK_WIDTH = const(16)
COPY_BLOCKS = const(6)
COPY_WIDTH = const(96)
ANNEX_BLOCK = const(3)
_EXTENSION_BLOCK = const(2)
_EXTENSION_AT = const(32)
_ANNEX_AT = const(48)
_LEG_AT = const(64)
_BASE_AT = const(80)

CORE_FIELDS_WIDTH = const(24)
MAC_WIDTH = const(8)
TAG_WIDTH = const(4)
_FLAG_EXTENSION = const(0x01)
_FLAG_BLOCKED = const(0x02)
_FLAG_ANNEX = const(0x04)
_FLAG_CONCESSION = const(0x08)
_ANNEX_LEG = const(0x01)  # first byte of the annex
_ANNEX_BASE = const(0x02)
_ANNEX_KNOWN = const(0x03)
_LEG_OPEN = const(0x01)  # first byte of the leg block

# Layouts are (name, offset, width); each name is an attribute of CardState. Bytes that hold two
# nibbles or bits are named apart.
# SPEC §2.3; offset 0 is layout and flags
CORE = (
    ("seq", 1, 3),
    ("granted_minor", 4, 4),
    ("grant_seq", 8, 2),
    ("action_seq", 10, 2),
    ("tap_time", 12, 4),
    ("rider_category", 16, 1),
    ("valid_until", 17, 2),
    ("vehicle", 19, 2),
    ("journey_age_s", 22, 2),
)
_JOURNEY_AT = const(21)  # low nibble journey_legs, high nibble run_transfers

# SPEC §2.3.1
EXTENSION = (
    ("spent_day_minor", 0, 3),
    ("spent_week_minor", 3, 3),
    ("spent_month_minor", 6, 3),
    ("credit_minor", 9, 3),
    ("leg_group", 12, 1),
    ("leg_product", 13, 1),
    ("companions", 14, 2),
)

# SPEC §2.3.2; a contract's fields are attributes of Contract
CONTRACT = (
    ("product", 0, 1),
    ("start", 1, 4),
    ("rides", 5, 1),
)
_CONTRACTS_AT = (_ANNEX_AT + 1, _ANNEX_AT + 8)

LEG = (
    ("leg_network", 1, 1),
    ("leg_from_stop", 2, 2),
    ("leg_exit_stop", 4, 2),
    ("leg_age_s", 6, 2),
    ("leg_ride_s", 8, 2),
    ("run_ride_s", 10, 2),
)

BASE = (
    ("base_credit_minor", 0, 3),
    ("base_group", 3, 1),
    ("base_product", 4, 1),
    ("base_age_s", 6, 2),
    ("base_leg_age_s", 8, 2),
    ("base_ride_s", 10, 2),
    ("base_run_ride_s", 12, 2),
    ("base_companions", 14, 2),
)
_BASE_JOURNEY_AT = const(85)  # as _JOURNEY_AT

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


def block_of(copy, index):
    """Number of the card's block that holds block `index` of state copy 0 or 1."""
    if index < ANNEX_BLOCK:
        return first_block(STATE_SECTORS[copy]) + index
    return first_block(ANNEX_SECTORS[copy]) + index - ANNEX_BLOCK


def in_use(blocks, index):
    """Is block `index` of the copy in `blocks` in use? Needs the core, and block 3 from 4 on."""
    if index < _EXTENSION_BLOCK:
        return True
    if index == _EXTENSION_BLOCK:
        return bool(blocks[0] & _FLAG_EXTENSION)
    if not blocks[0] & _FLAG_ANNEX:
        return False
    return index == ANNEX_BLOCK or bool(blocks[_ANNEX_AT] >> (index - ANNEX_BLOCK - 1) & 1)


def is_layout(blocks, index=0):
    """Does block `index`, just read, say nothing but what this layout knows? Proves nothing."""
    if index == 0:
        return blocks[0] >> 4 == LAYOUT
    return index != ANNEX_BLOCK or not blocks[_ANNEX_AT] & ~_ANNEX_KNOWN


def get_core(blocks, state):
    """Fill `state` from the 32 bytes of a core. UID, medium and K are the caller's to set."""
    flags = blocks[0]
    state.extended = bool(flags & _FLAG_EXTENSION)
    state.blocked = bool(flags & _FLAG_BLOCKED)
    state.annexed = bool(flags & _FLAG_ANNEX)
    state.concession_ends = bool(flags & _FLAG_CONCESSION)
    _get(blocks, 0, CORE, state)
    state.journey_legs = blocks[_JOURNEY_AT] & 15
    state.run_transfers = blocks[_JOURNEY_AT] >> 4
    state.tag = tag_of(blocks)


def get_state(blocks, state):
    """Fill a cleared `state` from a copy whose MAC was right; blocks not in use stay cleared."""
    get_core(blocks, state)
    if state.extended:
        _get(blocks, _EXTENSION_AT, EXTENSION, state)
    if not state.annexed:
        return
    for slot in range(len(_CONTRACTS_AT)):
        _get(blocks, _CONTRACTS_AT[slot], CONTRACT, state.contracts[slot])
    state.leg_block = bool(blocks[_ANNEX_AT] & _ANNEX_LEG)
    state.base_block = bool(blocks[_ANNEX_AT] & _ANNEX_BASE)
    if state.leg_block:
        state.checked_in = bool(blocks[_LEG_AT] & _LEG_OPEN)
        _get(blocks, _LEG_AT, LEG, state)
    if state.base_block:
        _get(blocks, _BASE_AT, BASE, state)
        state.base_legs = blocks[_BASE_JOURNEY_AT] & 15
        state.base_run_transfers = blocks[_BASE_JOURNEY_AT] >> 4


def put_state(blocks, state):
    """Store all of a copy but the MAC; ValueError for a state this layout cannot say."""
    flags = _FLAG_EXTENSION if state.extended else 0
    if state.blocked:
        flags |= _FLAG_BLOCKED
    if state.annexed:
        flags |= _FLAG_ANNEX
    if state.concession_ends:
        flags |= _FLAG_CONCESSION
    blocks[0] = LAYOUT << 4 | flags
    _put(blocks, 0, CORE, state)
    _put_journey(blocks, _JOURNEY_AT, state.journey_legs, state.run_transfers)
    if state.extended:
        _put(blocks, _EXTENSION_AT, EXTENSION, state)
    if state.annexed:
        _put_annex(blocks, state)


def _put_annex(blocks, state):
    for index in range(_ANNEX_AT, COPY_WIDTH):
        blocks[index] = 0
    for slot in range(len(_CONTRACTS_AT)):
        _put(blocks, _CONTRACTS_AT[slot], CONTRACT, state.contracts[slot])
    if state.leg_block:
        blocks[_ANNEX_AT] |= _ANNEX_LEG
        blocks[_LEG_AT] = _LEG_OPEN if state.checked_in else 0
        _put(blocks, _LEG_AT, LEG, state)
    if state.base_block:
        blocks[_ANNEX_AT] |= _ANNEX_BASE
        _put(blocks, _BASE_AT, BASE, state)
        _put_journey(blocks, _BASE_JOURNEY_AT, state.base_legs, state.base_run_transfers)


def _get(blocks, base, layout, into):
    for name, offset, width in layout:
        setattr(into, name, get_uint(blocks, base + offset, width))


def _put(blocks, base, layout, source):
    for name, offset, width in layout:
        put_uint(blocks, base + offset, width, getattr(source, name))


def _put_journey(blocks, at, legs, run_transfers):
    if legs >> 4 or run_transfers >> 4:
        raise ValueError("value does not fit its field")
    blocks[at] = run_transfers << 4 | legs


def tag_of(blocks):
    """The tag of the copy in `blocks`, 4 bytes."""
    return bytes(blocks[CORE_FIELDS_WIDTH:CORE_FIELDS_WIDTH + TAG_WIDTH])


class StateSeal:
    """MACs of state copies and environments under the vault's state key; buffers made once."""

    def __init__(self, vault):
        self._vault = vault
        self._message = bytearray(_UID_MAX + 6 + COPY_WIDTH - MAC_WIDTH)
        self._view = memoryview(self._message)

    def _state_message(self, uid, counter, blocks):
        message = self._message
        length = len(uid)
        message[:length] = uid
        message[length] = _MAC_STATE
        message[length + 1] = LAYOUT
        put_uint(message, length + 2, 4, counter)
        length += 6
        for index in range(CORE_FIELDS_WIDTH):
            message[length + index] = blocks[index]
        length += CORE_FIELDS_WIDTH
        for block in range(_EXTENSION_BLOCK, COPY_BLOCKS):
            if in_use(blocks, block):
                start = block * BLOCK_WIDTH
                for index in range(BLOCK_WIDTH):
                    message[length + index] = blocks[start + index]
                length += BLOCK_WIDTH
        return self._view[:length]

    def fits(self, uid, counter, blocks):
        """Does this copy belong to the card `uid` whose purse stands at `counter` (K)?"""
        message = self._state_message(uid, counter, blocks)
        mac = memoryview(blocks)[CORE_FIELDS_WIDTH:CORE_FIELDS_WIDTH + MAC_WIDTH]
        return self._vault.state_mac_ok(uid, message, mac)

    def seal(self, uid, counter, blocks):
        """Store the MAC of a copy; `counter` is the K that commits it."""
        mac = self._vault.state_mac(uid, self._state_message(uid, counter, blocks))
        for index in range(MAC_WIDTH):
            blocks[CORE_FIELDS_WIDTH + index] = mac[index]

    def environment_mac(self, uid, environment):
        """The 8 MAC bytes of an environment's first 24 bytes."""
        message = bytes(uid) + bytes((_MAC_ENVIRONMENT,)) + bytes(environment[:CORE_FIELDS_WIDTH])
        return self._vault.state_mac(uid, message)
