"""The runner asks the line for what each step says, and compares what came back."""

import io
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from host_tools.bench.scenario.brief import brief
from host_tools.bench.scenario.load import load_scenario
from host_tools.bench.scenario.results import Observed, StepResult, compare
from host_tools.bench.scenario.runner import Runner
from host_tools.bench.scenario.schema import Expect
from host_tools.bench.scenario.story import Story, amount_text
from host_tools.tariff.load import LoadedTariff, load_tariff
from host_tools.tariff.pack import pack
from tests.scenario.sample import CITY_SAMPLE, SAMPLE
from tests.tariff.feeds import city_feed, write_feed
from tests.tariff.rows import BARE

SEEN = Observed(
    outcome="accepted", charged=10000, balance=40000, product="single",
    display=("PAID 100.00", "LEFT 400.00"), light="off", sound="ok", reader_ms=23.5, exchanges=14,
    riders=1,
)


@dataclass
class FakeLine:
    """Writes down what it was asked and answers every tap with SEEN."""

    asked: list[Any] = field(default_factory=list)
    remark: str | None = None
    moved: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(
        default_factory=lambda: {"taps": 1, "revenue": 10000, "balanced": True}
    )

    def unix_s(self):
        return 1_795_143_600

    def tap(self, device, step):
        self.asked.append(("tap", device, step.tap, step.remove_after_frames))
        return SEEN

    def advance(self, seconds):
        self.asked.append(("advance", seconds))

    def set_place(self, device, place):
        self.asked.append(("set", device, place))
        return Observed(light="green")

    def set_link(self, device, quality):
        self.asked.append(("link", device, quality and (quality.loss, quality.latency_ms)))
        return Observed()

    def cut_power(self, device, at_flash_op, torn):
        self.asked.append(("power_cut", device, at_flash_op, torn))
        return Observed()

    def boot(self, device):
        self.asked.append(("boot", device))
        return Observed(light="green", display=("READY",))

    def sync(self, device):
        self.asked.append(("sync", device))
        self.remark = "3 records handed over"
        return Observed()

    def ledger(self):
        return self.figures

    def picture(self, device, path):
        Path(path).write_text(device)


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "day.yaml"
    path.write_text(SAMPLE)
    return load_scenario(path)


def test_each_step_reaches_the_line_in_order(scenario):
    line = FakeLine()
    result = Runner(scenario, line).run()
    assert line.asked == [
        ("tap", "V1", ("adult1",), None),
        ("tap", "V1", ("adult1", "adult2"), None),
        ("tap", "V1", ("adult1",), 6),
        ("advance", 5400),
        ("set", "V1", {"stop": "0101", "zone": None}),
        ("link", "V1", None),
        ("link", "V1", (0.2, 400)),
        ("power_cut", "V1", 3, True),
        ("boot", "V1"),
        ("sync", "V1"),
    ]
    assert [one.ok for one in result.steps] == [True, False] + [True] * 9
    assert not result.ok
    assert result.failures() == [
        "step 2: outcome is accepted, expected refused",
        "step 2: reason is null, expected one_card_please",
    ]


def test_json_is_the_contract(scenario):
    shown = Runner(scenario, FakeLine()).run().as_dict()
    assert list(shown) == ["ok", "steps", "ledger"]
    assert shown["ledger"] == {"taps": 1, "revenue": 10000, "balanced": True}
    assert len(shown["steps"]) == 11
    assert shown["steps"][0] == {
        "ok": True,
        "observed": {
            "outcome": "accepted", "reason": None, "charged": 10000, "balance": 40000,
            "product": "single", "display": ["PAID 100.00", "LEFT 400.00"], "light": "off",
            "sound": "ok", "reader_ms": 23.5, "exchanges": 14, "riders": 1, "tariff": None,
            "fault": None,
        },
    }
    assert set(shown["steps"][3]["observed"].values()) == {None}


def test_a_ledger_that_says_otherwise_fails_its_step(scenario):
    figures = {"taps": 2, "revenue": 10000, "balanced": False}
    result = Runner(scenario, FakeLine(figures=figures)).run()
    assert result.steps[10].failures == (
        "ledger taps is 2, expected 1",
        "ledger balanced is false, expected true",
    )


def test_pictures_are_saved_where_a_display_shows_something(scenario, tmp_path):
    result = Runner(scenario, FakeLine(), tmp_path).run()
    assert [one.number for one in result.steps if one.picture] == [1, 2, 3, 9]
    assert result.steps[8].picture == str(tmp_path / "step-009-V1.png")
    assert (tmp_path / "step-009-V1.png").read_text() == "V1"


@pytest.mark.parametrize(
    ("expect", "failures"),
    [
        ({}, []),
        ({"reason": None}, []),
        ({"outcome": None}, ["outcome is accepted, expected null"]),
        ({"display": "LEFT"}, []),
        ({"display": "left"}, ['display is ["PAID 100.00", "LEFT 400.00"], expected left']),
        ({"display": ["PAID 100.00", "LEFT 400.00"]}, []),
        ({"display": ["PAID 100.00"]},
         ['display is ["PAID 100.00", "LEFT 400.00"], expected ["PAID 100.00"]']),
        ({"exchanges": 14, "reader_ms": {"max": 90}}, []),
        ({"exchanges": {"min": 15}}, ["exchanges is 14, expected {min: 15}"]),
        ({"reader_ms": {"min": 1, "max": 23}},
         ["reader_ms is 23.5, expected {min: 1, max: 23}"]),
    ],
)
def test_only_what_is_named_is_compared(expect, failures):
    assert list(compare(Expect.model_validate(expect), SEEN)) == failures


