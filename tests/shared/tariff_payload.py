"""A small assembler of compiled tariffs (SPEC §6.2), for both interpreters, without the compiler.

It shares no code with `host_tools.tariff.pack` and `protocol.fares.tariff`: a third reading of
the specification.
"""

import binascii
import struct

ANY = 255
SINGLE, MINUTES, DAYS, MONTHS, WEEKDAYS, RIDES = range(6)
ON_BOARD = 1
FIRST_USE = 1 << 1
UTC = (0, 0, (1, 1, 0, 0), (1, 1, 0, 0))
CENTRAL_EUROPE = (3600, 7200, (3, 5, 0, 7200), (10, 5, 0, 10800))
ALL_WEEK = 127


def _u24(value):
    return struct.pack("<I", value)[:3]


class Sheet:
    """What a tariff says, row by row; `payload()` gives its bytes. Codes come from the calls."""

    def __init__(self):
        self.flags = 1  # transfers onto the same vehicle count
        self.version = 1
        self.default_category = 0
        self.card_media = 0
        self.valid = (0, 0xFFFF)
        self.passback_s = 60
        self.recovery_s = 43200
        self.purse_max = 0xFFFFFFFF
        self.service_day_start_s = 0
        self.zone = UTC
        self.network_classes = self.from_classes = self.to_classes = 1
        self.legs = {}  # (network class, from class, to class): rows of rules
        self.exits = {}  # (network class, from class): to classes; without one, all with rules
        self._texts = bytearray()
        self._text_offsets = {}
        self._tables = [[] for _ in range(22)]

    # -- rows; each call answers the code ----------------------------------------------------

    def _add(self, table, row):
        self._tables[table].append(row)
        return len(self._tables[table])

    def category(self, name, concession=False):
        return self._add(0, ("tt", name, name, struct.pack("<BB", concession, 0))) - 1

    def media(self, name):
        return self._add(1, ("tt", name, name, struct.pack("<BBI", 2, 0, 0xFFFFFFFF)))

    def product(self, name, prices, kind=SINGLE, length=0, flags=0, weekdays=0, priority=10,
                passback_s=0, valid_days=0):
        """`prices`: an amount, or rows of (category, media, amount)."""
        if isinstance(prices, int):
            prices = ((ANY, ANY, prices),)
        first = len(self._tables[3])
        for row in prices:
            self._add(3, ("", struct.pack("<BBi", *row)))
        return self._add(2, ("tt", name, "the " + name, struct.pack(
            "<BBHBBHHHBB", kind, flags, length, weekdays, priority, passback_s, valid_days,
            first, len(prices), 0)))

    def network(self, name, rule_class=0, check_out=False, cheapest=False, ride_s_max=7200,
                missed=0):
        return self._add(4, ("tt", name, name, struct.pack(
            "<BBHBB", check_out | cheapest << 1, rule_class, ride_s_max, missed, 0)))

    def route(self, name, network=0, stops=()):
        first = len(self._tables[6])
        for stop in stops:
            self._add(6, ("", struct.pack("<H", stop)))
        return self._add(5, ("tt", name, "the " + name, struct.pack("<BBH", network, len(stops),
                                                                   first)))

    def stop(self, name, from_class=0, to_class=0, station=0):
        code = len(self._tables[7]) + 1
        return self._add(7, ("tt", name, "the " + name, struct.pack(
            "<HHH", from_class, to_class, station or code)))

    def area(self, name, from_class=0, to_class=0):
        code = self._add(8, ("tt", name, "the " + name, struct.pack("<HH", from_class, to_class)))
        return 0x8000 + code

    def timeframe(self, group, service, start_s, end_s):
        self._add(14, ("", struct.pack("<BB", group, service) + _u24(start_s) + _u24(end_s)))

    def service(self, weekdays, first=0, last=0xFFFF, exceptions=()):
        at = len(self._tables[16])
        for day, kind in exceptions:
            self._add(16, ("", struct.pack("<HB", day, kind)))
        return self._add(15, ("", struct.pack("<BBHHH", weekdays, len(exceptions), first, last,
                                              at)))

    def group(self, name, from_key=None, to_key=None):
        """Keys are the group's own code unless told."""
        code = len(self._tables[17]) + 1
        return self._add(17, ("t", name, struct.pack(
            "<BB", code if from_key is None else from_key, code if to_key is None else to_key)))

    def transfer(self, from_key, to_key, count=0, kind=0, product=0, limit_type=0, limit_s=0):
        self._add(18, ("", struct.pack("<BBBBBBI", from_key, to_key, count, kind, product,
                                       limit_type, limit_s)))

    def cap(self, period, amount, category=ANY):
        self._add(19, ("", struct.pack("<BBI", category, period, amount)))

    def join(self, network, from_stop=0, to_stop=0):
        self.flags |= 4
        self._add(20, ("", struct.pack("<BHH", network, from_stop, to_stop)))

    # -- bytes -------------------------------------------------------------------------------

    def _lay_legs(self):
        """Leg rows, cells, exits, rule sets and rules from `legs` and `exits`."""
        sets = {(): 0}
        exit_lists = {(): 0}  # equal ones are there once
        self._add(12, ("", struct.pack("<HBB", 0, 0, 0)))
        for network in range(self.network_classes):
            for start in range(self.from_classes):
                self._add(9, ("", struct.pack("<H", len(self._tables[9]))))
                row = [self._rule_set(sets, self.legs.get((network, start, end), ()))
                       for end in range(self.to_classes)]
                exits = sorted(set(row) - {0})
                if (network, start) in self.exits:
                    exits = [row[end] for end in self.exits[network, start]]
                exits = tuple(exits)
                if exits not in exit_lists:
                    exit_lists[exits] = len(self._tables[11])
                    for one in exits:
                        self._add(11, ("", struct.pack("<H", one)))
                self._add(10, ("", struct.pack("<HH", exit_lists[exits], len(exits))
                               + b"".join([struct.pack("<H", one) for one in row])))

    def _rule_set(self, sets, rules):
        rules = tuple(rules)
        if rules not in sets:
            sets[rules] = self._add(12, ("", struct.pack("<HBB", len(self._tables[13]),
                                                         len(rules), 0))) - 1
            for rule in rules:
                self._add(13, ("", struct.pack("<BBBBBB", *rule)))
        return sets[rules]

    def _row(self, row, texts_at):
        """A row's bytes: as many texts as its first item has letters, then the rest."""
        return b"".join([_u24(texts_at + self._text(name)) for name in row[1:-1]]) + row[-1]

    def _text(self, name):
        if name not in self._text_offsets:
            self._text_offsets[name] = len(self._texts)
            body = name.encode()
            self._texts.append(len(body))
            self._texts += body
        return self._text_offsets[name]

    def payload(self):
        """The bytes; call it once."""
        self._lay_legs()
        self._tables[14].sort(key=lambda row: row[1][0])  # by group
        self._tables[18].sort(key=lambda row: (row[1][0], row[1][1]))  # by keys
        widths = (8, 12, 20, 6, 12, 10, 2, 12, 10, 2, 4 + 2 * self.to_classes, 2, 4, 6, 8, 8, 3,
                  5, 10, 6, 5, 0)
        directory = b""
        at = 256
        for index, width in enumerate(widths):
            table = self._tables[index]
            directory += struct.pack("<IHH", at, len(table), width)
            at += width * len(table)
        agency = at + self._text("agency")
        body = bytearray()
        for index, width in enumerate(widths):
            for row in self._tables[index]:
                begin = len(body)
                body += self._row(row, at)
                assert len(body) - begin == width
        size = at + len(self._texts)
        standard, summer, begin, end = self.zone
        head = b"MNKT" + struct.pack("<BBHII3sBBBHHHIIIii", 1, self.flags, 256, size, self.version,
                                     b"KZT", 2, self.default_category, self.card_media,
                                     self.valid[0], self.valid[1], self.passback_s,
                                     self.recovery_s, self.purse_max, self.service_day_start_s,
                                     standard, summer)
        for month, week, weekday, second in (begin, end):
            head += bytes([month, week, weekday]) + _u24(second)
        head += struct.pack("<HH", self.from_classes, self.to_classes)
        head += _u24(agency) + _u24(agency) + bytes(2) + directory
        body += self._texts
        checks = struct.pack("<II", binascii.crc32(head), binascii.crc32(body))
        return head + checks + bytes(body)


def rule(product, group=0, rank=0, begins_in=0, ends_in=0):
    """A row of rules, for `Sheet.legs`."""
    return (group, product, rank, begins_in, ends_in, 0)
