"""Every table but the leg rules': what stands in the feed, in codes and numbers."""

import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from host_tools.tariff import tables as t
from host_tools.tariff.built_in import BUILT_IN, built_in
from host_tools.tariff.compile import compile_feed
from host_tools.tariff.feed import Cap, JoinRule, Media, Settings
from host_tools.tariff.pack import is_plain, pack
from host_tools.tariff.read_feed import read_feed
from host_tools.tariff.unpack import unpack
from tests.tariff import made as m
from tests.tariff.big_city import ROUTES, STOPS, big_city
from tests.tariff.feeds import city_feed, write_feed

REPOSITORY = Path(__file__).parents[2]


def test_settings_become_the_head() -> None:
    settings = Settings(
        version=9,
        passback_s=90,
        recovery_s=100,
        same_vehicle_transfer=False,
        service_day_start_s=10_800,
        purse_max_minor=20_000,
        valid_from=date(2026, 1, 1),
        valid_until=date(2026, 12, 31),
    )
    tables = m.compiled(m.made(settings=settings))
    assert (tables.version, tables.passback_s, tables.recovery_s) == (9, 90, 100)
    assert (tables.service_day_start_s, tables.purse_max_minor) == (10_800, 20_000)
    assert not tables.same_vehicle_transfer
    assert (tables.valid_from, tables.valid_until) == (2192, 2556)  # days since 2020-01-01
    assert (tables.currency, tables.exponent, tables.agency_name) == ("AZN", 2, "Made")
    assert (tables.zone_name, tables.zone.standard_s) == ("Asia/Baku", 14_400)


def test_without_settings_nothing_is_limited() -> None:
    tables = m.compiled(m.SIMPLE)
    assert (tables.valid_from, tables.valid_until) == (0, 0xFFFF)
    assert tables.purse_max_minor == 0xFFFFFFFF
    assert tables.same_vehicle_transfer


def test_categories_media_and_the_default() -> None:
    tables = m.compiled(
        m.made(
            categories=(m.category("child"), m.category("adult", True)),
            media=(
                Media("cash", "", 0, False, None, "fare_media.txt:2"),
                Media("card", "Card", 2, True, 500, "fare_media.txt:3"),
            ),
        )
    )
    assert tables.categories == (
        t.CategoryRow("child", "Child", 1),
        t.CategoryRow("adult", "Adult", 0),
    )
    assert tables.default_category == 1
    # without a name the id is one
    assert tables.media == (
        t.MediaRow("cash", "cash", 0, 0xFFFFFFFF),
        t.MediaRow("card", "Card", 2, 500),
    )
    assert tables.card_media == 2


def test_without_a_default_it_is_the_first_category() -> None:
    categories = (m.category("child"), m.category("adult"))
    prices = (m.price("ride", 60, "child"), m.price("ride", 90, "adult"))
    tables = m.compiled(m.made(categories=categories, prices=prices))
    assert tables.default_category == 0


def test_a_feed_without_categories_has_one() -> None:
    tables = m.compiled(m.made(categories=(), media=()))
    assert [row.id for row in tables.categories] == ["default"]
    assert (tables.default_category, tables.card_media) == (0, 0)


def test_products_and_prices_product_by_product() -> None:
    kinds = ("single", "minutes", "days", "months", "weekdays", "rides")
    products = tuple(
        m.product(kind, kind, length=n, start=start, priority=n, sold_on_board=n == 2)
        for n, (kind, start) in enumerate(
            zip(kinds, ("purchase", "first_use", "chosen") * 2, strict=True)
        )
    )
    products = (*products[:4], replace(products[4], weekdays=0b1110000), products[5])
    products = (*products[:5], replace(products[5], valid_days=45, passback_s=300))
    tables = m.compiled(
        m.made(
            products=products,
            prices=(
                m.price("days", 400),
                m.price("single", 60, "adult", "card"),
                m.price("days", 200, "child"),
                m.price("single", -5, None, "card"),
            ),
            leg_rules=tuple(m.rule(kind) for kind in kinds),
        )
    )
    rows = tables.products
    assert [row.kind for row in rows] == [0, 1, 2, 3, 4, 5]
    assert [row.flags for row in rows] == [0, 2, 5, 0, 2, 4]  # start, and sold on board
    assert [row.length for row in rows] == [0, 1, 2, 3, 4, 5]
    assert (rows[4].weekdays, rows[5].valid_days, rows[5].passback_s) == (0b1110000, 45, 300)
    assert [(row.price_first, row.price_count) for row in rows[:3]] == [(0, 2), (2, 0), (2, 2)]
    assert tables.prices == (
        t.PriceRow(0, 1, 60),
        t.PriceRow(255, 1, -5),
        t.PriceRow(255, 255, 400),
        t.PriceRow(1, 255, 200),
    )


