"""A card desk's sale: write the card, then book what was paid for it.

The ledger's write lock is held meanwhile, so nothing is written to a card that could not be
booked. A desk that stops between the card and the books leaves a card that carries money nobody
booked; the same sale once more books it, as long as nobody has tapped it.
"""

import secrets
from collections.abc import Callable
from typing import Any

from host_tools.cards.issue import Desk, IssuedAlready, NewCard
from host_tools.cards.show import CardReading
from host_tools.device.pn532_client import Pn532Client
from host_tools.errors import BadInput, NoAnswer
from host_tools.keys.store import KeyStore
from host_tools.ledger.store import Issue, Ledger, minik_now
from protocol.cards.classic import medium_of
from protocol.nfc.pn532 import Target
from protocol.outcomes import MEDIUM_NAMES

_SERIAL_BITS = 63


def issue_and_book(
    client: Pn532Client,
    store: KeyStore,
    open_books: Callable[[], Ledger] | None,
    tariff: Any,
    balance_minor: int,
    category: str,
) -> dict[str, Any]:
    """Issue the one blank card in the field with `balance_minor`; what it is, for --json.

    `open_books` opens the ledger once a card is there; it is closed again. None: not booked.
    A card that was sold like this before, never used and not booked is only booked (`issued` is
    false then). BadInput for no single blank card or one that is booked already, and if the
    books fail after the card was written; NoAnswer if it went away.
    """
    desk = Desk(client, store)
    target = desk.only_card()
    if open_books is None:
        return _told(_issue(desk, target, tariff, balance_minor, category), category, True, False)
    ledger = open_books()
    try:
        return _sell(client, store, desk, target, ledger, tariff, balance_minor, category)
    finally:
        ledger.close()


def _sell(
    client: Pn532Client,
    store: KeyStore,
    desk: Desk,
    target: Target,
    ledger: Ledger,
    tariff: Any,
    balance_minor: int,
    category: str,
) -> dict[str, Any]:
    """The sale under the ledger's write lock."""
    written = None
    try:
        with ledger.booking(target.uid.hex()) as book:
            try:
                written = sold = _issue(desk, target, tariff, balance_minor, category)
            except IssuedAlready:
                sold = _issued_before(client, store, target, balance_minor, category)
            book(sold)
    except BadInput as error:
        if written is None:
            raise
        raise BadInput(
            f"card {written.uid} carries {balance_minor} minor units but is NOT booked: {error};"
            " leave it on the reader and give the same command again, which then only books it"
        ) from error
    return _told(sold, category, written is not None, True)


def _issue(
    desk: Desk, target: Target, tariff: Any, balance_minor: int, category: str
) -> Issue:
    medium = medium_of(target.sak, len(target.uid))
    now = minik_now()
    new = NewCard(
        card_serial=secrets.randbits(_SERIAL_BITS),
        balance_minor=balance_minor,
        rider_category=tariff.categories.index(category),
        issued_at=now,
        issued_day=tariff().day(now),
    )
    state = desk.issue(new, target)
    tag = bytes(state.tag).hex()
    return Issue(bytes(state.uid).hex(), new.card_serial, medium, balance_minor, now, tag=tag)


def _issued_before(
    client: Pn532Client, store: KeyStore, target: Target, balance_minor: int, category: str
) -> Issue:
    """The sale behind a card that is ours already; BadInput if it can't be this one."""
    if not client.reselect(target.uid):
        raise NoAnswer("the card went away while it was read")
    reading = CardReading(client, store)
    view = reading.show(target)
    if view.transactions or view.grant_seq != 1 or not view.sound():
        raise BadInput(
            "this card has been issued and used already; nothing was written, nothing booked"
        )
    if (view.granted_minor, view.rider_category) != (balance_minor, category):
        raise BadInput(
            f"this card has been issued already, with {view.granted_minor} minor units,"
            f" {view.rider_category}; nothing was written. To book it say --balance"
            f" {view.granted_minor} --category {view.rider_category}"
        )
    medium = medium_of(target.sak, len(target.uid))
    return Issue(
        view.uid, view.card_serial, medium, balance_minor, minik_now(), tag=reading.tag.hex()
    )


def _told(sold: Issue, category: str, issued: bool, booked: bool) -> dict[str, Any]:
    return {
        "uid": sold.uid,
        "card_serial": sold.serial,
        "medium": MEDIUM_NAMES[sold.medium],
        "rider_category": category,
        "balance_minor": sold.granted_minor,
        "issued": issued,
        "booked": booked,
    }
