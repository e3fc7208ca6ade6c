"""One measured figure, and the file they all go into."""

import json
import os
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Figure:
    """`bound` and `holds` are None where nothing is promised; `peer` is what stands beside it."""

    name: str
    value: float
    unit: str
    bound: str | None = None
    holds: bool | None = None
    peer: float | None = None
    note: str = ""


def at_most(name: str, value: float, unit: str, bound: float, note: str = "") -> Figure:
    """A figure that must not exceed `bound`."""
    return Figure(name, value, unit, f"<= {bound:g}", value <= bound, None, note)


def at_least(name: str, value: float, unit: str, bound: float, note: str = "") -> Figure:
    """A figure that must reach `bound`."""
    return Figure(name, value, unit, f">= {bound:g}", value >= bound, None, note)


def report(
    name: str, value: float, unit: str, note: str = "", peer: float | None = None
) -> Figure:
    """A figure without a bound."""
    return Figure(name, value, unit, None, None, peer, note)


def write(figures: Iterable[Figure], path: Path) -> None:
    """Write the figures whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = json.dumps({"figures": [asdict(figure) for figure in figures]}, indent=1)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
        file.write(content + "\n")
    os.replace(file.name, path)
