"""What an empty field means: look-ups against small feeds worked by hand, and random ones.

The oracle reads the reference's sentences on fare_leg_rules.txt literally, leg by leg; the
compiled tables are read by nothing but their classes, cells and rule sets.
"""

from itertools import product as every
from random import Random

import pytest

from host_tools.tariff.feed import Feed, LegRule
from host_tools.tariff.tables import Tables
from tests.tariff import made as m


def matches(tables: Tables, route_id: str, begin: str, end: str, now: set[int]) -> set:
    """(group, product) of the rules for a leg, with the timeframe groups that hold `now`."""
    routes = {row.id: row for row in tables.routes}
    stops = {row.id: row for row in tables.stops}
    network = routes[route_id].network
    rule_class = tables.networks[network - 1].rule_class if network else 0
    row = tables.leg_rows[rule_class * tables.from_class_count + stops[begin].from_class]
    first, count = tables.rule_sets[tables.cells[row].rule_sets[stops[end].to_class]]
    fitting = [
        rule
        for rule in tables.rules[first : first + count]
        if {rule.from_timeframe, rule.to_timeframe} <= now | {0}
    ]
    top = max((rule.rank for rule in fitting), default=0)
    return {
        (
            tables.groups[rule.group - 1].id if rule.group else None,
            tables.products[rule.product - 1].id,
        )
        for rule in fitting
        if rule.rank == top
    }


def by_the_text(said: Feed, route_id: str, begin: str, end: str, now: set[str]) -> set:
    """The same from the words of the reference."""
    network = {row.route_id: row.network_id for row in said.routes}[route_id]
    areas = {row.stop_id: set(row.area_ids) for row in said.stops}

    def field_matches(name: str, rule: LegRule, here: set) -> bool:
        wanted = getattr(rule, name)
        if wanted is not None:
            return wanted in here
        if said.has_rule_priority:
            return True  # "does not affect the matching of this rule"
        listed = {getattr(other, name) for other in said.leg_rules} - {None}
        return not here & listed  # "excluding the ones listed"

    fitting = [
        rule
        for rule in said.leg_rules
        if field_matches("network_id", rule, {network} - {None})
        and field_matches("from_area_id", rule, areas[begin])
        and field_matches("to_area_id", rule, areas[end])
        and {rule.from_timeframe_group_id, rule.to_timeframe_group_id} <= now | {None}
    ]
    top = max((rule.rule_priority for rule in fitting), default=0)
    return {(r.leg_group_id, r.fare_product_id) for r in fitting if r.rule_priority == top}


CITY = m.made(
    products=tuple(m.product(name) for name in ("ride", "express", "zone", "other")),
    prices=tuple(m.price(name, 50) for name in ("ride", "express", "zone", "other")),
    networks=(m.network("bus"), m.network("fast")),
    routes=(m.route("R1", "bus"), m.route("R2", "fast"), m.route("R3")),
    areas=(m.area("A"), m.area("B"), m.area("C")),
    stops=(
        m.stop("SA", "A"),
        m.stop("SB", "B"),
        m.stop("SAB", "A B"),
        m.stop("S0"),
        m.stop("SC", "C"),
    ),
)


def products(tables: Tables, *leg: str) -> set:
    return {name for _, name in matches(tables, *leg, now=set())}


def test_without_priority_empty_is_what_no_rule_lists() -> None:
    rules = (
        m.rule("express", network="fast"),
        m.rule("ride"),
        m.rule("zone", from_area="A", to_area="B"),
    )
    tables = m.compiled(m.made(**vars(CITY) | {"leg_rules": rules}))
    assert products(tables, "R2", "S0", "S0") == {"express"}
    assert products(tables, "R1", "S0", "S0") == {"ride"}
    assert products(tables, "R3", "S0", "S0") == {"ride"}
    # "zone" has an empty network: none that is listed, so not the express
    assert products(tables, "R1", "SA", "SB") == {"zone"}
    assert products(tables, "R2", "SA", "SB") == set()
    # an area that is listed in the column is not "empty", even with another rule's end
    assert products(tables, "R1", "SA", "SC") == set()
    assert products(tables, "R1", "SC", "SB") == set()
    # C is listed nowhere: as good as no area
    assert products(tables, "R1", "SC", "S0") == {"ride"}
    # a stop of two areas is in both
    assert products(tables, "R1", "SAB", "SAB") == {"zone"}


