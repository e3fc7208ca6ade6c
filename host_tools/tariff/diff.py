"""What a passenger or an operator would notice when one tariff follows another.

Compares by ids and in words, so the order of rows does not matter. Codes are compared apart: one
that names another id makes cards and journals say what is not so.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from host_tools.tariff.describe import area_classes, describe, ride_classes, rules
from host_tools.tariff.findings import shown
from host_tools.tariff.show import View, join_words, rider_words, transfer_groups, validity
from host_tools.tariff.tables import Tables

CODES = "codes"  # a section of changes
_LISTED_MAX = 5
_CODED = {
    "categories": "rider category",
    "media": "fare media",
    "products": "product",
    "networks": "network",
    "routes": "route",
    "stops": "stop",
    "areas": "area",
    "groups": "leg group",
}

Words = Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """One thing that is not as it was. `old` or `new` is None where there was or is nothing."""

    section: str
    what: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        if self.old is None:
            return f"{self.what}: new" + (f": {self.new}" if self.new else "")
        if self.new is None:
            return f"{self.what}: gone" + (f", was {self.old}" if self.old else "")
        return f"{self.what}: {self.old} -> {self.new}"

    def as_dict(self) -> dict[str, str | None]:
        """As JSON has it."""
        return {**vars(self), "text": str(self)}


def diff(old: Tables, new: Tables) -> list[Change]:
    """All changes; none: nobody would notice."""
    changes = list(_codes(old, new))
    before, after = _sections(old), _sections(new)
    for section, words in before.items():
        found = _compare(section, words, after[section])
        changes += _together(found) if section == "fares" else found
    changes += _stop_lists(old, new)
    return changes


def code_changes(changes: Iterable[Change]) -> list[Change]:
    """Those by which cards and journals would say what is not so."""
    return [change for change in changes if change.section == CODES]


def _compare(section: str, old: Words, new: Words) -> Iterator[Change]:
    """Changes in the old order, then what is new."""
    for name in dict.fromkeys([*old, *new]):
        if old.get(name) != new.get(name):
            yield Change(section, name, old.get(name), new.get(name))


def _together(changes: Iterable[Change]) -> Iterator[Change]:
    """Changes from the same to the same as one."""
    same: dict[tuple[str | None, str | None], list[Change]] = {}
    for change in changes:
        same.setdefault((change.old, change.new), []).append(change)
    for (old, new), found in same.items():
        names = ", ".join(change.what for change in found[:_LISTED_MAX])
        more = len(found) - _LISTED_MAX
        what = f"{names} and {more:,} more" if more > 0 else names
        yield Change(found[0].section, what, old, new)


def _codes(old: Tables, new: Tables) -> Iterator[Change]:
    for table, kind in _CODED.items():
        first = 0 if table == "categories" else 1
        after = [row.id for row in getattr(new, table)]
        for position, row in enumerate(getattr(old, table)):
            now = after[position] if position < len(after) else None
            if now != row.id:
                new_id = None if now is None else f"'{shown(now)}'"
                what = f"code {first + position} of {kind}"
                yield Change(CODES, what, f"'{shown(row.id)}'", new_id)


def _sections(tables: Tables) -> dict[str, Words]:
    """Every section in words by name; what is worded alike is alike for everybody."""
    said = describe(tables)
    view = View(said)
    return {
        "settings": _settings(said["settings"], view),
        "rider_categories": {
            row["id"]: _words(row["name"], row, "default", "concession")
            for row in said["rider_categories"]
        },
        "fare_media": {
            row["id"]: _words(row["name"], row, "on_card", "type", "risk_limit_minor")
            for row in said["fare_media"]
        },
        "prices": _prices(said, view),
        "products": {row["id"]: _product(row) for row in said["products"]},
        "fares": _fares(tables),
        "transfers": _transfers(said, view),
        "caps": {
            f"{rider_words(row['rider_category'])}, a {row['period']}": view.amount(
                row["amount_minor"]
            )
            for row in said["caps"]
        },
        "networks": {_network(row["id"]): view.network_terms(row) for row in said["networks"]},
        "joins": {join_words(row): "" for row in said["joins"]},
        "routes": {
            row.id: _words(row.name, {"network": _network_id(tables, row.network)}, "network")
            for row in tables.routes
            if row.name
        },
        "stops": _stops(tables),
        "areas": {row.id: shown(row.name) for row in tables.areas if row.name},
    }


def _words(name: str, row: Mapping[str, Any], *fields: str) -> str:
    """`Adult, default`: a name, and fields that are set."""
    parts = [shown(name)]
    for field in fields:
        value = row[field]
        if value is True:
            parts.append(field.replace("_", " "))
        elif value not in (None, False):
            parts.append(f"{field.replace('_', ' ')} {shown(str(value))}")
    return ", ".join(parts)


def _settings(settings: dict[str, Any], view: View) -> Words:
    words = {}
    for name, value in settings.items():
        if name == "purse_max_minor":
            words["purse_max"] = "none" if value is None else view.amount(value)
        elif name != "plain":
            words[name] = "none" if value is None else shown(str(value))
    return words


def _prices(said: dict[str, Any], view: View) -> Words:
    return {
        f"{product['id']} for {rider_words(price['rider_category'])}"
        + (f" with '{shown(price['fare_media'])}'" if price["fare_media"] else ""): view.amount(
            price["amount_minor"]
        )
        for product in said["products"]
        for price in product["prices"]
    }


def _product(row: dict[str, Any]) -> str:
    fields = ("sold_on_board", "passback_s")
    words = _words(row["name"], row, *fields)
    priority = "" if row["kind"] == "single" else f", priority {row['priority']}"
    return f"{words}, {validity(row)}{priority}"


def _fares(tables: Tables) -> Words:
    """Which rules hold, by network, departure and exit."""
    words = {}
    begins, ends = area_classes(tables, 0), area_classes(tables, 1)
    told: dict[int, str] = {}
    for network_class, network_ids in ride_classes(tables).items():
        for begin, begin_class in begins.items():
            row = tables.leg_rows[network_class * tables.from_class_count + begin_class]
            for end, end_class in ends.items():
                number = tables.cells[row].rule_sets[end_class]
                if number not in told:
                    told[number] = _rules(tables, number)
                for network_id in network_ids if number else ():
                    where = f"{_network(network_id)} from {_area(begin)} to {_area(end)}"
                    words[where] = told[number]
    return words


def _rules(tables: Tables, rule_set: int) -> str:
    parts = []
    for rule in rules(tables, rule_set):
        group = f" ({shown(rule['leg_group'])})" if rule["leg_group"] else ""
        words = [f"{shown(rule['product'])}{group}"]
        if rule["order"] > 1:
            words.insert(0, "else")
        words += rule["boarding"] or ()
        words += ["arriving", *rule["arriving"]] if rule["arriving"] else ()
        parts.append(" ".join(words))
    return "; ".join(parts)


def _transfers(said: dict[str, Any], view: View) -> Words:
    words: dict[str, str] = {}
    for row in said["transfers"]:
        groups, rule = transfer_groups(row), view.transfer(row)
        words[groups] = f"{words[groups]}; {rule}" if groups in words else rule
    return words


def _stops(tables: Tables) -> Words:
    """Names of stops, with the areas that leg rules tell apart."""
    sides = [
        {number: area for area, number in area_classes(tables, side).items()} for side in (0, 1)
    ]
    words = {}
    for row in tables.stops:
        if row.name:
            begin = sides[0].get(row.from_class, "more than one area")
            end = sides[1].get(row.to_class, "more than one area")
            areas = [shown(area) for area in dict.fromkeys((begin, end)) if area]
            words[row.id] = ", ".join([shown(row.name), *areas])
    return words


def _stop_lists(old: Tables, new: Tables) -> Iterator[Change]:
    """Routes that go elsewhere: which stops are new or gone, or that only the order is."""
    before, after = _stops_of_routes(old), _stops_of_routes(new)
    for route_id in before:
        one, other = before[route_id], after.get(route_id)
        if other is None or one == other:
            continue
        parts = [f"+{shown(stop)}" for stop in other if stop not in one]
        parts += [f"-{shown(stop)}" for stop in one if stop not in other]
        listed = ", ".join(parts[:_LISTED_MAX]) or "in another order"
        if len(parts) > _LISTED_MAX:
            listed += f" and {len(parts) - _LISTED_MAX} more"
        what = f"{shown(route_id)} stops"
        yield Change("routes", what, f"{len(one)} stops", f"{len(other)} stops ({listed})")


def _stops_of_routes(tables: Tables) -> dict[str, list[str]]:
    return {
        row.id: [
            tables.stops[code - 1].id
            for code in tables.route_stops[row.stop_first : row.stop_first + row.stop_count]
        ]
        for row in tables.routes
        if row.name
    }


def _network_id(tables: Tables, code: int) -> str | None:
    return tables.networks[code - 1].id if code else None


def _network(network_id: str | None) -> str:
    return "routes without a network" if network_id is None else f"'{shown(network_id)}'"


def _area(area_id: str | None) -> str:
    return "elsewhere" if area_id is None else f"'{shown(area_id)}'"
