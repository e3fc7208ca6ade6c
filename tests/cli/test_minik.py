"""The `minik` command as people and scripts meet it: help, exit codes, one line on stderr."""

import csv
import io
import json
import os
import sqlite3
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version

import pytest

from host_tools import cli
from host_tools.errors import BadInput, CheckFailed, NoAnswer
from host_tools.keys.store import KeyStore
from host_tools.ledger import open_ledger
from tests.ledger.world import Card, Validator, issue_all, new_ledger, sync
from tests.tariff.feeds import changed, flat_feed, write_feed

PYTHON_MINIK = [sys.executable, "-c", "from host_tools.cli import main; main()"]


@pytest.fixture
def minik(capsys):
    """Run minik in this process: (exit code, stdout, stderr)."""

    def run(*arguments: str) -> tuple[int, str, str]:
        try:
            code = cli.run(arguments)
        except SystemExit as stop:
            code = stop.code
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def ledger_url(tmp_path) -> str:
    """A ledger with three rides on two lines, one refusal and one open intent."""
    path = tmp_path / "ledger.db"
    ledger = new_ledger(path)
    cards = [Card(bytes((4, 1, 2, index)), 100_000) for index in range(2)]
    issue_all(ledger, cards)
    ledger.register("route", 5, "R5")
    here, there = Validator("V1"), Validator("V2")
    here.place(route=5)
    there.place(route=7)
    here.tap(cards[0], 10000)
    there.tap(cards[0], 0)
    there.tap(cards[1], 5000)
    there.refuse(cards[1])
    here.torn_tap(cards[1], 10000, False, "cut")
    for validator in (here, there):
        sync(ledger, validator)
    ledger.close()
    return f"sqlite:///{path}"


def all_commands() -> list[list[str]]:
    """Every command and subcommand there is."""
    found = []
    for name, (target, _) in cli._COMMANDS.items():
        command = cli.load(target)
        found.append([name])
        found += [[name, sub] for sub in getattr(command, "commands", {})]
    return found


def test_every_entry_of_the_table_can_be_loaded():
    for target, _ in cli._COMMANDS.values():
        module, _, attribute = target.partition(":")
        assert hasattr(import_module(module), attribute)


@pytest.mark.parametrize("command", all_commands(), ids=" ".join)
def test_every_command_has_help(minik, command):
    code, out, err = minik(*command, "--help")
    assert (code, err) == (0, "")
    group = "COMMAND" in out
    assert "Example: minik " + " ".join(command) in " ".join(out.split())
    assert group or "--json" in out


def test_version(minik):
    assert minik("--version") == (0, f"minik {version('minik')}\n", "")


def test_help_lists_the_commands_without_importing_them():
    code = (
        "import sys\nfrom host_tools.cli import run\nassert run(['--help']) == 0\n"
        "heavy = {'sqlalchemy', 'rich', 'serial', 'cryptography', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for name in cli._COMMANDS:
        assert f"  {name} " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 2, "Missing command"),
        (["nosuch"], 2, "No such command 'nosuch'"),
        (["report"], 2, "a command is missing"),
        (["report", "revenue"], 2, "Missing option '--db'"),
        (["report", "revenue", "--db", "x", "--by", "colour"], 2, "Invalid value for '--by'"),
        (["report", "revenue", "--db", "{here}/none.db"], 2, "there is no ledger here"),
        (["report", "revenue", "--db", "{here}"], 2, "this is a directory"),
        (["report", "taps", "--db", "{here}/text"], 2, "this file is no database"),
        (["reconcile", "--db", "{here}/text"], 2, "this file is no database"),
        (["reconcile", "--db", "postgresql://u:pw@h/d"], 2, "PostgreSQL is not supported yet"),
        (["serve", "--keys", "{here}/none", "--db", "d", "--port", "p"], 2, "store.json"),
        (["serve", "--keys", "{here}/keys", "--db", "{here}/l", "--port", "{here}/text"], 3,
         "/text: cannot be opened as a serial port (Inappropriate ioctl for device)\n"),
        (["serve", "--keys", "{here}/keys", "--db", "{here}/l", "--port", "{here}/none"], 3,
         "/none: cannot be opened as a serial port (No such file or directory)\n"),
        (["card", "show", "--reader", "pn532:{here}/none", "--keys", "{here}/keys"], 3,
         "/none: cannot be opened as a serial port (No such file or directory)\n"),
        *[(["serve", "--keys", "{here}/keys", "--db", "{here}/l", "--port", "{here}/none",
            "--once", "--wait", wait], 2, f"--wait {wait}: ") for wait in ("nan", "-1", "0")],
        (["logs", "pull", "--keys", "{here}/keys", "-o", "{here}/l", "--port", "{here}/none",
          "--wait", "inf"], 2, "--wait inf: "),
        (["serve", "--keys", "{here}/keys", "--db", "{here}/l", "--port", "{here}/none", "--wait",
          "5"], 2, "--wait goes with --once"),
        (["reconcile", "--db", "sqlite:///" + 5000 * "x"], 2, "File name too long"),
        (["serve", "--keys", "{here}/deep", "--db", "{here}/l", "--port", "p"], 2,
         "masters.json: is not JSON"),
        (["card", "show", "--reader", "acr122", "--keys", "{here}/keys"], 2, "give pn532:PORT"),
        (["card", "show", "--reader", "pn532:x", "--keys", "{here}/none"], 2, "store.json"),
        (["card", "issue", "--reader", "pn532:x", "--keys", "{here}/keys", "--balance", "-1"], 2,
         "--balance -1"),
        (["card", "issue", "--reader", "pn532:x", "--keys", "{here}/keys", "--category", "cat"],
         2, "the tariff knows adult, reduced"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)  # fmt: skip
