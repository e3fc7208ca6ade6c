"""What passengers arm on the keys before a tap: more riders, another ticket (docs/validator.md).

The choice itself is `protocol.fares.engine.Choice`, which the tap uses and clears; here it is
filled by presses and runs out. What it costs and what can be chosen says the fare engine, asked
about a card of the default category with money on it and no journey. Left out: what happens at
the tap.
"""

import time

from protocol import outcomes
from protocol.cards.state import CardState
from protocol.compat import const
from protocol.fares.engine import Choice, Decision
from protocol.fares.products import SINGLE, Product

RIDERS = const(0)
REDUCED = const(1)
TICKET = const(2)
DRIVER = const(3)
_ARMED_MS = const(5000)
_COUNT_MAX = const(15)
_CATEGORY_MAX = const(15)
_NO_CATEGORY = const(-1)
_SOME_MONEY = const(0x3FFFFFFE)  # more than any sum of fares


def with_one_more(companions, category):
    """`companions` (SPEC §2.3.1) and one of `category` more; as they are if there is no room."""
    if not 0 <= category <= _CATEGORY_MAX:
        return companions
    free = -1
    for shift in (8, 0):
        count = companions >> shift & 15
        if not count:
            free = shift
        elif companions >> shift + 4 & 15 == category:
            return companions + (1 << shift) if count < _COUNT_MAX else companions
    if free < 0:
        return companions
    return companions & ~(0xFF << free) | (category << 4 | 1) << free


class ChoiceKeys:
    """Fills `choice` by presses, for taps by `fares` at `place`; `indicator` shows it.

    Armed for five seconds from the last press, or from when a card was to be held there again.
    """

    def __init__(self, choice, fares, place, clock, indicator):
        self._choice = choice
        self._fares = fares
        self._place = place
        self._clock = clock
        self._indicator = indicator
        self._on_show = False
        self._pressed_at = 0
        self._concession = _first_concession(fares.tariff)

    def press(self, key):
        """One of RIDERS, REDUCED and TICKET was pressed."""
        self.left_ms()
        choice = self._choice
        if key == RIDERS:
            category = self._fares.tariff.default_category
            choice.companions = with_one_more(choice.companions, category)
        elif key == REDUCED:
            choice.companions = with_one_more(choice.companions, self._concession)
        else:
            choice.product = self._next_product()
        self._on_show = True
        self._pressed_at = time.ticks_ms()
        product = self._indicator.product(choice.product)
        print("choice product=%s riders=%d" % (product, choice.riders()))

    def left_ms(self):
        """For how long the choice is armed still; one that has run out is cleared."""
        if not self._on_show:
            return 0
        left_ms = _ARMED_MS - time.ticks_diff(time.ticks_ms(), self._pressed_at)
        if left_ms <= 0:
            self.served()
            self._choice.clear()
            return 0
        return left_ms

    def served(self):
        """A tap was accepted, and the choice used with it."""
        self._on_show = False

    def again(self):
        """The card is to be held there again: what is armed for it is so for its whole time."""
        self._pressed_at = time.ticks_ms()

    async def draw(self):
        """Show riders, ticket and price."""
        after = CardState()
        decision = self._rated(self._choice, after)
        await self._indicator.choice(self._choice, decision, after.checked_in)

    def _rated(self, choice, after):
        """The Decision on a plain card with `choice`, which stays as it is; fills `after`."""
        state = CardState()
        state.granted_minor = _SOME_MONEY
        state.rider_category = self._fares.tariff.default_category
        after.copy_from(state)
        decision = Decision()
        self._fares.decide(state, self._place, self._clock.now(), choice, decision, after)
        return decision

    def _next_product(self):
        """The next product after the one chosen now that can be chosen here; 0 after the last."""
        tariff = self._fares.tariff
        tried = Choice()
        terms = Product()
        after = CardState()
        usual = self._rated(tried, after).product
        for product in range(self._choice.product + 1, tariff.product_count + 1):
            terms.read(tariff, product)
            if product == usual or not (terms.on_board or terms.kind == SINGLE):
                continue
            tried.clear()
            tried.companions = self._choice.companions
            tried.product = product
            if self._rated(tried, after).outcome == outcomes.ACCEPTED:
                return product
        return 0


def _first_concession(tariff):
    for category in range(tariff.category_count):
        if tariff.is_concession(category):
            return category
    return _NO_CATEGORY
