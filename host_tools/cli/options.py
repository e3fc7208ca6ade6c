"""Options that several commands share, and how results are printed."""

import json
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

Db = Annotated[
    str, typer.Option("--db", metavar="URL", help="The ledger, e.g. sqlite:///ledger.db")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON")]


def console() -> "Console":
    """A console for tables and stories."""
    from rich.console import Console

    return Console(highlight=False)


def on_stop(note: Callable[[int], object]) -> None:
    """From now SIGINT and SIGTERM only call `note` with their number: begun work is finished."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _frame: note(got))


def print_json(result: Any) -> None:
    """One JSON document on stdout."""
    readable = (sys.stdout.encoding or "utf-8").lower() == "utf-8"
    print(json.dumps(result, ensure_ascii=not readable, indent=2))
