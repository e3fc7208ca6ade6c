"""Media as a user names them, and `minik bench reader` as a user runs it."""

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from host_tools.bench.reader import ClassicCard
from host_tools.bench.reader.media import load_media
from host_tools.errors import BadInput
from tests.bench_reader.cards import UID_4, UID_7

RUN = "import typer; from host_tools.cli.bench_reader import reader; typer.run(reader)"
READ_LIMIT_S = 20


def test_types_with_and_without_uid():
    media = load_media(["classic1k:04a1b2c3", "classic4k-7b", "classic4k", "classic1k-7b"])
    assert [(one.card.size, len(one.card.uid)) for one in media] == \
        [("1k", 4), ("4k", 7), ("4k", 4), ("1k", 7)]
    assert media[0].card.uid == UID_4
    assert media[1].card.uid[0] == 0x04
    assert media[0].card.image == ClassicCard.transport(UID_4).image


def test_a_seed_chooses_the_uids():
    names = ["classic1k", "classic1k"]
    first, again, other = (
        [one.card.uid for one in load_media(names, seed)] for seed in (1, 1, 2)
    )
    assert first == again != other
    assert first[0] != first[1]


@pytest.mark.parametrize("uid", [UID_4, UID_7, bytes.fromhex("04a1b2c3d4e5f6")])
@pytest.mark.parametrize("size", ["1k", "4k"])
def test_a_dump_gives_the_same_card(tmp_path, uid, size):
    card = ClassicCard.transport(uid, size)
    dump = tmp_path / "card.mfd"
    dump.write_bytes(card.image)
    loaded = load_media([str(dump)])[0].card
    assert (loaded.uid, loaded.size, loaded.image) == (uid, size, card.image)
    assert loaded.sak == card.sak


@pytest.mark.parametrize(("names", "why"), [
    ([], "no medium"), (["nothing.mfd"], "neither a file nor a type"), (["classic2k"], "neither"),
    (["classic1k:04a1"], "2 bytes, this type has 4"), (["classic1k:zz"], "not hexadecimal"),
    (["classic1k-7b:04a1b2c3"], "has 7"), (["classic1k:88a1b2c3"], "begins with 88"),
    (["classic1k:01020304", "classic4k:01020304"], "twice"), (["/"], "cannot be read"),
])
def test_wrong_names_are_refused(names, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=why):
        load_media(names)


@pytest.mark.parametrize("length", [0, 16, 1023, 1025, 2048, 4097])
def test_odd_dumps_are_refused(tmp_path, length):
    dump = tmp_path / "odd.mfd"
    dump.write_bytes(bytes(length))
    with pytest.raises(BadInput, match=f"odd.mfd: .*{length} bytes"):
        load_media([str(dump)])


def test_a_dump_named_twice_is_refused(tmp_path):
    dump = tmp_path / "card.mfd"
    dump.write_bytes(ClassicCard.transport(UID_4).image)
    with pytest.raises(BadInput, match="twice"):
        load_media([str(dump), str(dump)])


def test_only_a_changed_dump_is_saved(tmp_path):
    dump = tmp_path / "card.mfd"
    dump.write_bytes(ClassicCard.transport(UID_4).image)
    dump.chmod(0o640)
    medium = load_media([str(dump)])[0]
    assert not medium.save()
    medium.card.set_block(4, b"sixteen bytes !!")
    assert medium.save()
    assert dump.read_bytes() == medium.card.image
    assert dump.stat().st_mode & 0o777 == 0o640
    assert not medium.save()
    assert list(tmp_path.iterdir()) == [dump]


def test_a_dump_that_cannot_be_written_says_so(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    dump = folder / "card.mfd"
    dump.write_bytes(ClassicCard.transport(UID_4).image)
    medium = load_media([str(dump)])[0]
    medium.card.set_block(4, b"sixteen bytes !!")
    dump.unlink()
    folder.rmdir()
    with pytest.raises(BadInput, match="cannot be written"):
        medium.save()


@contextmanager
def running(*arguments):
    """The command as a process; gives it and the JSON line it prints."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, *arguments, "--json"], stdout=subprocess.PIPE, text=True,
    )
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_interrupted(number):
    with running("--media", "classic1k:04a1b2c3", "classic4k-7b:041d6aa2c35e80") as started:
        process, said = started
        assert said["media"] == [
            {"type": "classic1k", "uid": UID_4.hex(), "file": None},
            {"type": "classic4k-7b", "uid": UID_7.hex(), "file": None},
        ]
        assert os.path.exists(said["pty"])
        process.send_signal(number)
        assert process.wait(READ_LIMIT_S) == 0


def test_a_client_on_the_pty_writes_into_the_saved_dump(tmp_path):
    from host_tools.bench.reader.hsu import frame

    dump = tmp_path / "card.mfd"
    dump.write_bytes(ClassicCard.transport(UID_4).image)
    with running("--media", str(dump), "--save") as (process, said):
        line = os.open(said["pty"], os.O_RDWR | os.O_NOCTTY)
        os.write(line, b"\x55\x55" + bytes(14))
        for command, answer in (
            (b"\x14\x01", b"\x15"), (b"\x4a\x01\x00", b"\x4b\x01\x01\x00\x04\x08\x04" + UID_4),
            (b"\x40\x01\x60\x04" + b"\xff" * 6 + UID_4, b"\x41\x00"),
            (b"\x40\x01\xa0\x04" + b"sixteen bytes !!", b"\x41\x00"),
        ):
            os.write(line, frame(b"\xd4" + command))
            expected = b"\x00\x00\xff\x00\xff\x00" + frame(b"\xd5" + answer)
            heard = b""
            while len(heard) < len(expected):
                assert select.select([line], [], [], READ_LIMIT_S)[0], (command, heard)
                heard += os.read(line, 300)
            assert heard == expected
        os.close(line)
        process.send_signal(signal.SIGINT)
        assert process.wait(READ_LIMIT_S) == 0
    assert dump.read_bytes()[64:80] == b"sixteen bytes !!"