def test_networks_routes_and_stops() -> None:
    tables = m.compiled(
        m.made(
            products=(m.product("ride"), m.product("most")),
            prices=(m.price("ride", 60), m.price("most", 90)),
            networks=(
                m.network("bus", unknown_exit="cheapest", ride_s_max=0),
                m.network("rail", True, missed_product_id="most"),
            ),
            routes=(
                m.route("R1", "rail", "P1 S2"),
                m.route("R2", None, "S2 P1"),
                m.route("R3", "bus", "P1 S2"),
            ),
            stops=(m.stop("P1", station="ST"), m.stop("ST"), m.stop("S2", station="unknown")),
            leg_rules=(m.rule("ride"), m.rule("ride", network="rail")),
        )
    )
    assert tables.networks == (
        t.NetworkRow("bus", "Bus", 2, 0, 0, 0),
        t.NetworkRow("rail", "Rail", 1, 2, 7200, 2),
    )
    assert tables.routes == (
        t.RouteRow("R1", "Line R1", 2, 0, 2),
        t.RouteRow("R2", "Line R2", 0, 2, 2),
        t.RouteRow("R3", "Line R3", 1, 0, 2),  # the stops of R1
    )
    assert tables.route_stops == (1, 3, 3, 1)
    assert [row.station for row in tables.stops] == [2, 2, 3]


def test_timeframes_in_use_by_group_and_their_services() -> None:
    services = (
        m.service("unused", added=(date(2026, 5, 5),)),
        m.service(
            "work",
            0b0011111,
            added=(date(2026, 1, 2), date(2026, 1, 3), date(2019, 5, 5)),
            removed=(date(2026, 1, 1), date(2026, 1, 4), date(2027, 1, 4)),
        ),
        m.service("fair", 0, first=None, last=None, added=(date(2026, 9, 1),)),
    )
    tables = m.compiled(
        m.made(
            services=services,
            timeframes=(
                m.timeframe("off", "work", 0, 100),
                m.timeframe("peak", "work", 25_200, 34_200),
                m.timeframe("idle", "unused"),
                m.timeframe("off", "fair", 100, 86_400),
            ),
            leg_rules=(m.rule("ride", by="peak"), m.rule("ride", after="off")),
        )
    )
    assert tables.timeframes == (
        t.TimeframeRow(1, 1, 25_200, 34_200),
        t.TimeframeRow(2, 1, 0, 100),
        t.TimeframeRow(2, 2, 100, 86_400),
    )
    # only exceptions that change a day: 2 January is a Friday and runs anyway, 4 a Sunday
    assert tables.services == (
        t.ServiceRow(0b0011111, 2192, 2556, ((2192, 0), (2194, 1))),
        t.ServiceRow(0, 0, 0xFFFF, ((2435, 1),)),
    )


def test_exceptions_on_the_first_and_last_day_of_a_service() -> None:
    edges = (date(2026, 1, 1), date(2026, 12, 31))
    beyond = (date(2025, 12, 31), date(2027, 1, 1))
    services = (m.service(removed=(*edges, *beyond)), m.service("more", added=(*edges, *beyond)))
    timeframes = (m.timeframe("t"), m.timeframe("t", "more"))
    said = m.made(services=services, timeframes=timeframes, leg_rules=(m.rule("ride", by="t"),))
    tables = m.compiled(said)
    assert [row.exceptions for row in tables.services] == [
        ((2192, 0), (2556, 0)),
        ((2191, 1), (2557, 1)),
    ]


def test_both_words_on_the_exits_of_a_network_are_kept() -> None:
    network = m.network("rail", True, unknown_exit="cheapest", missed_product_id="ride")
    tables = m.compiled(m.made(networks=(network,), routes=(m.route("R1", "rail"),)))
    assert tables.networks[0].flags == 3


