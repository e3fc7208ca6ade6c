"""Rules of a feed that no ride can ever reach: each is said at its row, none is an error.

A leg rule may be hidden by a higher priority, or stand for lines and areas of which none is left;
a transfer rule for leg groups of which there is none. Products without a rule are said when the
feed is read.
"""

from collections.abc import Iterable

from host_tools.tariff.codes import AllCodes, named, place_of
from host_tools.tariff.feed import Feed
from host_tools.tariff.findings import Findings
from host_tools.tariff.legs import Legs
from host_tools.tariff.tables import Tables


def warn_unreached(
    feed: Feed,
    compiled: Tables,
    legs: Legs,
    codes: AllCodes,
    findings: Findings,
    ridden: Iterable[int],
) -> None:
    """All findings of this kind; `ridden` are the network classes that somebody can ride in."""
    sets = _sets(legs, ridden)
    _leg_rules(feed, legs, findings, sets)
    groups = {row.group for number in sets for row in legs.rules_of(number)}
    _transfer_rules(feed, compiled, codes, findings, groups)


def _sets(legs: Legs, ridden: Iterable[int]) -> set[int]:
    """The rule sets of legs between stops or areas of the feed."""
    places = [*legs.stop_classes.values(), *legs.area_classes.values()] or [(0, 0)]
    begins, ends = {begin for begin, _ in places}, {end for _, end in places}
    rows = {number * legs.from_class_count + begin for number in ridden for begin in begins}
    cells = {legs.leg_rows[row] for row in rows}
    return {legs.cells[cell].rule_sets[end] for cell in cells for end in ends}


def _leg_rules(feed: Feed, legs: Legs, findings: Findings, sets: set[int]) -> None:
    reached = {source for number in sets for source in legs.sources[number]}
    for number, rule in enumerate(feed.leg_rules):
        place = place_of(rule.where)
        if not legs.used >> number & 1:
            text = "a rule of a higher rule_priority holds wherever this one does"
            findings.warn(*place, None, text)
        elif number not in reached:
            text = (
                "no line or area is left for it: it holds only where a validator does not know "
                "its line or stop"
            )
            findings.warn(*place, None, text)


def _transfer_rules(
    feed: Feed, compiled: Tables, codes: AllCodes, findings: Findings, groups: set[int]
) -> None:
    for rule in feed.transfer_rules:
        for field, group_id, begin in (
            ("from_leg_group_id", rule.from_leg_group_id, True),
            ("to_leg_group_id", rule.to_leg_group_id, False),
        ):
            if groups & groups_of(group_id, compiled, codes, begin):
                continue
            text = "every leg is of a group that this column lists, so an empty one never holds"
            if group_id is not None:
                text = f"no leg can be of {named('group', group_id)}, so the rule never holds"
            findings.warn(*place_of(rule.where), field, text)


def groups_of(group_id: str | None, compiled: Tables, codes: AllCodes, begin: bool) -> set[int]:
    """Codes of the groups that a transfer rule's field stands for; None: all that none lists."""
    if group_id is not None:
        return {codes.groups[group_id]}
    keys = [row.from_key if begin else row.to_key for row in compiled.groups]
    return {number + 1 for number, key in enumerate(keys) if key == 0} | {0}
