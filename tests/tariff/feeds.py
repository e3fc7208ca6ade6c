"""Small fare feeds as texts, for every test of tariffs: file name -> CSV text.

`flat_feed` is the least a feed needs; `city_feed` uses every fare file once. Change them with
`changed` or plain dict updates, write them with `write_feed`.
"""

import zipfile
from pathlib import Path

FeedFiles = dict[str, str]

FLAT: FeedFiles = {
    "agency.txt": """\
agency_id,agency_name,agency_url,agency_timezone
A,City Buses,https://example.org,Asia/Almaty
""",
    "stops.txt": """\
stop_id,stop_name,stop_lat,stop_lon
S1,Market,47.10,51.90
S2,Bridge,47.11,51.91
S3,Station,47.12,51.92
""",
    "routes.txt": """\
route_id,agency_id,route_short_name,route_long_name,route_type
R5,A,5,Market to Station,3
R7,A,7,Bridge to Station,3
""",
    "fare_products.txt": """\
fare_product_id,fare_product_name,rider_category_id,fare_media_id,amount,currency
ride,One ride,,,100.00,KZT
""",
    "fare_leg_rules.txt": """\
leg_group_id,network_id,from_area_id,to_area_id,fare_product_id
city,,,,ride
""",
}

CITY: FeedFiles = FLAT | {
    "stops.txt": """\
stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station
C,Central,47.10,51.90,1,
C1,Central 1,47.10,51.90,0,C
C2,Central 2,47.10,51.90,,C
S1,Market,47.10,51.90,,
S2,Bridge,47.11,51.91,,
S3,Airport,47.12,51.92,,
""",
    "networks.txt": """\
network_id,network_name
bus,Buses
rail,Airport train
""",
    "route_networks.txt": """\
network_id,route_id
bus,R5
rail,R7
""",
    "trips.txt": """\
route_id,service_id,trip_id,direction_id
R5,work,t1,0
R5,work,t2,1
R7,all,t3,0
""",
    "stop_times.txt": """\
trip_id,arrival_time,departure_time,stop_id,stop_sequence
t1,08:00:00,08:00:00,S1,1
t1,08:05:00,08:05:00,S2,2
t1,08:10:00,08:10:00,C1,3
t2,09:00:00,09:00:00,C1,1
t2,09:10:00,09:10:00,S1,2
t3,08:00:00,08:00:00,C2,1
t3,25:10:00,25:10:00,S3,2
""",
    "calendar.txt": """\
service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date
work,1,1,1,1,1,0,0,20260101,20261231
all,1,1,1,1,1,1,1,20260101,20261231
""",
    "calendar_dates.txt": """\
service_id,date,exception_type
work,20260101,2
work,20260103,1
fair,20260901,1
""",
    "areas.txt": """\
area_id,area_name
inner,Inner city
outer,Airport
""",
    "stop_areas.txt": """\
area_id,stop_id
inner,C
inner,S1
inner,S2
outer,S3
""",
    "timeframes.txt": """\
timeframe_group_id,start_time,end_time,service_id
peak,07:00:00,09:30:00,work
peak,16:30:00,19:00:00,work
always,,,all
""",
    "rider_categories.txt": """\
rider_category_id,rider_category_name,is_default_fare_category,eligibility_url
adult,Adult,1,
reduced,Reduced,0,
""",
    "fare_media.txt": """\
fare_media_id,fare_media_name,fare_media_type
card,City card,2
cash,Cash,0
""",
    "fare_products.txt": """\
fare_product_id,fare_product_name,rider_category_id,fare_media_id,amount,currency
ride,One ride,adult,card,100.00,KZT
ride,One ride,reduced,card,50.00,KZT
ride,One ride,,cash,150.00,KZT
peak_ride,Peak ride,,,120.00,KZT
airport,Airport ride,,,500.00,KZT
change,Change of bus,,,20.00,KZT
day,Day ticket,,card,400.00,KZT
month,Monthly pass,,card,9000.00,KZT
ten,Ten rides,,card,800.00,KZT
weekend,Weekend,,card,700.00,KZT
airport_max,Airport without check-out,,,600.00,KZT
""",
    "fare_leg_rules.txt": (
        "leg_group_id,network_id,from_area_id,to_area_id,from_timeframe_group_id,"
        "to_timeframe_group_id,fare_product_id,rule_priority\n"
        "bus,bus,,,,,ride,\n"
        "bus,bus,,,peak,,peak_ride,2\n"
        "rail,rail,inner,outer,always,,airport,1\n"
        "rail,rail,outer,inner,,always,airport,1\n"
        ",,,,,,day,\n"
        ",,,,,,month,\n"
        ",bus,,,,,ten,\n"
        ",bus,,,,,weekend,\n"
    ),
    "fare_leg_join_rules.txt": """\
from_network_id,to_network_id,from_stop_id,to_stop_id
rail,rail,,
bus,bus,S2,S1
""",
    "fare_transfer_rules.txt": """\
from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,duration_limit_type,\
fare_transfer_type,fare_product_id
bus,bus,1,1800,1,0,
bus,rail,,3600,3,1,change
rail,bus,,,,2,airport
""",
    "minik_settings.txt": """\
setting,value
version,3
passback_s,45
recovery_s,7200
same_vehicle_transfer,0
service_day_start,03:00:00
purse_max,20000.00
valid_from,20260101
valid_until,20261231
""",
    "minik_rider_categories.txt": """\
rider_category_id,concession
reduced,1
""",
    "minik_fare_media.txt": """\
fare_media_id,on_card,risk_limit
card,1,500.00
""",
    "minik_products.txt": """\
fare_product_id,kind,length,weekdays,start,priority,passback_s,sold_on_board,valid_days
day,days,1,,first_use,,,1,
month,months,1,,chosen,3,600,0,
ten,rides,10,,purchase,,,,90
weekend,weekdays,,fri sat sun,purchase,5,,1,
""",
    "minik_networks.txt": """\
network_id,check_out,unknown_exit,ride_s_max,missed_product_id
rail,1,dearest,7200,airport_max
""",
    "minik_caps.txt": """\
rider_category_id,period,amount
,day,600.00
reduced,day,300.00
reduced,month,5000.00
""",
}


def flat_feed() -> FeedFiles:
    """One fare, no category, no pass: the least there is."""
    return dict(FLAT)


def city_feed() -> FeedFiles:
    """Two networks, two areas, timeframes, passes, check-out, caps: every fare file once."""
    return dict(CITY)


def changed(files: FeedFiles, name: str, old: str, new: str) -> FeedFiles:
    """The feed with the one place where `old` stands in file `name` replaced."""
    count = files[name].count(old)
    assert count == 1, f"{old!r} stands {count} times in {name}"
    return files | {name: files[name].replace(old, new)}


def added(files: FeedFiles, name: str, *rows: str) -> FeedFiles:
    """The feed with these rows at the end of file `name`."""
    return files | {name: files[name] + "".join(f"{row}\n" for row in rows)}


def without(files: FeedFiles, *names: str) -> FeedFiles:
    """The feed without these files."""
    return {name: text for name, text in files.items() if name not in names}


def write_feed(files: FeedFiles | dict[str, bytes], path: Path, top: str = "") -> Path:
    """Write as a zip if `path` ends in .zip, else as a folder; `top` is a folder around all."""
    raw = {name: t if isinstance(t, bytes) else t.encode() for name, t in files.items()}
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in raw.items():
                archive.writestr(f"{top}/{name}" if top else name, content)
        return path
    folder = path / top if top else path
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in raw.items():
        (folder / name).write_bytes(content)
    return path
