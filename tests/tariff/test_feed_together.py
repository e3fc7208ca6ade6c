"""Findings that need more than one cell: whole files, several rows, many mistakes at once."""

import json

import pytest

from host_tools.tariff.check import findings_as_json, findings_as_lines, summary
from host_tools.tariff.feed import Finding
from host_tools.tariff.findings import PER_FIELD_MAX
from host_tools.tariff.read_feed import read_feed
from tests.tariff.feeds import added, changed, city_feed, flat_feed, without, write_feed


@pytest.fixture
def found(tmp_path):
    """Findings of a feed as (severity, file, line, field, text)."""

    def read(files) -> list[Finding]:
        feed, findings = read_feed(write_feed(files, tmp_path / "feed.zip"))
        assert (feed is None) == any(finding.severity == "error" for finding in findings)
        return findings

    return read


def only(findings: list[Finding], severity: str, file: str, line: int | None, field: str | None):
    """The one finding there is, which is there; its words."""
    places = [(f.severity, f.file, f.line, f.field) for f in findings]
    assert places == [(severity, file, line, field)]
    return findings[0].text


@pytest.mark.parametrize("name", ["agency.txt", "fare_products.txt", "fare_leg_rules.txt"])
def test_a_missing_file_is_said_by_name(found, name):
    findings = found(without(flat_feed(), name))
    assert ("error", name, None, None) in [(f.severity, f.file, f.line, f.field) for f in findings]
    assert all("is missing" in f.text for f in findings)


def test_all_missing_files_are_said_at_once(found):
    findings = found({"readme.txt": "nothing here"})
    assert [f.file for f in findings] == [
        "agency.txt",
        "fare_leg_rules.txt",
        "fare_products.txt",
        "routes.txt",
        "stops.txt",
    ]
    assert {f.severity for f in findings} == {"error"}


def test_every_mistake_is_found_at_once_and_in_order(found):
    files = changed(city_feed(), "agency.txt", "Asia/Almaty", "Asia")
    files = changed(files, "fare_products.txt", "100.00", "100")
    files = changed(files, "fare_products.txt", "150.00,KZT", "150.00,EUR")
    files = changed(files, "fare_leg_rules.txt", ",,ten,", ",,tenn,")
    files = changed(files, "minik_caps.txt", "5000.00", "")
    files = changed(files, "stops.txt", "51.91,,", "51.91,9,")
    files = added(files, "areas.txt", '"open')
    files |= {"minik_cap.txt": "a\n1\n"}
    assert [(f.file, f.line, f.field) for f in found(files) if f.severity == "error"] == [
        ("agency.txt", 2, "agency_timezone"),
        ("areas.txt", 4, None),
        ("fare_leg_rules.txt", 8, "fare_product_id"),
        ("fare_products.txt", 2, "amount"),
        ("fare_products.txt", 4, "currency"),
        ("minik_cap.txt", None, None),
        ("minik_caps.txt", 4, "amount"),
        ("stops.txt", 6, "location_type"),
    ]


def test_what_repeats_without_end_is_counted(found):
    rows = [f"inner,X{index}" for index in range(PER_FIELD_MAX + 250)]
    findings = found(added(city_feed(), "stop_areas.txt", *rows))
    assert len(findings) == PER_FIELD_MAX + 1
    assert (findings[0].line, findings[0].field) == (None, "stop_id")
    assert findings[0].text.startswith("250 more lines")


def test_unknown_extension_files_are_errors_with_a_hint(found):
    text = only(
        found(flat_feed() | {"minik_cap.txt": "a\n"}), "error", "minik_cap.txt", None, None
    )
    assert "did you mean 'minik_caps.txt'?" in text
    text = only(found(flat_feed() | {"minik_x.txt": "a\n"}), "error", "minik_x.txt", None, None)
    assert "minik_settings.txt, minik_rider_categories.txt" in text


