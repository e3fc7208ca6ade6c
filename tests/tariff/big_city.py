"""A city that is as large as a tariff is meant to hold: 60 routes, 1,500 stops, 40 products.

Made up, the same for the same seed: twelve zones, trams and buses without check-out, a railway
with it, an express, dearer at the peak, passes by zone and for the network.
"""

from itertools import product
from random import Random

from tests.tariff.feeds import FeedFiles

ROUTES, STOPS, ZONES = 60, 1500, 12
NETWORKS = {"bus": "Buses", "tram": "Trams", "rail": "City railway", "express": "Express buses"}
CATEGORIES = {"adult": 100, "reduced": 50, "child": 25}  # percent of the full price
STEPS_MAX = 6  # zones that a single ticket counts
PASS_HOURS = (1, 2, 24, 72)
_FIRST = ("Old", "New", "Upper", "Lower", "North", "South", "East", "West", "Little", "Great")
_SECOND = ("Lake", "River", "Market", "Park", "Garden", "School", "Hospital", "Factory", "Castle")
_THIRD = ("Street", "Square", "Gate", "Bridge", "Station", "Hill", "Road", "Corner", "Depot")


def big_city(seed: int = 0) -> FeedFiles:
    """The feed as file name -> CSV text."""
    random = Random(seed)
    return {
        "agency.txt": "agency_id,agency_name,agency_url,agency_timezone\n"
        "A,Metropolitan Transport,https://example.org,Europe/Warsaw\n",
        **_places(random),
        **_times(),
        **_products(),
        **_rules(),
        "rider_categories.txt": _csv(
            "rider_category_id,rider_category_name,is_default_fare_category",
            [(name, name.title(), int(name == "adult")) for name in CATEGORIES],
        ),
        "minik_rider_categories.txt": _csv(
            "rider_category_id,concession", [("reduced", 1), ("child", 1)]
        ),
        "fare_media.txt": "fare_media_id,fare_media_name,fare_media_type\ncard,Metro card,2\n",
        "minik_networks.txt": "network_id,check_out,unknown_exit,ride_s_max,missed_product_id\n"
        "rail,1,,7200,rail_max\n",
        "minik_caps.txt": _csv(
            "rider_category_id,period,amount",
            [
                (name, period, f"{amount * percent // 100}.00")
                for name, percent in CATEGORIES.items()
                for period, amount in (("day", 20), ("week", 80), ("month", 200))
            ],
        ),
        "minik_settings.txt": "setting,value\nversion,3\nservice_day_start,03:00:00\n"
        "same_vehicle_transfer,0\npurse_max,500.00\n",
    }


def _csv(header: str, rows: list[tuple]) -> str:
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


def _decimal(amount_minor: int) -> str:
    return f"{amount_minor // 100}.{amount_minor % 100:02}"


def _network(route: int) -> str:
    return ("bus", "bus", "bus", "tram", "rail", "express")[route % 6]


