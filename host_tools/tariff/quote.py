"""What a rider is charged, leg by leg: the engine of the validators, run on a journey known whole.

A leg is one tap whose exit is known beforehand, with an unlimited purse and another vehicle each
time. Where a validator would charge something else, because it has no check-out and so can't see
the exit, the quote says that as well. Nothing is decided here (SPEC §7 is `protocol.fares`).
"""

from dataclasses import dataclass
from typing import Any

from host_tools.tariff.enforce import price_minor
from host_tools.tariff.journey import Journey, Leg
from host_tools.tariff.load import LoadedTariff
from host_tools.tariff.tables import NetworkRow
from protocol import outcomes
from protocol.cards.state import NO_DAY, CardState
from protocol.fares.engine import Choice, Decision, Fares
from protocol.fares.tariff import Place

NO_FARE = "no_fare"
_PURSE_MINOR = 1 << 29  # more than any journey costs; it is never spent
_VEHICLES = 0xFFFF
_CHECK_OUT = 1  # network flag (SPEC §6.2)


@dataclass(frozen=True)
class LegCharge:
    """One leg of the answer. No charge: why not."""

    charge_minor: int | None
    fare_product_id: str | None = None
    transfer: bool = False
    capped: bool = False
    reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As the answer has it."""
        fields: dict[str, Any] = {
            "charge": self.charge_minor,
            "fare_product_id": self.fare_product_id,
            "transfer": self.transfer,
            "capped": self.capped,
        }
        if self.reason is not None:
            fields["reason"] = self.reason
        return fields


@dataclass(frozen=True)
class Charges:
    """What the legs of a journey cost."""

    legs: tuple[LegCharge, ...]

    def total_minor(self) -> int | None:
        """Their sum; None if a leg has no fare."""
        charges = [leg.charge_minor for leg in self.legs if leg.charge_minor is not None]
        return sum(charges) if len(charges) == len(self.legs) else None

    def as_dict(self) -> dict[str, Any]:
        """As the answer has it."""
        return {"total": self.total_minor(), "legs": [leg.as_dict() for leg in self.legs]}


@dataclass(frozen=True)
class Quote:
    """The answer. `on_board` where the door would charge something else."""

    currency: str
    exponent: int
    charges: Charges
    on_board: Charges | None

    def as_dict(self) -> dict[str, Any]:
        """The answer as JSON has it (docs/tariff.md)."""
        fields = {"currency": self.currency, "exponent": self.exponent, **self.charges.as_dict()}
        if self.on_board is not None:
            fields["on_board"] = self.on_board.as_dict()
        return fields


def quote(loaded: LoadedTariff, journey: Journey) -> Quote:
    """What the rider of `journey` is charged."""
    media = _cheapest_media(loaded, journey) if journey.media is None else journey.media
    known = _Ride(loaded, journey, media, by_door=False).charges()
    seen = _Ride(loaded, journey, media, by_door=True).charges()
    same = [leg.charge_minor for leg in known.legs] == [leg.charge_minor for leg in seen.legs]
    tariff = loaded.tariff
    return Quote(tariff.currency, tariff.exponent, known, None if same else seen)


def legs_outside(loaded: LoadedTariff, journey: Journey) -> list[int]:
    """Numbers of the legs that are ridden on days for which the tariff is not meant."""
    tariff = loaded.tariff
    days = range(tariff.valid_from, tariff.valid_until + 1)
    legs = enumerate(journey.legs, 1)
    return [number for number, leg in legs if tariff.service_day(leg.start) not in days]


def _cheapest_media(loaded: LoadedTariff, journey: Journey) -> int:
    """The fare media by which the whole journey costs least; at the same price the cards'."""
    own = loaded.tariff.card_media
    cheapest, least_minor = own, _Ride(loaded, journey, own, by_door=False).charges().total_minor()
    for media in range(1, loaded.tariff.media_count + 1):
        total_minor = _Ride(loaded, journey, media, by_door=False).charges().total_minor()
        if total_minor is not None and (least_minor is None or total_minor < least_minor):
            cheapest, least_minor = media, total_minor
    return cheapest


