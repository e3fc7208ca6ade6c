"""Until when a pass on a card holds, and how many rides it has left, in words for the display.

Which contract a tap used, and whether it holds, is the fare engine's to say (SPEC §7.2); here its
end is only written down.
"""

from firmware.services.wording import clock_time, date
from protocol.clock import DAY_S, civil, month_of, month_start, weekday
from protocol.compat import const
from protocol.fares.tariff import PRODUCTS, u16

_MINUTES = const(1)
_MONTHS = const(3)
_WEEKDAYS = const(4)
_RIDES = const(5)
_KIND_AT = const(6)  # in a row of products (SPEC §6.2)
_LENGTH_AT = const(8)
_WEEKDAYS_AT = const(10)


def contract_of(tariff, card, product, now):
    """The contract of `product` on a card (CardState) that began last; None if it has none."""
    found = None
    for contract in card.contracts:
        if not product or contract.product != product or not _begun(tariff, contract, now):
            continue
        if found is None or contract.start > found.start:
            found = contract
    return found


def _begun(tariff, contract, now):
    if tariff.row(PRODUCTS, contract.product - 1)[_KIND_AT] == _MINUTES:
        return contract.start <= now
    return contract.start <= tariff.service_day(now)


def is_rides(tariff, contract):
    """Does it hold for a number of rides?"""
    return tariff.row(PRODUCTS, contract.product - 1)[_KIND_AT] == _RIDES


def valid_until(tariff, contract, now):
    """The last day of a pass, "28.02.2026", or the minute it ends within a day, "08:05"."""
    start = contract.start
    row = tariff.row(PRODUCTS, contract.product - 1)
    kind = row[_KIND_AT]
    length = u16(row, _LENGTH_AT)
    if kind == _MINUTES:
        end = start + 60 * length
        local_s = tariff.zone.local(end)
        if end - now < DAY_S:
            return clock_time(local_s)
        return _date(local_s // DAY_S)
    if kind == _MONTHS:
        return _date(month_start(month_of(start) + length) - 1)
    if kind == _WEEKDAYS:
        last = start
        while row[_WEEKDAYS_AT] >> weekday(last + 1) & 1 and last < start + 6:
            last += 1
        return _date(last)
    return _date(start + length - 1)


def _date(day):
    return date(*civil(day))
