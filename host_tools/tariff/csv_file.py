"""Records of one CSV file of a feed: RFC 4180 in UTF-8, as the GTFS reference asks.

A byte order mark, CRLF, quoted fields, spaces around fields and blank lines are taken as they
come. Whatever else is wrong becomes a finding at its line, and reading goes on where it can. No
column is known here; memory is bounded by one record.
"""

import csv
import io
from collections.abc import Iterator
from typing import BinaryIO

from host_tools.tariff.findings import Findings, shown
from host_tools.tariff.source import READ_ERRORS, reason_of

LINE_CHARS_MAX = 1 << 16
RECORD_LINES_MAX = 100  # a quoted field that is never closed would take the whole file
_BYTE_ORDER_MARK = "\ufeff"

_CSV_ERRORS = (
    ("unexpected end of data", "a quoted field is never closed: add the quotation mark"),
    ("expected after", "text follows a closing quotation mark: double the marks inside a field"),
    ("field larger", "a field is too long: is a quotation mark missing?"),
    ("new-line character", "a carriage return stands inside the line: end lines with LF or CRLF"),
)


class _Broken(Exception):
    """Reading can't go on; says why."""


class CsvFile:
    """One file, read once from start to end: `header`, then the records by iteration."""

    def __init__(self, name: str, stream: BinaryIO, findings: Findings) -> None:
        self.name = name
        self.whole = True  # False: a part of it could not be read
        self._findings = findings
        self._text = io.TextIOWrapper(
            stream, encoding="utf-8-sig", errors="surrogateescape", newline=""
        )
        self._lines_left = 0
        self._records = self._read_records()

    def header(self) -> list[str] | None:
        """Column names, trimmed; None with a finding if there are none."""
        record = next(self._records, None)
        if record is None:
            if self.whole:
                self._findings.error(self.name, 1, None, "is empty: line 1 must name the columns")
            self.whole = False
            return None
        self._check(record[0], record[1])
        return [cell.strip() for cell in record[1]]

    def records(self, width: int) -> Iterator[tuple[int, list[str]]]:
        """(line, cells as they stand) of every record; one that has not `width` cells is said
        and comes with as many."""
        for line, cells in self._records:
            if len(cells) != width:
                self._ragged(line, len(cells), width)
                cells = (cells + [""] * width)[:width]
            if not "".join(cells).isprintable():
                self._check(line, cells)
            yield line, cells

    def broken(self, line: int | None, text: str) -> None:
        self.whole = False
        self._findings.error(self.name, line, None, text)

    def _ragged(self, line: int, count: int, width: int) -> None:
        more = "more" if count > width else "fewer"
        text = f"has {count} fields, {more} than the {width} columns of line 1: correct the commas"
        self._findings.error(self.name, line, None, text)

    def _read_records(self) -> Iterator[tuple[int, list[str]]]:
        reader = csv.reader(self._read_lines(), strict=True, skipinitialspace=True)
        while True:
            line = reader.line_num + 1
            self._lines_left = RECORD_LINES_MAX
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                self.broken(line, _csv_error(str(error)))
                continue
            except _Broken as error:
                self.broken(line, str(error))
                return
            except READ_ERRORS as error:
                text = f"can't be read further: {shown(reason_of(error))}"
                self.broken(line if line > 1 else None, text)
                return
            if len(cells) > 1 or (cells and cells[0].strip()):
                yield line, cells

    def _read_lines(self) -> Iterator[str]:
        while line := self._text.readline(LINE_CHARS_MAX):
            if len(line) >= LINE_CHARS_MAX:
                raise _Broken(f"is longer than {LINE_CHARS_MAX:,} characters: is this a CSV file?")
            self._lines_left -= 1
            if self._lines_left < 0:
                raise _Broken("a quoted field is never closed: add the quotation mark")
            yield line

    def _check(self, line: int, cells: list[str]) -> None:
        """Say which characters may not stand in a field."""
        for cell in cells:
            for char in cell.strip():
                if not char.isprintable() and (fault := _fault_of(char)):
                    self._findings.error(self.name, line, None, f"{fault}: '{shown(cell)}'")
                    break


def _csv_error(words: str) -> str:
    for part, text in _CSV_ERRORS:
        if part in words:
            return text
    return f"broken CSV: {shown(words)}"


def _fault_of(char: str) -> str:
    """What is wrong with a character; nothing for spaces and joiners that scripts need."""
    if "\udc80" <= char <= "\udcff":
        return "a byte that is not UTF-8: save the file as UTF-8"
    if char in "\r\n":
        return "a line break inside a field: write it in one line"
    if char == "\0":
        return "a NUL byte: save the file as plain text in UTF-8"
    if char == _BYTE_ORDER_MARK:
        return "a byte order mark inside the file: remove it"
    if char < " " or "\x7f" <= char <= "\x9f":
        return "a tab or control character: remove it"
    return ""
