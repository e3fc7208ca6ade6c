"""What a ledger keeps of tariffs: names, currency, service days; and ledgers from before that."""

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from host_tools.errors import BadInput
from host_tools.ledger import open_ledger
from host_tools.ledger.tariff_kept import Calendar, rule_hex
from host_tools.reports import rides
from host_tools.tariff.tables import AreaRow, CategoryRow, RouteRow, ZoneRule
from protocol.compat import EPOCH_UNIX_S
from tests.ledger.world import START, Card, Keys, Validator, issue_all, new_ledger, sync
from tests.tariff.rows import SMALL

WARSAW = ZoneRule(3600, 7200, (3, 5, 0, 7200), (10, 5, 0, 10800))


def minik_time(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) - EPOCH_UNIX_S


def refused(ledger, tariff) -> str:
    before = {kind: ledger.names(kind) for kind in ("category", "product", "route", "stop")}
    with pytest.raises(BadInput) as caught:
        ledger.take_tariff(tariff)
    assert {kind: ledger.names(kind) for kind in before} == before
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_new_ledger_has_currency_and_names_of_its_tariff():
    ledger = open_ledger("sqlite://", tariff=SMALL)
    assert (ledger.currency, ledger.exponent) == ("AZN", 2)
    assert ledger.names("category") == {0: "adult", 1: "s"}
    assert ledger.names("product") == {1: "one", 2: "day", 3: "less"}
    assert ledger.names("route") == {1: "R5", 2: "R6"}
    assert ledger.names("stop") == {1: "S1", 2: "S2"}
    assert ledger.names("zone") == {1: "A"}


def test_a_newer_tariff_adds_names_and_an_older_one_takes_none_away():
    ledger = open_ledger("sqlite://", tariff=SMALL)
    more = replace(
        SMALL, version=8, categories=(*SMALL.categories, CategoryRow("senior", "Senior", 1)),
        areas=(*SMALL.areas, AreaRow("B", "Outside", 1, 1)),
    )
    ledger.take_tariff(more)
    ledger.take_tariff(SMALL)
    assert ledger.names("category") == {0: "adult", 1: "s", 2: "senior"}
    assert ledger.names("zone") == {1: "A", 2: "B"}


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"categories": (CategoryRow("adult", "", 0), CategoryRow("x", "", 0))},
         "category 1 of this ledger is s, of the tariff x; compile the tariff with --after"),
        ({"products": SMALL.products[1:]}, "product 1 of this ledger is one, of the tariff day"),
        ({"routes": (RouteRow("R7", "7", 1, 0, 2),)}, "route 1 of this ledger is R5"),
        ({"stops": SMALL.stops[::-1]}, "stop 1 of this ledger is S1, of the tariff S2"),
        ({"areas": (AreaRow("Z", "", 1, 1),)}, "zone 1 of this ledger is A, of the tariff Z"),
        ({"currency": "KZT"}, "counts AZN with 2 decimals, the tariff KZT with 2; it needs a"),
        ({"exponent": 3}, "counts AZN with 2 decimals, the tariff AZN with 3"),
    ],
)
def test_a_tariff_that_gives_a_code_another_meaning_is_refused(changes, says):
    ledger = open_ledger("sqlite://", tariff=SMALL)
    grown = {"categories": (*SMALL.categories, CategoryRow("new", "New", 0)), **changes}
    assert says in refused(ledger, replace(SMALL, version=8, **grown))


def test_a_line_the_registry_named_by_hand_is_not_taken_for_another():
    ledger = open_ledger("sqlite://", tariff=replace(SMALL, routes=(), stops=()))
    ledger.register("route", 1, "R9")
    assert "route 1 of this ledger is R9, of the tariff R5" in refused(ledger, SMALL)


def test_a_tariff_that_does_not_fit_does_not_open_the_ledger(tmp_path):
    url = f"sqlite:///{tmp_path}/a.db"
    open_ledger(url).close()
    with pytest.raises(BadInput, match="counts KZT with 2 decimals, the tariff AZN"):
        open_ledger(url, tariff=SMALL)
    assert open_ledger(url, create=False).currency == "KZT"


@pytest.mark.parametrize(
    ("utc", "day"),
    [
        ("2026-03-28T22:59:59", "2026-03-28"),  # 23:59:59 in winter time
        ("2026-03-28T23:00:00", "2026-03-29"),
        ("2026-03-29T21:59:59", "2026-03-29"),  # 23:59:59 in summer time
        ("2026-03-29T22:00:00", "2026-03-30"),
        ("2026-10-25T22:59:59", "2026-10-25"),
        ("2026-10-25T23:00:00", "2026-10-26"),
    ],
)
def test_days_begin_at_midnight_of_the_zone_in_summer_and_winter(utc, day):
    calendar = Calendar(bytes.fromhex(rule_hex(WARSAW)), 0)
    assert rides.day_text(calendar.service_day(minik_time(utc))) == day


