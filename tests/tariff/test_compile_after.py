"""--after: an id keeps its code for ever, whatever else comes and goes (SPEC §6.5)."""

from dataclasses import replace
from random import Random

import pytest

from host_tools.tariff.compile import compile_feed
from host_tools.tariff.describe import describe
from host_tools.tariff.diff import code_changes, diff
from host_tools.tariff.feed import Feed, Media, Settings
from host_tools.tariff.pack import pack
from host_tools.tariff.tables import Tables
from host_tools.tariff.unpack import unpack
from tests.tariff import made as m

CODED = ("categories", "media", "products", "networks", "routes", "stops", "areas", "groups")


def feed_of(random: Random, version: int) -> Feed:
    """A feed with a random half of the ids there could be, in random order."""

    def some(prefix: str) -> list[str]:
        ids = [f"{prefix}{n}" for n in range(6)]
        return random.sample(ids, random.randrange(1, 7))

    products, networks, areas = some("p"), some("n"), some("a")
    stops = some("s")
    return m.made(
        settings=Settings(version=version),
        categories=tuple(m.category(name, n == 0) for n, name in enumerate(some("c"))),
        media=tuple(Media(name, "", 2, n == 0, None, "") for n, name in enumerate(some("m"))),
        products=tuple(map(m.product, products)),
        prices=tuple(m.price(name, 10 + n) for n, name in enumerate(products)),
        networks=tuple(map(m.network, networks)),
        routes=tuple(m.route(r, random.choice(networks), " ".join(stops)) for r in some("r")),
        areas=tuple(map(m.area, areas)),
        stops=tuple(m.stop(name, random.choice(areas)) for name in stops),
        leg_rules=tuple(
            m.rule(random.choice(products), group=group, network=random.choice(networks))
            for group in some("g")
        ),
    )


def codes(tables: Tables) -> dict[str, list[str]]:
    return {name: [row.id for row in getattr(tables, name)] for name in CODED}


@pytest.mark.parametrize("seed", range(8))
def test_codes_stay_through_any_history(seed: int) -> None:
    random = Random(seed)
    tables = m.compiled(feed_of(random, 1))
    for version in range(2, 8):
        said = feed_of(random, version)
        after = m.compiled(said, tables)
        assert unpack(pack(after)) == after
        before_codes, after_codes, alone = codes(tables), codes(after), codes(m.compiled(said))
        for name in CODED:
            old, new = before_codes[name], after_codes[name]
            assert new[: len(old)] == old
            assert len(set(new)) == len(new)
            # what is new follows in the order of the feed
            assert new[len(old) :] == [one for one in alone[name] if one not in old]
        assert code_changes(diff(tables, after)) == []
        tables = after


def test_the_same_feed_after_itself_is_the_same() -> None:
    for seed in range(8):
        said = feed_of(Random(seed), 1)
        tables = m.compiled(said)
        assert pack(m.compiled(said, tables)) == pack(tables)


def test_after_another_the_fares_are_those_of_the_feed() -> None:
    """Codes aside, what stands in the tariff does not depend on what was there before."""
    for seed in range(8):
        random = Random(seed)
        tables = m.compiled(feed_of(random, 1))
        said = feed_of(random, 2)
        after, alone = (describe(m.compiled(said, old)) for old in (tables, None))
        del after["gone"], alone["gone"], after["counts"], alone["counts"]
        by_id = {"rider_categories", "fare_media", "products", "networks"}
        for part in by_id:
            after[part], alone[part] = (
                sorted(side[part], key=lambda row: str(row["id"])) for side in (after, alone)
            )
        for side in (after, alone):
            side["fares"] = sorted(map(repr, map(_sorted_fare, side["fares"])))
            side["settings"].pop("plain")
            for row in side["networks"]:
                row["routes"].sort()
        assert after == alone


def _sorted_fare(fare: dict) -> dict:
    return {
        "networks": sorted(map(str, fare["networks"])),
        "between": sorted(map(str, fare["between"])),
        "rules": fare["rules"],
    }


def gone(tables: Tables) -> dict[str, list[str]]:
    return describe(tables)["gone"]


OLD = m.made(
    products=(m.product("ride"), m.product("day", "days", length=1, sold_on_board=True)),
    prices=(m.price("day", 200), m.price("ride", 60)),
    leg_rules=(m.rule("ride"), m.rule("day")),
    networks=(m.network("bus"), m.network("rail", True, missed_product_id="ride")),
    routes=(m.route("R1", "bus"), m.route("R2", "rail", "S1 S2")),
    areas=(m.area("A"),),
)
NEW = m.made(settings=Settings(version=2), stops=(m.stop("S2"),))


