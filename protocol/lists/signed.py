"""What the agency signs for its devices (SPEC §6.1): a COSE_Sign1 with ES256, checked in place.

The payload may be far larger than the memory: it is hashed in pieces and stays where it is. Left
out: what the payload means, and which of two good ones is the newer.
"""

import hashlib

from protocol.compat import const
from protocol.errors import AuthError, FrameError, LayoutError
from protocol.tickets import cbor, p256
from protocol.tickets.cose import PROTECTED_ES256

SIGNATURE_BYTES = const(64)
KEY_ID_BYTES = const(2)
PAYLOAD_BYTES_MAX = const(0x100000)  # hashed in one go, within a watchdog's time
HEAD_BYTES_MAX = const(16)  # up to the payload's first byte
_TAG_SIGN1 = const(0xD2)
_KID = const(4)
_CHUNK = const(256)


class Envelope:
    """Where the parts of a signed file lie. `key_id` is None if it is not signed."""

    def __init__(self, key_id, payload_offset, payload_width):
        self.key_id = key_id
        self.payload_offset = payload_offset
        self.payload_width = payload_width


def read_envelope(store, size):
    """The Envelope of the file of `size` bytes in `store`; nothing of it is verified yet.

    `store.readinto(offset, buf)` fills buf. LayoutError if it is no whole Sign1 of SPEC §6.1.
    """
    head = bytearray(min(size, HEAD_BYTES_MAX))
    store.readinto(0, head)
    try:
        if len(head) < 3 or head[0] != _TAG_SIGN1 or head[1] != 0x84:
            raise LayoutError("not a signed file")
        protected, position = cbor.decode_item(head, 2, len(head))
        headers, position = cbor.decode_item(head, position, len(head))
        major, width, position = cbor.read_head(head, position, len(head))
    except FrameError:
        raise LayoutError("not a signed file")
    if protected != PROTECTED_ES256 or not isinstance(headers, dict) or major != cbor.BYTES:
        raise LayoutError("signed in a way that is not known")
    if headers:
        kid = headers.get(_KID)
        if len(headers) != 1 or not isinstance(kid, bytes) or len(kid) != KEY_ID_BYTES:
            raise LayoutError("signed in a way that is not known")
        key_id = kid[0] | kid[1] << 8
    else:
        key_id = None
    if width > PAYLOAD_BYTES_MAX:
        raise LayoutError("too large")
    # after the payload: the signature's head and bytes
    tail = 1 if key_id is None else 2 + SIGNATURE_BYTES
    if size != position + width + tail:
        raise LayoutError("truncated")
    return Envelope(key_id, position, width)


def open_signed(store, size, aad, issuers):
    """(offset, width) of the payload of a signed file, its signature verified.

    `aad` is the external_aad (at most 23 bytes), `issuers` maps key id to 64 bytes x ‖ y. Raises
    LayoutError if it is no whole signed file, AuthError if nobody we know has signed it.
    """
    envelope = read_envelope(store, size)
    offset = envelope.payload_offset
    width = envelope.payload_width
    public = None if envelope.key_id is None else issuers.get(envelope.key_id)
    if public is None:
        raise AuthError("signed by nobody we know")
    tail = bytearray(2 + SIGNATURE_BYTES)
    store.readinto(offset + width, tail)
    signature = bytes(tail[2:])
    if tail[0] != 0x58 or tail[1] != SIGNATURE_BYTES:
        raise LayoutError("no signature")
    if not p256.verify(public, _digest(store, offset, width, aad), signature):
        raise AuthError("the signature does not verify")
    return offset, width


def _digest(store, offset, width, aad):
    """SHA-256 of the Sig_structure (RFC 9052 §4.4) around a payload that stays in the store."""
    head = bytearray(48)
    head[0] = 0x84
    position = cbor.encode_into("Signature1", head, 1)
    position = cbor.encode_into(PROTECTED_ES256, head, position)
    position = cbor.encode_into(aad, head, position)
    position = cbor.put_head(head, position, cbor.BYTES, width)
    hashed = hashlib.sha256(head[:position])
    chunk = bytearray(_CHUNK)
    view = memoryview(chunk)
    done = 0
    while done < width:
        piece = view[:min(_CHUNK, width - done)]
        store.readinto(offset + done, piece)
        hashed.update(piece)
        done += len(piece)
    return hashed.digest()
