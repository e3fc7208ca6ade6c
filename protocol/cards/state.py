"""What any card of ours knows, whatever its medium (SPEC §2 says where each medium keeps it)."""

from protocol.compat import const

NO_DAY = const(0xFFFF)  # valid_until: no end
AGE_LONGER = const(0xFFFF)  # journey_age_s: longer than can be said
LEGS_MAX = const(255)


class CardState:
    """State of one card after its transaction `seq`; money in minor units, times in Minik seconds.

    One object is filled again and again: readers of a medium set every field.
    """

    def __init__(self):
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
        self.journey_legs = 0
        self.journey_age_s = 0
        self.blocked = False
        self.tag = b"\x00\x00\x00\x00"

    def copy_from(self, other):
        """Become equal to `other`."""
        self.medium = other.medium
        self.uid = other.uid
        self.seq = other.seq
        self.spent_counter = other.spent_counter
        self.granted_minor = other.granted_minor
        self.grant_seq = other.grant_seq
        self.action_seq = other.action_seq
        self.tap_time = other.tap_time
        self.rider_category = other.rider_category
        self.valid_until = other.valid_until
        self.vehicle = other.vehicle
        self.journey_legs = other.journey_legs
        self.journey_age_s = other.journey_age_s
        self.blocked = other.blocked
        self.tag = other.tag

    def spent_minor(self):
        """Minor units spent since issue: (K - seq) / 2."""
        return (self.spent_counter - self.seq) >> 1

    def balance_minor(self):
        """Granted minus spent."""
        return self.granted_minor - self.spent_minor()

    def next_journey_age_s(self, elapsed_s):
        """Seconds from the journey's first leg to a leg `elapsed_s` after its last; saturates."""
        if self.journey_age_s == AGE_LONGER:
            return AGE_LONGER
        return min(self.journey_age_s + elapsed_s, AGE_LONGER)

    def next_leg(self):
        """Number of the journey's next leg; saturates."""
        return min(self.journey_legs + 1, LEGS_MAX)
