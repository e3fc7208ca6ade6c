"""What a card's whole life costs: passes, caps, companions, check-out, on top of slow_evaluator.

For the tests only. `tap` says what SPEC 7 says beyond GTFS. The card here keeps its legs
themselves, not what a real card's few bytes remember of them. Quotations are of SPEC 7.
"""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from tests.fares.slow_evaluator import HERE, Fare, Rider, effective, extends, rate, rate_as
from tests.fares.slow_feed import Leg, SlowFeed

HOUR_S = 3600
PERIODS = ("day", "week", "month")
Companions = tuple[tuple[str | None, int], ...]  # (category, count)


@dataclass
class Contract:
    """A pass or rides: `start` is a time for minutes, else a service day; None: first use."""

    product_id: str
    start: int | date | None
    rides: int = 0


@dataclass
class Card:
    """One card's life so far."""

    category: str | None
    balance: int
    media: str | None = None
    concession_until: date | None = None
    contracts: list[Contract | None] = field(default_factory=lambda: [None, None])
    last_tap: int | None = None
    vehicle: int = 0
    axis: int = 0  # of the last tap: the card's own time, which never runs backwards
    journey: list[Fare] = field(default_factory=list)
    before: list[Fare] = field(default_factory=list)  # the journey before the last fare leg
    credit: int = 0  # charged (or as if charged) above the itinerary's price
    companions: Companions = ()  # of the journey
    companions_before: Companions = ()  # of `before`
    spent: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PERIODS, 0))
    checked_in: Leg | None = None
    checked_in_at: str | None = None
    boarded_with: Companions = ()  # at that check-in
    open_extends: bool = False  # that leg goes on with the last one, by a join rule


@dataclass(frozen=True)
class Tap:
    """A card held to a validator: where, when, and what was armed on the buttons."""

    now: int
    vehicle: int
    route_id: str | None
    stop: str | None
    exit: str | None = None
    exit_time: int | None = None
    product_id: str | None = None
    companions: Companions = ()


@dataclass(frozen=True)
class Answer:
    """What the tap ends in. Money in minor units."""

    reason: str | None  # None: accepted
    charge: int = 0
    product_id: str | None = None
    transfer: bool = False
    capped: bool = False
    check_out: bool = False
    missed: bool = False


def window(period: str, day: date) -> tuple[int, ...]:
    """7.1: "weeks are ISO weeks and months calendar months of the service day"."""
    if period == "week":
        return tuple(day.isocalendar()[:2])
    return (day.year, day.month) if period == "month" else (day.toordinal(),)


def is_valid(feed: SlowFeed, contract: Contract, now: int) -> bool:
    """7.2, the table of kinds; START_FIRST_USE begins with this use."""
    row = feed.product(contract.product_id)
    kind, day = row["kind"], feed.service_day(now)
    length = int(row.get("length") or 0)
    if kind == "rides" and contract.rides == 0:
        return False  # "while rides are left"
    if contract.start is None:
        start: int | date = now if kind == "minutes" else day
    else:
        start = contract.start
    if kind == "minutes":
        assert isinstance(start, int)
        return start <= now < start + 60 * length
    assert isinstance(start, date)
    if kind == "days":
        return start <= day < start + timedelta(days=length)
    if kind == "months":
        months = (day.year - start.year) * 12 + day.month - start.month
        return 0 <= months < length
    if kind == "weekdays":
        # "on the service days from start on that are in the mask, until the first one that is not"
        mask = feed.weekdays_of(contract.product_id)
        days = [start + timedelta(days=n) for n in range((day - start).days + 1)]
        return bool(days) and all(one.weekday() in mask for one in days[-8:])
    # "from start on, while rides are left; with valid_days that many service days"
    valid_days = int(row.get("valid_days") or 0)
    return start <= day and (not valid_days or day < start + timedelta(days=valid_days))


def covers(feed: SlowFeed, product_id: str, leg: Leg, whatever_exit: bool = False) -> bool:
    """7.2: a rule of the leg "names its product. With an unknown exit any reachable one"."""
    exits = [exit_place for exit_place in feed.exits(leg) if feed.rules_of(leg, exit_place)]
    named = [
        any(rule["fare_product_id"] == product_id for rule in feed.rules_now(leg, exit_place))
        for exit_place in exits
    ]
    return bool(named) and (all(named) if whatever_exit else any(named))


