"""The end of a story: what the ledger says about it, and whether the books balance."""

from rich.console import Console
from rich.table import Table

from host_tools.ledger import Ledger
from host_tools.ledger.reconcile import reconcile
from host_tools.ledger.store import decimal_amount
from host_tools.reports import rides
from host_tools.reports.tables import Report

_REPORTS = ((rides.revenue, "line"), (rides.revenue, "category"), (rides.taps, "device"))


def print_books(books: Ledger, console: Console) -> None:
    """Revenue and taps as tables, then the reconciliation; its verdict is the last line."""
    console.rule("The books")
    for report, by in _REPORTS:
        console.print(_table(report(books, by)))
    found = reconcile(books)
    for title, amount in (
        ("paid in at the desk", found.cash),
        ("revenue of rides", found.revenue),
        ("left on the cards", found.value_on_cards),
    ):
        console.print(f"{title:<20} {books.amount_text(amount):>14}", highlight=False)
    for title, lines in (
        ("problem", found.problems), ("open", found.open), ("finding", found.findings)
    ):
        for line in lines:
            console.print(f"{title}: {line.text}", markup=False, highlight=False, soft_wrap=True)
    console.print(found.verdict(), markup=False, highlight=False, soft_wrap=True)


def _table(report: Report) -> Table:
    def cell(name: str, number: int) -> str:
        if name in report.amount_columns:
            return decimal_amount(number, report.exponent)
        return str(number)

    currency = f" ({report.currency})" if report.amount_columns else ""
    title = f"{report.title} by {report.by}{currency}"
    table = Table(title=title, title_justify="left", show_footer=True)
    table.add_column(report.by, footer="total")
    for name in report.columns:
        table.add_column(name, justify="right", footer=cell(name, report.total[name]))
    for row in report.rows:
        table.add_row(row[report.by], *(cell(name, row[name]) for name in report.columns))
    return table
