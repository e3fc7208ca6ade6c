"""Small random Fares v2 feeds for the tests, by seed: each valid, together using everything.

A feed is a dict, file name -> CSV text. Amounts come from a short list, so that prices tie often;
every product has a price for every rider.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.tariff.feeds import FeedFiles

_ZONES = (
    "Asia/Almaty", "Europe/Warsaw", "Europe/Warsaw", "Asia/Baku", "Australia/Sydney", "UTC",
    "America/New_York",
)
_CURRENCIES = (("KZT", 2), ("PLN", 2), ("JPY", 0), ("KWD", 3))
_AMOUNTS = (0, 50, 80, 100, 100, 120, 150, 200, 250, 400)
_DURATIONS = (300, 900, 1800, 3600, 7200)
_PASSES = ("minutes", "days", "months", "weekdays", "rides")
_SERVICES = (
    ("work", "1,1,1,1,1,0,0"), ("rest", "0,0,0,0,0,1,1"), ("all", "1,1,1,1,1,1,1"),
    ("friday", "0,0,0,0,1,0,0"),
)
_EXCEPTIONS = (
    "work,20260329,1", "work,20261026,2", "rest,20261026,1", "all,20261231,2", "fair,20261024,1",
    "fair,20261120,1",
)

Cells = Sequence[object]


def random_feed(seed: int) -> FeedFiles:
    """The feed of this seed."""
    return _City(random.Random(seed)).files()


def table(header: str, rows: Sequence[Cells]) -> str:
    """CSV text; None is an empty field."""
    lines = [",".join("" if cell is None else str(cell) for cell in row) for row in rows]
    return "".join(f"{line}\n" for line in (header, *lines))


@dataclass
class _City:
    """One city being thought up; each method writes the files of its subject."""

    rng: random.Random
    written: FeedFiles = field(default_factory=dict)

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def files(self) -> FeedFiles:
        """All files, in an order in which each subject knows what it needs."""
        rng = self.rng
        self.currency, self.exponent = rng.choice(_CURRENCIES)
        self.prioritised = self.chance(0.5)
        self.is_simple = self.chance(0.12)  # likely to be plain
        self.written["agency.txt"] = table(
            "agency_id,agency_name,agency_url,agency_timezone",
            [("A", "City", "https://example.org", rng.choice(_ZONES))],
        )
        self._places()
        self._lines()
        self._calendar()
        self._riders()
        self._products()
        self._networks()
        self._leg_rules()
        self._transfer_rules()
        self._price_list()
        self._joins()
        self._settings()
        return self.written

    def amount(self, minor: int) -> str:
        """An amount with the currency's decimals."""
        if not self.exponent:
            return str(minor)
        digits = f"{abs(minor):0{self.exponent + 1}d}"
        sign = "-" if minor < 0 else ""
        return f"{sign}{digits[:-self.exponent]}.{digits[-self.exponent:]}"

    def _places(self) -> None:
        rng = self.rng
        stations = [f"T{n}" for n in range(rng.randint(0, 2))]
        self.stops = [f"S{n}" for n in range(rng.randint(3, 8))]
        rows: list[Cells] = [(s, f"Station {s}", 47.1, 51.9, 1, None) for s in stations]
        for stop in self.stops:
            parent = rng.choice(stations) if stations and self.chance(0.4) else None
            rows.append((stop, f"Stop {stop}", 47.1, 51.9, 0 if parent else None, parent))
        self.written["stops.txt"] = table(
            "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station", rows
        )
        self.areas = [f"Z{n}" for n in range(rng.choice((0, 2, 3, 4)))]
        if self.areas:
            pairs = [(a, s) for a in self.areas for s in (*self.stops, *stations)]
            chosen = rng.sample(pairs, rng.randint(len(self.areas), max(4, len(pairs) // 2)))
            named = [(area, area) for area in self.areas]
            self.written["areas.txt"] = table("area_id,area_name", named)
            self.written["stop_areas.txt"] = table("area_id,stop_id", chosen)

    def _lines(self) -> None:
        rng = self.rng
        self.networks = [f"N{n}" for n in range(rng.choice((0, 1, 2, 3)))]
        self.routes = [f"R{n}" for n in range(rng.randint(1, 5))]
        of_route = {
            route: rng.choice(self.networks) if self.networks and self.chance(0.85) else None
            for route in self.routes
        }
        header = "route_id,agency_id,route_short_name,route_type"
        if self.networks and self.chance(0.5):
            rows = [(r, "A", r, 3, of_route[r]) for r in self.routes]
            self.written["routes.txt"] = table(header + ",network_id", rows)
            self.networks = sorted({network for network in of_route.values() if network})
        else:
            self.written["routes.txt"] = table(header, [(r, "A", r, 3) for r in self.routes])
            if self.networks:
                named = [(network, network) for network in self.networks]
                pairs = [(network, route) for route, network in of_route.items() if network]
                self.written["networks.txt"] = table("network_id,network_name", named)
                self.written["route_networks.txt"] = table("network_id,route_id", pairs)
        if self.chance(0.85):
            self._trips()

    def _trips(self) -> None:
        rng = self.rng
        trips, times = [], []
        for route in self.routes:
            count = rng.randint(2, len(self.stops))
            for number, stop in enumerate(rng.sample(self.stops, count)):
                times.append((f"t{route}", "08:00:00", "08:00:00", stop, number + 1))
            trips.append((route, "all", f"t{route}"))
        self.written["trips.txt"] = table("route_id,service_id,trip_id", trips)
        self.written["stop_times.txt"] = table(
            "trip_id,arrival_time,departure_time,stop_id,stop_sequence", times
        )

    def _calendar(self) -> None:
        rng = self.rng
        rows = [(*service, "20260101", "20271231") for service in _SERVICES]
        self.written["calendar.txt"] = table(
            "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,"
            "end_date",
            rows,
        )
        self.written["calendar_dates.txt"] = table(
            "service_id,date,exception_type", [(line,) for line in _EXCEPTIONS]
        )
        self.timeframes = [] if self.is_simple else [f"F{n}" for n in range(rng.choice((0, 1, 2)))]
        rows = []
        for group in self.timeframes:
            services = ("work", "rest", "all", "friday", "fair")
            for service in rng.sample(services, rng.randint(1, 3)):
                edges = sorted(rng.sample(range(97), 2 * rng.randint(1, 2)))
                for begin, end in zip(edges[::2], edges[1::2], strict=True):
                    rows.append((group, _quarter(begin), _quarter(end), service))
            if self.chance(0.2):
                rows = [row for row in rows if row[0] != group]
                rows.append((group, None, None, rng.choice(("work", "rest"))))
        if rows:
            self.written["timeframes.txt"] = table(
                "timeframe_group_id,start_time,end_time,service_id", rows
            )

    def _riders(self) -> None:
        rng = self.rng
        self.categories: list[str] = []
        if self.chance(0.8):
            self.categories = ["adult", "reduced", "child"][: rng.randint(1, 3)]
            default = rng.choice(self.categories)
            self.default = default
            rows: list[Cells] = [(c, c, 1 if c == default else 0) for c in self.categories]
            self.written["rider_categories.txt"] = table(
                "rider_category_id,rider_category_name,is_default_fare_category", rows
            )
            reduced = [(c, 1) for c in self.categories if c != "adult"]
            if reduced and self.chance(0.7):
                self.written["minik_rider_categories.txt"] = table(
                    "rider_category_id,concession", reduced
                )
        self.media: list[str] = []
        if self.chance(0.6):
            self.media = ["card", "cash"]
            media: list[Cells] = [("card", "Card", 2), ("cash", "Cash", 0), ("old", "Old card", 2)]
            self.written["fare_media.txt"] = table(
                "fare_media_id,fare_media_name,fare_media_type", media[: rng.randint(2, 3)]
            )
            if self.chance(0.5):
                ours = rng.choice((("card", 1), ("card", 1), ("card", 0)))
                self.written["minik_fare_media.txt"] = table("fare_media_id,on_card", [ours])

    def _prices(self, product: str, amounts: Sequence[int]) -> list[Cells]:
        """Rows of one product; together they price it for every rider and media."""
        rng = self.rng
        first = rng.choice(amounts)
        rows: list[tuple[str, str | None, str | None, int]]
        if not self.categories or self.chance(0.5):
            rows = [(product, None, None, first)]
        else:
            rows = [(product, c, None, rng.choice((first, *amounts))) for c in self.categories]
        if self.media and self.chance(0.4):
            rows.append((product, None, rng.choice(self.media), rng.choice(amounts)))
        return [(p, p, c, m, self.amount(minor), self.currency) for p, c, m, minor in rows]

    def _products(self) -> None:
        rng = self.rng
        self.singles = [f"ride{n}" for n in range(rng.randint(1, 4))]
        self.changes = [f"change{n}" for n in range(rng.randint(0, 3))]
        kinds = [] if self.chance(0.3) else rng.sample(_PASSES, rng.randint(1, 4))
        self.passes = [f"{kind}{n}" for n, kind in enumerate(kinds)]
        self.discounts = [] if self.is_simple else [c for c in self.changes if self.chance(0.33)]
        rows = [row for product in self.singles for row in self._prices(product, _AMOUNTS)]
        for product in self.changes:
            sign = -1 if product in self.discounts else 1
            rows += self._prices(product, [sign * minor for minor in _AMOUNTS])
        for product in self.passes:
            rows += self._prices(product, (150, 300, 600, 1500))
        dearest = max(_AMOUNTS)  # transfers can add to it, so that the maximum fare counts
        rows += self._prices("missed", (dearest, dearest, dearest, 1500))
        self.price_rows = rows
        pairs = zip(self.passes, kinds, strict=True)
        ours = [self._pass(product, kind) for product, kind in pairs]
        if ours:
            self.written["minik_products.txt"] = table(
                "fare_product_id,kind,length,weekdays,start,priority,passback_s,sold_on_board,"
                "valid_days",
                ours,
            )

    def _price_list(self) -> None:
        """Negative amounts may only be those of transfers that there are."""
        used = self.written.get("fare_transfer_rules.txt", "")
        unused = [product for product in self.discounts if f",{product}\n" not in used]
        self.written["fare_products.txt"] = table(
            "fare_product_id,fare_product_name,rider_category_id,fare_media_id,amount,currency",
            [row for row in self.price_rows if row[0] not in unused],
        )

    def _pass(self, product: str, kind: str) -> Cells:
        rng = self.rng
        lengths = {"minutes": (20, 60, 1440), "days": (1, 3, 30), "months": (1, 3)}
        length = rng.choice(lengths.get(kind, (1, 2, 10)))
        days = rng.choice(("fri sat sun", "mon tue wed thu fri", "sat sun", "sun mon"))
        return (
            product, kind, None if kind == "weekdays" else length,
            days if kind == "weekdays" else None,
            rng.choice(("purchase", "first_use")),
            rng.choice((None, None, 0, 5, 15, 30)), rng.choice((None, None, 0, 240)),
            rng.choice((0, 1, 1)), rng.choice((None, 5, 30)) if kind == "rides" else None,
        )

    def _networks(self) -> None:
        rng = self.rng
        self.check_out: list[str] = []
        if self.is_simple:
            return
        rows: list[Cells] = []
        for network in self.networks:
            if self.chance(0.5):
                rows.append((network, 1, rng.choice(("dearest", "cheapest")),
                             rng.choice((1800, 7200)), "missed"))
                self.check_out.append(network)
            elif self.chance(0.5):
                rows.append((network, 0, rng.choice(("dearest", "cheapest")), None, None))
        if rows:
            self.written["minik_networks.txt"] = table(
                "network_id,check_out,unknown_exit,ride_s_max,missed_product_id", rows
            )

    def _leg_rules(self) -> None:
        """Single rules first; then each pass on copies of some, so that the purse could pay."""
        rng = self.rng
        count = 1 if self.is_simple else rng.randint(1, 4)
        self.groups = [f"G{n}" for n in range(count)]
        fields = self._prioritised_fields() if self.prioritised else self._listed_fields()
        rows: dict[Cells, Cells] = {}  # what identifies a rule -> its row
        for *one, rank in fields:
            for _ in range(rng.choice((1, 1, 1, 2))):
                named = self.is_simple or self.chance(0.85)
                group = rng.choice(self.groups) if named else None
                product = rng.choice(self.singles)
                rows.setdefault((*one, product), (group, *one, rank, product))
        for product in self.passes:
            some = rng.sample(list(rows.values()), rng.randint(1, len(rows)))
            for group, *one, rank, _ in some:
                if not self.is_simple and self.chance(0.6):
                    group = rng.choice((None, *self.groups))
                rows.setdefault((*one, product), (group, *one, rank, product))
        self.groups = sorted({str(row[0]) for row in rows.values() if row[0]})
        header = (
            "leg_group_id,network_id,from_area_id,to_area_id,from_timeframe_group_id,"
            "to_timeframe_group_id,"
        )
        listed: list[Cells] = list(rows.values())
        if self.prioritised:
            header += "rule_priority,"
        else:
            listed = [(*row[:-2], row[-1]) for row in listed]
        self.written["fare_leg_rules.txt"] = table(header + "fare_product_id", listed)

    def _frames(self, network: str | None) -> tuple[str | None, str | None]:
        """Timeframe groups of one rule, mostly none; an arrival only where it is seen."""
        known = self._used_timeframes()
        if not known or self.chance(0.7):
            return None, None
        arrival = self.rng.choice(known) if network in self.check_out else None
        return self.rng.choice((*known, None)) if arrival else self.rng.choice(known), arrival

    def _used_timeframes(self) -> list[str]:
        return self.timeframes if "timeframes.txt" in self.written else []

    def _prioritised_fields(self) -> list[tuple[object, ...]]:
        rng = self.rng
        rows: list[tuple[object, ...]] = []
        if self.chance(0.9):
            rows.append((None, None, None, None, None, rng.choice((None, 0))))
        for _ in range(rng.randint(1, 6)):
            network = rng.choice((None, *self.networks))
            begin = rng.choice((None, *self.areas))
            end = rng.choice((None, *self.areas)) if self.chance(0.5) else None
            frames = self._frames(network)
            rows.append((network, begin, end, *frames, rng.choice((None, 0, 1, 2, 7))))
        return rows

    def _listed_fields(self) -> list[tuple[object, ...]]:
        """Rows over listed networks and areas and the empty field beside them."""
        rng = self.rng
        networks = [*rng.sample(self.networks, rng.randint(0, len(self.networks))), None]
        begins: list[str | None] = [None]
        ends: list[str | None] = [None]
        if self.chance(0.6):
            begins += rng.sample(self.areas, rng.randint(0, len(self.areas)))
            if self.chance(0.6):
                ends += rng.sample(self.areas, rng.randint(0, len(self.areas)))
        rows: list[tuple[object, ...]] = []
        for network in networks:
            for begin in begins:
                for end in ends:
                    if self.chance(0.85):
                        rows.append((network, begin, end, *self._frames(network), None))
                        if self.chance(0.15):
                            rows.append((network, begin, end, None, None, None))
        return rows or [(None, None, None, None, None, None)]

    def _transfer_rules(self) -> None:
        rng = self.rng
        rows: dict[tuple[object, ...], Cells] = {}
        for _ in range(rng.choice((0, 1, 2, 4, 7))):
            begin = rng.choice((*self.groups, None))
            end = rng.choice((*self.groups, None, begin, begin))
            count = rng.choice((-1, 1, 1, 2, 3)) if begin == end else None
            limit = rng.choice((None, *_DURATIONS))
            kind = rng.choice((0, 0, 1) if self.is_simple else (0, 0, 1, 2))
            costs = [c for c in self.changes if kind != 2 or c not in self.discounts]
            product = rng.choice((None, *costs, *(self.singles if kind == 2 else ())))
            if kind == 2 and product is None:
                kind = 0
            if self.is_simple and end != begin:
                continue
            rows.setdefault(
                (begin, end, product, count, limit),
                (begin, end, count, limit, rng.randint(0, 3) if limit else None, kind, product),
            )
        if rows:
            self.written["fare_transfer_rules.txt"] = table(
                "from_leg_group_id,to_leg_group_id,transfer_count,duration_limit,"
                "duration_limit_type,fare_transfer_type,fare_product_id",
                list(rows.values()),
            )

    def _joins(self) -> None:
        rng = self.rng
        if self.is_simple or not self.networks or not self.chance(0.35):
            return
        rows: dict[Cells, None] = {}
        for _ in range(rng.randint(1, 3)):
            network = rng.choice(self.networks)
            stops = rng.choice(((None, None), (rng.choice(self.stops), rng.choice(self.stops))))
            rows[(network, network, *stops)] = None
        self.written["fare_leg_join_rules.txt"] = table(
            "from_network_id,to_network_id,from_stop_id,to_stop_id", list(rows)
        )

    def _settings(self) -> None:
        rng = self.rng
        rows: list[Cells] = [("version", rng.randint(1, 9))]
        if self.chance(0.7):
            rows.append(("passback_s", rng.choice((0, 30, 60, 120))))
            rows.append(("same_vehicle_transfer", rng.choice((0, 1))))
            rows.append(("service_day_start", rng.choice(("00:00:00", "03:00:00", "04:30:00"))))
        self.written["minik_settings.txt"] = table("setting,value", rows)
        if self.is_simple or self.chance(0.45):
            return
        caps: dict[Cells, Cells] = {}
        for _ in range(rng.randint(1, 3)):
            category = rng.choice((None, *self.categories))
            period = rng.choice(("day", "week", "month"))
            low = {"day": 150, "week": 400, "month": 900}[period]
            caps[(category, period)] = (category, period, self.amount(rng.randint(low, 3 * low)))
        self.written["minik_caps.txt"] = table(
            "rider_category_id,period,amount", list(caps.values())
        )


def _quarter(number: int) -> str:
    """The n-th quarter of an hour of a day."""
    return f"{number // 4:02d}:{number % 4 * 15:02d}:00"
