"""The `minik` command: which groups there are, and how a run ends.

Each command group is a module of its own that is imported only when it is called, so that
`minik --help` is quick; the table below is the whole list. Exit codes: 0 done, 1 a check failed,
2 bad input or usage, 3 a device or link did not answer, 130 interrupted, 141 the reader of our
output went away. Whatever a user can cause ends in one line on stderr (`host_tools.errors`).
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from host_tools.cli import stdio
from host_tools.errors import UserVisibleError

EXIT_INTERRUPTED = 130

# name → ("module:attribute", what it does); the attribute is a Typer app or a plain function
_COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("host_tools.cli.demo:demo", "A morning on a bus line; ends with balanced books"),
    "bench": ("host_tools.cli.bench:app", "Virtual devices: scenarios, a live bench, a reader"),
    "keys": ("host_tools.cli.keys:app", "Make and show the agency's keys"),
    "card": ("host_tools.cli.card:app", "Issue cards and show what they say"),
    "tariff": ("host_tools.cli.tariff:app", "Compile, check, show and compare fares; quote"),
    "serve": ("host_tools.cli.serve:serve", "Take devices' records into the ledger"),
    "logs": ("host_tools.cli.logs:app", "Pull, decode and verify journals"),
    "report": ("host_tools.cli.report:app", "Revenue and taps from the ledger"),
    "reconcile": ("host_tools.cli.reconcile:reconcile", "Check that the books balance"),
}


def load(target: str) -> Any:
    """The command behind "module:attribute", imported now."""
    module, _, attribute = target.partition(":")
    found = getattr(import_module(module), attribute)
    parent = typer.Typer(add_completion=False)
    if not isinstance(found, typer.Typer):
        parent.command()(found)
        return get_command(parent)
    parent.add_typer(found, name=attribute)
    return get_group(parent).commands[attribute]


class LazyGroup(TyperGroup):
    """A command group that imports a command when it is called, not when it is listed."""

    table = _COMMANDS

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        entry = self.table.get(cmd_name)
        if entry is None:
            return None
        command = load(entry[0])
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry[1]) for name, entry in self.table.items()])


def _say_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print(f"minik {version('minik')}")
        except PackageNotFoundError:
            print("minik, run from its sources")
        raise typer.Exit


app = typer.Typer(cls=LazyGroup, add_completion=False, rich_markup_mode=None)


@app.callback(epilog="Example: minik report revenue --db sqlite:///ledger.db --by line")
def _minik(
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_say_version, help="Say which minik"),
    ] = False,
) -> None:
    """Electronic ticketing on buses: devices, cards, journals and the ledger."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `minik` with `arguments` (default: of this process) and exit with its code."""
    try:
        stdio.guard()
    except UserVisibleError as error:
        sys.exit(_complain(error, error.exit_code))
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run `minik`, return its exit code; one line on stderr for what the user got wrong."""
    code = _run(arguments)
    try:
        sys.stdout.flush()
    except stdio.ReaderGone as error:
        return error.exit_code
    except UserVisibleError as error:
        return _complain(error, error.exit_code)
    return code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        code = get_command(app).main(
            args=None if arguments is None else list(arguments),
            prog_name="minik",
            standalone_mode=False,
        )
    except stdio.ReaderGone as error:
        return error.exit_code
    except UserVisibleError as error:
        return _complain(error, error.exit_code)
    except typer.TyperException as error:
        return _complain(error.format_message(), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _complain("interrupted", EXIT_INTERRUPTED)
    if code == EXIT_INTERRUPTED:
        return _complain("interrupted", EXIT_INTERRUPTED)
    return code if isinstance(code, int) else 0


def _complain(what: object, code: int) -> int:
    line = " ".join(str(what).split()) or "a command is missing; see minik --help"
    print(f"minik: {line}", file=sys.stderr)
    return code