def riding_ledger(tariff) -> tuple:
    ledger = open_ledger("sqlite://", keys=Keys(), clock=lambda: START, tariff=tariff)
    card = Card(b"\x04\x01\x02\x03", 1_000_000)
    issue_all(ledger, [card])
    return ledger, card, Validator("V1")


def test_a_ride_before_the_service_day_begins_belongs_to_the_day_before():
    ledger, card, validator = riding_ledger(SMALL)  # its day begins at 04:00
    for utc in ("2026-07-01T01:59:59", "2026-07-01T02:00:00", "2026-12-01T02:59:59"):
        validator.now = minik_time(utc)
        validator.tap(card, 5000)
        validator.refuse(card)
    sync(ledger, validator)
    days = ["2026-06-30", "2026-07-01", "2026-11-30"]
    assert [row["day"] for row in rides.revenue(ledger, "day").rows] == days
    assert [row["refused"] for row in rides.taps(ledger, "day").rows] == [1, 1, 1]


def test_a_newer_tariff_rules_the_days_from_there_on_and_the_past_stays():
    ledger, card, validator = riding_ledger(SMALL)
    validator.now = minik_time("2026-07-01T01:00:00")
    validator.tap(card, 5000)
    sync(ledger, validator)
    ledger.take_tariff(replace(SMALL, version=8, service_day_start_s=0))
    ledger.take_tariff(SMALL)  # the older one again: no change
    validator.now += 600
    validator.tap(card, 5000)
    sync(ledger, validator)
    days = [row["day"] for row in rides.revenue(ledger, "day").rows]
    assert days == ["2026-06-30", "2026-07-01"]


# -- ledgers of schema version 1 ---------------------------------------------------------------


def as_it_was(path) -> None:
    """Turn a ledger of today into one of schema version 1."""
    connection = sqlite3.connect(path)
    for table, column in (
        ("intents", "companions"), ("card_transactions", "companions"), ("intents", "day"),
        ("taps", "day"), ("card_transactions", "day"),
    ):
        connection.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    connection.execute(
        "DELETE FROM ledger_meta WHERE name NOT IN ('schema_version', 'currency', 'exponent')"
    )
    connection.execute("UPDATE ledger_meta SET value = '1' WHERE name = 'schema_version'")
    connection.execute("INSERT INTO ledger_meta VALUES ('utc_offset_s', '18000')")
    connection.commit()
    connection.close()


def old_ledger(path) -> tuple[Card, Validator]:
    ledger = new_ledger(path)
    card = Card(b"\x04\x01\x02\x03", 1_000_000)
    issue_all(ledger, [card])
    validator = Validator("V1", now=minik_time("2026-07-01T18:59:59"))
    validator.place(5)
    validator.tap(card, 5000)
    validator.now += 1
    validator.tap(card, 7000)
    sync(ledger, validator)
    ledger.close()
    as_it_was(path)
    return card, validator


def test_a_ledger_from_before_tariffs_goes_on(tmp_path):
    card, validator = old_ledger(tmp_path / "old.db")
    ledger = new_ledger(tmp_path / "old.db")
    assert ledger.names("category") == {0: "adult", 1: "reduced"}
    days = {row["day"]: row["revenue"] for row in rides.revenue(ledger, "day").rows}
    assert days == {"2026-07-01": 5000, "2026-07-02": 7000}
    validator.tap(card, 100, riders=2, companions=0x0001)
    sync(ledger, validator)
    assert ledger.totals() == (3, 12100)
    assert rides.riders(ledger, "category").total == {"boardings": 3, "riders": 4, "companions": 1}
    ledger.close()
    assert new_ledger(tmp_path / "old.db").totals() == (3, 12100)


def test_one_that_may_only_be_read_says_what_to_do(tmp_path, monkeypatch):
    old_ledger(tmp_path / "old.db")
    content = (tmp_path / "old.db").read_bytes()
    monkeypatch.setattr("host_tools.ledger.database.os.access", lambda *_: False)
    with pytest.raises(BadInput) as caught:
        open_ledger(str(tmp_path / "old.db"), create=False)
    assert "may only be read; it has schema version 1 and must be opened once" in str(caught.value)
    assert (tmp_path / "old.db").read_bytes() == content


def test_an_upgrade_that_fails_leaves_the_old_ledger(tmp_path, monkeypatch):
    old_ledger(tmp_path / "old.db")

    def fail(_rule):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("host_tools.ledger.upgrade.rule_hex", fail)
    with pytest.raises(BadInput, match="disk is full; it has schema version 1"):
        new_ledger(tmp_path / "old.db")
    monkeypatch.undo()
    assert new_ledger(tmp_path / "old.db").totals() == (2, 12000)
