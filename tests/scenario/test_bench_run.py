"""`minik bench run` and `up` on real boards: exit codes, repeatability, cuts, links, serving."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from host_tools.cli import run as minik

pytestmark = pytest.mark.vm

HEAD = """\
scenario: 1
seed: 21
start: 2026-11-20T08:00:00+05:00
devices:
  V1: {role: validator, vehicle: "101", route: R5, stop: S1}
media:
  adult1: {type: classic1k, balance: 50000}
  adult2: {type: classic1k, balance: 50000}
steps:
"""
MINIK = [sys.executable, "-c", "from host_tools.cli import main; main()"]


def written(folder: Path, steps: str) -> str:
    path = folder / "day.yaml"
    path.write_text(HEAD + steps, encoding="utf-8")
    return str(path)


def observed(result, number: int) -> dict:
    return result["steps"][number - 1]["observed"]


def test_two_runs_print_the_same_bytes_and_another_seed_other_cards(tmp_path, capsys):
    path = written(tmp_path, """\
  - {tap: adult1, on: V1, torn_write: 2}
  - {link: V1, state: {loss: 0.5, latency_ms: 100}}
  - {power_cut: V1, at_flash_op: 2, torn: true}
  - {tap: adult2, on: V1}
  - {boot: V1}
  - {tap: adult2, on: V1}
  - {sync: V1}
""")
    printed = []
    for seed in ("21", "21", "22"):
        assert minik(["bench", "run", path, "--json", "--seed", seed]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    result = json.loads(printed[0])
    assert observed(result, 1)["outcome"] == "retap"
    assert set(result) == {"ok", "steps", "ledger"}
    cut = observed(result, 4)
    assert (cut["outcome"], cut["charged"], cut["sound"]) == (None, None, None)
    assert (cut["light"], cut["display"], cut["exchanges"]) == ("off", [], 12)
    again = observed(result, 6)
    assert (again["outcome"], again["charged"], again["balance"]) == ("accepted", 10000, 40000)
    assert result["ledger"]["taps"] == 1


def test_a_card_that_is_gone_before_the_first_frame_was_never_there(tmp_path, capsys):
    path = written(tmp_path, """\
  - {tap: adult1, on: V1, remove_after_frames: 0, expect: {outcome: null, sound: null}}
  - {tap: adult1, on: V1, expect: {outcome: accepted, charged: 10000, balance: 40000}}
""")
    assert minik(["bench", "run", path, "--json"]) == 0, capsys.readouterr()


def test_where_no_card_was_seen_nothing_is_counted(tmp_path, capsys):
    path = written(tmp_path, """\
  - {tap: adult1, on: V1, remove_after_frames: 1}
  - {power_cut: V1}
  - {tap: adult1, on: V1}
""")
    assert minik(["bench", "run", path, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    for number in (1, 3):
        seen = observed(result, number)
        assert {key for key, value in seen.items() if value is not None} == {"display", "light"}


def test_what_is_observed_of_an_accepted_tap(tmp_path, capsys):
    path = written(tmp_path, """\
  - {tap: adult1, on: V1}
  - {advance: 3s}
  - {set: V1, stop: X}
""")
    assert minik(["bench", "run", path, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    tap = observed(result, 1)
    assert tap == {
        "outcome": "accepted", "reason": None, "charged": 10000, "balance": 40000,
        "product": "single", "display": ["Single ticket ✓", "100.00₸", "Balance 400.00"],
        "light": "green", "sound": "beep", "reader_ms": tap["reader_ms"],
        "exchanges": tap["exchanges"], "riders": 1, "tariff": None, "fault": None,
    }
    assert 60 < tap["reader_ms"] < 100
    assert 10 <= tap["exchanges"] <= 14
    assert set(observed(result, 2).values()) == {None}
    placed = observed(result, 3)
    assert (placed["light"], placed["outcome"], placed["exchanges"]) == ("green", None, None)
    assert any("card here" in line for line in placed["display"])


def test_an_expectation_that_does_not_hold_exits_1_and_says_which(tmp_path, capsys):
    path = written(tmp_path, """\
  - {tap: adult1, on: V1, expect: {outcome: accepted, charged: 5000, reader_ms: {max: 1}}}
  - {expect_ledger: {taps: 1}}
""")
    assert minik(["bench", "run", path, "--json"]) == 1
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert [step["ok"] for step in result["steps"]] == [False, False]
    assert "step 1: charged is 10000, expected 5000" in printed.err
    assert printed.err.splitlines()[-1] == (
        f"minik: {path}: step 1: charged is 10000, expected 5000 (and 2 more)"
    )


def test_a_link_that_is_down_hands_nothing_over_and_set_needs_no_link(tmp_path, capsys):
    path = written(tmp_path, """\
  - {link: V1, state: down}
  - {tap: adult1, on: V1, expect: {outcome: accepted}}
  - {set: V1, vehicle: "102"}
  - {expect_ledger: {taps: 0}}
  - {tap: adult1, on: V1, expect: {outcome: accepted, charged: 0}}
  - {sync: V1}
  - {expect_ledger: {taps: 0, revenue: 0, balanced: true}}
  - {link: V1, state: up}
  - {sync: V1}
  - {expect_ledger: {taps: 2, revenue: 10000, balanced: true}}
