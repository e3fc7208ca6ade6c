"""Until when a pass on a card holds, and how many rides it has left, in words for the display.

Which contract a tap used, and whether it holds, is the fare engine's to say (SPEC §7.2); here its
end is only written down.
"""

from firmware.services.wording import clock_time, date
from protocol.clock import DAY_S, civil, month_of, month_start, weekday
from protocol.fares.products import MINUTES, MONTHS, RIDES, WEEKDAYS, Product


def contract_of(tariff, card, product, now):
    """The contract of `product` on a card (CardState) that began last; None if it has none."""
    terms = Product()
    if not terms.read(tariff, product):
        return None
    reached = now if terms.kind == MINUTES else tariff.service_day(now)
    found = None
    for contract in card.contracts:
        if contract.product != product or _begin(terms, contract) > reached:
            continue
        if found is None or contract.start > found.start:
            found = contract
    return found


def _begin(terms, contract):
    if terms.kind == MONTHS:
        return month_start(month_of(contract.start))
    return contract.start


def is_rides(tariff, contract):
    """Does it hold for a number of rides?"""
    terms = Product()
    return terms.read(tariff, contract.product) and terms.kind == RIDES


def valid_until(tariff, contract, now):
    """The last day of a pass, "28.02.2026", or the minute it ends within a day, "08:05"."""
    terms = Product()
    terms.read(tariff, contract.product)
    start = contract.start
    if terms.kind == MINUTES:
        end = start + 60 * terms.length
        local_s = tariff.zone.local(end)
        return clock_time(local_s) if end - now < DAY_S else _date(local_s // DAY_S)
    if terms.kind == MONTHS:
        return _date(month_start(month_of(start) + terms.length) - 1)
    if terms.kind == WEEKDAYS:
        last = start
        while terms.weekdays >> weekday(last + 1) & 1 and last < start + 6:
            last += 1
        return _date(last)
    return _date(start + terms.length - 1)


def _date(day):
    return date(*civil(day))
