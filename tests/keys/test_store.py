"""The agency's key store and `minik keys`."""

import hashlib
import hmac
import json
import os
import stat

import cbor2
import pytest
from cwt import COSE, COSEKey

from host_tools.cli import run
from host_tools.errors import BadInput
from host_tools.keys.aes import Aes
from host_tools.keys.store import KeyStore
from protocol.keys.cmac import Cmac
from protocol.keys.keyset import load_keyset

UID = bytes.fromhex("04a1b2c3d4e5f6")


def _payload(key_id: int = 1) -> bytes:
    return bytes([1, 1, 7, 0, 1, 0]) + key_id.to_bytes(2, "little") + bytes(range(24))


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "deep" / "keys"


def test_created_store_is_loaded_alike(folder):
    made = KeyStore.create(folder, agency=7)
    loaded = KeyStore.load(folder)
    assert loaded.listing() == made.listing()
    assert (loaded.agency, loaded.key_version, loaded.issuer_key_id) == (7, 1, 1)
    assert loaded.device_keys("V1", b"jour") == made.device_keys("V1", b"jour")
    assert loaded.verify_grant(_payload(), UID, made.sign_grant(_payload(), UID))
    message = b"a state"
    vaults = [store.vault(["state"]) for store in (made, loaded)]
    assert vaults[0].state_mac(UID, message) == vaults[1].state_mac(UID, message)


