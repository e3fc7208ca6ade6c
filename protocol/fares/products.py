"""Products and the contracts on a card: validity, coverage, buying on board (SPEC §7.2, §7.5)."""

from protocol import clock, outcomes
from protocol.cards.state import CONTRACT_SLOTS, START_FIRST_USE, Contract
from protocol.compat import SMALL_INT_MAX, const
from protocol.fares.tariff import ANY, amount, at_most, u16

NO_PRICE = SMALL_INT_MAX  # dearer than anything
SINGLE = const(0)  # product kinds
MINUTES = const(1)
DAYS = const(2)
MONTHS = const(3)
WEEKDAYS = const(4)
RIDES = const(5)

_PRODUCTS = const(2)  # numbers of tables
_PRICES = const(3)
_PRICES_MAX = const(32)  # of a product, SPEC §6.4
_ON_BOARD = const(1)
_RIDES_MAX = const(255)

_OVER = const(0)
_VALID = const(1)
_LATER = const(2)  # or of a product that this tariff does not know
_FOREVER = SMALL_INT_MAX


class Product:
    """The terms of one product (SPEC §6.2), read into the same object again and again."""

    def __init__(self):
        self.kind = SINGLE
        self.on_board = False
        self.length = 0
        self.weekdays = 0
        self.priority = 0
        self.passback_s = 0
        self.valid_days = 0
        self._price_first = 0
        self._price_count = 0

    def read(self, tariff, product):
        """Read the terms of a product code; False if there is no such product."""
        if not 0 < product <= tariff.product_count:
            return False
        row = tariff.row(_PRODUCTS, product - 1)
        self.kind = row[6]
        self.on_board = bool(row[7] & _ON_BOARD)
        self.length = u16(row, 8)
        self.weekdays = row[10]
        self.priority = row[11]
        self.passback_s = u16(row, 12)
        self.valid_days = u16(row, 14)
        self._price_first = u16(row, 16)
        self._price_count = row[18]
        return True

    def price(self, tariff, category, media):
        """What it costs riders of `category` on `media`; NO_PRICE if they can't have it."""
        lowest = NO_PRICE
        first = self._price_first
        for index in range(first, first + at_most(_PRICES_MAX, self._price_count)):
            row = tariff.row(_PRICES, index)
            if (row[0] == category or row[0] == ANY) and (row[1] == media or row[1] == ANY):
                lowest = min(lowest, amount(row, 2))
        return lowest


class Contracts:
    """The contracts of one card against the leg that `matcher` holds.

    `set_time` says when the rider boards. `terms` are those of the product asked about last.
    """

    def __init__(self, tariff, matcher):
        self._tariff = tariff
        self._matcher = matcher
        self.terms = Product()
        self._time = 0
        self._service_day = -1  # not known yet
        self.group = 0  # leg group of the rule by which the contract found covers
        self.passback_s = 0  # of its product, 0 the tariff's
        self._bought = Contract()
        self.price_minor = 0
        self.reason = outcomes.NO_REASON

    def set_time(self, boarding):
        """Judge contracts at this time."""
        self._time = boarding
        self._service_day = -1

    def _today(self):
        if self._service_day < 0:
            self._service_day = self._tariff.service_day(self._time)
        return self._service_day

    def find(self, state, only, every, periods_only, costs):
        """Slot of the contract that pays for the leg, -1 if none does; sets `group`.

        only: 0, or the product it must be; every: it must cover whatever the exit;
        periods_only: no rides; costs: the leg would cost something.
        """
        best = -1
        best_priority = 0
        for slot in range(CONTRACT_SLOTS):
            contract = state.contracts[slot]
            if contract.product == 0 or (only and contract.product != only):
                continue
            if self._standing(contract) != _VALID:
                continue
            terms = self.terms
            if terms.kind == RIDES and periods_only:
                continue
            if not costs and self.is_spared(contract):
                continue
            if best >= 0 and terms.priority >= best_priority:
                continue
            if self._matcher.covers(contract.product, every):
                best = slot
                best_priority = terms.priority
                self.group = self._matcher.group
                self.passback_s = terms.passback_s
        return best

    def is_spared(self, contract):
        """Would a free leg waste something of the contract, whose terms were read last?"""
        return self.terms.kind == RIDES or contract.start == START_FIRST_USE

    def use(self, contract, costs):
        """Let a valid contract pay; `costs`: the leg would cost something."""
        self.terms.read(self._tariff, contract.product)
        if costs:
            if contract.start == START_FIRST_USE:
                self._begin(contract)
            if self.terms.kind == RIDES:
                contract.rides -= 1

    def buy(self, after, product, category, media):
        """Put a new contract of `product` on the card.

        Returns its slot and sets `price_minor` and `group`, or -1 and sets `reason`.
        """
        terms = self.terms
        self.reason = outcomes.NOT_VALID_HERE
        if not terms.read(self._tariff, product) or not terms.on_board:
            return -1
        self.price_minor = terms.price(self._tariff, category, media)
        bought = self._bought
        bought.product = product
        bought.rides = min(terms.length, _RIDES_MAX) if terms.kind == RIDES else 0
        self._begin(bought)
        if self.price_minor == NO_PRICE or self._standing(bought) != _VALID:
            return -1
        if not self._matcher.covers(product, False):
            return -1
        self.group = self._matcher.group
        self.reason = outcomes.ALREADY_USED
        for slot in range(CONTRACT_SLOTS):
            contract = after.contracts[slot]
            if contract.product == 0 or self._standing(contract) == _OVER:
                contract.copy_from(bought)
                return slot
        return -1

    def _begin(self, contract):
        """The contract starts now."""
        contract.start = self._time if self.terms.kind == MINUTES else self._today()

    def _standing(self, contract):
        """_OVER, _VALID or _LATER; reads the terms."""
        terms = self.terms
        if not terms.read(self._tariff, contract.product) or terms.kind == SINGLE:
            return _LATER
        if terms.kind == RIDES and contract.rides == 0:
            return _OVER
        begin = contract.start
        if begin == START_FIRST_USE:
            return _VALID if self._may_begin() else _LATER
        time = self._time if terms.kind == MINUTES else self._today()
        end = _FOREVER
        if terms.kind == MINUTES:
            end = begin + 60 * terms.length
        elif terms.kind == DAYS:
            end = begin + terms.length
        elif terms.kind == MONTHS:
            month = clock.month_of(begin)
            begin = clock.month_start(month)
            end = clock.month_start(month + terms.length)
        elif terms.kind == WEEKDAYS:
            end = self._weekdays_end(begin)
        elif terms.valid_days:
            end = begin + terms.valid_days
        if time >= end:
            return _OVER
        return _VALID if time >= begin else _LATER

    def _may_begin(self):
        """Can the first use of the product in `terms` be now?"""
        return self.terms.kind != WEEKDAYS or self._is_in_mask(self._today())

    def _weekdays_end(self, begin):
        """The first service day from `begin` on that is not in the mask."""
        for day in range(begin, begin + 7):
            if not self._is_in_mask(day):
                return day
        return _FOREVER

    def _is_in_mask(self, day):
        return bool(self.terms.weekdays >> clock.weekday(day) & 1)