def test_what_is_gone_keeps_its_row_and_nothing_else() -> None:
    tables = m.compiled(NEW, m.compiled(OLD))
    assert gone(tables) == {
        "products": ["day"],
        "networks": ["bus", "rail"],
        "routes": ["R2"],
        "stops": ["S1"],
        "areas": ["A"],
    }
    day = tables.products[1]
    assert (day.id, day.name, day.kind, day.length) == ("day", "", 2, 1)
    assert (day.flags, day.price_count) == (0, 0)  # nobody can buy it
    assert tables.networks[1] == ("rail", "", 0, 0, 0, 0)
    assert tables.routes[1] == ("R2", "", 0, 0, 0)
    assert tables.stops[0] == ("S1", "", 0, 0, 1)
    assert all(rule.product == 1 for rule in tables.rules)


def test_networks_that_are_gone_need_no_look_ups() -> None:
    rules = (m.rule("ride", to_area="A"), m.rule("ride"))
    areas = {"areas": (m.area("A"),), "leg_rules": rules}
    old = m.compiled(m.made(networks=(m.network("n1"), m.network("n2")), **areas))
    assert len(old.leg_rows) == 3  # with exits each network has its own
    said = m.made(networks=(m.network("n1"),), settings=Settings(version=2), **areas)
    assert len(m.compiled(said, old).leg_rows) == 2


def test_what_is_gone_can_come_back_with_its_code() -> None:
    middle = m.compiled(NEW, m.compiled(OLD))
    again = m.compiled(replace(OLD, settings=Settings(version=3)), middle)
    assert codes(again) == codes(m.compiled(OLD))
    assert gone(again) == {}


def test_passengers_who_lose_something_are_warned_of() -> None:
    said = m.made(**vars(NEW) | {"categories": (m.category("adult", True),)})
    assert m.lines(said, after=m.compiled(OLD)) == [
        "fare_products.txt: product 'day' is gone: cards that hold it are charged as if they "
        "didn't",
        "rider_categories.txt: rider category 'child' is gone: cards of it are charged only "
        "prices that are for every category",
    ]
    # once, not with every later tariff
    middle = m.compiled(said, m.compiled(OLD))
    assert m.lines(m.made(**vars(said) | {"settings": Settings(version=3)}), after=middle) == []


def test_a_lower_version_is_an_error_and_the_same_a_warning() -> None:
    old = m.compiled(m.made(settings=Settings(version=5)))
    lower, same = (m.made(settings=Settings(version=version)) for version in (4, 5))
    assert m.lines(lower, "error", after=old) == [
        "minik_settings.txt: version: 4 is below 5 of the older tariff: devices would refuse it"
    ]
    assert m.lines(same, after=old) == [
        "minik_settings.txt: version: 5 is that of the older tariff too: nobody could tell the "
        "two apart"
    ]


def test_purses_cannot_change_their_currency() -> None:
    said = m.made(**vars(NEW) | {"currency": "KZT"})
    assert m.lines(said, "error", after=m.compiled(OLD)) == [
        "fare_products.txt: currency: KZT, but what cards hold is AZN"
    ]


def test_a_product_that_cards_hold_cannot_change_its_kind() -> None:
    def said(kind: str) -> list[str]:
        products = (m.product("ride"), m.product("day", kind, length=1))
        feed = m.made(**vars(OLD) | {"products": products, "settings": Settings(version=2)})
        return m.lines(feed, "error", after=m.compiled(OLD))

    assert said("days") == []
    assert said("minutes") == [
        "fare_products.txt:2: kind: product 'day' was of kind days and cards hold it; give the "
        "new one an id of its own"
    ]


def test_a_single_product_may_become_a_pass() -> None:
    old = m.compiled(
        m.made(
            products=(m.product("ride"), m.product("x")),
            leg_rules=(m.rule("ride"), m.rule("x")),
            prices=(m.price("ride", 1), m.price("x", 2)),
        )
    )
    new = m.made(
        settings=Settings(version=2),
        products=(m.product("ride"), m.product("x", "days", length=1)),
        prices=(m.price("ride", 1), m.price("x", 2)),
        leg_rules=(m.rule("ride"), m.rule("x")),
    )
    assert compile_feed(new, old)[0] is not None
