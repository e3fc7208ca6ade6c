"""AES-CMAC (RFC 4493) and NXP's AES-128 key diversification AN10922, over an AES handed in.

`aes(key, 1)` must give an object with `encrypt(block, out)` in ECB mode, the shape of
`cryptolib.aes`. All buffers are made once: computing allocates nothing.
"""

from protocol.compat import const
from protocol.errors import AuthError

BLOCK_BYTES = const(16)
DIVERSIFY_BYTES_MAX = const(31)
_REDUCTION = const(0x87)  # RFC 4493 §2.3, const_Rb
_DIVERSIFY_AES128 = const(0x01)  # AN10922 §2.2


def equal(left, right):
    """Whether two byte strings are equal, in a time that only their lengths decide."""
    if len(left) != len(right):
        return False
    difference = 0
    for position in range(len(left)):
        difference |= left[position] ^ right[position]
    return difference == 0


def _double(source, out):
    """`source` times x in GF(2^128) into `out`, both of 16 bytes."""
    carry = 0
    for position in range(BLOCK_BYTES - 1, -1, -1):
        byte = source[position]
        out[position] = (byte << 1) & 0xFF | carry
        carry = byte >> 7
    out[BLOCK_BYTES - 1] ^= _REDUCTION * carry


class _NoKey:
    """Stands where the cipher will be."""

    def encrypt(self, block, out):
        raise AuthError()


class Cmac:
    """CMAC under one 16-byte key, given here or by `rekey`. `tag` holds
    the last result until the next computation."""

    def __init__(self, aes, key=None):
        self._aes = aes
        self._ecb = _NoKey()
        self._whole = bytearray(BLOCK_BYTES)  # K1, for a last block that is complete
        self._padded = bytearray(BLOCK_BYTES)  # K2, for one that was padded
        self.tag = bytearray(BLOCK_BYTES)
        if key is not None:
            self.rekey(key)

    def rekey(self, key):
        """Take another key; the buffers stay."""
        self._ecb = self._aes(key, 1)
        self.wipe()
        self._ecb.encrypt(self.tag, self.tag)
        _double(self.tag, self._whole)
        _double(self._whole, self._padded)

    def drop_key(self):
        """Forget key and subkeys; only `rekey` may follow."""
        self._ecb = _NoKey()
        for position in range(BLOCK_BYTES):
            self._whole[position] = 0
            self._padded[position] = 0
        self.wipe()

    def wipe(self):
        """Forget the last result."""
        for position in range(BLOCK_BYTES):
            self.tag[position] = 0

    def compute(self, message):
        """CMAC of `message`: the 16 bytes of `tag`."""
        self._chain(message, -1, len(message))
        return self.tag

    def diversify(self, diversifier):
        """AN10922 AES-128 key for a diversifier of 1 to 31 bytes: the 16 bytes of `tag`."""
        if not 1 <= len(diversifier) <= DIVERSIFY_BYTES_MAX:
            raise ValueError("a diversifier has 1 to 31 bytes")
        self._chain(diversifier, _DIVERSIFY_AES128, 2 * BLOCK_BYTES)
        return self.tag

    def _chain(self, message, prefix, padded_to):
        """CBC over `prefix` (one byte, none below 0) and `message`, padded to `padded_to` bytes
        and at least to a whole block."""
        self.wipe()
        block = self.tag
        fill = 0
        if prefix >= 0:
            block[0] = prefix
            fill = 1
        done = 0
        for byte in message:
            if fill == BLOCK_BYTES:
                self._ecb.encrypt(block, block)
                done += BLOCK_BYTES
                fill = 0
            block[fill] ^= byte
            fill += 1
        subkey = self._whole
        if fill < BLOCK_BYTES or done + fill < padded_to:
            subkey = self._padded
            if fill == BLOCK_BYTES:
                self._ecb.encrypt(block, block)
                done += BLOCK_BYTES
                fill = 0
            block[fill] ^= 0x80
        while done + BLOCK_BYTES < padded_to:
            self._ecb.encrypt(block, block)
            done += BLOCK_BYTES
        for position in range(BLOCK_BYTES):
            block[position] ^= subkey[position]
        self._ecb.encrypt(block, block)
