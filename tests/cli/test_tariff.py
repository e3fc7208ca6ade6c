"""`minik tariff`: the file that is written or not, what is said of it, and the exit codes."""

import json
import os
from pathlib import Path

import pytest

from host_tools import cli
from host_tools.keys.store import KeyStore
from host_tools.tariff.load import load_tariff
from host_tools.tariff.sign import SIGN1, verifies
from tests.tariff.big_city import big_city
from tests.tariff.feeds import added, changed, city_feed, flat_feed, write_feed


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user stands."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    code = cli.run(("tariff", *map(str, arguments)))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_compile_writes_beside_the_user_and_says_what(here: Path, capsys) -> None:
    feed = write_feed(flat_feed(), here / "feeds" / "town")
    code, out, err = run(capsys, "compile", feed)
    assert (code, err) == (0, "")
    written = here / "town.tariff"
    assert load_tariff(written).tables == load_tariff(feed).tables
    assert out.splitlines() == [
        f"town.tariff: {written.stat().st_size:,} bytes, version 1, KZT",
        "  1 product, 1 rider category, 2 routes, 3 stops, 0 areas",
        "  not signed: validators refuse it; sign with --keys DIR",
    ]
    assert sorted(os.listdir(here)) == ["feeds", "town.tariff"]
    assert written.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("feed", "name"), [("a.zip", "a.tariff"), ("v1.2", "v1.2.tariff"), (".", "here.tariff")]
)
def test_the_file_is_named_after_the_feed(
    here: Path, capsys, monkeypatch: pytest.MonkeyPatch, feed: str, name: str
) -> None:
    (here / "here").mkdir()
    monkeypatch.chdir(here / "here")
    write_feed(flat_feed(), Path(feed))
    assert run(capsys, "compile", feed)[0] == 0
    assert (here / "here" / name).is_file()


def test_compile_signs_reproducibly(here: Path, capsys) -> None:
    KeyStore.create(here / "keys", 7)
    feed = write_feed(city_feed(), here / "city.zip")
    code, out, err = run(capsys, "compile", feed, "--keys", here / "keys", "-o", "a.bin")
    assert (code, out.splitlines()[-1]) == (0, "  signed by key 1 of agency 7")
    assert err.splitlines()[0].startswith("warning: fare_leg_join_rules.txt:3: from_stop_id: ")
    assert all(line.startswith("warning: ") for line in err.splitlines())
    assert run(capsys, "compile", feed, "--keys", here / "keys", "-o", "b.bin")[0] == 0
    content = (here / "a.bin").read_bytes()
    assert content == (here / "b.bin").read_bytes()
    assert verifies(content, KeyStore.load(here / "keys"))


def test_compile_as_json(here: Path, capsys) -> None:
    feed = write_feed(city_feed(), here / "city")
    code, out, err = run(capsys, "compile", feed, "--json")
    said = json.loads(out)
    assert (code, err) == (0, "")
    assert said["bytes"] == (here / "city.tariff").stat().st_size
    assert (said["file"], said["version"], said["currency"]) == ("city.tariff", 3, "KZT")
    assert (said["agency"], said["signed_by_key"], said["plain"]) == (None, None, False)
    assert said["counts"]["products"] == 9
    assert (said["errors"], said["warnings"], len(said["findings"])) == (0, 5, 5)


BROKEN = changed(flat_feed(), "fare_products.txt", "100.00", "free")
BROKEN = added(BROKEN, "fare_leg_rules.txt", "city,,,,nothing")


def test_every_error_at_once_and_no_file(here: Path, capsys) -> None:
    feed = write_feed(BROKEN, here / "bad")
    code, out, err = run(capsys, "compile", feed)
    assert (code, out) == (2, "")
    lines = err.splitlines()
    assert [line.split(": ")[:3] for line in lines[:2]] == [
        ["error", "fare_leg_rules.txt:3", "fare_product_id"],
        ["error", "fare_products.txt:2", "amount"],
    ]
    assert lines[2] == f"minik: {feed}: 2 errors"
    assert os.listdir(here) == ["bad"]


def test_errors_of_the_compiler_leave_no_file_either(here: Path, capsys) -> None:
    files = changed(flat_feed(), "agency.txt", "Asia/Almaty", "America/Nuuk")
    feed = write_feed(files, here / "bad")
    code, _, err = run(capsys, "compile", feed)
    assert code == 2
    assert "agency.txt: agency_timezone: the clock of America/Nuuk" in err
    assert os.listdir(here) == ["bad"]


