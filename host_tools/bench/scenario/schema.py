"""What a scenario file, version 1, may say (docs/scenarios.md): shapes and ranges of every field.

A field that is not named here is an error, never ignored. Names that refer to each other are
checked in `load`. Left out: reading YAML, and doing any of it.
"""

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    model_validator,
)

from protocol.cards.purse import START as PURSE_START
from protocol.cards.state import CONTRACT_SLOTS
from protocol.compat import EPOCH_UNIX_S
from protocol.outcomes import OUTCOME_NAMES, REASON_NAMES

if TYPE_CHECKING:
    from host_tools.bench.scenario.tariffs import Tariffs

VERSION = 1
DEVICES_MAX = 32
FIELD_CARDS_MAX = 8
LATENCY_MS_MAX = 60_000
SPENT_MINOR_MAX = PURSE_START >> 1  # the lifetime of a card, SPEC §2.2
ADVANCE_S_MAX = 400 * 86_400
LATER_ROLES = ("inspector",)
LATER_READERS = ("mfrc522",)
LATER_MEDIA = (
    "desfire", "desfire_ev1", "desfire_ev2", "desfire_ev3", "ultralight_ev1", "ntag213",
    "ntag215", "ntag216", "qr", "qr_card", "paper", "phone_nfc", "phone_ble", "sms", "bank_card",
    "cash", "sticker",
)
LIGHTS = ("green", "red", "blue", "off")
KEYS = ("riders", "reduced", "ticket", "driver", "service")
KEYS_MAX = 64
RIDERS_MAX = 16  # the holder, and as many as one key adds
DEVICE_STEPS = ("set", "press", "install", "link", "power_cut", "boot", "sync")  # and tap
PLACE_KEYS = ("vehicle", "route", "stop", "zone")

_DURATION_PART = re.compile(r"(\d+)([smhd])")
_DURATION = re.compile(r"(?:\d+[smhd])+")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_START_END = datetime(2054, 1, 1, tzinfo=UTC)
_ISSUED = {
    "rider_category", "balance", "valid_until", "agency", "products", "concession_until",
}
_DEVICE_NAME = re.compile(r"[A-Za-z0-9_-]{1,16}")
_MEDIUM_NAME = re.compile(r"[A-Za-z0-9_.-]{1,32}")


class Strict(BaseModel):
    """Base of all shapes: nothing unknown, nothing converted, nothing changed afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def one_of(known: tuple[str, ...], later: tuple[str, ...] = ()) -> Any:
    """A validator for a word out of `known`; what is in `later` gets a line of its own."""

    def check(word: str) -> str:
        if word in later:
            raise ValueError(f'"{word}" is not in this version; use {" or ".join(known)}')
        if word not in known:
            raise ValueError(f'"{word}" is none of {", ".join(known)}')
        return word

    return AfterValidator(check)


def _text_of_number(value: Any) -> Any:
    """An id may be written as a bare number; booleans and fractions may not."""
    return str(value) if type(value) is int else value


def _listed(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else (value,)


def _tuple_of(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def seconds(text: Any) -> int:
    """Seconds of a duration such as "45s", "10m", "2h" or "1h30m"; ValueError if it is none."""
    if not isinstance(text, str) or not _DURATION.fullmatch(text):
        raise ValueError('a duration is written like "45s", "10m", "2h" or "1h30m"')
    total_s = sum(int(count) * _UNIT_S[unit] for count, unit in _DURATION_PART.findall(text))
    if not 0 < total_s <= ADVANCE_S_MAX:
        raise ValueError("a duration lies between 1s and 400d")
    return total_s


def _aware(start: datetime) -> datetime:
    if start.tzinfo is None:
        raise ValueError("the time needs its offset, as in 2026-11-20T08:00:00+05:00")
    if not EPOCH_UNIX_S <= start.timestamp() < _START_END.timestamp():
        raise ValueError("the time lies between 2020 and 2053, in UTC")
    return start


def _whole_second(value: Any) -> Any:
    """A quoted ISO time is as good as a bare one."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(
                "not an ISO time with offset, as in 2026-11-20T08:00:00+05:00"
            ) from error
    if isinstance(value, date) and not isinstance(value, datetime):
        raise ValueError("the time of day is missing, as in 2026-11-20T08:00:00+05:00")
    return value.replace(microsecond=0) if isinstance(value, datetime) else value


def _uid(text: str) -> str:
    try:
        width = len(bytes.fromhex(text))
    except ValueError as error:
        raise ValueError("a UID is written in hexadecimal, as in 04a1b2c3") from error
    if width not in (4, 7):
        raise ValueError(f"a UID has 4 or 7 bytes, not {width}")
    return text.lower()


def _card_day(day: date) -> date:
    if not 2020 <= day.year < 2190:
        raise ValueError("the day lies between 2020 and 2189")
    return day


