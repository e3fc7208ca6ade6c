"""A small town whose cards need every block: caps, passes, rides, check-out on its train.

Fares, transfers and pass-back of its buses are those of `flat`, so that the same expectations
hold; a day costs 250.00 at most. Codes: routes 1 bus, 2 train; stops 1 to 3; products as named.
"""

import tempfile
from functools import cache
from pathlib import Path

from host_tools.tariff.load import LoadedTariff, load_tariff
from tests.tariff.feeds import FeedFiles, write_feed

BUS, TRAIN = 1, 2
RIDE, MONTH, TEN, SHORT, LONG, LONGEST = range(1, 7)
DAY_CAP, MONTH_PRICE = 25_000, 300_000
SHORT_FARE, LONGEST_FARE = 15_000, 40_000

TOWN: FeedFiles = {
    "agency.txt": """\
agency_id,agency_name,agency_url,agency_timezone
T,Town,https://example.org,Asia/Almaty
""",
    "stops.txt": """\
stop_id,stop_name,stop_lat,stop_lon
S1,Market,47.10,51.90
S2,Bridge,47.11,51.91
S3,Airport,47.12,51.92
""",
    "areas.txt": "area_id,area_name\ninner,Inner\nouter,Outer\n",
    "stop_areas.txt": "area_id,stop_id\ninner,S1\ninner,S2\nouter,S3\n",
    "routes.txt": """\
route_id,agency_id,route_short_name,route_long_name,route_type
B,T,1,Bus,3
T,T,2,Train,2
""",
    "networks.txt": "network_id,network_name\nbus,Buses\ntrain,Train\n",
    "route_networks.txt": "network_id,route_id\nbus,B\ntrain,T\n",
    "trips.txt": "route_id,service_id,trip_id\nB,all,b1\nT,all,t1\n",
    "stop_times.txt": """\
trip_id,arrival_time,departure_time,stop_id,stop_sequence
b1,08:00:00,08:00:00,S1,1
b1,08:05:00,08:05:00,S2,2
t1,08:00:00,08:00:00,S1,1
t1,08:05:00,08:05:00,S2,2
t1,08:10:00,08:10:00,S3,3
""",
    "calendar.txt": """\
service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date
all,1,1,1,1,1,1,1,20260101,20261231
""",
    "rider_categories.txt": """\
rider_category_id,rider_category_name,is_default_fare_category
adult,Adult,1
reduced,Reduced,0
""",
    "fare_media.txt": "fare_media_id,fare_media_name,fare_media_type\ncard,Card,2\n",
    "fare_products.txt": """\
fare_product_id,fare_product_name,rider_category_id,fare_media_id,amount,currency
ride,Ride,adult,,100.00,KZT
ride,Ride,reduced,,50.00,KZT
month,30 days,,,3000.00,KZT
ten,Ten rides,,,800.00,KZT
short,Short,,,150.00,KZT
long,Long,,,300.00,KZT
longest,Longest,,,400.00,KZT
""",
    "fare_leg_rules.txt": """\
leg_group_id,network_id,from_area_id,to_area_id,fare_product_id,rule_priority
bus,bus,,,ride,1
bus,bus,,,month,1
bus,bus,,,ten,1
train,train,inner,inner,short,1
train,train,inner,outer,long,1
""",
    "fare_transfer_rules.txt": """\
from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,\
fare_transfer_type
bus,bus,1,1800,1,0
""",
    "minik_settings.txt": """\
setting,value
version,1
passback_s,60
same_vehicle_transfer,0
purse_max,5000.00
""",
    "minik_rider_categories.txt": "rider_category_id,concession\nreduced,1\n",
    "minik_products.txt": """\
fare_product_id,kind,length,weekdays,start,priority,passback_s,sold_on_board,valid_days
month,days,30,,purchase,,,1,
ten,rides,10,,purchase,,,1,
""",
    "minik_networks.txt": """\
network_id,check_out,unknown_exit,ride_s_max,missed_product_id
train,1,dearest,7200,longest
""",
    "minik_caps.txt": "rider_category_id,period,amount\n,day,250.00\n",
}


@cache
def town() -> LoadedTariff:
    """The town's tariff, compiled."""
    with tempfile.TemporaryDirectory() as folder:
        return load_tariff(str(write_feed(TOWN, Path(folder) / "town")))


@cache
def flat() -> LoadedTariff:
    """The built-in tariff `flat`."""
    return load_tariff("flat")