def _places(random: Random) -> FeedFiles:
    """Stops in pairs of one name on both sides of a street; routes that walk along them."""
    names = [" ".join(words) for words in product(_FIRST, _SECOND, _THIRD)][: STOPS // 2]
    random.shuffle(names)
    stops = [(f"S{n:04}", name) for n, name in enumerate(name for name in names for _ in "ab")]
    zone_of = {stop: f"Z{n * ZONES // STOPS + 1}" for n, (stop, _) in enumerate(stops)}
    routes, calls = [], []
    for route in range(1, ROUTES + 1):
        at = random.randrange(STOPS)
        path = sorted({(at + random.randrange(STOPS // 3)) % STOPS for _ in range(35)})
        routes.append((f"R{route}", route, 3))
        calls += [(f"T{route}", f"S{stop:04}", n) for n, stop in enumerate(path, 1)]
    zones = [(f"Z{n}", f"Zone {n}") for n in range(1, ZONES + 1)]
    return {
        "stops.txt": _csv("stop_id,stop_name", stops),
        "areas.txt": _csv("area_id,area_name", zones),
        "stop_areas.txt": _csv(
            "area_id,stop_id", [(zone, stop) for stop, zone in zone_of.items()]
        ),
        "routes.txt": _csv("route_id,route_short_name,route_type", routes),
        "networks.txt": _csv("network_id,network_name", list(NETWORKS.items())),
        "route_networks.txt": _csv(
            "network_id,route_id", [(_network(n), f"R{n}") for n in range(1, ROUTES + 1)]
        ),
        "trips.txt": _csv(
            "route_id,service_id,trip_id",
            [(f"R{n}", "daily", f"T{n}") for n in range(1, ROUTES + 1)],
        ),
        "stop_times.txt": _csv("trip_id,stop_id,stop_sequence", calls),
    }


def _times() -> FeedFiles:
    days = "monday,tuesday,wednesday,thursday,friday,saturday,sunday"
    return {
        "calendar.txt": f"service_id,{days},start_date,end_date\n"
        "daily,1,1,1,1,1,1,1,20260101,20291231\nwork,1,1,1,1,1,0,0,20260101,20291231\n",
        "calendar_dates.txt": "service_id,date,exception_type\n"
        + "".join(
            f"work,{year}{day},2\n" for year in range(2026, 2030) for day in ("0501", "1225")
        ),
        "timeframes.txt": "timeframe_group_id,start_time,end_time,service_id\n"
        "peak,06:30:00,09:00:00,work\npeak,15:30:00,18:30:00,work\n",
    }


def _singles() -> dict[str, int]:
    """Prices of single tickets and of the maximum fare, full price in minor units."""
    prices = {f"zones{n}": 150 + 50 * n for n in range(1, STEPS_MAX + 1)}
    prices |= {f"peak{n}": 200 + 60 * n for n in range(1, STEPS_MAX + 1)}
    prices |= {f"rail{n}": 180 + 70 * n for n in range(1, STEPS_MAX + 1)}
    return prices | {"express": 600, "change": 80, "rail_max": 700}


def _passes() -> dict[str, tuple[str, int, int]]:
    """Passes: kind, length, full price in minor units."""
    passes = {f"h{hours}": ("minutes", 60 * hours, 400 + 50 * hours) for hours in PASS_HOURS}
    passes |= {f"month_z{n}": ("months", 1, 5000 + 10 * n) for n in range(1, ZONES + 1)}
    return passes | {
        "month": ("months", 1, 12000),
        "quarter": ("months", 3, 33000),
        "ten": ("rides", 10, 1800),
    }


def _products() -> FeedFiles:
    prices = _singles() | {name: price for name, (_, _, price) in _passes().items()}
    assert len(prices) == 40
    rows = [
        (name, f"Ticket {name}", category, "card", _decimal(price * percent // 100), "PLN")
        for name, price in prices.items()
        for category, percent in CATEGORIES.items()
    ]
    return {
        "fare_products.txt": _csv(
            "fare_product_id,fare_product_name,rider_category_id,fare_media_id,amount,currency",
            rows,
        ),
        "minik_products.txt": _csv(
            "fare_product_id,kind,length,start,sold_on_board",
            [
                (name, kind, length, "purchase", int(kind == "minutes"))
                for name, (kind, length, _) in _passes().items()
            ],
        ),
    }


def _rules() -> FeedFiles:
    """A single ticket by the zones ridden through, dearer at the peak; passes beside it."""
    rows: list[tuple] = [("", "", "", "", "", name, 1) for name in _PASSES_EVERYWHERE]
    rows += [("", "", "", "", "peak", name, 2) for name in _PASSES_EVERYWHERE]
    zones = range(1, ZONES + 1)
    for begin in zones:
        zone = f"Z{begin}"
        for timeframe, priority in (("", 1), ("peak", 2)):
            rows.append(("", "", zone, zone, timeframe, f"month_z{begin}", priority))
        for end in zones:
            steps = min(abs(begin - end) + 1, STEPS_MAX)
            where = (zone, f"Z{end}")
            for network in ("bus", "tram"):
                rows.append(("city", network, *where, "", f"zones{steps}", 1))
                rows.append(("city", network, *where, "peak", f"peak{steps}", 2))
            rows.append(("rail", "rail", *where, "", f"rail{steps}", 2))
    rows.append(("express", "express", "", "", "", "express", 2))
    return {
        "fare_leg_rules.txt": _csv(
            "leg_group_id,network_id,from_area_id,to_area_id,from_timeframe_group_id,"
            "fare_product_id,rule_priority",
            rows,
        ),
        "fare_transfer_rules.txt": "from_leg_group_id,to_leg_group_id,transfer_count,"
        "duration_limit,duration_limit_type,fare_transfer_type,fare_product_id\n"
        "city,city,2,3600,1,0,\ncity,rail,,3600,1,1,\nrail,city,,3600,2,0,change\n"
        "rail,rail,1,5400,2,0,change\n",
    }


_PASSES_EVERYWHERE = tuple(name for name in _passes() if not name.startswith("month_z"))
