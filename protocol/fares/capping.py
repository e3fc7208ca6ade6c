"""Caps by day, week and month: what a rider still may be charged (SPEC §7.5)."""

from protocol.cards.state import AMOUNT_MAX
from protocol.clock import month_of, week_of
from protocol.compat import const
from protocol.fares.tariff import ANY, amount, at_most

_CAPS = const(19)  # number of the table
_CAPS_MAX = const(64)  # SPEC §6.4
_DAY = const(1)
_WEEK = const(2)


class Caps:
    """What a card was charged in the windows of the present tap, and the caps on it."""

    def __init__(self, tariff):
        self._tariff = tariff
        self._day_minor = 0
        self._week_minor = 0
        self._month_minor = 0

    def load(self, state, now):
        """Take what the card says, as far as its last tap lies in the same windows."""
        self._day_minor = 0
        self._week_minor = 0
        self._month_minor = 0
        tariff = self._tariff
        if tariff.count(_CAPS) == 0:
            return
        today = tariff.service_day(now)
        last = tariff.service_day(state.tap_time)
        if today == last:
            self._day_minor = state.spent_day_minor
        if week_of(today) == week_of(last):
            self._week_minor = state.spent_week_minor
        if month_of(today) == month_of(last):
            self._month_minor = state.spent_month_minor

    def limit(self, category, charge_minor):
        """`charge_minor`, or what the caps of the category leave of it."""
        tariff = self._tariff
        for index in range(at_most(_CAPS_MAX, tariff.count(_CAPS))):
            row = tariff.row(_CAPS, index)
            if row[0] == category or row[0] == ANY:
                spent_minor = self._month_minor
                if row[1] == _DAY:
                    spent_minor = self._day_minor
                elif row[1] == _WEEK:
                    spent_minor = self._week_minor
                charge_minor = min(charge_minor, max(0, amount(row, 2) - spent_minor))
        return charge_minor

    def save(self, after, charge_minor):
        """Put the windows on the card, with `charge_minor` more; each saturates."""
        if self._tariff.count(_CAPS) == 0:
            charge_minor = 0
        after.spent_day_minor = min(self._day_minor + charge_minor, AMOUNT_MAX)
        after.spent_week_minor = min(self._week_minor + charge_minor, AMOUNT_MAX)
        after.spent_month_minor = min(self._month_minor + charge_minor, AMOUNT_MAX)
