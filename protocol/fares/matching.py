"""Which leg rules hold for a leg: classes, rule sets, timeframes, ranks (SPEC §6.2, §7.3).

It finds rules and reads no price. One leg is set at a time and its rules are walked with a
cursor, so that nothing is allocated.
"""

from protocol.clock import DAY_S, weekday
from protocol.compat import const
from protocol.fares.tariff import ZONE_STOP, at_most, u16
from protocol.fields import get_uint

_NETWORKS = const(4)  # numbers of tables
_ROUTES = const(5)
_STOPS = const(7)
_AREAS = const(8)
_LEG_ROWS = const(9)
_CELLS = const(10)
_EXITS = const(11)
_RULE_SETS = const(12)
_RULES = const(13)
_TIMEFRAMES = const(14)
_SERVICES = const(15)
_EXCEPTIONS = const(16)
_JOINS = const(20)

_FROM_CLASS = const(6)  # offsets in a stop's and an area's row
_TO_CLASS = const(8)
_STATION = const(10)

_NO_NETWORK = bytes(12)  # a row: class 0, nothing else

_EXITS_MAX = const(32)  # SPEC §6.4
_RULES_MAX = const(32)
_MATCHED_MAX = const(256)  # over all exits
_TIMEFRAMES_MAX = const(16)
_EXCEPTIONS_MAX = const(32)
_JOINS_MAX = const(64)

_ASKED = const(1)
_HOLDS = const(2)
_MEMO_WIDTH = const(64)  # two bits for each of 256 groups


class Moment:
    """One point in time against the timeframe groups; remembers what it has found."""

    def __init__(self, tariff):
        self._tariff = tariff
        self._memo = bytearray(_MEMO_WIDTH)
        self._now = 0
        self._day = -1  # not known yet
        self._second = 0

    def set(self, now):
        """Be at another time."""
        self._now = now
        self._day = -1

    def is_in(self, group):
        """Is it within a timeframe of `group`? Group 0 is always."""
        if group == 0:
            return True
        memo = self._memo
        if self._day < 0:
            local = self._tariff.zone.local(self._now)
            self._day = local // DAY_S
            self._second = local % DAY_S
            for at in range(_MEMO_WIDTH):
                memo[at] = 0
        at = group >> 2
        shift = (group & 3) << 1
        if not memo[at] >> shift & _ASKED:
            found = _ASKED | _HOLDS if self._find(group) else _ASKED
            memo[at] |= found << shift
        return bool(memo[at] >> shift & _HOLDS)

    def _find(self, group):
        """Search the timeframes, which are sorted by group."""
        tariff = self._tariff
        count = tariff.count(_TIMEFRAMES)
        first = 0
        end = count
        while first < end:
            middle = (first + end) >> 1
            if tariff.row(_TIMEFRAMES, middle)[0] < group:
                first = middle + 1
            else:
                end = middle
        for index in range(first, count):
            row = tariff.row(_TIMEFRAMES, index)
            if row[0] != group:
                return False
            at_most(_TIMEFRAMES_MAX, index - first + 1)
            if get_uint(row, 2, 3) <= self._second < get_uint(row, 5, 3) and self._runs(row[1]):
                return True
        return False

    def _runs(self, service):
        """Is this day one of the service's?"""
        tariff = self._tariff
        row = tariff.row(_SERVICES, service - 1)
        runs = u16(row, 2) <= self._day <= u16(row, 4) and bool(row[0] >> weekday(self._day) & 1)
        count = at_most(_EXCEPTIONS_MAX, row[1])
        first = u16(row, 6)
        for index in range(first, first + count):
            row = tariff.row(_EXCEPTIONS, index)
            if u16(row, 0) == self._day:
                return row[2] == 1
        return runs