def test_with_priority_empty_is_whatever() -> None:
    rules = (
        m.rule("express", network="fast", priority=2),
        m.rule("ride"),
        m.rule("zone", from_area="A", to_area="B", priority=1),
    )
    said = m.made(**vars(CITY) | {"leg_rules": rules, "has_rule_priority": True})
    tables = m.compiled(said)
    assert products(tables, "R2", "SA", "SB") == {"express"}
    assert products(tables, "R1", "SA", "SB") == {"zone"}
    assert products(tables, "R3", "SAB", "SAB") == {"zone"}
    assert products(tables, "R1", "SA", "SC") == {"ride"}
    assert products(tables, "R3", "S0", "S0") == {"ride"}


def test_an_empty_priority_column_changes_the_meaning_too() -> None:
    rules = (m.rule("express", network="fast"), m.rule("ride"))
    said = m.made(**vars(CITY) | {"leg_rules": rules})
    assert products(m.compiled(said), "R2", "S0", "S0") == {"express"}
    said = m.made(**vars(said) | {"has_rule_priority": True})
    assert products(m.compiled(said), "R2", "S0", "S0") == {"express", "ride"}


def test_a_timed_rule_hides_lower_ones_only_in_its_time() -> None:
    rules = (m.rule("ride"), m.rule("other", after="peak", priority=5))
    tables = m.compiled(
        m.made(
            **vars(CITY)
            | {
                "leg_rules": rules,
                "has_rule_priority": True,
                "timeframes": (m.timeframe("peak"),),
                "services": (m.service(),),
            }
        )
    )
    assert matches(tables, "R1", "S0", "S0", set()) == {("g", "ride")}
    assert matches(tables, "R1", "S0", "S0", {1}) == {("g", "other")}
    assert [(rule.rank, rule.product) for rule in tables.rules] == [(1, 4), (0, 1)]


def test_rules_stand_by_rank_then_in_the_order_of_the_feed() -> None:
    rules = (
        m.rule("ride", priority=3, after="peak"),
        m.rule("zone", priority=900, after="peak"),
        m.rule("express", priority=3),
        m.rule("other", priority=900, after="peak"),
        m.rule("other", priority=2),  # hidden by express, which holds at any time
    )
    tables = m.compiled(
        m.made(
            **vars(CITY)
            | {
                "leg_rules": rules,
                "has_rule_priority": True,
                "timeframes": (m.timeframe("peak"),),
                "services": (m.service(),),
            }
        )
    )
    said = [(tables.products[rule.product - 1].id, rule.rank) for rule in tables.rules]
    assert said == [("zone", 1), ("other", 1), ("ride", 0), ("express", 0)]


def test_equal_rules_and_equal_cells_are_there_once() -> None:
    rules = tuple(m.rule("ride", from_area=a, to_area=b) for a, b in every("ABC", "ABC"))
    tables = m.compiled(m.made(**vars(CITY) | {"leg_rules": rules}))
    assert len(tables.rules) == 1
    assert len(tables.rule_sets) == 2  # the empty one
    assert len(tables.cells) == 2  # from a zone, from elsewhere
    assert tables.from_class_count == tables.to_class_count == 5  # -, A, B, A and B, C


def exits(tables: Tables, network_id: str, begin: str) -> list[str]:
    """The products by exit, where it is not known."""
    classes = {row.id: row.rule_class for row in tables.networks}
    stops = {row.id: row for row in tables.stops}
    row = classes[network_id] * tables.from_class_count + stops[begin].from_class
    sets = [tables.rule_sets[number] for number in tables.cells[tables.leg_rows[row]].exits]
    rows = [tables.rules[first : first + count] for first, count in sets]
    return ["+".join(tables.products[rule.product - 1].id for rule in rules) for rules in rows]


EXITS = m.made(
    **vars(CITY)
    | {
        "leg_rules": (
            m.rule("ride", to_area="A"),
            m.rule("zone", to_area="B"),
            m.rule("other", to_area="C"),
        ),
        "routes": (m.route("R1", "bus", "SA SC"), m.route("R2", "fast", "SB S0")),
    }
)


