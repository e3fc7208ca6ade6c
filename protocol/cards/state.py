"""What any card of ours knows, whatever its medium (SPEC §2 says where each medium keeps it)."""

from protocol.compat import const

NO_DAY = const(0xFFFF)  # valid_until: no end
AGE_LONGER = const(0xFFFF)  # any age in seconds: longer than can be said
LEGS_MAX = const(15)  # journey_legs, run_transfers: this many or more
AMOUNT_MAX = const(0xFFFFFF)  # amounts of three bytes: this much or more
START_FIRST_USE = const(0xFFFFFFFF)  # Contract.start: begins with its first use
CONTRACT_SLOTS = const(2)

_COPIED = (
    "medium", "uid", "seq", "spent_counter", "granted_minor", "grant_seq", "action_seq",
    "tap_time", "rider_category", "valid_until", "vehicle", "blocked", "tag", "extended",
    "annexed", "leg_block", "base_block", "concession_ends", "journey_legs", "run_transfers",
    "journey_age_s", "spent_day_minor", "spent_week_minor", "spent_month_minor", "credit_minor",
    "leg_group", "leg_product", "companions", "checked_in", "leg_network", "leg_from_stop",
    "leg_exit_stop", "leg_age_s", "leg_ride_s", "run_ride_s", "base_credit_minor", "base_group",
    "base_product", "base_legs", "base_run_transfers", "base_age_s", "base_leg_age_s",
    "base_ride_s", "base_run_ride_s", "base_companions",
)


class Contract:
    """A pass or rides on a card (SPEC §2.3.2). `product` 0: the slot is empty."""

    def __init__(self):
        self.clear()

    def clear(self):
        """Empty the slot."""
        self.product = 0
        self.start = 0  # a time for products by minutes, else a service day; START_FIRST_USE
        self.rides = 0

    def copy_from(self, other):
        """Become equal to `other`."""
        self.product = other.product
        self.start = other.start
        self.rides = other.rides


class CardState:
    """State of one card after its transaction `seq`; money in minor units, times in Minik seconds.

    One object is filled again and again: readers of a medium set every field.
    """

    def __init__(self):
        self.contracts = (Contract(), Contract())
        self.clear()

    def clear(self):
        """Forget the card."""
        self.medium = 0
        self.uid = b""
        self.seq = 0
        self.spent_counter = 0  # K of SPEC §2.2
        self.granted_minor = 0
        self.grant_seq = 0
        self.action_seq = 0
        self.tap_time = 0
        self.rider_category = 0
        self.valid_until = NO_DAY
        self.vehicle = 0
        self.blocked = False
        self.tag = b"\x00\x00\x00\x00"
        self.extended = False  # the blocks in use
        self.annexed = False
        self.leg_block = False
        self.base_block = False
        self.concession_ends = False  # valid_until ends the concession, not the card
        self.clear_journey()
        self.spent_day_minor = 0
        self.spent_week_minor = 0
        self.spent_month_minor = 0
        for contract in self.contracts:
            contract.clear()

    def clear_journey(self):
        """Forget the journey: what SPEC §2.3 to §2.3.2 keep of its legs."""
        self.journey_legs = 0
        self.run_transfers = 0
        self.journey_age_s = 0
        self.credit_minor = 0
        self.leg_group = 0
        self.leg_product = 0
        self.companions = 0
        self.checked_in = False
        self.leg_network = 0
        self.leg_from_stop = 0
        self.leg_exit_stop = 0
        self.leg_age_s = 0
        self.leg_ride_s = 0
        self.run_ride_s = 0
        self.base_credit_minor = 0
        self.base_group = 0
        self.base_product = 0
        self.base_legs = 0
        self.base_run_transfers = 0
        self.base_age_s = 0
        self.base_leg_age_s = 0
        self.base_ride_s = 0
        self.base_run_ride_s = 0
        self.base_companions = 0

    def copy_from(self, other):
        """Become equal to `other`."""
        for name in _COPIED:
            setattr(self, name, getattr(other, name))
        for slot in range(CONTRACT_SLOTS):
            self.contracts[slot].copy_from(other.contracts[slot])

    def spent_minor(self):
        """Minor units spent since issue: (K - seq) / 2."""
        return (self.spent_counter - self.seq) >> 1

    def balance_minor(self):
        """Granted minus spent."""
        return self.granted_minor - self.spent_minor()