""")
    code = minik(["bench", "run", path])
    printed = capsys.readouterr()
    assert code == 0, printed.out
    assert "the ledger did not hear of V1" in printed.out
    assert printed.out.splitlines()[-1] == "rides: 2, revenue 100.00 KZT; books balance"


def test_a_place_is_set_whenever_the_cable_comes(tmp_path, capsys):
    """Also just after the last of three HELLOs that nobody heard, when a knock is not obeyed."""
    steps = "".join(
        f"  - {{advance: {seconds}s}}\n  - {{set: V1, stop: S{seconds}}}\n"
        for seconds in range(34, 40)
    )
    assert minik(["bench", "run", written(tmp_path, steps)]) == 0
    assert "did not take the place" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["gone.yaml"], "gone.yaml: no such file"),
        (["{day}", "--keys", "gone"], "cannot be read"),
        (["{day}", "--db", "sqlite:///gone/ledger.db"], "does not exist"),
        (["{day}", "--db", "oracle://x"], "sqlite:///FILE"),
        (["{day}", "--pictures", "{day}"], "cannot be written to"),
        (["{day}", "--pictures", "/proc"], "/proc: cannot be written to"),
        (["{day}", "--json", "--story"], "exclude each other"),
        (["{day}", "--seed", "-1"], "--seed"),
    ],
)
def test_bad_usage_exits_2_with_one_line(tmp_path, capsys, monkeypatch, arguments, line):
    monkeypatch.chdir(tmp_path)
    day = written(tmp_path, "  - {tap: adult1, on: V1}\n")
    code = minik(["bench", "run", *(argument.format(day=day) for argument in arguments)])
    printed = capsys.readouterr()
    assert code == 2
    assert printed.err.count("\n") == 1
    assert line in printed.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["day.yaml"]


@pytest.mark.parametrize("how", [["--story"], ["--json"], []], ids=" ".join)
def test_a_reader_of_the_output_that_goes_away_ends_it_quietly(tmp_path, how):
    path = written(tmp_path, "  - {tap: adult1, on: V1}\n")
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*MINIK, "bench", "run", path, *how],
        stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_a_ledger_that_has_these_cards_is_not_touched(tmp_path, capsys):
    path = written(tmp_path, "  - {tap: adult1, on: V1}\n")
    db = f"sqlite:///{tmp_path}/day.db"
    assert minik(["bench", "run", path, "--db", db]) == 0
    assert minik(["bench", "run", path, "--db", db]) == 2
    assert "is booked already" in capsys.readouterr().err


def test_up_is_served_by_another_process_and_ends_on_interrupt(tmp_path):
    path = written(tmp_path, "  - {tap: adult1, on: V1}\n")
    db = f"sqlite:///{tmp_path}/served.db"
    with subprocess.Popen(
        [*MINIK, "bench", "up", path, "--db", db, "--json"], stdout=subprocess.PIPE, text=True
    ) as bench:
        try:
            assert bench.stdout is not None
            said = json.loads(bench.stdout.readline())
            lines = said["devices"]["V1"]
            assert Path(lines["console"]).exists()
            served = subprocess.run(
                [*MINIK, "serve", "--keys", said["keys"], "--db", db, "--port", lines["sync"],
                 "--once", "--json"],
                capture_output=True, text=True, timeout=60, check=False,
            )
            assert served.returncode == 0, served.stderr
            assert json.loads(served.stdout.splitlines()[-1])["event"] == "caught_up"
            report = subprocess.run(
                [*MINIK, "report", "revenue", "--db", db, "--json"],
                capture_output=True, text=True, timeout=60, check=True,
            )
            assert json.loads(report.stdout)["total"]["revenue"] == 10000
            books = subprocess.run(
                [*MINIK, "reconcile", "--db", db, "--json"],
                capture_output=True, text=True, timeout=60, check=False,
            )
            found = json.loads(books.stdout)
            assert (books.returncode, found["balanced"]) == (0, True)
            assert (found["cash"], found["findings"]) == (100_000, [])
            bench.send_signal(signal.SIGINT)
            assert bench.wait(timeout=20) == 0
            assert not Path(said["keys"]).exists()
        finally:
            bench.kill()


def test_up_says_what_was_not_as_expected_and_leaves_1(tmp_path):
    path = written(tmp_path, "  - {tap: adult1, on: V1, expect: {charged: 7}}\n")
    with subprocess.Popen(
        [*MINIK, "bench", "up", path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as bench:
        try:
            assert bench.stdout is not None
            while not bench.stdout.readline().startswith("running"):
                assert bench.poll() is None
            bench.send_signal(signal.SIGINT)
            _, err = bench.communicate(timeout=20)
        finally:
            bench.kill()
    assert bench.returncode == 1
    first, unbooked, last = err.splitlines()
    assert first.startswith(f"{path}: step 1")
    assert unbooked == "the cards' money is booked nowhere: no --db given"
    assert last == f"minik: {first}"
