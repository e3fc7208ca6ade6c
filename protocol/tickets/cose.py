"""COSE (RFC 9052) as Minik uses it: Encrypt0 with AES-CCM-16-128-128 (SPEC §4.2), and the bytes
that an ES256 signature of a Sign1 covers (SPEC §5.2).

Encrypt0 works in place: the plaintext lies in a buffer with room around it, and the header is
written in front. Signing and verifying are not here: the host has a library for them.
"""

from protocol.compat import const
from protocol.errors import FrameError, SealError
from protocol.keys.ccm import Ccm
from protocol.tickets import cbor

NONCE_BYTES = const(13)
TAG_BYTES = const(16)
KID_BYTES_MAX = const(23)
EXTERNAL_AAD_BYTES_MAX = const(23)
HEADER_BYTES_MAX = const(28 + 23)  # around a kid of 23 bytes, with a 3-byte ciphertext head
PROTECTED_ES256 = b"\xa1\x01\x26"  # {1: -7}
TAG_ENCRYPT0 = const(0xD0)  # tag 16
_PROTECTED_CCM = b"\xa1\x01\x18\x1e"  # {1: 30}, RFC 9053 §4.2
_KID = const(4)
_NONCE = const(5)


def sig_structure(protected, external_aad, payload):
    """What the signature of a COSE_Sign1 covers (RFC 9052 §4.4): bytes."""
    parts = ["Signature1", protected, external_aad, payload]
    return cbor.encode(parts, len(payload) + len(external_aad) + 64)


def split_encrypt0(buf, begin, end):
    """(kid, nonce, start of ciphertext) of the COSE_Encrypt0 that fills buf[begin:end].

    Nothing of it is verified yet. Raises FrameError if it is anything else than SPEC §4.2 says.
    """
    if end - begin < 3 or buf[begin] != TAG_ENCRYPT0 or buf[begin + 1] != 0x83:
        raise FrameError("COSE: not an Encrypt0")
    protected, position = cbor.decode_item(buf, begin + 2, end)
    headers, position = cbor.decode_item(buf, position, end)
    if protected != _PROTECTED_CCM or not isinstance(headers, dict) or len(headers) != 2:
        raise FrameError("COSE: headers")
    kid = headers.get(_KID)
    nonce = headers.get(_NONCE)
    if not isinstance(kid, bytes) or not isinstance(nonce, bytes) or len(nonce) != NONCE_BYTES:
        raise FrameError("COSE: key id or nonce")
    major, length, start = cbor.read_head(buf, position, end)
    if major != cbor.BYTES or start + length != end:
        raise FrameError("COSE: ciphertext")
    return kid, nonce, start


class Encrypt0:
    """Seals and opens under one 16-byte key that is named by `kid` (1 to 23 bytes)."""

    def __init__(self, aes, key, kid):
        if not 1 <= len(kid) <= KID_BYTES_MAX:
            raise ValueError("a kid has 1 to 23 bytes")
        self.kid = bytes(kid)
        self._ccm = Ccm(aes, key)
        # Enc_structure (RFC 9052 §5.3): ["Encrypt0", protected, external_aad]
        head = b"\x83\x68Encrypt0" + bytes([0x40 | len(_PROTECTED_CCM)]) + _PROTECTED_CCM
        self._aad = bytearray(head + bytes(1 + EXTERNAL_AAD_BYTES_MAX))
        self._aad_head = len(head)

    def _additional(self, external_aad):
        length = len(external_aad)
        if length > EXTERNAL_AAD_BYTES_MAX:
            raise ValueError("external_aad is too long")
        start = self._aad_head + 1
        self._aad[start - 1] = 0x40 | length
        self._aad[start:start + length] = external_aad
        return memoryview(self._aad)[:start + length]

    def seal(self, buf, start, end, nonce, external_aad):
        """Seal the plaintext buf[start:end] in place; returns (begin, end) of the whole message.

        Needs HEADER_BYTES_MAX of room before `start` and TAG_BYTES after `end`. The caller
        answers for never using a nonce twice.
        """
        stop = self._ccm.seal(nonce, self._additional(external_aad), buf, start, end)
        header = bytearray(HEADER_BYTES_MAX)
        header[0] = TAG_ENCRYPT0
        header[1] = 0x83
        position = cbor.encode_into(_PROTECTED_CCM, header, 2)
        position = cbor.encode_into({_KID: self.kid, _NONCE: nonce}, header, position)
        position = cbor.put_head(header, position, cbor.BYTES, stop - start)
        begin = start - position
        if begin < 0:
            raise ValueError("no room for the header")
        buf[begin:start] = memoryview(header)[:position]
        return begin, stop

    def open(self, buf, start, end, nonce, external_aad):
        """Decrypt the ciphertext buf[start:end] in place; returns the plaintext's end.

        Raises SealError, the bytes being wiped, when it does not verify.
        """
        if end - start < TAG_BYTES:
            raise SealError("too short")
        return self._ccm.open(nonce, self._additional(external_aad), buf, start, end)
