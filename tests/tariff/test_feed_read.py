"""What a good feed says is what the Feed holds: every file, every default, folder or zip alike."""

from dataclasses import replace
from datetime import date

import pytest

from host_tools.tariff.feed import (
    Cap,
    Category,
    JoinRule,
    LegRule,
    Media,
    Network,
    Price,
    Product,
    Route,
    Service,
    Settings,
    Stop,
    Timeframe,
    TransferRule,
)
from host_tools.tariff.read_feed import read_feed
from tests.tariff.feeds import added, changed, city_feed, flat_feed, without, write_feed


def good(files, path):
    feed, findings = read_feed(write_feed(files, path))
    assert findings == []
    return feed


@pytest.fixture
def city(tmp_path):
    return good(city_feed(), tmp_path / "city")


def test_folder_zip_and_zip_with_a_folder_inside_are_one_feed(tmp_path, city):
    for name, top in (("a.zip", ""), ("b.zip", "Feed 2026")):
        path = write_feed(city_feed(), tmp_path / name, top)
        feed, findings = read_feed(path)
        assert findings == []
        assert feed.source == str(path)
        assert replace(feed, source="") == replace(city, source="")


def test_a_feed_without_extensions_has_the_defaults(tmp_path):
    feed = good(flat_feed(), tmp_path / "flat")
    assert feed.settings == Settings()
    assert (feed.agency_name, feed.timezone) == ("City Buses", "Asia/Almaty")
    assert (feed.currency, feed.exponent, feed.has_rule_priority) == ("KZT", 2, False)
    assert feed.products == (
        Product("ride", "One ride", "single", 0, 0, "purchase", 0, None, False, 0,
                "fare_products.txt:2"),
    )  # fmt: skip
    assert feed.routes[1] == Route("R7", "7", None, (), "routes.txt:3")
    assert feed.categories == feed.media == feed.networks == feed.services == feed.caps == ()


def test_settings_and_what_extensions_add(city):
    assert city.settings == Settings(
        version=3,
        passback_s=45,
        recovery_s=7200,
        same_vehicle_transfer=False,
        service_day_start_s=3 * 3600,
        purse_max_minor=2_000_000,
        valid_from=date(2026, 1, 1),
        valid_until=date(2026, 12, 31),
    )
    assert city.categories == (
        Category("adult", "Adult", True, False, "rider_categories.txt:2"),
        Category("reduced", "Reduced", False, True, "rider_categories.txt:3"),
    )
    assert city.media == (
        Media("card", "City card", 2, True, 50_000, "fare_media.txt:2"),
        Media("cash", "Cash", 0, False, None, "fare_media.txt:3"),
    )
    assert city.caps[1] == Cap("reduced", "day", 30_000, "minik_caps.txt:3")
    assert city.caps[0].rider_category_id is None
    assert city.networks == (
        Network("bus", "Buses", False, "dearest", 0, None, "networks.txt:2"),
        Network("rail", "Airport train", True, "dearest", 7200, "airport_max", "networks.txt:3"),
    )


def test_products_and_their_prices(city):
    at = "fare_products.txt"
    by_id = {product.fare_product_id: product for product in city.products}
    assert list(by_id) == [
        "ride", "peak_ride", "airport", "change", "day", "month", "ten", "weekend", "airport_max",
    ]  # fmt: skip
    assert by_id["day"] == Product(
        "day", "Day ticket", "days", 1, 0, "first_use", 10, None, True, 0, f"{at}:8"
    )
    assert by_id["month"] == Product(
        "month", "Monthly pass", "months", 1, 0, "chosen", 3, 600, False, 0, f"{at}:9"
    )
    assert by_id["ten"] == Product(
        "ten", "Ten rides", "rides", 10, 0, "purchase", 20, None, False, 90, f"{at}:10"
    )
    assert by_id["weekend"] == Product(
        "weekend", "Weekend", "weekdays", 0, 0b1110000, "purchase", 5, None, True, 0, f"{at}:11"
    )
    assert city.prices[:3] == (
        Price("ride", "adult", "card", 10_000, f"{at}:2"),
        Price("ride", "reduced", "card", 5_000, f"{at}:3"),
        Price("ride", None, "cash", 15_000, f"{at}:4"),
    )