def test_what_a_user_gets_wrong_is_one_line(minik, tmp_path, arguments, code, says):
    KeyStore.create(tmp_path / "keys")
    KeyStore.create(tmp_path / "deep")
    (tmp_path / "deep" / "masters.json").write_text("[" * 100_000)
    (tmp_path / "text").write_text("no database, no port\n" * 50)
    before = sorted(entry.name for entry in tmp_path.iterdir())
    got, _, err = minik(*[part.format(here=tmp_path) for part in arguments])
    assert got == code
    assert err.startswith("minik: ")
    assert err.count("\n") == 1
    assert says in err
    assert "pw" not in err
    assert sorted(entry.name for entry in tmp_path.iterdir()) == before, "something was written"


@pytest.mark.parametrize(
    ("error", "code"),
    [(BadInput("a: b"), 2), (CheckFailed("a: b"), 1), (NoAnswer("a: b"), 3)],
)
def test_errors_carry_their_exit_code(minik, monkeypatch, ledger_url, error, code):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("host_tools.ledger.open_ledger", fail)
    assert minik("reconcile", "--db", ledger_url) == (code, "", "minik: a: b\n")


def test_ctrl_c_leaves_130(minik, monkeypatch, ledger_url):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("host_tools.ledger.open_ledger", interrupt)
    assert minik("reconcile", "--db", ledger_url) == (130, "", "minik: interrupted\n")


PRINTING = [
    ["--help"],
    ["report", "--help"],
    ["report", "revenue", "--db", "{url}"],
    ["reconcile", "--db", "{url}", "--json"],
]


def redirected(arguments: list[str], url: str, how: str) -> tuple[int, str, str]:
    """Run `minik` in a shell with `how` after it: (exit code, stdout, stderr)."""
    words = [*PYTHON_MINIK, *[part.format(url=url) for part in arguments]]
    done = subprocess.run(
        ["sh", "-c", f'"$@" {how}', "sh", *words], capture_output=True, text=True, timeout=30
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_a_reader_that_goes_away_ends_it_quietly(ledger_url, arguments):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*PYTHON_MINIK, *[part.format(url=ledger_url) for part in arguments]],
        stdout=writing, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("arguments", PRINTING, ids=" ".join)
def test_output_that_cannot_be_printed_is_one_line(ledger_url, arguments):
    assert redirected(arguments, ledger_url, ">/dev/full") == (
        2, "", "minik: standard output: No space left on device\n"
    )  # fmt: skip
    code, _, err = redirected(arguments, ledger_url, ">&-")
    assert (code, err.count("\n")) == (2, 1)
    assert "standard output is closed" in err


@pytest.mark.parametrize("how", ["2>&-", "2>/dev/full"])
def test_complaints_that_cannot_be_printed_change_nothing(ledger_url, how):
    good, bad = ["reconcile", "--db", "{url}"], ["reconcile", "--db", "{url}.none"]
    code, out, _ = redirected(good, ledger_url, how)
    assert (code, out.splitlines()[-1]) == (0, "books balance")
    assert redirected(bad, ledger_url, how) == (2, "", "")


# -- reports ---------------------------------------------------------------------------------


