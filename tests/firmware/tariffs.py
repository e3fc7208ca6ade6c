"""Signed tariffs for the validators of these tests: `flat`, and a town with all that shows."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from host_tools.keys.store import KeyStore
from host_tools.tariff.compile import compile_feed
from host_tools.tariff.load import load_tariff
from host_tools.tariff.pack import pack
from host_tools.tariff.read_feed import read_feed
from host_tools.tariff.sign import sign
from tests.tariff.feeds import FLAT, FeedFiles, write_feed

STORE = KeyStore.deterministic("firmware tests")
TOWN: FeedFiles = FLAT | {
    "stops.txt": """\
stop_id,stop_name,stop_lat,stop_lon
S1,Market,47.10,51.90
S2,Old bridge over the river,47.11,51.91
S3,Central,47.12,51.92
S4,Airport,47.13,51.93
""",
    "routes.txt": """\
route_id,agency_id,route_short_name,route_long_name,route_type
R5,A,5,,3
R7,A,7 Express,,3
R9,A,Airport train,,2
R11,A,Night 11,,3
""",
    "networks.txt": "network_id,network_name\ncity,City\nrail,Rail\n",
    "route_networks.txt": "network_id,route_id\ncity,R5\ncity,R7\nrail,R9\ncity,R11\n",
    "calendar.txt": """\
service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date
all,1,1,1,1,1,1,1,20260101,20291231
""",
    "trips.txt": "route_id,service_id,trip_id,direction_id\nR5,all,t1,0\nR9,all,t2,0\n",
    "stop_times.txt": """\
trip_id,arrival_time,departure_time,stop_id,stop_sequence
t1,08:00:00,08:00:00,S1,1
t1,08:05:00,08:05:00,S2,2
t1,08:10:00,08:10:00,S3,3
t2,08:00:00,08:00:00,S3,1
t2,08:30:00,08:30:00,S4,2
""",
    "areas.txt": "area_id,area_name\nA,Zone A\nB,Zone B\n",
    "stop_areas.txt": "area_id,stop_id\nA,S1\nA,S2\nA,S3\nB,S4\n",
    "rider_categories.txt": """\
rider_category_id,rider_category_name,is_default_fare_category
adult,Adult,1
student,Student,0
""",
    "fare_media.txt": "fare_media_id,fare_media_name,fare_media_type\ncard,Card,2\n",
    "fare_products.txt": """\
fare_product_id,fare_product_name,rider_category_id,fare_media_id,amount,currency
ride,Single ticket,adult,card,100.00,KZT
ride,Single ticket,student,card,50.00,KZT
fast,Express ticket,,card,150.00,KZT
day,Day pass,adult,card,250.00,KZT
day,Day pass,student,card,125.00,KZT
hour,60 minutes,,card,180.00,KZT
ten 1,Ten rides,,card,800.00,KZT
month,Monthly pass,,card,900.00,KZT
train,Train ticket,,card,300.00,KZT
train_max,Longest ride,,card,500.00,KZT
""",
    "fare_leg_rules.txt": """\
leg_group_id,network_id,from_area_id,to_area_id,fare_product_id
city,city,,,ride
city,city,,,fast
city,city,,,day
city,city,,,hour
city,city,,,ten 1
city,city,,,month
rail,rail,,,train
""",
    "fare_transfer_rules.txt": """\
from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,\
fare_transfer_type,fare_product_id
city,city,1,1800,1,0,
""",
    "minik_rider_categories.txt": "rider_category_id,concession\nstudent,1\n",
    "minik_products.txt": """\
fare_product_id,kind,length,weekdays,start,priority,passback_s,sold_on_board,valid_days
day,days,1,,,,,1,
hour,minutes,60,,,,,1,
ten 1,rides,10,,,,,1,
month,months,1,,chosen,,,0,
""",
    "minik_networks.txt": """\
network_id,check_out,unknown_exit,ride_s_max,missed_product_id
rail,1,dearest,600,train_max
""",
    "minik_caps.txt": "rider_category_id,period,amount\nstudent,day,120.00\n",
    "minik_settings.txt": "setting,value\nversion,3\nsame_vehicle_transfer,0\n",
}


@cache
def flat() -> bytes:
    """The built-in tariff as the file a device takes."""
    return sign(load_tariff("flat").payload, STORE)


@cache
def town() -> bytes:
    """The tariff of TOWN, likewise."""
    with TemporaryDirectory() as folder:
        loaded = load_tariff(write_feed(TOWN, Path(folder, "town")))
    return sign(loaded.payload, STORE)


@cache
def town_without_r7() -> bytes:
    """The next version of TOWN's tariff, in which line 7 is gone."""
    files = TOWN | {
        name: "".join(line for line in TOWN[name].splitlines(True) if "R7" not in line)
        for name in ("routes.txt", "route_networks.txt")
    }
    with TemporaryDirectory() as folder:
        feed, _ = read_feed(write_feed(files, Path(folder, "town")))
        before = load_tariff(write_feed(TOWN, Path(folder, "before"))).tables
    newer = replace(feed, settings=replace(feed.settings, version=4))
    tables, findings = compile_feed(newer, before)
    assert tables, findings
    return sign(pack(tables), STORE)
