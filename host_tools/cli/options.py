"""Options that several commands share, and how results are printed."""

import json
from typing import Annotated, Any

import typer

Db = Annotated[
    str, typer.Option("--db", metavar="URL", help="The ledger, e.g. sqlite:///ledger.db")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON")]


def print_json(result: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(result, ensure_ascii=False, indent=2))
