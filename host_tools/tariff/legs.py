"""Leg rules as look-ups: classes, cells and rule sets (SPEC §6.2).

What an empty network or area means, with and without the column rule_priority, is decided here
and nowhere else: a device looks up (network class, from class, to class) and finds the rules that
match whatever the time. Rules that a higher priority hides at any time are left out.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from host_tools.tariff.codes import AllCodes, Codes
from host_tools.tariff.feed import Area, Feed, LegRule, Stop
from host_tools.tariff.tables import CellRow, RuleRow

ROWS_MAX = 0xFFFF  # of one table: row counts have 16 bits
RULES_OF_A_SET_MAX = 32
EXITS_MAX = 32
RULES_OF_ALL_EXITS_MAX = 256
_WORK_MAX = 20_000_000  # look-ups to fill in, before equal ones are put together

AreaSet = frozenset[str]


class TooLarge(ValueError):
    """The look-ups would not fit; the text says which."""


class _Side:
    """Classes of one end of a leg: the listed areas that a stop lies in; class 0 is none."""

    def __init__(self, listed: Iterable[str | None], codes: Codes) -> None:
        self.listed = frozenset(area for area in listed if area is not None)
        self._codes = codes
        self.classes: dict[AreaSet, int] = {frozenset(): 0}

    def class_of(self, area_ids: Iterable[str]) -> int:
        areas = self.listed.intersection(area_ids)
        return self.classes.setdefault(areas, len(self.classes))

    def masks(self, areas_of_rules: Sequence[str | None], matters: bool) -> list[int]:
        """Per class the rules that match it, bit i for rule i."""
        masks = []
        for areas in self.classes:
            mask = 0
            for number, area in enumerate(areas_of_rules):
                if area in areas or (area is None and not (matters and areas)):
                    mask |= 1 << number
            masks.append(mask)
        return masks


@dataclass
class Legs:
    """The look-ups, with what the warnings need to know of where they come from."""

    from_class_count: int = 1
    to_class_count: int = 1
    stop_classes: dict[str, tuple[int, int]] = field(default_factory=dict)
    area_classes: dict[str, tuple[int, int]] = field(default_factory=dict)
    network_classes: dict[int, int] = field(default_factory=dict)  # by network code; 0 is none
    leg_rows: list[int] = field(default_factory=list)
    cells: list[CellRow] = field(default_factory=list)
    rule_sets: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])
    rules: list[RuleRow] = field(default_factory=list)
    sources: list[tuple[int, ...]] = field(default_factory=lambda: [()])  # leg rules of a set
    used: int = 0  # mask of the leg rules that count for some leg

    def cells_of(self, network_class: int) -> list[CellRow]:
        """The different cells of a network class."""
        begin = network_class * self.from_class_count
        rows = self.leg_rows[begin : begin + self.from_class_count]
        return [self.cells[number] for number in dict.fromkeys(rows)]

    def rules_of(self, rule_set: int) -> list[RuleRow]:
        first, count = self.rule_sets[rule_set]
        return self.rules[first : first + count]


def build_legs(feed: Feed, codes: AllCodes) -> Legs:
    """The look-ups of a feed's leg rules. Raises TooLarge."""
    legs = Legs()
    matters = not feed.has_rule_priority
    listed = {rule.network_id for rule in feed.leg_rules if rule.network_id is not None}
    begin_side = _Side((rule.from_area_id for rule in feed.leg_rules), codes.areas)
    end_side = _Side((rule.to_area_id for rule in feed.leg_rules), codes.areas)
    _classify(legs, feed, begin_side, end_side)
    exits_matter = legs.to_class_count > 1  # each network has its own, where nobody sees them
    for network_id in codes.networks.ids:
        code = codes.networks[network_id]
        own_class = network_id in codes.networks.alive and (exits_matter or network_id in listed)
        legs.network_classes[code] = code if own_class else 0
    network_classes = 1 + max(legs.network_classes.values(), default=0)
    _check_size(legs, network_classes)
    network_masks = [0] * network_classes
    listed_codes = {codes.networks[network_id] for network_id in listed}
    for number, rule in enumerate(feed.leg_rules):
        for network_class in range(network_classes):
            own = rule.network_id is not None and codes.networks[rule.network_id] == network_class
            other = rule.network_id is None and not (matters and network_class in listed_codes)
            if own or other:
                network_masks[network_class] |= 1 << number
    begins = begin_side.masks([rule.from_area_id for rule in feed.leg_rules], matters)
    ends = end_side.masks([rule.to_area_id for rule in feed.leg_rules], matters)
    reachable = _reachable(feed, codes.networks, legs, network_classes)
    _fill(legs, network_masks, begins, ends, reachable, _RuleSets(legs, feed.leg_rules, codes))
    return legs


def _classify(legs: Legs, feed: Feed, begin_side: _Side, end_side: _Side) -> None:
    """Give every stop its two classes, and every area, which can be chosen by hand, its own."""
    places: list[tuple[dict[str, tuple[int, int]], str, tuple[str, ...]]] = []
    stops: Sequence[Stop] = feed.stops
    areas: Sequence[Area] = feed.areas
    places += [(legs.stop_classes, stop.stop_id, stop.area_ids) for stop in stops]
    places += [(legs.area_classes, area.area_id, (area.area_id,)) for area in areas]
    for classes, name, area_ids in places:
        classes[name] = (begin_side.class_of(area_ids), end_side.class_of(area_ids))
    legs.from_class_count = len(begin_side.classes)
    legs.to_class_count = len(end_side.classes)


