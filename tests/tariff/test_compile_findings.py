"""Every warning and error of what nobody can enforce at a door: when it comes and what it says."""

from datetime import date

import pytest

from host_tools.tariff.compile import compile_feed
from host_tools.tariff.enforce import price_minor
from host_tools.tariff.feed import Feed, JoinRule, Media, Settings
from tests.tariff import made as m


def test_a_simple_feed_has_none() -> None:
    assert m.lines(m.SIMPLE) == []


ZONES = m.made(
    products=(m.product("near"), m.product("far"), m.product("month", "months", length=1)),
    prices=(m.price("near", 50), m.price("far", 90), m.price("month", 900)),
    networks=(m.network("bus"),),
    routes=(m.route("R1", "bus"),),
    areas=(m.area("A"), m.area("B")),
    stops=(m.stop("SA", "A"), m.stop("SB", "B")),
    leg_rules=(
        m.rule("near", 2, from_area="A", to_area="A"),
        m.rule("far", 3, from_area="A", to_area="B"),
        m.rule("month", 4, from_area="A", to_area="A"),
    ),
)
NO_CHECK_OUT = "the exit is not known in network 'bus', which has no check-out: "


def test_fares_and_passes_by_exit_without_check_out() -> None:
    at = "fare_leg_rules.txt:2: to_area_id: "
    assert m.lines(ZONES) == [
        at + NO_CHECK_OUT + "a pass that holds to one exit is taken there for all",
        at + NO_CHECK_OUT + "of up to 2 fares by exit the dearest is charged unless the exit is "
        "chosen by hand",
    ]


def test_it_says_which_fare_is_charged() -> None:
    cheapest = m.network("bus", unknown_exit="cheapest")
    said = m.made(**vars(ZONES) | {"networks": (cheapest,)})
    assert "of up to 2 fares by exit the cheapest is charged" in m.lines(said)[1]


def test_fares_by_exit_are_no_matter_where_the_exit_is_seen() -> None:
    network = m.network("bus", True, missed_product_id="far")
    assert m.lines(m.made(**vars(ZONES) | {"networks": (network,)})) == []


def test_fares_by_exit_are_no_matter_where_they_are_the_same() -> None:
    rules = (m.rule("near", to_area="A"), m.rule("near", to_area="B"))
    one = {"products": (m.product("near"),), "prices": (m.price("near", 50),)}
    assert m.lines(m.made(**vars(ZONES) | one | {"leg_rules": rules})) == []
    grouped = (rules[0], m.rule("near", 3, to_area="B", group="h"))
    (found,) = m.lines(m.made(**vars(ZONES) | one | {"leg_rules": grouped}))
    assert "of up to 2 fares" in found  # what changing costs may differ


def test_the_line_is_that_of_a_rule_of_the_network() -> None:
    """Two networks come to the same fares: each is warned of at its own rule."""
    networks = {"networks": (m.network("rail", True, missed_product_id="far"), m.network("bus"))}
    routes = {"routes": (m.route("R1", "rail"), m.route("R2", "bus"))}
    rules = tuple(
        m.rule(product, line, network=network, to_area=area)
        for line, network, product, area in (
            (2, "rail", "near", "A"), (3, "rail", "far", "B"),
            (4, "bus", "near", "A"), (5, "bus", "far", "B"),
        )
    )  # fmt: skip
    said = m.made(**vars(ZONES) | networks | routes | {"leg_rules": rules})
    (found,) = (line for line in m.lines(said) if "to_area_id" in line)
    assert found.startswith("fare_leg_rules.txt:4: ")


def test_the_group_of_a_pass_is_no_matter_by_exit() -> None:
    rules = [m.rule("month", line, to_area=a, group=a) for line, a in ((2, "A"), (3, "B"))]
    said = m.made(**vars(ZONES) | {"leg_rules": (m.rule("near", 4), *rules)})
    assert "a pass that holds to one exit" not in "".join(m.lines(said))


def test_fares_by_exit_that_other_networks_have_without_exits() -> None:
    said = m.made(
        products=(m.product("near"), m.product("far")),
        prices=(m.price("near", 50), m.price("far", 90)),
        networks=(m.network("slow"), m.network("fast"), m.network("bus")),
        routes=(m.route("R1", "slow"), m.route("R2", "fast"), m.route("R3", "bus")),
        areas=(m.area("A"), m.area("B")),
        stops=(m.stop("SA", "A"), m.stop("SB", "B")),
        leg_rules=(
            m.rule("near", 2, network="slow"),
            m.rule("far", 3, network="fast"),
            m.rule("near", 4, network="bus", to_area="A"),
            m.rule("far", 5, network="bus", to_area="B"),
        ),
        has_rule_priority=True,
    )
    assert m.lines(said) == [
        "fare_leg_rules.txt:4: to_area_id: " + NO_CHECK_OUT + "of up to 2 fares by exit the "
        "dearest is charged unless the exit is chosen by hand",
    ]


