"""The timetable's part of a feed that fares need: agency, stops, areas, routes, networks, days.

Stops get the areas of their station unless they have areas of their own (stop_areas.txt).
"""

from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from host_tools.tariff.csv_table import IdSet, Row, Table, stream_rows
from host_tools.tariff.feed import Area, Service, Stop
from host_tools.tariff.file_specs import DAYS, SPECS
from host_tools.tariff.findings import Findings, shown
from host_tools.tariff.source import Source

STOP, STATION, ENTRANCE, NODE, BOARDING_AREA = range(5)
_TYPE_NAMES = ("a stop", "a station", "an entrance", "a generic node", "a boarding area")
_PARENT_TYPES = {STOP: STATION, ENTRANCE: STATION, NODE: STATION, BOARDING_AREA: STOP}


@dataclass(frozen=True)
class Agency:
    name: str
    timezone: str


def read_agency(table: Table) -> Agency:
    """The first agency; all of them have its time zone."""
    first: Row | None = None
    for row in table.rows:
        if len(table.rows) > 1 and "agency_id" in table.columns:
            row.required("agency_id")
        row.required("agency_name")
        if row.required("agency_timezone"):
            if first is None:
                first = row
                _check_zone(row, "agency_timezone")
            elif row.raw("agency_timezone") != first.raw("agency_timezone"):
                row.error(
                    "agency_timezone",
                    f"differs from line {first.line}: all agencies of a feed have one time zone",
                )
    if len(table.rows) > 1 and "agency_id" not in table.columns:
        table.findings.error(
            table.name, 1, "agency_id", "is missing: several agencies need this column"
        )
    if table.exists and table.whole and not table.rows:
        table.findings.error(table.name, 1, None, "has no agency: add its row")
    if not table.rows:
        return Agency("", "")
    return Agency(
        table.rows[0].text("agency_name") or "", first.raw("agency_timezone") if first else ""
    )


def _check_zone(row: Row, column: str) -> None:
    name = row.raw(column)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        row.error(column, f"'{shown(name)}' is not a time zone: write it like Europe/Warsaw")


def location_type(row: Row) -> int:
    """STOP where nothing, or nothing right, is said."""
    value = row.raw("location_type")
    return int(value) if value in ("0", "1", "2", "3", "4") else STOP


def read_stops(stops: Table, areas_of: dict[str, tuple[str, ...]], zone: str) -> tuple[Stop, ...]:
    """Stops and stations; entrances and the like have no fares. `areas_of` as stop_areas.txt."""
    known = stops.ids("stop_id")
    by_id = {row.raw("stop_id"): row for row in stops.rows}
    looped = _check_loops(stops, by_id)
    found = []
    for row in stops.rows:
        stop_id = row.own_id("stop_id")
        row.integer("location_type", 0, 4)
        kind = location_type(row)
        if kind <= ENTRANCE:
            row.required("stop_name")
        if stop_id not in looped:
            _check_parent(row, kind, by_id, known)
        if row.raw("stop_timezone") not in ("", zone):
            row.warn(
                "stop_timezone", f"is ignored: fares use the agency's time zone {shown(zone)}"
            )
        if kind in (STOP, STATION):
            station_id = row.raw("parent_station") or stop_id
            area_ids = areas_of.get(stop_id) or areas_of.get(station_id, ())
            name = row.text("stop_name") or stop_id
            found.append(Stop(stop_id, name, station_id, area_ids, row.where))
    return tuple(found)


def _check_parent(row: Row, kind: int, by_id: dict[str, Row], known: IdSet) -> None:
    if kind == STATION:
        row.forbidden("parent_station", "for a station (location_type 1)")
        return
    if not row.raw("parent_station"):
        if kind != STOP:
            row.error("parent_station", f"is empty: {_TYPE_NAMES[kind]} needs one")
        return
    parent = by_id.get(row.ref("parent_station", known) or "")
    if parent is not None and location_type(parent) != _PARENT_TYPES[kind]:
        wanted = _PARENT_TYPES[kind]
        row.error(
            "parent_station",
            f"'{shown(row.raw('parent_station'))}' is not {_TYPE_NAMES[wanted]}"
            f" (location_type {wanted}), which the parent of {_TYPE_NAMES[kind]} is",
        )


