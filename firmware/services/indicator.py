"""What people see and hear at the door: each situation as light, sound and display together.

Words and names are those of `services/wording.py` and of the tariff. Nothing is decided here.
"""

import asyncio

from firmware.drivers import light, sound
from firmware.services.pass_words import contract_of, is_rides, valid_until
from firmware.services.wording import (
    LARGE_CHARACTERS,
    SMALL_CHARACTERS,
    clock_time,
    console_word,
    joined,
    money,
    texts_of,
    two_lines,
)
from protocol import outcomes
from protocol.compat import const
from protocol.fares.tariff import NO_FARE

_TITLE_PAGE = const(0)
_RULE_PAGE = const(1)
_BIG_PAGE = const(2)
_SECOND_PAGE = const(4)
_NOTE_PAGE = const(5)  # below a sum
_PLACE_PAGE = const(6)  # below two lines
_FOOT_PAGE = const(7)
_HUGE_CHARACTERS_MAX = const(7)
_BALANCE_CHARACTERS_MAX = const(6)
_TITLE_CHARACTERS_MAX = const(15)  # beside the time of day
_CURRENCY_SIGNS = {"KZT": "₸", "AZN": "₼", "GEL": "₾", "EUR": "€", "PLN": "zł"}


class Indicator:
    """The drivers of display, light and sound; `texts` a catalogue; place and clock.

    `use` hands in the fares, without which only `starting` and `closed` may be called. Light,
    display and sound stay as they were set until the next call.
    """

    def __init__(self, display, status_light, sounder, texts, place, clock):
        self._display = display
        self._light = status_light
        self._sound = sounder
        self._texts = texts
        self._place = place
        self._clock = clock
        self._fares = self._tariff = None
        self._sign = ""
        self._drawn_route = self._drawn_stop = -1  # of the ready screen

    def use(self, fares):
        """Speak of money, products and places as the tariff of `fares` (engine.Fares) does."""
        self._fares = fares
        self._tariff = fares.tariff
        self._sign = _CURRENCY_SIGNS.get(fares.tariff.currency, fares.tariff.currency)

    def product(self, code):
        """Id of a product for the console, where spaces would end it; `-` for code 0."""
        if not code:
            return "-"
        return console_word(self._tariff.product_id(code))

    def _words(self, key):
        return texts_of(self._texts, key)

    def _word(self, key):
        return texts_of(self._texts, key)[0]

    def _sum(self, amount_minor):
        return money(amount_minor, self._tariff.exponent)

    def _title(self, text, right=""):
        display = self._display
        display.clear()
        room = SMALL_CHARACTERS - len(right) - 1 if right else SMALL_CHARACTERS
        display.text(_TITLE_PAGE, 0, text[:room])
        display.right(_TITLE_PAGE, right)
        display.rule(_RULE_PAGE, 1)

    def _big(self, words, foot):
        """Two large lines, or small ones if they don't fit, and one small line at the foot."""
        page = _BIG_PAGE
        for line in words[:2]:
            self._display.centre(page, line, 2 if len(line) <= LARGE_CHARACTERS else 1)
            page = _SECOND_PAGE
        self._display.centre(_FOOT_PAGE, foot)

    async def _screen(self, title, right, words, foot=""):
        self._title(title, right)
        self._big(words, foot)
        await self._display.flush()

    async def starting(self, name):
        """Blue: not ready yet."""
        self._light.show(light.BLUE)
        await self._screen("Minik", name, self._words("starting"))

    async def wait(self):
        """Blue: the reader is away, for a moment perhaps."""
        self._light.show(light.BLUE)
        await self._screen("", self._hour(), self._words("wait"))

    async def closed(self, fault):
        """Red: out of service; `fault` is one short line for whoever repairs it."""
        self._light.show(light.RED)
        words = self._words("closed")
        self._title(words[2] if len(words) > 2 else "")
        self._big(words, fault)
        await self._display.flush()

    async def ready(self):
        """Green, or blue while the time is not known: a card may come."""
        self._drawn_route = self._place.route
        self._drawn_stop = self._place.stop
        known = self._show_open()
        foot = ""
        if known:
            price_minor = self._fares.offer(
                self._tariff.default_category, self._place, self._clock.now()
            )[0]
            if price_minor != NO_FARE:
                foot = "%s %s %s" % (self._word("fare"), self._sum(price_minor), self._sign)
        else:
            foot = self._word("no_clock")
        self._title(self._line(), self._hour())
        self._big(self._words("ready"), foot)
        self._display.centre(_PLACE_PAGE, self._tariff.stop_name(self._place.stop))
        await self._display.flush()

    def is_stale(self):
        """Has the place changed since the ready screen was drawn?"""
        place = self._place
        return place.route != self._drawn_route or place.stop != self._drawn_stop

    def _show_open(self):
        """The light of a door that takes cards; is the time known?"""
        known = self._clock.quality > 0
        self._light.show(light.GREEN if known else light.BLUE)
        return known

    def _line(self):
        """The line by its name, or by its code where the tariff has none for it."""
        route = self._place.route
        if not route:
            return ""
        name = self._tariff.route_name(route) or str(route)
        line = self._word("route") + " " + name
        return line if len(line) <= _TITLE_CHARACTERS_MAX else name

    def _hour(self):
        if not self._clock.quality or self._tariff is None:
            return ""
        return clock_time(self._tariff.zone.local(self._clock.now()))

    def signal(self, decision, card):
        """Light and sound of a tap's outcome; at once, for the card still waits for a write."""
        if decision.outcome == outcomes.ACCEPTED:
            self._light.show(light.GREEN)
            reduced = self._tariff.is_concession(decision.rider_category)
            self._sound.play(sound.ACCEPTED_REDUCED if reduced else sound.ACCEPTED)
        else:
            self._light.show(light.RED)
            retap = decision.outcome == outcomes.RETAP
            self._sound.play(sound.RETAP if retap else sound.REFUSED)

    async def outcome(self, decision, card, recovered):
        """The display of a tap's outcome; `card` is its CardState, None if it was not read."""
        await asyncio.sleep_ms(0)  # the tune begins before the slower display is written
        if decision.outcome == outcomes.ACCEPTED:
            self._accepted(decision, card, recovered)
        elif decision.outcome == outcomes.RETAP:
            self._refused(self._words("retap"), "", "✗")
        else:
            foot = ""
            if decision.reason == outcomes.INSUFFICIENT_FUNDS:
                foot = self._balance(card)
            self._refused(self._words(outcomes.REASON_NAMES[decision.reason]), foot, "✗")
        await self._display.flush()

    def _accepted(self, decision, card, recovered):
        contract = None
        if not recovered:  # a recovery decides nothing: what was used then is not known
            contract = contract_of(self._tariff, card, decision.product, self._clock.now())
        self._title(self._heading(decision, card, recovered, contract), "✓")
        if decision.charge_minor:
            self._amount(self._sum(decision.charge_minor), self._sign)
            self._below(self._notes(decision, contract), card)
        elif card.checked_in:
            self._big(self._words("checked_in")[1:], self._balance(card))
            self._display.centre(_PLACE_PAGE, self._notes(decision, None))
        elif contract is not None:
            self._big(self._end_of(contract), self._balance(card))
            self._display.centre(_PLACE_PAGE, self._notes(decision, None))
        else:
            if decision.transfer:
                self._display.centre(_BIG_PAGE, self._word("free"), 3)
            else:
                self._amount(self._sum(0), self._sign)
            self._below(self._notes(decision, None), card)

    def _heading(self, decision, card, recovered, contract):
        if decision.checkout:
            return self._word("checked_out")
        if card.checked_in:
            return self._word("checked_in")
        if recovered:
            return self._word("recovered")
        if decision.transfer and contract is None:
            return self._word("paid_transfer" if decision.charge_minor else "transfer")
        return self._tariff.product_name(decision.product)

    def _notes(self, decision, bought):
        """What else there is to say of an accepted tap, as much as fits; `bought` a contract."""
        pieces = []
        if decision.missed:
            pieces.append(self._word("missed"))
        if decision.riders > 1:
            pieces.append("%d %s" % (decision.riders, self._word("riders")))
        if decision.capped:
            pieces.append(self._word("capped"))
        if bought is not None:
            pieces.append(self._left(bought))
        if decision.rider_category != self._tariff.default_category:
            pieces.append(self._tariff.category_name(decision.rider_category))
        return joined(pieces, SMALL_CHARACTERS)

    def _left(self, contract):
        """What a contract still holds, in one line."""
        if is_rides(self._tariff, contract):
            return "%d %s" % (contract.rides, self._word("rides"))
        return self._word("until") + " " + self._until(contract)

    def _end_of(self, contract):
        """The same in two."""
        if is_rides(self._tariff, contract):
            return self._word("rides_left"), str(contract.rides)
        return self._word("valid_until"), self._until(contract)

    def _until(self, contract):
        return valid_until(self._tariff, contract, self._clock.now())

    def _balance(self, card):
        return "%s %s %s" % (self._word("balance"), self._sum(card.balance_minor()), self._sign)

    def _below(self, note, card):
        """Under a sum: a small line, then the balance as large as it fits."""
        display = self._display
        display.centre(_NOTE_PAGE, note)
        balance = self._sum(card.balance_minor())
        display.text(_FOOT_PAGE, 0, self._word("balance"))
        if len(balance) > _BALANCE_CHARACTERS_MAX:
            display.right(_FOOT_PAGE, balance)
        else:
            display.right(_FOOT_PAGE - 1, balance, 2)

    def _amount(self, text, sign):
        """A sum as large as the line allows, the currency one size smaller at its foot."""
        scale = 3 if len(text) + len(sign) <= _HUGE_CHARACTERS_MAX else 2
        width = 6 * (scale * len(text) + (scale - 1) * len(sign))
        x = max(0, (128 - width) // 2)
        self._display.text(_BIG_PAGE + 3 - scale, x, text, scale)
        self._display.text(_BIG_PAGE + 4 - scale, x + 6 * scale * len(text), sign, scale - 1)

    def _refused(self, words, foot, mark):
        self._title(words[3] if len(words) > 3 else self._word("refused"), mark)
        self._big(words, foot or (words[2] if len(words) > 2 else ""))

    async def choice(self, choice, decision, checks_in):
        """What is armed for the next tap, and the Decision on a plain card with it."""
        self._show_open()
        riders = choice.riders()
        self._title("%d %s" % (riders, self._word("riders" if riders > 1 else "rider")))
        if decision.outcome != outcomes.ACCEPTED:
            self._big(self._words(outcomes.REASON_NAMES[decision.reason]), "")
        else:
            if checks_in:
                self._big(self._words("checked_in")[1:], "")
            else:
                self._amount(self._sum(decision.charge_minor), self._sign)
            self._display.centre(_PLACE_PAGE, self._tariff.product_name(decision.product))
        self._display.centre(_FOOT_PAGE, self._joiners(choice.companions))
        await self._display.flush()

    def _joiners(self, companions):
        """"+2 Adult, +1 Reduced" of companions (SPEC §2.3.1)."""
        pieces = []
        for shift in (0, 8):
            count = companions >> shift & 15
            if count:
                category = companions >> shift + 4 & 15
                pieces.append("+%d %s" % (count, self._tariff.category_name(category)))
        return joined(pieces, SMALL_CHARACTERS)

    async def entry(self, key, number, count, name):
        """One of `count` things to choose from; `key` is the text that says what they are."""
        self._show_open()
        title = self._word(key)
        await self._screen(title, "%d/%d" % (number, count), two_lines(name), self._word("keys"))

    async def told(self, key):
        """A text for whoever pressed a key."""
        self._show_open()
        await self._screen("", self._hour(), self._words(key))

    async def lines(self, lines):
        """A page of up to eight small lines, for the service view."""
        self._display.clear()
        for page in range(min(8, len(lines))):
            self._display.text(page, 0, lines[page])
        await self._display.flush()
