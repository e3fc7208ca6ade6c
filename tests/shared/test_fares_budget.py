"""What a decision costs a board: heap and bytes read (SPEC §6.4)."""

import gc

from protocol.fares.engine import Fares
from protocol.fares.tariff import BytesStore, Tariff
from tests.shared.fare_world import DAY, MONDAY, NOON, Rider
from tests.shared.tariff_payload import ALL_WEEK, ANY, DAYS, MINUTES, ON_BOARD, Sheet, rule

HEAP_BYTES_MAX = 512
READ_BYTES_MAX = 2048


class CountingStore(BytesStore):
    """Counts what is read."""

    def __init__(self, payload):
        super().__init__(payload)
        self.read_bytes = 0

    def readinto(self, offset, buf):
        self.read_bytes += len(buf)
        super().readinto(offset, buf)


_made = []


def _city():
    """Payload and the code of a pass: 60 routes, 1,500 stops in 6 zones, 40 products, caps."""
    if not _made:
        sheet = Sheet()
        sheet.flags |= 2
        for name in ("adult", "child", "student", "senior"):
            sheet.category(name)
        pass_code = _fares(sheet)
        for category in range(4):
            for period in (1, 2, 3):
                sheet.cap(period, 1000 * period, category)
        for index in range(60):
            sheet.route(f"r{index}", 1 + index % 2)
        for index in range(1500):
            sheet.stop(f"s{index}", 1 + index % 6, 1 + index % 6)
        _made.append(sheet.payload())
        _made.append(pass_code)
    return _made


def _price(sheet, name, price, **terms):
    """A product for each of four categories."""
    return sheet.product(name, [(code, ANY, price - 10 * code) for code in range(4)], **terms)


def _fares(sheet):
    """Peaks, transfers, a bus and a metro with check-out; returns the pass for all zones."""
    sheet.network_classes = 3
    sheet.from_classes = sheet.to_classes = 7
    peak, night = sheet.service(31), sheet.service(ALL_WEEK)
    sheet.timeframe(1, peak, 6 * 3600, 9 * 3600)
    sheet.timeframe(1, peak, 15 * 3600, 18 * 3600)
    sheet.timeframe(2, night, 0, 4 * 3600)
    groups = [sheet.group(name) for name in ("bus", "metro")]
    off = [_price(sheet, f"off{zones}", zones * 100) for zones in range(1, 7)]
    on = [_price(sheet, f"peak{zones}", zones * 150) for zones in range(1, 7)]
    passes = [_price(sheet, f"pass{index}", 500 * index + 500, kind=MINUTES if index < 4 else DAYS,
                     length=30 * index + 30, flags=ON_BOARD) for index in range(25)]
    transfer = sheet.product("transfer", 20)
    sheet.network("bus", 1)
    sheet.network("metro", 2, True, missed=_price(sheet, "missed", 900))
    for network in (1, 2):
        group = groups[network - 1]
        for start in range(7):
            for end in range(7):
                zones = min(abs(start - end), 5)
                sheet.legs[network, start, end] = (
                    rule(on[zones], group, 1, 1), rule(off[zones], group, 1),
                    rule(passes[zones], group, 1), rule(passes[24], group, 1),
                )
    for start in groups:
        for end in groups:
            for kind, limit_s in ((0, 1800), (1, 3600)):
                product = transfer if kind == 0 else 0
                sheet.transfer(start, end, 255 if start == end else 0, kind, product, 1, limit_s)
    return passes[24]


def _taps(rider, product):
    """Runs a tap for every turn the engine can take; gives what to tap."""
    rider.state.granted_minor = 1 << 24
    steps = (
        {"now": NOON, "stop": 3, "route": 1},  # to the dearest exit
        {"now": NOON + 300, "stop": 9, "route": 3, "vehicle": 2, "companions": 0x1312},
        {"now": NOON + 600, "stop": 9, "route": 2, "vehicle": 3, "companions": 0x1312},  # in
        {"now": NOON + 1600, "stop": 30, "route": 2, "vehicle": 3},  # out
        {"now": NOON + 2600, "stop": 9, "route": 2, "vehicle": 4, "companions": 0x1312},
        {"now": NOON + 3600, "stop": 77, "route": 1, "vehicle": 5, "companions": 0x1312},  # missed
        {"now": NOON + 4600, "stop": 77, "route": 1, "vehicle": 6, "product": product},  # buys
        {"now": NOON + 5600, "stop": 77, "route": 1, "vehicle": 7},
        {"now": MONDAY + DAY + 17 * 3600, "stop": 77, "route": 1, "vehicle": 8, "exit_stop": 88},
    )
    yield from steps
    rider.hold(product, MONDAY // DAY, slot=0)
    rider.hold(product - 3, MONDAY // DAY, slot=1)  # covers no leg
    yield {"now": MONDAY + 2 * DAY, "stop": 77, "route": 1, "vehicle": 9, "companions": 0x1312}
    yield {"now": MONDAY + 2 * DAY + 60, "stop": 9, "route": 2, "vehicle": 9}


def test_bytes_read_of_a_large_tariff():
    payload, product = _city()
    store = CountingStore(payload)
    tariff = Tariff(store)
    rider = Rider(Fares(tariff))

    def counted(*tap):
        fares = Fares(tariff)  # that remembers no price
        store.read_bytes = 0
        fares.decide(*tap)

    rider.fares.decide = counted
    for step in _taps(rider, product):
        assert isinstance(rider.tap(**step), int), step
        assert store.read_bytes <= READ_BYTES_MAX, (step, store.read_bytes)


def test_heap_of_a_decision():
    if not hasattr(gc, "mem_alloc"):
        return
    payload, product = _city()
    rider = Rider(Fares(Tariff(BytesStore(payload))))
    decide = rider.fares.decide
    used = [0, 0]

    def measured(state, place, now, choice, decision, after):
        gc.collect()
        used[0] = gc.mem_alloc()
        decide(state, place, now, choice, decision, after)
        used[1] = gc.mem_alloc()

    rider.fares.decide = measured
    for step in _taps(rider, product):
        assert isinstance(rider.tap(**step), int), step
        assert used[1] - used[0] <= HEAP_BYTES_MAX
