"""Feeds on the real firmware: caps, passes, groups and tickets on the keys, new tariffs."""

import json

import pytest

from host_tools.cli import run as minik
from host_tools.keys.store import KeyStore
from host_tools.tariff.load import load_tariff
from host_tools.tariff.sign import sign
from tests.tariff.feeds import added, changed, city_feed, write_feed

pytestmark = pytest.mark.vm

START = "2026-11-20T12:00:00+05:00"
HEAD = f"""\
scenario: 1
seed: 3
start: {START}
tariff: feed
devices:
  V1: {{role: validator, vehicle: "101", route: R5, stop: S1}}
media:
  plain: {{type: classic1k, balance: 100000}}
  child: {{type: classic1k, rider_category: reduced, balance: 20000, concession_until: 2026-11-20}}
  holder: {{type: classic1k, balance: 1000, products: [{{product: month, start: 2026-11-01}}]}}
  ten: {{type: classic1k, balance: 1000, products: [{{product: ten}}]}}
steps:
"""


@pytest.fixture
def run(tmp_path, capsys):
    """Runs steps beside a city's feed; what did not hold, and the ledger's figures."""
    write_feed(city_feed(), tmp_path / "feed")

    def play(steps: str, *options: str, start: str = START) -> tuple[list[str], dict]:
        path = tmp_path / "day.yaml"
        path.write_text(HEAD.replace(START, start) + steps, encoding="utf-8")
        code = minik(["bench", "run", str(path), "--json", *options])
        printed = capsys.readouterr()
        failed = printed.err.splitlines()
        assert code == (1 if failed else 0), printed.err
        return failed, json.loads(printed.out)["ledger"]

    return play


def test_caps_passes_rides_and_groups_are_decided_and_booked(run, tmp_path, capsys):
    db = f"sqlite:///{tmp_path}/day.db"
    failed, ledger = run("""\
  - {tap: holder, on: V1, expect: {outcome: accepted, charged: 0, product: month, balance: 1000}}
  - {tap: ten, on: V1, expect: {outcome: accepted, charged: 0, product: ten, display: Rides left}}
  - tap: plain
    on: V1
    riders: [adult, reduced, reduced]
    expect: {outcome: accepted, charged: 30000, riders: 4, product: ride, balance: 70000}
  - {advance: 1m}
  - {tap: plain, on: V1, riders: 2, expect: {charged: 20000, riders: 2, balance: 50000}}
  - {advance: 1m}
  - {tap: plain, on: V1, expect: {charged: 10000, riders: 1}}
  - {tap: child, on: V1, expect: {charged: 5000, sound: two_beeps}}
  - {advance: 3m}
  - {tap: plain, on: V1, expect: {charged: 12000, product: peak_ride}}
  - {advance: 1m}
  - {tap: plain, on: V1, expect: {charged: 12000}}
  - {advance: 1m}
  - {tap: plain, on: V1, expect: {charged: 6000, display: Cap reached}}
  - {advance: 1m}
  - {tap: plain, on: V1, expect: {charged: 0, display: Cap reached}}
  - {sync: V1}
  - {expect_ledger: {taps: 10, revenue: 95000, balanced: true}}
""", "--db", db, start="2026-11-20T16:26:00+05:00")
    assert failed == []
    assert ledger["sales"] == 900000 + 80000
    minik(["report", "riders", "--db", db, "--json"])
    assert json.loads(capsys.readouterr().out)["rows"] == [
        {"category": "adult", "boardings": 9, "riders": 11, "companions": 2},
        {"category": "reduced", "boardings": 1, "riders": 3, "companions": 2},
    ]


def test_a_night_belongs_to_the_day_before_until_the_service_day_begins(run, tmp_path, capsys):
    db = f"sqlite:///{tmp_path}/day.db"
    failed, _ = run("""\
  - {tap: plain, on: V1, expect: {charged: 10000}}
  - {advance: 2m}
  - {tap: plain, on: V1, expect: {charged: 10000}}
  - {tap: child, on: V1, expect: {charged: 10000, sound: beep}}  # its concession has ended
  - {sync: V1}
""", "--db", db, start="2026-11-22T02:59:00+05:00")
    assert failed == []
    minik(["report", "revenue", "--by", "day", "--db", db, "--json"])
    days = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["day"], row["revenue"]) for row in days] == [
        ("2026-11-21", 10000), ("2026-11-22", 20000),
    ]