def test_rules(city):
    assert city.has_rule_priority
    assert city.leg_rules[1:4] == (
        LegRule("bus", "bus", None, None, "peak", None, "peak_ride", 2, "fare_leg_rules.txt:3"),
        LegRule(
            "rail", "rail", "inner", "outer", "always", None, "airport", 1, "fare_leg_rules.txt:4"
        ),
        LegRule(
            "rail", "rail", "outer", "inner", None, "always", "airport", 1, "fare_leg_rules.txt:5"
        ),
    )
    assert city.leg_rules[4].leg_group_id is None
    assert city.leg_rules[4].rule_priority == 0
    at = "fare_transfer_rules.txt"
    assert city.transfer_rules == (
        TransferRule("bus", "bus", 1, 1800, 1, 0, None, f"{at}:2"),
        TransferRule("bus", "rail", None, 3600, 3, 1, "change", f"{at}:3"),
        TransferRule("rail", "bus", None, None, None, 2, "airport", f"{at}:4"),
    )
    assert city.join_rules == (
        JoinRule("rail", None, None, "fare_leg_join_rules.txt:2"),
        JoinRule("bus", "S2", "S1", "fare_leg_join_rules.txt:3"),
    )


def test_timeframes_and_the_services_they_name(city):
    assert city.timeframes == (
        Timeframe("peak", 7 * 3600, 34_200, "work", "timeframes.txt:2"),
        Timeframe("peak", 59_400, 19 * 3600, "work", "timeframes.txt:3"),
        Timeframe("always", 0, 86_400, "all", "timeframes.txt:4"),
    )
    year = (date(2026, 1, 1), date(2026, 12, 31))
    assert city.services == (
        Service("work", 0b0011111, *year, (date(2026, 1, 3),), (date(2026, 1, 1),)),
        Service("all", 0b1111111, *year, (), ()),
    )


def test_a_service_of_single_dates(tmp_path):
    files = changed(city_feed(), "timeframes.txt", "always,,,all", "always,,,fair")
    feed = good(files, tmp_path / "feed")
    assert feed.services[1] == Service("fair", 0, None, None, (date(2026, 9, 1),), ())


def test_platforms_have_the_areas_of_their_station_unless_they_have_their_own(tmp_path, city):
    assert city.stops[:3] == (
        Stop("C", "Central", "C", ("inner",), "stops.txt:2"),
        Stop("C1", "Central 1", "C", ("inner",), "stops.txt:3"),
        Stop("C2", "Central 2", "C", ("inner",), "stops.txt:4"),
    )
    feed = good(added(city_feed(), "stop_areas.txt", "outer,C2"), tmp_path / "own")
    assert [stop.area_ids for stop in feed.stops[:3]] == [("inner",), ("inner",), ("outer",)]
    feed = good(added(city_feed(), "stop_areas.txt", "outer,C"), tmp_path / "two")
    assert [stop.area_ids for stop in feed.stops[:3]] == [("inner", "outer")] * 3


def test_entrances_have_no_fares(tmp_path, city):
    files = added(city_feed(), "stops.txt", "E,Door,1,1,2,C", "N,,,,3,C", "B,,,,4,C1")
    assert good(files, tmp_path / "feed").stops == city.stops
    feed, findings = read_feed(
        write_feed(added(files, "stop_areas.txt", "inner,E"), tmp_path / "area")
    )
    assert feed.stops == city.stops
    assert [(f.severity, f.file, f.line, f.field) for f in findings] == [
        ("warning", "stop_areas.txt", 6, "stop_id")
    ]


def test_networks_of_routes_txt(tmp_path):
    files = without(city_feed(), "networks.txt", "route_networks.txt")
    files["routes.txt"] = (
        "route_id,route_long_name,network_id\nR7,To the airport,rail\nR5,Market,bus\nR8,Night,\n"
    )
    feed = good(files, tmp_path / "feed")
    assert [(route.route_id, route.name, route.network_id) for route in feed.routes] == [
        ("R7", "To the airport", "rail"),
        ("R5", "Market", "bus"),
        ("R8", "Night", None),
    ]
    assert [(row.network_id, row.name, row.check_out, row.where) for row in feed.networks] == [
        ("rail", "rail", True, "routes.txt:2"),
        ("bus", "bus", False, "routes.txt:3"),
    ]


