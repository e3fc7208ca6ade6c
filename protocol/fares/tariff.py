"""The tariff as the engine sees it, and the built-in tariff `flat`.

A tariff answers questions about prices and windows; it decides nothing. Any object with the
attributes and methods of `FlatTariff` serves `engine.decide`: the compiled tariff of an operator
will be read in place behind the same interface. Money is in minor units, times in seconds.
"""

from protocol.compat import const

NO_FARE = const(-1)
ZONE_STOP = const(0x8000)


class FlatTariff:
    """One price for every ride, by rider category; one free transfer onto another vehicle.

    `categories` and `products` are the tables whose indices cards and records carry; product 0 is
    "none".
    """

    name = "flat"
    version = 1
    currency = "KZT"
    exponent = 2
    categories = ("adult", "reduced")
    products = (None, "single")
    passback_s = 60
    recovery_s = 43200  # SPEC §2.6
    transfer_s = 1800
    transfers_max = 1
    utc_offset_s = 18000  # UTC+5, all year
    _prices_minor = (10000, 5000)

    def day(self, now):
        """Day of `now` in the agency's zone (SPEC §1)."""
        return (now + self.utc_offset_s) // 86400

    def price_minor(self, rider_category, place):
        """(price in minor units, product) of one ride from `place`; (NO_FARE, 0) if none is."""
        if rider_category >= len(self._prices_minor):
            return NO_FARE, 0
        return self._prices_minor[rider_category], 1


BUILT_IN = {"flat": FlatTariff}


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
