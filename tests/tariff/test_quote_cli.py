"""`minik tariff quote` as people and scripts meet it: stdin, exit codes, one line on stderr."""

import io
import json
import subprocess
import sys

import pytest

from host_tools import cli
from host_tools.tariff.load import load_tariff
from host_tools.tariff.sign import sign
from tests.tariff.feeds import changed, city_feed, write_feed
from tests.tariff.journey_tables import TARIFFS

PYTHON_MINIK = [sys.executable, "-c", "from host_tools.cli import main; main()"]
LEG = {"route_id": "2", "from_stop_id": "starosielce", "start": "2026-11-20T08:00:00"}
CITY = str(TARIFFS / "bialystok")


@pytest.fixture
def ask(capsys, monkeypatch):
    """Run `minik tariff quote` on some standard input: (exit code, stdout, stderr)."""

    def run(journey: object, *arguments: str) -> tuple[int, str, str]:
        raw = journey if isinstance(journey, bytes) else json.dumps(journey).encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
        code = cli.run(("tariff", "quote", *arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_the_answer_is_json_and_the_command_succeeds(ask):
    code, out, err = ask({"legs": [LEG]}, CITY)
    assert (code, err) == (0, "")
    assert json.loads(out)["total"] == 400
    assert ask({"legs": [LEG]}, CITY, "--json") == (0, out, "")


def test_feeds_zips_compiled_and_signed_files_and_built_in_names_answer_alike(ask, tmp_path):
    from host_tools.keys.store import KeyStore

    loaded = load_tariff(CITY)
    files = {path.name: path.read_text() for path in (TARIFFS / "bialystok").glob("*.txt")}
    write_feed(files, tmp_path / "feed.zip")
    store = KeyStore.create(tmp_path / "keys", 1)
    (tmp_path / "plain.bin").write_bytes(sign(loaded.payload, None))
    (tmp_path / "signed.bin").write_bytes(sign(loaded.payload, store))
    answer = ask({"legs": [LEG]}, CITY)
    for name in ("feed.zip", "plain.bin", "signed.bin"):
        assert ask({"legs": [LEG]}, str(tmp_path / name)) == answer, name
    code, out, _ = ask({"legs": [{"start": "2026-11-20T08:00:00"}]}, "flat")
    assert (code, json.loads(out)["total"]) == (0, 10000)


def test_a_leg_without_a_fare_ends_with_one(ask):
    code, out, err = ask({"legs": [LEG | {"route_id": "S1"}, LEG]}, CITY)
    answer = json.loads(out)
    assert (code, err) == (1, "")
    assert answer["total"] is None
    assert [leg["charge"] for leg in answer["legs"]] == [None, 400]


def test_a_table_is_for_people(ask):
    night = {
        "route_id": "N4",
        "from_stop_id": "rynek",
        "to_stop_id": "dojlidy",
        "start": "2026-11-20T23:00:00",
    }
    code, out, err = ask({"legs": [LEG, night], "spent": {"day": 1400}}, CITY, "--table")
    assert (code, err) == (0, "")
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines == [
        "leg line from to product charge",
        "1 2 Starosielce - single-1 2.00 PLN capped",
        "2 N4 Rynek Kościuszki Dojlidy Fabryczne single-1 0.00 PLN capped",
        "Total 2.00 PLN",
    ]
    code, out, _ = ask({"legs": [night]}, CITY, "--table")
    assert "On board 7.80 PLN: the door can't see where a leg ends" in out
    code, out, _ = ask({"legs": [LEG | {"route_id": "S1"}]}, CITY, "--table")
    assert code == 1
    assert "No fare for the whole journey" in out


def test_names_in_a_table_are_no_markup(ask, tmp_path):
    files = {path.name: path.read_text() for path in (TARIFFS / "bialystok").glob("*.txt")}
    files["stops.txt"] = files["stops.txt"].replace("Starosielce", "[red]Staro")
    feed = write_feed(files, tmp_path / "feed")
    assert "[red]Staro" in ask({"legs": [LEG]}, str(feed), "--table")[1]


def test_a_day_outside_the_tariffs_days_is_said_and_answered(ask, tmp_path):
    feed = str(write_feed(city_feed(), tmp_path / "feed"))
    leg = {"route_id": "R5", "from_stop_id": "S1", "to_stop_id": "S2"}
    inside, outside = (leg | {"start": f"{year}-01-01T12:00:00"} for year in (2026, 2027))
    code, out, err = ask({"legs": [inside, outside]}, feed)
    assert (code, err) == (0, "minik: leg 2: the tariff is not meant for this day\n")
    assert json.loads(out)["total"] == 20000


@pytest.mark.parametrize(
    ("journey", "line"),
    [
        (b"", "journey: not JSON: line 1, column 1: Expecting value"),
        (b"\xff\xfe", "journey: byte 0 is not UTF-8"),
        (b" " * (5 << 20), "journey: more than 4,194,304 bytes"),
        ({"legs": [LEG | {"route_id": "3"}]}, "leg 1: route_id: the tariff has no '3'"),
        (
            {"legs": [LEG, LEG | {"start": "2026-11-20T07:00:00"}]},
            "leg 2: start: is before leg 1 is over",
        ),
    ],
)
def test_bad_input_is_two_and_one_line(ask, journey, line):
    assert ask(journey, CITY) == (2, "", f"minik: {line}\n")


def test_a_broken_feed_is_two_with_every_error_and_no_answer(ask, tmp_path):
    broken = changed(city_feed(), "fare_products.txt", ",,500.00,KZT", ",,500.0O,EUR")
    feed = write_feed(broken, tmp_path / "feed")
    code, out, err = ask({"legs": [LEG]}, str(feed))
    *lines, last = err.splitlines()
    assert (code, out, last) == (2, "", f"minik: {feed}: 2 errors")
    assert [line.split(": ")[:3] for line in lines] == [
        ["error", "fare_products.txt:6", "amount"],
        ["error", "fare_products.txt:6", "currency"],
    ]


def test_bad_usage_is_two_and_one_line(ask, tmp_path):
    for arguments in ((), ("nowhere",), (CITY, "--json", "--table"), (CITY, "extra")):
        code, out, err = ask({"legs": [LEG]}, *arguments)
        assert (code, out, err.count("\n")) == (2, "", 1), arguments
        assert err.startswith("minik: ")


def test_a_byte_order_mark_does_no_harm(ask):
    raw = b"\xef\xbb\xbf" + json.dumps({"legs": [LEG]}).encode()
    assert ask(raw, CITY)[0] == 0


def test_the_example_of_the_help_runs():
    told = subprocess.run(
        [*PYTHON_MINIK, "tariff", "quote", "--help"], capture_output=True, text=True, check=True
    )
    help_text = " ".join(told.stdout.replace("│", " ").split())
    journey = help_text.split("journey.json: ")[1].split("]}")[0] + "]}"
    tariff = help_text.split("Example: minik tariff quote ")[1].split()[0]
    done = subprocess.run(
        [*PYTHON_MINIK, "tariff", "quote", str(TARIFFS.parents[1] / tariff), "--table"],
        input=journey,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Total 80.00 KZT" in done.stdout
    assert done.stderr == ""


def test_a_tariff_without_lines_and_stops_takes_any(ask):
    leg = {"route_id": "R5", "from_stop_id": "S1", "to_stop_id": "S9", "start": LEG["start"]}
    code, out, _ = ask({"legs": [leg]}, "flat")
    assert (code, json.loads(out)["total"]) == (0, 10000)


def test_a_closed_standard_input_is_one_line():
    command = " ".join(["exec", "python", "-c", "'from host_tools.cli import main; main()'"])
    done = subprocess.run(
        ["sh", "-c", f"{command.replace('python', sys.executable)} tariff quote flat <&-"],
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "minik: journey: standard input is closed\n"
