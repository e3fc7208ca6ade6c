"""Files of a feed as tables of rows whose cells parse themselves and report what is wrong.

A cell that is empty or wrong gives None (or the default), and the wrong one a finding. Ids are
checked against the ids of the file they point to. What rows mean together is said elsewhere.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from host_tools.tariff.csv_file import CsvFile
from host_tools.tariff.currency import Currency, NotAnAmount, format_amount, parse_amount
from host_tools.tariff.file_specs import FileSpec
from host_tools.tariff.findings import SLIP_OF_A_KEY, Findings, did_you_mean, shown
from host_tools.tariff.source import READ_ERRORS, Source, reason_of

TEXT_BYTES_MAX = 255  # of a text in a compiled tariff
ROWS_MAX = 500_000  # held in memory
_INTEGER = re.compile(r"-?[0-9]{1,12}")
_TIME = re.compile(r"([0-9]{1,2}):([0-5][0-9]):([0-5][0-9])")
_DATE = re.compile(r"[0-9]{8}")


@dataclass(frozen=True)
class IdSet:
    """The ids that a column of a file gives."""

    column: str
    file: str
    ids: frozenset[str]
    exists: bool = True
    whole: bool = True  # False: some may be missing, because a part of the file is not readable


class Row:
    """One record with its line; cells by column name."""

    __slots__ = ("_cells", "line", "table")

    def __init__(self, table: "Table", line: int, cells: list[str]) -> None:
        self.table = table
        self.line = line
        self._cells = cells

    @property
    def where(self) -> str:
        return f"{self.table.name}:{self.line}"

    def raw(self, column: str) -> str:
        """The cell, trimmed; empty too where the file has no such column."""
        index = self.table.columns.get(column)
        return "" if index is None else self._cells[index].strip()

    def key(self, columns: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self.raw(column) for column in columns)

    def error(self, column: str | None, text: str) -> None:
        self.table.findings.error(self.table.name, self.line, column, text)

    def warn(self, column: str | None, text: str) -> None:
        self.table.findings.warn(self.table.name, self.line, column, text)

    def required(self, column: str) -> bool:
        """Whether the cell has something; says so if not."""
        if self.raw(column):
            return True
        if column in self.table.columns:
            self.error(column, "is empty: fill it in")
        return False

    def forbidden(self, column: str, because: str) -> None:
        if self.raw(column):
            self.error(column, f"must be empty {because}")

    def text(self, column: str) -> str | None:
        text = self.raw(column)
        if len(text.encode("utf-8", "surrogateescape")) > TEXT_BYTES_MAX:
            self.error(column, f"is longer than {TEXT_BYTES_MAX} bytes: shorten '{shown(text)}'")
        return text or None

    def own_id(self, column: str) -> str:
        """The id that this row defines or belongs to."""
        self.required(column)
        return self.text(column) or ""

    def ref(self, column: str, target: IdSet) -> str | None:
        """An id of another file."""
        word = self.raw(column)
        if not word or word in target.ids or not target.whole:
            return word or None
        if target.exists:
            text = f"'{shown(word)}' is no {target.column} of {target.file}"
            text += did_you_mean(word, target.ids) or ": add it there or correct it here"
        else:
            text = f"'{shown(word)}' needs a row, but {target.file} is missing: add it"
        self.error(column, text)
        return word

    def integer(self, column: str, low: int, high: int) -> int | None:
        text = self.raw(column)
        if not text:
            return None
        if _INTEGER.fullmatch(text) and low <= int(text) <= high:
            return int(text)
        self.error(column, f"'{shown(text)}' is not a whole number from {low:,} to {high:,}")
        return None

    def flag(self, column: str) -> bool:
        """0 or 1; empty is 0."""
        text = self.raw(column)
        if text not in ("", "0", "1"):
            self.error(column, f"'{shown(text)}' is neither 0 nor 1")
        return text == "1"

    def choice(self, column: str, known: tuple[str, ...]) -> str | None:
        text = self.raw(column)
        if not text or text in known:
            return text or None
        hint = did_you_mean(text, known) or f": write {' or '.join(known)}"
        self.error(column, f"'{shown(text)}' is not known{hint}")
        return None

    def time_s(self, column: str, latest_s: int) -> int | None:
        """A local time H:MM:SS or HH:MM:SS as seconds of the day."""
        text = self.raw(column)
        if not text:
            return None
        match = _TIME.fullmatch(text)
        if not match:
            self.error(column, f"'{shown(text)}' is not a time: write it like 08:30:00")
            return None
        hours, minutes, seconds = (int(part) for part in match.groups())
        time = hours * 3600 + minutes * 60 + seconds
        if time <= latest_s:
            return time
        self.error(column, f"{text} is later than {latest_s // 3600:02}:00:00")
        return None

    def day(self, column: str) -> date | None:
        text = self.raw(column)
        if not text:
            return None
        try:
            if _DATE.fullmatch(text):
                return date(int(text[:4]), int(text[4:6]), int(text[6:]))
        except ValueError:
            pass
        self.error(column, f"'{shown(text)}' is not a date: write it like 20260131")
        return None

    def amount(self, column: str, currency: Currency | None, low: int, high: int) -> int | None:
        """Minor units. Without a currency nothing can be said of an amount."""
        text = self.raw(column)
        if not text or currency is None:
            return None
        try:
            minor = parse_amount(text, currency)
        except NotAnAmount as error:
            self.error(column, f"'{shown(text)}': {error}")
            return None
        if low <= minor <= high:
            return minor
        least, most = format_amount(low, currency), format_amount(high, currency)
        self.error(column, f"{text} is out of range: {least} to {most} {currency.code}")
        return None


@dataclass
class Table:
    """A file's columns and, unless it is streamed, its rows."""

    name: str
    findings: Findings
    columns: dict[str, int] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    exists: bool = False
    whole: bool = True

    def ids(self, column: str) -> IdSet:
        ids = frozenset(row.raw(column) for row in self.rows) - {""}
        whole = self.whole and (not self.exists or column in self.columns)
        return IdSet(column, self.name, ids, self.exists, whole)


