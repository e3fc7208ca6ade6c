"""The compiled tariff, read in place: a store of bytes in, numbers and names out (SPEC §6.2).

A tariff answers what its rows say; it decides nothing and holds one row at a time: what `row`
gives is good until the next reading. Codes that come from a card or a driver may be any number;
an index out of a row of the tariff itself that points nowhere is a LayoutError.
Left out: the file around the payload and its signature (`protocol.lists.signed`).
"""

from binascii import crc32

from protocol.clock import DAY_S, ZONE_WIDTH, Zone
from protocol.compat import const
from protocol.errors import LayoutError
from protocol.fields import get_uint

NO_FARE = const(-1)
ZONE_STOP = const(0x8000)
ANY = const(255)  # a category or media that does not matter

_CATEGORIES = const(0)  # numbers of tables; the modules that read the others know theirs
_MEDIA = const(1)
_PRODUCTS = const(2)
_NETWORKS = const(4)
_ROUTES = const(5)
_ROUTE_STOPS = const(6)
_STOPS = const(7)
_AREAS = const(8)
_CELLS = const(10)
_TABLES = const(22)
_WIDTHS = (8, 12, 20, 6, 12, 10, 2, 12, 10, 2, 4, 2, 4, 6, 8, 8, 3, 5, 10, 6, 5, 0)
_ROW_MAX = const(20)

_HEAD_WIDTH = const(256)
_DIRECTORY = const(72)
_CRC_AT = const(248)
_NO_CEILING = const(0xFFFFFFFF)
_CHUNK = const(128)


class Place:
    """Where a tap happens: vehicle by the fleet registry, the rest by the tariff; 0 is none.

    A stop of ZONE_STOP or more is a zone chosen by hand (SPEC §1). `exit_stop` and `exit_time` are
    known only where the tap is told of the way out beforehand.
    """

    def __init__(self, vehicle=0, route=0, stop=0):
        self.vehicle = vehicle
        self.route = route
        self.stop = stop
        self.exit_stop = 0
        self.exit_time = 0


class BytesStore:
    """A payload in memory."""

    def __init__(self, payload):
        self._payload = payload

    def readinto(self, offset, buf):
        """Fill `buf` from `offset`; LayoutError beyond the end."""
        payload = self._payload
        if offset + len(buf) > len(payload):
            raise LayoutError("tariff is cut short")
        for index in range(len(buf)):
            buf[index] = payload[offset + index]


def check_payload(store, size):
    """Is all of a payload of `size` bytes as its checksums say? LayoutError if not."""
    head = bytearray(_HEAD_WIDTH)
    store.readinto(0, head)
    if get_uint(head, 8, 4) != size:
        raise LayoutError("tariff size")
    chunk = memoryview(bytearray(_CHUNK))
    crc = 0
    for offset in range(_HEAD_WIDTH, size, _CHUNK):
        part = chunk[:min(_CHUNK, size - offset)]
        store.readinto(offset, part)
        crc = crc32(part, crc)
    if crc & 0xFFFFFFFF != get_uint(head, _CRC_AT + 4, 4):
        raise LayoutError("tariff checksum")


def at_most(limit, count):
    """`count`, which SPEC §6.4 bounds; LayoutError if it is over."""
    if count > limit:
        raise LayoutError("tariff bound", limit, count)
    return count


def u16(row, at):
    """Two bytes of a row."""
    return row[at] | row[at + 1] << 8


def amount(row, at):
    """Four bytes of a row, signed; boxed on a board only if it is large."""
    return ((row[at + 3] ^ 0x80) - 0x80) << 24 | row[at + 2] << 16 | u16(row, at)


