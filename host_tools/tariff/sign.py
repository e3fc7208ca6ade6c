"""The file around a compiled tariff: a COSE_Sign1 with ES256 (SPEC §6.1).

Signatures are deterministic (RFC 6979), so the same payload and key give the same file. An
unsigned file has no key id and an empty signature; tools read it, devices refuse it.
"""

from dataclasses import dataclass

from host_tools.keys.store import KeyStore
from protocol.errors import AuthError, LayoutError
from protocol.fares.tariff import BytesStore
from protocol.lists.signed import KEY_ID_BYTES, SIGNATURE_BYTES, open_signed, read_envelope
from protocol.tickets import cbor
from protocol.tickets.cose import PROTECTED_ES256

FILE_BYTES_MAX = 0xFFFFFF + 128  # a payload of 24 bits, and what is around it
_PURPOSE = b"minik tariff 1"
_KID = 4
SIGN1 = b"\xd2\x84"  # how a tariff file begins: tag 18, an array of four
_HEADS_BYTES = 32


@dataclass(frozen=True)
class SignedFile:
    """A tariff file taken apart; the signature is verified only by `verifies`."""

    payload: bytes
    key_id: int | None  # None: unsigned
    signature: bytes


def tariff_aad(agency: int) -> bytes:
    """What a tariff's signature covers besides the payload."""
    return _PURPOSE + agency.to_bytes(2, "little")


def sign(payload: bytes, store: KeyStore | None) -> bytes:
    """The file of a payload, signed by the issuer key of `store`; unsigned without one."""
    headers: dict[int, bytes] = {}
    signature = b""
    if store is not None:
        headers = {_KID: store.issuer_key_id.to_bytes(KEY_ID_BYTES, "little")}
        signature = store.sign1(payload, tariff_aad(store.agency))
    parts = (PROTECTED_ES256, headers, payload, signature)
    return SIGN1 + b"".join(cbor.encode(part, len(part) + _HEADS_BYTES) for part in parts)


def read_signed(content: bytes) -> SignedFile:
    """The parts of a tariff file; LayoutError if it is none. Nothing is verified."""
    envelope = read_envelope(BytesStore(content), len(content))
    end = envelope.payload_offset + envelope.payload_width
    payload = content[envelope.payload_offset : end]
    tail = content[end:]
    if envelope.key_id is None:
        if tail != b"\x40":  # no bytes
            raise LayoutError("signature")
        return SignedFile(payload, None, b"")
    if tail[:2] != bytes([0x58, SIGNATURE_BYTES]):
        raise LayoutError("signature")
    return SignedFile(payload, envelope.key_id, tail[2:])


def verifies(content: bytes, store: KeyStore) -> bool:
    """Is a file signed by the issuer of `store`, for its agency? As a device finds out."""
    issuers = {store.issuer_key_id: store.issuer_public()}
    try:
        open_signed(BytesStore(content), len(content), tariff_aad(store.agency), issuers)
    except (LayoutError, AuthError):
        return False
    return True
