"""Runs a scenario's steps on a bus line, one after another, and compares what each showed.

What a bus line is made of is not known here: `Line` says what it must be able to do.
`host_tools.bench.bus_line` is the real one.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

from host_tools.bench.scenario import schema
from host_tools.bench.scenario.results import (
    Observed,
    RunResult,
    StepResult,
    compare,
    compare_ledger,
)
from host_tools.bench.scenario.schema import LinkQuality, Scenario, Step

NOTHING = Observed()


class Line(Protocol):
    """A bus line: devices, cards, a ledger, and one clock. Names are those of the scenario."""

    remark: str | None  # what there is to say about the last step besides what it showed
    moved: dict[str, str | None]  # where the driver's keys have taken the device in it

    def unix_s(self) -> int:
        """Bench time."""
        ...

    def tap(self, device: str, step: schema.Tap) -> Observed:
        """Hold the cards to the device until it answered; then take them away."""
        ...

    def advance(self, seconds: int) -> None:
        """Bench time goes on; devices that run do what they do meanwhile."""
        ...

    def set_place(self, device: str, place: dict[str, str | None]) -> Observed:
        """Set the `vehicle`, `route`, `stop` or `zone` that are in `place`."""
        ...

    def press(self, device: str, keys: tuple[str, ...]) -> Observed:
        """Press these keys one after another."""
        ...

    def install(self, device: str, tariff: str) -> Observed:
        """Put the tariff of this name onto the device and restart it."""
        ...

    def set_link(self, device: str, quality: LinkQuality | None) -> Observed:
        """The device's link from now on; None: down."""
        ...

    def cut_power(self, device: str, at_flash_op: int | None, torn: bool) -> Observed:
        """Now (None), or at that flash operation from here."""
        ...

    def boot(self, device: str) -> Observed:
        """Power comes back; returns when the device is ready."""
        ...

    def sync(self, device: str) -> Observed:
        """The device's journal goes to the ledger as far as the link lets it."""
        ...

    def ledger(self) -> dict[str, Any]:
        """Figures of the ledger: at least `taps`, `revenue`, `balanced`."""
        ...

    def picture(self, device: str, path: Path) -> None:
        """Save what the device's display shows as a PNG."""
        ...


class Runner:
    """One run of `scenario` on `line`; pictures of the displays go to the folder `pictures`."""

    def __init__(self, scenario: Scenario, line: Line, pictures: Path | None = None) -> None:
        self._scenario = scenario
        self._line = line
        self._pictures = pictures
        self.result = RunResult()

    def steps(self) -> Iterator[StepResult]:
        """Run step by step; after the last, `result` has the ledger's figures too."""
        for number, step in enumerate(self._scenario.steps, 1):
            result = self._run_step(number, step)
            self.result.steps.append(result)
            yield result
        self.result.ledger = self._line.ledger()

    def run(self, done: Callable[[StepResult], None] = lambda result: None) -> RunResult:
        """Run all; `done` is called after each step."""
        for result in self.steps():
            done(result)
        return self.result

    def _run_step(self, number: int, step: Step) -> StepResult:
        began = self._line.unix_s()
        failures: tuple[str, ...] = ()
        self._line.remark = None
        self._line.moved = {}
        observed = self._do(step)
        picture = None
        if isinstance(step, schema.ExpectLedger):
            failures = compare_ledger(step.expect_ledger, self._line.ledger())
        elif isinstance(step, schema.DeviceStep):
            failures = compare(step.expect, observed)
            picture = self._save_picture(number, device_of(step), observed)
        return StepResult(
            number, step, observed, failures, began, picture, self._line.remark, self._line.moved
        )

    def _do(self, step: Step) -> Observed:
        """Do one step; Observed of nothing where nothing applies."""
        line = self._line
        match step:
            case schema.Tap():
                return line.tap(step.on, step)
            case schema.SetPlace():
                return line.set_place(step.set, step.named())
            case schema.Press():
                return line.press(step.press, step.keys)
            case schema.Install():
                return line.install(step.install, step.tariff)
            case schema.Link():
                return line.set_link(step.link, _quality(step.state))
            case schema.PowerCut():
                return line.cut_power(step.power_cut, step.at_flash_op, step.torn)
            case schema.Boot():
                return line.boot(step.boot)
            case schema.Sync():
                return line.sync(step.sync)
            case schema.Advance():
                line.advance(step.advance)
        return NOTHING

    def _save_picture(self, number: int, device: str, observed: Observed) -> str | None:
        if self._pictures is None or not observed.display:
            return None
        path = self._pictures / f"step-{number:03}-{device}.png"
        self._line.picture(device, path)
        return str(path)


def device_of(step: schema.DeviceStep) -> str:
    """The device that a step is about."""
    for key in ("on", *schema.DEVICE_STEPS):
        name = getattr(step, key, None)
        if name is not None:
            return str(name)
    raise TypeError(step)


def _quality(state: str | LinkQuality) -> LinkQuality | None:
    if isinstance(state, LinkQuality):
        return state
    return LinkQuality() if state == "up" else None
