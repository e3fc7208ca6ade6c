"""Issue a blank MIFARE Classic card: keys, environment, signed grant, state and purse (SPEC §2).

Safe to repeat: sectors are written one by one, the purse sector last, so a card that was pulled
away is simply issued again; a card whose purse sector is ours already is refused.
"""

from dataclasses import dataclass
from typing import Any

from host_tools.cards.products import SoldProduct
from host_tools.device.pn532_client import Pn532Client
from host_tools.errors import BadInput, NoAnswer
from host_tools.keys.store import KeyStore
from protocol.cards import classic, purse
from protocol.cards.state import CONTRACT_SLOTS, NO_DAY, CardState
from protocol.errors import AuthError, CardLost, FrameError, LinkLost
from protocol.fields import pack_into
from protocol.nfc.pn532 import Target
from protocol.outcomes import MEDIUM_UNKNOWN

PURPOSES = ("read", "debit", "personalise", "state")
FACTORY_KEY = b"\xff" * 6
_AUTH_A, _AUTH_B, _WRITE = 0x60, 0x61, 0xA0
_GENERAL_PURPOSE_BYTE = 0x69  # as delivered, MF1S50yyX §8.7
_BLOCK = 16

# access conditions C1C2C3 of blocks 0, 1, 2 and the trailer (MF1S50yyX §8.7.2, tables 7 and 8)
_READ_A_WRITE_B = (0b100, 0b100, 0b100)
_PURSE = (0b100, 0b110, 0b110)
_TRAILER_B_ALL = 0b011
_TRAILER_B_KEYS = 0b100


@dataclass(frozen=True)
class SectorPlan:
    """How one sector is keyed: purposes of key A and B, access conditions of its four blocks."""

    sector: int
    purpose_a: str
    purpose_b: str
    conditions: tuple[int, int, int]
    trailer: int


def sector_plans() -> list[SectorPlan]:
    """All sectors of layout 1 in the order they are written: the purse last."""
    debit = [*classic.STATE_SECTORS, *classic.GRANT_SECTORS[0], *classic.GRANT_SECTORS[1]]
    debit += [*classic.ANNEX_SECTORS, *classic.RESERVED_DEBIT_SECTORS]
    plans = [
        SectorPlan(sector, "read", "debit", _READ_A_WRITE_B, _TRAILER_B_KEYS) for sector in debit
    ]
    for sector in (classic.ENVIRONMENT_SECTOR, classic.RESERVED_SECTOR):
        plans.append(
            SectorPlan(sector, "read", "personalise", _READ_A_WRITE_B, _TRAILER_B_ALL)
        )
    plans.append(
        SectorPlan(classic.PURSE_SECTOR, "debit", "personalise", _PURSE, _TRAILER_B_ALL)
    )
    return plans


def access_bytes(conditions: tuple[int, int, int], trailer: int) -> bytes:
    """Bytes 6 to 8 of a trailer: C1 C2 C3 of the four blocks and their complements (§8.7.1)."""
    c1 = c2 = c3 = 0
    for block, condition in enumerate((*conditions, trailer)):
        c1 |= (condition >> 2 & 1) << block
        c2 |= (condition >> 1 & 1) << block
        c3 |= (condition & 1) << block
    return bytes(((~c2 & 15) << 4 | ~c1 & 15, c1 << 4 | ~c3 & 15, c3 << 4 | c2))


class IssuedAlready(BadInput):
    """The card carries our keys in its purse: it is no blank one."""


@dataclass(frozen=True)
class NewCard:
    """What a card is issued with. `balance_minor` in minor units, days since 2020-01-01.

    A card that ends has no concession that ends before it: its state has room for one day.
    """

    card_serial: int
    balance_minor: int
    rider_category: int
    issued_at: int
    issued_day: int
    valid_until: int = NO_DAY
    concession_until: int = NO_DAY  # last day of the rider category
    contracts: tuple[SoldProduct, ...] = ()  # at most CONTRACT_SLOTS
    blocked: bool = False  # handed out asleep, to be unblocked by the agency later

    def __post_init__(self) -> None:
        if NO_DAY not in (self.valid_until, self.concession_until):
            raise BadInput("a card that ends can't have a concession that ends too")
        if len(self.contracts) > CONTRACT_SLOTS:
            raise BadInput(f"a card has room for {CONTRACT_SLOTS} passes or rides")


def first_state(new: NewCard, uid: bytes) -> CardState:
    """The state a card is issued with (SPEC §2.2); its tag is not known yet."""
    state = CardState()
    state.uid = uid
    state.seq = state.spent_counter = 1
    state.granted_minor = new.balance_minor
    state.grant_seq = 1
    state.rider_category = new.rider_category
    state.concession_ends = new.concession_until != NO_DAY
    state.valid_until = min(new.valid_until, new.concession_until)
    state.blocked = new.blocked
    state.annexed = bool(new.contracts)
    for contract, sold in zip(state.contracts, new.contracts, strict=False):
        contract.product = sold.product
        contract.start = sold.start
        contract.rides = sold.rides
    return state


