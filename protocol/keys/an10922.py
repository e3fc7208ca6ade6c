"""Which diversifier names which card key (SPEC §5.1); the algorithm itself is `Cmac.diversify`.

A diversifier is written into a buffer of the caller, so that deriving a key allocates nothing.
Source: NXP AN10922 for the construction, SPEC §5.1 for what goes into it.
"""

from protocol.compat import const

SLOT_A = const(0x0A)
SLOT_B = const(0x0B)
CLASSIC_KEY_BYTES = const(6)
UID_BYTES_MAX = const(10)
_STATE_KEY = const(0x53)


def put_classic(out, uid, sector, slot):
    """UID ‖ sector ‖ slot into `out`; how many bytes that is."""
    end = _put_uid(out, uid)
    if slot not in (SLOT_A, SLOT_B):
        raise ValueError("a Classic sector has the slots A and B")
    out[end] = sector
    out[end + 1] = slot
    return end + 2


def put_state(out, uid):
    """UID ‖ 0x53 into `out`; how many bytes that is."""
    end = _put_uid(out, uid)
    out[end] = _STATE_KEY
    return end + 1


def _put_uid(out, uid):
    if not 4 <= len(uid) <= UID_BYTES_MAX:
        raise ValueError("a UID has 4, 7 or 10 bytes")
    for position in range(len(uid)):
        out[position] = uid[position]
    return len(uid)
