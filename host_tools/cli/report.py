"""`minik report`: what the ledger says about rides and money."""

from enum import StrEnum
from typing import Annotated

import typer

from host_tools.cli.options import Db, Json, console, print_json
from host_tools.errors import BadInput

app = typer.Typer(
    no_args_is_help=True,
    help="Reports from the ledger.",
    epilog="Example: minik report revenue --db sqlite:///ledger.db",
)


class Grouping(StrEnum):
    """What a report has one row for."""

    line = "line"
    day = "day"
    device = "device"
    category = "category"
    product = "product"


By = Annotated[Grouping, typer.Option("--by", help="One row for each of these")]
Csv = Annotated[bool, typer.Option("--csv", help="Print the rows as CSV, money in minor units")]


@app.command()
def revenue(db: Db, by: By = Grouping.line, json: Json = False, csv: Csv = False) -> None:
    """Rides, riders and revenue.

    Example: minik report revenue --db sqlite:///ledger.db --by day
    """
    _run("revenue", db, by, json, csv)


@app.command()
def riders(db: Db, by: By = Grouping.category, json: Json = False, csv: Csv = False) -> None:
    """Boardings, and who boarded: each rider in his own social category.

    Example: minik report riders --db sqlite:///ledger.db --by category --csv
    """
    _run("riders", db, by, json, csv)


@app.command()
def taps(db: Db, by: By = Grouping.line, json: Json = False, csv: Csv = False) -> None:
    """Accepted, refused and unfinished taps.

    Example: minik report taps --db sqlite:///ledger.db --by device --csv
    """
    _run("taps", db, by, json, csv)


def _run(name: str, db: str, by: Grouping, json: bool, csv: bool) -> None:
    from host_tools.ledger import open_ledger
    from host_tools.reports import rides

    if json and csv:
        raise BadInput("--json and --csv exclude each other")
    ledger = open_ledger(db, create=False)
    try:
        report = getattr(rides, name)(ledger, by.value)
    finally:
        ledger.close()
    if json:
        print_json(report.as_dict())
    elif csv:
        print(report.as_csv(), end="")
    else:
        console().print(report.as_table())