def test_files_that_are_not_read_are_warned_of_if_they_say_fares(found):
    findings = found(flat_feed() | {"fare_rules.txt": "x\n", "shapes.txt": "", "my.txt": ""})
    assert "Fares v2 files only" in only(findings, "warning", "fare_rules.txt", None, None)
    findings = found(flat_feed() | {"fare_attributes.txt": "x\n"})
    only(findings, "warning", "fare_attributes.txt", None, None)
    findings = found(flat_feed() | {"fare_transfer_rule.txt": ""})
    text = only(findings, "warning", "fare_transfer_rule.txt", None, None)
    assert "did you mean 'fare_transfer_rules.txt'?" in text


def test_networks_stand_in_routes_or_in_their_own_files(found):
    files = flat_feed() | {"networks.txt": "network_id\nbus\n"}
    files["routes.txt"] = "route_id,route_short_name,network_id\nR5,5,bus\n"
    text = only(found(files), "error", "routes.txt", 1, "network_id")
    assert "together with networks.txt" in text
    files = without(files, "networks.txt")
    assert found(files) == []
    files["route_networks.txt"] = "network_id,route_id\nbus,R5\n"
    text = only(found(files), "error", "routes.txt", 1, "network_id")
    assert "together with route_networks.txt" in text


def test_a_reference_into_a_missing_file_names_the_file(found):
    files = changed(flat_feed(), "fare_leg_rules.txt", "city,,,,ride", "city,bus,,,ride")
    text = only(found(files), "error", "fare_leg_rules.txt", 2, "network_id")
    assert "networks.txt is missing" in text
    files = without(city_feed(), "trips.txt")
    text = only(found(files), "error", "stop_times.txt", 1, "trip_id")
    assert "trips.txt, which is missing" in text


@pytest.mark.parametrize("code", ["KZ", "XAU", "ABC", "kzt", "tenge"])
def test_a_currency_without_minor_units_is_none(found, code):
    files = changed(flat_feed(), "fare_products.txt", "KZT", code)
    text = only(found(files), "error", "fare_products.txt", 2, "currency")
    assert "ISO 4217" in text


@pytest.mark.parametrize(("code", "amount"), [("JPY", "100"), ("KWD", "1.000"), ("CLF", "1.0000")])
def test_decimals_are_the_currency_s(found, tmp_path, code, amount):
    files = changed(flat_feed(), "fare_products.txt", "100.00,KZT", f"{amount},{code}")
    feed, findings = read_feed(write_feed(files, tmp_path / "feed"))
    assert findings == []
    assert (feed.currency, feed.exponent) == (code, len(amount.partition(".")[2]))
    assert feed.prices[0].amount_minor == int(amount.replace(".", ""))
    wrong = changed(flat_feed(), "fare_products.txt", "100.00,KZT", f"100.00,{code}")
    text = only(found(wrong), "error", "fare_products.txt", 2, "amount")
    assert f"{code} has {feed.exponent} decimals, not 2" in text


def test_a_discount_may_be_negative_where_it_is_only_a_transfer_s(found):
    files = changed(city_feed(), "fare_products.txt", ",20.00,", ",-20.00,")
    assert found(files) == []
    files = added(files, "fare_leg_rules.txt", "rail,rail,inner,inner,,,change,1")
    only(found(files), "error", "fare_products.txt", 7, "amount")


def test_one_card_is_ours(found):
    files = added(city_feed(), "fare_media.txt", "old,Old card,2")
    files = added(files, "minik_fare_media.txt", "old,1,")
    text = only(found(files), "error", "minik_fare_media.txt", 3, "on_card")
    assert "is 1 on line 2 already" in text


def test_two_cards_and_no_word_which_is_ours(found):
    files = without(added(city_feed(), "fare_media.txt", "old,Old,2"), "minik_fare_media.txt")
    text = only(found(files), "warning", "fare_media.txt", None, "fare_media_type")
    assert "minik_fare_media.txt" in text


def test_check_out_and_what_needs_it(found):
    files = without(city_feed(), "fare_leg_join_rules.txt")
    files = changed(files, "minik_networks.txt", "rail,1,", "rail,0,")
    errors = [finding for finding in found(files) if finding.severity == "error"]
    assert [(f.line, f.field) for f in errors] == [(2, "missed_product_id"), (2, "ride_s_max")]
    assert all("must be empty without check_out" in f.text for f in errors)


