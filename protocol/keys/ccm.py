"""AES-CCM (RFC 3610) in place, over an AES handed in (`aes(key, 1)` with `encrypt(block, out)`).

The names of RFC 3610: M is the tag's length, L the width of the length field, the nonce has
15 − L bytes. Minik uses M = 16 and L = 2. Buffers are made once.
"""

from protocol.compat import const
from protocol.errors import SealError
from protocol.keys.cmac import equal

_BLOCK_BYTES = const(16)
AAD_BYTES_MAX = const(0xFEFF)  # from 0xFF00 on the length is coded in another way (RFC 3610 §2.2)


class Ccm:
    """CCM under one 16-byte key with tags of `tag_bytes` and nonces of `15 - length_bytes`."""

    def __init__(self, aes, key, tag_bytes=16, length_bytes=2):
        self._ecb = aes(key, 1)
        self.tag_bytes = tag_bytes
        self._length_bytes = length_bytes
        self.nonce_bytes = _BLOCK_BYTES - 1 - length_bytes
        self._mac = bytearray(_BLOCK_BYTES)
        self._counter = bytearray(_BLOCK_BYTES)
        self._stream = bytearray(_BLOCK_BYTES)

    def seal(self, nonce, aad, buf, start, end):
        """Encrypt buf[start:end] in place and write the tag after it; returns the tag's end."""
        self._authenticate(nonce, aad, buf, start, end)
        self._crypt(buf, start, end)
        for position in range(self.tag_bytes):
            buf[end + position] = self._mac[position]
        return end + self.tag_bytes

    def open(self, nonce, aad, buf, start, end):
        """Decrypt buf[start:end], whose last bytes are the tag, in place; returns the plaintext's
        end. Raises SealError and wipes the bytes if the tag is not right."""
        stop = end - self.tag_bytes
        if stop < start or len(nonce) != self.nonce_bytes:
            raise SealError("too short")
        self._begin(nonce)
        self._crypt(buf, start, stop)
        self._authenticate(nonce, aad, buf, start, stop)
        given = memoryview(buf)[stop:end]
        if not equal(given, memoryview(self._mac)[:self.tag_bytes]):
            for position in range(start, end):
                buf[position] = 0
            raise SealError("tag")
        return stop

    def _begin(self, nonce):
        """The counter block A_0 (RFC 3610 §2.3)."""
        counter = self._counter
        counter[0] = self._length_bytes - 1
        for position in range(self.nonce_bytes):
            counter[1 + position] = nonce[position]
        for position in range(self.nonce_bytes + 1, _BLOCK_BYTES):
            counter[position] = 0

    def _crypt(self, buf, start, end):
        """XOR buf[start:end] with the key stream from A_1 on."""
        counter = self._counter
        stream = self._stream
        index = 0
        for block in range(start, end, _BLOCK_BYTES):
            index += 1
            counter[_BLOCK_BYTES - 1] = index & 0xFF
            counter[_BLOCK_BYTES - 2] = index >> 8 & 0xFF
            self._ecb.encrypt(counter, stream)
            used = min(_BLOCK_BYTES, end - block)
            for position in range(used):
                buf[block + position] ^= stream[position]

    def _authenticate(self, nonce, aad, buf, start, end):
        """The tag of the plaintext buf[start:end] into `_mac` (RFC 3610 §2.2); leaves A_0."""
        if len(nonce) != self.nonce_bytes or len(aad) > AAD_BYTES_MAX:
            raise ValueError("nonce or additional data of a wrong length")
        self._begin(nonce)
        mac = self._mac
        for position in range(_BLOCK_BYTES):
            mac[position] = self._counter[position]
        mac[0] |= (self.tag_bytes - 2) // 2 << 3 | (0x40 if len(aad) else 0)
        size = end - start
        if size >> 8 * min(self._length_bytes, 2):
            raise ValueError("message too long for CCM")
        mac[_BLOCK_BYTES - 1] = size & 0xFF
        mac[_BLOCK_BYTES - 2] |= size >> 8
        self._ecb.encrypt(mac, mac)
        if len(aad):
            mac[0] ^= len(aad) >> 8
            mac[1] ^= len(aad) & 0xFF
            self._absorb(aad, 0, len(aad), 2)
        self._absorb(buf, start, end, 0)
        self._ecb.encrypt(self._counter, self._stream)
        for position in range(_BLOCK_BYTES):
            mac[position] ^= self._stream[position]

    def _absorb(self, source, start, end, fill):
        """CBC-MAC over whole blocks, `fill` bytes of the first one being there already. Zeros up
        to the last block's end would change nothing, so it is encrypted as it stands."""
        mac = self._mac
        for position in range(start, end):
            if fill == _BLOCK_BYTES:
                self._ecb.encrypt(mac, mac)
                fill = 0
            mac[fill] ^= source[position]
            fill += 1
        if fill:
            self._ecb.encrypt(mac, mac)
