"""Quotes: what the journey's JSON may say, what the answer says, and where a door charges else."""

import json
from typing import Any

import pytest

from host_tools.errors import BadInput
from host_tools.tariff.journey import read_journey
from host_tools.tariff.load import LoadedTariff, load_tariff
from host_tools.tariff.quote import legs_outside, quote
from protocol import outcomes
from protocol.cards.state import CardState
from protocol.fares.engine import Choice, Decision, Fares
from protocol.fares.tariff import Place
from tests.tariff.feeds import added, changed, city_feed, flat_feed, write_feed
from tests.tariff.journey_tables import CITIES, TARIFFS

BIALYSTOK, BAKU, ATYRAU = "bialystok", "baku", "atyrau"


@pytest.fixture(scope="module")
def cities() -> dict[str, LoadedTariff]:
    return {city: load_tariff(TARIFFS / city) for city in CITIES}


def leg(route=None, come_from=None, to=None, start="2026-11-20T08:00:00", end=None) -> dict:
    return {
        "route_id": route,
        "from_stop_id": come_from,
        "to_stop_id": to,
        "start": start,
        "end": end,
    }


def city_leg(start="2026-11-20T08:00:00", end=None) -> dict:
    return leg("2", "starosielce", "rynek", start, end)


def ask(loaded: LoadedTariff, *legs: dict, **fields: Any) -> dict[str, Any]:
    journey = json.dumps(fields | {"legs": list(legs)})
    return quote(loaded, read_journey(journey, loaded)).as_dict()


def charges(answer: dict[str, Any]) -> list[int | None]:
    return [each["charge"] for each in answer["legs"]]


# -- the answer ------------------------------------------------------------------------------


def test_the_answer_has_exactly_the_agreed_fields(cities):
    assert ask(cities[ATYRAU], leg("2", "vokzal", "avangard", end="2026-11-20T08:16:00")) == {
        "currency": "KZT",
        "exponent": 2,
        "total": 8000,
        "legs": [
            {"charge": 8000, "fare_product_id": "single", "transfer": False, "capped": False}
        ],
    }


def test_a_leg_without_a_fare_leaves_the_others_their_charge(cities):
    answer = ask(cities[ATYRAU], leg("W1"), leg("2", start="2026-11-20T08:30:00"))
    assert charges(answer) == [None, 8000]
    assert answer["legs"][0]["reason"] == "no_fare"
    assert "reason" not in answer["legs"][1]
    assert answer["total"] is None
    assert "on_board" not in answer


def test_the_built_in_tariff_answers():
    flat = load_tariff("flat")
    answer = ask(flat, leg(), leg(start="2026-11-20T08:10:00"), rider_category_id="reduced")
    assert charges(answer) == [5000, 0]
    assert [each["transfer"] for each in answer["legs"]] == [False, True]


def test_legs_in_one_second_are_legs_all_the_same(cities):
    """Pass-back is for cards handed back, not for quotes."""
    assert charges(ask(cities[BIALYSTOK], *[city_leg() for _ in range(4)])) == [400] * 4


def test_more_legs_than_vehicle_numbers_still_tell_neighbours_apart(cities):
    assert ask(cities[ATYRAU], *[leg("2")] * 500)["total"] == 500 * 8000


# -- who rides, and by what ------------------------------------------------------------------


def test_no_category_is_the_default_and_no_medium_the_cheapest(cities):
    assert charges(ask(cities[ATYRAU], leg("2"), fare_media_id="cash")) == [15000]
    assert charges(ask(cities[ATYRAU], leg("2"))) == [8000]
    assert charges(ask(cities[ATYRAU], leg("2"), rider_category_id="student")) == [4000]


def test_a_medium_cheaper_than_the_card_is_taken_for_the_whole_journey(tmp_path):
    files = changed(city_feed(), "fare_products.txt", ",,cash,150.00", ",,cash,80.00")
    loaded = load_tariff(write_feed(files, tmp_path / "feed"))
    late, later = "2026-11-22T12:00:00", "2026-11-22T15:00:00"
    answer = ask(loaded, leg("R5", "S1", "S2", late), leg("R5", "S2", "S1", later))
    assert charges(answer) == [8000, 8000]
    given = ask(loaded, leg("R5", "S1", "S2", late), fare_media_id="card")
    assert charges(given) == [10000]


