"""`minik card`: the card desk on a PN532."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from host_tools.cli.options import Json, print_json
from host_tools.cli.progress import spinning
from host_tools.errors import BadInput, NoAnswer

if TYPE_CHECKING:
    from host_tools.cards.desk import Sale
    from host_tools.cards.show import CardView
    from host_tools.device.pn532_client import Pn532Client
    from host_tools.tariff.load import LoadedTariff

BALANCE_MAX = 536_870_911  # what a card can spend in its life (SPEC §2.2)

app = typer.Typer(
    no_args_is_help=True,
    help="Issue cards and show what they say.",
    epilog="Example: minik card show --reader pn532:/dev/ttyUSB0 --keys keys",
)

Reader = Annotated[
    str, typer.Option(metavar="pn532:PORT", help="The reader, e.g. pn532:/dev/ttyUSB0")
]
Keys = Annotated[Path, typer.Option(metavar="DIR", help="The agency's key store")]
Tariff = Annotated[
    str, typer.Option(metavar="NAME_OR_PATH", help="Built-in name, feed or compiled tariff")
]


@app.command()
def issue(
    reader: Reader,
    keys: Keys,
    balance: Annotated[int, typer.Option(help="Value paid in, in minor units")] = 0,
    category: Annotated[
        str | None, typer.Option(help="Rider category; without it the tariff's default")
    ] = None,
    product: Annotated[
        list[str] | None,
        typer.Option(metavar="ID[@START]", help="Pass or rides, with its chosen day or month"),
    ] = None,
    concession_until: Annotated[
        str | None, typer.Option(metavar="DATE", help="Last day of the rider category")
    ] = None,
    tariff: Tariff = "flat",
    db: Annotated[
        str | None, typer.Option("--db", metavar="URL", help="Book the card in this ledger")
    ] = None,
    json: Json = False,
) -> None:
    """Turn the one blank card on the reader into a card of ours, and book it.

    A pass or rides (--product, twice at most) are paid besides the balance. Where the passenger
    chooses when a pass begins, say its first day (@2026-12-05) or month (@2026-12).
    If a sale stopped before it was booked, give the same command again: a card that was issued
    but never used is then only booked.
    Example: minik card issue --reader pn532:/dev/ttyUSB0 --keys keys --balance 50000
    --db sqlite:///ledger.db
    """
    from host_tools.cards.desk import issue_and_book
    from host_tools.keys.store import KeyStore
    from host_tools.ledger import open_ledger
    from host_tools.tariff.load import load_tariff

    loaded = load_tariff(tariff)
    sale = _sale(loaded, balance, category, product or [], concession_until)
    store = KeyStore.load(keys)
    with spinning("issuing the card"), _client(reader) as client:
        open_books = partial(open_ledger, db, tariff=loaded.tables) if db else None
        issued = issue_and_book(client, store, open_books, sale)
    if json:
        print_json(issued)
    else:
        booked = "booked" if db else "not booked: no --db given"
        how = "issued" if issued["issued"] else "was issued before"
        holds = [f"{balance} minor units", sale.category]
        holds += [sold.fare_product_id for sold in sale.products]
        print(f"card {issued['uid']} {how} with {', '.join(holds)} ({booked})")


def _sale(
    loaded: "LoadedTariff",
    balance: int,
    category: str | None,
    products: list[str],
    concession_until: str | None,
) -> "Sale":
    """What the options ask for; BadInput for what this tariff or a card can't give."""
    from host_tools.cards.desk import Sale
    from host_tools.cards.products import parse_day, sold_product
    from host_tools.ledger.store import minik_now
    from protocol.cards.state import CONTRACT_SLOTS, NO_DAY

    if not 0 <= balance <= BALANCE_MAX:
        raise BadInput(f"--balance {balance}: from 0 to {BALANCE_MAX} minor units")
    ceiling = loaded.tariff.purse_max_minor
    if ceiling is not None and balance > ceiling:
        raise BadInput(
            f"--balance {balance}: purse_ceiling: this tariff lets a card hold {ceiling} minor"
            " units at most"
        )
    tables = loaded.tables
    category = category or tables.categories[tables.default_category].id
    try:
        code = loaded.category_code(category)
    except KeyError:
        known = ", ".join(row.id for row in tables.categories)
        raise BadInput(f"--category {category!r}: the tariff knows {known}") from None
    until = NO_DAY
    if concession_until is not None:
        until = parse_day(concession_until, "--concession-until")
        if code == tables.default_category:
            raise BadInput(f"--concession-until: {category} pays what everybody pays")
    if len(products) > CONTRACT_SLOTS:
        raise BadInput(f"--product: a card has room for {CONTRACT_SLOTS}")
    now = minik_now()
    sold = tuple(sold_product(text, loaded, code, now) for text in products)
    return Sale(loaded, category, balance, sold, until)