class Matcher:
    """The network and the leg in question, and a cursor over the rules that hold for it.

    `exit_count` rule sets are to be looked at: one if the exit is known, else one for each kind
    of exit that the network reaches. All are read once, when the leg is set.
    """

    def __init__(self, tariff):
        self._tariff = tariff
        self._departure = Moment(tariff)
        self._arrival = Moment(tariff)
        self._to = self._departure
        self.read_network(0)
        self.exit_count = 0
        self.has_rules = False
        self.has_rules_now = False
        self._matched = bytearray(2 * _MATCHED_MAX)  # product and group of each rule that holds
        self._exit_ends = [0] * (_EXITS_MAX + 1)  # where those of exit i end, at i + 1
        self._next = 0
        self._end = 0
        self.group = 0  # of the rule that next_rule found

    def network_of(self, route):
        """Code of the route's network; 0 for none and for a route that nobody knows."""
        tariff = self._tariff
        return tariff.row(_ROUTES, route - 1)[6] if 0 < route <= tariff.route_count else 0

    def read_network(self, network):
        """Read the terms of the network that the next leg is in; 0 has none."""
        self.network = network
        row = _NO_NETWORK
        if 0 < network <= self._tariff.network_count:
            row = self._tariff.row(_NETWORKS, network - 1)
        self.has_checkout = bool(row[6] & 1)
        self.unknown_is_cheapest = bool(row[6] & 2)
        self._network_class = row[7]
        self.ride_s_max = u16(row, 8)
        self.missed_product = row[10]

    def set_leg(self, from_stop, exit_stop, departure, arrival):
        """Take a leg in the network just read; an exit stop or arrival of 0 is not known."""
        tariff = self._tariff
        self._departure.set(departure)
        self._to = self._departure
        if arrival:
            self._to = self._arrival
            self._arrival.set(arrival)
        self.has_rules = False
        self.has_rules_now = False
        leg_row = self._network_class * tariff.from_class_count
        leg_row += self._stop_value(from_stop, _FROM_CLASS)
        cell = u16(tariff.row(_LEG_ROWS, leg_row), 0)
        if exit_stop:
            self.exit_count = 1
            self._match(0, tariff.cell_rule_set(cell, self._stop_value(exit_stop, _TO_CLASS)))
            return
        row = tariff.row(_CELLS, cell)
        first = u16(row, 0)
        self.exit_count = at_most(_EXITS_MAX, u16(row, 2))
        for index in range(self.exit_count):
            self._match(index, u16(tariff.row(_EXITS, first + index), 0))

    def _match(self, exit_index, rule_set):
        """Keep the rules of the set that hold at this time and are of the highest such rank."""
        tariff = self._tariff
        row = tariff.row(_RULE_SETS, rule_set)
        first = u16(row, 0)
        count = at_most(_RULES_MAX, row[2])
        self.has_rules = self.has_rules or count > 0
        end = self._exit_ends[exit_index]
        highest = -1
        for index in range(first, first + count):
            row = tariff.row(_RULES, index)
            group = row[0]
            product = row[1]
            rank = row[2]
            to_timeframe = row[4]
            if highest >= 0 and rank != highest:
                break
            if self._departure.is_in(row[3]) and self._to.is_in(to_timeframe):
                highest = rank
                at_most(2 * _MATCHED_MAX, end + 2)
                self._matched[end] = product
                self._matched[end + 1] = group
                end += 2
        self.has_rules_now = self.has_rules_now or highest >= 0
        self._exit_ends[exit_index + 1] = end

    def open_exit(self, index):
        """Set the cursor before the first rule of one of the `exit_count` exits."""
        self._next = self._exit_ends[index]
        self._end = self._exit_ends[index + 1]

    def next_rule(self):
        """Product of the next rule that holds, 0 at the end; sets `group`."""
        at = self._next
        if at >= self._end:
            return 0
        self._next = at + 2
        self.group = self._matched[at + 1]
        return self._matched[at]

    def covers(self, product, every):
        """Do the rules name `product` for some exit, or (every) for whatever exit?"""
        for index in range(self.exit_count):
            self.open_exit(index)
            named = self.next_rule()
            while named and named != product:
                named = self.next_rule()
            if bool(named) != every:
                return not every
        return every and self.exit_count > 0

    def joins_network(self):
        """Is there a join rule for the network?"""
        return self._find_join(0, 0)

    def joins(self, exit_stop, from_stop):
        """Does a leg from `from_stop` extend one in this network that ended at `exit_stop`?"""
        return 0 < from_stop < ZONE_STOP and exit_stop < ZONE_STOP and (
            self._find_join(exit_stop or from_stop, from_stop)
        )

    def _find_join(self, exit_stop, from_stop):
        """Search the join rules of the network, for any two stops if they are 0."""
        tariff = self._tariff
        exit_station = self._stop_value(exit_stop, _STATION)
        from_station = self._stop_value(from_stop, _STATION)
        for index in range(at_most(_JOINS_MAX, tariff.count(_JOINS))):
            row = tariff.row(_JOINS, index)
            if row[0] != self.network:
                continue
            rule_exit = u16(row, 1)
            if exit_stop == 0:
                return True
            if rule_exit == 0:
                if exit_station == from_station and exit_station:
                    return True
            elif rule_exit == exit_stop or rule_exit == exit_station:
                if u16(row, 3) == from_stop or u16(row, 3) == from_station:
                    return True
        return False

    def _stop_value(self, stop, at):
        """A class or the station of a stop or zone; 0 for one that nobody knows."""
        table = _STOPS
        if stop >= ZONE_STOP:
            table = _AREAS
            stop -= ZONE_STOP
        if not 0 < stop <= self._tariff.count(table):
            return 0
        return u16(self._tariff.row(table, stop - 1), at)