def test_a_feed_without_categories_and_media_can_be_quoted(tmp_path):
    loaded = load_tariff(write_feed(flat_feed(), tmp_path / "feed"))
    assert charges(ask(loaded, leg("R5", "S1", "S2"))) == [10000]


def test_a_count_of_riders_and_a_list_agree(cities):
    loaded = cities[BIALYSTOK]
    counted = ask(loaded, city_leg(), rider_category_id="reduced", riders=3)
    listed = ask(loaded, city_leg(), riders=["reduced"] * 3)
    assert counted == listed
    assert counted["total"] == 600
    assert ask(loaded, city_leg(), riders=31)["total"] == 31 * 400


def test_the_first_of_a_list_holds_the_card_if_nobody_is_named(cities):
    spent = {"day": 1600}
    pupils = ask(cities[BIALYSTOK], city_leg(), riders=["reduced", "normal"], spent=spent)
    assert charges(pupils) == [0 + 400]  # the reduced cap is reached, the other has none
    named = ask(
        cities[BIALYSTOK],
        city_leg(),
        rider_category_id="normal",
        riders=["reduced", "normal"],
        spent=spent,
    )
    assert charges(named) == [0 + 200]


# -- times -----------------------------------------------------------------------------------


def test_an_ambiguous_time_is_the_first(cities):
    """02:30 on 25 October comes twice; 30 minutes from 02:10 hold at 02:30 only if both are."""
    held = [{"product": "t30-1", "start": "2026-10-25T02:10:00"}]
    answer = ask(
        cities[BIALYSTOK],
        city_leg("2026-10-25T02:30:00"),
        city_leg("2026-10-25T03:00:00"),  # an hour and a half later: not ambiguous
        products=held,
    )
    assert charges(answer) == [0, 400]
    first = read_journey(
        json.dumps({"legs": [city_leg("2026-10-25T02:30:00")]}), cities[BIALYSTOK]
    ).legs[0]
    assert cities[BIALYSTOK].tariff.zone.offset_s(first.start) == 7200


@pytest.mark.parametrize("end", [None, "2026-11-20T08:20:00"])
def test_the_next_leg_begins_at_once_at_the_earliest(cities, end):
    begins = end or "2026-11-20T08:00:00"
    ask(cities[BIALYSTOK], city_leg(end=end), city_leg(start=begins))


# -- what the card holds ---------------------------------------------------------------------


def test_a_start_with_a_time_is_the_service_day_it_lies_in(cities):
    """01:00 on 1 December is still November, where service days begin at 03:00."""
    held = [{"product": "month-1", "start": "2026-12-01T01:00:00"}]
    legs = city_leg("2026-11-15T12:00:00"), city_leg("2026-12-15T12:00:00")
    assert charges(ask(cities[BIALYSTOK], *legs, products=held)) == [0, 400]


def test_a_day_begins_a_product_by_minutes_at_its_midnight(cities):
    held = [{"product": "h24-1", "start": "2026-11-20"}]
    legs = city_leg("2026-11-20T23:59:59"), city_leg("2026-11-21T00:00:00")
    assert charges(ask(cities[BIALYSTOK], *legs, products=held)) == [0, 400]


def test_a_held_product_never_makes_a_journey_dearer(cities):
    legs = city_leg(), leg("113", "dworzec", "choroszcz", "2026-11-20T09:00:00")
    bare = ask(cities[BIALYSTOK], *legs)["total"]
    products = [row.id for row in cities[BIALYSTOK].tables.products if row.kind]
    assert len(products) == 14
    for product in products:
        assert ask(cities[BIALYSTOK], *legs, products=[product])["total"] <= bare, product


def test_no_rides_left_are_none(cities):
    held = [{"product": "rides-4", "rides": 0}]
    assert charges(ask(cities[BAKU], leg("5"), products=held)) == [60]


def test_what_was_spent_counts_in_the_windows_of_the_first_leg(cities):
    loaded, spent = cities[BIALYSTOK], {"day": 1600, "week": 1600, "month": 12900}
    assert charges(ask(loaded, city_leg(), spent=spent)) == [0]
    legs = city_leg(), city_leg("2026-11-21T08:00:00"), city_leg("2026-12-01T08:00:00")
    assert charges(ask(loaded, *legs, spent=spent)) == [0, 100, 400]


# -- doors that see less ---------------------------------------------------------------------