def test_the_time_of_arrival() -> None:
    said = m.made(
        networks=(m.network("bus"), m.network("rail", True, missed_product_id="ride")),
        routes=(m.route("R1", "bus"), m.route("R2", "rail")),
        timeframes=(m.timeframe("late"),),
        services=(m.service(),),
        leg_rules=(
            m.rule("ride", network="bus"),
            m.rule("ride", 3, network="rail", by="late"),
        ),
    )
    assert m.lines(said) == []
    said = m.made(**vars(said) | {"routes": (*said.routes, m.route("R3"))})
    rules = (said.leg_rules[0], m.rule("ride", 3, network="bus", by="late"), m.rule("ride", 4))
    assert m.lines(m.made(**vars(said) | {"leg_rules": rules})) == [
        "fare_leg_rules.txt:3: to_timeframe_group_id: the time of arrival is not known in network "
        "'bus', which has no check-out: that of boarding is taken"
    ]


TWO_NETWORKS = m.made(
    networks=(m.network("bus"), m.network("rail", True, missed_product_id="ride")),
    routes=(m.route("R1", "bus"), m.route("R2", "rail")),
    leg_rules=(
        m.rule("ride", network="bus", group="bus"),
        m.rule("ride", network="rail", group="rail"),
    ),
)


@pytest.mark.parametrize(
    ("begin", "end", "kind", "warned"),
    [
        ("bus", "bus", 1, False),
        ("bus", "bus", 0, True),
        ("bus", "bus", 2, True),
        ("bus", "rail", 0, False),  # the new leg's arrival, on the rail
        ("bus", "rail", 2, True),  # the first leg's, on the bus
        ("bus", "rail", 3, True),
        ("rail", "bus", 0, True),
        ("rail", "bus", 2, False),
        ("rail", "rail", 3, False),
        (None, "rail", 2, True),  # any group that no rule names: the bus
    ],
)
def test_durations_that_end_with_an_arrival(begin, end, kind, warned) -> None:
    transfer = m.transfer(begin, end, duration_limit_s=600, duration_limit_type=kind)
    others = () if begin else (m.transfer("rail", "rail"),)
    found = m.lines(m.made(**vars(TWO_NETWORKS) | {"transfer_rules": (transfer, *others)}))
    text = (
        f"fare_transfer_rules.txt:2: duration_limit_type: {kind} needs an arrival that nobody "
        "sees in network 'bus': the departure of that leg is taken"
    )
    assert found == ([text] if warned else [])


def test_join_rules_where_nobody_sees_the_exit() -> None:
    def said(network: str, begin: str | None, end: str | None) -> list[str]:
        join = JoinRule(network, begin, end, "fare_leg_join_rules.txt:2")
        stops = (m.stop("P", station="ST"), m.stop("ST"), m.stop("S2"), m.stop("Q", station="ST"))
        return m.lines(m.made(**vars(TWO_NETWORKS) | {"join_rules": (join,), "stops": stops}))

    where = "fare_leg_join_rules.txt:2: from_stop_id: the exit is not known in network 'bus'"
    assert said("bus", None, None) == [
        f"{where}: every next leg in it is joined to the last one, within 7200 s"
    ]
    joined = [f"{where}: every next leg from there is taken to go on from the last one"]
    assert said("bus", "S2", "S2") == said("bus", "P", "ST") == said("bus", "ST", "P") == joined
    assert said("bus", "P", "S2") == said("bus", "P", "Q")
    assert said("bus", "P", "S2") == [
        f"{where} and counts as the stop where the next leg begins: the rule holds only for an "
        "exit that was chosen by hand"
    ]
    assert said("rail", None, None) == []


def test_a_join_without_a_limit() -> None:
    join = JoinRule("bus", None, None, "fare_leg_join_rules.txt:2")
    networks = (m.network("bus", ride_s_max=0), TWO_NETWORKS.networks[1])
    (found,) = m.lines(
        m.made(**vars(TWO_NETWORKS) | {"join_rules": (join,), "networks": networks})
    )
    assert found.endswith("joined to the last one, at any time")


