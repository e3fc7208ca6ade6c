"""What a card has left, read as an inspector with debit keys would; for the tests here."""

from host_tools.bench.reader import DirectReader, RfField
from host_tools.device.pn532_client import Pn532Client
from protocol.cards.classic_session import ClassicSession
from protocol.outcomes import MEDIUM_CLASSIC1K
from tests.firmware.door import STORE


def balance_of(card):
    """Balance of a card that lies in no field now."""
    field = RfField()
    field.place(card)
    client = Pn532Client(DirectReader(field))
    client.start()
    client.targets()
    session = ClassicSession(STORE.vault(("read", "debit", "state")))
    session.start(card.uid, MEDIUM_CLASSIC1K)
    client.drive(session, session.read(), card.uid)
    field.clear(10**9)
    return session.state.balance_minor()
