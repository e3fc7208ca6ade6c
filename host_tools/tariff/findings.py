"""Collects what there is to say of a feed: each thing once, in order, never without bound."""

from collections import Counter
from difflib import get_close_matches
from typing import NamedTuple

from host_tools.tariff.feed import Finding

PER_FIELD_MAX = 100  # of one severity, file and field; the rest is counted
SHOWN_CHARS_MAX = 60
SLIP_OF_A_KEY = 0.9  # likeness at which a word that may well be meant is doubted
SUGGEST_FROM_MAX = 2000  # looking for similar ids among more of them takes too long


class _Kind(NamedTuple):
    severity: str
    file: str
    field: str


class Findings:
    """Errors and warnings of one reading."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}
        self._counts: Counter[_Kind] = Counter()
        self.error_count = 0

    def error(self, file: str, line: int | None, field: str | None, text: str) -> None:
        self.error_count += 1
        self._add(Finding("error", file, line, field, text))

    def warn(self, file: str, line: int | None, field: str | None, text: str) -> None:
        self._add(Finding("warning", file, line, field, text))

    def _add(self, finding: Finding) -> None:
        if finding in self._found:
            return
        kind = _Kind(finding.severity, finding.file, finding.field or "")
        self._counts[kind] += 1
        if self._counts[kind] <= PER_FIELD_MAX:
            self._found[finding] = None

    def all(self) -> list[Finding]:
        """By file, line and field; what was only counted comes first in its file."""
        found = list(self._found)
        for kind, count in self._counts.items():
            if count > PER_FIELD_MAX:
                text = f"{count - PER_FIELD_MAX:,} more lines have something to correct here"
                found.append(Finding(kind.severity, kind.file, None, kind.field or None, text))
        return sort_findings(found)


def sort_findings(findings: list[Finding]) -> list[Finding]:
    """By file, line, field and text."""
    return sorted(findings, key=lambda f: (f.file, f.line or 0, f.field or "", f.text))


def shown(text: str) -> str:
    """`text` as it may stand in one line: short, and nothing that does not print."""
    cut = text if len(text) <= SHOWN_CHARS_MAX else text[:SHOWN_CHARS_MAX] + "…"
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in cut)


def did_you_mean(
    word: str, known: set[str] | frozenset[str] | tuple[str, ...], likeness: float = 0.66
) -> str:
    """`; did you mean 'x'?` if something known is like `word`, else nothing."""
    if len(known) > SUGGEST_FROM_MAX or len(word) > SHOWN_CHARS_MAX:
        return ""
    close = get_close_matches(word, sorted(known), 1, likeness)
    return f"; did you mean '{shown(close[0])}'?" if close else ""
