"""Who may do what in a MIFARE Classic sector: the access bits and their two tables.

Source: MF1S50yyX/V1 and MF1S70yyX/V1 §8.7, tables 6 (bit positions), 7 (trailer), 8 (data).
A condition is the number C1·4 + C2·2 + C3, as the tables spell it. A right is a mask of keys:
`KEY_A`, `KEY_B`, both, or 0 for never.
"""

from functools import lru_cache
from typing import NamedTuple

KEY_A = 1
KEY_B = 2
BOTH = KEY_A | KEY_B
NEVER = 0


class DataRights(NamedTuple):
    """Table 8; `decrement` also covers TRANSFER and RESTORE."""

    read: int
    write: int
    increment: int
    decrement: int


class TrailerRights(NamedTuple):
    """Table 7; key A can never be read."""

    write_key_a: int
    read_access: int
    write_access: int
    read_key_b: int
    write_key_b: int


DATA_RIGHTS = (
    DataRights(BOTH, BOTH, BOTH, BOTH),  # 000 transport
    DataRights(BOTH, NEVER, NEVER, BOTH),  # 001 value block, decrement only
    DataRights(BOTH, NEVER, NEVER, NEVER),  # 010
    DataRights(KEY_B, KEY_B, NEVER, NEVER),  # 011
    DataRights(BOTH, KEY_B, NEVER, NEVER),  # 100
    DataRights(KEY_B, NEVER, NEVER, NEVER),  # 101
    DataRights(BOTH, KEY_B, KEY_B, BOTH),  # 110 value block
    DataRights(NEVER, NEVER, NEVER, NEVER),  # 111
)

TRAILER_RIGHTS = (
    TrailerRights(KEY_A, KEY_A, NEVER, KEY_A, KEY_A),  # 000
    TrailerRights(KEY_A, KEY_A, KEY_A, KEY_A, KEY_A),  # 001 transport
    TrailerRights(NEVER, KEY_A, NEVER, KEY_A, NEVER),  # 010
    TrailerRights(KEY_B, BOTH, KEY_B, NEVER, KEY_B),  # 011
    TrailerRights(KEY_B, BOTH, NEVER, NEVER, KEY_B),  # 100
    TrailerRights(NEVER, BOTH, KEY_B, NEVER, NEVER),  # 101
    TrailerRights(NEVER, BOTH, NEVER, NEVER, NEVER),  # 110
    TrailerRights(NEVER, BOTH, NEVER, NEVER, NEVER),  # 111
)


@lru_cache(maxsize=4096)
def conditions(access_bytes: bytes) -> tuple[int, int, int, int] | None:
    """Conditions of groups 0 to 3 (3 is the trailer) of trailer bytes 6 to 8 (table 6).

    None if a bit and its inverted copy do not fit: the card then locks the sector for good.
    """
    c1, c2, c3 = access_bytes[1] >> 4, access_bytes[2] & 0x0F, access_bytes[2] >> 4
    not_c1, not_c2 = access_bytes[0] & 0x0F, access_bytes[0] >> 4
    not_c3 = access_bytes[1] & 0x0F
    if (c1 ^ not_c1) != 0x0F or (c2 ^ not_c2) != 0x0F or (c3 ^ not_c3) != 0x0F:
        return None
    groups = [
        (c1 >> group & 1) << 2 | (c2 >> group & 1) << 1 | (c3 >> group & 1) for group in range(4)
    ]
    return groups[0], groups[1], groups[2], groups[3]


def access_bytes(groups: tuple[int, int, int, int]) -> bytes:
    """Trailer bytes 6 to 8 for the conditions of groups 0 to 3; the inverse of `conditions`."""
    c1 = c2 = c3 = 0
    for group, condition in enumerate(groups):
        c1 |= (condition >> 2 & 1) << group
        c2 |= (condition >> 1 & 1) << group
        c3 |= (condition & 1) << group
    return bytes(((c2 ^ 0x0F) << 4 | (c1 ^ 0x0F), c1 << 4 | (c3 ^ 0x0F), c3 << 4 | c2))


def sector_of(block: int) -> int:
    """Sector of a block number: 32 sectors of 4 blocks, then 8 of 16 (MF1S70yyX §8.6)."""
    return block >> 2 if block < 128 else 32 + ((block - 128) >> 4)


def trailer_of(sector: int) -> int:
    """Block number of a sector's trailer."""
    return 4 * sector + 3 if sector < 32 else 128 + 16 * (sector - 32) + 15


def group_of(block: int) -> int:
    """Which group of access bits rules a block: in the large sectors five blocks share one."""
    return block & 3 if block < 128 else ((block - 128) & 15) // 5
