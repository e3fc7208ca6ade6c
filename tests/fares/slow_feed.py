"""What a Fares v2 feed says of one leg, straight from its CSV rows: the slow half of the proof.

For the tests only: it shares nothing with `host_tools.tariff` and `protocol.fares`, looks at every
row every time, and works with ids, dates and fractions. Each rule cites the sentence that it
implements: "GTFS" is the GTFS Schedule reference (fare files), "SPEC" is protocol/SPEC.md, only
for what GTFS leaves open. A feed is a dict, file name -> text, and taken to be valid.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

Row = dict[str, str]

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
ZONE = "zone:"  # a place chosen by hand is "zone:" + area_id instead of a stop_id
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Leg:
    """One leg of travel. Times are Minik seconds; None is what nobody saw.

    `start` and `end` are wall times for timeframes; `departs` and `arrives` are the same moments
    on the card's own axis, which never runs backwards, for durations.
    """

    route_id: str | None
    from_stop: str | None
    to_stop: str | None
    start: int
    end: int | None
    departs: int
    arrives: int | None
    vehicle: int


class SlowFeed:
    """The rows of a feed and what they say."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = {
            name: list(csv.DictReader(io.StringIO(text))) for name, text in files.items()
        }
        header = files["fare_leg_rules.txt"].splitlines()[0].split(",")
        self.has_rule_priority = "rule_priority" in header
        self.zone = ZoneInfo(self.rows("agency.txt")[0]["agency_timezone"])
        self.settings = {row["setting"]: row["value"] for row in self.rows("minik_settings.txt")}
        amount = self.rows("fare_products.txt")[0]["amount"]
        # GTFS: "The currency amount must contain the number of decimal places specified by ISO
        # 4217": so any amount says how many minor units there are.
        self._minor = 10 ** len(amount.partition(".")[2])

    def rows(self, name: str) -> list[Row]:
        """The rows of a file, none if it is not there."""
        return self._files.get(name, [])

    def setting(self, name: str, default: str) -> str:
        """A row of minik_settings.txt."""
        return self.settings.get(name) or default

    def minor(self, amount: str) -> int:
        """An amount in minor units."""
        value = Fraction(amount) * self._minor
        assert value.denominator == 1, amount
        return value.numerator

    # Time

    def local(self, now: int) -> datetime:
        """GTFS: "the event time is computed in local time"; here the agency's."""
        return (EPOCH + timedelta(seconds=now)).astimezone(self.zone).replace(tzinfo=None)

    def service_day(self, now: int) -> date:
        """SPEC 7.1: "(local time − service_day_start_s) div 86,400"."""
        start = seconds(self.setting("service_day_start", "00:00:00"))
        return (self.local(now) - timedelta(seconds=start)).date()

    def in_timeframe(self, group_id: str, moment: int) -> bool:
        """GTFS: "if there exists at least one record in timeframes.txt where all are true"."""
        local = self.local(moment)
        of_day = local.hour * 3600 + local.minute * 60 + local.second
        for row in self.rows("timeframes.txt"):
            if row["timeframe_group_id"] != group_id:
                continue
            # "An empty value in start_time is considered 00:00:00", in end_time 24:00:00.
            first = seconds(row["start_time"] or "00:00:00")
            last = seconds(row["end_time"] or "24:00:00")
            # "greater than or equal to start_time and less than end_time"
            if first <= of_day < last and self.runs_on(row["service_id"], local.date()):
                return True
        return False

    def runs_on(self, service_id: str, day: date) -> bool:
        """GTFS calendar.txt and calendar_dates.txt: 1 added, 2 removed for the date."""
        stamp = day.strftime("%Y%m%d")
        for row in self.rows("calendar_dates.txt"):
            if row["service_id"] == service_id and row["date"] == stamp:
                return row["exception_type"] == "1"
        return any(
            row["service_id"] == service_id
            and row["start_date"] <= stamp <= row["end_date"]
            and row[_WEEKDAYS[day.weekday()]] == "1"
            for row in self.rows("calendar.txt")
        )

    # Places

    def areas_of(self, place: str | None) -> frozenset[str]:
        """GTFS stop_areas: a station's areas are its platforms', unless they have others."""
        if place is None:
            return frozenset()
        if place.startswith(ZONE):
            return frozenset({place[len(ZONE):]})
        listed = self.rows("stop_areas.txt")
        own = frozenset(row["area_id"] for row in listed if row["stop_id"] == place)
        station = self.station_of(place)
        # "This behavior can be overridden by assigning platforms to other areas."
        if own or station == place:
            return own
        return frozenset(row["area_id"] for row in listed if row["stop_id"] == station)

    def station_of(self, stop_id: str) -> str:
        """The station a platform belongs to, else the stop itself."""
        for row in self.rows("stops.txt"):
            if row["stop_id"] == stop_id:
                return row.get("parent_station") or stop_id
        return stop_id

    def network_of(self, route_id: str | None) -> str | None:
        """GTFS routes.network_id, or route_networks.txt."""
        for row in self.rows("route_networks.txt"):
            if row["route_id"] == route_id:
                return row["network_id"]
        for row in self.rows("routes.txt"):
            if row["route_id"] == route_id:
                return row.get("network_id") or None
        return None

    def network(self, network_id: str | None) -> Row:
        """The row of minik_networks.txt; an empty dict if there is none."""
        found = [r for r in self.rows("minik_networks.txt") if r["network_id"] == network_id]
        return found[0] if found and network_id else {}

    def has_check_out(self, network_id: str | None) -> bool:
        """SPEC 7.7 is of these networks."""
        return self.network(network_id).get("check_out") == "1"

    # Leg rules

    def rules_of(self, leg: Leg, exit_place: str | None) -> list[Row]:
        """The leg rules that name this leg, whatever the time; in the order of the feed."""
        rules = self.rows("fare_leg_rules.txt")
        network = self.network_of(leg.route_id)
        networks = frozenset({network}) if network else frozenset()
        found = []
        for rule in rules:
            if (
                self._matches(rule, "network_id", networks)
                and self._matches(rule, "from_area_id", self.areas_of(leg.from_stop))
                and self._matches(rule, "to_area_id", self.areas_of(exit_place))
            ):
                found.append(rule)
        return found

    def _matches(self, rule: Row, field: str, of_leg: frozenset[str]) -> bool:
        wanted = rule.get(field)
        if wanted:
            return wanted in of_leg
        if self.has_rule_priority:
            # GTFS 4: "indicates the network of the leg does not affect the matching"
            return True
        # GTFS 3: "all networks … excluding the ones listed under fare_leg_rules.network_id"
        listed = {row.get(field) for row in self.rows("fare_leg_rules.txt") if row.get(field)}
        return not of_leg & listed

    def rules_now(self, leg: Leg, exit_place: str | None) -> list[Row]:
        """The rules that count for this leg at its times."""
        # SPEC 7.4: "an arrival that nobody saw counts as the departure"
        end = leg.start if leg.end is None else leg.end
        matching = []
        for rule in self.rules_of(leg, exit_place):
            departure = rule.get("from_timeframe_group_id")
            arrival = rule.get("to_timeframe_group_id")
            # GTFS: "An empty from_timeframe_group_id indicates that the start time of the leg
            # does not affect the matching of this rule."
            if departure and not self.in_timeframe(departure, leg.start):
                continue
            if arrival and not self.in_timeframe(arrival, end):
                continue
            matching.append(rule)
        # GTFS: "the rule or set of rules with the highest value for rule_priority will be
        # selected"; "An empty value for rule_priority is treated as zero."
        highest = max((priority(rule) for rule in matching), default=0)
        return [rule for rule in matching if priority(rule) == highest]

    def exits(self, leg: Leg) -> Sequence[str | None]:
        """The exit if it is known, else every exit that can be reached.

        SPEC 7.3: "With an unknown exit, each reachable exit is rated", in this order: those in
        no area that a rule lists, then as stops.txt first has a stop of the same listed areas.
        """
        if leg.to_stop is not None:
            return [leg.to_stop]
        order: list[frozenset[str]] = [frozenset()]
        order += [self._listed_ends(row["stop_id"]) for row in self.rows("stops.txt")]
        return sorted(self.reachable(leg), key=lambda stop: order.index(self._listed_ends(stop)))

    def _listed_ends(self, stop_id: str) -> frozenset[str]:
        listed = {row.get("to_area_id") for row in self.rows("fare_leg_rules.txt")}
        return self.areas_of(stop_id) & listed

    def reachable(self, leg: Leg) -> set[str]:
        """The stops that the routes of this leg's network serve; every stop for one that has
        no stop_times.txt."""
        network = self.network_of(leg.route_id)
        routes = {
            row["route_id"]
            for row in self.rows("routes.txt")
            if self.network_of(row["route_id"]) == network
        }
        served = set()
        for route_id in routes:
            trips = {r["trip_id"] for r in self.rows("trips.txt") if r["route_id"] == route_id}
            stops = {r["stop_id"] for r in self.rows("stop_times.txt") if r["trip_id"] in trips}
            served |= stops or {row["stop_id"] for row in self.rows("stops.txt")}
        return served or {row["stop_id"] for row in self.rows("stops.txt")}

    # Products

    def card_media(self) -> str | None:
        """The fare media that our cards are: minik_fare_media, or the only one of type 2."""
        if "minik_fare_media.txt" in self._files:
            ours = [r["fare_media_id"] for r in self.rows("minik_fare_media.txt")
                    if r["on_card"] == "1"]
        else:
            ours = [r["fare_media_id"] for r in self.rows("fare_media.txt")
                    if r["fare_media_type"] == "2"]
        return ours[0] if len(ours) == 1 else None

    def default_category(self) -> str | None:
        """GTFS is_default_fare_category."""
        for row in self.rows("rider_categories.txt"):
            if row["is_default_fare_category"] == "1":
                return row["rider_category_id"]
        return None

    def price(self, product_id: str, category: str | None, media: str | None) -> int | None:
        """SPEC 7.3: "the lowest of its rows whose category is the rider's or any, and …"."""
        amounts = [
            self.minor(row["amount"])
            for row in self.rows("fare_products.txt")
            if row["fare_product_id"] == product_id
            and row.get("rider_category_id") in (None, "", category)
            and row.get("fare_media_id") in (None, "", media)
        ]
        return min(amounts, default=None)

    def product(self, product_id: str) -> Row:
        """Its row of minik_products.txt; a product without one is single."""
        for row in self.rows("minik_products.txt"):
            if row["fare_product_id"] == product_id:
                return row
        return {"fare_product_id": product_id, "kind": "single"}

    def is_single(self, product_id: str) -> bool:
        """Whether the purse pays it leg by leg."""
        return self.product(product_id)["kind"] == "single"

    def contract_priority(self, product_id: str) -> int:
        """The lower is used first; the default is 10 for periods and 20 for rides."""
        row = self.product(product_id)
        return int(row.get("priority") or (20 if row["kind"] == "rides" else 10))

    def weekdays_of(self, product_id: str) -> set[int]:
        """Days of a product of kind weekdays, 0 Monday."""
        return {_SHORT.index(name) for name in self.product(product_id)["weekdays"].split()}

    # Transfer rules

    def transfer_rules(self, from_group: str | None, to_group: str | None) -> list[Row]:
        """GTFS: the records for this transfer: the exact ones, else those with empty fields."""
        rules = self.rows("fare_transfer_rules.txt")
        wanted_from = listed_or_empty(rules, "from_leg_group_id", from_group)
        wanted_to = listed_or_empty(rules, "to_leg_group_id", to_group)
        return [
            rule
            for rule in rules
            if (rule.get("from_leg_group_id") or None) == wanted_from
            and (rule.get("to_leg_group_id") or None) == wanted_to
        ]

    def caps(self, category: str | None) -> Iterable[tuple[str, int]]:
        """(period, minor units) of every cap for this category or for any."""
        for row in self.rows("minik_caps.txt"):
            if row.get("rider_category_id") in (None, "", category):
                yield row["period"], self.minor(row["amount"])


def listed_or_empty(rules: list[Row], field: str, group: str | None) -> str | None:
    """The group if the column lists it, else None: what an empty entry stands for.

    GTFS: "An empty entry … corresponds to all leg groups … excluding the ones listed".
    """
    return group if any(rule.get(field) == group for rule in rules) and group else None


def priority(rule: Row) -> int:
    """GTFS: "An empty value for rule_priority is treated as zero"."""
    return int(rule.get("rule_priority") or 0)


def seconds(text: str) -> int:
    """HH:MM:SS as seconds."""
    hours, minutes, rest = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(rest)
