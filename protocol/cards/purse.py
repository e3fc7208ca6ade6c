"""The spent counter in MIFARE value blocks (SPEC §2.2).

Value block format: NXP MF1S50yyX/V1 §8.6.2.1. Nothing here talks to a card.
"""

from protocol.compat import SMALL_INT_MAX, const
from protocol.fields import get_uint, put_uint

START = SMALL_INT_MAX  # value of a purse that nothing was spent from; K = START - value
MALFORMED = const(-1)


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
