"""A tariff as people read it: the words for every kind of rule, and one whole page."""

import io
from typing import Any

import pytest
from rich.console import Console

from host_tools.tariff import feed as f
from host_tools.tariff import tables as t
from host_tools.tariff.describe import describe, service_days, weekdays
from host_tools.tariff.load import load_tariff
from host_tools.tariff.pack import pack
from host_tools.tariff.show import View, show, validity
from host_tools.tariff.unpack import unpack
from tests.tariff import made as m
from tests.tariff.big_city import big_city
from tests.tariff.feeds import city_feed, write_feed
from tests.tariff.rows import BARE, SMALL
from tests.tariff.test_compile_after import NEW, OLD


def page(tables: t.Tables, width: int = 100) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False)
    for line in show(describe(tables)):
        console.print(line)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


CITY_PAGE = """\
City Buses, tariff version 3
  amounts in KZT, valid from 2026-01-01 until 2026-12-31
  clock of Asia/Almaty (UTC+5); the service day begins at 03:00
  pass-back 45 s on the same vehicle; a lost answer is repeated for 2 hours
  the purse has a ceiling of 20000.00 KZT; cards are fare media 'card'
  2 routes, 6 stops, 2 areas, 9 products

Riders
  Adult (adult) (default)
  Reduced (reduced) (concession)

Fares of 'bus'
from -> to  product    when     Adult  Reduced
everywhere  Peak ride  time A  120.00   120.00
            One ride   else    100.00    50.00
  everywhere, else: covered by Day ticket, Monthly pass, Ten rides, Weekend

Fares of 'rail'
from -> to      product       when              Adult  Reduced
inner -> outer  Airport ride  time B           500.00   500.00
outer -> inner  Airport ride  arriving time B  500.00   500.00
  inner -> inner, outer -> outer: covered by Day ticket, Monthly pass
  inner -> outer, else: covered by Day ticket, Monthly pass
  outer -> inner, else: covered by Day ticket, Monthly pass

Times
  time A: Mon-Fri from 2026-01-01 until 2026-12-31 and 2026-01-03 except 2026-01-01 07:00-09:30,
  16:30-19:00
  time B: daily from 2026-01-01 until 2026-12-31

Passes and rides
product               valid                               sold           Adult  Reduced
Day ticket (day)      1 day from first use                on board      400.00   400.00
Monthly pass (month)  1 calendar month from a chosen day  at the desk  9000.00  9000.00
Ten rides (ten)       10 rides within 90 days             at the desk   800.00   800.00
Weekend (weekend)     Fri, Sat, Sun                       on board      700.00   700.00

Other fare media
product   fare media    Adult  Reduced
One ride  Cash (cash)  150.00   150.00

Transfers
  From 'bus' to 'bus': costs nothing, once, within 30 minutes from boarding to boarding
  From 'bus' to 'rail': costs the second fare and 20.00, within 1 hour from leaving to leaving
  From 'rail' to 'bus': makes both together cost 500.00
  A leg on the vehicle of the last one begins a new journey.

Caps
  At most 600.00 KZT a service day for every rider
  At most 300.00 KZT a service day for a rider of 'reduced'
  At most 5000.00 KZT a month for a rider of 'reduced'

Networks
  of 'bus', 1 route: R5
    check-in only
  of 'rail', 1 route: R7
    check-in and check-out within 2 hours; a missed check-out costs 600.00
  Legs in 'rail' that meet at the same station count as one
  Legs in 'bus' that meet from 'S2' to 'S1' count as one"""


def test_a_whole_city(tmp_path) -> None:
    assert page(load_tariff(write_feed(city_feed(), tmp_path / "city")).tables) == CITY_PAGE


@pytest.mark.parametrize("tables", [SMALL, BARE])
def test_any_tables_can_be_shown(tables: t.Tables) -> None:
    assert page(tables)
    assert page(tables, width=30)


def test_a_big_city_is_shown(tmp_path) -> None:
    said = page(load_tariff(write_feed(big_city(), tmp_path / "big")).tables, 200)
    assert "60 routes, 1,500 stops, 12 areas, 40 products" in said
    # 6 of the 12 zones from which exactly one border is crossed
    assert "and 6 more" in said


def test_what_is_gone_is_listed_apart() -> None:
    said = describe(m.compiled(NEW, m.compiled(OLD)))
    assert [row["id"] for row in said["products"]] == ["ride"]
    assert said["counts"]["stops"] == 1
    assert "Gone\n  products: day\n  networks: bus, rail" in page(m.compiled(NEW, m.compiled(OLD)))


def test_a_network_without_fares_says_so() -> None:
    said = m.made(
        networks=(m.network("bus"), m.network("school")),
        routes=(m.route("R1", "bus"), m.route("X", "school")),
        leg_rules=(m.rule("ride", network="bus"),),
    )
    assert "of 'school', 1 route: X\n    check-in only\n    no fare: cards are refused" in page(
        m.compiled(said)
    )