def test_transfers_by_keys_and_groups_with_the_keys_that_rules_name() -> None:
    rules = (
        m.transfer("bus", "rail", duration_limit_s=3600, duration_limit_type=1),
        m.transfer(None, "bus", fare_transfer_type=1, fare_product_id="ride"),
        m.transfer("bus", "bus", transfer_count=-1),
        m.transfer(None, None, transfer_count=3),
        m.transfer("bus", "bus", transfer_count=15, fare_transfer_type=2),
    )
    leg_rules = (
        m.rule("ride", group="rail"),
        m.rule("ride", group="bus"),
        m.rule("ride", group=None),
    )
    tables = m.compiled(m.made(transfer_rules=rules, leg_rules=leg_rules))
    assert tables.groups == (t.GroupRow("rail", 0, 1), t.GroupRow("bus", 2, 2))
    assert tables.transfers == (
        t.TransferRow(0, 0, 3, 0, 0, 0, 0),
        t.TransferRow(0, 2, 0, 1, 1, 0, 0),
        t.TransferRow(2, 1, 0, 0, 0, 1, 3600),
        t.TransferRow(2, 2, 255, 0, 0, 0, 0),
        t.TransferRow(2, 2, 15, 2, 0, 0, 0),
    )
    assert [rule.group for rule in tables.rules] == [1, 2, 0]


def test_caps_and_joins() -> None:
    tables = m.compiled(
        m.made(
            networks=(m.network("bus"),),
            caps=(
                Cap(None, "day", 400, "minik_caps.txt:2"),
                Cap("child", "week", 900, "minik_caps.txt:3"),
                Cap("adult", "month", 1, "minik_caps.txt:4"),
            ),
            join_rules=(
                JoinRule("bus", None, None, "fare_leg_join_rules.txt:2"),
                JoinRule("bus", "S2", "S1", "fare_leg_join_rules.txt:3"),
            ),
        )
    )
    assert tables.caps == (t.CapRow(255, 1, 400), t.CapRow(1, 2, 900), t.CapRow(0, 3, 1))
    assert tables.joins == (t.JoinRow(1, 0, 0), t.JoinRow(1, 2, 1))


def test_flat_is_plain_and_what_it_is_said_to_be() -> None:
    assert BUILT_IN == ("flat",)
    tables, findings = built_in("flat")
    assert findings == ()
    assert is_plain(tables)
    assert (tables.currency, tables.exponent, tables.version) == ("KZT", 2, 1)
    assert [(row.id, row.flags) for row in tables.categories] == [("adult", 0), ("reduced", 1)]
    assert [row.id for row in tables.products] == ["single"]
    assert [(row.category, row.amount_minor) for row in tables.prices] == [(0, 10_000), (1, 5_000)]
    assert tables.transfers == (t.TransferRow(1, 1, 1, 0, 0, 1, 1800),)
    assert not tables.same_vehicle_transfer
    assert (tables.passback_s, tables.recovery_s) == (60, 43_200)
    assert (tables.zone_name, tables.zone.standard_s) == ("Asia/Almaty", 18_000)
    assert (tables.routes, tables.stops) == ((), ())


@pytest.mark.parametrize("hash_seed", ["0", "4242"])
def test_the_same_feed_gives_the_same_bytes_in_another_process(
    hash_seed: str, tmp_path: Path
) -> None:
    here = [_payload(write_feed(feed, tmp_path / name)) for name, feed in FEEDS.items()]
    program = (
        "import sys; from pathlib import Path\n"
        "from tests.tariff.test_compile import _payload\n"
        "for name in sys.argv[1:]: sys.stdout.buffer.write(_payload(Path(name)))\n"
    )
    names = [str(tmp_path / name) for name in FEEDS]
    found = subprocess.run(
        [sys.executable, "-c", program, *names],
        env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(REPOSITORY), "TZ": "Asia/Tokyo"},
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
        timeout=120,
    )
    assert found.stdout == b"".join(here)


FEEDS = {"city": city_feed(), "big": big_city()}


def _payload(path: Path) -> bytes:
    feed, _ = read_feed(path)
    assert feed is not None
    tables, _ = compile_feed(feed)
    assert tables is not None
    return pack(tables)


def test_a_folder_and_a_zip_are_the_same_feed(tmp_path: Path) -> None:
    folder = write_feed(city_feed(), tmp_path / "city")
    archive = write_feed(city_feed(), tmp_path / "city.zip")
    assert _payload(folder) == _payload(archive)


def test_a_big_city_fits(tmp_path: Path) -> None:
    payload = _payload(write_feed(big_city(), tmp_path / "big"))
    assert len(payload) <= 64 * 1024
    tables = unpack(payload)
    assert (len(tables.routes), len(tables.stops), len(tables.products)) == (ROUTES, STOPS, 40)
    assert tables.from_class_count == 13