def test_a_limit_for_joined_legs_needs_no_check_out(found):
    files = without(city_feed(), "fare_leg_join_rules.txt")
    files = changed(files, "minik_networks.txt", "rail,1,", "bus,0,dearest,3600,\nrail,1,")
    text = only(found(files), "error", "minik_networks.txt", 2, "ride_s_max")
    assert "must be empty without check_out and without a join rule" in text
    files["fare_leg_join_rules.txt"] = "from_network_id,to_network_id\nbus,bus\n"
    findings = found(files)
    assert [finding for finding in findings if finding.severity == "error"] == []


def test_a_default_that_may_not_use_a_product(found):
    files = changed(city_feed(), "rider_categories.txt", "Adult,1", "Adult,0")
    files = added(files, "rider_categories.txt", "guest,Guest,1,")
    files = changed(files, "fare_products.txt", "One ride,,cash", "One ride,adult,cash")
    text = only(found(files), "warning", "fare_products.txt", 2, "rider_category_id")
    assert "adult, reduced" in text


def test_one_category_needs_no_default(found):
    files = flat_feed()
    files["rider_categories.txt"] = (
        "rider_category_id,rider_category_name,is_default_fare_category\nall,All,0\n"
    )
    assert found(files) == []


def test_several_agencies_need_ids(found):
    files = flat_feed()
    files["agency.txt"] = "agency_name,agency_timezone\nBuses,Asia/Almaty\nTrams,Asia/Almaty\n"
    assert "several agencies" in only(found(files), "error", "agency.txt", 1, "agency_id")
    files["agency.txt"] = (
        "agency_id,agency_name,agency_timezone\nA,Buses,Asia/Almaty\n,Trams,Asia/Almaty\n"
    )
    assert "is empty" in only(found(files), "error", "agency.txt", 3, "agency_id")
    files["agency.txt"] = "agency_name,agency_timezone\nBuses,Asia/Almaty\n"
    assert found(files) == []
    files["agency.txt"] = "agency_id,agency_name,agency_timezone\n,Buses,Asia/Almaty\n"
    assert found(files) == []
    files["agency.txt"] = "agency_name,agency_timezone\n"
    assert "has no agency" in only(found(files), "error", "agency.txt", 1, None)


def test_a_stop_s_own_time_zone_is_not_used(found):
    files = flat_feed()
    files["stops.txt"] = "stop_id,stop_name,stop_timezone\nS1,A,Asia/Almaty\nS2,B,Asia/Aqtau\n"
    text = only(found(files), "warning", "stops.txt", 3, "stop_timezone")
    assert "agency's time zone Asia/Almaty" in text


def test_a_circle_of_stations_is_said_once(found):
    files = flat_feed()
    files["stops.txt"] = (
        "stop_id,stop_name,location_type,parent_station\n"
        "A,A,0,B\nB,B,1,C\nC,C,1,D\nD,D,1,B\nE,E,0,B\n"
    )
    text = only(found(files), "error", "stops.txt", 3, "parent_station")
    assert "B, C, D, B" in text


def test_networks_and_areas_that_no_rule_matches_are_warned_of(found):
    files = flat_feed() | {
        "networks.txt": "network_id\nbus\ntram\n",
        "route_networks.txt": "network_id,route_id\nbus,R5\ntram,R7\n",
        "areas.txt": "area_id\nin\nout\n",
        "stop_areas.txt": "area_id,stop_id\nin,S1\nout,S2\n",
        "fare_leg_rules.txt": (
            "network_id,from_area_id,to_area_id,fare_product_id\nbus,in,in,ride\n"
        ),
    }
    assert [(f.severity, f.file, f.line, f.field) for f in found(files)] == [
        ("warning", "areas.txt", 3, "area_id"),
        ("warning", "networks.txt", 3, "network_id"),
    ]


def test_a_service_that_loses_all_its_days(found):
    files = changed(city_feed(), "calendar.txt", "all,1,1,1,1,1,1,1,20260101,20261231",
                    "all,0,0,0,0,0,1,0,20260103,20260109")  # fmt: skip
    files = added(files, "calendar_dates.txt", "all,20260103,2")
    only(found(files), "warning", "timeframes.txt", 4, "service_id")