def missed(*prices: object, missed_product: str | None = "most") -> Feed:
    return m.made(
        products=(m.product("ride"), m.product("most")),
        prices=prices,
        networks=(m.network("rail", True, missed_product_id=missed_product),),
        routes=(m.route("R1", "rail"),),
    )


def test_a_maximum_fare_that_is_one() -> None:
    assert m.lines(missed(m.price("ride", 60), m.price("most", 60))) == []


def test_a_maximum_fare_below_a_fare_is_an_error() -> None:
    said = missed(
        m.price("ride", 60), m.price("ride", 40, "child"), m.price("most", 59), m.price("most", 50)
    )
    assert m.lines(said) == [
        "networks.txt:2: missed_product_id: product 'most' costs rider category 'adult' 50 minor "
        "units, less than product 'ride' with 60: a missed check-out would be cheaper than a ride"
    ]
    assert compile_feed(said)[0] is None


def test_a_maximum_fare_between_two_fares_is_an_error() -> None:
    base = vars(missed(m.price("ride", 60), m.price("most", 90)))
    for first, second in (("ride", "far"), ("far", "ride")):
        said = m.made(
            **base
            | {
                "products": (*base["products"], m.product("far")),
                "prices": (*base["prices"], m.price("far", 91)),
                "leg_rules": (m.rule(first, 2), m.rule(second, 3)),
            }
        )
        found = m.lines(said, "error")
        assert len(found) == 2  # adult and child
        assert all("90 minor units, less than product 'far' with 91" in line for line in found)


def test_a_maximum_fare_that_a_rider_does_not_have_is_an_error() -> None:
    said = missed(m.price("ride", 60), m.price("most", 90, "adult"))
    assert m.lines(said) == [
        "networks.txt:2: missed_product_id: product 'most' has no price for rider category "
        "'child', who can ride in network 'rail'"
    ]


def test_check_out_without_a_maximum_fare_is_an_error() -> None:
    said = missed(m.price("ride", 60), m.price("most", 90), missed_product=None)
    assert m.lines(said, "error") == [
        "networks.txt:2: missed_product_id: network 'rail' has check-out, so it needs a product "
        "for a missed one"
    ]


def test_prices_for_others_are_no_part_of_it() -> None:
    """A dear ride in another network, and prices of other media."""
    media = (m.SIMPLE.media[0], Media("cash", "", 0, False, None, "fare_media.txt:3"))
    networks = (m.network("rail", True, missed_product_id="most"), m.network("bus"))
    said = m.made(
        media=media,
        products=(m.product("ride"), m.product("most"), m.product("dear")),
        prices=(
            m.price("ride", 60),
            m.price("ride", 500, media="cash"),
            m.price("most", 60),
            m.price("dear", 900),
        ),
        networks=networks,
        routes=(m.route("R1", "rail"), m.route("R2", "bus")),
        leg_rules=(m.rule("ride", network="rail"), m.rule("dear", network="bus")),
    )
    assert m.lines(said, "error") == []


def test_a_leg_of_several_groups() -> None:
    said = m.made(leg_rules=(m.rule("ride", 2), m.rule("ride", 3, group="h")))
    assert m.lines(said) == [
        "fare_leg_rules.txt:2: leg_group_id: a leg can be of groups g, h: the one that makes the "
        "journey cheapest so far is taken, and a later leg does not change it"
    ]


def test_groups_of_passes_and_of_other_priorities_are_no_matter() -> None:
    said = m.made(
        products=(m.product("ride"), m.product("day", "days", length=1)),
        prices=(m.price("ride", 60), m.price("day", 200)),
        timeframes=(m.timeframe("peak"),),
        services=(m.service(),),
        has_rule_priority=True,
        leg_rules=(
            m.rule("ride"),
            m.rule("day", group="h"),
            m.rule("ride", group="i", priority=1, after="peak"),
        ),
    )
    assert m.lines(said) == []


def test_riders_without_a_price() -> None:
    said = m.made(prices=(m.price("ride", 60, "adult"),))
    assert m.lines(said) == [
        "rider_categories.txt:3: rider category 'child' has no card price for any leg: such cards "
        "ride with a pass only"
    ]


def test_riders_with_a_price_for_some_legs() -> None:
    said = m.made(
        products=(m.product("ride"), m.product("night")),
        prices=(m.price("ride", 60), m.price("night", 90, "adult")),
        networks=(m.network("owl"),),
        routes=(m.route("R1"), m.route("N1", "owl")),
        leg_rules=(m.rule("ride"), m.rule("night", network="owl")),
    )
    assert m.lines(said) == [
        "rider_categories.txt:3: rider category 'child' has no card price for night: such cards "
        "are refused on legs that offer nothing else"
    ]


