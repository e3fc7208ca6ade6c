"""The engine and the slow evaluator live through the same card lives, side by side."""

from dataclasses import dataclass

from protocol.fares.engine import Fares
from protocol.fares.tariff import BytesStore, Tariff
from protocol.outcomes import REASON_NAMES
from tests.fares.corpus import City
from tests.fares.slow_card import PERIODS, Answer, Card, Tap, tap
from tests.fares.tap_runner import TapRunner


@dataclass
class Difference:
    """Where they part: everything to replay it."""

    taps: list[str]
    slow: dict[str, object]
    engine: dict[str, object]

    def __str__(self) -> str:
        wrong = {k: (v, self.engine[k]) for k, v in self.slow.items() if v != self.engine[k]}
        return "(slow, engine): {}\n{}".format(wrong, "\n".join(self.taps))


class Engine(TapRunner):
    """The engine with a city's tariff, fed with lines of a corpus."""

    def __init__(self, city: City) -> None:
        super().__init__("")
        self.fares = Fares(Tariff(BytesStore(city.payload)))

    @property
    def state(self):
        return self._state


def live(city: City, card: Card, taps: list[Tap]) -> tuple[Difference | None, list[Answer]]:
    """The first difference in one life, and what the slow evaluator answered until then."""
    engine = Engine(city)
    lines = [city.card_line(card)]
    engine.line(lines[0])
    answers = []
    for one in taps:
        lines.append(f"{city.tap_line(one)}   {one}")
        answer, card = tap(city.slow, card, one)
        engine.line(city.tap_line(one))
        slow = _slow_side(city, answer, card)
        fast = _engine_side(engine)
        if answer.reason is not None:
            slow, fast = {k: slow[k] for k in _REFUSED}, {k: fast[k] for k in _REFUSED}
        elif card.checked_in is not None:
            slow["product"] = fast["product"]  # 7.7 leaves open what a check-in names
        if slow != fast:
            return Difference(lines, slow, fast), answers
        answers.append(answer)
    return None, answers


_REFUSED = ("reason", "charge")


def _slow_side(city: City, answer: Answer, card: Card) -> dict[str, object]:
    contracts = [city.card_line(card).split()[5:8], city.card_line(card).split()[8:11]]
    return {
        "reason": answer.reason,
        "charge": answer.charge,
        "product": 0 if answer.product_id is None else city.product(answer.product_id),
        "transfer": answer.transfer,
        "capped": answer.capped,
        "check_out": answer.check_out,
        "missed": answer.missed,
        "balance": card.balance,
        "contracts": [[int(text) for text in one] for one in contracts],
        "spent": [card.spent[period] for period in PERIODS],
        "credit": 0 if card.checked_in else card.credit,
        "checked_in": card.checked_in is not None,
    }


def _engine_side(engine: Engine) -> dict[str, object]:
    decision, state = engine.decision, engine.state
    return {
        "reason": REASON_NAMES[decision.reason],
        "charge": decision.charge_minor,
        "product": decision.product,
        "transfer": bool(decision.transfer),
        "capped": bool(decision.capped),
        "check_out": bool(decision.checkout),
        "missed": bool(decision.missed),
        "balance": state.balance_minor(),
        "contracts": [[one.product, one.start, one.rides] for one in state.contracts],
        "spent": [state.spent_day_minor, state.spent_week_minor, state.spent_month_minor],
        "credit": 0 if state.checked_in else state.credit_minor,
        "checked_in": bool(state.checked_in),
    }


