"""libfreefare's programs on the virtual PN532: format, NDEF written and read back."""

from random import Random

import pytest

from host_tools.bench.reader import ClassicCard
from tests.conformance.clients import need, run, served

pytestmark = pytest.mark.conformance

UID_4 = bytes.fromhex("04a1b2c3")
UID_7 = bytes.fromhex("041d6aa2c35e80")
MAD_KEY_A = bytes.fromhex("a0a1a2a3a4a5")  # public key A of a MIFARE application directory
NDEF_KEY_A = bytes.fromhex("d3f7d3f7d3f7")


@pytest.fixture(autouse=True)
def _programs():
    need("libfreefare-bin", "mifare-classic-format", "mifare-classic-write-ndef",
         "mifare-classic-read-ndef")


def with_content(uid, size):
    """A card with transport keys and something in every data block."""
    card = ClassicCard.transport(uid, size)
    source = Random(uid.hex() + size)
    for block in range(1, len(card.image) // 16):
        if card.block(block)[:6] != b"\xff" * 6:
            card.set_block(block, source.randbytes(16))
    return card


@pytest.mark.parametrize(("uid", "size"), [(UID_4, "1k"), (UID_7, "1k"), (UID_4, "4k")])
def test_format_empties_the_card(uid, size):
    card = with_content(uid, size)
    with served(card) as path:
        output = run(path, ["mifare-classic-format", "-y"])
    assert "done" in output
    assert card.image == ClassicCard.transport(uid, size).image


@pytest.mark.parametrize(("uid", "size", "length"), [
    (UID_4, "1k", 300), (UID_7, "1k", 17), (UID_7, "4k", 1200),
])
def test_ndef_comes_back_as_it_was_written(tmp_path, uid, size, length):
    card = ClassicCard.transport(uid, size)
    message, read_back = tmp_path / "message", tmp_path / "read_back"
    message.write_bytes(Random(length).randbytes(length))
    with served(card) as path:
        run(path, ["mifare-classic-write-ndef", "-y", "-i", message])
        run(path, ["mifare-classic-read-ndef", "-y", "-o", read_back])
    assert read_back.read_bytes() == message.read_bytes()
    assert card.block(3)[:6] == MAD_KEY_A
    assert card.block(7)[:6] == NDEF_KEY_A
    assert message.read_bytes()[:8] in card.image


def test_format_undoes_ndef(tmp_path):
    card = ClassicCard.transport(UID_4)
    message = tmp_path / "message"
    message.write_bytes(b"an NDEF message")
    with served(card) as path:
        run(path, ["mifare-classic-write-ndef", "-y", "-i", message])
        assert message.read_bytes() in card.image
        run(path, ["mifare-classic-format", "-y"])
    assert message.read_bytes() not in card.image


def test_foreign_keys_are_refused(tmp_path):
    card = ClassicCard.transport(UID_4)
    for sector in range(16):
        trailer = bytearray(card.block(4 * sector + 3))
        trailer[0:6] = trailer[10:16] = bytes.fromhex("5ec2e7000001")
        card.set_block(4 * sector + 3, bytes(trailer))
    before = card.image
    with served(card) as path:
        output = run(path, ["mifare-classic-format", "-y"])
    assert "done" not in output
    assert card.image == before
