"""The cities of docs/tariffs: their feeds, and every journey worked by hand in their tables."""

import json

import pytest

from host_tools.tariff.journey import read_journey
from host_tools.tariff.load import LoadedTariff, load_tariff
from host_tools.tariff.pack import pack
from host_tools.tariff.quote import quote
from host_tools.tariff.unpack import unpack
from tests.tariff.journey_tables import CITIES, TARIFFS, Row, rows_of

ROWS = [(city, row) for city in CITIES for row in rows_of(city)]
NAMES = [f"{city}-{row.number}" for city, row in ROWS]


@pytest.fixture(scope="module")
def cities() -> dict[str, LoadedTariff]:
    return {city: load_tariff(TARIFFS / city) for city in CITIES}


def answer(loaded: LoadedTariff, row: Row) -> dict:
    return quote(loaded, read_journey(json.dumps(row.journey), loaded)).as_dict()


@pytest.mark.parametrize(("city", "row"), ROWS, ids=NAMES)
def test_a_journey_costs_what_was_worked_by_hand(cities, city, row):
    said = answer(cities[city], row)
    assert said["legs"] == row.legs
    assert said["total"] == row.total
    assert said.get("on_board", {}).get("total") == row.door
    assert said["exponent"] == 2


@pytest.mark.parametrize(("city", "row"), ROWS, ids=NAMES)
def test_the_table_adds_up(city, row):
    charges = [leg["charge"] for leg in row.legs]
    assert len(charges) == len(row.journey["legs"])
    assert row.total == (None if None in charges else sum(charges))


@pytest.mark.parametrize("city", CITIES)
def test_a_table_has_no_row_twice_and_none_is_lost(city):
    numbers = [row.number for row in rows_of(city)]
    assert numbers == [str(number) for number in range(1, len(numbers) + 1)]
    assert len(numbers) >= 12


def test_a_compiled_city_answers_as_its_feed(cities):
    for city, loaded in cities.items():
        compiled = LoadedTariff(city, loaded.payload, unpack(loaded.payload))
        assert pack(compiled.tables) == loaded.payload
        for row in rows_of(city):
            assert answer(compiled, row) == answer(loaded, row), row.number


def test_the_cities_are_what_their_pages_say(cities):
    currencies = {city: loaded.tariff.currency for city, loaded in cities.items()}
    assert currencies == {"atyrau": "KZT", "baku": "AZN", "bialystok": "PLN"}
    assert cities["baku"].tariff.purse_max_minor == 20_000
    assert cities["atyrau"].tariff.purse_max_minor is None
    concessions = [row.id for row in cities["atyrau"].tables.categories if row.flags & 1]
    assert concessions == ["student", "pupil", "pensioner", "disabled"]
    transfers = [row.type for row in cities["baku"].tables.transfers]
    assert sorted(transfers) == [0, 1, 2]
    zone = cities["bialystok"].tariff.zone
    assert (zone.standard_s, zone.summer_s) == (3600, 7200)


WARNED = {
    "atyrau": ("no row of fare_leg_rules.txt is for 'works'", "prices for qr, sms, cash"),
    "baku": ("no row of fare_leg_rules.txt is for 'hired'",),
    "bialystok": (
        "no row of fare_leg_rules.txt is for 'school'",
        "of up to 2 fares by exit the dearest is charged",
        "a pass that holds to one exit is taken there for all",
        "prices for paper are not charged on board",
    ),
}


@pytest.mark.parametrize("city", CITIES)
def test_what_a_door_cannot_enforce_is_said(cities, city):
    said = [str(finding) for finding in cities[city].findings]
    assert {finding.severity for finding in cities[city].findings} == {"warning"}
    assert len(said) == len(WARNED[city])
    for warning in WARNED[city]:
        assert sum(warning in line for line in said) == 1, warning
