"""Read a GTFS feed with Fares v2 and extension files into a Feed, with everything there is to say.

One pass finds every mistake: no file, row or cell stops the others from being read. A feed with
an error is not given out.
"""

import re
from pathlib import Path

from host_tools.tariff.contradictions import check_together
from host_tools.tariff.csv_table import load_table
from host_tools.tariff.feed import Feed, Finding, Route, Stop
from host_tools.tariff.file_specs import NOT_READ, OTHER_GTFS_FILES, SPECS
from host_tools.tariff.findings import SLIP_OF_A_KEY, Findings, did_you_mean, shown
from host_tools.tariff.known_ids import known_ids
from host_tools.tariff.read_extensions import (
    read_caps,
    read_categories,
    read_media,
    read_networks,
    read_products,
    read_settings,
)
from host_tools.tariff.read_fares import (
    read_currency,
    read_join_rules,
    read_leg_rules,
    read_prices,
    read_timeframes,
    read_transfer_rules,
)
from host_tools.tariff.read_places import (
    Calendars,
    read_agency,
    read_areas,
    read_calendars,
    read_stop_areas,
    read_stops,
)
from host_tools.tariff.read_routes import check_network_files, read_route_stops, read_routes
from host_tools.tariff.source import Source, open_source

_EXTENSION_NAME = re.compile(r"minik_.*\.txt", re.IGNORECASE)


def read_feed(path: Path) -> tuple[Feed | None, list[Finding]]:
    """The feed in a folder or zip, None if there is an error; and every finding, by file and line.

    Raises nothing for anything that a feed may hold.
    """
    findings = Findings()
    source = open_source(path, findings)
    if source is None:
        return None, findings.all()
    try:
        feed = _Reading(source, findings).feed(str(path))
    finally:
        source.close()
    return (None if findings.error_count else feed), findings.all()


class _Reading:
    """The tables of one feed while it is read."""

    def __init__(self, source: Source, findings: Findings) -> None:
        self._source = source
        self._findings = findings
        self._tables = {
            name: load_table(source, spec, findings)
            for name, spec in SPECS.items()
            if not spec.streamed
        }
        self._known = known_ids(self._tables)

    def feed(self, source_name: str) -> Feed:
        tables, known = self._tables, self._known
        _check_names(self._source.names(), self._findings)
        check_network_files(
            tables["routes.txt"], (tables["networks.txt"], tables["route_networks.txt"])
        )
        agency = read_agency(tables["agency.txt"])
        currency = read_currency(tables["fare_products.txt"])
        calendars = self._calendars()
        feed = Feed(
            source=source_name,
            agency_name=agency.name,
            timezone=agency.timezone,
            currency=currency.code if currency else "",
            exponent=currency.exponent if currency else 0,
            has_rule_priority="rule_priority" in tables["fare_leg_rules.txt"].columns,
            settings=read_settings(tables["minik_settings.txt"], currency),
            categories=read_categories(
                tables["rider_categories.txt"], tables["minik_rider_categories.txt"], known
            ),
            media=read_media(
                tables["fare_media.txt"], tables["minik_fare_media.txt"], known, currency
            ),
            products=read_products(
                tables["fare_products.txt"], tables["minik_products.txt"], known
            ),
            prices=read_prices(tables["fare_products.txt"], known, currency),
            networks=read_networks(
                tables["networks.txt"], tables["routes.txt"], tables["minik_networks.txt"],
                tables["fare_leg_join_rules.txt"], known
            ),
            routes=self._routes(),
            stops=self._stops(agency.timezone),
            areas=read_areas(tables["areas.txt"]),
            services=calendars.services,
            timeframes=read_timeframes(tables["timeframes.txt"], calendars.service_ids),
            leg_rules=read_leg_rules(tables["fare_leg_rules.txt"], known),
            join_rules=read_join_rules(
                tables["fare_leg_join_rules.txt"], known, tables["stops.txt"]
            ),
            transfer_rules=read_transfer_rules(tables["fare_transfer_rules.txt"], known),
            caps=read_caps(tables["minik_caps.txt"], known, currency),
        )
        check_together(feed, tables["fare_leg_rules.txt"], self._findings)
        return feed

    def _calendars(self) -> Calendars:
        wanted = self._tables["timeframes.txt"].ids("service_id").ids
        return read_calendars(self._source, self._tables["calendar.txt"], wanted, self._findings)

    def _routes(self) -> tuple[Route, ...]:
        routes, stops = self._tables["routes.txt"], self._tables["stops.txt"]
        stops_of = read_route_stops(self._source, routes.ids("route_id"), stops, self._findings)
        return read_routes(
            routes,
            self._tables["route_networks.txt"],
            self._known.networks,
            self._tables["agency.txt"].ids("agency_id"),
            stops_of,
        )

    def _stops(self, zone: str) -> tuple[Stop, ...]:
        stops = self._tables["stops.txt"]
        areas_of = read_stop_areas(self._tables["stop_areas.txt"], self._known.areas, stops)
        return read_stops(stops, areas_of, zone)


def _check_names(names: list[str], findings: Findings) -> None:
    """Files that are not read: misspelt ones, and fares of the older kind."""
    absent = tuple(name for name in SPECS if name not in names)
    for name in names:
        if name in SPECS:
            continue
        if _EXTENSION_NAME.fullmatch(name):
            known = ", ".join(spec for spec in SPECS if SPECS[spec].ours)
            hint = did_you_mean(name, absent, 0.85) or f": known are {known}"
            text = f"is not a file that is known{hint}"
            findings.error(shown(name), None, None, text)
        elif name in NOT_READ:
            findings.warn(name, None, None, "is ignored: fares are read from Fares v2 files only")
        elif name not in OTHER_GTFS_FILES and (hint := did_you_mean(name, absent, SLIP_OF_A_KEY)):
            findings.warn(shown(name), None, None, f"is not read{hint}")
