"""The vault and the key set file (SPEC §5). Runs on both interpreters."""

from protocol.errors import AuthError, LayoutError
from protocol.keys.cmac import Cmac
from protocol.keys.keyset import load_keyset
from protocol.keys.vault import KeyVault
from protocol.tickets import cbor
from tests.shared.aes import Aes

MASTERS = {
    "read": bytes(range(16)),
    "debit": bytes(range(16, 32)),
    "personalise": bytes(range(32, 48)),
    "state": bytes(range(48, 64)),
}
UIDS = (b"\x01\x02\x03\x04", b"\x04\x02\x03\x04\x05\x06\x07")


def filled(vault, purpose, uid, sector, slot):
    out = bytearray(b"\xee" * 10)
    vault.fill_classic_auth(out, 2, purpose, uid, sector, slot)
    assert out[:2] == b"\xee\xee"
    assert out[8:] == b"\xee\xee"
    return bytes(out[2:8])


def expected(purpose, uid, sector, slot):
    return bytes(Cmac(Aes, MASTERS[purpose]).diversify(uid + bytes([sector, slot]))[:6])


def refused(call):
    try:
        call()
    except AuthError:
        return True
    return False


def test_classic_keys_whatever_the_order_and_the_card():
    vault = KeyVault(Aes, MASTERS, ("read", "debit", "personalise"))
    for _ in range(2):
        for uid in UIDS:
            for sector in range(16):
                for purpose in ("read", "debit", "personalise"):
                    for slot in (0x0A, 0x0B):
                        wanted = expected(purpose, uid, sector, slot)
                        assert filled(vault, purpose, uid, sector, slot) == wanted


def test_classic_key_in_hand_is_the_same_again_and_after_forgetting():
    vault = KeyVault(Aes, MASTERS, ("debit",))
    first = filled(vault, "debit", UIDS[0], 1, 0x0A)
    assert filled(vault, "debit", memoryview(UIDS[0]), 1, 0x0A) == first
    assert filled(vault, "debit", UIDS[0], 1, 0x0B) != first
    vault.forget()
    assert filled(vault, "debit", UIDS[0], 1, 0x0A) == first


def test_forget_wipes_the_cache():
    vault = KeyVault(Aes, MASTERS, ("debit", "state"))
    filled(vault, "debit", UIDS[0], 1, 0x0A)
    vault.state_mac(UIDS[0], b"message")
    vault.forget()
    assert bytes(vault._cache) == bytes(len(vault._cache))
    assert bytes(vault._state.tag) == bytes(16)


def test_state_mac():
    vault = KeyVault(Aes, MASTERS, ("state",))
    for uid in (UIDS[0], UIDS[1], UIDS[0]):
        key = bytes(Cmac(Aes, MASTERS["state"]).diversify(uid + b"\x53"))
        for message in (b"m", b"message" * 9):
            mac = bytes(Cmac(Aes, key).compute(message)[:8])
            assert vault.state_mac(uid, message) == mac
            assert vault.state_mac_ok(uid, message, mac)
            assert vault.state_mac_ok(uid, message, bytearray(mac))
            for position in range(8):
                wrong = bytearray(mac)
                wrong[position] ^= 1
                assert not vault.state_mac_ok(uid, message, wrong)
            assert not vault.state_mac_ok(uid, message, mac[:7])
            assert not vault.state_mac_ok(uid, message + b"x", mac)


def test_purposes_the_vault_does_not_hold():
    vault = KeyVault(Aes, MASTERS, ("read",))
    out = bytearray(6)
    for purpose in ("debit", "personalise", "state", "unknown"):
        assert refused(lambda purpose=purpose: vault.fill_classic_auth(
            out, 0, purpose, UIDS[0], 1, 0x0A))
    assert refused(lambda: vault.state_mac(UIDS[0], b"m"))
    assert refused(lambda: vault.state_mac_ok(UIDS[0], b"m", bytes(8)))
    assert out == bytes(6)


def test_no_public_name_gives_a_key():
    vault = KeyVault(Aes, MASTERS, ("read", "state"))
    public = [name for name in dir(vault) if name[0] != "_"]
    assert sorted(public) == ["fill_classic_auth", "forget", "state_mac", "state_mac_ok"]


def test_masters_missing_or_of_a_wrong_length():
    for masters, allowed in (
        ({}, ("read",)),
        ({"read": bytes(15)}, ("read",)),
        ({"other": bytes(16)}, ("other",)),
    ):
        try:
            KeyVault(Aes, masters, allowed)
            raise AssertionError("taken")
        except ValueError:
            pass


def keyset_fields(role=1):
    masters = {1: MASTERS["read"], 4: MASTERS["state"]}
    if role == 1:
        masters[2] = MASTERS["debit"]
    return {
        0: 1, 1: 7, 2: 1, 3: "V1", 4: b"jour", 5: bytes(16), 6: bytes(32), 7: role,
        8: masters, 9: {1: bytes(64)},
    }


def test_keyset_of_each_role():
    for role, has_debit in ((1, True), (2, False)):
        keyset = load_keyset(cbor.encode(keyset_fields(role)))
        assert (keyset.agency, keyset.key_version, keyset.device_id) == (7, 1, "V1")
        assert (keyset.journal_id, keyset.kid, keyset.role) == (b"jour", b"V1jour", role)
        vault = keyset.vault(Aes)
        wanted = expected("read", UIDS[0], 2, 0x0A)
        assert filled(vault, "read", UIDS[0], 2, 0x0A) == wanted
        assert vault.state_mac(UIDS[0], b"m")
        if has_debit:
            assert filled(vault, "debit", UIDS[0], 2, 0x0A)
        else:
            assert refused(lambda vault=vault: filled(vault, "debit", UIDS[0], 2, 0x0A))


def loads(fields):
    try:
        load_keyset(fields if isinstance(fields, bytes) else cbor.encode(fields))
    except LayoutError:
        return False
    return True


def test_keysets_that_are_refused():
    assert loads(keyset_fields())
    for key in range(10):
        fields = keyset_fields()
        del fields[key]
        assert not loads(fields)
    wrong = (
        (0, 2), (1, -1), (1, 65536), (1, True), (2, 256), (3, ""), (3, "V 1"), (3, "V" * 17),
        (3, b"V1"), (4, b"jou"), (5, bytes(15)), (6, bytes(31)), (7, 0), (7, 3),
        (8, {1: bytes(16)}), (8, {1: bytes(16), 2: bytes(16), 3: bytes(16)}),
        (8, {1: bytes(16), 2: bytes(16), 3: bytes(16), 4: bytes(16)}),
        (8, {1: bytes(16), 2: bytes(16), 4: bytes(15)}), (8, []), (9, {1: bytes(63)}),
        (9, {65536: bytes(64)}), (9, []),
    )
    for key, value in wrong:
        fields = keyset_fields()
        fields[key] = value
        assert not loads(fields)
    inspector = keyset_fields(2)
    inspector[8][2] = MASTERS["debit"]
    assert not loads(inspector)
    whole = cbor.encode(keyset_fields())
    for length in range(len(whole)):
        assert not loads(whole[:length])
    assert not loads(whole + b"\x00")
