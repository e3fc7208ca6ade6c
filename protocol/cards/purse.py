"""The spent counter in MIFARE value blocks, and the mark beside them (SPEC §2.2, §2.6).

Value block format: NXP MF1S50yyX/V1 §8.6.2.1. Nothing here talks to a card.
"""

from protocol.compat import SMALL_INT_MAX, const
from protocol.fields import get_uint, put_uint

START = SMALL_INT_MAX  # value of a purse that nothing was spent from; K = START - value
MALFORMED = const(-1)

MARK_TAG_WIDTH = const(4)
MARK_CHARGE_MORE = const(0xFFFFFF)
_MARK_JOURNEYS = (4, 10)


def step(charge_minor):
    """How far one transaction moves K: its charge twice, and one for the transaction itself."""
    return 2 * charge_minor + 1


def counter_of(block, base=0):
    """K of the value block at `base`, or MALFORMED if its copies disagree or K is out of range."""
    for index in range(base, base + 4):
        if block[index] != block[index + 8] or block[index] ^ block[index + 4] != 0xFF:
            return MALFORMED
    address = block[base + 12]
    if (
        block[base + 14] != address
        or block[base + 13] != address ^ 0xFF
        or block[base + 15] != address ^ 0xFF
    ):
        return MALFORMED
    if block[base + 3] & 0xC0:  # negative, or above START
        return MALFORMED
    return START - get_uint(block, base, 4)


def put_value_block(block, base, counter, address):
    """Store the value block whose value says `counter` (K) at `base`, 16 bytes."""
    put_uint(block, base, 4, START - counter)
    for index in range(base, base + 4):
        block[index + 4] = block[index] ^ 0xFF
        block[index + 8] = block[index]
    for index in range(base + 12, base + 16, 2):
        block[index] = address
        block[index + 1] = address ^ 0xFF


def charge_between(counter_before, counter_after):
    """Charge of the transaction that moved K so, or MALFORMED if no transaction does."""
    moved = counter_after - counter_before
    if counter_before < 0 or moved < 1 or not moved & 1:
        return MALFORMED
    return moved >> 1


def mark_names(mark, base, tag):
    """Does the mark at `base` say that the transaction `tag` was announced?"""
    for index in range(MARK_TAG_WIDTH):
        if mark[base + index] != tag[index]:
            return False
    return True


def advance_mark(mark, base, tag, tap_time, charge_minor):
    """Make the mark name `tag`: its journey goes first, the one that was first moves back."""
    first, second = _MARK_JOURNEYS
    for index in range(6):
        mark[base + second + index] = mark[base + first + index]
    for index in range(MARK_TAG_WIDTH):
        mark[base + index] = tag[index]
    put_uint(mark, base + first, 3, tap_time // 60)
    put_uint(mark, base + first + 3, 3, min(charge_minor, MARK_CHARGE_MORE))


def mark_journeys(mark, base=0):
    """Journeys the mark keeps, newest first: tuples (minutes since 2020, charge)."""
    journeys = []
    for offset in _MARK_JOURNEYS:
        minutes = get_uint(mark, base + offset, 3)
        if minutes:
            journeys.append((minutes, get_uint(mark, base + offset + 3, 3)))
    return journeys
