"""What an EEPROM block may hold after power was lost in the middle of its programming.

No datasheet states it. A page is erased and then programmed, cell by cell, so any of these can
stand there; a seeded choice takes one. The mix is never the old and never the new content.
"""

from collections.abc import Callable
from random import Random


def _prefix(old: bytes, new: bytes, source: Random) -> bytes:
    cut = source.randrange(1, len(new))
    return new[:cut] + old[cut:]


def _suffix(old: bytes, new: bytes, source: Random) -> bytes:
    cut = source.randrange(1, len(new))
    return old[:cut] + new[cut:]


def _erased(old: bytes, new: bytes, source: Random) -> bytes:
    cut = source.randrange(len(new))
    return bytes(cut) + old[cut:]


def _bits_of_both(old: bytes, new: bytes, source: Random) -> bytes:
    return bytes(
        (a & mask) | (b & ~mask & 0xFF)
        for a, b, mask in zip(old, new, source.randbytes(len(new)), strict=True)
    )


def _bits_cleared(old: bytes, new: bytes, source: Random) -> bytes:
    return bytes(b & mask for b, mask in zip(new, source.randbytes(len(new)), strict=True))


def _bits_set(old: bytes, new: bytes, source: Random) -> bytes:
    return bytes(b | mask for b, mask in zip(new, source.randbytes(len(new)), strict=True))


PATTERNS: tuple[Callable[[bytes, bytes, Random], bytes], ...] = (
    _prefix, _suffix, _erased, _bits_of_both, _bits_cleared, _bits_set,
)
TRIES = 64


def torn(old: bytes, new: bytes, source: Random) -> bytes:
    """A mix of `old` and `new` (same length) that equals neither."""
    for _ in range(TRIES):
        mix = source.choice(PATTERNS)(old, new, source)
        if mix not in (old, new):
            return mix
    spoiled = bytearray(new)
    position = source.randrange(len(new))
    while bytes(spoiled) in (old, new):
        spoiled[position] = source.randrange(256)
    return bytes(spoiled)
