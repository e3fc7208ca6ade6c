"""One mistake in a feed, one finding: its file, line, field and the words that help."""

from typing import NamedTuple

import pytest

from host_tools.tariff.file_specs import SPECS
from host_tools.tariff.read_feed import read_feed
from tests.tariff.feeds import changed, city_feed, write_feed


class Case(NamedTuple):
    """Replace `old` by `new` in `file` of the city feed; `at` is the finding's place."""

    file: str
    old: str
    new: str
    line: int | None
    field: str | None
    words: str
    at: str = ""  # the finding's file, where it is another


ERRORS = [
    # agency, stops, routes, networks
    Case("agency.txt", "Asia/Almaty", "Asia/Alma", 2, "agency_timezone", "like Europe/Warsaw"),
    Case("agency.txt", "Asia/Almaty", "", 2, "agency_timezone", "is empty"),
    Case("agency.txt", ",City Buses,", ",,", 2, "agency_name", "is empty"),
    Case(
        "agency.txt",
        "\nA,",
        "\nB,Trains,https://example.org,Asia/Tokyo\nA,",
        3,
        "agency_timezone",
        "differs from line 2",
    ),
    Case("stops.txt", "C1,Central 1", "C,Again,1,1,1,\nC1,Central 1", 3, "stop_id", "as line 2"),
    Case("stops.txt", "Market,", ",", 5, "stop_name", "is empty"),
    Case("stops.txt", "51.91,,", "51.91,7,", 6, "location_type", "whole number from 0 to 4"),
    Case("stops.txt", "51.91,,", "51.91,,C9", 6, "parent_station", "did you mean 'C'?"),
    Case("stops.txt", "51.91,,", "51.91,,S1", 6, "parent_station", "'S1' is not a station"),
    Case("stops.txt", "51.90,1,", "51.90,1,S1", 2, "parent_station", "must be empty"),
    Case("stops.txt", "C,Cen", "D,Door,,,2,\nC,Cen", 2, "parent_station", "an entrance needs"),
    Case("stops.txt", "C,Cen", "D,,,,4,C\nC,Cen", 2, "parent_station", "not a stop (location_t"),
    Case("stops.txt", "51.91,,", "51.91,,S2", 6, "parent_station", "circle: S2, S2"),
    Case("routes.txt", "R7,A,7,Bridge to Station", "R7,A,,", 3, "route_short_name", "fill in one"),
    Case("routes.txt", "R7,A,", "R7,B,", 3, "agency_id", "is no agency_id of agency.txt"),
    Case("routes.txt", "R7,A", "R5,A,5,,3\nR7,A", 3, "route_id", "same route_id as line 2"),
    Case("networks.txt", "rail,Air", "bus,B\nrail,Air", 3, "network_id", "same network_id as"),
    Case("route_networks.txt", "bus,R5", "buss,R5", 2, "network_id", "did you mean 'bus'?"),
    Case("route_networks.txt", "bus,R5", "bus,R6", 2, "route_id", "is no route_id of routes.txt"),
    Case("route_networks.txt", "rail,R7", "rail,R7\nbus,R7", 4, "route_id", "in network 'rail'"),
    Case("route_networks.txt", "rail,R7", "rail,R7\nrail,R7", 4, "route_id", "same as line 3"),
    # areas, services, trips
    Case("areas.txt", "outer,", "inner,\nouter,", 3, "area_id", "same area_id as line 2"),
    Case("stop_areas.txt", "inner,S2", "iner,S2", 4, "area_id", "did you mean 'inner'?"),
    Case("stop_areas.txt", "inner,S2", "inner,S9", 4, "stop_id", "is no stop_id of stops.txt"),
    Case("stop_areas.txt", "inner,S2", "inner,S1", 4, "area_id", "same area_id, stop_id"),
    Case("calendar.txt", "work,1,1", "work,2,1", 2, "monday", "neither 0 nor 1"),
    Case("calendar.txt", "all,1,1", "all,,1", 3, "monday", "is empty"),
    Case("calendar.txt", "0,0,20260101", "0,0,20260231", 2, "start_date", "like 20260131"),
    Case(
        "calendar.txt", "0,0,20260101,20261231", "0,0,20260101,20251231", 2, "end_date", "before"
    ),
    Case(
        "calendar.txt",
        "\nall,",
        "\nwork,1,1,1,1,1,0,0,20260101,20261231\nall,",
        3,
        "service_id",
        "same service_id as line 2",
    ),
    Case("calendar_dates.txt", "work,20260103", "work,20260101", 3, "date", "is there twice"),
    Case(
        "calendar_dates.txt", "fair,20260901,1", "fair,20260901,3", 4, "exception_type", "1 to 2"
    ),
    Case("calendar_dates.txt", "fair,20260901", "fair,1.9.2026", 4, "date", "like 20260131"),
    Case("trips.txt", "R7,all,t3", "R8,all,t3", 4, "route_id", "is no route_id"),
    Case(
        "trips.txt", "R5,work,t2", "R5,work,t1,0\nR5,work,t2", 3, "trip_id", "'t1' is there twice"
    ),
    Case("stop_times.txt", "09:10:00,S1,2", "09:10:00,S1,x", 6, "stop_sequence", "whole number"),
    Case("stop_times.txt", "09:10:00,S1,2", "09:10:00,S1,1", 6, "stop_sequence", "1 is there twi"),
    Case("stop_times.txt", "09:10:00,S1,2", "09:10:00,,2", 6, "stop_id", "is empty"),
    Case("stop_times.txt", "09:10:00,S1,2", "09:10:00,S8,2", 6, "stop_id", "is no stop_id"),
    Case("stop_times.txt", "09:10:00,S1,2", "09:10:00,C,2", 6, "stop_id", "vehicles call"),
    Case("stop_times.txt", "t2,09:10", "t9,09:10", 6, "trip_id", "is no trip_id of trips.txt"),
    # timeframes
    Case("timeframes.txt", "07:00:00,", ",", 2, "start_time", "is empty, but end_time is not"),
    Case("timeframes.txt", "09:30:00,", ",", 2, "end_time", "is empty, but start_time is not"),
    Case("timeframes.txt", "09:30:00", "07:00:00", 2, "end_time", "two rows"),
    Case("timeframes.txt", "09:30:00", "24:00:01", 2, "end_time", "later than 24:00:00"),
    Case("timeframes.txt", "09:30:00", "9.30", 2, "end_time", "write it like 08:30:00"),
    Case("timeframes.txt", "09:30:00", "16:30:01", 3, "start_time", "overlaps line 2"),
    Case("timeframes.txt", "16:30:00", "16.30", 3, "start_time", "write it like 08:30:00"),
    Case("timeframes.txt", "always,,,all", "always,,,al", 4, "service_id", "did you mean 'all'?"),
    Case("timeframes.txt", "always,,,all", "always,,,", 4, "service_id", "is empty"),
    # rider categories and media
    Case(
        "rider_categories.txt",
        "Reduced,0",
        "Reduced,1",
        3,
        "is_default_fare_category",
        "is 1 for 'adult' already",
    ),
    Case(
        "rider_categories.txt",
        "Adult,1",
        "Adult,0",
        2,
        "is_default_fare_category",
        "none is the default",
    ),
    Case(
        "rider_categories.txt",
        "reduced,R",
        "adult,A,,\nreduced,R",
        3,
        "rider_category_id",
        "same rider_category_id as line 2",
    ),
    Case("rider_categories.txt", ",Reduced,", ",,", 3, "rider_category_name", "is empty"),
    Case("fare_media.txt", "City card,2", "City card,5", 2, "fare_media_type", "from 0 to 4"),
    Case("fare_media.txt", "Cash,0", "Cash,", 3, "fare_media_type", "is empty"),
    # products
    Case("fare_products.txt", ",100.00,", ",100,", 2, "amount", "KZT has 2 decimals, not 0"),
    Case("fare_products.txt", ",100.00,", ",100.000,", 2, "amount", "KZT has 2 decimals, not 3"),
    Case("fare_products.txt", ",100.00,", ",1e2,", 2, "amount", "write an amount as 1234.00"),
    Case("fare_products.txt", ",100.00,", ",,", 2, "amount", "is empty"),
    Case("fare_products.txt", ",100.00,", ",-100.00,", 2, "amount", "is negative"),
    Case("fare_products.txt", ",100.00,", ",167772.16,", 2, "amount", "card counts for one ride"),
    Case("fare_products.txt", ",100.00,", ",5368709.12,", 2, "amount", "out of range"),
    Case("fare_products.txt", ",150.00,KZT", ",150.00,USD", 4, "currency", "differs from KZT"),
    Case("fare_products.txt", ",150.00,KZT", ",150.00,", 4, "currency", "is empty"),
    Case("fare_products.txt", "reduced,card", "reducd,card", 3, "rider_category_id", "'reduced'?"),
    Case("fare_products.txt", "reduced,card", "reduced,cart", 3, "fare_media_id", "'card'?"),
    Case("fare_products.txt", "reduced,card", "adult,card", 3, "fare_product_id", "as line 2"),
    # leg rules
    Case("fare_leg_rules.txt", "bus,bus,,,,,ride", "bus,bs,,,,,ride", 2, "network_id", "'bus'?"),
    Case("fare_leg_rules.txt", "rail,inner", "rail,innner", 4, "from_area_id", "'inner'?"),
    Case("fare_leg_rules.txt", "outer,inner", "outer,in", 5, "to_area_id", "is no area_id"),
    Case("fare_leg_rules.txt", ",peak,,", ",peek,,", 3, "from_timeframe_group_id", "'peak'?"),
    Case("fare_leg_rules.txt", ",,always,", ",,alway,", 5, "to_timeframe_group_id", "'always'?"),
    Case("fare_leg_rules.txt", ",,ten,", ",,tenn,", 8, "fare_product_id", "'ten'?"),
    Case("fare_leg_rules.txt", ",,ten,", ",,,", 8, "fare_product_id", "is empty"),
    Case("fare_leg_rules.txt", ",,ten,", ",,ten,-1", 8, "rule_priority", "whole number from 0"),
    Case("fare_leg_rules.txt", ",,weekend,", ",,ten,", 9, "fare_product_id", "of line 8 again"),
    Case("fare_leg_rules.txt", ",,weekend,", ",,ten,3", 9, "rule_priority", "rule of line 8"),
    Case(
        "fare_leg_rules.txt",
        ",bus,,,,,weekend,",
        "bus,bus,,,,,ten,",
        9,
        "leg_group_id",
        "in leg group 'bus', there in ''",
    ),
    # join rules
    Case("fare_leg_join_rules.txt", "bus,bus", "bus,rail", 3, "to_network_id", "differs from"),
    Case("fare_leg_join_rules.txt", "bus,bus", "bus,", 3, "to_network_id", "is empty"),
    Case("fare_leg_join_rules.txt", ",S2,S1", ",S2,", 3, "to_stop_id", "from_stop_id is not"),
    Case("fare_leg_join_rules.txt", ",S2,S1", ",,S1", 3, "from_stop_id", "to_stop_id is not"),
    Case("fare_leg_join_rules.txt", ",S2,S1", ",S2,S7", 3, "to_stop_id", "is no stop_id"),
    Case(
        "fare_leg_join_rules.txt", "bus,bus,S2,S1", "rail,rail,,", 3, "from_network_id", "line 2"
    ),
    # transfer rules
    Case("fare_transfer_rules.txt", "bus,bus,1,", "bus,bus,,", 2, "transfer_count", "-1 for no"),
    Case("fare_transfer_rules.txt", "bus,bus,1,", "bus,bus,0,", 2, "transfer_count", "is 0"),
    Case("fare_transfer_rules.txt", "bus,bus,1,", "bus,bus,-2,", 2, "transfer_count", "from -1"),
    Case("fare_transfer_rules.txt", "rail,bus,,", "rail,bus,1,", 4, "transfer_count", "differ"),
    Case("fare_transfer_rules.txt", "rail,bus,", "rails,bus,", 4, "from_leg_group_id", "'rail'?"),
    Case("fare_transfer_rules.txt", "rail,bus,", "rail,boat,", 4, "to_leg_group_id", "fare_leg_r"),
    Case("fare_transfer_rules.txt", "1800,1", "1800,", 2, "duration_limit_type", "0, 1, 2 or 3"),
    Case("fare_transfer_rules.txt", "1800,1", ",1", 2, "duration_limit_type", "must be empty"),
    Case("fare_transfer_rules.txt", "1800,1", "0,1", 2, "duration_limit", "from 1"),
    Case("fare_transfer_rules.txt", "1800,1", "1800,4", 2, "duration_limit_type", "0 to 3"),
    Case(
        "fare_transfer_rules.txt", "3,1,change", "3,,change", 3, "fare_transfer_type", "is empty"
    ),
    Case("fare_transfer_rules.txt", "3,1,change", "3,3,change", 3, "fare_transfer_type", "0 to 2"),
    Case("fare_transfer_rules.txt", "2,airport", "2,airprt", 4, "fare_product_id", "'airport'?"),
    Case("fare_transfer_rules.txt", "2,airport", "2,day", 4, "fare_product_id", "is of kind days"),
    # minik_settings.txt
    Case("minik_settings.txt", "version,3", "verson,3", 2, "setting", "did you mean 'version'?"),
    Case("minik_settings.txt", "version,3", "colour,3", 2, "setting", "known are version, "),
    Case(
        "minik_settings.txt", "version,3", "version,0", 2, "value", "whole number from 1 to 2,147"
    ),
    Case("minik_settings.txt", "version,3", "version,", 2, "value", "is empty"),
    Case("minik_settings.txt", "_s,45", "_s,65536", 3, "value", "whole number from 0 to 65,535"),
    Case("minik_settings.txt", "recovery_s,7200", "passback_s,9", 4, "setting", "as line 3"),
    Case("minik_settings.txt", "transfer,0", "transfer,no", 5, "value", "neither 0 nor 1"),
    Case("minik_settings.txt", "03:00:00", "12:00:01", 6, "value", "later than 12:00:00"),
    Case("minik_settings.txt", "20000.00", "20000", 7, "value", "KZT has 2 decimals"),
    Case("minik_settings.txt", "20260101", "20200101", 8, "value", "not a day from 20200102"),
    Case("minik_settings.txt", "20261231", "20251231", None, "value", "is before valid_from"),
    # the other extensions
    Case("minik_rider_categories.txt", ",1", ",yes", 2, "concession", "neither 0 nor 1"),
    Case(
        "minik_rider_categories.txt", "reduced,", "pupil,", 2, "rider_category_id", "is no rider"
    ),
    Case("minik_fare_media.txt", "500.00", "500.0", 2, "risk_limit", "2 decimals, not 1"),
    Case("minik_fare_media.txt", "card,1", "cash,1", 2, "on_card", "fare_media_type is not 2"),
    Case("minik_fare_media.txt", "card,1", "crd,1", 2, "fare_media_id", "did you mean 'card'?"),
    Case("minik_products.txt", "day,days", "dya,days", 2, "fare_product_id", "'day'?"),
    Case("minik_products.txt", "day,days", "day,dais", 2, "kind", "did you mean 'days'?"),
    Case("minik_products.txt", "day,days", "day,", 2, "kind", "is empty"),
    Case(
        "minik_products.txt",
        "day,days,1,,first_use,,",
        "day,single,,,,1,",
        2,
        "priority",
        "must be em",
    ),
    Case("minik_products.txt", "days,1,", "days,,", 2, "length", "needs the number of days"),
    Case("minik_products.txt", "days,1,", "days,0,", 2, "length", "whole number from 1"),
    Case("minik_products.txt", "days,1,,", "days,1,mon,", 2, "weekdays", "must be empty"),
    Case("minik_products.txt", "first_use", "tomorrow", 2, "start", "write purchase or first_use"),
    Case("minik_products.txt", "chosen,3,", "chosen,255,", 3, "priority", "0 to 254"),
    Case("minik_products.txt", ",600,", ",-1,", 3, "passback_s", "0 to 65,535"),
    Case("minik_products.txt", "600,0,", "600,0,9", 3, "valid_days", "only rides have it"),
    Case(
        "minik_products.txt", "10,,purchase", "10,,chosen", 4, "start", "not possible for kind ri"
    ),
    Case("minik_products.txt", "rides,10", "rides,256", 4, "length", "1 to 255"),
    Case("minik_products.txt", "fri sat sun", "", 5, "weekdays", "like fri sat sun"),
    Case("minik_products.txt", "purchase,5,,1,", "purchase,5,,1", 5, None, "has 8 fields, fewer"),
    Case(
        "minik_products.txt", "fri sat sun", "fri sat satt", 5, "weekdays", "'satt' is not a day"
    ),
    Case("minik_products.txt", "fri sat sun", "fri fri", 5, "weekdays", "fri is there twice"),
    Case("minik_products.txt", "weekdays,,fri", "weekdays,3,fri", 5, "length", "must be empty"),
    Case("minik_products.txt", ",5,,1,", ",5,,2,", 5, "sold_on_board", "neither 0 nor 1"),
    Case("minik_networks.txt", ",airport_max", ",", 2, "missed_product_id", "check_out needs"),
    Case("minik_networks.txt", ",7200,airport_max", ",,airport_mx", 2, "missed_product_id", "mea"),
    Case("minik_networks.txt", "rail,1,", "rial,1,", 2, "network_id", "did you mean 'rail'?"),
    Case("minik_networks.txt", "dearest", "middle", 2, "unknown_exit", "dearest or cheapest"),
    Case("minik_networks.txt", "7200", "65536", 2, "ride_s_max", "1 to 65,535"),
    Case(
        "minik_networks.txt",
        "airport_max",
        "day",
        3,
        "missed_product_id",
        "kind days",
        at="networks.txt",
    ),
    Case("minik_caps.txt", "reduced,month", "reduced,day", 4, "rider_category_id", "line 3"),
    Case("minik_caps.txt", "reduced,month", "reduced,year", 4, "period", "day or week or month"),
    Case("minik_caps.txt", "reduced,month", "reducd,month", 4, "rider_category_id", "'reduced'?"),
    Case("minik_caps.txt", "5000.00", "-5000.00", 4, "amount", "0.00 to 167772.15 KZT"),
    Case("minik_caps.txt", "5000.00", "167772.16", 4, "amount", "0.00 to 167772.15 KZT"),
    Case("minik_caps.txt", "5000.00", "", 4, "amount", "is empty"),
    # columns
    Case("fare_media.txt", "fare_media_type", "x", 1, "fare_media_type", "add this column"),
    Case("minik_networks.txt", "ride_s_max", "ride_s_mx", 1, "ride_s_mx", "'ride_s_max'?"),
    Case("minik_networks.txt", "ride_s_max", "colour", 1, "colour", "remove it"),
    Case("fare_media.txt", "fare_media_name", "fare_media_id", 1, "fare_media_id", "twice"),
    Case("areas.txt", ",area_name", ",", 1, None, "column 2 has no name"),
    Case("areas.txt", "inner,Inner city", "inner", 2, None, "has 1 fields, fewer than the 2"),
    Case("areas.txt", "Inner city", f"{'é' * 128}", 2, "area_name", "longer than 255 bytes"),
]

