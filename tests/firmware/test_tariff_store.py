"""What a device does with tariff files at boot: takes the good and newer, keeps what it has."""

from binascii import crc32
from dataclasses import replace

import pytest

from firmware.services import tariff_store
from host_tools.keys.store import KeyStore
from host_tools.tariff.pack import pack
from host_tools.tariff.sign import sign
from protocol.errors import LayoutError
from protocol.keys.keyset import load_keyset
from tests.tariff.rows import SMALL

OURS = KeyStore.deterministic("firmware tests")
OTHER_KEY = KeyStore.deterministic("somebody else")
OTHER_AGENCY = KeyStore.deterministic("firmware tests", agency=2)
KEYSET = load_keyset(OURS.device_keyset("V1", b"\x01\x02\x03\x04", "validator"))


def file_of(version=7, store=OURS, **changes):
    """A signed tariff of that version."""
    return sign(pack(replace(SMALL, version=version, **changes)), store)


def unspeakable(store):
    """A tariff that is whole, but whose currency is no text."""
    payload = bytearray(pack(replace(SMALL, version=8)))
    payload[16] = 0xFF
    payload[248:252] = crc32(payload[:248]).to_bytes(4, "little")
    return sign(bytes(payload), store)


HELD = file_of()
NEWER = file_of(version=8)
SAME_OTHER = file_of(agency_name="Kür")


@pytest.fixture
def board(tmp_path, monkeypatch):
    """The folder where the device keeps its tariffs; HELD is in use."""
    monkeypatch.setattr(tariff_store, "_PATH", str(tmp_path / "tariff.bin"))
    monkeypatch.setattr(tariff_store, "_NEW", str(tmp_path / "tariff.new"))
    (tmp_path / "tariff.bin").write_bytes(HELD)
    return tmp_path


def load(keyset=KEYSET):
    fed = []
    tariff = tariff_store.load_tariff(keyset, lambda: fed.append(1))
    return tariff, len(fed)


def offer(board, content):
    """Put `content` beside the tariff in use and boot; the version in use then."""
    (board / "tariff.new").write_bytes(content)
    tariff, _ = load()
    assert not (board / "tariff.new").exists()
    assert (board / "tariff.bin").read_bytes() == (HELD if tariff.version == 7 else content)
    return tariff.version


def test_the_tariff_in_use_is_verified_and_read_in_place(board, capsys):
    tariff, fed = load()
    assert (tariff.version, tariff.currency, tariff.product_name(1)) == (7, "AZN", "One ride")
    assert fed >= 2, "the watchdog is fed before each long step"
    assert capsys.readouterr().out == ""


def test_a_newer_one_takes_its_place(board, capsys):
    assert offer(board, NEWER) == 8
    assert capsys.readouterr().out == ""
    assert load()[0].version == 8


def test_the_same_one_again_is_no_fault(board, capsys):
    assert offer(board, HELD) == 7
    assert capsys.readouterr().out == ""


def test_a_good_one_is_taken_where_there_is_none_or_a_bad_one(board, capsys):
    (board / "tariff.bin").write_bytes(HELD[:100])
    assert offer(board, NEWER) == 8
    assert capsys.readouterr().out == "fault tariff truncated\n"
    (board / "tariff.bin").unlink()
    (board / "tariff.new").write_bytes(HELD)
    assert load()[0].version == 7


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "truncated"),
        (b"\xd2\x84", "truncated"),
        (NEWER[:-1], "truncated"),
        (NEWER[:300], "truncated"),
        (NEWER + b"\x00", "truncated"),
        (bytes(len(NEWER)), "damaged"),
        (sign(b"MNKT" + bytes(400), OURS), "damaged"),
        (sign(pack(replace(SMALL, version=8))[:-1], OURS), "damaged"),
        (sign(pack(replace(SMALL, version=8)), None), "foreign"),
        (file_of(8, OTHER_KEY), "foreign"),
        (file_of(8, OTHER_AGENCY), "foreign"),
        (NEWER[:-1] + bytes([NEWER[-1] ^ 1]), "foreign"),
        (file_of(8, currency="GEL"), "foreign"),
        (file_of(8, exponent=0), "foreign"),
        (unspeakable(OURS), "damaged"),
        (unspeakable(OTHER_KEY), "damaged"),
        (file_of(6), "older"),
        (SAME_OTHER, "older"),
    ],
)
def test_what_is_refused_is_deleted_and_named_once(board, capsys, content, why):
    assert offer(board, content) == 7
    assert capsys.readouterr().out == f"fault tariff {why}\n"
    assert load()[0].version == 7


def test_a_newer_one_cut_anywhere_is_truncated(board, capsys):
    for length in range(0, len(NEWER), 13):
        assert offer(board, NEWER[:length]) == 7
        assert capsys.readouterr().out == "fault tariff truncated\n", length


def test_a_newer_one_with_any_bit_flipped_is_refused(board, capsys):
    """Every byte of head and signature, and a walk over what lies between."""
    places = {*range(24), *range(24, len(NEWER), 17), *range(len(NEWER) - 66, len(NEWER))}
    for at in sorted(places):
        flipped = bytearray(NEWER)
        flipped[at] ^= 1 << at % 8
        assert offer(board, bytes(flipped)) == 7
        said = capsys.readouterr().out
        assert said.startswith("fault tariff ")
        if 24 <= at < len(NEWER) - 66:
            assert said == "fault tariff damaged\n", at


def test_without_a_good_one_there_is_none(board, capsys):
    (board / "tariff.bin").unlink()
    assert load()[0] is None
    (board / "tariff.new").write_bytes(file_of(8, OTHER_KEY))
    assert load()[0] is None
    assert capsys.readouterr().out == "fault tariff foreign\n"
    assert list(board.iterdir()) == []
    (board / "tariff.bin").write_bytes(file_of(8, OTHER_AGENCY))
    assert load()[0] is None, "nor is one that others have signed"


def test_a_file_system_that_does_not_rename_keeps_the_old_one(board, monkeypatch, capsys):
    (board / "tariff.new").write_bytes(NEWER)

    def broken(*_):
        raise OSError(5)

    monkeypatch.setattr(tariff_store.os, "rename", broken)
    assert load()[0].version == 7
    assert capsys.readouterr().out == "fault file system\n"


def test_a_file_that_ends_early_is_not_read_beyond(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    store = tariff_store.FileStore(str(path))
    store.base = 3
    buf = bytearray(7)
    store.readinto(0, buf)
    assert buf == b"3456789"
    with pytest.raises(LayoutError):
        store.readinto(1, buf)
