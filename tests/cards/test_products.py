"""Passes and rides at the desk: what is sold, and that words and engine mean the same days."""

from datetime import UTC, datetime

import pytest

from host_tools.cards.products import contract_view, sold_product
from host_tools.errors import BadInput
from host_tools.tariff.load import LoadedTariff, load_tariff
from protocol.cards.state import START_FIRST_USE, CardState, Contract
from protocol.compat import EPOCH_UNIX_S
from protocol.fares.products import Contracts
from tests.tariff.feeds import added, city_feed, write_feed

DAY_S = 86_400


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> LoadedTariff:
    """The test city with a product of each kind more; its service day begins at 03:00."""
    files = city_feed()
    files = added(
        files, "fare_products.txt", "hour,An hour,,card,200.00,KZT",
        "quarter,Three months,adult,card,20000.00,KZT", "free,Friends,,card,0.00,KZT",
    )
    files = added(files, "minik_products.txt", "hour,minutes,60,,purchase,,,1,",
                  "quarter,months,3,,chosen,,,0,", "free,days,30,,chosen,,,0,")
    files = added(files, "fare_leg_rules.txt", ",,,,,,hour,", ",,,,,,quarter,", ",,,,,,free,")
    return load_tariff(str(write_feed(files, tmp_path_factory.mktemp("city") / "feed")))


def at(text: str) -> int:
    """Local time of the city (UTC+5, no summer time) as Minik seconds."""
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return int(moment.timestamp()) - EPOCH_UNIX_S - 5 * 3600


def day(text: str) -> int:
    return (at(text) + 5 * 3600) // DAY_S


NOW = at("2026-11-20T12:00")  # a Friday


@pytest.mark.parametrize(
    ("text", "now", "start", "rides", "price"),
    [
        ("hour", NOW, NOW, 0, 20_000),
        ("day", NOW, START_FIRST_USE, 0, 40_000),
        ("month", NOW, day("2026-11-01"), 0, 900_000),
        ("month@2026-12", NOW, day("2026-12-01"), 0, 900_000),
        ("month@2026-12-17", NOW, day("2026-12-01"), 0, 900_000),
        ("quarter@2026-09", NOW, day("2026-09-01"), 0, 2_000_000),
        ("free@2026-11-25", NOW, day("2026-11-25"), 0, 0),
        ("ten", NOW, day("2026-11-20"), 10, 80_000),
        ("ten", at("2026-11-21T02:59"), day("2026-11-20"), 10, 80_000),
        ("weekend", NOW, day("2026-11-20"), 0, 70_000),
        ("weekend", at("2026-11-18T12:00"), day("2026-11-20"), 0, 70_000),
        ("weekend", at("2026-11-23T02:00"), day("2026-11-22"), 0, 70_000),
    ],
)
def test_what_is_sold(
    city: LoadedTariff, text: str, now: int, start: int, rides: int, price: int
) -> None:
    sold = sold_product(text, city, city.category_code("adult"), now)
    assert (sold.start, sold.rides, sold.price_minor) == (start, rides, price)
    assert city.product_ids[sold.product] == sold.fare_product_id == text.split("@")[0]


@pytest.mark.parametrize(
    ("text", "category", "said"),
    [
        ("week", "adult", "the passes and rides of this tariff are day, month, ten, weekend, "),
        ("ride", "adult", "a single ride is paid when it is taken"),
        ("quarter@2026-12", "reduced", "no price of it for reduced"),
        ("hour@2026-11-20", "adult", "begins when it is sold; leave @2026-11-20 out"),
        ("day@2026-11-20", "adult", "begins with its first use"),
        ("month@2026-13", "adult", "'2026-13': give a month as YYYY-MM or a date as YYYY-MM-DD"),
        ("month@", "adult", "after @ comes a day or month"),
        ("month@2019-01", "adult", "from 2020-01-01"),
        ("month@tomorrow", "adult", "give a month as YYYY-MM or a date as YYYY-MM-DD"),
        ("month@2026-10", "adult", "it would be over already"),
        ("quarter@2026-08", "adult", "it would be over already"),
    ],
)
def test_what_is_not(city: LoadedTariff, text: str, category: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        sold_product(text, city, city.category_code(category), NOW)
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"--product {text}: ")


def view(city: LoadedTariff, text: str, now: int, rides: int | None = None) -> str:
    sold = sold_product(text, city, 0, NOW)
    contract = Contract()
    contract.product, contract.start = sold.product, sold.start
    contract.rides = sold.rides if rides is None else rides
    return str(contract_view(contract, city, now))


def test_contracts_in_words(city: LoadedTariff) -> None:
    assert view(city, "month@2026-12", NOW) == (
        "Monthly pass, 2026-12-01 to 2026-12-31, not begun"
    )
    assert view(city, "month", NOW) == "Monthly pass, 2026-11-01 to 2026-11-30"
    assert view(city, "weekend", NOW) == "Weekend, 2026-11-20 to 2026-11-22"
    assert view(city, "weekend", NOW + 3 * DAY_S) == "Weekend, 2026-11-20 to 2026-11-22, over"
    assert view(city, "ten", NOW, 7) == "Ten rides, 7 left, 2026-11-20 to 2027-02-17"
    assert view(city, "ten", NOW, 0) == "Ten rides, 0 left, 2026-11-20 to 2027-02-17, over"
    assert view(city, "day", NOW) == "Day ticket, begins with its first use"
    assert view(city, "hour", NOW) == "An hour, 2026-11-20 12:00 to 2026-11-20 12:59"


def test_a_product_that_this_tariff_lacks_is_named_by_its_number(city: LoadedTariff) -> None:
    contract = Contract()
    contract.product = 200
    assert str(contract_view(contract, city, NOW)) == "product 200 (not in this tariff)"


class _CoversEverything:
    """A leg that every product covers."""

    group = 1

    def covers(self, product: int, every: bool) -> bool:
        return True


def test_words_and_engine_mean_the_same_days(city: LoadedTariff) -> None:
    """Each product, begun on each of forty days, looked at every eight hours for a while."""
    contracts = Contracts(city.tariff, _CoversEverything())
    seen = set()
    for row_id in ("hour", "month", "quarter", "ten", "weekend", "free"):
        row = city.tables.products[city.product_code(row_id) - 1]
        for begun in range(40):
            card = CardState()
            contract = card.contracts[0]
            contract.product = city.product_code(row_id)
            contract.start = NOW + DAY_S * begun if row_id == "hour" else day("2026-11-02") + begun
            contract.rides = 1
            if row.kind == 4 and not row.weekdays >> (contract.start + 2) % 7 & 1:
                continue
            for step in range(-3, 400, 7):
                for now in (NOW + 28_800 * step, NOW + DAY_S * begun + 1800 * step):
                    contracts.set_time(now)
                    valid = contracts.find(card, 0, False, False, True) == 0
                    status = contract_view(contract, city, now).status
                    assert (status == "valid") == valid, (row_id, begun, step)
                    seen.add((row_id, status))
    assert len(seen) == 18, "each not begun, valid and over"