WARNINGS = [
    Case(
        "fare_leg_rules.txt",
        ",bus,,,,,weekend,\n",
        "",
        11,
        "fare_product_id",
        "in no fare rule",
        at="fare_products.txt",
    ),
    Case(
        "timeframes.txt",
        "always,,,all",
        "always,,,all\nnight,,,all",
        5,
        "timeframe_group_id",
        "'night' is in no row of fare_leg_rules.txt",
    ),
    Case("networks.txt", "rail,Air", "tram,Trams\nrail,Air", 3, "network_id", "'tram' has no rou"),
    Case("areas.txt", "outer,", "far,Far\nouter,", 3, "area_id", "'far' has no stop"),
    Case(
        "calendar.txt",
        "all,1,1,1,1,1,1,1",
        "all,0,0,0,0,0,0,0",
        4,
        "service_id",
        "has no day",
        at="timeframes.txt",
    ),
    Case(
        "fare_products.txt",
        "ride,One ride,reduced",
        "ride,Reduced ride,reduced",
        3,
        "fare_product_name",
        "line 2 names it 'One ride'",
    ),
    Case(
        "fare_leg_rules.txt",
        "rule_priority",
        "rule_prioritty",
        1,
        "rule_prioritty",
        "did you mean 'rule_priority'?",
    ),
]