def test_a_ticket_is_chosen_with_its_key_for_five_seconds(run):
    failed, _ = run("""\
  - {tap: plain, on: V1, product: weekend, expect: {charged: 70000, product: weekend}}
  - {advance: 5m}
  - {tap: plain, on: V1, expect: {charged: 0, product: weekend}}
  - {press: V1, keys: [riders, ticket], expect: {display: 2 riders}}
  - {advance: 6s}
  - {tap: child, on: V1, product: airport, expect: {charged: 5000, product: ride, riders: 1}}
""")
    assert failed == []


def test_the_driver_takes_line_and_zone_from_the_menu(run):
    failed, _ = run("""\
  - {press: V1, keys: [driver, riders, ticket, reduced, ticket]}
  - {tap: plain, on: V1, expect: {outcome: accepted, charged: 0, display: Checked in}}
  - {advance: 5m}
  - {set: V1, zone: inner}
  - {tap: plain, on: V1, expect: {outcome: accepted, charged: 50000, product: airport}}
  - {sync: V1}
""")
    assert failed == []


def test_a_newer_tariff_is_taken_and_a_worse_one_refused(run, tmp_path):
    newer = changed(city_feed(), "minik_settings.txt", "version,3", "version,4")
    newer = changed(newer, "fare_products.txt", "ride,One ride,adult,card,100.00",
                    "ride,One ride,adult,card,110.00")
    newer = added(newer, "stops.txt", "S4,Harbour,47.10,51.90,,")
    newer = added(newer, "stop_areas.txt", "inner,S4")
    newer = changed(newer, "routes.txt", "R5,A,5,Market to Station,3\n", "")
    newer = added(newer, "routes.txt", "R5,A,5,Market to Station,3")
    write_feed(newer, tmp_path / "newer.zip")
    payload = load_tariff(tmp_path / "newer.zip", load_tariff(tmp_path / "feed").tables).payload
    (tmp_path / "foreign.bin").write_bytes(sign(payload, KeyStore.deterministic("another")))
    good = sign(payload, KeyStore.deterministic(3))
    (tmp_path / "flipped.bin").write_bytes(good[:900] + bytes([good[900] ^ 1]) + good[901:])
    (tmp_path / "cut.bin").write_bytes(good[:-700])
    failed, _ = run("""\
  - {install: V1, tariff: foreign.bin, expect: {tariff: 3, fault: tariff foreign, light: green}}
  - {install: V1, tariff: flipped.bin, expect: {tariff: 3, fault: tariff damaged}}
  - {install: V1, tariff: cut.bin, expect: {tariff: 3, fault: tariff truncated}}
  - {tap: plain, on: V1, expect: {charged: 10000}}
  - {install: V1, tariff: newer.zip, expect: {tariff: 4, fault: null}}
  - {set: V1, stop: S4}
  - {advance: 31m}
  - {tap: plain, on: V1, expect: {charged: 11000}}
  - {install: V1, tariff: feed, expect: {tariff: 4, fault: tariff older}}
  - {boot: V1, expect: {tariff: 4, fault: null}}
  - {sync: V1}
  - {expect_ledger: {taps: 2, revenue: 21000, balanced: true}}
""")
    assert failed == []


def test_a_broken_feed_leaves_2_with_one_line_and_nothing_runs(tmp_path, capsys):
    broken = changed(city_feed(), "fare_products.txt", "card,400.00", "card,four")
    write_feed(broken, tmp_path / "feed")
    path = tmp_path / "day.yaml"
    path.write_text(HEAD + "  - {sync: V1}\n", encoding="utf-8")
    assert minik(["bench", "run", str(path)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert f"{path}: tariff: {tmp_path}/feed: fare_products.txt:" in printed.err


def test_a_group_that_broke_off_is_chosen_anew_and_not_twice(run):
    failed, ledger = run("""\
  - {tap: plain, on: V1, riders: 3, remove_after_frames: 25, expect: {outcome: retap}}
  - {tap: plain, on: V1, riders: 3, expect: {outcome: accepted, riders: 3}}
""")
    assert (failed, ledger["balanced"]) == ([], True)


def test_the_ready_screen_follows_a_place_set_over_the_cable(run):
    failed, _ = run("""\
  - {set: V1, stop: S2}
  - {advance: 3s}
  - {set: V1, stop: S2, expect: {display: Bridge}}
  - {set: V1, stop: S1}
  - {advance: 3s}
  - {set: V1, stop: S1, expect: {display: Market}}
""")
    assert failed == []
