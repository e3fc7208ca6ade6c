"""Progress of long work: on stderr, only for people, and nothing of the output goes there."""

import json
import os

import pytest

from host_tools import cli
from host_tools.cli.progress import counting, spinning, while_waiting
from host_tools.keys.store import KeyStore
from tests.scenario.sample import SAMPLE


def test_nobody_looks_so_nothing_is_told(capsys):
    with counting("pulling") as bar, spinning("boots") as doing:
        bar(1, 2)
        doing("something")
    assert list(while_waiting("a port", iter([1, 2]))) == [1, 2]
    assert capsys.readouterr() == ("", "")


def test_a_person_is_told_and_the_output_stays_on_stdout(look, capsys):
    terminal = look()
    with counting("pulling") as bar:
        bar(1, 2)
        print("a record")
    with spinning("cards [are] issued") as doing:
        doing("V1 boots")
        print("a line")
    for event in while_waiting("waiting for a port", iter(["one", "two"])):
        print(event)
    assert capsys.readouterr().out == "a record\na line\none\ntwo\n"
    for told in ("pulling", "50%", "V1 boots", "waiting for a port"):
        assert told in terminal.getvalue()


def test_the_spinner_has_ended_when_an_event_is_handled(look):
    terminal = look()
    for _ in while_waiting("waiting", iter([1])):
        assert terminal.getvalue().endswith("\x1b[?25h\r\x1b[1A\x1b[2K")  # cursor back, cleared


def test_what_is_wrong_gets_out_of_the_wait(look):
    look()

    def coming():
        yield 1
        raise ValueError("the port went away")

    with pytest.raises(ValueError, match="went away"):
        list(while_waiting("waiting", coming()))


@pytest.mark.vm
def test_a_run_for_machines_shows_its_boot_and_steps_to_who_looks(tmp_path, look, capsys):
    terminal = look()
    path = tmp_path / "day.yaml"
    path.write_text(SAMPLE[:SAMPLE.index("steps:")] + "steps: [{advance: 1s}]\n")
    assert cli.run(["bench", "run", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"]
    assert "V1 boots" in terminal.getvalue()
    assert "steps" in terminal.getvalue()


def test_serving_once_tells_what_it_waits_for(tmp_path, look, capsys):
    KeyStore.create(tmp_path / "keys")
    nobody, port = os.openpty()
    path = os.ttyname(port)
    terminal = look()
    code = cli.run([
        "serve", "--once", "--wait", "0.2", "--port", path, "--json",
        "--keys", str(tmp_path / "keys"), "--db", f"sqlite:///{tmp_path}/l.db",
    ])  # fmt: skip
    os.close(nobody)
    os.close(port)
    assert code == 3
    assert json.loads(capsys.readouterr().out) == {"event": "serving", "port": path}
    assert f"waiting for {path}" in terminal.getvalue()
