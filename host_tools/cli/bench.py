"""`minik bench`: scenarios on virtual devices, a bench that stays up, and a reader alone."""

import json as json_format
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from host_tools.cli.bench_reader import reader
from host_tools.cli.options import Json, console, on_stop, print_json
from host_tools.cli.progress import counting, spinning
from host_tools.errors import BadInput, CheckFailed

if TYPE_CHECKING:
    from host_tools.bench.bus_line import BusLine
    from host_tools.bench.scenario.results import RunResult
    from host_tools.bench.scenario.runner import Runner
    from host_tools.bench.scenario.schema import Scenario
    from host_tools.keys.store import KeyStore

app = typer.Typer(
    no_args_is_help=True,
    help="Virtual devices with the real firmware: no hardware needed.",
    epilog="Example: minik bench run examples/first_ride.yaml --story",
)
app.command("reader")(reader)

ScenarioFile = Annotated[
    Path, typer.Argument(metavar="SCENARIO.yaml", help="What happens (docs/scenarios.md)")
]
Seed = Annotated[
    int | None, typer.Option(min=0, metavar="N", help="Instead of the scenario's own seed")
]
Keys = Annotated[
    Path | None, typer.Option(metavar="DIR", help="A key store, instead of keys from the seed")
]
_EMPTY_BENCH = """\
scenario: 1
start: 2026-11-20T08:00:00+05:00
devices:
  V1: {role: validator, vehicle: "101", route: R5, stop: S1}
steps: []
"""


@app.command()
def run(
    scenario: ScenarioFile,
    json: Json = False,
    seed: Seed = None,
    story: Annotated[bool, typer.Option("--story", help="Tell what everyone saw")] = False,
    pictures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Save what the displays show as PNGs")
    ] = None,
    db: Annotated[
        str | None,
        typer.Option("--db", metavar="URL", help="Keep the ledger here, e.g. sqlite:///day.db"),
    ] = None,
    keys: Keys = None,
) -> None:
    """Run a scenario and print what each step did; exit 1 if an expectation does not hold.

    Example: minik bench run examples/first_ride.yaml --story
    """
    if json and story:
        raise BadInput("--json and --story exclude each other")
    result = run_scenario(
        scenario, json=json, story=story, seed=seed, pictures=pictures, db=db, keys=keys
    )
    if not result.ok:
        raise CheckFailed(verdict(scenario, result))


def run_scenario(
    path: Path,
    *,
    json: bool = False,
    story: bool = False,
    seed: int | None = None,
    pictures: Path | None = None,
    db: str | None = None,
    keys: Path | None = None,
    with_reports: bool = False,
) -> "RunResult":
    """Run the scenario at `path` and print it one way or another; BadInput for what is wrong.

    `with_reports`: the JSON has the reports too that a story ends with.
    """
    from host_tools.bench.scenario.brief import brief
    from host_tools.bench.scenario.load import load_scenario
    from host_tools.bench.scenario.runner import Runner

    scenario = with_seed(load_scenario(path), seed)
    store = _key_store(keys)
    if pictures is not None:
        _make_folder(pictures)
    if not json and not story:
        print(f"{path}: seed {scenario.seed}, {len(scenario.steps)} steps")
    with _bench(scenario, path.parent, db, store) as line:
        runner = Runner(scenario, line, pictures)
        if story:
            return _tell_story(scenario, runner, line)
        if json:
            return _tell_machine(scenario, runner, line, with_reports)
        result = runner.run(lambda done: print(brief(done, scenario.tariffs.base), flush=True))
        print(line.verdict())
        return result


def _tell_story(scenario: "Scenario", runner: "Runner", line: "BusLine") -> "RunResult":
    from host_tools.bench.scenario.books import print_books
    from host_tools.bench.scenario.story import Story

    out = console()
    teller = Story(scenario, out)
    teller.open()
    result = runner.run(teller.tell)
    print_books(line.books, out)
    return result


