"""CSV and zip as feeds bring them: what is taken as it comes, and what is refused at its line."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from host_tools.tariff import csv_file, csv_table, source
from host_tools.tariff.feed import Finding
from host_tools.tariff.read_feed import read_feed
from tests.tariff.feeds import added, city_feed, flat_feed, write_feed


def as_bytes(files) -> dict[str, bytes]:
    return {name: text.encode() for name, text in files.items()}


def read(files, tmp_path):
    return read_feed(write_feed(files, tmp_path / "feed"))


def one_error(files, tmp_path) -> Finding:
    feed, findings = read(files, tmp_path)
    assert feed is None
    (finding,) = findings
    assert finding.severity == "error"
    return finding


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.rstrip(b"\n"),
        lambda text: text.replace(b"\n", b"\n\n") + b"   \n\n",
        lambda text: text.replace(b",", b" , ").replace(b"\n", b" \n"),
        lambda text: b'"' + text[:-1].replace(b",", b'","').replace(b"\n", b'"\n"') + b'"\n',
        lambda text: text.replace(b"\n", b"\r"),
    ],
    ids=["bom", "crlf", "no last line end", "blank lines", "spaces", "all quoted", "cr"],
)
def test_the_same_feed_in_other_spellings(change, tmp_path):
    plain, _ = read_feed(write_feed(city_feed(), tmp_path / "plain"))
    files = {name: change(text) for name, text in as_bytes(city_feed()).items()}
    feed, findings = read(files, tmp_path)
    assert findings == []
    assert (feed.products[0].name, feed.stops[3].name) == ("One ride", "Market")
    assert [stop.stop_id for stop in feed.stops] == [stop.stop_id for stop in plain.stops]
    assert feed.prices[0].amount_minor == plain.prices[0].amount_minor
    assert feed.transfer_rules[0].duration_limit_s == 1800


def test_quotes_commas_and_every_script_in_a_name(tmp_path):
    name = 'Old "Bazaar", Əliyev küç. 大阪 ب\u200cپ 5\u00a0km'
    quoted = name.replace('"', '""')
    feed, findings = read(added(flat_feed(), "stops.txt", f'S4,"{quoted}",1,2'), tmp_path)
    assert findings == []
    assert feed.stops[-1].name == name


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b'S4,"Open,1,2', "never closed"),
        (b'S4,"Open"x,1,2', "double the marks"),
        (b'S4,"Two\nlines",1,2', "a line break inside a field"),
        (b"S4,Tab\there,1,2", "a tab or control character"),
        (b"S4,N\0UL,1,2", "a NUL byte"),
        (b"S4,Caf\xe9,1,2", "not UTF-8"),
        (b"S4,\xed\xa0\x80,1,2", "not UTF-8"),
        (b"S4,a\xef\xbb\xbfb,1,2", "a byte order mark inside"),
        (b"S4,Few,1", "has 3 fields, fewer than the 4 columns"),
        (b"S4,Many,1,2,3", "has 5 fields, more than the 4 columns"),
        (b"S4," + b"x" * 70_000 + b",1,2", "is longer than 65,536 characters"),
        (b"S4,abc\x85,1,2\x7f", "a tab or control"),
    ],
)
def test_a_broken_line_is_said_at_its_line(line, words, tmp_path):
    files = as_bytes(flat_feed())
    files["stops.txt"] += line + b"\n"
    feed, findings = read(files, tmp_path)
    assert feed is None
    assert (findings[0].file, findings[0].line, findings[0].field) == ("stops.txt", 5, None)
    assert any(words in finding.text for finding in findings)
    assert {finding.line for finding in findings} == {5}


def test_lines_after_a_broken_one_are_read_too(tmp_path):
    files = added(flat_feed(), "stops.txt", 'S4,"A"x,1,2', "S5,B,1", "S6,,1,2", "S7,C,1,2")
    _, findings = read(files, tmp_path)
    assert [(f.line, f.field) for f in findings] == [(5, None), (6, None), (7, "stop_name")]


def test_lines_are_counted_through_quoted_line_breaks(tmp_path):
    files = added(flat_feed(), "stops.txt", 'S4,"A\n\nB",1,2', "", "S5,,1,2")
    _, findings = read(files, tmp_path)
    assert [(f.line, f.field) for f in findings] == [(5, None), (9, "stop_name")]


def test_ids_of_a_file_that_can_t_be_read_whole_are_not_said_to_be_unknown(tmp_path):
    files = added(city_feed(), "areas.txt", 'far,"Far')
    files = added(files, "stop_areas.txt", "far,S1")
    finding = one_error(files, tmp_path)
    assert (finding.file, finding.line) == ("areas.txt", 4)
    files = added(city_feed(), "trips.txt", 'R5,work,"t4')
    files = added(files, "stop_times.txt", "t4,08:00:00,08:00:00,S1,1")
    finding = one_error(files, tmp_path)
    assert (finding.file, finding.line) == ("trips.txt", 5)


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", 1, "is empty"),
        (b"\n\n", 1, "is empty"),
        ("area_id\n".encode("utf-16"), 1, "not UTF-8"),
        (b"\x00" * 200_000, 1, "is longer than"),
        (b'"area_id\n' * 3, 1, "never closed"),
        (b'"area_id\n' + b"\n" * 500, 1, "never closed"),
    ],
    ids=["nothing", "blank", "utf-16", "zeros", "odd quotes", "a quote never closed"],
)
def test_a_file_that_is_no_csv(content, line, words, tmp_path):
    files = as_bytes(flat_feed()) | {"areas.txt": content}
    feed, findings = read(files, tmp_path)
    assert feed is None
    assert (findings[0].file, findings[0].line) == ("areas.txt", line)
    assert any(words in finding.text for finding in findings)
    assert len(findings) <= 4
    assert (words == "is empty") == any("is empty" in finding.text for finding in findings)


def test_semicolons_are_named(tmp_path):
    files = flat_feed() | {"areas.txt": "area_id;area_name\nin;Inner\n"}
    finding = one_error(files, tmp_path)
    assert (finding.file, finding.line, finding.field) == ("areas.txt", 1, "area_id")
    assert "separated by commas" in finding.text
    finding = one_error(flat_feed() | {"areas.txt": "area\nin\n"}, tmp_path)
    assert finding.text == "is missing: add this column"


def test_rows_in_memory_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_table, "ROWS_MAX", 3)
    finding = one_error(added(flat_feed(), "stops.txt", "S4,A,1,2", "S5,B,1,2"), tmp_path)
    assert (finding.file, finding.line) == ("stops.txt", 5)
    assert "more than 3 rows" in finding.text


class TestZip:
    def test_what_is_no_zip_or_not_there(self, tmp_path):
        (tmp_path / "feed.zip").write_bytes(b"PK\x03\x04 nothing")
        feed, findings = read_feed(tmp_path / "feed.zip")
        assert feed is None
        assert [(f.file, f.line) for f in findings] == [("feed.zip", None)]
        assert "neither a folder nor a zip" in findings[0].text
        _, findings = read_feed(tmp_path / "nowhere")
        assert [f.file for f in findings] == ["nowhere"]
        assert "no such folder or zip" in findings[0].text

    def test_a_name_that_no_terminal_prints_is_escaped(self):
        _, findings = read_feed(Path("no\n\udc80where"))
        assert str(findings[0]).startswith("no\\n\\udc80where: there is no such")

    def test_clutter_and_folders_do_not_matter(self, tmp_path):
        path = write_feed(flat_feed(), tmp_path / "feed.zip", "top")
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("__MACOSX/top/agency.txt", "x")
            archive.writestr("top/", "")
            archive.writestr("top/inner/agency.txt", "x")
        assert read_feed(path)[1] == []

    def test_a_name_twice(self, tmp_path):
        path = write_feed(flat_feed(), tmp_path / "feed.zip")
        with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("stops.txt", flat_feed()["stops.txt"])
        feed, findings = read_feed(path)
        assert feed is None
        assert [(f.file, f.line) for f in findings] == [("stops.txt", None)]
        assert "twice" in findings[0].text

    def test_a_member_that_unpacks_to_very_much_more(self, tmp_path):
        files = flat_feed() | {"areas.txt": "area_id\n" + "a\n" * (1 << 20)}
        feed, findings = read_feed(write_feed(files, tmp_path / "feed.zip"))
        assert feed is None
        assert [(f.file, f.line) for f in findings] == [("areas.txt", None)]
        assert "200 times its size" in findings[0].text

    def test_sizes_that_lie(self, tmp_path, monkeypatch):
        """The bound holds for the bytes that come, whatever the archive says of them."""
        monkeypatch.setattr(source, "RATIO_MAX", 1 << 30)
        monkeypatch.setattr("host_tools.tariff.file_specs.HELD_BYTES_MAX", 1 << 16)
        rows = "".join(f"S{index},A,1,2\n" for index in range(10_000, 20_000))
        files = flat_feed() | {"stops.txt": flat_feed()["stops.txt"] + rows}
        feed, findings = read_feed(write_feed(files, tmp_path / "feed.zip"))
        assert feed is None
        (finding,) = findings
        assert finding.file == "stops.txt"
        assert "is longer than is read of such a file" in finding.text

    def test_a_member_with_a_password_or_a_wrong_checksum(self, tmp_path):
        raw = write_feed(flat_feed(), tmp_path / "a.zip").read_bytes()
        at = raw.index(b"PK\x01\x02")
        secret = bytearray(raw)
        secret[at + 8] |= 1  # the first file's flags in the directory: encrypted
        (tmp_path / "b.zip").write_bytes(secret)
        _, findings = read_feed(tmp_path / "b.zip")
        assert findings[0].file == "agency.txt"
        assert "can't be read" in findings[0].text
        wrong = bytearray(raw)
        wrong[at + 16] ^= 1  # its CRC-32
        (tmp_path / "c.zip").write_bytes(wrong)
        _, findings = read_feed(tmp_path / "c.zip")
        assert findings[0].file == "agency.txt"
        assert "can't be read further: Bad CRC-32" in findings[0].text


def test_a_folder_where_a_file_is_expected(tmp_path):
    path = write_feed(flat_feed(), tmp_path / "feed")
    (path / "stops.txt").unlink()
    (path / "stops.txt").mkdir()
    feed, findings = read_feed(path)
    assert feed is None
    assert "is missing" in next(f.text for f in findings if f.file == "stops.txt")


def test_long_stop_times_are_not_held_in_memory(tmp_path):
    """Five megabytes of calls by few patterns cost far less than they are long."""
    files = flat_feed()
    trips = [f"trip-{index:06}" for index in range(3_000)]
    files["trips.txt"] = "route_id,trip_id\n" + "".join(f"R5,{trip}\n" for trip in trips)
    calls = io.StringIO()
    calls.write("trip_id,arrival_time,departure_time,stop_id,stop_sequence\n")
    for trip in trips:
        for sequence in range(48):
            calls.write(f"{trip},08:00:00,08:00:00,S{1 + sequence % 3},{sequence}\n")
    files["stop_times.txt"] = calls.getvalue()
    path = write_feed(files, tmp_path / "feed.zip")
    assert len(files["stop_times.txt"]) > 5_000_000
    tracemalloc.start()
    feed, findings = read_feed(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert findings == []
    assert feed.routes[0].stop_ids == ("S1", "S2", "S3")
    assert peak < 2_000_000


def test_one_record_of_many_lines_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_file, "RECORD_LINES_MAX", 5)
    files = added(flat_feed(), "stops.txt", 'S4,"' + "\n" * 20 + '",1,2')
    _, findings = read(files, tmp_path)
    assert (findings[0].file, findings[0].line) == ("stops.txt", 5)
    assert "never closed" in findings[0].text