def name_of(case: Case) -> str:
    return f"{case.file}-{case.field}-{case.words}".replace(" ", "_")


def found_in(files, tmp_path, severity="error"):
    """(feed, findings of a severity) of the feed as a zip."""
    feed, findings = read_feed(write_feed(files, tmp_path / "feed.zip"))
    assert (feed is None) == any(finding.severity == "error" for finding in findings)
    return feed, [finding for finding in findings if finding.severity == severity]


@pytest.mark.parametrize("case", ERRORS, ids=name_of)
def test_one_mistake_is_one_error(case, tmp_path):
    files = changed(city_feed(), case.file, case.old, case.new)
    _, errors = found_in(files, tmp_path)
    assert [(e.file, e.line, e.field) for e in errors] == [
        (case.at or case.file, case.line, case.field)
    ]
    assert case.words in errors[0].text


@pytest.mark.parametrize("case", WARNINGS, ids=name_of)
def test_what_is_odd_is_one_warning_and_no_error(case, tmp_path):
    files = changed(city_feed(), case.file, case.old, case.new)
    feed, warnings = found_in(files, tmp_path, "warning")
    assert feed is not None
    assert [(w.file, w.line, w.field) for w in warnings] == [
        (case.at or case.file, case.line, case.field)
    ]
    assert case.words in warnings[0].text


