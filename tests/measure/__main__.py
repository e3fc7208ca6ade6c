"""Run every measurement (or those named) and write the figures; exit 1 if a bound is broken."""

import argparse
import importlib
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.measure.figures import Figure, write

MODULES = ("tap", "memory", "fares", "ledger", "flips", "cuts", "torn", "histories")


def shown(figures: list[Figure]) -> Table:
    """The figures as a table; notes and the modules one by one are in the file."""
    table = Table("figure", "value", "unit", "bound", "holds", "peer")
    for one in figures:
        if one.name.startswith("module_bytes "):
            continue
        holds = {None: "", True: "yes", False: "NO"}[one.holds]
        peer = "" if one.peer is None else f"{one.peer:g}"
        table.add_row(one.name, f"{one.value:g}", one.unit, one.bound or "", holds, peer)
    return table


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    parser.add_argument("--only", choices=MODULES, action="append")
    given = parser.parse_args()
    console = Console()
    figures: list[Figure] = []
    for name in given.only or MODULES:
        with console.status(f"measuring {name}…"):
            figures += importlib.import_module(f"tests.measure.{name}").measure()
        console.print(f"{name}: done")
        write(figures, given.out)
    console.print(shown(figures))
    broken = [figure.name for figure in figures if figure.holds is False]
    console.print(f"{len(figures)} figures in {given.out}; bounds broken: {broken or 'none'}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
