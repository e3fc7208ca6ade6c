"""`minik tariff quote`: what a rider is charged for a journey."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from host_tools.cli.options import console, print_json
from host_tools.errors import BadInput, CheckFailed

if TYPE_CHECKING:
    from rich.table import Table

    from host_tools.tariff.journey import Journey
    from host_tools.tariff.load import LoadedTariff
    from host_tools.tariff.quote import Quote

_JOURNEY_BYTES_MAX = 4 << 20


def quote(
    tariff: Annotated[
        str,
        typer.Argument(metavar="TARIFF", help="A feed (folder, zip), a compiled file, or flat"),
    ],
    json: Annotated[bool, typer.Option("--json", help="Answer in JSON (as without it)")] = False,
    table: Annotated[bool, typer.Option("--table", help="Answer as a table for people")] = False,
) -> None:
    """What a rider is charged, leg by leg, for the journey on standard input (JSON).

    Example: minik tariff quote docs/tariffs/atyrau --table < journey.json

    journey.json: {"legs": [{"route_id": "2", "start": "2026-11-20T08:00:00"}]}
    """
    from host_tools.tariff.journey import read_journey
    from host_tools.tariff.quote import legs_outside
    from host_tools.tariff.quote import quote as work_out

    if json and table:
        raise BadInput("--json and --table exclude each other")
    loaded = _load(tariff)
    journey = read_journey(_standard_input(), loaded)
    answer = work_out(loaded, journey)
    if table:
        _show(answer, journey, loaded)
    else:
        print_json(answer.as_dict())
    for number in legs_outside(loaded, journey):
        print(f"minik: leg {number}: the tariff is not meant for this day", file=sys.stderr)
    if answer.charges.total_minor() is None:
        raise typer.Exit(CheckFailed.exit_code)


def _load(name: str) -> "LoadedTariff":
    """The tariff; every error of a feed is said first."""
    from host_tools.tariff.check import findings_as_lines, summary
    from host_tools.tariff.load import BadFeed, load_tariff

    try:
        return load_tariff(name)
    except BadFeed as error:
        for line in findings_as_lines(error.findings)[:-1]:
            typer.echo(line, err=True)
        raise BadInput(f"{error.path}: {summary(error.findings)}") from None


def _standard_input() -> str:
    if sys.stdin is None or sys.stdin.closed:
        raise BadInput("journey: standard input is closed")
    raw = sys.stdin.buffer.read(_JOURNEY_BYTES_MAX + 1)
    if len(raw) > _JOURNEY_BYTES_MAX:
        raise BadInput(f"journey: more than {_JOURNEY_BYTES_MAX:,} bytes")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"journey: byte {error.start} is not UTF-8") from error


def _show(answer: "Quote", journey: "Journey", loaded: "LoadedTariff") -> None:
    out = console()
    out.print(_table(answer, journey, loaded))
    total = answer.charges.total_minor()
    out.print(
        "No fare for the whole journey" if total is None else f"Total {_money(answer, total)}"
    )
    if answer.on_board is not None:
        seen = answer.on_board.total_minor()
        charged = "no fare" if seen is None else _money(answer, seen)
        out.print(f"On board {charged}: the door can't see where a leg ends")


def _table(answer: "Quote", journey: "Journey", loaded: "LoadedTariff") -> "Table":
    from rich.table import Table
    from rich.text import Text

    tables = loaded.tables
    stops = [None, *(row.name for row in tables.stops)]
    routes = [None, *(row.id for row in tables.routes)]
    shown = Table(box=None, pad_edge=False)
    for heading in ("leg", "line", "from", "to", "product", "charge", ""):
        shown.add_column(heading, justify="right" if heading == "charge" else "left")
    for number, (leg, charged) in enumerate(
        zip(journey.legs, answer.charges.legs, strict=True), 1
    ):
        amount = charged.charge_minor
        notes = ("transfer" * charged.transfer, "capped" * charged.capped)
        cells = (
            str(number),
            routes[leg.route] or "-",
            stops[leg.from_stop] or "-",
            stops[leg.to_stop] or "-",
            charged.fare_product_id or "-",
            "no fare" if amount is None else _money(answer, amount),
            " ".join(note for note in notes if note),
        )
        shown.add_row(*(Text(cell) for cell in cells))  # a feed's name is no markup
    return shown


def _money(answer: "Quote", amount_minor: int) -> str:
    from host_tools.ledger.store import decimal_amount

    return f"{decimal_amount(amount_minor, answer.exponent)} {answer.currency}"
