"""Read everything an issued card says: state, environment, grant and last journeys (SPEC §2)."""

from dataclasses import asdict, dataclass, field

from host_tools.cards.issue import PURPOSES, Desk
from host_tools.device.pn532_client import Pn532Client
from host_tools.errors import BadInput, CheckFailed, NoAnswer
from host_tools.keys.store import KeyStore
from protocol.cards import classic
from protocol.cards.classic_session import ClassicSession
from protocol.cards.state import NO_DAY, CardState
from protocol.errors import AuthError, CardLost, FrameError, LayoutError, LinkLost
from protocol.fares.tariff import FlatTariff
from protocol.fields import parse
from protocol.nfc.pn532 import Target
from protocol.outcomes import MEDIUM_NAMES

_AUTH_A, _READ = 0x60, 0x30
_BLOCK = 16


@dataclass(frozen=True)
class Journey:
    """One of the last taps: Minik seconds, and the vehicle's code."""

    time: int
    vehicle: int


@dataclass(frozen=True)
class CardView:
    """A card as the desk shows it. Money in minor units, days since 2020-01-01, None: no end."""

    uid: str
    medium: str
    card_serial: int
    agency: int
    key_version: int
    rider_category: str
    balance_minor: int
    granted_minor: int
    spent_minor: int
    transactions: int
    grant_seq: int
    grant_signature: str
    environment_mac: str
    blocked: bool
    valid_until_day: int | None
    last_tap_announced: bool
    journeys: list[Journey] = field(default_factory=list)

    def sound(self) -> bool:
        """Do the signature and the environment verify, and is the grant the one in force?"""
        return self.grant_signature == "valid" and self.environment_mac == "valid"

    def as_dict(self) -> dict[str, object]:
        """For --json."""
        return asdict(self)


class CardReading:
    """Reads the card in front of `client` with the keys of `store`; writes nothing.

    `tag` is the tag of the state that was read last, 4 bytes.
    """

    def __init__(self, client: Pn532Client, store: KeyStore) -> None:
        self._client = client
        self._store = store
        self._vault = store.vault(PURPOSES)
        self._seal = classic.StateSeal(self._vault)
        self.tag = b""

    def show(self, target: Target | None = None) -> CardView:
        """Everything on the card `target`, selected just now (None: the one in the field).

        BadInput if it is no card of ours, CheckFailed if nothing on it verifies, NoAnswer if it
        went away.
        """
        target = target or Desk(self._client, self._store).only_card()
        session = ClassicSession(self._vault)
        session.start(target.uid, classic.medium_of(target.sak, len(target.uid)))
        try:
            self._client.drive(session, session.read(), target.uid)
            environment = self._sector(target, classic.ENVIRONMENT_SECTOR)
            journeys = self._journeys(target, session.state)
            slot = classic.GRANT_SECTORS[session.state.grant_seq & 1]
            grant = self._sector(target, slot[0]) + self._sector(target, slot[1])
        except AuthError as error:
            raise BadInput("this card was not issued with these keys") from error
        except LayoutError as error:
            raise CheckFailed(f"bad_signature: {error}") from error
        except (CardLost, FrameError, LinkLost) as error:
            raise NoAnswer("the card went away while it was read") from error
        self.tag = bytes(session.state.tag)
        return self._view(session, environment, grant, journeys)

    def _sector(self, target: Target, sector: int) -> bytes:
        key = bytearray(6)
        self._vault.fill_classic_auth(key, 0, "read", target.uid, sector, classic.KEY_A)
        block = classic.first_block(sector)
        self._client.exchange(bytes((_AUTH_A, block)) + bytes(key) + target.uid[-4:])
        return b"".join(
            self._client.exchange(bytes((_READ, block + index))) for index in range(3)
        )

    def _journeys(self, target: Target, state: CardState) -> list[Journey]:
        """The last tap, and the one before if the other copy still tells it (unproven)."""
        journeys = [Journey(state.tap_time, state.vehicle)] if state.journey_legs else []
        other = CardState()
        core = self._sector(target, classic.STATE_SECTORS[1 - (state.seq & 1)])
        if classic.is_layout(core):
            classic.get_core(core, other)
            if other.seq == state.seq - 1 and other.journey_legs:
                journeys.append(Journey(other.tap_time, other.vehicle))
        return journeys

    def _view(
        self, session: ClassicSession, environment: bytes, grant: bytes, journeys: list[Journey]
    ) -> CardView:
        state = session.state
        known = parse(classic.ENVIRONMENT, environment)
        payload = grant[: classic.GRANT_WIDTH]
        signature = grant[classic.GRANT_WIDTH :][: classic.SIGNATURE_WIDTH]
        granted = parse(classic.GRANT, payload)
        mac = environment[classic.CORE_FIELDS_WIDTH :][: classic.MAC_WIDTH]
        wanted = self._seal.environment_mac(state.uid, environment)
        categories = FlatTariff.categories
        category = state.rider_category
        return CardView(
            uid=state.uid.hex(),
            medium=MEDIUM_NAMES[state.medium],
            card_serial=int.from_bytes(known["card_serial"], "little"),
            agency=known["agency"],
            key_version=known["key_version"],
            rider_category=categories[category] if category < len(categories) else str(category),
            balance_minor=state.balance_minor(),
            granted_minor=state.granted_minor,
            spent_minor=state.spent_minor(),
            transactions=state.seq - 1,
            grant_seq=state.grant_seq,
            grant_signature=self._grant_verdict(session, granted, payload, signature, known),
            environment_mac="valid" if mac == wanted else "wrong",
            blocked=state.blocked,
            valid_until_day=None if state.valid_until == NO_DAY else state.valid_until,
            last_tap_announced=session.announced,
            journeys=journeys,
        )

    def _grant_verdict(
        self,
        session: ClassicSession,
        granted: dict[str, int],
        payload: bytes,
        signature: bytes,
        environment: dict[str, int],
    ) -> str:
        """`valid`, or what is wrong with the grant that should stand behind the card's value."""
        state = session.state
        if not self._store.verify_grant(payload, state.uid, signature):
            return "wrong signature"
        if granted["card_serial"] != environment["card_serial"]:
            return "another card's"
        if (granted["grant_seq"], granted["value_minor"]) != (
            state.grant_seq,
            state.granted_minor,
        ):
            return "not the one the state names"
        return "valid"
