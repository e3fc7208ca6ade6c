"""A run as a passenger, a driver and a field engineer lived it: readable sentences for people.

Left out: comparing anything, and the reports at the end (`host_tools.cli.bench`). Machines read
`RunResult.as_dict` instead.
"""

from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape

from host_tools.bench.scenario import schema
from host_tools.bench.scenario.results import Observed, StepResult
from host_tools.bench.scenario.schema import Scenario
from host_tools.cards.products import SINGLE
from host_tools.ledger.store import decimal_amount
from host_tools.tariff.load import LoadedTariff

_WHY = {
    "insufficient_funds": "too little money on the card",
    "one_card_please": "one card at a time, please",
    "denied": "this card is on the deny list",
    "expired": "the card has expired",
    "already_used": "the card has no room for another ticket",
    "not_valid_here": "not valid here",
    "not_valid_now": "not valid now",
    "passback": "this card has just been used on this bus",
    "unreadable": "the card could not be read",
    "unknown_medium": "this is no card of ours",
    "blocked": "the card is blocked",
    "clock_unknown": "the validator does not know the time",
    "bad_signature": "what is on the card does not verify",
}
_LIGHT_STYLE = {"green": "bold green", "red": "bold red", "blue": "bold blue", "off": "dim"}
_INDENT = " " * 10


def amount_text(minor: int, tariff: LoadedTariff) -> str:
    """Minor units as people write them: "100.00 KZT"."""
    return f"{decimal_amount(minor, tariff.tables.exponent)} {tariff.tables.currency}"