def passes_for(
    feed: SlowFeed, card: Card, leg: Leg, at: int, whatever_exit: bool = False
) -> list[Contract]:
    """Valid contracts that cover the leg. 7.2: "tried by priority, then slot"."""
    found = [
        contract
        for contract in card.contracts
        if contract is not None
        and is_valid(feed, contract, at)
        and covers(feed, contract.product_id, leg, whatever_exit)
    ]
    return sorted(found, key=lambda contract: feed.contract_priority(contract.product_id))


def is_over(feed: SlowFeed, contract: Contract, now: int) -> bool:
    """Whether it is never valid again."""
    row = feed.product(contract.product_id)
    if row["kind"] == "rides" and contract.rides == 0:
        return True
    if contract.start is None or is_valid(feed, contract, now):
        return False
    if row["kind"] == "rides" and not int(row.get("valid_days") or 0):
        return False
    if isinstance(contract.start, int):
        return contract.start <= now
    begins = contract.start.replace(day=1) if row["kind"] == "months" else contract.start
    return begins <= feed.service_day(now)


class Refusal(Exception):
    """The tap ends here; str() is the reason."""


def tap(feed: SlowFeed, card: Card, one: Tap) -> tuple[Answer, Card]:
    """The answer and the card afterwards; after a refusal that is the card as it was."""
    try:
        return _Presentation(feed, deepcopy(card), one).answer()
    except Refusal as refusal:
        return Answer(str(refusal)), card