def test_fares_by_exit_say_which_counts() -> None:
    areas = (m.area("A"), m.area("B"))
    said = m.made(
        products=(m.product("near"), m.product("far")),
        prices=(m.price("near", 50), m.price("far", 90)),
        networks=(m.network("bus", unknown_exit="cheapest"),),
        routes=(m.route("R1", "bus"),),
        areas=areas,
        stops=(m.stop("SA", "A"), m.stop("SB", "B")),
        leg_rules=(m.rule("near", to_area="A"), m.rule("far", to_area="B")),
    )
    assert "check-in only; of fares that differ by exit the cheapest counts" in page(
        m.compiled(said)
    )


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (127, "daily"),
        (0b0011111, "Mon-Fri"),
        (0b1100000, "Sat-Sun"),
        (0b0010101, "Mon, Wed, Fri"),
        (0b1000001, "Mon, Sun"),
        (0b0000001, "Mon"),
    ],
)
def test_weekdays_in_words(mask: int, words: str) -> None:
    assert weekdays(mask) == words


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (t.ServiceRow(127, 0, 0xFFFF, ()), "daily"),
        (t.ServiceRow(31, 2192, 0xFFFF, ()), "Mon-Fri from 2026-01-01"),
        (
            t.ServiceRow(31, 0, 2193, ((2192, 1), (2193, 0))),
            "Mon-Fri until 2026-01-02 and 2026-01-01 except 2026-01-02",
        ),
        (t.ServiceRow(0, 0, 0xFFFF, ((2192, 1), (2193, 1))), "2026-01-01, 2026-01-02"),
        (t.ServiceRow(0, 0, 0xFFFF, ()), "never"),
    ],
)
def test_services_in_words(row: t.ServiceRow, words: str) -> None:
    assert service_days(row) == words


@pytest.mark.parametrize(
    ("kind", "more", "words"),
    [
        ("single", {}, "one leg"),
        ("minutes", {"length": 30}, "30 minutes"),
        ("minutes", {"length": 1440}, "24 hours"),
        ("minutes", {"length": 90, "start": "first_use"}, "90 minutes from first use"),
        ("days", {"length": 1}, "1 day"),
        ("days", {"length": 30, "start": "chosen"}, "30 days from a chosen day"),
        ("months", {"length": 3, "start": "chosen"}, "3 calendar months from a chosen day"),
        ("weekdays", {"weekdays": 0b1110000}, "Fri, Sat, Sun"),
        ("rides", {"length": 1}, "1 ride"),
        ("rides", {"length": 10, "valid_days": 45}, "10 rides within 45 days"),
    ],
)
def test_validity_in_words(kind: str, more: dict[str, Any], words: str) -> None:
    said = m.made(products=(m.product("ride", kind, **more),))
    assert validity(describe(m.compiled(said))["products"][0]) == words


def transfer_words(**more: Any) -> str:
    said = m.made(
        products=(m.product("ride"), m.product("change")),
        prices=(m.price("ride", 60), m.price("change", 20), m.price("change", 10, "child")),
        transfer_rules=(m.transfer(**more),),
    )
    view = View(describe(m.compiled(said)))
    (row,) = describe(m.compiled(said))["transfers"]
    return view.transfer(row)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "costs nothing, once"),
        ({"transfer_count": -1}, "costs nothing"),
        ({"transfer_count": 4, "fare_transfer_type": 1}, "costs the second fare, up to 4 times"),
        ({"fare_transfer_type": 2}, "makes both together cost nothing, once"),
        (
            {"fare_product_id": "change"},
            "costs 'change' (Adult 20 minor, Child 10 minor) instead of the second fare, once",
        ),
        (
            {"duration_limit_s": 90, "duration_limit_type": 0},
            "costs nothing, once, within 90 seconds from boarding to leaving",
        ),
        (
            {"duration_limit_s": 3600, "duration_limit_type": 2},
            "costs nothing, once, within 1 hour from leaving to boarding",
        ),
    ],
)
def test_transfers_in_words(more: dict[str, Any], words: str) -> None:
    assert transfer_words(**more) == words.replace("20 minor", "0.20").replace("10 minor", "0.10")


def test_names_of_a_feed_are_no_control_characters() -> None:
    said = m.made(agency_name="A\x1b[31m\x07[bold]x[/bold]", stops=())
    shown = page(m.compiled(said))
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "[bold]x[/bold]" in shown  # and no markup of ours


def test_a_description_says_all_that_it_was_made_of() -> None:
    """Every field of the feed that is in the tables comes out again."""
    risk = f.Media("card", "Card", 2, True, 700, "")
    network = m.network("rail", True, missed_product_id="ride", ride_s_max=60)
    said = describe(
        m.compiled(
            m.made(
                media=(risk,),
                networks=(network,),
                routes=(m.route("R1", "rail"), m.route("R2")),
                caps=(f.Cap("child", "week", 5, ""),),
                leg_rules=(m.rule("ride", network="rail"), m.rule("ride")),
                join_rules=(f.JoinRule("rail", "S1", "S2", ""),),
            )
        )
    )
    assert said["fare_media"] == [
        {"id": "card", "name": "Card", "type": 2, "on_card": True, "risk_limit_minor": 700}
    ]
    assert said["networks"] == [
        {
            "id": "rail",
            "name": "Rail",
            "check_out": True,
            "unknown_exit": "dearest",
            "ride_s_max": 60,
            "missed_product": "ride",
            "routes": ["R1"],
        },
        {
            "id": None,
            "name": None,
            "check_out": False,
            "unknown_exit": "dearest",
            "ride_s_max": None,
            "missed_product": None,
            "routes": ["R2"],
        },
    ]
    assert said["caps"] == [{"rider_category": "child", "period": "week", "amount_minor": 5}]
    assert said["joins"] == [{"network": "rail", "from_stop": "S1", "to_stop": "S2"}]
    rule = {"leg_group": "g", "product": "ride", "order": 1, "boarding": None, "arriving": None}
    assert said["fares"] == [
        {"networks": [None], "between": [[None, None]], "rules": [rule]},
        {"networks": ["rail"], "between": [[None, None]], "rules": [rule]},
    ]


def test_shown_tables_may_come_from_bytes() -> None:
    assert page(unpack(pack(SMALL))) == page(SMALL)