def test_the_door_of_a_night_bus_takes_the_dearest(cities):
    answer = ask(cities[BIALYSTOK], leg("N4", "rynek", "dojlidy", end="2026-11-20T08:10:00"))
    assert answer["total"] == 400
    assert answer["on_board"] == {
        "total": 780,
        "legs": [
            {"charge": 780, "fare_product_id": "single-n", "transfer": False, "capped": False}
        ],
    }


def test_arrivals_that_nobody_sees_move_a_transfer_on_board(tmp_path):
    """Half an hour from arrival to departure: on board the departure stands for the arrival."""
    rule = "leg_group_id,fare_product_id\ncity,ride\n"
    transfer = (
        "from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,"
        "fare_transfer_type,fare_product_id\ncity,city,1,1800,2,0,\n"
    )
    files = flat_feed() | {"fare_leg_rules.txt": rule, "fare_transfer_rules.txt": transfer}
    loaded = load_tariff(write_feed(files, tmp_path / "feed"))
    legs = (
        leg("R5", "S1", "S2", "2026-11-20T08:00:00", "2026-11-20T08:40:00"),
        leg("R7", "S2", "S3", "2026-11-20T08:50:00", "2026-11-20T09:00:00"),
    )
    answer = ask(loaded, *legs)
    assert charges(answer) == [10000, 0]
    assert charges(answer["on_board"]) == [10000, 10000]


# -- check-out -------------------------------------------------------------------------------


def test_a_quote_with_an_exit_is_what_check_in_and_check_out_charge(cities):
    loaded = cities[BIALYSTOK]
    for stop, expected in (("nowe-miasto", 400), ("kleosin", 780)):
        asked = ask(loaded, leg("26", "rynek", stop, end="2026-11-20T08:24:00"))
        assert asked["total"] == expected
        assert "on_board" not in asked
        assert tapped(loaded, stop) == expected


def tapped(loaded: LoadedTariff, stop: str) -> int:
    """What two taps on one bus charge, by the engine alone."""
    journey = json.dumps({"legs": [leg("26", "rynek", stop, end="2026-11-20T08:24:00")]})
    ride = read_journey(journey, loaded).legs[0]
    fares, decision, card = Fares(loaded.tariff), Decision(), CardState()
    card.granted_minor = 100_000
    total = 0
    for at, now in ((ride.from_stop, ride.start), (ride.to_stop, ride.end)):
        after = CardState()
        after.copy_from(card)
        fares.decide(card, Place(7, ride.route, at), now, Choice(), decision, after)
        assert decision.outcome == outcomes.ACCEPTED
        after.tap_time = now
        total += decision.charge_minor
        card = after
    assert not card.checked_in
    return total


def test_a_missed_check_out_is_charged_to_its_own_leg(cities):
    legs = (
        leg("26", "rynek"),
        city_leg("2026-11-20T10:00:00"),
        leg("113", "dworzec", start="2026-11-20T11:00:00"),
        leg("113", "choroszcz", start="2026-11-20T13:00:00"),
    )
    answer = ask(cities[BIALYSTOK], *legs, riders=["normal", "reduced"])
    assert charges(answer) == [780 + 390, 400 + 200, 780 + 390, 780 + 390]
    assert answer["legs"][0]["fare_product_id"] == "single-n"
    assert "on_board" not in answer


def test_a_network_pass_pays_a_missed_check_out_and_a_zone_pass_does_not(cities):
    for product, expected, paid_by in (("month-n", 0, "month-n"), ("month-1", 780, "single-n")):
        held = [{"product": product, "start": "2026-11-01"}]
        answer = ask(cities[BIALYSTOK], leg("26", "rynek"), products=held)
        assert charges(answer) == [expected], product
        assert answer["legs"][0]["fare_product_id"] == paid_by


def test_a_missed_check_out_without_a_price_for_the_medium_is_no_fare(tmp_path):
    files = {path.name: path.read_text() for path in (TARIFFS / BIALYSTOK).glob("*.txt")}
    files = added(files, "fare_media.txt", "qr,App,4")
    files = added(files, "fare_products.txt", "single-1,Single zone 1,,qr,1.00,PLN")
    loaded = load_tariff(write_feed(files, tmp_path / "feed"))
    known, unknown = leg("26", "rynek", "nowe-miasto"), leg("26", "rynek")
    assert charges(ask(loaded, known, fare_media_id="qr")) == [100]
    assert charges(ask(loaded, unknown, fare_media_id="qr")) == [None]
    assert charges(ask(loaded, unknown)) == [780]  # the card's, not nothing
    both = ask(loaded, unknown, known | {"start": "2026-11-20T09:00:00"}, fare_media_id="qr")
    assert charges(both) == [None, 100]