class Tariff:
    """One tariff of an operator. LayoutError if its head is not well formed.

    Money is in minor units, times in seconds, `valid_from` and `valid_until` are service days.
    """

    def __init__(self, store):
        head = bytearray(_HEAD_WIDTH)
        store.readinto(0, head)
        if head[:4] != b"MNKT" or head[4] != 1 or u16(head, 6) != _HEAD_WIDTH:
            raise LayoutError("no tariff of a known format")
        if crc32(memoryview(head)[:_CRC_AT]) & 0xFFFFFFFF != get_uint(head, _CRC_AT, 4):
            raise LayoutError("tariff head checksum")
        if max(head[16:19]) > 0x7F:
            raise LayoutError("tariff currency")
        self._store = store
        self._size = get_uint(head, 8, 4)
        self.same_vehicle_transfer = bool(head[5] & 1)
        self.has_checkout = bool(head[5] & 2)
        self.plain = bool(head[5] & 8)
        self.version = get_uint(head, 12, 4)
        self.currency = str(head[16:19], "ascii")
        self.exponent = head[19]
        self.default_category = head[20]
        self.card_media = head[21]
        self.valid_from = u16(head, 22)
        self.valid_until = u16(head, 24)
        self.passback_s = u16(head, 26)
        self.recovery_s = get_uint(head, 28, 4)
        ceiling = get_uint(head, 32, 4)
        self.purse_max_minor = None if ceiling == _NO_CEILING else ceiling
        self.service_day_start_s = get_uint(head, 36, 4)
        self.zone = Zone(head[40:40 + ZONE_WIDTH])
        self.from_class_count = u16(head, 60)
        self.to_class_count = u16(head, 62)
        self._offsets = [0] * _TABLES
        self._counts = [0] * _TABLES
        self._read_directory(head)
        buf = memoryview(bytearray(_ROW_MAX))
        views = {width: buf[:width] for width in _WIDTHS}  # tables of one width share one
        self._rows = tuple([views[width] for width in _WIDTHS])
        self.category_count = self._counts[_CATEGORIES]
        self.media_count = self._counts[_MEDIA]
        self.product_count = self._counts[_PRODUCTS]
        self.network_count = self._counts[_NETWORKS]
        self.route_count = self._counts[_ROUTES]
        self.stop_count = self._counts[_STOPS]
        self.area_count = self._counts[_AREAS]

    def _read_directory(self, head):
        """Tables follow each other without gaps, in rows of the widths we know."""
        offset = _HEAD_WIDTH
        for table in range(_TABLES):
            entry = _DIRECTORY + 8 * table
            count = u16(head, entry + 4)
            width = _WIDTHS[table]
            if table == _CELLS:
                width += 2 * self.to_class_count
            if get_uint(head, entry, 4) != offset or (
                u16(head, entry + 6) != width and (width or count)
            ):
                raise LayoutError("tariff table", table)
            self._offsets[table] = offset
            self._counts[table] = count
            offset += count * width
        if offset > get_uint(head, 8, 4):
            raise LayoutError("tariff is cut short")

    def check(self):
        """Does all of it still read as its checksums say? LayoutError if not."""
        check_payload(self._store, self._size)

    def count(self, table):
        """Rows of a table."""
        return self._counts[table]

    def row(self, table, index):
        """The row of a table (of a cell its first 4 bytes), good until the next reading."""
        if not 0 <= index < self._counts[table]:
            raise LayoutError("tariff row", table, index)
        row = self._rows[table]
        width = _WIDTHS[table]
        if table == _CELLS:
            width += 2 * self.to_class_count
        self._store.readinto(self._offsets[table] + index * width, row)
        return row

    def cell_rule_set(self, cell, to_class):
        """The rule set of a cell for one to class."""
        if cell >= self._counts[_CELLS] or to_class >= self.to_class_count:
            raise LayoutError("tariff cell", cell, to_class)
        width = _WIDTHS[_CELLS] + 2 * self.to_class_count
        at = self._offsets[_CELLS] + cell * width + _WIDTHS[_CELLS] + 2 * to_class
        row = self._rows[_ROUTE_STOPS]  # two bytes, too
        self._store.readinto(at, row)
        return u16(row, 0)

    # -- days --------------------------------------------------------------------------------

    def day(self, now):
        """Day of `now` in the agency's zone (SPEC §1)."""
        return self.zone.local(now) // DAY_S

    def service_day(self, now):
        """Service day of `now` (SPEC §7.1)."""
        return (self.zone.local(now) - self.service_day_start_s) // DAY_S

    # -- names -------------------------------------------------------------------------------

    def _text(self, table, index, column):
        """The id (column 0) or name (3) in a row; "" where there is no such row."""
        if not 0 <= index < self._counts[table]:
            return ""
        offset = get_uint(self.row(table, index), column, 3)
        text = bytearray(1)
        self._store.readinto(offset, text)
        text = bytearray(text[0])
        self._store.readinto(offset + 1, text)
        return str(text, "utf-8")

    def category_id(self, category):
        """Id of a rider category in the feed."""
        return self._text(_CATEGORIES, category, 0)

    def category_name(self, category):
        """Name of a rider category."""
        return self._text(_CATEGORIES, category, 3)

    def is_concession(self, category):
        """Does the category pay less by right, perhaps until a day?"""
        return category < self.category_count and bool(self.row(_CATEGORIES, category)[6] & 1)

    def product_id(self, product):
        """Id of a product; "" for 0."""
        return self._text(_PRODUCTS, product - 1, 0)

    def product_name(self, product):
        """Name of a product."""
        return self._text(_PRODUCTS, product - 1, 3)

    def network_id(self, network):
        """Id of a network; "" for 0."""
        return self._text(_NETWORKS, network - 1, 0)

    def route_id(self, route):
        """Id of a route; "" for 0."""
        return self._text(_ROUTES, route - 1, 0)

    def route_name(self, route):
        """Name of a route."""
        return self._text(_ROUTES, route - 1, 3)

    def route_stop_count(self, route):
        """Stops of a route in order of travel; 0 for a route without them or unknown."""
        return self.row(_ROUTES, route - 1)[7] if 0 < route <= self.route_count else 0

    def route_stop(self, route, index):
        """Code of the stop at `index` of a route; 0 if it has none there."""
        if not 0 <= index < self.route_stop_count(route):
            return 0
        first = u16(self.row(_ROUTES, route - 1), 8)
        return u16(self.row(_ROUTE_STOPS, first + index), 0)

    def stop_id(self, stop):
        """Id of a stop or zone; "" for 0."""
        if stop >= ZONE_STOP:
            return self._text(_AREAS, stop - ZONE_STOP - 1, 0)
        return self._text(_STOPS, stop - 1, 0)

    def stop_name(self, stop):
        """Name of a stop or zone."""
        if stop >= ZONE_STOP:
            return self._text(_AREAS, stop - ZONE_STOP - 1, 3)
        return self._text(_STOPS, stop - 1, 3)
