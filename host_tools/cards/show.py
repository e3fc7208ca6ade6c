"""Read everything an issued card says: state, contracts, environment, grant, last taps (SPEC §2).

Codes come out as ids and names of a tariff. What was spent towards caps is given for the windows
that run now; whether a journey can still be transferred from is the engine's to say.
"""

from dataclasses import asdict, dataclass, field

from host_tools.cards.issue import PURPOSES, Desk
from host_tools.cards.products import ContractView, contract_view, local_text
from host_tools.device.pn532_client import Pn532Client
from host_tools.errors import BadInput, CheckFailed, NoAnswer
from host_tools.keys.store import KeyStore
from host_tools.ledger.store import minik_now
from host_tools.tariff.load import LoadedTariff
from host_tools.tariff.tables import ANY
from protocol import clock
from protocol.cards import classic
from protocol.cards.classic_session import ClassicSession
from protocol.cards.state import AGE_LONGER, NO_DAY, CardState
from protocol.errors import AuthError, CardLost, FrameError, LayoutError, LinkLost
from protocol.fields import parse
from protocol.nfc.pn532 import Target
from protocol.outcomes import MEDIUM_NAMES

_AUTH_A, _READ = 0x60, 0x30
_PERIODS = ("day", "week", "month")


@dataclass(frozen=True)
class Journey:
    """One of the last taps: Minik seconds, and the vehicle's code."""

    time: int
    vehicle: int


@dataclass(frozen=True)
class LastJourney:
    """The journey of the last tap: how many legs, transfers of the run, product of the last leg.

    `began`: local time of its first leg, None: longer ago than the card can say.
    """

    legs: int
    transfers: int
    fare_product_id: str | None
    began: str | None

    def __str__(self) -> str:
        legs = f"{self.legs} leg" + "s" * (self.legs != 1)
        parts = [legs, f"began {self.began}" if self.began else "", self.fare_product_id or ""]
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True)
class CheckIn:
    """A check-in without its check-out: ids of the tariff, local time, vehicle's code."""

    network_id: str
    stop_id: str
    stop_name: str
    time: str
    vehicle: int


@dataclass(frozen=True)
class CapSpent:
    """What was spent towards a cap in the day, week or month that runs; money in minor units."""

    period: str
    spent_minor: int
    cap_minor: int


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
    concession_until_day: int | None
    last_tap_announced: bool
    contracts: list[ContractView] = field(default_factory=list)
    caps: list[CapSpent] = field(default_factory=list)
    journey: LastJourney | None = None
    check_in: CheckIn | None = None
    companions: dict[str, int] = field(default_factory=dict)
    journeys: list[Journey] = field(default_factory=list)

    def sound(self) -> bool:
        """Do the signature and the environment verify, and is the grant the one in force?"""
        return self.grant_signature == "valid" and self.environment_mac == "valid"

    def as_dict(self) -> dict[str, object]:
        """For --json."""
        return asdict(self)


class CardReading:
    """Reads the card in front of `client` with the keys of `store`; writes nothing.

    `tariff` names what the card says in codes. `tag` is the tag of the state that was read last,
    4 bytes.
    """

    def __init__(self, client: Pn532Client, store: KeyStore, tariff: LoadedTariff) -> None:
        self._client = client
        self._store = store
        self._tariff = tariff
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
        journeys = [Journey(state.tap_time, state.vehicle)] if state.tap_time else []
        other = CardState()
        core = self._sector(target, classic.STATE_SECTORS[1 - (state.seq & 1)])
        if classic.is_layout(core):
            classic.get_core(core, other)
            if other.seq == state.seq - 1 and other.tap_time:
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
        ends = known["valid_until"] if state.concession_ends else state.valid_until
        words = CardWords(state, self._tariff, minik_now())
        return CardView(
            uid=state.uid.hex(),
            medium=MEDIUM_NAMES[state.medium],
            card_serial=int.from_bytes(known["card_serial"], "little"),
            agency=known["agency"],
            key_version=known["key_version"],
            rider_category=words.category(state.rider_category),
            balance_minor=state.balance_minor(),
            granted_minor=state.granted_minor,
            spent_minor=state.spent_minor(),
            transactions=state.seq - 1,
            grant_seq=state.grant_seq,
            grant_signature=self._grant_verdict(session, granted, payload, signature, known),
            environment_mac="valid" if mac == wanted else "wrong",
            blocked=state.blocked,
            valid_until_day=None if ends == NO_DAY else ends,
            concession_until_day=state.valid_until if state.concession_ends else None,
            last_tap_announced=session.announced,
            contracts=words.contracts(),
            caps=words.caps(),
            journey=words.journey(),
            check_in=words.check_in(),
            companions=words.companions(),
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


class CardWords:
    """What a card's state says at `now` (Minik seconds), in ids and names of a tariff."""

    def __init__(self, state: CardState, tariff: LoadedTariff, now: int) -> None:
        self._state = state
        self._tariff = tariff
        self._now = now

    def category(self, code: int) -> str:
        """Id of a rider category; its number if the tariff has none."""
        categories = self._tariff.tables.categories
        return categories[code].id if code < len(categories) else str(code)

    def contracts(self) -> list[ContractView]:
        """The passes and rides, in the order of their slots."""
        return [
            contract_view(contract, self._tariff, self._now)
            for contract in self._state.contracts
            if contract.product
        ]

    def caps(self) -> list[CapSpent]:
        """The caps of the card's category, and what counts towards each by now."""
        state, tables = self._state, self._tariff.tables
        spent = (state.spent_day_minor, state.spent_week_minor, state.spent_month_minor)
        found = []
        for number, period in enumerate(_PERIODS):
            amounts = [
                cap.amount_minor
                for cap in tables.caps
                if cap.period == number + 1 and cap.category in (state.rider_category, ANY)
            ]
            if amounts:
                runs = self._window(number, state.tap_time) == self._window(number, self._now)
                found.append(CapSpent(period, spent[number] if runs else 0, min(amounts)))
        return found

    def _window(self, number: int, at: int) -> int:
        day = int(self._tariff.tariff.service_day(at))
        return int((day, clock.week_of(day), clock.month_of(day))[number])

    def journey(self) -> LastJourney | None:
        """The journey of the last tap, None before the first ride."""
        state = self._state
        if not state.journey_legs:
            return None
        began = None
        if state.journey_age_s != AGE_LONGER:
            began = local_text(self._tariff, state.tap_time - state.journey_age_s)
        product = self._tariff.tariff.product_id(state.leg_product)
        return LastJourney(state.journey_legs, state.run_transfers, product or None, began)

    def check_in(self) -> CheckIn | None:
        """Where the card has checked in and not out, None if it has not."""
        state, tariff = self._state, self._tariff.tariff
        if not state.checked_in:
            return None
        return CheckIn(
            tariff.network_id(state.leg_network),
            tariff.stop_id(state.leg_exit_stop),
            tariff.stop_name(state.leg_exit_stop),
            local_text(self._tariff, state.tap_time),
            state.vehicle,
        )

    def companions(self) -> dict[str, int]:
        """Who came along on the last tap: category id to count."""
        both = (self._state.companions & 0xFF, self._state.companions >> 8)
        return {self.category(one >> 4): one & 15 for one in both if one & 15}