def test_services_may_stand_in_calendar_dates_alone(found, tmp_path):
    files = without(city_feed(), "calendar.txt")
    files = files | {"calendar_dates.txt": "service_id,date,exception_type\nwork,20260101,1\n"}
    text = only(found(files), "error", "timeframes.txt", 4, "service_id")
    assert "is no service_id of calendar_dates.txt" in text
    files = without(files, "calendar_dates.txt")
    assert "calendar.txt is missing" in found(files)[0].text


def test_findings_for_people_and_for_machines(found):
    files = changed(city_feed(), "fare_products.txt", "100.00", "100")
    findings = found(files | {"fare_rules.txt": "x\n"})
    said = json.loads(json.dumps(findings_as_json(findings[::-1])))
    assert (said["errors"], said["warnings"]) == (1, 1)
    assert said["findings"][0] == {
        "severity": "error",
        "file": "fare_products.txt",
        "line": 2,
        "field": "amount",
        "text": "'100': KZT has 2 decimals, not 0: write it like 1234.00",
    }
    assert said["findings"][1]["line"] is None
    assert findings_as_lines(findings[::-1]) == [
        "error: fare_products.txt:2: amount: '100': KZT has 2 decimals, not 0: write it like"
        " 1234.00",
        "warning: fare_rules.txt: is ignored: fares are read from Fares v2 files only",
        "1 error, 1 warning",
    ]
    assert summary([]) == "nothing found"
    assert summary(findings * 2) == "2 errors, 2 warnings"


def test_a_product_for_everyone_needs_a_default_too(found):
    files = flat_feed()
    files["rider_categories.txt"] = (
        "rider_category_id,rider_category_name,is_default_fare_category\na,A,0\nb,B,\n"
    )
    only(found(files), "error", "rider_categories.txt", 2, "is_default_fare_category")


def test_the_longest_timeframe_overlaps_all_after_it(found):
    files = city_feed()
    files["timeframes.txt"] = (
        "timeframe_group_id,start_time,end_time,service_id\n"
        "peak,08:00:00,20:00:00,work\n"
        "peak,09:00:00,10:00:00,work\n"
        "peak,11:00:00,12:00:00,work\n"
        "always,11:00:00,12:00:00,work\n"
        "peak,11:00:00,12:00:00,all\n"
        "peak,20:00:00,24:00:00,work\n"
    )
    findings = found(files)
    assert [(f.line, f.field) for f in findings] == [(3, "start_time"), (4, "start_time")]
    assert all("overlaps line 2" in f.text for f in findings)


@pytest.mark.parametrize(
    ("row", "dates"),
    [
        ("all,1,0,0,0,0,0,0,99991231,99991231", ()),
        ("all,1,1,1,1,1,1,1,20260103,20260104", ("all,20260103,2", "all,20260104,2")),
        ("none,1,1,1,1,1,1,1,20260103,20260104", ("all,20260103,2",)),
    ],
)
def test_a_service_without_a_day(found, row, dates):
    old = "all,1,1,1,1,1,1,1,20260101,20261231"
    files = changed(city_feed(), "calendar.txt", old, row)
    files = added(files, "calendar_dates.txt", *dates)
    only(found(files), "warning", "timeframes.txt", 4, "service_id")


def test_a_service_with_one_day_among_many_removed(found):
    old = "all,1,1,1,1,1,1,1,20260101,20261231"
    files = changed(city_feed(), "calendar.txt", old, "all,0,0,0,0,1,0,0,20260101,20260131")
    fridays = [f"all,202601{day:02},2" for day in (2, 9, 16, 23)]
    assert found(added(files, "calendar_dates.txt", *fridays)) == []
    fridays.append("all,20260130,2")
    findings = found(added(files, "calendar_dates.txt", *fridays))
    only(findings, "warning", "timeframes.txt", 4, "service_id")


def test_legs_join_at_stops_and_stations_only(found):
    files = added(city_feed(), "stops.txt", "E,Door,1,1,2,C")
    files = added(files, "fare_leg_join_rules.txt", "bus,bus,C,E")
    text = only(found(files), "error", "fare_leg_join_rules.txt", 4, "to_stop_id")
    assert "neither a stop nor a station" in text
