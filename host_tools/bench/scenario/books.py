"""The end of a story: what the ledger says about it, and whether the books balance."""

from rich.console import Console

from host_tools.ledger import Ledger
from host_tools.ledger.reconcile import reconcile
from host_tools.reports import rides
from host_tools.reports.tables import Report

_REPORTS = ((rides.revenue, "line"), (rides.revenue, "category"), (rides.taps, "device"))


def reports(books: Ledger) -> list[Report]:
    """What a story ends with."""
    return [report(books, by) for report, by in _REPORTS]


def print_books(books: Ledger, console: Console) -> None:
    """Revenue and taps as tables, then the reconciliation; its verdict is the last line."""
    console.rule("The books")
    for report in reports(books):
        console.print(report.as_table())
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
