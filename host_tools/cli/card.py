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
    from host_tools.cards.show import CardView
    from host_tools.device.pn532_client import Pn532Client

_DAY_S = 86_400
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


@app.command()
def issue(
    reader: Reader,
    keys: Keys,
    balance: Annotated[int, typer.Option(help="Value paid in, in minor units")] = 0,
    category: Annotated[str, typer.Option(help="Rider category of the tariff")] = "adult",
    db: Annotated[
        str | None, typer.Option("--db", metavar="URL", help="Book the card in this ledger")
    ] = None,
    json: Json = False,
) -> None:
    """Turn the one blank card on the reader into a card of ours, and book it.

    If a sale stopped before it was booked, give the same command again: a card that was issued
    but never used is then only booked.
    Example: minik card issue --reader pn532:/dev/ttyUSB0 --keys keys --balance 50000
    --db sqlite:///ledger.db
    """
    from host_tools.cards.desk import issue_and_book
    from host_tools.keys.store import KeyStore
    from host_tools.ledger import open_ledger
    from protocol.fares.tariff import FlatTariff

    if not 0 <= balance <= BALANCE_MAX:
        raise BadInput(f"--balance {balance}: from 0 to {BALANCE_MAX} minor units")
    if category not in FlatTariff.categories:
        known = ", ".join(FlatTariff.categories)
        raise BadInput(f"--category {category!r}: the tariff knows {known}")
    store = KeyStore.load(keys)
    with spinning("issuing the card"), _client(reader) as client:
        open_books = partial(open_ledger, db) if db else None
        issued = issue_and_book(client, store, open_books, FlatTariff, balance, category)
    if json:
        print_json(issued)
    else:
        booked = "booked" if db else "not booked: no --db given"
        how = "issued" if issued["issued"] else "was issued before"
        print(f"card {issued['uid']} {how} with {balance} minor units, {category} ({booked})")


@app.command()
def show(reader: Reader, keys: Keys, json: Json = False) -> None:
    """Show what the one card on the reader says; exit 1 if it can't be believed.

    Example: minik card show --reader pn532:/dev/ttyUSB0 --keys keys --json
    """
    from host_tools.cards.show import CardReading
    from host_tools.errors import CheckFailed
    from host_tools.keys.store import KeyStore

    store = KeyStore.load(keys)
    with _client(reader) as client:
        view = CardReading(client, store).show()
    if json:
        print_json(view.as_dict())
    else:
        _print_view(view)
    if not view.sound():
        raise typer.Exit(CheckFailed.exit_code)


def _print_view(view: "CardView") -> None:
    for name, value in view.as_dict().items():
        if name != "journeys":
            print(f"{_title(name):<20} {_plain(name, value)}")
    for journey in view.journeys:
        print(f"{'journey':<20} {_clock_text(journey.time)} vehicle {journey.vehicle}")


def _title(name: str) -> str:
    return name.removesuffix("_minor").removesuffix("_day").replace("_", " ")


def _plain(name: str, value: object) -> str:
    """A field of a card as people write it: money with its currency, days as dates."""
    from protocol.fares.tariff import FlatTariff

    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.endswith("_minor"):
        from host_tools.ledger.store import decimal_amount

        return f"{decimal_amount(value, FlatTariff.exponent)} {FlatTariff.currency}"
    if isinstance(value, int) and name.endswith("_day"):
        return _clock_text(value * _DAY_S)[:10]
    return str(value)


def _clock_text(seconds: int) -> str:
    from datetime import UTC, datetime

    from protocol.compat import EPOCH_UNIX_S

    return datetime.fromtimestamp(EPOCH_UNIX_S + seconds, UTC).strftime("%Y-%m-%d %H:%MZ")


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
