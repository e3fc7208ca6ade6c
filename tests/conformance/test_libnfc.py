"""libnfc's own programs on the virtual PN532: who is there, dumps, refused keys."""

import re
from random import Random

import pytest

from host_tools.bench.reader import ClassicCard
from host_tools.bench.reader.classic_access import access_bytes, sector_of, trailer_of
from tests.conformance.clients import need, run, served

pytestmark = pytest.mark.conformance

UID_4 = bytes.fromhex("04a1b2c3")
UID_7 = bytes.fromhex("041d6aa2c35e80")


@pytest.fixture(autouse=True)
def _programs():
    need("libnfc-bin", "nfc-list", "nfc-mfclassic")


def listed(output):
    """(ATQA, UID, SAK) of every target in nfc-list's output, as hex."""
    fields = re.findall(r"(?:SENS_RES|NFCID1|SEL_RES)\): ([0-9a-f ]+)", output)
    compact = [field.replace(" ", "") for field in fields]
    return [tuple(compact[at:at + 3]) for at in range(0, len(compact), 3)]


def personalised(uid, size, seed, readable_key_b=False):
    """A card with content and keys of its own in every sector."""
    card = ClassicCard.transport(uid, size)
    source = Random(seed)
    trailer_condition = 1 if readable_key_b else 3
    for block in range(1, len(card.image) // 16):
        if block == trailer_of(sector_of(block)):
            access = access_bytes((0, 4, 6, trailer_condition)) + b"\x69"
            card.set_block(block, source.randbytes(6) + access + source.randbytes(6))
        else:
            card.set_block(block, source.randbytes(16))
    return card


@pytest.mark.parametrize(("uid", "size", "atqa", "sak"), [
    (UID_4, "1k", "0004", "08"), (UID_7, "1k", "0044", "08"),
    (UID_4, "4k", "0002", "18"), (UID_7, "4k", "0042", "18"),
])
def test_nfc_list_sees_the_card(uid, size, atqa, sak):
    with served(ClassicCard.transport(uid, size)) as path:
        assert listed(run(path, ["nfc-list"])) == [(atqa, uid.hex(), sak)]


def test_nfc_list_sees_both_of_two_cards():
    with served(ClassicCard.transport(UID_4), ClassicCard.transport(UID_7, "4k")) as path:
        found = listed(run(path, ["nfc-list"]))
    assert {uid for _, uid, _ in found} == {UID_4.hex(), UID_7.hex()}


def test_nfc_list_sees_nothing_in_an_empty_field():
    with served() as path:
        output = run(path, ["nfc-list"])
    assert "NFC device" in output
    assert listed(output) == []


def test_a_client_can_come_again():
    with served(ClassicCard.transport(UID_4)) as path:
        assert [listed(run(path, ["nfc-list"])) for _ in range(3)] == \
            [[("0004", UID_4.hex(), "08")]] * 3


@pytest.mark.parametrize("uid", [UID_4, UID_7])
@pytest.mark.parametrize("size", ["1k", "4k"])
@pytest.mark.parametrize("key", ["a", "b"])
def test_nfc_mfclassic_dumps_every_byte(tmp_path, uid, size, key):
    card = personalised(uid, size, seed=size + key)
    keys, dump = tmp_path / "keys.mfd", tmp_path / "dump.mfd"
    keys.write_bytes(card.image)
    with served(card) as path:
        run(path, ["nfc-mfclassic", "r", key, "u", dump, keys, "f"])
    assert dump.read_bytes() == card.image == keys.read_bytes()


@pytest.mark.parametrize("size", ["1k", "4k"])
def test_nfc_mfclassic_dumps_a_transport_card(tmp_path, size):
    card = ClassicCard.transport(UID_4, size)
    keys, dump = tmp_path / "keys.mfd", tmp_path / "dump.mfd"
    keys.write_bytes(card.image)
    with served(card) as path:
        run(path, ["nfc-mfclassic", "r", "a", "u", dump, keys, "f"])
    assert dump.read_bytes() == card.image


def test_nfc_mfclassic_is_refused_with_a_wrong_key(tmp_path):
    card = personalised(UID_4, "1k", seed="wrong")
    wrong = bytearray(card.image)
    wrong[-16] ^= 1  # key A of the last sector, the first that is read
    before = card.image
    keys, dump = tmp_path / "keys.mfd", tmp_path / "dump.mfd"
    keys.write_bytes(wrong)
    with served(card) as path:
        output = run(path, ["nfc-mfclassic", "r", "a", "u", dump, keys, "f"])
    assert "authentication failed for block 0x3f" in output
    assert not dump.exists()
    assert card.image == before


def test_key_b_that_can_be_read_opens_nothing(tmp_path):
    card = personalised(UID_4, "1k", seed="readable", readable_key_b=True)
    keys, dump = tmp_path / "keys.mfd", tmp_path / "dump.mfd"
    keys.write_bytes(card.image)
    with served(card) as path:
        output = run(path, ["nfc-mfclassic", "r", "b", "u", dump, keys, "f"])
    assert "failed to read trailer block 0x3f" in output
    assert not dump.exists()