class _Ride:
    """A card on its journey. `by_door`: only a check-out shows where a leg ends."""

    def __init__(self, loaded: LoadedTariff, journey: Journey, media: int, by_door: bool) -> None:
        self._tables = loaded.tables
        self._journey = journey
        self._by_door = by_door
        self._media = media
        self._fares = Fares(loaded.tariff, media)
        self._choice = Choice()
        self._choice.companions = journey.companions
        self._card = _card(journey)
        self._unsettled_minor = 0  # the missed check-out that the next tap will find

    def charges(self) -> Charges:
        """Ride all legs."""
        return Charges(tuple(self._ride(n, leg) for n, leg in enumerate(self._journey.legs)))

    def _ride(self, number: int, leg: Leg) -> LegCharge:
        place = Place(1 + number % _VEHICLES, leg.route, leg.from_stop)
        network = self._network(leg)
        if not self._by_door or (network and network.flags & _CHECK_OUT):
            place.exit_stop = leg.to_stop
            place.exit_time = leg.end
        after, decision = self._tap(place, leg.start)
        if decision.outcome != outcomes.ACCEPTED:
            return LegCharge(None, reason=_reason(decision))
        charge_minor = decision.charge_minor - (self._unsettled_minor if decision.missed else 0)
        product = decision.product
        missed_minor = 0
        if after.checked_in and network:  # nobody says where it ends: a missed check-out
            if not self._is_priced(network.missed_product, decision):
                return LegCharge(None, reason=NO_FARE)
            charge_minor = missed_minor = self._missed_minor(after, place, leg.start)
            product = product if product and not missed_minor else network.missed_product
        self._card = after
        self._unsettled_minor = missed_minor
        return LegCharge(
            charge_minor,
            self._tables.products[product - 1].id if product else None,
            decision.transfer,
            decision.capped,
        )

    def _tap(
        self, place: Place, now: int, card: CardState | None = None
    ) -> tuple[CardState, Decision]:
        """One decision on the card; how it is afterwards, its purse full as ever."""
        before = card or self._card
        after, decision = CardState(), Decision()
        after.copy_from(before)
        self._fares.decide(before, place, now, self._choice, decision, after)
        after.tap_time = now
        return after, decision

    def _missed_minor(self, card: CardState, place: Place, now: int) -> int:
        """What an open card owes: a check-in elsewhere settles that and costs nothing itself."""
        elsewhere = Place(place.vehicle % _VEHICLES + 1, place.route, place.stop)
        return self._tap(elsewhere, now, card)[1].charge_minor

    def _is_priced(self, product: int, decision: Decision) -> bool:
        """Has the product a price for everybody who rides?"""
        companions = decision.companions
        riders = [companions >> shift + 4 & 15 for shift in (0, 8) if companions >> shift & 15]
        riders.append(decision.rider_category)
        prices = [price_minor(self._tables, product, rider, self._media) for rider in riders]
        return None not in prices

    def _network(self, leg: Leg) -> NetworkRow | None:
        code = self._tables.routes[leg.route - 1].network if leg.route else 0
        return self._tables.networks[code - 1] if code else None


def _card(journey: Journey) -> CardState:
    """The card as it comes to the first leg."""
    card = CardState()
    card.granted_minor = _PURSE_MINOR
    card.tap_time = journey.legs[0].start
    card.rider_category = journey.category
    if journey.concession_until is not None:
        card.valid_until = min(journey.concession_until, NO_DAY - 1)
        card.concession_ends = True
    card.spent_day_minor, card.spent_week_minor, card.spent_month_minor = journey.spent_minor
    for contract, held in zip(card.contracts, journey.held, strict=False):
        contract.product = held.product
        contract.start = held.start
        contract.rides = held.rides
    card.extended = any(journey.spent_minor)
    card.annexed = bool(journey.held)
    return card


def _reason(decision: Decision) -> str:
    """Why a leg has no charge: whatever keeps rules from covering it is `no_fare`."""
    if decision.reason in (outcomes.NOT_VALID_HERE, outcomes.NOT_VALID_NOW):
        return NO_FARE
    return str(outcomes.REASON_NAMES[decision.reason])
