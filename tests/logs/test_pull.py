"""`minik logs pull` as its own process, with a device at the other end of a PTY."""

import json
import os
import pty
import select
import subprocess
import sys
import tty
from pathlib import Path

import pytest

from host_tools.keys.store import KeyStore
from host_tools.logs.sources import read_journal
from tests.server.device import Device, busy_validator, chain_up

MINIK = [sys.executable, "-c", "from host_tools.cli import main; main()"]
TORN_SEQ = 7


@pytest.fixture
def line():
    master, slave = pty.openpty()
    tty.setraw(slave)
    yield master, os.ttyname(slave)
    os.close(master)
    os.close(slave)


def pulled(folder: Path, line: tuple[int, str], *more: str) -> tuple[int, str, str, Device]:
    """Pull from a device with 81 records, one of them torn, into folder/v1.dump."""
    store = KeyStore.create(folder / "keys")
    validator, _ = busy_validator(taps=40)
    validator.journal[TORN_SEQ] = None
    chain_up(validator, store)
    device = Device(validator, store)
    arguments = ["--port", line[1], "--keys", str(folder / "keys"), "-o", str(folder / "v1.dump")]
    process = subprocess.Popen(
        [*MINIK, "logs", "pull", *arguments, "--json", *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    while process.poll() is None:
        ready, _, _ = select.select([line[0]], [], [], 0.05)
        if ready:
            answer = device.feed(os.read(line[0], 4096), 1)
            if answer:
                os.write(line[0], answer)
    out, err = process.communicate()
    return process.returncode, out, err, device


def verified(folder: Path) -> subprocess.CompletedProcess:
    arguments = [str(folder / "v1.dump"), "--keys", str(folder / "keys")]
    return subprocess.run(
        [*MINIK, "logs", "verify", *arguments], capture_output=True, text=True, check=False
    )


def test_the_whole_journal_comes_verifies_and_stays_owed(tmp_path, line) -> None:
    code, out, err, device = pulled(tmp_path, line)
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert (told["device"], told["first_seq"], told["records"], told["torn"]) == ("V1", 0, 81, 1)
    journal = read_journal(tmp_path / "v1.dump")
    kept = [bytes(slot) for slot in device.validator.journal if slot is not None]
    assert [bytes(slot) for seq, slot in enumerate(journal.slots) if seq != TORN_SEQ] == kept
    assert device.journal.watermark == 0, "a pull acknowledges nothing"
    assert verified(tmp_path).returncode == 0


def test_a_part_is_anchored_to_the_record_before_it(tmp_path, line) -> None:
    code, out, _, _ = pulled(tmp_path, line, "--from", "30")
    assert code == 0
    assert json.loads(out)["first_seq"] == 30
    assert verified(tmp_path).returncode == 0
    dump = tmp_path / "v1.dump"
    content = bytearray(dump.read_bytes())
    content[64 + 20] ^= 1  # in the body of the first record
    dump.write_bytes(content)
    assert verified(tmp_path).returncode == 1


def test_nothing_from_there_on_writes_nothing(tmp_path, line) -> None:
    code, out, err, _ = pulled(tmp_path, line, "--from", "500")
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "v1.dump").exists()


def test_a_line_nobody_answers_on_is_exit_3(tmp_path, line) -> None:
    KeyStore.create(tmp_path / "keys")
    arguments = ["--port", line[1], "--keys", str(tmp_path / "keys"), "--wait", "0.3"]
    done = subprocess.run(
        [*MINIK, "logs", "pull", *arguments, "-o", str(tmp_path / "v1.dump")],
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "v1.dump").exists()