class Story:
    """Tells the steps of `scenario` on `console`, one after another."""

    def __init__(self, scenario: Scenario, console: Console) -> None:
        self._scenario = scenario
        self._console = console
        self._tariff = scenario.tariffs.base
        self._zone = scenario.start.tzinfo or UTC
        self._places = {
            name: {key: getattr(device, key) for key in schema.PLACE_KEYS}
            for name, device in scenario.devices.items()
        }

    def open(self) -> None:
        """Title, devices and cards."""
        if self._scenario.title:
            self._console.rule(escape(self._scenario.title))
        for name in self._scenario.devices:
            self._say(f"{name} is a validator on {self._place(name)}.")
        for name, medium in self._scenario.media.items():
            self._say(f"{name} has {self._card(medium)}.")

    def tell(self, result: StepResult) -> None:
        """One step: what was done, what was seen and heard, what it means."""
        step = result.step
        if step.note:
            self._console.print(f"\n[bold]{escape(step.note)}[/bold]")
        at = datetime.fromtimestamp(result.unix_s, self._zone).strftime("%H:%M:%S")
        self._say(f"[cyan]{at}[/cyan]  {self._deed(result)}")
        if isinstance(step, schema.Tap):
            self._say(f"{_INDENT}{escape(self._meaning(result.observed))}")
        if isinstance(step, schema.DeviceStep):
            self._tell_senses(result.observed)
        if result.remark:
            self._say(f"{_INDENT}{escape(result.remark)}")
        if result.picture:
            self._say(f"{_INDENT}[dim]picture {escape(result.picture)}[/dim]")
        for line in result.failures:
            self._say(f"{_INDENT}[bold red]not as expected:[/bold red] {escape(line)}")

    def _say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)

    def _tell_senses(self, observed: Observed) -> None:
        parts = []
        if observed.light is not None:
            style = _LIGHT_STYLE[observed.light]
            parts.append(f"light [{style}]{observed.light}[/{style}]")
        if observed.sound is not None:
            parts.append(f"sound {escape(observed.sound)}")
        if observed.display is not None:
            lines = " | ".join(observed.display)
            parts.append(f'display "{escape(lines)}"' if lines else "display dark")
        if observed.reader_ms is not None:
            parts.append(f"{observed.reader_ms:.1f} ms, {observed.exchanges} reader commands")
        if parts:
            self._say(_INDENT + "; ".join(parts))

    def _place(self, device: str) -> str:
        place = self._places[device]
        words = [
            f"{what} {self._name(key, place[key] or '')}"
            for key, what in _PLACE_WORDS
            if place[key] is not None
        ]
        return escape(", ".join(words) or "no line")

    def _choosing(self, step: schema.Tap) -> str:
        """What is chosen on the keys before the tap."""
        products = self._tariff.tables.products
        riders = step.riders
        parts = []
        if isinstance(riders, tuple) and riders:
            names = [_name_of(self._tariff.tables.categories, category) for category in riders]
            parts.append(f", with {' and '.join(names)} on the same card")
        elif isinstance(riders, int) and riders > 1:
            parts.append(f", {riders} riders on one card")
        if step.product is not None:
            parts.append(f", {_name_of(products, step.product)} chosen on the keys")
        return escape("".join(parts))

    def _name(self, kind: str, known_as: str) -> str:
        """What people call a line, stop or zone; its id where the tariff has no name for it."""
        tables = self._tariff.tables
        rows: Any = {"route": tables.routes, "stop": tables.stops, "zone": tables.areas}
        return _name_of(rows.get(kind, ()), known_as)

    def _card(self, medium: schema.Medium) -> str:
        if medium.file is not None:
            return f"a card from {escape(medium.file)}"
        if medium.blank:
            return f"a blank {medium.type} card"
        tables = self._tariff.tables
        category = medium.rider_category or tables.categories[tables.default_category].id
        category = _name_of(tables.categories, category).lower()
        until = f" until {medium.concession_until}" if medium.concession_until else ""
        whose = " of another agency" if medium.agency == "other" else ""
        tampered = ", tampered with" if medium.tamper else ""
        article = "an" if category[0] in "aeiou" else "a"
        holds = "".join(
            f" and {_name_of(tables.products, held.product)}" for held in medium.products
        )
        return escape(
            f"{article} {category} card{until}{whose} ({medium.type}) "
            f"with {self._amount(medium.balance)}{holds}{tampered}"
        )

    def _amount(self, minor: int) -> str:
        return amount_text(minor, self._tariff)

    def _meaning(self, observed: Observed) -> str:
        """What a tap meant for the passenger."""
        left = "" if observed.balance is None else f", {self._amount(observed.balance)} left"
        if observed.outcome == "accepted":
            return f"→ accepted: {self._paid(observed)}{left}."
        if observed.outcome == "refused":
            return f"→ refused: {_WHY.get(observed.reason or '', str(observed.reason))}{left}."
        if observed.outcome == "retap":
            return "→ hold the card there again, please. Nothing is settled yet."
        return "→ no answer: the validator said nothing."

    def _paid(self, observed: Observed) -> str:
        """What was paid, for what if it is not a single ride, and how many ride on it."""
        products = {row.id: row for row in self._tariff.tables.products}
        product = products.get(observed.product or "")
        riders = f" for {observed.riders} riders" if (observed.riders or 1) > 1 else ""
        if product is not None and product.kind != SINGLE:
            riders = f" on {product.name or product.id}{riders}"
        if observed.charged:
            return f"paid {self._amount(observed.charged)}{riders}"
        if product is None:
            return "nothing to pay"
        return f"rides{riders}" if riders else "rides free"

    def _deed(self, result: StepResult) -> str:
        """What was done, as a sentence with markup."""
        match step := result.step:
            case schema.Tap():
                return self._tapping(step)
            case schema.Advance():
                passed = _ago(step.advance)
                return f"{passed} {'goes' if _is_one(passed) else 'go'} by."
            case schema.SetPlace():
                self._places[step.set] |= step.named()
                return f"The driver of {step.set} sets {self._place(step.set)}."
            case schema.Press():
                self._places[step.press] |= result.moved
                pressed = f"Somebody presses {', '.join(step.keys)} on {step.press}"
                at = f": {self._place(step.press)} from here" if result.moved else ""
                return f"{pressed}{at}."
            case schema.Install():
                return f"The depot puts the tariff {escape(step.tariff)} onto {step.install}."
            case schema.Link():
                return f"The link of {step.link} is {_link(step)} from here."
            case schema.PowerCut():
                return _cut(step)
            case schema.Boot():
                return f"{step.boot} has its supply back and boots."
            case schema.Sync():
                return f"{step.sync} hands its records to the ledger."
        return "The books are looked at."

    def _tapping(self, step: schema.Tap) -> str:
        who = " and ".join(escape(name) for name in step.tap)
        verb = "taps" if len(step.tap) == 1 else "tap together"
        how = self._choosing(step) + "".join((
            f", and pulls the card away after {step.remove_after_frames} frames"
            if step.remove_after_frames is not None else "",
            f", and answer {step.answer_lost} of the card is lost" if step.answer_lost else "",
            f", and write {step.torn_write} of the card is torn" if step.torn_write else "",
        ))
        return f"[bold]{who}[/bold] {verb} at {step.on} ({self._place(step.on)}){how}."


_PLACE_WORDS = (("vehicle", "bus"), ("route", "line"), ("stop", "stop"), ("zone", "zone"))


def _name_of(rows: Any, known_as: str) -> str:
    """The name in the row with this id, or the id."""
    return next((row.name for row in rows if row.id == known_as and row.name), known_as)


def _ago(seconds: int) -> str:
    units = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))
    parts = []
    for size, unit in units:
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}{'s' if count > 1 else ''}")
    return " ".join(parts)


def _is_one(words: str) -> bool:
    """`1 hour`, but not `1 hour 30 minutes`."""
    return words.startswith("1 ") and words.count(" ") == 1


def _link(step: schema.Link) -> str:
    if isinstance(step.state, str):
        return step.state
    return f"up, losing {step.state.loss:.0%}, {step.state.latency_ms} ms away"


def _cut(step: schema.PowerCut) -> str:
    if step.at_flash_op is None:
        return f"The supply of {step.power_cut} fails."
    torn = ", which it tears" if step.torn else ""
    return (
        f"The supply of {step.power_cut} will fail at its flash operation "
        f"{step.at_flash_op} from here{torn}."
    )