REQUIRED_CELLS = {
    "agency.txt": "agency_name agency_timezone",
    "stops.txt": "stop_id stop_name",
    "routes.txt": "route_id",
    "networks.txt": "network_id",
    "route_networks.txt": "network_id route_id",
    "trips.txt": "route_id trip_id",
    "stop_times.txt": "trip_id stop_id stop_sequence",
    "calendar.txt": "service_id monday tuesday wednesday thursday friday saturday sunday"
    " start_date end_date",
    "calendar_dates.txt": "service_id date exception_type",
    "areas.txt": "area_id",
    "stop_areas.txt": "area_id stop_id",
    "timeframes.txt": "timeframe_group_id service_id",
    "rider_categories.txt": "rider_category_id rider_category_name",
    "fare_media.txt": "fare_media_id fare_media_type",
    "fare_products.txt": "fare_product_id amount currency",
    "fare_leg_rules.txt": "fare_product_id",
    "fare_leg_join_rules.txt": "from_network_id to_network_id",
    "fare_transfer_rules.txt": "fare_transfer_type",
    "minik_settings.txt": "setting value",
    "minik_rider_categories.txt": "rider_category_id concession",
    "minik_fare_media.txt": "fare_media_id",
    "minik_products.txt": "fare_product_id kind",
    "minik_networks.txt": "network_id",
    "minik_caps.txt": "period amount",
}