@pytest.mark.parametrize(
    ("media", "extra", "on_card"),
    [
        ("a,2\nb,0\n", None, ["a"]),
        ("a,1\nb,4\n", None, []),
        ("a,2\nb,2\n", "fare_media_id,on_card\nb,1\n", ["b"]),
        ("a,2\nb,0\n", "fare_media_id,on_card\na,0\n", []),
        ("a,2\nb,0\n", "fare_media_id,risk_limit\na,1.00\n", ["a"]),
    ],
)
def test_which_fare_media_is_on_our_cards(tmp_path, media, extra, on_card):
    files = flat_feed() | {"fare_media.txt": f"fare_media_id,fare_media_type\n{media}"}
    if extra:
        files["minik_fare_media.txt"] = extra
    feed = good(files, tmp_path / "feed")
    assert [row.fare_media_id for row in feed.media if row.on_card] == on_card


def test_an_open_ride_lasts_three_hours_unless_it_is_said(tmp_path):
    files = changed(city_feed(), "minik_networks.txt", ",7200,", ",,")
    assert good(files, tmp_path / "feed").networks[1].ride_s_max == 3 * 3600


class TestRouteStops:
    """`stop_ids` of a route from trips and stop_times."""

    def stops(self, tmp_path, *rows):
        files = city_feed() | {"stop_times.txt": "stop_sequence,stop_id,trip_id\n"}
        files = added(files, "stop_times.txt", *rows)
        return good(files, tmp_path / "feed").routes[0].stop_ids

    def test_the_longest_trip_first_then_what_others_add(self, tmp_path, city):
        assert [route.stop_ids for route in city.routes] == [("S1", "S2", "C1"), ("C2", "S3")]
        assert self.stops(
            tmp_path, "1,C1,t1", "2,S1,t1", "1,S2,t2", "2,S3,t2", "3,C1,t2"
        ) == ("S2", "S3", "C1", "S1")  # fmt: skip

    def test_order_is_that_of_stop_sequence(self, tmp_path):
        assert self.stops(tmp_path, "20,S2,t1", "3,S1,t1", "100,C1,t1") == ("S1", "S2", "C1")

    def test_rows_of_a_trip_may_be_scattered(self, tmp_path):
        rows = ("2,S2,t1", "1,C2,t2", "1,S1,t1", "2,S3,t2", "3,C1,t1")
        assert self.stops(tmp_path, *rows) == ("S1", "S2", "C1", "C2", "S3")

    def test_a_stop_served_twice_stands_once(self, tmp_path):
        rows = ("1,S1,t1", "2,S2,t1", "3,S1,t1", "4,C1,t1", "1,S3,t2", "2,C2,t2", "3,S3,t2")
        assert self.stops(tmp_path, *rows) == ("S1", "S2", "C1", "S3", "C2")

    def test_of_trips_of_one_length_the_first_in_trips_txt_leads(self, tmp_path):
        assert self.stops(tmp_path, "1,S2,t2", "2,S1,t2", "1,S1,t1", "2,S2,t1") == ("S1", "S2")

    def test_on_demand_places_are_no_stops(self, tmp_path):
        files = city_feed()
        files["stop_times.txt"] = (
            "trip_id,stop_id,location_group_id,stop_sequence\nt1,S1,,1\nt1,,villages,2\nt1,S2,,3\n"
        )
        assert good(files, tmp_path / "feed").routes[0].stop_ids == ("S1", "S2")

    def test_a_number_is_not_twice_in_a_trip_even_far_apart(self, tmp_path):
        files = city_feed() | {
            "stop_times.txt": "trip_id,stop_id,stop_sequence\nt1,S1,1\nt2,S1,1\nt1,S2,1\n"
        }
        feed, findings = read_feed(write_feed(files, tmp_path / "feed"))
        assert feed is None
        assert [(f.file, f.line, f.field) for f in findings] == [
            ("stop_times.txt", 4, "stop_sequence")
        ]