def test_modes_whatever_the_umask(folder):
    umask = os.umask(0)
    try:
        KeyStore.create(folder)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = list(folder.iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert [path.name for path in folder.parent.iterdir()] == ["keys"]


def test_two_stores_share_nothing(tmp_path):
    first = KeyStore.create(tmp_path / "a")
    second = KeyStore.create(tmp_path / "b")
    prints = [key["fingerprint"] for store in (first, second) for key in store.listing()]
    assert len(set(prints)) == len(prints) == 12
    assert not second.verify_grant(_payload(), UID, first.sign_grant(_payload(), UID))


def test_deterministic_stores():
    assert KeyStore.deterministic(7).listing() == KeyStore.deterministic(7).listing()
    assert KeyStore.deterministic(7).listing() != KeyStore.deterministic(8).listing()
    signatures = {KeyStore.deterministic(7).sign_grant(_payload(), UID) for _ in range(3)}
    assert len(signatures) == 1


def test_a_store_is_never_replaced(folder):
    KeyStore.create(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(BadInput, match="never replaced"):
        KeyStore.create(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    file = folder.parent / "file"
    file.write_text("mine")
    with pytest.raises(BadInput):
        KeyStore.create(file)
    assert file.read_text() == "mine"


@pytest.mark.parametrize("name", ["store.json", "masters.json", "issuer-1.pem"])
@pytest.mark.parametrize("content", [None, b"", b"\xff", b"{}", b"[]"])
def test_damaged_stores(folder, name, content):
    KeyStore.create(folder)
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(BadInput, match=name):
        KeyStore.load(folder)


def test_a_master_of_a_wrong_length(folder):
    KeyStore.create(folder)
    masters = json.loads((folder / "masters.json").read_text())
    masters["debit"] = masters["debit"][2:]
    (folder / "masters.json").write_text(json.dumps(masters))
    with pytest.raises(BadInput, match=r"masters\.json"):
        KeyStore.load(folder)


def _hkdf(master: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 with no salt, for at most one block of output."""
    pseudorandom = hmac.digest(bytes(32), master, hashlib.sha256)
    return hmac.digest(pseudorandom, info + b"\x01", hashlib.sha256)[:length]


def test_device_keys_are_the_hkdf_of_the_spec(folder):
    store = KeyStore.create(folder)
    master = bytes.fromhex(json.loads((folder / "masters.json").read_text())["device"])
    seal_key, journal_key = store.device_keys("V1", b"jour")
    assert seal_key == _hkdf(master, b"minik seal 1\x02V1jour", 16)
    assert journal_key == _hkdf(master, b"minik journal 1\x02V1jour", 32)
    others = [("V1", b"jous"), ("V2", b"jour"), ("V1j", b"our1")]
    assert len({store.device_keys(*name) for name in [*others, ("V1", b"jour")]}) == 4
    for impossible in [("", b"jour"), ("V 1", b"jour"), ("V" * 17, b"jour"), ("V1", b"jou")]:
        assert store.device_keys(*impossible) is None


@pytest.mark.parametrize(
    ("role", "codes"), [("validator", [1, 2, 4]), ("inspector", [1, 4])]
)
def test_device_keyset(role, codes):
    store = KeyStore.deterministic(7, agency=300)
    content = store.device_keyset("bus-101_A", b"jour", role)
    fields = cbor2.loads(content)
    assert list(fields) == list(range(10))
    assert sorted(fields[8]) == codes
    loaded = load_keyset(content)
    assert (loaded.agency, loaded.device_id, loaded.journal_id) == (300, "bus-101_A", b"jour")
    assert (loaded.seal_key, loaded.journal_key) == store.device_keys("bus-101_A", b"jour")
    assert loaded.issuers == {1: store.issuer_public()}
    on_device = loaded.vault(Aes).state_mac(UID, b"a state")
    assert on_device == store.vault(["state"]).state_mac(UID, b"a state")


def test_keysets_that_are_not_made():
    store = KeyStore.deterministic(7)
    for device_id, journal_id, role in (
        ("V 1", b"jour", "validator"), ("V1", b"jou", "validator"), ("V1", b"jour", "driver"),
    ):
        with pytest.raises(BadInput):
            store.device_keyset(device_id, journal_id, role)


def _public(store: KeyStore) -> COSEKey:
    public = store.issuer_public()
    return COSEKey.new({1: 2, 2: b"1", 3: -7, -1: 1, -2: public[:32], -3: public[32:]})


def test_grant_signature_as_cwt_has_it():
    store = KeyStore.deterministic(7)
    signature = store.sign_grant(_payload(), UID)
    assert len(signature) == 64
    sign1 = cbor2.CBORTag(18, [b"\xa1\x01\x26", {4: b"1"}, _payload(), signature])
    key = _public(store)
    assert COSE.new().decode(cbor2.dumps(sign1), key, external_aad=UID) == _payload()
    with pytest.raises(Exception, match="verify"):
        COSE.new().decode(cbor2.dumps(sign1), key, external_aad=UID[1:])


def test_grant_signed_by_cwt_is_verified():
    store = KeyStore.deterministic(7)
    numbers = store._issuer.private_numbers()
    public = store.issuer_public()
    key = COSEKey.new(
        {
            1: 2, 2: b"1", 3: -7, -1: 1, -2: public[:32], -3: public[32:],
            -4: numbers.private_value.to_bytes(32, "big"),
        }
    )
    sign1 = COSE.new().encode(
        _payload(), key, protected={1: -7}, unprotected={4: b"1"}, external_aad=UID
    )
    assert store.verify_grant(_payload(), UID, cbor2.loads(sign1).value[3])


def test_every_bit_of_grant_uid_and_signature_counts():
    store = KeyStore.deterministic(7)
    signature = store.sign_grant(_payload(), UID)
    whole = _payload() + UID + signature
    assert store.verify_grant(_payload(), UID, signature)
    for position in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << bit
            content = bytes(flipped)
            assert not store.verify_grant(content[:32], content[32:39], content[39:])


def test_grants_that_are_not_judged():
    store = KeyStore.deterministic(7)
    for payload in (_payload(2), _payload()[:31], _payload() + b"\x00"):
        with pytest.raises(ValueError, match="grant"):
            store.sign_grant(payload, UID)
        assert not store.verify_grant(payload, UID, bytes(64))
    signature = store.sign_grant(_payload(), UID)
    assert not store.verify_grant(_payload(), UID, signature[:63])
    assert not store.verify_grant(_payload(), UID, bytes(64))
    assert not store.verify_grant(_payload(), UID, b"\xff" * 64)


def _secrets(folder) -> list[str]:
    masters = json.loads((folder / "masters.json").read_text())
    pem = (folder / "issuer-1.pem").read_text().splitlines()
    return [*masters.values(), *pem[1:-1]]


def test_cli_init_and_list(folder, capsys):
    assert run(["keys", "init", str(folder), "--agency", "7"]) == 0
    made = capsys.readouterr().out
    assert run(["keys", "list", str(folder)]) == 0
    listed = capsys.readouterr().out
    assert listed == made
    assert run(["keys", "list", str(folder), "--json"]) == 0
    as_json = capsys.readouterr().out
    answer = json.loads(as_json)
    assert answer["agency"] == 7
    names = [key["name"] for key in answer["keys"]]
    assert names == ["read", "debit", "personalise", "state", "device", "issuer"]
    assert all(key["fingerprint"] in listed for key in answer["keys"])
    for secret in _secrets(folder):
        assert secret not in listed + as_json + made


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["keys", "list", "{}/none"], "store.json"),
        (["keys", "init", "{}"], "never replaced"),
        (["keys", "init", "{}/new", "--agency", "0"], "agency"),
        (["keys", "init", "{}/new", "--agency", "65536"], "agency"),
        (["keys", "init", "{}/mine/new"], "mine"),
    ],
)
def test_cli_bad_input(tmp_path, capsys, arguments, said):
    (tmp_path / "mine").write_text("a file")
    before = sorted(path.name for path in tmp_path.iterdir())
    assert run([part.format(tmp_path) for part in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_aes_of_the_host_has_the_board_s_shape():
    # FIPS 197 appendix B
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    plain = bytes.fromhex("3243f6a8885a308d313198a2e0370734")
    sealed = bytes.fromhex("3925841d02dc09fbdc118597196a0b32")
    block = bytearray(plain)
    assert Aes(key, 1).encrypt(plain) == sealed
    Aes(key, 1).encrypt(block, block)
    assert block == sealed
    assert Aes(key, 1).decrypt(sealed) == plain
    for wrong in (lambda: Aes(key, 2), lambda: Aes(key[1:], 1), lambda: Aes(key, 1).encrypt(b"x")):
        with pytest.raises(ValueError, match="16"):
            wrong()
    assert bytes(Cmac(Aes, key).compute(b""))[:4] == bytes.fromhex("bb1d6929")