Id = Annotated[str, BeforeValidator(_text_of_number), Field(min_length=1, max_length=64)]
Uid = Annotated[str, BeforeValidator(_text_of_number), AfterValidator(_uid)]
Start = Annotated[datetime, BeforeValidator(_whole_second), AfterValidator(_aware)]
Minor = Annotated[int, Field(ge=0, le=SPENT_MINOR_MAX)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[int, BeforeValidator(seconds)]


class Device(Strict):
    """A validator at a bus door. Ids of the feed, None where not given."""

    role: Annotated[str, one_of(("validator",), LATER_ROLES)]
    vehicle: Id | None = None
    route: Id | None = None
    stop: Id | None = None
    zone: Id | None = None
    reader: Annotated[str, one_of(("pn532",), LATER_READERS)] = "pn532"

    @model_validator(mode="after")
    def _one_stop(self) -> "Device":
        return _stop_or_zone(self)


def _stop_or_zone(place: Any) -> Any:
    if place.stop is not None and place.zone is not None:
        raise ValueError("zone does not go with stop: the bus is in one place")
    return place


class Tamper(Strict):
    """After the card was issued, byte `byte` of block `block` is changed by XOR."""

    block: Annotated[int, Field(ge=0, le=255)]
    byte: Annotated[int, Field(ge=0, le=15)]
    xor: Annotated[int, Field(ge=1, le=255)]


class HeldProduct(Strict):
    """A pass or rides that a card is sold with. `start`: the first day the passenger chose."""

    product: Id
    start: Annotated[date, AfterValidator(_card_day)] | None = None


class Medium(Strict):
    """A card of a passenger. `balance` in minor units; ids of the tariff."""

    type: Annotated[str, one_of(("classic1k", "classic4k"), LATER_MEDIA)]
    rider_category: Id | None = None  # None: the tariff's default
    balance: Minor = 0
    products: Annotated[
        tuple[HeldProduct, ...], BeforeValidator(_tuple_of), Field(max_length=CONTRACT_SLOTS)
    ] = ()
    concession_until: Annotated[date, AfterValidator(_card_day)] | None = None
    uid: Uid | None = None
    uid_length: Literal[4, 7] | None = None
    valid_until: Annotated[date, AfterValidator(_card_day)] | None = None
    blank: bool = False
    agency: Annotated[str, one_of(("own", "other"))] = "own"
    file: Annotated[str, Field(min_length=1)] | None = None
    tamper: Annotated[tuple[Tamper, ...], BeforeValidator(_listed)] = ()

    @model_validator(mode="after")
    def _agree(self) -> "Medium":
        issued = _ISSUED & self.model_fields_set
        for condition, named in ((self.blank, "blank"), (self.file is not None, "file")):
            if condition and issued:
                raise ValueError(f"{min(issued)} does not go with {named}: it is not issued here")
        if self.file is not None and {"uid", "uid_length", "blank"} & self.model_fields_set:
            raise ValueError("uid, uid_length and blank do not go with file: it says all that")
        if self.valid_until is not None and self.concession_until is not None:
            raise ValueError("concession_until does not go with valid_until: a card has one end")
        if self.uid and self.uid_length and len(self.uid) != 2 * self.uid_length:
            raise ValueError(f"uid {self.uid} does not have {self.uid_length} bytes")
        blocks = 256 if self.type == "classic4k" else 64
        if any(tamper.block >= blocks for tamper in self.tamper):
            raise ValueError(f"tamper: a {self.type} card has {blocks} blocks")
        return self


class Range(Strict):
    """For a number: at least `min`, at most `max`."""

    min: float | None = None
    max: float | None = None


Number = int | float | Range | None


class Expect(Strict):
    """What a step must have shown. Only the keys that are named are compared; null is a value."""

    outcome: Annotated[str, one_of(OUTCOME_NAMES)] | None = None
    reason: Annotated[str, one_of(cast("tuple[str, ...]", REASON_NAMES[1:]))] | None = None
    charged: int | None = None
    balance: int | None = None
    product: str | None = None
    # one text: a line holds it; a list: just these lines
    display: Annotated[tuple[str, ...] | str | None, BeforeValidator(_tuple_of)] = None
    light: Annotated[str, one_of(LIGHTS)] | None = None
    sound: str | None = None
    reader_ms: Number = None
    exchanges: Number = None
    riders: int | None = None
    tariff: int | None = None
    fault: str | None = None


class Step(Strict):
    """What all steps may have: a `note` that the story tells."""

    note: str | None = None


class DeviceStep(Step):
    """A step at one device, after which what the device shows may be compared."""

    expect: Expect = Expect()


def _riders(value: Any) -> Any:
    others = len(value) if isinstance(value, list) else value - 1 if type(value) is int else -1
    if not 0 <= others < RIDERS_MAX:
        raise ValueError(
            f"how many ride, from 1 to {RIDERS_MAX}, or a list of the others' rider categories"
        )
    return tuple(value) if isinstance(value, list) else value


class Tap(DeviceStep):
    """Cards held to a validator until it has answered, then taken away."""

    tap: Annotated[
        tuple[str, ...], BeforeValidator(_listed), Field(min_length=1, max_length=FIELD_CARDS_MAX)
    ]
    on: str
    remove_after_frames: Annotated[int, Field(ge=0)] | None = None
    answer_lost: Count | None = None
    torn_write: Count | None = None
    # how many ride on the card, or the categories of those besides its holder
    riders: Annotated[int | tuple[Id, ...], BeforeValidator(_riders)] = 1
    product: Id | None = None

    @model_validator(mode="after")
    def _distinct(self) -> "Tap":
        if len(set(self.tap)) != len(self.tap):
            raise ValueError("tap: a card is there twice")
        return self


class Advance(Step):
    """The bench clock goes on."""

    advance: Seconds


class SetPlace(DeviceStep):
    """The driver chooses a stop, zone, route or vehicle; what is not named stays.

    A stop takes the place of a zone, and the other way round.
    """

    set: str
    vehicle: Id | None = None
    route: Id | None = None
    stop: Id | None = None
    zone: Id | None = None

    @model_validator(mode="after")
    def _something(self) -> "SetPlace":
        if not self.named():
            raise ValueError("set: name a stop, a zone, a route or a vehicle")
        return _stop_or_zone(self)

    def named(self) -> dict[str, str | None]:
        """What changes."""
        place = {key: getattr(self, key) for key in PLACE_KEYS if key in self.model_fields_set}
        if "zone" in place:
            return {"stop": None, **place}
        return {**place, "zone": None} if "stop" in place else place


class Press(DeviceStep):
    """Somebody presses keys of the device, one after another."""

    press: str
    keys: Annotated[
        tuple[Annotated[str, one_of(KEYS)], ...],
        BeforeValidator(_listed),
        Field(min_length=1, max_length=KEYS_MAX),
    ]


class Install(DeviceStep):
    """A depot puts a tariff onto the device and restarts it."""

    install: str
    tariff: str


class LinkQuality(Strict):
    """A link that is up: share of frames lost on the way, and milliseconds each takes."""

    loss: Annotated[float, Field(ge=0, le=1)] = 0.0
    latency_ms: Annotated[int, Field(ge=0, le=LATENCY_MS_MAX)] = 0


class Link(DeviceStep):
    """What lies between a device's sync port and the ledger, from here on."""

    link: str
    state: Annotated[str, one_of(("up", "down"))] | LinkQuality


class PowerCut(DeviceStep):
    """The supply fails now, or at the n-th program or erase of the flash from here."""

    power_cut: str
    at_flash_op: Count | None = None
    torn: bool = False

    @model_validator(mode="after")
    def _armed(self) -> "PowerCut":
        if self.torn and self.at_flash_op is None:
            raise ValueError("torn: needs at_flash_op, it tears that operation")
        return self


class Boot(DeviceStep):
    """The supply comes back; a device that runs is switched off and on."""

    boot: str


class Sync(DeviceStep):
    """A device hands its records to the ledger until nothing is owed or the link gives up."""

    sync: str


class LedgerExpect(Strict):
    """What the books must say: accepted taps, sum of charges, whether they balance."""

    taps: Annotated[int, Field(ge=0)] | None = None
    revenue: int | None = None
    balanced: bool | None = None


class ExpectLedger(Step):
    """Compare the ledger as it stands."""

    expect_ledger: LedgerExpect


STEP_KINDS: dict[str, type[Step]] = {
    "tap": Tap,
    "advance": Advance,
    "set": SetPlace,
    "press": Press,
    "install": Install,
    "link": Link,
    "power_cut": PowerCut,
    "boot": Boot,
    "sync": Sync,
    "expect_ledger": ExpectLedger,
}


class Scenario(Strict):
    """A whole file; `steps` are validated one by one by `load`, which knows their numbers."""

    scenario: Literal[1]
    title: str | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    start: Start
    tariff: str = "flat"
    devices: Annotated[dict[str, Device], Field(min_length=1, max_length=DEVICES_MAX)]
    media: dict[str, Medium] = {}
    steps: tuple[Step, ...] = ()
    _tariffs: Any = PrivateAttr(default=None)

    @property
    def tariffs(self) -> "Tariffs":
        """The tariffs that the file names; `load_scenario` attaches them."""
        return cast("Tariffs", self._tariffs)

    def attach(self, tariffs: "Tariffs") -> None:
        """The tariffs have been loaded."""
        self._tariffs = tariffs

    @model_validator(mode="after")
    def _names(self) -> "Scenario":
        for name in self.devices:
            if not _DEVICE_NAME.fullmatch(name):
                raise ValueError(
                    f'devices: "{name}": a device is named with 1 to 16 letters, digits, - or _'
                )
        for name in self.media:
            if not _MEDIUM_NAME.fullmatch(name):
                raise ValueError(
                    f'media: "{name}": a card is named with 1 to 32 letters, digits, . - or _'
                )
        return self