def test_an_older_file_stays_when_the_feed_is_wrong(here: Path, capsys) -> None:
    (here / "old.tariff").write_bytes(SIGN1 + b"old")
    assert run(capsys, "compile", write_feed(BROKEN, here / "bad"), "-o", "old.tariff")[0] == 2
    assert (here / "old.tariff").read_bytes() == SIGN1 + b"old"


def test_errors_as_json(here: Path, capsys) -> None:
    feed = write_feed(BROKEN, here / "bad")
    for command in ("compile", "check"):
        code, out, _ = run(capsys, command, feed, "--json")
        said = json.loads(out)
        assert (code, said["errors"], said["warnings"]) == (2, 2, 0)
        assert said["findings"][1] == {
            "severity": "error",
            "file": "fare_products.txt",
            "line": 2,
            "field": "amount",
            "text": said["findings"][1]["text"],
        }


def test_after_keeps_codes(here: Path, capsys) -> None:
    old = write_feed(city_feed(), here / "old")
    rows = city_feed()["rider_categories.txt"].splitlines(keepends=True)
    files = city_feed() | {"rider_categories.txt": rows[0] + rows[2] + rows[1]}
    new = write_feed(changed(files, "minik_settings.txt", "version,3", "version,4"), here / "new")
    assert run(capsys, "compile", old)[0] == 0
    assert run(capsys, "compile", new, "--after", "old.tariff", "-o", "kept")[0] == 0
    assert run(capsys, "compile", new, "-o", "lost")[0] == 0
    assert load_tariff(here / "kept").category_ids == ("adult", "reduced")
    assert load_tariff(here / "lost").category_ids == ("reduced", "adult")
    code, out, err = run(capsys, "compile", old, "--after", "kept")
    assert (code, out) == (2, "")
    assert "minik_settings.txt: version: 3 is below 4" in err
    code, _, err = run(capsys, "check", new, "--after", here / "nowhere")
    assert (code, err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("out", "text"),
    [
        ("folder", "folder: is a folder"),
        ("nowhere/x", "nowhere/x: cannot be written"),
        ("feed.zip", "feed.zip: is the feed itself"),
        ("x" * 300, "cannot be written"),
        ("a/" * 3000, "cannot be written"),
    ],
)
def test_where_nothing_can_be_written(here: Path, capsys, out: str, text: str) -> None:
    (here / "folder").mkdir()
    feed = write_feed(flat_feed(), here / "feed.zip")
    before = feed.read_bytes()
    code, said, err = run(capsys, "compile", feed, "-o", out)
    assert (code, said) == (2, "")
    assert text in err
    assert err.count("\n") == 1
    assert sorted(os.listdir(here)) == ["feed.zip", "folder"]
    assert feed.read_bytes() == before


@pytest.mark.parametrize("out", ["feed/agency.txt", "keys/store.json", "/dev/null"])
def test_only_a_tariff_is_written_over(here: Path, capsys, out: str) -> None:
    KeyStore.create(here / "keys", 7)
    feed = write_feed(flat_feed(), here / "feed")
    before = None if out == "/dev/null" else Path(out).read_bytes()
    code, said, err = run(capsys, "compile", feed, "-o", out)
    assert (code, said, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"minik: {out}: is ")
    assert before is None or Path(out).read_bytes() == before
    for _ in range(2):
        assert run(capsys, "compile", feed, "-o", "feed/own.tariff")[0] == 0


def test_no_keys_no_file(here: Path, capsys) -> None:
    feed = write_feed(flat_feed(), here / "feed")
    code, _, err = run(capsys, "compile", feed, "--keys", here / "keys")
    assert (code, err.count("\n")) == (2, 1)
    assert os.listdir(here) == ["feed"]


def test_check_says_all_and_writes_nothing(here: Path, capsys) -> None:
    feed = write_feed(city_feed(), here / "city")
    code, out, err = run(capsys, "check", feed)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "5 warnings"
    assert out.count("warning: ") == 5
    feed = write_feed(flat_feed(), here / "flat")
    assert run(capsys, "check", feed) == (0, "nothing found\n", "")
    feed = write_feed(BROKEN, here / "bad")
    code, out, err = run(capsys, "check", feed)
    assert (code, err) == (2, "")
    assert out.splitlines()[-1] == "2 errors"
    assert sorted(os.listdir(here)) == ["bad", "city", "flat"]