def _tell_machine(
    scenario: "Scenario", runner: "Runner", line: "BusLine", with_reports: bool
) -> "RunResult":
    from host_tools.bench.scenario.books import reports

    with counting("steps", len(scenario.steps)) as bar:
        result = runner.run(lambda done: bar(done.number))
    told = result.as_dict()
    if with_reports:
        told["reports"] = [report.as_dict() for report in reports(line.books)]
    print_json(told)
    for failure in result.failures():
        print(failure, file=sys.stderr)
    return result


def verdict(path: Path, result: "RunResult") -> str:
    """One line about what did not hold."""
    count = len(result.failures())
    more = f" (and {count - 1} more)" if count > 1 else ""
    return f"{path}: {result.failures()[0]}{more}"


@app.command()
def up(
    scenario: Annotated[
        Path | None,
        typer.Argument(metavar="[SCENARIO.yaml]", help="Its steps run first; default: one bus"),
    ] = None,
    json: Json = False,
    seed: Seed = None,
    db: Annotated[
        str | None,
        typer.Option("--db", metavar="URL", help="Book the cards here, for serve --db to go on"),
    ] = None,
    keys: Keys = None,
) -> None:
    """Keep virtual devices running in real time until interrupted; says where their lines are.

    What a step must have shown and did not goes to stderr; the exit code is 1 then, at the end.
    Example: minik bench up examples/first_ride.yaml --db sqlite:///day.db --json
    """
    from host_tools.bench.live import run_live
    from host_tools.bench.scenario.runner import Runner

    stopping: list[int] = []
    on_stop(stopping.append)
    with tempfile.TemporaryDirectory(prefix="minik-bench-") as temporary:
        folder = Path(temporary)
        plan = with_seed(_plan(scenario, folder), seed)
        store = _key_store(keys)
        with _bench(plan, scenario.parent if scenario else folder, db, store) as line:
            if keys is None:
                keys = folder / "keys"
                line.store.save(keys)
            result = Runner(plan, line).run()
            for failure in result.failures():
                print(f"{scenario}: {failure}", file=sys.stderr)
            if db is None and any(medium.balance for medium in plan.media.values()):
                print("the cards' money is booked nowhere: no --db given", file=sys.stderr)
            run_live(line, keys, lambda said: _say_devices(said, json), lambda: bool(stopping))
    if not result.ok:
        raise CheckFailed(verdict(scenario or Path(), result))


def _plan(scenario: Path | None, folder: Path) -> "Scenario":
    from host_tools.bench.scenario.load import load_scenario

    if scenario is None:
        scenario = folder / "one-bus.yaml"
        scenario.write_text(_EMPTY_BENCH, encoding="utf-8")
    return load_scenario(scenario)


def _say_devices(said: dict[str, Any], json: bool) -> None:
    if json:
        print(json_format.dumps(said), flush=True)
        return
    for name, lines in said["devices"].items():
        print(f"{name}: console {lines['console']}, sync {lines['sync']}")
    print(f"key store: {said['keys']}\nrunning until interrupted", flush=True)


# -- what both need


def with_seed(scenario: "Scenario", seed: int | None) -> "Scenario":
    """The same with another seed, if one is given."""
    return scenario if seed is None else scenario.model_copy(update={"seed": seed})


def _key_store(keys: Path | None) -> "KeyStore | None":
    from host_tools.keys.store import KeyStore

    return None if keys is None else KeyStore.load(keys)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadInput(f"{folder}: cannot be written to ({error.strerror})") from error


@contextmanager
def _bench(
    scenario: "Scenario", folder: Path, db: str | None, store: "KeyStore | None"
) -> "Iterator[BusLine]":
    """The scenario's bus line, every device ready."""
    from host_tools.bench.bus_line import BusLine

    with spinning("cards are issued") as doing:
        line = BusLine(
            scenario, folder, db_url=db, store=store,
            booting=lambda name: doing(f"{name} boots"),
        )
    with line:
        yield line
