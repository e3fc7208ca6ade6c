"""Codes for the vehicles, routes and stops a scenario names, kept in the ledger's fleet registry.

Records carry codes, people use the ids of the feed (SPEC §1). An id that ends in a number gets
that number as its code if it is free ("101" and "R5" become 101 and 5): displays read well.
"""

import re

from host_tools.errors import BadInput
from host_tools.ledger import Ledger

KINDS = ("vehicle", "route", "stop")
_CODE_MAX = 0xFFFF
_NUMBER_AT_END = re.compile(r"(\d{1,5})$")


class Fleet:
    """Looks codes up in the registry of `books` and registers what is new."""

    def __init__(self, books: Ledger) -> None:
        self._books = books
        self._codes = {
            kind: {name: code for code, name in books.names(kind).items()} for kind in KINDS
        }

    def codes(self, place: dict[str, str | None]) -> tuple[int, int, int]:
        """(vehicle, route, stop) as codes; 0 for an id that is None or not there."""
        vehicle, route, stop = (self.code(kind, place.get(kind)) for kind in KINDS)
        return vehicle, route, stop

    def code(self, kind: str, name: str | None) -> int:
        """The code of one id; BadInput when all codes are taken."""
        if name is None:
            return 0
        known = self._codes[kind]
        if name not in known:
            code = self._free_code(kind, name)
            self._books.register(kind, code, name)
            known[name] = code
        return known[name]

    def _free_code(self, kind: str, name: str) -> int:
        taken = set(self._codes[kind].values())
        number = _NUMBER_AT_END.search(name)
        wished = int(number[1]) if number else 0
        if 0 < wished <= _CODE_MAX and wished not in taken:
            return wished
        for code in range(1, _CODE_MAX + 1):
            if code not in taken:
                return code
        raise BadInput(f"{name}: the registry has no code left for another {kind}")
