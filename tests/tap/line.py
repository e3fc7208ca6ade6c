"""A bus line in one process: virtual cards and readers, real tap, journal and ledger code.

No VM and no board: `Validator` drives the very generator that the firmware drives
(`protocol.tap.Validation`) against the virtual PN532, with the journal on a NOR chip. So every
fault can be tried in milliseconds. Times are Minik seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass

from host_tools.bench.nor import NorFlash, PowerCut
from host_tools.bench.reader import ClassicCard, DirectReader, Faults, RfField
from host_tools.cards.issue import Desk, NewCard
from host_tools.cards.products import SoldProduct
from host_tools.device.pn532_client import Pn532Client
from host_tools.keys.store import KeyStore
from host_tools.tariff.load import LoadedTariff
from protocol import outcomes, tap
from protocol.cards.classic_session import ClassicSession
from protocol.cards.state import NO_DAY, CardState
from protocol.errors import MinikError
from protocol.fares.engine import Fares
from protocol.fares.tariff import BytesStore, Place, Tariff
from protocol.journal import records
from protocol.journal.chain import Chain
from protocol.journal.ring import Ring
from tests.tap.town import MONTH, TEN, flat

START = 217_000_000  # a Minik time in November 2026
STORE = KeyStore.deterministic(7)
JOURNAL_SECTORS = 4


@dataclass
class Told:
    """What one tap told the passenger; `outcome` None: nothing at all."""

    outcome: str | None
    reason: str | None = None
    charged: int = 0
    balance: int | None = None
    recovered: bool = False


NOTHING = Told(None)


def issued_card(
    uid: str = "04a1b2c3",
    balance: int = 50_000,
    category: int = 0,
    store: KeyStore = STORE,
    valid_until: int = NO_DAY,
    blocked: bool = False,
    contracts: tuple[SoldProduct, ...] = (),
    concession_until: int = NO_DAY,
) -> ClassicCard:
    """A card issued by the real desk code over a virtual reader."""
    card = ClassicCard.transport(bytes.fromhex(uid))
    field = RfField()
    field.place(card, 0)
    client = Pn532Client(DirectReader(field))
    client.start()
    Desk(client, store).issue(
        NewCard(
            card_serial=int(uid, 16),
            balance_minor=balance,
            rider_category=category,
            issued_at=START - 1000,
            issued_day=START // 86_400,
            valid_until=valid_until,
            blocked=blocked,
            contracts=contracts,
            concession_until=concession_until,
        )
    )
    return copy_of(card)


def copy_of(card: ClassicCard) -> ClassicCard:
    """A fresh card with the same UID and content: no faults, no counts."""
    return ClassicCard(card.uid, size=card.size, image=bytes(card.image))


NO_FAULTS = Faults()
FROM_TODAY = SoldProduct(MONTH, START // 86_400, 0, "month", 0)
TEN_RIDES = SoldProduct(TEN, START // 86_400, 10, "ten", 0)


class Validator:
    """A validator of `vehicle` with its own journal; `vehicle` and `device_id` name it.

    `tariff` (None: `flat`), `route` and `stop` are those of its place.
    """

    def __init__(
        self,
        device_id: str,
        vehicle: int,
        store: KeyStore = STORE,
        tariff: LoadedTariff | None = None,
        route: int = 5,
        stop: int = 1,
    ) -> None:
        self.device_id = device_id
        self.place = Place(vehicle, route, stop)
        self.store = store
        self.payload = (tariff or flat()).payload
        self.journal_id = device_id.encode().ljust(4, b"_")[:4]
        self.nor = NorFlash(JOURNAL_SECTORS * 4096)
        self.field = RfField()
        self.reader = DirectReader(self.field)
        self.boots = 0
        self.now = START
        self.acknowledged: list[tuple[int, int, bytes]] = []
        self.boot()

    def boot(self) -> None:
        """Power on: find the journal's head and remember what was announced."""
        self.nor.power_on()
        self.boots += 1
        _, journal_key = self.store.device_keys(self.device_id, self.journal_id)
        self.ring = Ring(self.nor.view(0, self.nor.size), Chain(journal_key, self.journal_id))
        recovery = self.ring.recover(0)
        vault = self.store.vault(("read", "debit", "state"))
        fares = Fares(Tariff(BytesStore(self.payload)))
        self.validation = tap.Validation(vault, fares, self.place)
        self.validation.restore_announced(self.ring)
        self.client = Pn532Client(self.reader)
        self.client.start()
        self._append(
            records.BOOT,
            {
                "torn_count": recovery.torn_count,
                "first_torn_seq": recovery.first_torn_seq,
                "journal_id": self.journal_id,
            },
        )
        self._journal_place()

    def go_to(self, stop: int) -> None:
        """The vehicle is at another stop now."""
        self.place.stop = stop
        self._journal_place()

    def _journal_place(self) -> None:
        place = self.place
        self._append(
            records.PLACE, {"vehicle": place.vehicle, "route": place.route, "stop": place.stop}
        )

    def _append(self, kind: int, fields: dict) -> int:
        body = bytearray(records.BODY_BYTES)
        records.pack_body(kind, body, fields)
        return self.append(kind, body)

    def append(self, kind: int, body: bytearray) -> int:
        """One record, at the time of the running tap; what was acknowledged is remembered."""
        seq = self.ring.append(kind, body, self.now, 1, self.boots, records.CLOCK_RTC)
        self.acknowledged.append((seq, kind, bytes(body)))
        return seq

    def tap(
        self,
        cards: list[ClassicCard] | ClassicCard,
        now: int,
        faults: Faults = NO_FAULTS,
        before_action: Callable[[int], None] | None = None,
    ) -> Told:
        """Present the cards at `now`, take them away afterwards; what the passenger was told.

        `before_action(action)` is called before each action is carried out and may raise
        PowerCut. After a PowerCut the validator is dead until `boot`.
        """
        self.now = now
        for card in cards if isinstance(cards, list) else [cards]:
            self.field.place(card, self.reader.now_us, faults)
        self.told = NOTHING
        try:
            self._run(before_action)
        except PowerCut:
            pass
        finally:
            for card in list(self.field.cards):
                self.field.remove(card, self.reader.now_us)
        return self.told

    def _run(self, before_action: Callable[[int], None] | None) -> None:
        targets = self.client.targets()
        if not targets:
            return
        steps = self.validation.run(targets, len(targets), self.now, True)
        sent: object = None
        failure: MinikError | None = None
        while True:
            try:
                action = steps.throw(failure) if failure else steps.send(sent)
            except StopIteration:
                return
            if before_action:
                before_action(action)
            sent = failure = None
            try:
                sent = self._carry_out(action, targets[0].uid)
            except MinikError as error:
                failure = error

    def _carry_out(self, action: int, uid: bytes) -> object:
        validation = self.validation
        if action == tap.EXCHANGE:
            return memoryview(self.client.exchange(bytes(validation.tx[: validation.tx_len])))
        if action == tap.RESELECT:
            return self.client.reselect(uid)
        if action == tap.JOURNAL:
            return self.append(validation.record_kind, validation.body)
        decision = validation.decision
        self.told = Told(
            outcomes.OUTCOME_NAMES[decision.outcome],
            outcomes.REASON_NAMES[decision.reason],
            decision.charge_minor,
            validation.card.balance_minor() if validation.card else None,
            validation.recovered,
        )
        return None

    def journal(self) -> list[bytes | None]:
        """All records, None where a slot is torn."""
        record = bytearray(records.RECORD_BYTES)
        return [
            bytes(record) if self.ring.read_into(seq, record) else None
            for seq in range(self.ring.head)
        ]


def spent_on(card: ClassicCard, store: KeyStore = STORE) -> int:
    """Minor units spent by what the card itself says, read by an onlooker who writes nothing."""
    state, _ = state_of(card, store)
    return state.spent_minor()


def state_of(card: ClassicCard, store: KeyStore = STORE) -> tuple[CardState, bool]:
    """(CardState, announced) of the card; raises if nothing on it verifies."""
    onlooker = copy_of(card)
    field = RfField()
    field.place(onlooker, 0)
    client = Pn532Client(DirectReader(field))
    client.start()
    target = client.targets()[0]
    session = ClassicSession(store.vault(("debit", "state")))
    session.start(target.uid, outcomes.MEDIUM_CLASSIC1K)
    client.drive(session, session.read(), target.uid)
    return session.state, session.announced