def load_table(source: Source, spec: FileSpec, findings: Findings) -> Table:
    """All rows of a file; an empty table if the feed does not have it."""
    table = Table(spec.name, findings)
    for row in stream_rows(source, spec, table):
        if len(table.rows) == ROWS_MAX:
            findings.error(spec.name, row.line, None, f"has more than {ROWS_MAX:,} rows")
            table.whole = False
            break
        table.rows.append(row)
    _check_key(table, spec)
    return table


def stream_rows(source: Source, spec: FileSpec, table: Table) -> Iterator[Row]:
    """The rows of a file one by one, its columns first noted in `table`."""
    for line, cells in stream_records(source, spec, table):
        yield Row(table, line, cells)


def stream_records(
    source: Source, spec: FileSpec, table: Table
) -> Iterator[tuple[int, list[str]]]:
    """(line, cells not trimmed) of a file; nothing where it is missing or can't be read."""
    table.exists = spec.name in source.names()
    if not table.exists:
        if spec.must_exist:
            table.findings.error(spec.name, None, None, "is missing: a fare feed needs it")
        return
    try:
        stream = source.open(spec.name, spec.bytes_max)
    except READ_ERRORS as error:
        table.whole = False
        text = f"can't be read: {shown(reason_of(error))}"
        table.findings.error(spec.name, None, None, text)
        return
    with stream:
        file = CsvFile(spec.name, stream, table.findings)
        header = file.header()
        if header is not None:
            table.columns = {name: index for index, name in reversed(list(enumerate(header)))}
            _check_header(header, spec, table.findings)
            yield from file.records(len(header))
        table.whole = table.whole and file.whole


def _check_header(header: list[str], spec: FileSpec, findings: Findings) -> None:
    missing = tuple(name for name in spec.columns if name not in header)
    for index, name in enumerate(header):
        if not name:
            findings.error(spec.name, 1, None, f"column {index + 1} has no name: give it one")
        elif name in header[:index]:
            findings.error(spec.name, 1, shown(name), "is a column twice: keep one of them")
        elif name not in spec.columns:
            _check_unknown(name, missing, spec, findings)
    for name in spec.required:
        if name in missing:
            hint = ""
            if len(header) == 1 and ";" in header[0]:
                hint = " (fields are separated by commas, not semicolons)"
            findings.error(spec.name, 1, name, f"is missing: add this column{hint}")


def _check_unknown(
    name: str, missing: tuple[str, ...], spec: FileSpec, findings: Findings
) -> None:
    """Other columns are the feed's own affair, but not in our files, and not misspelt ones."""
    if spec.ours:
        text = f"is not a column of this file{did_you_mean(name, missing) or ': remove it'}"
        findings.error(spec.name, 1, shown(name), text)
    elif hint := did_you_mean(name, missing, SLIP_OF_A_KEY):
        findings.warn(spec.name, 1, shown(name), f"is not a column that is read{hint}")


def _check_key(table: Table, spec: FileSpec) -> None:
    key = spec.key
    if not key or any(column in spec.required and column not in table.columns for column in key):
        return
    seen: dict[tuple[str, ...], int] = {}
    for row in table.rows:
        value = row.key(key)
        if len(key) == 1 and not value[0]:
            continue
        first = seen.setdefault(value, row.line)
        if first != row.line:
            named = ", ".join(column for column in key if column in table.columns)
            row.error(key[0], f"has the same {named} as line {first}: remove one of them")
