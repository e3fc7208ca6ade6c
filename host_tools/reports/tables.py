"""Reports as plain tables of numbers, whatever they are printed as.

A report has one key column and number columns; money is whole minor units throughout and only
the printing for people turns it into decimals.
"""

import csv
import io
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Report:
    """`rows` are dicts with the key `by` and all of `columns`; of these `amount_columns` are money
    in minor units.
    """

    title: str
    by: str
    columns: tuple[str, ...]
    amount_columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    currency: str
    exponent: int

    @property
    def total(self) -> dict[str, int]:
        """Sums of all number columns."""
        return {name: sum(row[name] for row in self.rows) for name in self.columns}

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return {
            "report": self.title,
            "by": self.by,
            "currency": self.currency,
            "exponent": self.exponent,
            "rows": self.rows,
            "total": self.total,
        }

    def as_csv(self) -> str:
        """RFC 4180 with a header line; money in minor units; no total."""
        out = io.StringIO()
        writer = csv.DictWriter(out, [self.by, *self.columns])
        writer.writeheader()
        writer.writerows(self.rows)
        return out.getvalue()
