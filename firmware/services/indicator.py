"""What people see and hear at the door: each situation as light, sound and display together.

The words come from the catalogue /lang/<language>.txt (docs/validator.md has the table), kept as
the bytes of its file and searched when needed: a dict of its texts would take five times the room.
Money is written with the tariff's exponent from integers. Nothing is decided here.
"""

import asyncio

from firmware.drivers import light, sound
from protocol import outcomes
from protocol.compat import const
from protocol.fares.tariff import NO_FARE

_TITLE_PAGE = const(0)
_RULE_PAGE = const(1)
_BIG_PAGE = const(2)
_SECOND_PAGE = const(4)
_FOOT_PAGE = const(7)
_HUGE_CHARACTERS_MAX = const(7)
_BIG_CHARACTERS_MAX = const(10)
_BALANCE_CHARACTERS_MAX = const(6)
_CURRENCY_SIGNS = {"KZT": "₸", "AZN": "₼", "GEL": "₾", "EUR": "€", "PLN": "zł"}


def load_catalogue(language):
    """The texts of a language, as `texts_of` takes them; empty if the file is not there."""
    try:
        with open("/lang/" + language + ".txt", "rb") as file:
            return b"\n" + file.read()
    except OSError:
        return b""


def texts_of(catalogue, key):
    """The lines of the text `key`; a text that is missing shows its key."""
    start = catalogue.find(b"\n" + key.encode() + b": ")
    if start < 0:
        return [key]
    start += len(key) + 3
    return catalogue[start:catalogue.find(b"\n", start)].decode().split("|")


def money(amount_minor, exponent):
    """`amount_minor` in whole units: 12345 with exponent 2 is "123.45"."""
    sign = "-" if amount_minor < 0 else ""
    digits = str(abs(amount_minor))
    if exponent:
        digits = "0" * (exponent + 1 - len(digits)) + digits
        digits = digits[:-exponent] + "." + digits[-exponent:]
    return sign + digits


class Indicator:
    """The drivers of display, light and sound; `texts` a catalogue; tariff, place and clock.

    Light, display and sound stay as they were set until the next call.
    """

    def __init__(self, display, status_light, sounder, texts, tariff, place, clock):
        self._display = display
        self._light = status_light
        self._sound = sounder
        self._texts = texts
        self._tariff = tariff
        self._place = place
        self._clock = clock
        self._sign = _CURRENCY_SIGNS.get(tariff.currency, tariff.currency)

    def product(self, index):
        """Name of a product of the tariff, None for index 0."""
        return self._tariff.products[index]

    def _words(self, key):
        return texts_of(self._texts, key)

    def _sum(self, amount_minor):
        return money(amount_minor, self._tariff.exponent)

    def _title(self, text, right=""):
        display = self._display
        display.clear()
        display.text(_TITLE_PAGE, 0, text)
        display.right(_TITLE_PAGE, right)
        display.rule(_RULE_PAGE, 1)

    def _big(self, words, foot):
        """Two large lines, or small ones if they don't fit, and one small line at the foot."""
        page = _BIG_PAGE
        for line in words[:2]:
            self._display.centre(page, line, 2 if len(line) <= _BIG_CHARACTERS_MAX else 1)
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
        known = self._clock.quality > 0
        self._light.show(light.GREEN if known else light.BLUE)
        price_minor = self._tariff.price_minor(0, self._place)[0]
        foot = ""
        if not known:
            foot = self._words("no_clock")[0]
        elif price_minor != NO_FARE:
            foot = "%s %s %s" % (self._words("fare")[0], self._sum(price_minor), self._sign)
        route = self._place.route
        title = "%s %d" % (self._words("route")[0], route) if route else ""
        await self._screen(title, self._hour(), self._words("ready"), foot)

    def _hour(self):
        if not self._clock.quality:
            return ""
        minutes = (self._clock.now() + self._tariff.utc_offset_s) // 60
        return "%02d:%02d" % (minutes // 60 % 24, minutes % 60)

    def signal(self, decision, card):
        """Light and sound of a tap's outcome; at once, for the card still waits for a write."""
        if decision.outcome == outcomes.ACCEPTED:
            self._light.show(light.GREEN)
            reduced = card.rider_category > 0
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
                foot = "%s %s %s" % (
                    self._words("balance")[0], self._sum(card.balance_minor()), self._sign
                )
            self._refused(self._words(outcomes.REASON_NAMES[decision.reason]), foot, "✗")
        await self._display.flush()

    def _accepted(self, decision, card, recovered):
        if recovered:  # of a category that this tariff may not have
            title = "recovered"
        elif decision.transfer:
            title = "transfer"
        else:
            title = self._tariff.categories[card.rider_category]
        self._title(self._words(title)[0], "✓")
        display = self._display
        if decision.charge_minor or not decision.transfer:
            self._amount(self._sum(decision.charge_minor))
        else:
            display.centre(_BIG_PAGE, self._words("free")[0], 3)
        balance = self._sum(card.balance_minor())
        display.text(_FOOT_PAGE, 0, self._words("balance")[0])
        if len(balance) > _BALANCE_CHARACTERS_MAX:
            display.right(_FOOT_PAGE, balance)
        else:
            display.right(_FOOT_PAGE - 1, balance, 2)

    def _amount(self, text):
        """A sum as large as the line allows, the currency one size smaller at its foot."""
        sign = self._sign
        scale = 3 if len(text) + len(sign) <= _HUGE_CHARACTERS_MAX else 2
        width = 6 * (scale * len(text) + (scale - 1) * len(sign))
        x = max(0, (128 - width) // 2)
        self._display.text(_BIG_PAGE + 3 - scale, x, text, scale)
        self._display.text(_BIG_PAGE + 4 - scale, x + 6 * scale * len(text), sign, scale - 1)

    def _refused(self, words, foot, mark):
        self._title(words[3] if len(words) > 3 else self._words("refused")[0], mark)
        self._big(words, foot or (words[2] if len(words) > 2 else ""))

    async def lines(self, lines):
        """A page of up to eight small lines, for the service view."""
        self._display.clear()
        for page in range(min(8, len(lines))):
            self._display.text(page, 0, lines[page])
        await self._display.flush()