def test_riders_without_a_price_where_another_rule_comes_first() -> None:
    said = m.made(
        products=(m.product("ride"), m.product("peak")),
        prices=(m.price("ride", 60), m.price("peak", 90, "adult")),
        timeframes=(m.timeframe("t"),),
        services=(m.service(),),
        has_rule_priority=True,
        leg_rules=(m.rule("ride"), m.rule("peak", 3, priority=1, after="t")),
    )
    assert m.lines(said) == [
        "rider_categories.txt:3: rider category 'child' has no card price for peak: such cards "
        "are refused on legs that offer nothing else"
    ]


def test_nobody_has_a_price_in_a_feed_without_categories() -> None:
    cash = Media("cash", "", 0, False, None, "fare_media.txt:3")
    media = (*m.SIMPLE.media, cash)
    said = m.made(categories=(), media=media, prices=(m.price("ride", 60, media="cash"),))
    assert m.lines(said)[0] == (
        "fare_products.txt: a rider has no card price for any leg: such cards ride with a pass "
        "only"
    )


@pytest.mark.parametrize("when", [None, "t"])
def test_a_pass_that_hides_the_single_fare(when) -> None:
    """Priority hides a fare for those, too, who don't hold the pass."""
    said = m.made(
        products=(m.product("ride"), m.product("day", "days", length=1)),
        prices=(m.price("ride", 60), m.price("day", 200)),
        timeframes=(m.timeframe("t"),),
        services=(m.service(),),
        has_rule_priority=True,
        networks=(m.network("owl"),),
        routes=(m.route("R1"), m.route("N1", "owl")),
        leg_rules=(m.rule("ride"), m.rule("day", 3, priority=1, network="owl", after=when)),
    )
    assert m.lines(said) == [
        "fare_leg_rules.txt:3: fare_product_id: where this rule counts there is no single fare: "
        "who holds no pass of day is refused"
    ]


def test_a_pass_alone_where_no_line_goes_is_no_matter() -> None:
    def said(stops: str) -> list[str]:
        return m.lines(
            m.made(
                products=(m.product("ride"), m.product("day", "days", length=1)),
                prices=(m.price("ride", 60), m.price("day", 200)),
                areas=(m.area("A"),),
                stops=(m.stop("SA", "A"), m.stop("SB")),
                routes=(m.route("R1", None, stops),),
                has_rule_priority=True,
                leg_rules=(m.rule("ride", from_area="A"), m.rule("day", 3)),
            )
        )

    assert said("SA") == []
    assert len(said("SA SB")) == len(said("")) == 1


def test_a_fare_that_no_purse_can_hold() -> None:
    def said(purse_max_minor: int | None) -> list[str]:
        settings = Settings(purse_max_minor=purse_max_minor)
        prices = (m.price("ride", 60), m.price("ride", 80, "child"))
        return m.lines(m.made(settings=settings, prices=prices))

    assert said(None) == said(60) == []
    assert said(59) == [
        "minik_settings.txt: purse_max: a purse holds 59 minor units at most, and product 'ride' "
        "costs 60: nobody could pay it"
    ]
    dear = missed(m.price("ride", 60), m.price("most", 90))
    poor = m.made(**vars(dear) | {"settings": Settings(purse_max_minor=89)})
    assert [line for line in m.lines(poor) if "purse_max" in line and "'most' costs 90" in line]


@pytest.mark.parametrize(
    ("kind", "amount_minor", "warned"),
    [(0, 90, False), (0, 91, True), (1, 30, False), (1, 31, True), (2, 90, False), (2, 91, True)],
)
def test_a_change_that_costs_more_than_the_maximum_fare(kind, amount_minor, warned) -> None:
    base = vars(missed(m.price("ride", 60), m.price("most", 90)))
    said = m.made(
        **base
        | {
            "products": (*base["products"], m.product("change")),
            "prices": (*base["prices"], m.price("change", amount_minor)),
            "transfer_rules": (m.transfer(fare_product_id="change", fare_transfer_type=kind),),
            "leg_rules": (m.rule("ride"),),
        }
    )
    text = (
        "fare_transfer_rules.txt:2: fare_product_id: in network 'rail' a leg after this transfer "
        "may come to more than product 'most', which is then charged instead"
    )
    assert m.lines(said) == [text] * warned