def test_only_exits_that_routes_of_the_network_serve_can_be_reached() -> None:
    tables = m.compiled(EXITS)
    assert exits(tables, "bus", "SA") == ["ride", "other"]
    # S0 has no fare, which is no fare to choose from
    assert exits(tables, "fast", "SA") == ["zone"]


def test_a_route_without_stops_may_go_anywhere() -> None:
    routes = (m.route("R4", "fast"), *EXITS.routes)
    tables = m.compiled(m.made(**vars(EXITS) | {"routes": routes}))
    assert exits(tables, "fast", "SA") == ["ride", "zone", "ride+zone", "other"]
    assert exits(tables, "bus", "SA") == ["ride", "other"]


def test_without_stops_the_areas_are_where_a_ride_may_end() -> None:
    tables = m.compiled(m.made(**vars(EXITS) | {"stops": (), "routes": (m.route("R1", "bus"),)}))
    cell = tables.cells[tables.leg_rows[tables.networks[0].rule_class]]
    assert [tables.rule_sets[number] for number in cell.exits] == [(0, 1), (1, 1), (2, 1)]


def test_exits_with_the_same_rules_are_one() -> None:
    rules = (m.rule("ride", to_area="A"), m.rule("ride", to_area="C"))
    tables = m.compiled(m.made(**vars(EXITS) | {"leg_rules": rules}))
    assert exits(tables, "bus", "SA") == ["ride"]


def test_zones_chosen_by_hand_have_classes_of_their_own() -> None:
    tables = m.compiled(EXITS)
    by_stop = {row.id: row.to_class for row in tables.stops}
    by_area = {row.id: row.to_class for row in tables.areas}
    assert by_area == {"A": by_stop["SA"], "B": by_stop["SB"], "C": by_stop["SC"]}
    # an area that only the other column lists is nothing here
    assert {row.from_class for row in tables.areas} == {0}


def random_feed(random: Random) -> Feed:
    """A feed with up to ten rules over two networks, three areas, two timeframes."""

    def maybe(*ids: str) -> str | None:
        return random.choice((None, *ids))

    names = [f"p{n}" for n in range(4)]
    rules = tuple(
        m.rule(
            random.choice(names),
            priority=random.choice((0, 0, 1, 7)),
            group=maybe("g", "h"),
            network=maybe("bus", "fast"),
            from_area=maybe("A", "B", "C"),
            to_area=maybe("A", "B", "C"),
            after=random.choice((None, None, "t1", "t2")),
            by=random.choice((None, None, None, "t2")),
        )
        for _ in range(random.randrange(1, 11))
    )
    return m.made(
        has_rule_priority=random.random() < 0.6,
        products=tuple(m.product(name) for name in names),
        prices=tuple(m.price(name, 50) for name in names),
        networks=(m.network("bus"), m.network("fast"), m.network("slow")),
        routes=(m.route("R1", "bus"), m.route("R2", "fast"), m.route("R3"), m.route("R4", "slow")),
        areas=(m.area("A"), m.area("B"), m.area("C")),
        stops=tuple(
            m.stop(f"S{n}", areas)
            for n, areas in enumerate(("", "A", "B", "C", "A B", "B C", "A B C"))
        ),
        timeframes=(m.timeframe("t1"), m.timeframe("t2")),
        services=(m.service(),),
        leg_rules=rules,
    )


@pytest.mark.parametrize("seed", range(12))
def test_look_ups_say_what_the_text_says(seed: int) -> None:
    random = Random(seed)
    for _ in range(15):
        said = random_feed(random)
        tables = m.compiled(said)
        named = [rule.from_timeframe_group_id for rule in said.leg_rules]
        codes: dict[str, int] = {}
        for one, rule in zip(named, said.leg_rules, strict=True):
            for name in (one, rule.to_timeframe_group_id):
                if name is not None:
                    codes.setdefault(name, len(codes) + 1)
        for route, begin, end in every(said.routes, said.stops, said.stops):
            leg = (route.route_id, begin.stop_id, end.stop_id)
            for now in ((), ("t1",), ("t2",), ("t1", "t2")):
                held = {codes[name] for name in now if name in codes}
                assert matches(tables, *leg, held) == by_the_text(said, *leg, set(now))