@app.command()
def show(reader: Reader, keys: Keys, tariff: Tariff = "flat", json: Json = False) -> None:
    """Show what the one card on the reader says; exit 1 if it can't be believed.

    Times are those of the agency's clocks.

    Example: minik card show --reader pn532:/dev/ttyUSB0 --keys keys --json
    """
    from host_tools.cards.show import CardReading
    from host_tools.errors import CheckFailed
    from host_tools.keys.store import KeyStore
    from host_tools.tariff.load import load_tariff

    loaded = load_tariff(tariff)
    store = KeyStore.load(keys)
    with _client(reader) as client:
        view = CardReading(client, store, loaded).show()
    if json:
        print_json(view.as_dict())
    else:
        _print_view(view, loaded)
    if not view.sound():
        raise typer.Exit(CheckFailed.exit_code)


_IN_LINES = ("contracts", "caps", "journey", "check_in", "companions", "journeys")


def _print_view(view: "CardView", tariff: "LoadedTariff") -> None:
    from host_tools.cards.products import local_text

    for name, value in view.as_dict().items():
        if name not in _IN_LINES:
            print(f"{_title(name):<20} {_plain(name, value, tariff)}")
    for title, text in _lines(view, tariff):
        print(f"{title:<20} {text}")
    for journey in view.journeys:
        print(f"{'tap':<20} {local_text(tariff, journey.time)} vehicle {journey.vehicle}")


def _lines(view: "CardView", tariff: "LoadedTariff") -> "Iterator[tuple[str, str]]":
    """What a card may have several of, or none, as people read it."""
    for contract in view.contracts:
        yield "pass", str(contract)
    for cap in view.caps:
        spent, most = (_amount(amount, tariff) for amount in (cap.spent_minor, cap.cap_minor))
        yield f"spent this {cap.period}", f"{spent} of at most {most}"
    if view.check_in:
        yield "checked in", f"{view.check_in.time} at {view.check_in.stop_name}, not out yet"
    if view.journey:
        yield "journey", str(view.journey)
    for category, count in view.companions.items():
        yield "companions", f"{count} {category}"


def _title(name: str) -> str:
    return name.removesuffix("_minor").removesuffix("_day").replace("_", " ")


def _plain(name: str, value: object, tariff: "LoadedTariff") -> str:
    """A field of a card as people write it: money with its currency, days as dates."""
    from host_tools.cards.products import day_text

    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.endswith("_minor"):
        return _amount(value, tariff)
    if isinstance(value, int) and name.endswith("_day"):
        return day_text(value)
    return str(value)


def _amount(amount_minor: int, tariff: "LoadedTariff") -> str:
    from host_tools.ledger.store import decimal_amount

    return f"{decimal_amount(amount_minor, tariff.tables.exponent)} {tariff.tables.currency}"


@contextmanager
def _client(reader: str) -> "Iterator[Pn532Client]":
    """A started PN532; what the reader or the card fails to do comes out as NoAnswer."""
    from host_tools.device.pn532_client import Pn532Client, SerialTransport
    from protocol.errors import CardLost, FrameError, LinkLost

    chip, _, port = reader.partition(":")
    if chip != "pn532" or not port:
        raise BadInput(f"--reader {reader!r}: give pn532:PORT")
    transport = SerialTransport(port)
    try:
        client = Pn532Client(transport)
        client.start()
        yield client
    except (CardLost, FrameError, LinkLost) as error:
        raise NoAnswer(f"{port}: {error}") from error
    finally:
        transport.close()