def test_a_range_does_not_hold_for_nothing():
    assert compare(Expect.model_validate({"reader_ms": {"max": 90}}), Observed())


@pytest.mark.parametrize(
    ("step", "said"), [("1h", "1 hour goes by."), ("45s", "45 seconds go by.")]
)
def test_the_story_counts(tmp_path: Path, step, said):
    path = tmp_path / "s.yaml"
    path.write_text(SAMPLE[: SAMPLE.index("steps:")] + f"steps: [{{advance: {step}}}]\n")
    scenario = load_scenario(path)
    console = Console(record=True, width=100, file=io.StringIO())
    Runner(scenario, FakeLine()).run(Story(scenario, console).tell)
    assert said in console.export_text()


def test_the_story_says_what_everyone_saw(scenario):
    console = Console(record=True, width=100, file=io.StringIO())
    story = Story(scenario, console)
    story.open()
    Runner(scenario, FakeLine()).run(story.tell)
    text = console.export_text()
    assert "V1 is a validator on bus 101, line R5, stop S1." in text
    assert "adult1 has an adult card (classic1k) with 500.00 KZT." in text
    assert "08:00:00  adult1 taps at V1 (bus 101, line R5, stop S1)." in text
    assert "→ accepted: paid 100.00 KZT, 400.00 KZT left." in text
    assert 'light off; sound ok; display "PAID 100.00 | LEFT 400.00"' in text
    assert "pulls the card away after 6 frames" in text
    assert "Pulled away." in text
    assert "1 hour 30 minutes go by." in text
    assert "The driver of V1 sets bus 101, line R5, stop 0101." in text
    assert "up, losing 20%, 400 ms away" in text
    assert "3 records handed over" in text
    assert "not as expected: reason is null, expected one_card_please" in text


def test_money_is_written_with_its_minor_units():
    flat = load_tariff("flat")
    assert [amount_text(minor, flat) for minor in (0, 5, 10000, -250)] == [
        "0.00 KZT", "0.05 KZT", "100.00 KZT", "-2.50 KZT",
    ]
    rows = replace(BARE, currency="VND", exponent=0)
    assert amount_text(12345, LoadedTariff("", pack(rows), rows)) == "12345 VND"


CITY_SEEN = (
    Observed(outcome="accepted", charged=30000, balance=20000, product="ride", riders=3),
    Observed(outcome="accepted", charged=80000, balance=0, product="day", riders=3),
    Observed(),
    Observed(),
    Observed(tariff=3, fault="tariff older"),
)


def test_the_story_of_a_feed_has_its_names(tmp_path):
    write_feed(city_feed(), tmp_path / "feed")
    write_feed(city_feed(), tmp_path / "newer.zip")
    (tmp_path / "day.yaml").write_text(CITY_SAMPLE)
    scenario = load_scenario(tmp_path / "day.yaml")
    console = Console(record=True, width=200, file=io.StringIO())
    story = Story(scenario, console)
    story.open()
    for number, (step, seen) in enumerate(zip(scenario.steps, CITY_SEEN, strict=True), 1):
        story.tell(StepResult(number, step, seen, (), 1_795_143_600))
    told = [line.strip() for line in console.export_text().splitlines()]
    assert told[:3] == [
        "V1 is a validator on bus 101, line 5, zone Inner city.",
        "dana has an adult card (classic1k) with 500.00 KZT and Monthly pass.",
        "olga has a reduced card until 2026-12-31 (classic1k) with 500.00 KZT.",
    ]
    text = "\n".join(told)
    place = "bus 101, line 5, zone Inner city"
    assert f"dana taps at V1 ({place}), 3 riders on one card." in text
    assert "→ accepted: paid 300.00 KZT for 3 riders, 200.00 KZT left." in text
    assert "with Adult and Reduced on the same card, Day ticket chosen on the keys." in text
    assert "→ accepted: paid 800.00 KZT on Day ticket for 3 riders, 0.00 KZT left." in text
    assert "The driver of V1 sets bus 101, line 5, stop Bridge." in text
    assert "Somebody presses riders, ticket on V1." in text
    assert "The depot puts the tariff newer.zip onto V1." in text
    moved = {"route": "R7", "stop": None, "zone": "outer"}
    story.tell(StepResult(6, scenario.steps[3], Observed(), (), 0, moved=moved))
    told = console.export_text().splitlines()[-1]
    assert told.endswith("on V1: bus 101, line 7, zone Airport from here.")
    first = StepResult(1, scenario.steps[0], CITY_SEEN[0], (), 0)
    assert "accepted, charged 300.00 KZT, 3 riders, left 200.00 KZT" in brief(
        first, scenario.tariffs.base
    )


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        ({"charged": 0, "product": "ride"}, "rides free"),
        ({"charged": 0, "product": "month"}, "rides on Monthly pass"),
        ({"charged": 0, "product": "month", "riders": 2}, "rides on Monthly pass for 2 riders"),
        ({"charged": 0}, "nothing to pay"),
        ({"charged": 5000, "product": "ride"}, "paid 50.00 KZT"),
        ({"charged": 5000}, "paid 50.00 KZT"),
    ],
)
def test_what_a_tap_meant(tmp_path, seen, says):
    write_feed(city_feed(), tmp_path / "feed")
    write_feed(city_feed(), tmp_path / "newer.zip")
    (tmp_path / "day.yaml").write_text(CITY_SAMPLE)
    scenario = load_scenario(tmp_path / "day.yaml")
    console = Console(record=True, width=200, file=io.StringIO())
    observed = Observed(outcome="accepted", **seen)
    Story(scenario, console).tell(StepResult(1, scenario.steps[0], observed, (), 0))
    assert f"→ accepted: {says}." in console.export_text()
