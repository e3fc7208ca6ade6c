"""One transaction on a virtual card by the session alone: no fares, no journal, any state.

What the card says is compared as a whole (`said`), so nothing of an extension or annex is
forgotten by a test.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from host_tools.bench.reader import ClassicCard, DirectReader, Faults, RfField
from host_tools.device.pn532_client import Pn532Client
from host_tools.keys.store import KeyStore
from protocol.cards.classic_session import EXCHANGE, ClassicSession
from protocol.cards.state import CardState
from protocol.errors import MinikError
from protocol.outcomes import MEDIUM_CLASSIC1K

STORE = KeyStore.deterministic(7)
NO_FAULTS = Faults()
Change = Callable[[CardState], None]


def said(state: CardState) -> dict[str, Any]:
    """Everything `state` says, as a dict that compares."""
    fields = {name: value for name, value in vars(state).items() if name != "contracts"}
    fields["contracts"] = [(one.product, one.start, one.rides) for one in state.contracts]
    return fields


@dataclass
class Presented:
    """One presentation: exchanges made, how far it got, and the error that ended it."""

    exchanges: int
    before: dict[str, Any]
    after: dict[str, Any]
    announced: bool
    last_charge_minor: int
    committed: bool
    transfer_sent: bool
    error: MinikError | None


def present(
    card: ClassicCard,
    change: Change | None = None,
    charge_minor: int = 0,
    now: int = 1000,
    faults: Faults = NO_FAULTS,
) -> Presented:
    """Read the card and, with `change`, commit and confirm what it makes of the state."""
    field = RfField()
    reader = DirectReader(field)
    field.place(card, 0, faults)
    client = Pn532Client(reader)
    client.start()
    session = ClassicSession(STORE.vault(("read", "debit", "state")))
    exchanges = 0
    committed = False

    def drive(steps: Any) -> None:
        nonlocal exchanges

        def counted() -> Any:
            nonlocal exchanges
            sent, failure = None, None
            while True:
                try:
                    action = steps.throw(failure) if failure else steps.send(sent)
                except StopIteration:
                    return
                exchanges += action == EXCHANGE
                sent, failure = None, None
                try:
                    sent = yield action
                except MinikError as error:
                    failure = error

        client.drive(session, counted(), card.uid)

    error: MinikError | None = None
    try:
        if not client.targets():
            session.start(card.uid, MEDIUM_CLASSIC1K)
        else:
            session.start(card.uid, MEDIUM_CLASSIC1K)
            drive(session.read())
            if change:
                session.propose()
                change(session.after)
                assert session.seal(charge_minor, now)
                drive(session.commit())
                committed = True
                drive(session.confirm())
    except MinikError as failed:
        error = failed
    finally:
        if card in field.cards:
            field.remove(card, reader.now_us)
    return Presented(
        exchanges,
        said(session.state),
        said(session.after),
        session.announced,
        session.last_charge_minor,
        committed,
        session.transfer_sent,
        error,
    )