class Desk:
    """Issues the card in front of `client` with the keys of `store`."""

    def __init__(self, client: Pn532Client, store: KeyStore) -> None:
        self._client = client
        self._store = store
        self._vault = store.vault(PURPOSES)
        self._seal = classic.StateSeal(self._vault)

    def issue(self, new: NewCard, target: Target | None = None) -> CardState:
        """Issue the card `target`, as `only_card` gave it (None: ask now); returns its new state.

        BadInput if there is no single blank card (IssuedAlready: it is ours); NoAnswer if it went
        away half-way (say: again).
        """
        target = target or self.only_card()
        state = first_state(new, target.uid)
        try:
            if self._opens(target, classic.PURSE_SECTOR, _AUTH_A, "debit"):
                raise IssuedAlready("this card has been issued already; nothing was written")
            contents = self._contents(new, state)
            for plan in sector_plans():
                self._write_sector(target, plan, contents.get(plan.sector, bytes(3 * _BLOCK)))
        except (CardLost, FrameError, LinkLost) as error:
            raise NoAnswer("the card went away before it was whole: issue it again") from error
        return state

    def only_card(self) -> Target:
        """The one MIFARE Classic card in the field; BadInput if there is none or more."""
        listed = self._client.targets()
        if len(listed) != 1:
            raise BadInput("put exactly one card on the reader")
        if classic.medium_of(listed[0].sak, len(listed[0].uid)) == MEDIUM_UNKNOWN:
            raise BadInput(f"this is no MIFARE Classic card (SAK {listed[0].sak:02X})")
        return listed[0]

    def _contents(self, new: NewCard, state: CardState) -> dict[int, bytes]:
        """The 48 data bytes of every sector that is not empty."""
        blocks = bytearray(classic.COPY_WIDTH)
        classic.put_state(blocks, state)
        self._seal.seal(state.uid, state.spent_counter, blocks)
        state.tag = classic.tag_of(blocks)
        purse_blocks = bytearray(3 * _BLOCK)
        purse.put_value_block(purse_blocks, _BLOCK, state.spent_counter, 0)
        purse.put_value_block(purse_blocks, 2 * _BLOCK, state.spent_counter, 1)
        grant = self._grant(new, state)
        first, second = classic.GRANT_SECTORS[state.grant_seq & 1]
        return {
            classic.PURSE_SECTOR: bytes(purse_blocks),
            classic.STATE_SECTORS[state.seq & 1]: bytes(blocks[: 3 * _BLOCK]),
            classic.ANNEX_SECTORS[state.seq & 1]: bytes(blocks[3 * _BLOCK :]),
            classic.ENVIRONMENT_SECTOR: self._environment(new, state.uid) + bytes(_BLOCK),
            first: grant[: 3 * _BLOCK],
            second: grant[3 * _BLOCK :],
        }

    def _environment(self, new: NewCard, uid: bytes) -> bytes:
        environment = bytearray(classic.CORE_FIELDS_WIDTH)
        pack_into(
            classic.ENVIRONMENT,
            environment,
            0,
            {
                "layout": classic.LAYOUT,
                "agency": self._store.agency,
                "key_version": self._store.key_version,
                "card_serial": new.card_serial.to_bytes(8, "little"),
                "issued_day": new.issued_day,
                "valid_until": new.valid_until,
                "rider_category": new.rider_category,
            },
        )
        return bytes(environment) + self._seal.environment_mac(uid, environment)

    def _grant(self, new: NewCard, state: CardState) -> bytes:
        payload = bytearray(classic.GRANT_WIDTH)
        fields: dict[str, Any] = {
            "layout": classic.LAYOUT,
            "kind": classic.GRANT_VALUE,
            "agency": self._store.agency,
            "grant_seq": state.grant_seq,
            "key_id": self._store.issuer_key_id,
            "card_serial": new.card_serial.to_bytes(8, "little"),
            "value_minor": new.balance_minor,
            "signed_at": new.issued_at,
        }
        pack_into(classic.GRANT, payload, 0, fields)
        return bytes(payload) + self._store.sign_grant(bytes(payload), state.uid)

    # -- sectors -----------------------------------------------------------------------------

    def _authenticate(self, target: Target, sector: int, command: int, key: bytes) -> None:
        block = classic.first_block(sector)
        self._client.exchange(bytes((command, block)) + key + target.uid[-4:])

    def _key(self, target: Target, plan_sector: int, purpose: str, slot: int) -> bytes:
        key = bytearray(6)
        self._vault.fill_classic_auth(key, 0, purpose, target.uid, plan_sector, slot)
        return bytes(key)

    def _opens(self, target: Target, sector: int, command: int, purpose: str | None) -> bool:
        """Does the sector open with our key of `purpose` (None: the factory key)?"""
        slot = classic.KEY_A if command == _AUTH_A else classic.KEY_B
        key = self._key(target, sector, purpose, slot) if purpose else FACTORY_KEY
        try:
            self._authenticate(target, sector, command, key)
        except AuthError as error:
            if not self._client.reselect(target.uid):
                raise CardLost(*error.args) from error
            return False
        return True

    def _write_sector(self, target: Target, plan: SectorPlan, content: bytes) -> None:
        """Write three data blocks and the trailer, whether the sector is blank or ours already."""
        blank = self._opens(target, plan.sector, _AUTH_A, None)
        if not blank and not self._opens(target, plan.sector, _AUTH_B, plan.purpose_b):
            raise BadInput(f"sector {plan.sector} is neither blank nor ours; not a blank card")
        block = classic.first_block(plan.sector)
        for index in range(3):
            piece = content[index * _BLOCK : (index + 1) * _BLOCK]
            self._client.exchange(bytes((_WRITE, block + index)) + piece)
        if not blank:
            return  # its trailer is ours already, and its access bits can't be written again
        trailer = (
            self._key(target, plan.sector, plan.purpose_a, classic.KEY_A)
            + access_bytes(plan.conditions, plan.trailer)
            + bytes((_GENERAL_PURPOSE_BYTE,))
            + self._key(target, plan.sector, plan.purpose_b, classic.KEY_B)
        )
        self._client.exchange(bytes((_WRITE, block + 3)) + trailer)
