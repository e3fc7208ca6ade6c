"""Whatever bytes a feed is made of: findings, no exception, and a Feed only without errors."""

import io
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host_tools.tariff.check import findings_as_lines
from host_tools.tariff.read_feed import read_feed
from tests.tariff.feeds import city_feed, write_feed

GOOD = {name: text.encode() for name, text in city_feed().items()}
NAMES = sorted(GOOD)
CELLS = (
    "", "0", "1", "-1", "2", "255", "65536", "99999999999999999999", "1e5", "nan", "0x10", "١",
    "²", "1.5", "100.00", "-100.00", "24:00:00", "7:00:00", "99:99:99", "20260230", "00000000",
    "99991231", "KZT", "JPY", "XAU", "C", "S1", "bus", "inner", "peak", "card", "adult", "ride",
    "day", "'", '"', '""', '"a,b"', "a\tb", "\0", "é", "\ufeff", "x" * 300, "mon mon", "=1+1",
)  # fmt: skip
SNIPPETS = (b'"', b"\n", b"\r", b"\0", b",", b"\xff", b"\xef\xbb\xbf", b'""', b";", b"9" * 30)


def check(path: Path) -> None:
    feed, findings = read_feed(path)
    assert (feed is None) == any(finding.severity == "error" for finding in findings)
    for line in findings_as_lines(findings):
        assert line.isprintable()
        assert len(line) < 1000
        line.encode()


@st.composite
def cell_changes(draw):
    """A good feed with a few cells, lines or whole files changed."""
    files = dict(GOOD)
    for _ in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from(NAMES))
        if name not in files or draw(st.integers(0, 30)) == 0:
            files.pop(name, None)
            continue
        lines = files[name].decode().split("\n")
        index = draw(st.integers(0, len(lines) - 1))
        cells = lines[index].split(",")
        cells[draw(st.integers(0, len(cells) - 1))] = draw(st.sampled_from(CELLS))
        lines[index] = ",".join(cells)
        if draw(st.booleans()):
            lines.insert(draw(st.integers(0, len(lines))), draw(st.sampled_from(lines)))
        files[name] = "\n".join(lines).encode()
    return files


@st.composite
def byte_changes(draw, whole: bytes):
    """`whole` with bytes changed, put in, or cut off."""
    found = bytearray(whole)
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(found)))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            found[at : at + 1] = bytes([draw(st.integers(0, 255))])
        elif kind == 1:
            found[at:at] = draw(st.sampled_from(SNIPPETS))
        elif kind == 2:
            del found[at : at + draw(st.integers(1, 40))]
        else:
            del found[at if draw(st.integers(0, 5)) == 0 else len(found) :]
    return bytes(found)


def zipped() -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as feed:
        for name, content in GOOD.items():
            feed.writestr(zipfile.ZipInfo(name), content)
    return archive.getvalue()


ZIPPED = zipped()
often = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@often
@given(cell_changes())
def test_any_cells(files):
    with TemporaryDirectory() as folder:
        check(write_feed(files, Path(folder) / "feed"))


@often
@given(
    st.sampled_from(NAMES).flatmap(lambda name: st.tuples(st.just(name), byte_changes(GOOD[name])))
)
def test_any_bytes_of_a_file(change):
    with TemporaryDirectory() as folder:
        check(write_feed(GOOD | dict([change]), Path(folder) / "feed.zip"))


@often
@given(byte_changes(ZIPPED))
def test_any_bytes_of_a_zip(content):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "feed.zip"
        path.write_bytes(content)
        check(path)


@often
@given(st.dictionaries(st.sampled_from([*NAMES, "minik_x.txt", "x"]), st.binary(max_size=200)))
def test_any_files(files):
    with TemporaryDirectory() as folder:
        check(write_feed(files, Path(folder) / "feed.zip"))
