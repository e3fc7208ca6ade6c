"""A signed file read in place: good, cut, flipped, by others. On both interpreters.

The file was made with the key of RFC 6979 appendix A.2.5 by the libraries `cbor2` and
`cryptography`.
"""

from binascii import unhexlify

from protocol.errors import AuthError, LayoutError
from protocol.lists.signed import open_signed, read_envelope

PUBLIC = unhexlify(
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)
AAD = b"minik test"
ISSUERS = {7: PUBLIC}
FILE = unhexlify(
    "d28443a10126a10442070054696e20666f7263652066726f6d206d6f6e6461795840c8854b26e24bf0f3b397a2"
    "35695955c7c8f7abc667ca008c1e88d3fa6975b46b53553854ac7fecd39d7cbe2004e9c05de142277f1ec38625"
    "12b5f6b104a3cf8b"
)


class _Bytes:
    def __init__(self, content):
        self.content = content

    def readinto(self, offset, buf):
        assert 0 <= offset <= offset + len(buf) <= len(self.content)
        buf[:] = self.content[offset:offset + len(buf)]


def _open(content, aad=AAD, issuers=ISSUERS):
    offset, width = open_signed(_Bytes(content), len(content), aad, issuers)
    return content[offset:offset + width]


def _refused(content, aad=AAD, issuers=ISSUERS):
    try:
        _open(content, aad, issuers)
    except (AuthError, LayoutError) as error:
        return type(error)
    return None


def test_a_good_file_opens():
    assert _open(FILE) == b"in force from monday"
    assert read_envelope(_Bytes(FILE), len(FILE)).key_id == 7


def test_a_file_cut_anywhere_or_with_more_behind_is_no_file():
    for length in range(len(FILE)):
        assert _refused(FILE[:length]) is LayoutError
    assert _refused(FILE + b"\x00") is LayoutError


def test_a_bit_changed_anywhere_is_refused():
    for index in range(len(FILE)):
        changed = bytearray(FILE)
        changed[index] ^= 1 << index % 8
        assert _refused(bytes(changed)) is not None


def test_another_purpose_or_another_signer():
    assert _refused(FILE, b"minik tess") is AuthError
    assert _refused(FILE, AAD, {}) is AuthError
    assert _refused(FILE, AAD, {8: PUBLIC}) is AuthError
    assert _refused(FILE, AAD, {7: PUBLIC[32:] + PUBLIC[:32]}) is AuthError


def test_an_unsigned_file_has_a_payload_and_no_signer():
    content = unhexlify("d28443a10126a043010203") + b"\x40"
    envelope = read_envelope(_Bytes(content), len(content))
    assert (envelope.key_id, envelope.payload_width) == (None, 3)
    assert _refused(content) is AuthError


def test_a_file_that_would_take_too_long_to_hash():
    head = FILE[:11] + unhexlify("5a00100001")
    assert _refused_as(head, len(head) + 0x100001 + 66) == "too large"
    head = FILE[:11] + unhexlify("5a00100000")
    envelope = read_envelope(_Bytes(head), len(head) + 0x100000 + 66)
    assert envelope.payload_width == 0x100000


def _refused_as(head, size):
    try:
        read_envelope(_Bytes(head), size)
    except LayoutError as error:
        return error.args[0]
    return None
