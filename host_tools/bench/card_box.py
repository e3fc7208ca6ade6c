"""The cards of a scenario: made, issued at a virtual desk, and tampered with where it says so.

Everything random (UIDs) comes from the seed and the card's name, so a card stays the same when
others are added. A card is issued exactly as a real one is (`host_tools.cards.issue`), over a
virtual reader. Left out: booking what the desk was paid.
"""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from random import Random

from host_tools.bench.reader import ClassicCard, DirectReader, RfField
from host_tools.bench.scenario.schema import Medium
from host_tools.bench.scenario.tariffs import held_product
from host_tools.cards.issue import Desk, NewCard
from host_tools.device.pn532_client import Pn532Client
from host_tools.errors import BadInput
from host_tools.keys.store import KeyStore
from host_tools.ledger import Issue
from host_tools.tariff.load import LoadedTariff
from protocol.cards.state import NO_DAY
from protocol.compat import EPOCH_UNIX_S
from protocol.errors import LinkLost
from protocol.outcomes import MEDIUM_NAMES

_EPOCH_DAY = date(2020, 1, 1)
_SIZES = {"classic1k": "1k", "classic4k": "4k"}
_NXP = 0x04  # ISO/IEC 7816-6: the maker's byte of a 7-byte UID
_CASCADE_TAG = 0x88
_RANDOM_UID = 0x08  # ISO/IEC 14443-3 §6.5.4: a UID that changes at every power-up


class _DeskReader:
    """The virtual reader as the desk's client knows one."""

    def __init__(self, field: RfField) -> None:
        self._reader = DirectReader(field)
        self._field = field

    def exchange(self, command: bytes) -> bytes:
        """LinkLost where a real reader would never answer."""
        response = self._reader.exchange(command)
        if response is None:
            raise LinkLost("the reader polls for ever")
        return response

    def take_away(self) -> None:
        """Take the card from the desk, long after its last write is done."""
        self._field.clear(self._reader.now_us + 1_000_000)


@dataclass(frozen=True)
class BoxedCard:
    """A card and, if our own desk issued it, what is to be booked for it."""

    card: ClassicCard
    issue: Issue | None


def _day(until: date | None) -> int:
    return NO_DAY if until is None else (until - _EPOCH_DAY).days


def make_uid(seed: int, name: str, length: int) -> bytes:
    """A UID of 4 or 7 bytes as a maker could have given it."""
    drawn = bytearray(Random(f"{seed} uid {name}").randbytes(length))
    if length == 7:
        drawn[0] = _NXP
    while drawn[0] in (_CASCADE_TAG, _RANDOM_UID) or (length == 7 and drawn[3] == _CASCADE_TAG):
        drawn[0 if length == 4 else 3] += 1
    return bytes(drawn)


class CardBox:
    """Makes the cards of a scenario, with passes and rides of `tariff`.

    `folder`: where dumps are looked for; `start`: issue time.
    """

    def __init__(
        self, seed: int, folder: Path, start: datetime, store: KeyStore, tariff: LoadedTariff
    ) -> None:
        self._seed = seed
        self._folder = folder
        self._start = start
        self._store = store
        self._tariff = tariff
        self._other: KeyStore | None = None
        self._serial = 0

    def make(self, name: str, medium: Medium) -> BoxedCard:
        """One card as the scenario describes it; BadInput if the dump is not of such a card."""
        issue = None
        if medium.file is not None:
            card = self._from_dump(self._folder / medium.file)
        else:
            uid = bytes.fromhex(medium.uid) if medium.uid else None
            uid = uid or make_uid(self._seed, name, medium.uid_length or 4)
            card = ClassicCard.transport(uid, _SIZES[medium.type])
            if not medium.blank:
                issue = self._issue(card, medium)
        for tamper in medium.tamper:
            block = bytearray(card.block(tamper.block))
            block[tamper.byte] ^= tamper.xor
            card.set_block(tamper.block, bytes(block))
        return BoxedCard(card, issue)

    def _from_dump(self, path: Path) -> ClassicCard:
        try:
            return ClassicCard.from_dump(path.read_bytes())
        except (OSError, ValueError) as error:
            raise BadInput(f"{path}: no dump of a MIFARE Classic card ({error})") from error

    def _issue(self, card: ClassicCard, medium: Medium) -> Issue | None:
        """Issue `card`; what to book, or None when it is another agency's money."""
        own = medium.agency == "own"
        field = RfField()
        field.place(card)
        reader = _DeskReader(field)
        client = Pn532Client(reader)
        client.start()
        self._serial += 1
        at = int(self._start.timestamp()) - EPOCH_UNIX_S
        category = self._category(medium)
        products = tuple(
            held_product(held, self._tariff, category, self._start) for held in medium.products
        )
        state = Desk(client, self._store if own else self._other_store()).issue(NewCard(
            card_serial=self._serial,
            balance_minor=medium.balance,
            rider_category=category,
            issued_at=at,
            issued_day=self._tariff.tariff.day(at),
            valid_until=_day(medium.valid_until),
            concession_until=_day(medium.concession_until),
            contracts=products,
        ))
        reader.take_away()
        if not own:
            return None
        return Issue(
            uid=card.uid.hex(),
            serial=self._serial,
            medium=MEDIUM_NAMES.index(medium.type),
            granted_minor=medium.balance,
            time=at,
            tag=state.tag.hex(),
            products_minor=sum(sold.price_minor for sold in products),
        )

    def _category(self, medium: Medium) -> int:
        if medium.rider_category is None:
            return self._tariff.tables.default_category
        return self._tariff.category_code(medium.rider_category)

    def _other_store(self) -> KeyStore:
        """Keys of an agency that is not ours, whatever ours is."""
        if self._other is None:
            self._other = KeyStore.deterministic(f"{self._seed} other agency")
        return self._other
