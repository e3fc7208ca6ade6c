"""Routes, their networks, and the stops they serve, in order of travel.

stop_times.txt may have hundreds of megabytes: it is read once, record by record, and only the
distinct patterns of stops are kept, of which a timetable has few.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from host_tools.tariff.csv_table import IdSet, Row, Table, stream_records, stream_rows
from host_tools.tariff.feed import Route
from host_tools.tariff.file_specs import SPECS
from host_tools.tariff.findings import Findings, shown
from host_tools.tariff.read_places import STOP, location_type
from host_tools.tariff.source import Source

_SEQUENCE = re.compile(r"[0-9]{1,9}")
_Call = tuple[int, str, int]  # stop_sequence, stop_id, line
_Pattern = tuple[tuple[int, str], ...]  # (stop_sequence, stop_id) of a trip, in order


def read_routes(
    routes: Table,
    route_networks: Table,
    networks: IdSet,
    agencies: IdSet,
    stops_of: dict[str, tuple[str, ...]],
) -> tuple[Route, ...]:
    """`stops_of`: stop ids by route id."""
    network_of = _read_route_networks(routes, route_networks, networks)
    found = []
    for row in routes.rows:
        route_id = row.own_id("route_id")
        if agencies.ids:
            row.ref("agency_id", agencies)
        name = row.text("route_short_name") or row.text("route_long_name")
        if name is None:
            row.error("route_short_name", "is empty, and so is route_long_name: fill in one")
        found.append(
            Route(
                route_id,
                name or route_id,
                network_of.get(route_id),
                stops_of.get(route_id, ()),
                row.where,
            )
        )
    return tuple(found)


def network_ids(routes: Table, networks: Table) -> IdSet:
    """The networks of networks.txt, or else of routes.txt, which may not both name them."""
    if networks.exists or "network_id" not in routes.columns:
        return networks.ids("network_id")
    return routes.ids("network_id")


def check_network_files(routes: Table, others: tuple[Table, ...]) -> None:
    if "network_id" not in routes.columns:
        return
    for table in others:
        if table.exists:
            routes.findings.error(
                routes.name,
                1,
                "network_id",
                f"may not be there together with {table.name}: remove the column or the file",
            )


def _read_route_networks(
    routes: Table, route_networks: Table, networks: IdSet
) -> dict[str, str | None]:
    known = routes.ids("route_id")
    found: dict[str, str | None] = {}
    for row in routes.rows:
        row.text("network_id")
        found[row.raw("route_id")] = row.raw("network_id") or None
    first: dict[str, Row] = {}
    for row in route_networks.rows:
        row.required("network_id")
        row.required("route_id")
        network_id, route_id = row.ref("network_id", networks), row.ref("route_id", known)
        if not route_id:
            continue
        earlier = first.setdefault(route_id, row)
        if earlier is row:
            found[route_id] = network_id
        elif earlier.raw("network_id") == network_id:
            row.error("route_id", f"is the same as line {earlier.line}: remove one of them")
        else:
            row.error(
                "route_id",
                f"'{shown(route_id)}' is in network '{shown(earlier.raw('network_id'))}' on line"
                f" {earlier.line} already: a route is in one network",
            )
    return found


def read_route_stops(
    source: Source, routes: IdSet, stops: Table, findings: Findings
) -> dict[str, tuple[str, ...]]:
    """Stop ids by route id, each once: those of the longest trip in order of travel, then those
    of other trips, longer ones first."""
    trips = Table("trips.txt", findings)
    route_of = _read_trips(source, trips, routes)
    times = Table("stop_times.txt", findings)
    patterns = _Patterns(times)
    for line, trip_id, sequence, stop_id in _read_calls(source, times, stops):
        if trip_id not in route_of:
            if trips.whole:
                _unknown_trip(times, line, trip_id, trips)
            continue
        patterns.add(trip_id, (sequence, stop_id, line))
    patterns.close()
    by_route: dict[str, dict[_Pattern, None]] = {}
    for trip_id, route_id in route_of.items():
        pattern = patterns.of_trip.get(trip_id)
        if pattern:
            by_route.setdefault(route_id, {})[pattern] = None
    return {route_id: _in_order(list(found)) for route_id, found in by_route.items()}


def _read_trips(source: Source, trips: Table, routes: IdSet) -> dict[str, str]:
    """Route id by trip id."""
    found: dict[str, str] = {}
    for row in stream_rows(source, SPECS[trips.name], trips):
        row.required("route_id")
        row.required("trip_id")
        trip_id, route_id = row.raw("trip_id"), row.ref("route_id", routes)
        if trip_id in found:
            row.error("trip_id", f"'{shown(trip_id)}' is there twice: remove one of the rows")
        elif trip_id:
            found[trip_id] = route_id or ""
    return found


def _unknown_trip(times: Table, line: int, trip_id: str, trips: Table) -> None:
    if trips.exists:
        text = f"'{shown(trip_id)}' is no trip_id of trips.txt: add it there or correct it here"
    else:
        text = "needs trips.txt, which is missing: add it"
    times.findings.error(times.name, line if trips.exists else 1, "trip_id", text)


def _read_calls(source: Source, times: Table, stops: Table) -> Iterator[tuple[int, str, int, str]]:
    """(line, trip id, stop_sequence, stop id) of every call at a stop; a finding for the rest."""
    known = stops.ids("stop_id")
    served = {row.raw("stop_id") for row in stops.rows if location_type(row) == STOP}
    trip_at = sequence_at = stop_at = -1
    for line, cells in stream_records(source, SPECS[times.name], times):
        if trip_at < 0:
            if any(name not in times.columns for name in SPECS[times.name].required):
                return
            trip_at, sequence_at = times.columns["trip_id"], times.columns["stop_sequence"]
            stop_at = times.columns["stop_id"]
        trip_id, stop_id = cells[trip_at].strip(), cells[stop_at].strip()
        sequence = cells[sequence_at].strip()
        if trip_id and stop_id in served and _SEQUENCE.fullmatch(sequence):
            yield line, trip_id, int(sequence), stop_id
        else:
            _explain(Row(times, line, cells), known, served)


def _explain(row: Row, known: IdSet, served: set[str]) -> None:
    """Say why a row of stop_times.txt is not a call at a stop; on-demand places have no stop."""
    row.required("trip_id")
    if row.required("stop_sequence"):
        row.integer("stop_sequence", 0, 999_999_999)
    stop_id = row.raw("stop_id")
    if not stop_id and (row.raw("location_group_id") or row.raw("location_id")):
        return
    if row.required("stop_id"):
        row.ref("stop_id", known)
        if stop_id in known.ids and stop_id not in served:
            row.error("stop_id", f"'{shown(stop_id)}' is not a stop where vehicles call")


class _Patterns:
    """Which stops each trip calls at. Rows of a trip mostly stand together, in any order."""

    def __init__(self, times: Table) -> None:
        self.of_trip: dict[str, _Pattern] = {}
        self._times = times
        self._same: dict[_Pattern, _Pattern] = {}
        self._trip_id = ""
        self._calls: list[_Call] = []

    def add(self, trip_id: str, call: _Call) -> None:
        if trip_id != self._trip_id:
            self.close()
            self._trip_id = trip_id
        self._calls.append(call)

    def close(self) -> None:
        """The rows since the last trip are one trip's."""
        earlier = self.of_trip.get(self._trip_id, ())
        calls = sorted([*((sequence, stop, 0) for sequence, stop in earlier), *self._calls])
        for before, after in pairwise(calls):
            if before[0] == after[0]:
                self._times.findings.error(
                    self._times.name,
                    max(before[2], after[2]),
                    "stop_sequence",
                    f"{after[0]} is there twice for trip '{shown(self._trip_id)}': correct it",
                )
        if calls:
            pattern = tuple((sequence, stop) for sequence, stop, _ in calls)
            self.of_trip[self._trip_id] = self._same.setdefault(pattern, pattern)
        self._calls = []


def _in_order(patterns: list[_Pattern]) -> tuple[str, ...]:
    by_length = sorted(patterns, key=lambda pattern: -len({stop for _, stop in pattern}))
    return tuple(dict.fromkeys(stop for pattern in by_length for _, stop in pattern))
