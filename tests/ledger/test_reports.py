"""Who rode and what was paid: groups by category, check-outs, passes, rides told of only later."""

import pytest

from host_tools.ledger import open_ledger
from host_tools.ledger.reconcile import reconcile
from host_tools.reports import rides
from protocol.journal import records
from protocol.outcomes import ACCEPTED
from tests.ledger.world import START, Card, Keys, Validator, issue_all, sync
from tests.tariff.rows import SMALL

STUDENT = 1
ONE, DAY = 1, 2


def companions(*pairs: tuple[int, int]) -> int:
    """As a record packs (category, count), SPEC §2.3.1."""
    packed = 0
    for at, (category, count) in enumerate(pairs):
        packed |= (category << 4 | count) << 8 * at
    return packed


@pytest.fixture
def world():
    ledger = open_ledger("sqlite://", keys=Keys(), clock=lambda: START, tariff=SMALL)
    cards = [Card(bytes((4, index, 0, 1)), 1_000_000) for index in range(3)]
    issue_all(ledger, cards)
    validator = Validator("V1")
    validator.place(route=1)
    return ledger, cards, validator


def by_key(report) -> dict:
    return {row[report.by]: {k: v for k, v in row.items() if k != report.by}
            for row in report.rows}


def test_each_rider_counts_in_his_own_category_and_the_money_where_it_was_paid(world):
    ledger, (one, other, _), validator = world
    group = companions((STUDENT, 2), (0, 1))
    validator.tap(one, 18000, riders=4, companions=group)
    validator.tap(other, 3000, rider_category=STUDENT)
    sync(ledger, validator)
    assert by_key(rides.riders(ledger, "category")) == {
        "adult": {"boardings": 1, "riders": 2, "companions": 1},
        "s": {"boardings": 1, "riders": 3, "companions": 2},
    }
    assert by_key(rides.revenue(ledger, "category")) == {
        "adult": {"taps": 1, "riders": 2, "transfers": 0, "revenue": 18000},
        "s": {"taps": 1, "riders": 3, "transfers": 0, "revenue": 3000},
    }
    assert by_key(rides.riders(ledger, "line")) == {
        "R5": {"boardings": 2, "riders": 5, "companions": 3},
    }


def test_a_category_that_only_came_along_has_a_line_too(world):
    ledger, (one, *_), validator = world
    validator.tap(one, 9000, riders=3, companions=companions((STUDENT, 2)))
    sync(ledger, validator)
    assert by_key(rides.revenue(ledger, "category"))["s"] == {
        "taps": 0, "riders": 2, "transfers": 0, "revenue": 0,
    }


def test_a_check_out_is_a_tap_and_no_boarding(world):
    ledger, (one, *_), validator = world
    validator.tap(one, 0, product=0)
    validator.tap(one, 4000, flags=records.FLAG_CHECKOUT | records.FLAG_TRANSFER)
    validator.tap(one, 9000, flags=records.FLAG_MISSED)
    sync(ledger, validator)
    assert ledger.totals() == (3, 13000)
    assert rides.revenue(ledger, "line").total == {
        "taps": 3, "riders": 2, "transfers": 1, "revenue": 13000,
    }
    assert rides.riders(ledger, "line").total == {"boardings": 2, "riders": 2, "companions": 0}
    assert rides.taps(ledger, "line").total["accepted"] == 3


def test_a_ride_on_a_pass_has_its_product_and_no_money(world):
    ledger, (one, *_), validator = world
    validator.tap(one, 40000, product=DAY)
    validator.tap(one, 0, product=DAY)
    validator.tap(one, 5000, product=ONE)
    sync(ledger, validator)
    assert by_key(rides.revenue(ledger, "product")) == {
        "day": {"taps": 2, "riders": 2, "transfers": 0, "revenue": 40000},
        "one": {"taps": 1, "riders": 1, "transfers": 0, "revenue": 5000},
    }
    assert reconcile(ledger).balanced


@pytest.mark.parametrize("intent_first", [True, False])
def test_a_recovered_ride_has_product_and_riders_of_its_intent_once_it_is_there(
    world, intent_first
):
    ledger, (one, *_), seller = world
    seq, tag, k = seller.intent(
        one, 8000, product=ONE, riders=3, companions=companions((STUDENT, 2))
    )
    seller.commit(one, 8000, tag, k)  # and the supply fails before the OUTCOME
    finder = Validator("V2", b"\x00\x00\x00\x02")
    finder.tap(one, 8000)
    assert one.announced
    first, second = (seller, finder) if intent_first else (finder, seller)
    sync(ledger, first)
    if not intent_first:
        assert by_key(rides.revenue(ledger, "product")) == {
            "no product": {"taps": 1, "riders": 1, "transfers": 0, "revenue": 8000},
        }
    sync(ledger, second)
    assert by_key(rides.revenue(ledger, "product")) == {
        "one": {"taps": 1, "riders": 3, "transfers": 0, "revenue": 8000},
    }
    assert by_key(rides.riders(ledger, "category"))["s"]["riders"] == 2
    assert reconcile(ledger).balanced
    assert seq == 1


def test_a_recovered_ride_alone_counts_all_its_riders_with_the_card(world):
    ledger, (one, *_), validator = world
    seller = Validator("V9")
    _, tag, k = seller.intent(one, 8000)
    seller.commit(one, 8000, tag, k)
    validator.outcome(
        one, ACCEPTED, 8000, flags=records.FLAG_RECOVERED, riders=3, rider_category=STUDENT
    )
    sync(ledger, validator)
    assert by_key(rides.riders(ledger, "category")) == {
        "s": {"boardings": 1, "riders": 3, "companions": 2},
    }


def test_riders_nobody_names_count_with_the_card():
    assert list(rides.party(1, 4, 0)) == [(1, 1, False), (1, 3, True)]
    assert list(rides.party(1, 4, companions((0, 2), (3, 1)))) == [
        (0, 2, True), (3, 1, True), (1, 1, False),
    ]
    assert list(rides.party(0, 1, 0)) == [(0, 1, False)]
