"""Codes for the vehicles, routes, stops and zones that a scenario names.

Records carry codes, people use the ids of the feed (SPEC §1). Lines, stops and zones have the
codes of the tariff. Vehicles, and lines and stops where the tariff has none of its own, are kept
in the ledger's fleet registry: an id that ends in a number gets that number as its code if it is
free ("101" and "R5" become 101 and 5), so displays read well.
"""

import re

from host_tools.bench.scenario.tariffs import place_ids
from host_tools.errors import BadInput
from host_tools.ledger import Ledger
from host_tools.ledger.store import FLEET_KINDS
from host_tools.ledger.tariff_kept import names_of
from host_tools.tariff.load import LoadedTariff
from protocol.fares.tariff import ZONE_STOP

_CODE_MAX = {"vehicle": 0xFFFF, "route": 0xFFFF, "stop": ZONE_STOP - 1}
_NUMBER_AT_END = re.compile(r"(\d{1,5})$")


class Fleet:
    """Looks codes up in the tariff and in the registry of `books`, and registers what is new."""

    def __init__(self, books: Ledger) -> None:
        self._books = books
        self._codes = {
            kind: {name: code for code, name in books.names(kind).items()} for kind in FLEET_KINDS
        }

    def place(
        self, tariff: LoadedTariff, place: dict[str, str | None]
    ) -> tuple[int, int, int]:
        """(vehicle, route, stop or zone) as codes; 0 for an id that is None or not there."""
        route, stop, zone = place.get("route"), place.get("stop"), place.get("zone")
        if route is not None and place_ids(tariff, "route"):
            route_code = tariff.route_code(route)
        else:
            route_code = self.code("route", route)
        if zone is not None:
            stop_code = tariff.zone_code(zone)
        elif stop is not None and place_ids(tariff, "stop"):
            stop_code = tariff.stop_code(stop)
        else:
            stop_code = self.code("stop", stop)
        return self.code("vehicle", place.get("vehicle")), route_code, stop_code

    def names(self, tariff: LoadedTariff, route: int, stop: int) -> dict[str, str | None]:
        """The ids of a line and of a stop or zone, by kind; None where there is none."""
        zone = stop - ZONE_STOP if stop >= ZONE_STOP else 0
        found = {"route": route, "stop": 0 if zone else stop, "zone": zone}
        names = names_of(tariff.tables)
        return {
            kind: names[kind].get(code) or self._name(kind, code) for kind, code in found.items()
        }

    def _name(self, kind: str, code: int) -> str | None:
        """What the registry calls a code."""
        registered = {known: name for name, known in self._codes.get(kind, {}).items()}
        return registered.get(code)

    def code(self, kind: str, name: str | None) -> int:
        """The registry's code of one id; BadInput when all codes are taken."""
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
        if 0 < wished <= _CODE_MAX[kind] and wished not in taken:
            return wished
        for code in range(1, _CODE_MAX[kind] + 1):
            if code not in taken:
                return code
        raise BadInput(f"{name}: the registry has no code left for another {kind}")
