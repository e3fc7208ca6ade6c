"""Reads the tables of docs/tariffs/*/journeys.md, as docs/tariffs/README.md says how.

A row becomes the JSON that a person would give to `minik tariff quote`, and the answer expected.
Anything that does not fit the form raises: a row that can't be read is not skipped.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

TARIFFS = Path(__file__).parents[2] / "docs" / "tariffs"
CITIES = ("atyrau", "baku", "bialystok")

_LEG = re.compile(
    r"(\S+) (\S+) > (\S+), (\d{4}-\d\d-\d\d) (\d\d:\d\d(?::\d\d)?)(?:–(\d\d:\d\d(?::\d\d)?))?"
)
_HOLDS = re.compile(
    r"holds (\S+)(?: from (\d{4}-\d\d-\d\d(?: \d\d:\d\d)?))?(?: with (\d+) rides?)?"
)


@dataclass(frozen=True)
class Row:
    number: str
    journey: dict[str, Any]
    legs: list[dict[str, Any]]
    total: int | None
    door: int | None  # None: the same


def rows_of(city: str) -> list[Row]:
    """Every row of the city's tables; amounts in minor units."""
    rows, columns = [], []
    for line in (TARIFFS / city / "journeys.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            columns = []
        elif not columns:
            columns = cells
        elif set(line) - set("|-"):
            rows.append(_row(dict(zip(columns, cells, strict=True))))
    return rows


def _row(cells: dict[str, str]) -> Row:
    door = cells.get("Door", "")
    return Row(
        cells["#"],
        _rider(cells["Rider"]) | {"legs": [_leg(leg) for leg in cells["Legs"].split("<br>")]},
        [_charge(charge) for charge in cells["Charged"].split("<br>")],
        None if cells["Total"] == "no fare" else minor(cells["Total"]),
        minor(door) if door else None,
    )


def minor(amount: str) -> int:
    """ "12.50" in minor units; all three currencies have two places."""
    return int(Decimal(amount) * 100)


def _rider(cell: str) -> dict[str, Any]:
    first, *rest = cell.split(", ")
    journey: dict[str, Any] = {"rider_category_id": None, "fare_media_id": None}
    if first != "–":
        journey["rider_category_id"] = first
        journey["fare_media_id"] = rest.pop(0)
    for item in rest:
        word, _, said = item.partition(" ")
        if word == "holds":
            journey.setdefault("products", []).append(_held(item))
        elif word == "riders":
            names = said.split()
            journey["riders"] = int(said) if said.isdigit() else names
        elif word == "spent":
            words = said.split()
            pairs = zip(words[::2], words[1::2], strict=True)
            journey["spent"] = {window: minor(amount) for window, amount in pairs}
        elif item.startswith("concession until "):
            journey["concession_until"] = item.removeprefix("concession until ")
        else:
            raise ValueError(f"not a rider: {cell}")
    return journey


def _held(item: str) -> Any:
    product, start, rides = _match(_HOLDS, item)
    if start is None and rides is None:
        return product
    held: dict[str, Any] = {"product": product}
    if start is not None:
        held["start"] = f"{start.replace(' ', 'T')}:00" if " " in start else start
    if rides is not None:
        held["rides"] = int(rides)
    return held


def _leg(text: str) -> dict[str, Any]:
    line, come_from, to, day, start, end = _match(_LEG, text)
    leg: dict[str, Any] = {
        "route_id": line,
        "from_stop_id": None if come_from == "?" else come_from,
        "to_stop_id": None if to == "?" else to,
        "start": f"{day}T{start}{'' if start.count(':') == 2 else ':00'}",
        "end": None,
    }
    if end is not None:
        if end < start:
            day = str(date.fromisoformat(day) + timedelta(days=1))
        leg["end"] = f"{day}T{end}{'' if end.count(':') == 2 else ':00'}"
    return leg


def _charge(text: str) -> dict[str, Any]:
    if text == "no fare":
        return {
            "charge": None,
            "fare_product_id": None,
            "transfer": False,
            "capped": False,
            "reason": "no_fare",
        }
    amount, product, *notes = text.split()
    if set(notes) - {"transfer", "capped"}:
        raise ValueError(f"not a charge: {text}")
    return {
        "charge": minor(amount),
        "fare_product_id": product,
        "transfer": "transfer" in notes,
        "capped": "capped" in notes,
    }


def _match(pattern: re.Pattern[str], text: str) -> tuple[Any, ...]:
    found = pattern.fullmatch(text)
    if found is None:
        raise ValueError(f"not readable: {text}")
    return found.groups()