def _check_size(legs: Legs, network_classes: int) -> None:
    rows = network_classes * legs.from_class_count
    if rows > ROWS_MAX:
        raise TooLarge(
            f"{network_classes:,} classes of networks times {legs.from_class_count:,} of "
            f"departures make {rows:,} rows; a tariff has room for {ROWS_MAX:,}"
        )
    if 4 + 2 * legs.to_class_count > ROWS_MAX or rows * legs.to_class_count > _WORK_MAX:
        raise TooLarge(
            f"{rows:,} kinds of departure times {legs.to_class_count:,} of arrival are too many; "
            "put stops that cost the same into the same areas"
        )


def _reachable(
    feed: Feed, networks: Codes, legs: Legs, network_classes: int
) -> list[tuple[int, ...]]:
    """Per network class the to classes of the exits that its routes reach."""
    everywhere = [ends for _, ends in legs.stop_classes.values()]
    everywhere = everywhere or [ends for _, ends in legs.area_classes.values()] or [0]
    reached: defaultdict[int, list[int] | None] = defaultdict(list)
    for route in feed.routes:
        network_class = legs.network_classes.get(networks.of(route.network_id), 0)
        so_far = reached[network_class]
        if not route.stop_ids or so_far is None:
            reached[network_class] = None  # a route that may go anywhere
        else:
            so_far += [legs.stop_classes[stop][1] for stop in route.stop_ids]
    return [tuple(sorted(set(reached[number] or everywhere))) for number in range(network_classes)]


def _fill(
    legs: Legs,
    network_masks: list[int],
    begins: list[int],
    ends: list[int],
    reachable: list[tuple[int, ...]],
    set_of: Callable[[int], int],
) -> None:
    """Leg rows and cells; rows with the same rules and exits share a cell, equal cells too."""
    cells: dict[CellRow, int] = {}
    known: dict[tuple[int, tuple[int, ...]], int] = {}
    for network_class, network_mask in enumerate(network_masks):
        exits = reachable[network_class]
        for begin in begins:
            key = (network_mask & begin, exits)
            if key not in known:
                rule_sets = tuple(set_of(key[0] & end) for end in ends)
                at_exits = dict.fromkeys(rule_sets[end] for end in exits)
                at_exits.pop(0, None)
                cell = CellRow(rule_sets, tuple(at_exits))
                known[key] = cells.setdefault(cell, len(cells))
            legs.leg_rows.append(known[key])
    legs.cells += cells


class _RuleSets:
    """The rule set of the leg rules that match, by a mask of them; equal sets are there once."""

    def __init__(self, legs: Legs, leg_rules: Sequence[LegRule], codes: AllCodes) -> None:
        self._legs = legs
        self._leg_rules = leg_rules
        self._codes = codes
        self._by_mask: dict[int, int] = {0: 0}
        self._by_rows: dict[tuple[RuleRow, ...], int] = {(): 0}

    def __call__(self, mask: int) -> int:
        found = self._by_mask.get(mask)
        if found is None:
            found = self._by_mask[mask] = self._add(mask)
        return found

    def _add(self, mask: int) -> int:
        numbers = [n for n in range(mask.bit_length()) if mask >> n & 1]
        numbers = visible(numbers, self._leg_rules)
        for number in numbers:
            self._legs.used |= 1 << number
        rows = tuple(self._rows(numbers))
        if rows not in self._by_rows:
            self._by_rows[rows] = len(self._legs.rule_sets)
            self._legs.rule_sets.append((len(self._legs.rules), len(rows)))
            self._legs.rules += rows
            self._legs.sources.append(())
        rule_set = self._by_rows[rows]
        sources = dict.fromkeys((*self._legs.sources[rule_set], *numbers))
        self._legs.sources[rule_set] = tuple(sources)
        return rule_set

    def _rows(self, numbers: list[int]) -> dict[RuleRow, None]:
        """Rows by rank, highest first, each once; ranks count within the set."""
        priorities = sorted({self._leg_rules[n].rule_priority for n in numbers})
        codes = self._codes
        rows: dict[RuleRow, None] = {}
        for number in numbers:
            rule = self._leg_rules[number]
            row = RuleRow(
                codes.groups.of(rule.leg_group_id),
                codes.products[rule.fare_product_id],
                priorities.index(rule.rule_priority),
                codes.timeframes.of(rule.from_timeframe_group_id),
                codes.timeframes.of(rule.to_timeframe_group_id),
            )
            rows[row] = None
        return rows


def visible(numbers: list[int], leg_rules: Sequence[LegRule]) -> list[int]:
    """Those of matching rules that can ever count, the highest priority first.

    A rule that holds at any time hides all of lower priority.
    """
    in_order = sorted(numbers, key=lambda n: -leg_rules[n].rule_priority)
    floor = None
    seen = []
    for number in in_order:
        rule = leg_rules[number]
        if floor is not None and rule.rule_priority < floor:
            break
        seen.append(number)
        if rule.from_timeframe_group_id is None and rule.to_timeframe_group_id is None:
            floor = rule.rule_priority
    return seen