class _Presentation:
    """One tap on `card`, which it changes."""

    def __init__(self, feed: SlowFeed, card: Card, one: Tap) -> None:
        self.feed, self.card, self.one = feed, card, one
        self.day = feed.service_day(one.now)
        since = 0 if card.last_tap is None else one.now - card.last_tap
        # 7.6: "A last tap more than an hour ahead of the clock was stamped by a wrong one: it
        # starts no pass-back and no transfer; less ahead counts as just now."
        self.trusted = card.last_tap is not None and since >= -HOUR_S
        self.elapsed = max(0, since)
        self.axis = card.axis + self.elapsed
        self.network = feed.network_of(one.route_id)
        today = feed.local(one.now).date()
        ended = card.concession_until is not None and today > card.concession_until
        # 7.5: "A concession that has ended … leaves the default category."
        self.category = feed.default_category() if ended else card.category
        self.passback_s = int(feed.setting("passback_s", "60"))
        # 7.2: "The time that counts is that of boarding; if the last tap is ahead of the clock
        # (7.6), that tap's."
        self.boarding = max(one.now, card.last_tap or 0) if self.trusted else one.now
        self.is_check_out = self._is_check_out()
        if self.is_check_out:
            assert card.last_tap is not None
            self.boarding = card.last_tap
        self.armed = card.boarded_with if self.is_check_out else one.companions

    def rider(self, category: str | None) -> Rider:
        """A rider of this category with this card."""
        return Rider(category, self.card.media)

    def answer(self) -> tuple[Answer, Card]:
        """What the tap ends in; raises Refusal."""
        answer = self._check_out() if self.is_check_out else self._board()
        if answer.charge > self.card.balance:
            raise Refusal("insufficient_funds")  # 7.5: "A balance below the sum"
        self.card.balance -= answer.charge
        self.card.last_tap, self.card.axis = self.one.now, self.axis
        self.card.vehicle = self.one.vehicle
        return answer, self.card

    def _is_check_out(self) -> bool:
        """7.7: "on the same vehicle and in the same network, at most ride_s_max after"."""
        open_leg = self.card.checked_in
        if open_leg is None or open_leg.vehicle != self.one.vehicle:
            return False
        if self.feed.network_of(open_leg.route_id) != self.network:
            return False
        return self.elapsed <= int(self.feed.network(self.network)["ride_s_max"])

    def _check_out(self) -> Answer:
        card, one = self.card, self.one
        leg = card.checked_in
        assert leg is not None
        if self._is_back(self.passback_s):
            raise Refusal("passback")
        leg = replace(leg, route_id=one.route_id, to_stop=one.stop, end=one.now, arrives=self.axis)
        card.checked_in = None
        card.boarded_with = ()
        return replace(self._ride(leg), check_out=True)

    def _board(self) -> Answer:
        """7.3 to 7.6, and 7.7 where the network has check-out."""
        card, one, feed = self.card, self.one, self.feed
        if self._is_back(self.passback_s):
            raise Refusal("passback")
        missed_charge = 0
        starts_anew = not self.trusted or self._is_still_on_the_vehicle()
        if card.checked_in is not None:
            missed_charge = self._missed(card.checked_in)
            card.checked_in, card.boarded_with = None, ()
            starts_anew = True
        if starts_anew:
            # 7.7 "and a new journey begins", 7.6 "no transfer", 7.4 "begins a new journey"
            card.journey, card.before, card.credit = [], [], 0
            card.companions, card.companions_before = (), ()
        seen = None if one.exit_time is None else self.axis + max(0, one.exit_time - one.now)
        leg = Leg(
            one.route_id, one.stop, one.exit, one.now, one.exit_time, self.axis, seen, one.vehicle
        )
        if feed.has_check_out(self.network) and one.exit is None:
            answer = self._check_in(leg, missed_charge)
        else:
            answer = self._ride(leg)
        return replace(answer, charge=answer.charge + missed_charge, missed=missed_charge > 0)

    def _is_back(self, passback_s: int) -> bool:
        """7.6: "A tap on the vehicle of the last tap, less than passback_s after it"."""
        same = self.card.vehicle == self.one.vehicle
        if self.card.checked_in is not None:
            # 7.7: "At the stop of check-in within passback_s it is passback."
            same = same and self.card.checked_in_at == self.one.stop
        return self.trusted and same and self.elapsed < passback_s

    def _is_still_on_the_vehicle(self) -> bool:
        """7.4: "With same-vehicle transfers off, a leg on the vehicle of the last one"."""
        off = self.feed.setting("same_vehicle_transfer", "1") == "0"
        return off and self.card.vehicle == self.one.vehicle

    def _refuse_back(self, held: list[Contract]) -> None:
        """7.6: "the longer one if a contract covers the leg and its product names one"."""
        # of several the one that comes first in 7.2's order
        for contract in held[:1]:
            named = self.feed.product(contract.product_id).get("passback_s") or 0
            if self._is_back(int(named)) and not self.is_check_out:
                raise Refusal("passback")

    def _missed(self, leg: Leg) -> int:
        """7.7: "the missed product's price for rider and companions is added"."""
        # "the rider's not if a period contract covers the leg whatever the exit"
        boarded = self.card.last_tap or 0  # when it checked in
        periods = [
            contract
            for contract in passes_for(self.feed, self.card, leg, boarded, whatever_exit=True)
            if self.feed.product(contract.product_id)["kind"] != "rides"
        ]
        if periods and periods[0].start is None:
            self._begin(periods[0], boarded)  # it is used now
        network_id = self.feed.network_of(leg.route_id)
        riders = [(self.category, 0 if periods else 1), *self.card.boarded_with]
        return sum(count * (self._maximum(one, network_id) or 0) for one, count in riders)

    def _maximum(self, category: str | None, network_id: str | None) -> int | None:
        """The missed product's price; None: the network names none."""
        missed = self.feed.network(network_id).get("missed_product_id")
        return self.feed.price(missed, category, self.card.media) if missed else None

    def _check_in(self, leg: Leg, missed_charge: int) -> Answer:
        """7.7: "nothing is charged, the balance must cover the network's missed product"."""
        card, one, feed = self.card, self.one, self.feed
        card.open_extends = self._extends(leg)
        if card.open_extends:
            leg = effective(card.journey[-1].leg, leg)
        known = rate(feed, [], leg, self.rider(self.category), None)
        held = passes_for(feed, card, leg, self.boarding)
        self._refuse_back(held)
        answer = Answer(None)
        wanted = one.product_id
        named = [contract for contract in held if contract.product_id == wanted]
        if wanted is not None and not feed.is_single(wanted) and not named:
            # 7.5: a chosen product "is bought"; a ride of it is used once the leg is rated
            answer = self._bought(wanted, leg, costs=False)
            held = passes_for(feed, card, leg, self.boarding)
        # "A leg that neither has a fare to any exit nor is covered is refused as in 7.3."
        if isinstance(known, str) and not held:
            raise Refusal(known)
        # "(unless a contract covers the leg whatever the exit)"
        always = passes_for(feed, card, leg, self.boarding, whatever_exit=True)
        riders = [(self.category, 0 if always else 1), *one.companions]
        needed = sum(
            count * (self._maximum(category, self.network) or 0) for category, count in riders
        )
        if needed + missed_charge + answer.charge > card.balance:
            raise Refusal("insufficient_funds")
        card.checked_in, card.boarded_with = leg, one.companions
        card.checked_in_at = one.stop
        self._spend(0)
        return answer

    def _ride(self, leg: Leg) -> Answer:
        """A leg that is known as far as it will be: rate it, let passes, caps and purse pay."""
        card, one, feed = self.card, self.one, self.feed
        extended = card.open_extends if self.is_check_out else self._extends(leg)
        # 7.4: "rated anew, from its own first stop and time, on the journey as it was before it"
        base = card.before if extended else card.journey
        whole = effective(card.journey[-1].leg, leg) if extended and card.journey else leg
        only = one.product_id if one.product_id and feed.is_single(one.product_id) else None
        fare = self._rated(base, whole, self.category, only)
        held = passes_for(feed, card, whole, self.boarding)
        self._refuse_back(held)
        if isinstance(fare, str):
            fare = self._unpriced(base, whole, held, fare)
        # 7.4: "and the journey's itinerary price grows by the difference"
        growth = fare.growth - (self._before(base, self.category) if extended else 0)
        credit = card.credit if fare.joined or extended else 0
        # 7.4: "charge = max(0, growth − credit) and credit' = max(0, credit − growth)"
        answer = self._paid(whole, held, max(0, growth - credit), fare)
        charge = answer.charge + self._for_companions(base, whole, extended, only)
        card.credit = max(0, credit - growth)
        if not extended:
            card.companions_before = card.companions
        card.before, card.journey = base, [*base, fare] if fare.joined else [fare]
        card.companions = self.armed
        return replace(answer, charge=charge, transfer=fare.joined or extended)

    def _extends(self, leg: Leg) -> bool:
        """7.4, join rules: "on the same terms as a transfer, with the same companions"."""
        journey = self.card.journey
        if not journey or self.card.companions != self.one.companions:
            return False
        return extends(self.feed, journey[-1].leg, leg)

    def _unpriced(self, base: list[Fare], leg: Leg, held: list[Contract], reason: str) -> Fare:
        """A leg that the purse could not pay, but a pass: one of its group that costs 0."""
        wanted = self.one.product_id
        if wanted is not None and not self.feed.is_single(wanted):
            named = wanted
        elif held:
            named = held[0].product_id
        else:
            raise Refusal(reason)
        if not covers(self.feed, named, leg):
            raise Refusal(HERE)
        rule = next(
            rule
            for exit_place in self.feed.exits(leg)
            for rule in self.feed.rules_now(leg, exit_place)
            if rule["fare_product_id"] == named
        )
        free = rule | {"fare_product_id": ""}
        return rate_as(self.feed, base, leg, free, self.rider(self.category))

    def _rated(
        self, base: list[Fare], leg: Leg, category: str | None, only: str | None
    ) -> Fare | str:
        """The fare; after a check-out "its growth is at most the price of the missed product"."""
        fare = rate(self.feed, base, leg, self.rider(category), only)
        return fare if isinstance(fare, str) else self._at_most(fare, category)

    def _at_most(self, fare: Fare, category: str | None) -> Fare:
        most = self._maximum(category, self.network) if self.is_check_out else None
        return fare if most is None else replace(fare, growth=min(fare.growth, most))

    def _before(self, base: list[Fare], category: str | None) -> int:
        """The growth by the last leg, before it is extended, in the category of now."""
        last = self.card.journey[-1]
        return self._at_most(
            rate_as(self.feed, base, last.leg, last.rule, self.rider(category)), category
        ).growth

    def _for_companions(
        self, base: list[Fare], leg: Leg, extended: bool, only: str | None
    ) -> int:
        """7.5: each pays "as if they had the rider's journey … no credit, no caps"."""
        # "the leg's growth in their category if the armed companions are those of the journey,
        # else its whole price; never below 0"
        card = self.card
        theirs = self.armed == (card.companions_before if extended else card.companions)
        were_there = extended and self.armed == card.companions
        total = 0
        for category, count in self.armed:
            fare = self._rated(base if theirs else [], leg, category, only)
            if isinstance(fare, str):
                raise Refusal(fare)
            before = self._before(base if theirs else [], category) if were_there else 0
            total += count * max(0, fare.growth - before)
        return total

    def _paid(self, leg: Leg, held: list[Contract], due: int, fare: Fare) -> Answer:
        """What the rider himself pays with: passes, rides, a purchase, the purse."""
        one, feed = self.one, self.feed
        wanted = one.product_id
        if wanted is not None and not feed.is_single(wanted):
            named = [contract for contract in held if contract.product_id == wanted]
            if not named:
                return self._bought(wanted, leg, self._capped(due) > 0 or not fare.product_id)
            held = named  # 7.5: "if a contract of it covers the leg already, that one is used"
        capped = self._capped(due)
        costs = capped > 0 or not fare.product_id  # nobody could ride there without the pass
        for contract in held:
            kind = feed.product(contract.product_id)["kind"]
            # 7.2: "A rides contract, and one that begins with its first use, is only used on a
            # leg that would cost the rider something."
            if not costs and (kind == "rides" or contract.start is None):
                continue
            if contract.start is None:
                self._begin(contract, self.boarding)
            if kind == "rides":
                contract.rides -= 1
            self._spend(0)
            # 7.5: "A leg covered by a contract charges nothing"
            return Answer(None, 0, contract.product_id)
        self._spend(capped)
        return Answer(None, capped, fare.product_id, capped=capped < due)

    def _begin(self, contract: Contract, moment: int) -> None:
        """7.2: "from start (a time)" for minutes, else a service day."""
        minutes = self.feed.product(contract.product_id)["kind"] == "minutes"
        contract.start = moment if minutes else self.feed.service_day(moment)

    def _bought(self, wanted: str, leg: Leg, costs: bool) -> Answer:
        """7.5: "else it is bought: its price is the rider's charge (no cap …)"."""
        card, feed = self.card, self.feed
        row = feed.product(wanted)
        price = feed.price(wanted, self.category, card.media)
        rides = int(row["length"]) if row["kind"] == "rides" else 0
        bought = Contract(wanted, None, rides)
        self._begin(bought, self.boarding)
        # "It must be sold on board and cover the leg, else not_valid_here"
        if row.get("sold_on_board") != "1" or price is None:
            raise Refusal(HERE)
        if not is_valid(feed, bought, self.boarding) or not covers(feed, wanted, leg):
            raise Refusal(HERE)
        for slot, contract in enumerate(card.contracts):
            # "it takes a free slot (empty or over)"
            if contract is None or is_over(feed, contract, self.boarding):
                if rides and costs:
                    bought.rides -= 1
                card.contracts[slot] = bought
                self._spend(0)
                return Answer(None, price, wanted)
        raise Refusal("already_used")  # "no free slot: already_used"

    def _capped(self, due: int) -> int:
        """7.5: "the rider's own charge is at most cap − spent for each cap of his category"."""
        spent = self._spent_now()
        for period, amount in self.feed.caps(self.category):
            due = min(due, max(0, amount - spent[period]))
        return due

    def _spent_now(self) -> dict[str, int]:
        """7.5: "spent_day, _week, _month restart when tap_time lies in another window"."""
        if self.card.last_tap is None:
            return dict.fromkeys(PERIODS, 0)
        before = self.feed.service_day(self.card.last_tap)
        return {
            period: amount if window(period, before) == window(period, self.day) else 0
            for period, amount in self.card.spent.items()
        }

    def _spend(self, charge: int) -> None:
        """7.5: "What is charged so is added to all three (if the tariff has caps, else …)"."""
        counted = bool(self.feed.rows("minik_caps.txt"))
        spent = self._spent_now()
        self.card.spent = {
            period: spent[period] + charge if counted else 0 for period in PERIODS
        }
