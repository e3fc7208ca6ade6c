"""Codes of ids (SPEC §6.5): positions that cards and journals carry, so they never change.

With an older tariff each id has the code it had there, and new ids follow; an id that is gone
keeps its code, and its row is a *tombstone*: one with an empty name.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from host_tools.tariff.findings import shown


class Codes:
    """The codes of all ids of one kind; `base` is the first. Rows of `old` have an `id`."""

    def __init__(self, ids: Iterable[str], old: Iterable[Any] = (), base: int = 1) -> None:
        self.old_rows = tuple(old)
        self.base = base
        self.alive = frozenset(ids := tuple(ids))
        in_order = dict.fromkeys([*(row.id for row in self.old_rows), *ids])
        self.ids = tuple(in_order)
        self._codes = {name: base + position for position, name in enumerate(in_order)}

    def __getitem__(self, name: str) -> int:
        return self._codes[name]

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, name: str | None, none: int = 0) -> int:
        """The code of an id; `none` where there is no id."""
        return none if name is None else self._codes[name]

    def gone(self) -> tuple[str, ...]:
        """Ids of the older tariff that the feed does not have."""
        return tuple(row.id for row in self.old_rows if row.id not in self.alive)


class AllCodes(NamedTuple):
    """The codes of a tariff, kind by kind."""

    categories: Codes
    media: Codes
    products: Codes
    networks: Codes
    routes: Codes
    stops: Codes
    areas: Codes
    groups: Codes
    timeframes: Codes
    services: Codes


def place_of(where: str) -> tuple[str, int | None]:
    """A row's "file:line" as (file, line)."""
    file, _, line = where.rpartition(":")
    return (file, int(line)) if file and line.isdigit() else (where, None)


def named(what: str, name: str) -> str:
    """`network 'bus'`, fit to be read in one line."""
    return f"{what} '{shown(name)}'"
