"""A card desk's sale: write the card, then book what was paid for it.

The ledger is asked first whether the card is booked already, so nothing is written to a card that
could not be booked. A desk that stops between the card and the books leaves a card that
`minik reconcile` names as granted but not booked.
"""

import secrets
from collections.abc import Callable
from typing import Any

from host_tools.cards.issue import Desk, NewCard
from host_tools.device.pn532_client import Pn532Client
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
    BadInput for no single blank card or one that is booked already, NoAnswer if it went away.
    """
    desk = Desk(client, store)
    target = desk.only_card()
    if open_books is None:
        return _issue(desk, target, tariff, balance_minor, category, None)
    ledger = open_books()
    try:
        ledger.check_not_booked(target.uid.hex())
        return _issue(desk, target, tariff, balance_minor, category, ledger)
    finally:
        ledger.close()


def _issue(
    desk: Desk,
    target: Target,
    tariff: Any,
    balance_minor: int,
    category: str,
    ledger: Ledger | None,
) -> dict[str, Any]:
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
    uid = bytes(state.uid).hex()
    if ledger:
        tag = bytes(state.tag).hex()
        ledger.issue(Issue(uid, new.card_serial, medium, balance_minor, now, tag=tag))
    return {
        "uid": uid,
        "card_serial": new.card_serial,
        "medium": MEDIUM_NAMES[medium],
        "rider_category": category,
        "balance_minor": balance_minor,
        "booked": ledger is not None,
    }
