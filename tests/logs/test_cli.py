"""`minik logs decode` and `verify` as a field engineer runs them."""

import json
import os
import threading

import pytest
from typer.testing import CliRunner

from host_tools.cli.logs import app
from host_tools.errors import BadInput, CheckFailed, UserVisibleError
from host_tools.logs.dump import write_dump
from protocol.journal import records
from tests.logs.journals import DEVICE_ID, JOURNAL_ID, STORE, Device


@pytest.fixture
def field(tmp_path):
    """A folder with keys, a device's dump and its whole flash."""
    STORE.save(tmp_path / "keys")
    device = Device()
    device.run(4)
    write_dump(tmp_path / "v1.dump", *device.dump())
    (tmp_path / "v1.flash").write_bytes(device.whole_flash())
    return tmp_path


def run(*arguments):
    """stdout of a command that may end by one of our errors, and that error."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, UserVisibleError | SystemExit):
        raise result.exception
    return result.stdout, result.exception


def edited(path, seq):
    content = bytearray(path.read_bytes())
    content[64 + 64 * seq + 30] ^= 1
    path.write_bytes(content)


def test_decode_to_each_format(field):
    for name in ("v1.dump", "v1.flash"):
        table, error = run("decode", field / name)
        assert error is None
        assert len(table.splitlines()) == 10
        lines, _ = run("decode", field / name, "--format", "jsonl", "--kind", "outcome")
        assert [json.loads(line)["charge"] for line in lines.splitlines()] == [10000] * 4
        assert run("decode", field / name, "--json", "--kind", "outcome")[0] == lines
        assert run("decode", field / name, "--format", "csv", "--kind", "boot")[0].count("\n") == 2
    assert "c0ffee" not in table
    assert "uid=c0ffee" in run("decode", field / "v1.dump", "--uids")[0]


def test_decode_into_a_file_whole_or_not_at_all(field):
    out = field / "taps.csv"
    said, error = run("decode", field / "v1.dump", "--format", "csv", "-o", out)
    assert error is None
    assert said.startswith("9 records of dump")
    assert len(out.read_text().splitlines()) == 10
    said, _ = run("decode", field / "v1.dump", "-o", out, "--json")
    assert json.loads(said) == {"records": 9, "out": str(out), "format": "jsonl"}
    before = {path.name for path in field.iterdir()}
    _, error = run("decode", field / "absent", "-o", field / "new.csv")
    assert isinstance(error, BadInput)
    _, error = run("decode", field / "v1.dump", "-o", field / "nowhere" / "new.csv")
    assert isinstance(error, BadInput)
    assert {path.name for path in field.iterdir()} == before


def test_decode_replaces_what_a_symlink_points_to(field):
    (field / "kept").mkdir()
    out, link = field / "kept" / "taps.txt", field / "link"
    out.write_text("of yesterday")
    link.symlink_to(out)
    _, error = run("decode", field / "v1.dump", "-o", link)
    assert error is None
    assert link.is_symlink()
    assert len(out.read_text().splitlines()) == 10
    assert list(out.parent.iterdir()) == [out]


def test_decode_writes_into_a_pipe_and_leaves_it_there(field):
    pipe = field / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()), daemon=True)
    reader.start()
    _, error = run("decode", field / "v1.dump", "-o", pipe)
    assert error is None
    assert pipe.is_fifo()
    reader.join(5)
    assert len(read[0].splitlines()) == 10


def test_decode_never_writes_over_what_it_reads(field):
    before = (field / "v1.dump").read_bytes()
    (field / "link").symlink_to(field / "v1.dump")
    for out in ("v1.dump", "link"):
        _, error = run("decode", field / "v1.dump", "-o", field / out)
        assert isinstance(error, BadInput)
    assert (field / "v1.dump").read_bytes() == before


def test_verify_names_records_that_are_missing_as_a_range(field):
    out, error = run("verify", field / "v1.dump", "--keys", field / "keys", "--head", "500")
    assert isinstance(error, CheckFailed)
    (line,) = [line for line in out.splitlines() if line.startswith("dropped")]
    assert line == "dropped    9 to 499: it is not there, and the head lies beyond it"


def test_verify_a_genuine_journal(field):
    for name in ("v1.dump", "v1.flash"):
        said, error = run("verify", field / name, "--keys", field / "keys", "--device", "V1")
        assert error is None
        assert "genuine    9 of 9" in said
        assert said.endswith("the journal is genuine\n")
    said, _ = run("verify", field / "v1.flash", "--keys", field / "keys", "--json")
    report = json.loads(said)
    assert report["ok"]
    assert (report["device"], report["journal_id"]) == (DEVICE_ID, JOURNAL_ID.hex())
    assert (report["good"], report["findings"], report["source"]) == (9, [], "flash image")


def test_verify_names_what_was_edited(field):
    edited(field / "v1.dump", 3)
    said, error = run("verify", field / "v1.dump", "--keys", field / "keys", "--device", "V1")
    assert isinstance(error, CheckFailed)
    assert "3 edited" in str(error)
    assert "\nedited     3: " in said
    said, error = run(
        "verify", field / "v1.dump", "--keys", field / "keys", "--device", "V1", "--json")
    assert isinstance(error, CheckFailed)
    report = json.loads(said)
    assert not report["ok"]
    assert [(found["seq"], found["what"]) for found in report["findings"]] == [(3, "edited")]


def test_verify_another_devices_journal_or_a_cut_one(field):
    said, error = run("verify", field / "v1.dump", "--keys", field / "keys", "--device", "V2")
    assert isinstance(error, CheckFailed)
    assert "the file says it is of device V1" in said
    _, error = run("verify", field / "v1.dump", "--keys", field / "keys", "--head", "11")
    assert isinstance(error, CheckFailed)
    assert "9 dropped, 10 dropped" in str(error)
    _, error = run(
        "verify", field / "v1.dump", "--keys", field / "keys", "--journal-id", "00000000")
    assert isinstance(error, CheckFailed)


def test_torn_slots_named_by_the_device_do_not_fail(tmp_path):
    STORE.save(tmp_path / "keys")
    device = Device()
    device.run(2)
    device.tear()
    device.boot()
    write_dump(tmp_path / "v1.dump", *device.dump())
    said, error = run("verify", tmp_path / "v1.dump", "--keys", tmp_path / "keys")
    assert error is None
    assert "torn       5 (power cuts; the device stepped over them)" in said
    rows = [json.loads(line) for line in run("decode", tmp_path / "v1.dump", "--json")[0].split()]
    assert (rows[-1]["torn_count"], rows[-1]["first_torn_seq"]) == (1, 5)
    assert rows[5] == {"seq": 5, "kind": "torn"}


@pytest.mark.parametrize("arguments", [
    ("decode", "absent"), ("decode", "keys"), ("decode", "text"),
    ("decode", "v1.dump", "--kind", "nonsense"),
    ("verify", "text", "--keys", "keys"), ("verify", "v1.dump", "--keys", "absent"),
    ("verify", "v1.dump", "--keys", "keys", "--device", "no good"),
    ("verify", "v1.dump", "--keys", "keys", "--journal-id", "xyz"),
    ("verify", "v1.dump", "--keys", "keys", "--journal-id", "0102"),
    ("verify", "anonymous", "--keys", "keys"),
    ("verify", "anonymous", "--keys", "keys", "--device", "V1"),
])
def test_bad_input_is_one_clear_line(field, monkeypatch, arguments):
    monkeypatch.chdir(field)
    (field / "text").write_text("no journal\n" * 2000)
    device = Device()
    device.flash.erase(0)
    device.boot_number = 0
    ring = device.ring.__class__(device.flash, device.chain)
    ring.recover()
    ring.append(records.PLACE, b"\x01", 0, 0, 0, 0)
    (field / "anonymous").write_bytes(bytes(device.flash.image))
    _, error = run(*arguments)
    assert isinstance(error, BadInput)
    assert "\n" not in str(error)
    assert len(str(error)) > 10


@pytest.mark.parametrize("arguments", [
    (), ("decode",), ("verify", "v1.dump"), ("decode", "v1.dump", "--format", "parquet"),
    ("nonsense",),
])
def test_wrong_usage_exits_2(arguments):
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 2


@pytest.mark.parametrize("command", ["decode", "verify"])
def test_help_has_an_example(command):
    said, _ = run(command, "--help")
    assert f"Example: minik logs {command} " in said


def test_main_maps_our_errors_to_exit_codes(field, capsys):
    """As long as `minik` lists the group: the whole way from the command line."""
    from host_tools import cli

    if "logs" not in cli.LazyGroup.table:
        pytest.skip("the command group is not listed yet")
    assert cli.run(["logs", "verify", str(field / "v1.dump"), "--keys", str(field / "keys")]) == 0
    edited(field / "v1.dump", 2)
    assert cli.run(["logs", "verify", str(field / "v1.dump"), "--keys", str(field / "keys")]) == 1
    assert cli.run(["logs", "decode", str(field / "absent")]) == 2
    assert capsys.readouterr().err.count("\n") == 2