def _check_loops(stops: Table, by_id: dict[str, Row]) -> set[str]:
    """Say each circle of parents once, at its first stop; the stops in circles."""
    looped: set[str] = set()
    done: set[str] = set()
    for start in by_id:
        path: dict[str, None] = {}
        here = start
        while here in by_id and here not in done and here not in path:
            path[here] = None
            here = by_id[here].raw("parent_station")
        if here in path:
            circle = list(path)[list(path).index(here) :]
            looped.update(circle)
            names = ", ".join(shown(stop) for stop in [*circle[:5], here])
            text = f"goes round in a circle: {names}; a station has no parent_station"
            min((by_id[stop] for stop in circle), key=lambda row: row.line).error(
                "parent_station", text
            )
        done.update(path)
    return looped


def read_areas(table: Table) -> tuple[Area, ...]:
    return tuple(
        Area(area_id, row.text("area_name") or area_id, row.where)
        for row in table.rows
        for area_id in (row.own_id("area_id"),)
    )


def read_stop_areas(table: Table, areas: IdSet, stops: Table) -> dict[str, tuple[str, ...]]:
    """Area ids by the stop or station that a row names."""
    known = stops.ids("stop_id")
    kinds = {row.raw("stop_id"): location_type(row) for row in stops.rows}
    found: dict[str, dict[str, None]] = {}
    for row in table.rows:
        row.required("area_id")
        row.required("stop_id")
        area_id = row.ref("area_id", areas)
        stop_id = row.ref("stop_id", known)
        kind = kinds.get(stop_id or "", STOP)
        if kind not in (STOP, STATION):
            row.warn("stop_id", f"is ignored: {_TYPE_NAMES[kind]} has no fares")
        elif area_id and stop_id:
            found.setdefault(stop_id, {})[area_id] = None
    return {stop_id: tuple(area_ids) for stop_id, area_ids in found.items()}


@dataclass(frozen=True)
class Calendars:
    service_ids: IdSet
    services: tuple[Service, ...]  # those that were asked for


def read_calendars(
    source: Source, calendar: Table, wanted: frozenset[str], findings: Findings
) -> Calendars:
    """Days of the services that timeframes name; calendar_dates.txt may be long, so it streams."""
    dates = Table("calendar_dates.txt", findings)
    exceptions: dict[str, dict[date, bool]] = {}
    ids = set()
    for row in stream_rows(source, SPECS[dates.name], dates):
        service_id = row.own_id("service_id")
        ids.add(service_id)
        _read_exception(
            row, exceptions.setdefault(service_id, {}) if service_id in wanted else None
        )
    services = {}
    for row in calendar.rows:
        service = _read_calendar_row(row, exceptions.pop(row.raw("service_id"), {}))
        ids.add(service.service_id)
        if service.service_id in wanted:
            services[service.service_id] = service
    for service_id, days in exceptions.items():
        services[service_id] = _service(service_id, 0, None, None, days)
    files = [table.name for table in (calendar, dates) if table.exists]
    whole = (calendar.whole and calendar.ids("service_id").whole) and dates.whole
    named = " and ".join(files) or "calendar.txt"
    known = IdSet("service_id", named, frozenset(ids - {""}), bool(files), whole)
    return Calendars(known, tuple(services.values()))


def _read_exception(row: Row, into: dict[date, bool] | None) -> None:
    row.required("date")
    row.required("exception_type")
    day = row.day("date")
    kind = row.integer("exception_type", 1, 2)
    if into is None or day is None or kind is None:
        return
    if day in into:
        row.error("date", "is there twice for this service_id: remove one of the rows")
    into[day] = kind == 1


def _read_calendar_row(row: Row, days: dict[date, bool]) -> Service:
    for column in ("service_id", *DAYS, "start_date", "end_date"):
        row.required(column)
    mask = sum(1 << bit for bit, column in enumerate(DAYS) if row.flag(column))
    first, last = row.day("start_date"), row.day("end_date")
    if first and last and last < first:
        row.error("end_date", "is before start_date: exchange or correct them")
    return _service(row.own_id("service_id"), mask, first, last, days)


def _service(
    service_id: str, mask: int, first: date | None, last: date | None, days: dict[date, bool]
) -> Service:
    added = tuple(sorted(day for day, kind in days.items() if kind))
    removed = tuple(sorted(day for day, kind in days.items() if not kind))
    return Service(service_id, mask, first, last, added, removed)
