"""A card desk's sale: write the card, then book what was paid for it.

The ledger's write lock is held meanwhile, so nothing is written to a card that could not be
booked. A desk that stops between the card and the books leaves a card that carries money nobody
booked; the same sale once more books it, as long as nobody has tapped it.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from host_tools.cards.issue import Desk, IssuedAlready, NewCard
from host_tools.cards.products import SoldProduct, day_text
from host_tools.cards.show import CardReading, CardView
from host_tools.device.pn532_client import Pn532Client
from host_tools.errors import BadInput, NoAnswer
from host_tools.keys.store import KeyStore
from host_tools.ledger.store import Issue, Ledger, minik_now
from host_tools.tariff.load import LoadedTariff
from protocol.cards.classic import medium_of
from protocol.cards.state import NO_DAY
from protocol.nfc.pn532 import Target
from protocol.outcomes import MEDIUM_NAMES

_SERIAL_BITS = 63


@dataclass(frozen=True)
class Sale:
    """What a passenger asks for: money in minor units, the category by its id, days as SPEC §1."""

    tariff: LoadedTariff
    category: str
    balance_minor: int
    products: tuple[SoldProduct, ...] = ()
    concession_until: int = NO_DAY

    def products_minor(self) -> int:
        """What the passes and rides cost together."""
        return sum(sold.price_minor for sold in self.products)


def issue_and_book(
    client: Pn532Client, store: KeyStore, open_books: Callable[[], Ledger] | None, sale: Sale
) -> dict[str, Any]:
    """Issue the one blank card in the field as `sale` says; what it is, for --json.

    `open_books` opens the ledger once a card is there; it is closed again. None: not booked.
    A card that was sold like this before, never used and not booked is only booked (`issued` is
    false then). BadInput for no single blank card or one that is booked already, and if the
    books fail after the card was written; NoAnswer if it went away.
    """
    desk = Desk(client, store)
    target = desk.only_card()
    if open_books is None:
        return _told(_issue(desk, target, sale), sale, True, False)
    ledger = open_books()
    try:
        return _sell(client, store, desk, target, ledger, sale)
    finally:
        ledger.close()


def _sell(
    client: Pn532Client, store: KeyStore, desk: Desk, target: Target, ledger: Ledger, sale: Sale
) -> dict[str, Any]:
    """The sale under the ledger's write lock."""
    written = None
    try:
        with ledger.booking(target.uid.hex()) as book:
            try:
                written = sold = _issue(desk, target, sale)
            except IssuedAlready:
                sold = _issued_before(client, store, target, sale)
            book(sold)
    except BadInput as error:
        if written is None:
            raise
        raise BadInput(
            f"card {written.uid} carries {_carried(sale)} but is NOT booked: {error};"
            " leave it on the reader and give the same command again, which then only books it"
        ) from error
    return _told(sold, sale, written is not None, True)


def _issue(desk: Desk, target: Target, sale: Sale) -> Issue:
    now = minik_now()
    new = NewCard(
        card_serial=secrets.randbits(_SERIAL_BITS),
        balance_minor=sale.balance_minor,
        rider_category=sale.tariff.category_code(sale.category),
        issued_at=now,
        issued_day=sale.tariff.tariff.day(now),
        concession_until=sale.concession_until,
        contracts=sale.products,
    )
    state = desk.issue(new, target)
    return _booking(sale, target, bytes(state.uid).hex(), new.card_serial, bytes(state.tag))


def _booking(sale: Sale, target: Target, uid: str, serial: int, tag: bytes) -> Issue:
    return Issue(
        uid,
        serial,
        medium_of(target.sak, len(target.uid)),
        sale.balance_minor,
        minik_now(),
        tag=tag.hex(),
        products_minor=sale.products_minor(),
    )


def _issued_before(client: Pn532Client, store: KeyStore, target: Target, sale: Sale) -> Issue:
    """The sale behind a card that is ours already; BadInput if it can't be this one."""
    if not client.reselect(target.uid):
        raise NoAnswer("the card went away while it was read")
    reading = CardReading(client, store, sale.tariff)
    view = reading.show(target)
    if view.transactions or view.grant_seq != 1 or not view.sound():
        raise BadInput(
            "this card has been issued and used already; nothing was written, nothing booked"
        )
    wanted = (
        sale.balance_minor,
        sale.category,
        [sold.fare_product_id for sold in sale.products],
        None if sale.concession_until == NO_DAY else sale.concession_until,
    )
    if _found(view) != wanted:
        raise BadInput(
            f"this card has been issued already, with {view.granted_minor} minor units,"
            f" {view.rider_category}; nothing was written. To book it say{_options(view)}"
        )
    return _booking(sale, target, view.uid, view.card_serial, reading.tag)


def _found(view: CardView) -> tuple[int, str, list[str], int | None]:
    products = [contract.fare_product_id for contract in view.contracts]
    return view.granted_minor, view.rider_category, products, view.concession_until_day


def _options(view: CardView) -> str:
    granted, category, products, until = _found(view)
    options = f" --balance {granted} --category {category}"
    options += "".join(f" --product {product}" for product in products)
    return options + (f" --concession-until {day_text(until)}" if until is not None else "")


def _carried(sale: Sale) -> str:
    names = [f"{sale.balance_minor} minor units"]
    return " and ".join([*names, *(sold.fare_product_id for sold in sale.products)])


def _told(sold: Issue, sale: Sale, issued: bool, booked: bool) -> dict[str, Any]:
    until = sale.concession_until
    return {
        "uid": sold.uid,
        "card_serial": sold.serial,
        "medium": MEDIUM_NAMES[sold.medium],
        "rider_category": sale.category,
        "balance_minor": sold.granted_minor,
        "products": [
            {"fare_product_id": one.fare_product_id, "price_minor": one.price_minor}
            for one in sale.products
        ],
        "paid_minor": sold.granted_minor + sold.products_minor,
        "concession_until": None if until == NO_DAY else day_text(until),
        "issued": issued,
        "booked": booked,
    }
