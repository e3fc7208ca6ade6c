"""Our CBOR and COSE beside libraries nobody here wrote: cbor2, cryptography and cwt, both ways."""

import cbor2
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cwt import COSE, COSEKey
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.errors import FrameError, SealError
from protocol.keys.ccm import Ccm
from protocol.sync.messages import PAYLOAD_AT, Opener, Sealer
from protocol.tickets import cbor, cose
from tests.shared.aes import Aes

KEY = bytes(range(50, 66))
KID = b"V1jour"
PREFIX = bytes([2]) + b"8 random"
AAD = b"which conversation"

scalars = (
    st.none() | st.booleans() | st.integers(-(1 << 64), (1 << 64) - 1) | st.binary(max_size=40)
    | st.text(max_size=20)
)
values = scalars
for _ in range(3):
    values = (
        scalars | st.lists(values, max_size=5)
        | st.dictionaries(st.integers(0, (1 << 64) - 1), values, max_size=5)
    )


@settings(max_examples=300, deadline=None, derandomize=True)
@given(values)
def test_cbor_as_cbor2_has_it(value):
    theirs = cbor2.dumps(value, canonical=True)
    assert cbor.encode(value, 65536) == theirs
    assert cbor.decode(theirs) == value
    assert cbor2.loads(cbor.encode(value, 65536)) == value


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.binary(max_size=40))
def test_what_we_decode_cbor2_decodes_alike(content):
    try:
        ours = cbor.decode(content)
    except FrameError:
        return
    assert cbor2.loads(content) == ours


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=100), st.binary(max_size=40), st.binary(min_size=13, max_size=13))
def test_ccm_as_cryptography_has_it(plaintext, aad, nonce):
    buf = bytearray(plaintext + bytes(16))
    Ccm(Aes, KEY).seal(nonce, aad, buf, 0, len(plaintext))
    theirs = AESCCM(KEY, 16)
    assert bytes(buf) == theirs.encrypt(nonce, plaintext, aad)
    assert theirs.decrypt(nonce, bytes(buf), aad) == plaintext


def _ours(message: dict) -> bytes:
    sealer = Sealer(cose.Encrypt0(Aes, KEY, KID), PREFIX)
    return bytes(sealer.seal(message, AAD))


def test_message_with_a_string_in_place():
    sealer = Sealer(cose.Encrypt0(Aes, KEY, KID), PREFIX)
    sealer.buf[PAYLOAD_AT : PAYLOAD_AT + 500] = b"r" * 500
    sealed = bytes(sealer.seal({0: 3, 1: 70000}, AAD, 4, PAYLOAD_AT + 500))
    plaintext = COSE.new().decode(sealed, _cwt_key(), external_aad=AAD)
    assert plaintext == cbor2.dumps({0: 3, 1: 70000, 4: b"r" * 500})


def test_our_encrypt0_opened_by_hand():
    tagged = cbor2.loads(_ours({0: 4, 1: 77}))
    assert tagged.tag == 16
    protected, unprotected, ciphertext = tagged.value
    assert cbor2.loads(protected) == {1: 30}
    assert unprotected == {4: KID, 5: PREFIX + bytes(4)}
    additional = cbor2.dumps(["Encrypt0", protected, AAD])
    plaintext = AESCCM(KEY, 16).decrypt(unprotected[5], ciphertext, additional)
    assert cbor2.loads(plaintext) == {0: 4, 1: 77}
    with pytest.raises(InvalidTag):
        AESCCM(KEY, 16).decrypt(unprotected[5], ciphertext, additional[:-1] + b"?")


def _cwt_key() -> COSEKey:
    return COSEKey.new({1: 4, 2: KID, 3: 30, -1: KEY})


def test_our_encrypt0_opened_by_cwt():
    plaintext = COSE.new().decode(_ours({0: 4, 1: 77}), _cwt_key(), external_aad=AAD)
    assert cbor2.loads(plaintext) == {0: 4, 1: 77}


def test_encrypt0_of_cwt_opened_by_us():
    nonce = PREFIX + bytes(4)
    sealed = bytearray(
        COSE.new().encode(
            cbor2.dumps({0: 2, 1: 9}), _cwt_key(), protected={1: 30},
            unprotected={4: KID, 5: nonce}, external_aad=AAD,
        )
    )
    kid, found, start = cose.split_encrypt0(sealed, 0, len(sealed))
    assert (kid, found) == (KID, nonce)
    whole = bytes(sealed)
    opener = Opener(2)
    seal = cose.Encrypt0(Aes, KEY, KID)
    with pytest.raises(SealError):
        opener.open(seal, bytearray(whole), nonce, start, len(whole), b"another")
    assert opener.open(seal, sealed, nonce, start, len(sealed), AAD) == {0: 2, 1: 9}
    with pytest.raises(SealError):
        opener.open(seal, bytearray(whole), nonce, start, len(whole), AAD)
