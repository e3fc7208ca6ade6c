"""Rows of a journal as text: a table for people, JSON lines, CSV."""

import csv
import json
from collections.abc import Callable, Iterable
from typing import IO

from host_tools.logs.decode import COLUMNS, COMMON_COLUMNS, Row

_LEFT_OUT_OF_TABLE = {*COMMON_COLUMNS, "journal_id", "tag", "tag_before", "tag_after"}


def write_jsonl(rows: Iterable[Row], file: IO[str]) -> int:
    """One JSON object a line; answers how many."""
    count = 0
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n")
        count += 1
    return count


def write_csv(rows: Iterable[Row], file: IO[str]) -> int:
    """Names, then one line a row; flags joined by spaces; answers how many rows."""
    writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    count = 0
    for row in rows:
        writer.writerow({
            name: " ".join(value) if isinstance(value, list) else value
            for name, value in row.items()
        })
        count += 1
    return count


def write_table(rows: Iterable[Row], file: IO[str]) -> int:
    """Aligned columns, one line a row: seq, time, boot, kind, and what it says; answers how many.

    What is zero, empty or none is left out, tags too: the other formats have everything.
    """
    file.write(f"{'seq':>10}  {'time':20}  {'boot':>5}  {'kind':10}  what\n")
    count = 0
    for row in rows:
        what = "  ".join(
            f"{name}={_shown(value)}" for name, value in row.items()
            if name not in _LEFT_OUT_OF_TABLE and value not in (None, 0, "", [])
        )
        line = (
            f"{row['seq']:>10}  {row.get('time', ''):20}  {row.get('boot', ''):>5}"
            f"  {row['kind']:10}  {what}"
        )
        file.write(line.rstrip() + "\n")
        count += 1
    return count


def _shown(value: object) -> str:
    return ",".join(value) if isinstance(value, list) else str(value)


WRITERS: dict[str, Callable[[Iterable[Row], IO[str]], int]] = {
    "table": write_table,
    "jsonl": write_jsonl,
    "csv": write_csv,
}
