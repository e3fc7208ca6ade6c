"""Reports as plain tables of numbers, whatever they are printed as.

A report has one key column and number columns; money is whole minor units throughout and only
the printing for people turns it into decimals.
"""

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from host_tools.ledger.store import decimal_amount

if TYPE_CHECKING:
    from rich.table import Table


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

    def as_table(self) -> "Table":
        """For people: a line for each row, amounts with their decimals, the total at the foot."""
        from rich.table import Table

        currency = f" ({self.currency})" if self.amount_columns else ""
        title = f"{self.title} by {self.by}{currency}"
        table = Table(title=title, title_justify="left", show_footer=True)
        table.add_column(self.by, footer="total")
        for name in self.columns:
            table.add_column(name, justify="right", footer=self._cell(name, self.total[name]))
        for row in self.rows:
            table.add_row(row[self.by], *(self._cell(name, row[name]) for name in self.columns))
        return table

    def _cell(self, name: str, number: int) -> str:
        if name in self.amount_columns:
            return decimal_amount(number, self.exponent)
        return str(number)