def test_a_price_is_the_lowest_for_the_rider_and_the_card() -> None:
    cash = Media("cash", "", 0, False, None, "fare_media.txt:3")
    tables = m.compiled(
        m.made(
            media=(*m.SIMPLE.media, cash),
            prices=(
                m.price("ride", 60),
                m.price("ride", 50, media="card"),
                m.price("ride", 40, "child"),
                m.price("ride", 10, media="cash"),
                m.price("ride", 5, "child", "cash"),
            ),
        )
    )
    assert [price_minor(tables, 1, category, 1) for category in (0, 1)] == [50, 40]
    assert [price_minor(tables, 1, category, 2) for category in (0, 1)] == [10, 5]
    assert [price_minor(tables, 1, category, 0) for category in (0, 1)] == [60, 40]


def test_more_categories_than_companions_can_be() -> None:
    categories = tuple(m.category(f"c{n}", n == 0, n + 2) for n in range(17))
    assert m.lines(m.made(categories=categories)) == [
        "rider_categories.txt:18: rider category 'c16' comes after the first 16: nobody can bring "
        "one"
    ]


def test_transfer_and_missed_products_are_named() -> None:
    said = m.made(
        **vars(missed(m.price("ride", 60), m.price("most", 90)))
        | {"transfer_rules": (m.transfer(fare_product_id="most"),), "leg_rules": (m.rule("ride"),)}
    )
    assert m.lines(said) == []


def test_passes_sold_on_board() -> None:
    def said(price: tuple, **more: object) -> list[str]:
        day = m.product("day", "days", length=1, sold_on_board=True, **more)
        rules = (m.rule("ride"), m.rule("day"))
        prices = (m.price("ride", 60), *price)
        return m.lines(m.made(products=(m.product("ride"), day), prices=prices, leg_rules=rules))

    assert said((m.price("day", 200),)) == []
    assert said((m.price("day", 200, "adult"),)) == []
    assert said(()) == [
        "fare_products.txt:2: product 'day' is to be sold on board, but has no card price: nobody "
        "can buy it"
    ]
    assert said((m.price("day", 200),), start="chosen") == [
        "fare_products.txt:2: start: product 'day' starts at once if it is bought on board, "
        "whatever start says"
    ]


def test_a_transfer_product_that_a_rider_has_no_price_for() -> None:
    said = m.made(
        products=(m.product("ride"), m.product("change")),
        prices=(m.price("ride", 60), m.price("change", 20, "adult")),
        transfer_rules=(m.transfer(fare_product_id="change"),),
    )
    assert m.lines(said) == [
        "fare_transfer_rules.txt:2: fare_product_id: product 'change' has no card price for rider "
        "category 'child': the rule does not hold for them"
    ]


def test_prices_for_media_that_are_not_the_card() -> None:
    media = (m.SIMPLE.media[0], Media("cash", "", 0, False, None, "fare_media.txt:3"))
    prices = (m.price("ride", 60), m.price("ride", 90, media="cash"))
    assert m.lines(m.made(media=media, prices=prices)) == [
        "fare_products.txt: fare_media_id: prices for cash are not charged on board: validators "
        "charge the prices of fare media 'card' only"
    ]
    media = tuple(Media(name, "", 2, False, None, "fare_media.txt:2") for name in ("card", "cash"))
    assert m.lines(m.made(media=media, prices=prices)) == [
        "fare_products.txt: fare_media_id: prices for cash are not charged on board: no fare "
        "media is marked on_card, so validators charge only prices without one"
    ]


def test_a_tariff_that_is_past() -> None:
    said = m.made(settings=Settings(valid_until=date(2026, 12, 31)))
    assert m.lines(said) == []
    assert m.lines(said, today=date(2026, 12, 31)) == []
    assert m.lines(said, today=date(2027, 1, 1)) == [
        "minik_settings.txt: valid_until: 2026-12-31 is past; devices go on selling by the tariff "
        "that they have"
    ]
    past, present = (compile_feed(said, today=date(year, 1, 1))[0] for year in (2028, 2026))
    assert past == present


def test_a_zone_without_a_rule_is_an_error() -> None:
    assert m.lines(m.made(timezone="Mars/Olympus")) == [
        "agency.txt: agency_timezone: 'Mars/Olympus' is not a zone of the tz database"
    ]
    assert (
        "changes on 2024-02-29"
        in m.lines(m.made(timezone="Asia/Almaty", settings=Settings(valid_from=date(2024, 1, 1))))[
            0
        ]
    )
