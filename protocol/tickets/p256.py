"""ES256 verification: ECDSA on P-256 with SHA-256 (FIPS 186-5 §6.4.2, SP 800-186 §3.2.1.3).

Only verification, of public values: nothing here needs to run in constant time, and no secret key
ever comes near it. One joint double-and-add (Shamir) over Jacobian coordinates; inverses by
Fermat, because `pow` with a negative exponent is silently wrong in MicroPython. Left out: tables
for a known key, and signing, for which the host has a library.
"""

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_GX = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
_GY = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5
_INFINITY = (1, 1, 0)
_SIZE = 32


def _double(point):
    """2 × point (a = -3; "dbl-2001-b" of the explicit-formulas database)."""
    x, y, z = point
    if not z:
        return point
    delta = z * z % P
    gamma = y * y % P
    beta = x * gamma % P
    alpha = 3 * (x - delta) * (x + delta) % P
    x3 = (alpha * alpha - 8 * beta) % P
    y3 = (alpha * (4 * beta - x3) - 8 * gamma * gamma) % P
    return x3, y3, 2 * y * z % P


def _add(point, x2, y2):
    """point + (x2, y2), the second affine and not infinity ("madd", with its special cases)."""
    x1, y1, z1 = point
    if not z1:
        return x2, y2, 1
    z1z1 = z1 * z1 % P
    h = (x2 * z1z1 - x1) % P
    r = (y2 * z1z1 * z1 - y1) % P
    if not h:
        return _INFINITY if r else _double(point)
    hh = h * h % P
    hhh = h * hh % P
    v = x1 * hh % P
    x3 = (r * r - hhh - 2 * v) % P
    return x3, (r * (v - x3) - y1 * hhh) % P, z1 * h % P


def _affine_sum(x, y):
    """G + (x, y) as affine coordinates, None if that is infinity."""
    x3, y3, z3 = _add((_GX, _GY, 1), x, y)
    if not z3:
        return None
    inverse = pow(z3, P - 2, P)
    square = inverse * inverse % P
    return x3 * square % P, y3 * square * inverse % P


def on_curve(x, y):
    """Is (x, y) a point of the curve, its coordinates reduced?"""
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x - 3) * x - _B) % P == 0


def verify(public, digest, signature):
    """Is `signature` (64 bytes r ‖ s) that of the holder of `public` (64 bytes x ‖ y) over
    `digest` (32 bytes)? False for anything malformed; never raises."""
    if len(public) != 2 * _SIZE or len(digest) != _SIZE or len(signature) != 2 * _SIZE:
        return False
    x = int.from_bytes(public[:_SIZE], "big")
    y = int.from_bytes(public[_SIZE:], "big")
    r = int.from_bytes(signature[:_SIZE], "big")
    s = int.from_bytes(signature[_SIZE:], "big")
    if not on_curve(x, y) or not 0 < r < N or not 0 < s < N:
        return False
    w = pow(s, N - 2, N)
    point = _joint(int.from_bytes(digest, "big") * w % N, r * w % N, x, y)
    if not point[2]:
        return False
    square = point[2] * point[2] % P
    # the x of the point, mod N, is r: as r, or as r + N while that is below P
    return r * square % P == point[0] or (r + N < P and (r + N) * square % P == point[0])


def _joint(u1, u2, x, y):
    """u1 × G + u2 × (x, y), Jacobian."""
    both = _affine_sum(x, y)
    point = _INFINITY
    mask = 1 << 255
    while mask:
        point = _double(point)
        if u1 & mask:
            if not u2 & mask:
                point = _add(point, _GX, _GY)
            elif both is not None:
                point = _add(point, both[0], both[1])
        elif u2 & mask:
            point = _add(point, x, y)
        mask >>= 1
    return point