def test_legs_on_days_that_the_tariff_is_not_meant_for(tmp_path):
    settings = "setting,value\nservice_day_start,03:00:00\nvalid_from,20260601\n"
    files = flat_feed() | {"minik_settings.txt": settings + "valid_until,20260630\n"}
    loaded = load_tariff(write_feed(files, tmp_path / "feed"))
    starts = ("06-01T02:59:59", "06-01T03:00:00", "07-01T02:59:59", "07-01T03:00:00")
    legs = [leg(start=f"2026-{start}") for start in starts]
    assert legs_outside(loaded, read_journey(json.dumps({"legs": legs}), loaded)) == [1, 4]


# -- wrong input -----------------------------------------------------------------------------

LEG = leg("2", "starosielce", "rynek", end="2026-11-20T08:16:00")


def with_leg(**fields: Any) -> dict[str, Any]:
    return {"legs": [LEG, LEG | {"start": "2026-11-20T09:00:00", "end": None} | fields]}


BAD = {
    "no object": ([], "journey: an object is expected, not a list"),
    "no legs": ({}, "journey: legs: is missing"),
    "empty legs": ({"legs": []}, "journey: legs: there is none"),
    "legs of another type": ({"legs": {}}, "journey: legs: a list is expected, not an object"),
    "leg of another type": ({"legs": ["2"]}, "leg 1: an object is expected, not text"),
    "field": (
        {"legs": [LEG], "rider": 1},
        "journey: there is no field 'rider'; did you mean 'riders'?",
    ),
    "far field": (
        {"legs": [LEG], "zzz": 1},
        "journey: there is no field 'zzz'; known: rider_category_id, fare_media_id, legs, riders, "
        "products, spent, concession_until",
    ),
    "leg field": (
        with_leg(form_stop_id="rynek"),
        "leg 2: there is no field 'form_stop_id'; did you mean 'from_stop_id'?",
    ),
    "route": (
        with_leg(route_id="113a"),
        "leg 2: route_id: the tariff has no '113a'; did you mean '113'?",
    ),
    "stop": (
        with_leg(from_stop_id="rynke"),
        "leg 2: from_stop_id: the tariff has no 'rynke'; did you mean 'rynek'?",
    ),
    "far stop": (with_leg(to_stop_id="Q"), "leg 2: to_stop_id: the tariff has no 'Q'"),
    "stop type": (with_leg(to_stop_id=7), "leg 2: to_stop_id: text is expected, not a number"),
    "category": (
        {"legs": [LEG], "rider_category_id": "reducd"},
        "journey: rider_category_id: the tariff has no 'reducd'; did you mean 'reduced'?",
    ),
    "medium": (
        {"legs": [LEG], "fare_media_id": "cart"},
        "journey: fare_media_id: the tariff has no 'cart'; did you mean 'card'?",
    ),
    "no start": ({"legs": [LEG | {"start": None}]}, "leg 1: start: is missing"),
    "start type": (with_leg(start=8), "leg 2: start: text is expected, not a number"),
    "start form": (
        with_leg(start="8 o'clock"),
        "leg 2: start: 8 o'clock is no time; write 2026-11-20T08:00:00",
    ),
    "start without time": (
        with_leg(start="2026-11-20"),
        "leg 2: start: 2026-11-20 is no time; write 2026-11-20T08:00:00",
    ),
    "offset": (
        with_leg(start="2026-11-20T09:00:00Z"),
        "leg 2: start: 2026-11-20T09:00:00Z: local times of the agency have no offset",
    ),
    "skipped hour": (
        with_leg(start="2027-03-28T02:30:00"),
        "leg 2: start: 2027-03-28T02:30:00 does not exist: the clocks go forward over it",
    ),
    "year": (
        with_leg(start="2019-11-20T08:00:00"),
        "leg 2: start: 2019-11-20T08:00:00: years from 2020 to 2053 can be quoted",
    ),
    "back": (with_leg(start="2026-11-20T07:59:59"), "leg 2: start: is before leg 1 is over"),
    "back into a ride": (
        with_leg(start="2026-11-20T08:15:59"),
        "leg 2: start: is before leg 1 is over",
    ),
    "end": (with_leg(end="2026-11-20T08:59:59"), "leg 2: end: is before its start"),
    "riders": (
        {"legs": [LEG], "riders": 0},
        "journey: riders: a count from 1 on or a list of categories is expected",
    ),
    "riders true": (
        {"legs": [LEG], "riders": True},
        "journey: riders: a count from 1 on or a list of categories is expected",
    ),
    "nobody": ({"legs": [LEG], "riders": []}, "journey: riders: nobody rides"),
    "too many": (
        {"legs": [LEG], "riders": 32},
        "journey: riders: 32 are more than one card can take along",
    ),
    "rider": (
        {"legs": [LEG], "riders": ["normal", "pupl"]},
        "journey: riders: 2: the tariff has no 'pupl'; did you mean 'pupil'?",
    ),
    "rider type": (
        {"legs": [LEG], "riders": [1]},
        "journey: riders: 1: a rider category is expected, not a number",
    ),
    "not among them": (
        {"legs": [LEG], "rider_category_id": "senior", "riders": ["normal"]},
        "journey: riders: senior, whose card it is, is not among them",
    ),
    "three categories": (
        {"legs": [LEG], "riders": ["normal", "reduced", "pupil", "senior"]},
        "journey: riders: a card takes along two categories, 15 of each, at most",
    ),
    "products": (
        {"legs": [LEG], "products": "month-1"},
        "journey: products: a list is expected, not text",
    ),
    "three products": (
        {"legs": [LEG], "products": ["month-1"] * 3},
        "journey: products: a card holds 2 at most",
    ),
    "product": (
        {"legs": [LEG], "products": ["month-l"]},
        "product 1: product: the tariff has no 'month-l'; did you mean 'month-n'?",
    ),
    "single": (
        {"legs": [LEG], "products": ["single-1"]},
        "product 1: product: single-1 is a single fare, nothing to hold",
    ),
    "product without one": ({"legs": [LEG], "products": [{}]}, "product 1: product: is missing"),
    "product type": (
        {"legs": [LEG], "products": [7]},
        "product 1: an object is expected, not a number",
    ),
    "rides of a month": (
        {"legs": [LEG], "products": [{"product": "month-1", "rides": 3}]},
        "product 1: rides: month-1 isn't counted in rides",
    ),
    "product start": (
        {"legs": [LEG], "products": [{"product": "month-1", "start": "2026-13-01"}]},
        "product 1: start: 2026-13-01 is no day from 2020 on; write 2026-11-20",
    ),
    "spent": (
        {"legs": [LEG], "spent": {"day": -1}},
        "journey: spent: day: minor units from 0 to 16,777,215 are expected",
    ),
    "spent decimals": (
        {"legs": [LEG], "spent": {"day": 1.5}},
        "journey: spent: day: minor units from 0 to 16,777,215 are expected",
    ),
    "spent type": (
        {"legs": [LEG], "spent": 3},
        "journey: spent: an object is expected, not a number",
    ),
    "spent window": (
        {"legs": [LEG], "spent": {"days": 3}},
        "journey: spent: there is no field 'days'; did you mean 'day'?",
    ),
    "concession": (
        {"legs": [LEG], "concession_until": "2019-01-01"},
        "journey: concession_until: 2019-01-01 is no day from 2020 on; write 2026-11-20",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_wrong_input_is_one_line_that_says_where(cities, what):
    content, line = BAD[what]
    with pytest.raises(BadInput) as error:
        read_journey(json.dumps(content), cities[BIALYSTOK])
    assert str(error.value) == line


def test_rides_beyond_what_a_card_counts_are_refused(cities):
    for rides in (-1, 256, 1.0, "3", True):
        content = {"legs": [leg("5")], "products": [{"product": "rides-4", "rides": rides}]}
        with pytest.raises(BadInput, match="product 1: rides: a number from 0 to 255"):
            read_journey(json.dumps(content), cities[BAKU])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "journey: not JSON: line 1, column 1: Expecting value"),
        ("{\n  'legs': []}", "journey: not JSON: line 2, column 3: "),
        ("[" * 100_000, "journey: not JSON that can be read: "),
        ('{"riders": ' + "9" * 5000 + "}", "journey: not JSON that can be read: "),
        ('{"legs": [{"route_id": "\\ud800"}]}', "leg 1: route_id: the tariff has no '\\ud800'"),
    ],
)
def test_what_is_no_json_is_said_in_one_line(cities, text, line):
    with pytest.raises(BadInput) as error:
        read_journey(text, cities[BIALYSTOK])
    assert str(error.value).startswith(line)
    str(error.value).encode()