def test_show_built_in_feed_and_file(here: Path, capsys) -> None:
    code, out, err = run(capsys, "show", "flat")
    assert (code, err) == (0, "")
    assert "100.00    50.00" in out
    feed = write_feed(city_feed(), here / "city")
    assert run(capsys, "compile", feed)[0] == 0
    of_feed, of_file = run(capsys, "show", feed), run(capsys, "show", "city.tariff")
    assert of_feed == of_file
    assert of_feed[0] == 0


def test_show_as_json(here: Path, capsys) -> None:
    code, out, _ = run(capsys, "show", "flat", "--json")
    said = json.loads(out)
    assert code == 0
    assert said["settings"]["currency"] == "KZT"
    assert said["settings"]["plain"] is True
    assert said["signed_by_key"] is None
    assert said["products"][0]["prices"] == [
        {"rider_category": "adult", "fare_media": None, "amount_minor": 10_000},
        {"rider_category": "reduced", "fare_media": None, "amount_minor": 5_000},
    ]
    assert said["transfers"] == [
        {
            "from": "flat",
            "to": "flat",
            "transfer_count": 1,
            "type": 0,
            "product": None,
            "duration_s": 1800,
            "duration_type": 1,
        }
    ]


def test_diff_exit_codes(here: Path, capsys) -> None:
    assert run(capsys, "diff", "flat", "flat") == (
        0,
        "nothing that passengers or operators would notice\n",
        "",
    )
    old = write_feed(flat_feed(), here / "old")
    new = write_feed(changed(flat_feed(), "fare_products.txt", "100.00", "120.00"), here / "new")
    code, out, err = run(capsys, "diff", old, new)
    assert (code, err) == (1, "")
    assert out == "prices\n  ride for every rider: 100.00 KZT -> 120.00 KZT\n"
    code, out, _ = run(capsys, "diff", old, new, "--json")
    said = json.loads(out)
    assert (code, said["same"], said["codes_keep"]) == (1, False, True)
    assert [change["new"] for change in said["changes"]] == ["120.00 KZT"]
    code, out, err = run(capsys, "diff", old, "nowhere")
    assert (code, out, err.count("\n")) == (2, "", 1)


def test_diff_warns_of_codes_loudly(here: Path, capsys) -> None:
    rows = flat_feed()["routes.txt"].splitlines(keepends=True)
    turned = flat_feed() | {"routes.txt": rows[0] + rows[2] + rows[1]}
    old, new = write_feed(flat_feed(), here / "old"), write_feed(turned, here / "new")
    code, out, _ = run(capsys, "diff", old, new)
    assert code == 1
    assert out.startswith("WARNING: 2 codes would change their meaning")
    assert "  code 1 of route: 'R5' -> 'R7'\n" in out
    assert json.loads(run(capsys, "diff", old, new, "--json")[1])["codes_keep"] is False


@pytest.mark.parametrize("command", ["show", "compile", "check"])
@pytest.mark.parametrize(
    "content", [b"", b"\xd2\x84", b"PK\x05\x06" + bytes(18), b"MNKT" + bytes(300)]
)
def test_files_that_are_nothing_end_without_a_traceback(
    here: Path, capsys, command: str, content: bytes
) -> None:
    (here / "x").write_bytes(content)
    code, _, err = run(capsys, command, "x")
    assert code == 2
    assert "Traceback" not in err
    assert os.listdir(here) == ["x"]


def test_a_feed_with_errors_is_shown_by_its_errors(here: Path, capsys) -> None:
    feed = write_feed(BROKEN, here / "bad")
    for arguments in (("show", feed), ("diff", "flat", feed)):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (2, "")
        assert err.count("error: ") == 2
        assert err.splitlines()[-1] == f"minik: {feed}: 2 errors"


def test_help_has_examples(capsys) -> None:
    for command in ("compile", "check", "show", "diff", "quote"):
        code, out, _ = run(capsys, command, "--help")
        assert code == 0
        assert f"minik tariff {command}" in " ".join(out.split())


def test_long_work_is_told_of_to_who_looks(here: Path, capsys, look) -> None:
    feed = write_feed(big_city(), here / "big")
    terminal = look()
    code = cli.run(("tariff", "compile", str(feed), "--json"))
    assert code == 0
    assert "reading" in terminal.getvalue()
    assert json.loads(capsys.readouterr().out)["bytes"] <= 64 * 1024
