"""What the display says of passes, against the engine that lets them ride."""

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from firmware.services.pass_words import contract_of, is_rides, valid_until
from host_tools.tariff.load import LoadedTariff, load_tariff
from protocol.cards.state import START_FIRST_USE, CardState
from protocol.fares.engine import Choice, Decision, Fares
from protocol.fares.tariff import Place
from protocol.outcomes import ACCEPTED
from tests.firmware.tariffs import TOWN
from tests.tariff.feeds import added, write_feed

DAY_ZERO = datetime(2020, 1, 1)
UTC_OFFSET_S = 18_000
PLACE = Place(101, 1, 1)
PASSES = ("day", "three", "month", "quarter", "weekend")


@cache
def tariff() -> LoadedTariff:
    """TOWN with more passes, for any time."""
    feed = added(
        TOWN, "fare_products.txt", "three,Three days,,card,500.00,KZT",
        "quarter,Three months,,card,2000.00,KZT", "weekend,Weekend,,card,400.00,KZT",
    )
    for name in ("three", "quarter", "weekend"):
        feed = added(feed, "fare_leg_rules.txt", f"city,city,,,{name}")
    feed = added(
        feed, "minik_products.txt", "three,days,3,,,,,0,", "quarter,months,3,,chosen,,,0,",
        "weekend,weekdays,,fri sat sun,,,,0,",
    )
    with TemporaryDirectory() as folder:
        return load_tariff(write_feed(feed, Path(folder, "feed")))


def card_with(product, start, rides=0):
    card = CardState()
    card.granted_minor = 1_000_000
    card.contracts[1].product = tariff().product_code(product)
    card.contracts[1].start = start
    card.contracts[1].rides = rides
    return card


def rides_on(card, now):
    """Does the engine let this card ride at `now` on a pass?"""
    after = CardState()
    after.copy_from(card)
    decision = Decision()
    Fares(tariff().tariff).decide(card, PLACE, now, Choice(), decision, after)
    assert decision.outcome == ACCEPTED
    return decision.charge_minor == 0


def noon_of(day):
    """Time at noon of a date, in Minik's seconds."""
    return int((day - DAY_ZERO).total_seconds()) + 43_200 - UTC_OFFSET_S


@pytest.mark.parametrize("product", PASSES)
def test_the_last_day_that_is_shown_is_the_last_day_that_is_ridden_on(product):
    compiled = tariff().tariff
    for number in range(2300, 2300 + 800, 3):
        start = number
        if product == "weekend":  # as it is sold: on one of its days
            start += max(0, 4 - (DAY_ZERO + timedelta(number)).weekday())
        first = noon_of(DAY_ZERO + timedelta(start))
        card = card_with(product, start)
        contract = contract_of(compiled, card, tariff().product_code(product), first)
        assert contract is card.contracts[1]
        assert not is_rides(compiled, contract)
        last = datetime.strptime(valid_until(compiled, contract, first), "%d.%m.%Y")
        assert rides_on(card, first)
        assert rides_on(card, noon_of(last))
        assert not rides_on(card, noon_of(last + timedelta(1)))


def test_minutes_are_shown_by_the_clock_and_longer_ones_by_the_day():
    compiled = tariff().tariff
    start = noon_of(datetime(2026, 11, 20)) + 59
    card = card_with("hour", start)
    contract = contract_of(compiled, card, tariff().product_code("hour"), start)
    assert valid_until(compiled, contract, start) == "13:00"
    assert rides_on(card, start + 3599)
    assert not rides_on(card, start + 3600)
    assert valid_until(compiled, contract, start - 86_400) == "20.11.2026"


def test_of_two_of_a_kind_the_one_that_runs_is_shown():
    compiled = tariff().tariff
    code = tariff().product_code("day")
    card = card_with("day", 2510)
    older = card.contracts[0]
    older.product = code
    now = noon_of(DAY_ZERO + timedelta(2510))
    for start, shown in ((2400, 1), (2509, 1), (2511, 1), (START_FIRST_USE, 1)):
        older.start = start
        assert contract_of(compiled, card, code, now) is card.contracts[shown]
    assert contract_of(compiled, card, tariff().product_code("ride"), now) is None
    assert contract_of(compiled, card, 0, now) is None
    assert contract_of(compiled, card, 200, now) is None


def test_rides_are_told_from_days():
    compiled = tariff().tariff
    card = card_with("ten 1", 2510, rides=4)
    now = noon_of(DAY_ZERO + timedelta(2510))
    contract = contract_of(compiled, card, tariff().product_code("ten 1"), now)
    assert is_rides(compiled, contract)
    assert contract.rides == 4