def report(minik, *arguments: str) -> dict:
    code, out, err = minik("report", *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_revenue_by_line(minik, ledger_url):
    got = report(minik, "revenue", "--db", ledger_url)
    assert got["rows"] == [
        {"line": "R5", "taps": 1, "riders": 1, "transfers": 0, "revenue": 10000},
        {"line": "line 7", "taps": 2, "riders": 2, "transfers": 0, "revenue": 5000},
    ]
    assert got["total"] == {"taps": 3, "riders": 3, "transfers": 0, "revenue": 15000}
    assert (got["currency"], got["exponent"], got["by"]) == ("KZT", 2, "line")


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("day", ["2026-05-04"]),  # 2026-05-03T19:33Z, five hours east
        ("device", ["V1", "V2"]),
        ("category", ["adult"]),
        ("product", ["single"]),
    ],
)
def test_revenue_by_other_things_sums_to_the_same(minik, ledger_url, by, keys):
    got = report(minik, "revenue", "--db", ledger_url, "--by", by)
    assert [row[by] for row in got["rows"]] == keys
    assert got["total"]["revenue"] == 15000


def test_taps_by_device(minik, ledger_url):
    got = report(minik, "taps", "--db", ledger_url, "--by", "device")
    assert got["rows"] == [
        {"device": "V1", "accepted": 1, "refused": 0, "retap": 0, "unresolved": 1},
        {"device": "V2", "accepted": 2, "refused": 1, "retap": 0, "unresolved": 0},
    ]


def test_csv_has_a_header_and_the_same_numbers(minik, ledger_url):
    code, out, _ = minik("report", "revenue", "--db", ledger_url, "--csv")
    assert code == 0
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["line"] for row in rows] == ["R5", "line 7"]
    assert rows[0]["revenue"] == "10000"


def test_json_and_csv_exclude_each_other(minik, ledger_url):
    code, _, err = minik("report", "taps", "--db", ledger_url, "--csv", "--json")
    assert code == 2
    assert "exclude each other" in err


def test_the_table_for_people_has_decimals_and_a_total(minik, ledger_url):
    code, out, _ = minik("report", "revenue", "--db", ledger_url)
    assert code == 0
    assert "100.00" in out
    assert "150.00" in out.splitlines()[-2]
    assert out.splitlines()[0].strip() == "revenue by line (KZT)"
    _, out, _ = minik("report", "taps", "--db", ledger_url)
    assert out.splitlines()[0].strip() == "taps by line"


# -- reconcile -------------------------------------------------------------------------------


def test_reconcile_ends_with_books_balance(minik, ledger_url):
    code, out, err = minik("reconcile", "--db", ledger_url)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "books balance"
    assert "pending          100.00 KZT" in out


def test_reconcile_says_what_does_not_balance_and_leaves_1(minik, ledger_url):
    connection = sqlite3.connect(ledger_url.removeprefix("sqlite:///"))
    connection.execute("UPDATE entries SET amount = amount - 1 WHERE account = 'cash'")
    connection.commit()
    connection.close()
    code, out, _ = minik("reconcile", "--db", ledger_url)
    assert code == 1
    assert out.splitlines()[-1].startswith("books do NOT balance: ")
    code, out, _ = minik("reconcile", "--db", ledger_url, "--json")
    assert code == 1
    assert json.loads(out)["balanced"] is False
    assert {problem["kind"] for problem in json.loads(out)["problems"]} == {"posting", "entries"}


def test_reading_commands_leave_the_ledger_as_it_is(minik, ledger_url):
    def records() -> int:
        ledger = open_ledger(ledger_url, create=False)
        with ledger.reading() as connection:
            return connection.exec_driver_sql("SELECT total_changes()").scalar()

    minik("reconcile", "--db", ledger_url)
    minik("report", "taps", "--db", ledger_url)
    assert records() == 0


@pytest.mark.parametrize("encoding", ["ascii", "iso8859-1"])
def test_a_terminal_without_the_letters_gets_them_spelled(encoding, tmp_path):
    feed = tmp_path / "feed"
    write_feed(changed(flat_feed(), "agency.txt", "City", "Łódź é"), feed)
    for arguments in (["show"], ["show", "--json"]):
        done = subprocess.run(
            [*PYTHON_MINIK, "tariff", *arguments, str(feed)],
            capture_output=True, timeout=30, env={**os.environ, "PYTHONIOENCODING": encoding},
        )  # fmt: skip
        out = done.stdout.decode(encoding)
        assert (done.returncode, done.stderr) == (0, b"")
        assert out.startswith("\\u0141" if "--json" not in arguments else "{")
    assert json.loads(out)["settings"]["agency"].startswith("Łódź é")