@pytest.mark.parametrize(
    ("file", "column"),
    [(file, column) for file, columns in REQUIRED_CELLS.items() for column in columns.split()],
)
def test_a_cell_that_must_not_be_empty(file, column, tmp_path):
    *before, last = city_feed()[file].splitlines()
    cells = last.split(",")
    cells[before[0].split(",").index(column)] = ""
    text = "\n".join([*before, ",".join(cells), ""])
    _, errors = found_in(city_feed() | {file: text}, tmp_path)
    found = [(error.file, error.line, error.field) for error in errors]
    assert found.count((file, len(before) + 1, column)) == 1
    said = [error.text for error in errors if (error.file, error.field) == (file, column)]
    assert said == ["is empty: fill it in"]


@pytest.mark.parametrize(
    ("file", "column"),
    [
        (name, column)
        for name, spec in SPECS.items()
        if name in REQUIRED_CELLS
        for column in spec.required
    ],
)
def test_a_column_that_must_be_there(file, column, tmp_path):
    header, *rows = city_feed()[file].splitlines()
    index = header.split(",").index(column)
    lines = [
        ",".join(cell for at, cell in enumerate(line.split(",")) if at != index)
        for line in (header, *rows)
    ]
    _, errors = found_in(city_feed() | {file: "\n".join([*lines, ""])}, tmp_path)
    here = [(error.line, error.field) for error in errors if error.file == file]
    assert here[0] == (1, column)
    assert (None, column) not in here
    assert len(here) <= 2
