"""Rules that no ride can ever reach: leg rules and transfer rules that stand for nothing."""

import pytest

from tests.tariff import made as m

TWO_FARES = m.made(
    products=(m.product("ride"), m.product("else")),
    prices=(m.price("ride", 60), m.price("else", 90)),
    areas=(m.area("A"),),
    stops=(m.stop("SA", "A"),),
)
LEFT = (
    "fare_leg_rules.txt:3: no line or area is left for it: it holds only where a validator does "
    "not know its line or stop"
)


def test_rules_that_never_count() -> None:
    def said(**more: object) -> list[str]:
        times = {"timeframes": (m.timeframe("t"),), "services": (m.service(),)}
        rules = (m.rule("ride", 2, priority=1, **more), m.rule("else", 3))
        fields = vars(TWO_FARES) | times | {"has_rule_priority": True, "leg_rules": rules}
        return m.lines(m.made(**fields))

    assert said() == [
        "fare_leg_rules.txt:3: a rule of a higher rule_priority holds wherever this one does",
    ]
    assert said(after="t") == []
    assert said(from_area="A") == [LEFT]


def test_rules_for_what_no_rule_names_if_there_is_something() -> None:
    def said(stop: str, network: str | None) -> bool:
        fields: dict = {
            "networks": (m.network("bus"),),
            "routes": (m.route("R1", "bus"), m.route("R2", network)),
            "stops": (*TWO_FARES.stops, m.stop("SB", stop)),
            "leg_rules": (
                m.rule("ride", 2, network="bus", from_area="A"),
                m.rule("else", 3),
                m.rule("ride", 4, network="bus"),
                m.rule("ride", 5, from_area="A"),
            ),
        }
        return LEFT in m.lines(m.made(**vars(TWO_FARES) | fields))

    cases = (("A", "bus"), ("", "bus"), ("A", None), ("", None))
    assert [said(*case) for case in cases] == [True, True, True, False]


def test_a_zone_chosen_by_hand_is_a_place_too() -> None:
    """No stop lies in zone B, but a driver may choose it."""
    areas = {"areas": (*TWO_FARES.areas, m.area("B"))}
    rules = {"leg_rules": (m.rule("ride", from_area="A"), m.rule("else", 3, from_area="B"))}
    assert LEFT not in m.lines(m.made(**vars(TWO_FARES) | areas | rules))


@pytest.mark.parametrize(
    ("begin", "end", "said"),
    [
        ("g", "g", []),
        (None, "g", ["from_leg_group_id: every leg is of a group that this column lists, so an "
         "empty one never holds"]),
        ("g", None, ["to_leg_group_id: every leg is of a group that this column lists, so an "
         "empty one never holds"]),
        ("h", "g", ["from_leg_group_id: no leg can be of group 'h', so the rule never holds"]),
        ("g", "h", ["to_leg_group_id: no leg can be of group 'h', so the rule never holds"]),
    ],
)  # fmt: skip
def test_transfer_rules_for_no_leg(begin, end, said) -> None:
    rules = (m.transfer("g", "g"), m.transfer(begin, end, where="fare_transfer_rules.txt:9"))
    feed = m.made(
        has_rule_priority=True,
        leg_rules=(m.rule("ride", priority=1), m.rule("ride", 3, group="h")),
        transfer_rules=rules,
    )
    at = "fare_transfer_rules.txt:9: "
    assert [line for line in m.lines(feed) if "transfer" in line] == [at + line for line in said]


def test_an_empty_group_is_for_legs_without_one() -> None:
    rules = (m.transfer("g", "g"), m.transfer(None, "g", where="fare_transfer_rules.txt:9"))
    networks = {"networks": (m.network("bus"),), "routes": (m.route("R1", "bus"), m.route("R2"))}
    leg_rules = (m.rule("ride", network="bus"), m.rule("ride", 3, group=None))
    assert m.lines(m.made(**networks, leg_rules=leg_rules, transfer_rules=rules)) == []
