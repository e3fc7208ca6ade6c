"""What a run showed, step by step, and how it compares with what was expected.

`Observed` is the contract of `minik bench run --json`: its fields, in this order, null where one
does not apply. Money in minor units.
"""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from host_tools.bench.scenario.schema import Expect, LedgerExpect, Range, Step


@dataclass(frozen=True)
class Observed:
    """What a step showed. `reader_ms`: modelled reader and link time of a tap; `riders` of an
    accepted one; `tariff` (its version) and `fault` (the console's words) of a start."""

    outcome: str | None = None
    reason: str | None = None
    charged: int | None = None
    balance: int | None = None
    product: str | None = None
    display: tuple[str, ...] | None = None
    light: str | None = None
    sound: str | None = None
    reader_ms: float | None = None
    exchanges: int | None = None
    riders: int | None = None
    tariff: int | None = None
    fault: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        shown = asdict(self)
        shown["display"] = None if self.display is None else list(self.display)
        return shown


@dataclass(frozen=True)
class StepResult:
    """One step as it went. `failures`: a line for each expectation that did not hold."""

    number: int
    step: Step
    observed: Observed
    failures: tuple[str, ...]
    unix_s: int  # bench time when the step began
    picture: str | None = None  # the display, saved here
    remark: str | None = None  # for people: what else there is to say
    moved: dict[str, str | None] = field(default_factory=dict)  # ids: where keys took the device

    @property
    def ok(self) -> bool:
        """Did all that was expected hold?"""
        return not self.failures

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"ok": self.ok, "observed": self.observed.as_dict()}


@dataclass
class RunResult:
    """A whole run. `ledger`: the figures at its end."""

    steps: list[StepResult] = field(default_factory=list)
    ledger: dict[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Did every step show what it had to?"""
        return all(result.ok for result in self.steps)

    def failures(self) -> list[str]:
        """One line for each expectation that did not hold, with the step's number."""
        return [
            f"step {result.number}: {line}" for result in self.steps for line in result.failures
        ]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "ok": self.ok,
            "steps": [result.as_dict() for result in self.steps],
            "ledger": self.ledger,
        }


def compare(expect: Expect, observed: Observed) -> tuple[str, ...]:
    """A line for each named key of `expect` that `observed` does not fulfil."""
    lines = []
    for key in (one.name for one in fields(Observed)):
        if key not in expect.model_fields_set:
            continue
        wanted, seen = getattr(expect, key), getattr(observed, key)
        if not _fulfils(wanted, seen):
            lines.append(f"{key} is {_said(seen)}, expected {_said(wanted)}")
    return tuple(lines)


def compare_ledger(expect: LedgerExpect, ledger: dict[str, Any]) -> tuple[str, ...]:
    """As `compare`, for the figures of the ledger."""
    return tuple(
        f"ledger {key} is {_said(ledger[key])}, expected {_said(getattr(expect, key))}"
        for key in ("taps", "revenue", "balanced")
        if key in expect.model_fields_set and ledger[key] != getattr(expect, key)
    )


def _fulfils(wanted: Any, seen: Any) -> bool:
    if isinstance(wanted, Range):
        return seen is not None and (
            (wanted.min is None or seen >= wanted.min)
            and (wanted.max is None or seen <= wanted.max)
        )
    if isinstance(wanted, str) and isinstance(seen, tuple):
        return any(wanted in line for line in seen)
    return bool(wanted == seen)


def _said(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{line}"' for line in value) + "]"
    if isinstance(value, Range):
        bounds = [f"min: {value.min:g}"] if value.min is not None else []
        bounds += [f"max: {value.max:g}"] if value.max is not None else []
        return "{" + ", ".join(bounds) + "}"
    return str(value)
