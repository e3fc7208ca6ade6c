"""The file around a tariff (SPEC §6.1): its bytes, who verifies it, and what is no such file."""

import cbor2
import pytest
from cwt import COSE, COSEKey

from host_tools.keys.store import KeyStore
from host_tools.tariff.load import load_tariff
from host_tools.tariff.sign import read_signed, sign, tariff_aad, verifies
from protocol.errors import AuthError, LayoutError
from protocol.fares.tariff import BytesStore
from protocol.lists.signed import open_signed

STORE = KeyStore.deterministic("tariffs", agency=0x0307)
PAYLOAD = load_tariff("flat").payload


def test_an_unsigned_file_byte_by_byte() -> None:
    # 18([h'A10126', {}, payload, h''])
    head = bytes.fromhex("d2 84 43 a1 01 26 a0 58 05")
    assert sign(b"\1" * 5, None) == bytes.fromhex("d2 84 43 a1 01 26 a0 45") + b"\1" * 5 + b"\x40"
    assert sign(PAYLOAD, None)[:8] == head[:7] + b"\x59"
    assert read_signed(sign(PAYLOAD, None)).payload == PAYLOAD
    assert read_signed(sign(PAYLOAD, None)).key_id is None


def test_a_signed_file_byte_by_byte() -> None:
    content = sign(b"\1" * 5, STORE)
    assert content[:15] == bytes.fromhex("d2 84 43 a1 01 26 a1 04 42 01 00 45 01 01 01")
    assert content[17:19] == b"\x58\x40"
    assert len(content) == 17 + 2 + 64


def test_the_aad_names_the_agency() -> None:
    assert tariff_aad(0x0307) == b"minik tariff 1\x07\x03"


def test_the_same_payload_and_key_give_the_same_file() -> None:
    assert sign(PAYLOAD, STORE) == sign(PAYLOAD, KeyStore.deterministic("tariffs", agency=0x0307))


def test_a_general_cose_library_verifies_it() -> None:
    public = STORE.issuer_public()
    key = COSEKey.new({1: 2, 3: -7, -1: 1, -2: public[:32], -3: public[32:], 2: b"\1\0"})
    content = sign(PAYLOAD, STORE)
    decoded = COSE.new().decode(content, key, external_aad=tariff_aad(STORE.agency))
    assert decoded == PAYLOAD
    assert cbor2.loads(content).value[1] == {4: b"\1\0"}


def test_a_device_opens_it_in_place() -> None:
    content = sign(PAYLOAD, STORE)
    issuers = {STORE.issuer_key_id: STORE.issuer_public()}
    at, width = open_signed(BytesStore(content), len(content), tariff_aad(STORE.agency), issuers)
    assert content[at : at + width] == PAYLOAD
    with pytest.raises(AuthError):
        open_signed(BytesStore(content), len(content), tariff_aad(1), issuers)


def test_who_verifies() -> None:
    assert verifies(sign(PAYLOAD, STORE), STORE)
    assert not verifies(sign(PAYLOAD, None), STORE)
    assert not verifies(sign(PAYLOAD, KeyStore.deterministic("others", agency=0x0307)), STORE)
    # the same key, another agency
    assert not verifies(sign(PAYLOAD, KeyStore.deterministic("tariffs", agency=1)), STORE)
    assert not verifies(b"", STORE)


def test_every_flipped_bit_is_seen() -> None:
    content = sign(PAYLOAD[:40], STORE)
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        assert not verifies(bytes(changed), STORE)


@pytest.mark.parametrize("store", [None, STORE])
def test_no_cut_is_a_file(store: KeyStore | None) -> None:
    content = sign(PAYLOAD, store)
    for width in range(len(content)):
        with pytest.raises(LayoutError):
            read_signed(content[:width])
    with pytest.raises(LayoutError):
        read_signed(content + b"\0")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        PAYLOAD,
        b"PK\3\4",
        cbor2.dumps(cbor2.CBORTag(16, [b"\xa1\x01\x26", {}, PAYLOAD, b""])),
        cbor2.dumps(cbor2.CBORTag(18, [b"\xa1\x01\x26", {}, PAYLOAD, b"x"])),
        cbor2.dumps(cbor2.CBORTag(18, [b"\xa1\x01\x38\x24", {}, PAYLOAD, b""])),
        cbor2.dumps(cbor2.CBORTag(18, [b"\xa1\x01\x26", {4: b"\1"}, PAYLOAD, bytes(64)])),
        cbor2.dumps(cbor2.CBORTag(18, [b"\xa1\x01\x26", {4: b"\1\0"}, PAYLOAD, bytes(63)])),
        cbor2.dumps(cbor2.CBORTag(18, [b"\xa1\x01\x26", {5: b"\1\0"}, PAYLOAD, bytes(64)])),
        cbor2.dumps(cbor2.CBORTag(18, [b"\xa1\x01\x26", {}, "text", b""])),
    ],
)
def test_what_is_something_else(content: bytes) -> None:
    with pytest.raises(LayoutError):
        read_signed(content)
