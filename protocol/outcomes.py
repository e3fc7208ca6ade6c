"""The stable names of what a tap can end in (SPEC §1). The index of a name is its byte."""

from protocol.compat import const

ACCEPTED = const(0)
REFUSED = const(1)
RETAP = const(2)
OUTCOME_NAMES = ("accepted", "refused", "retap")

NO_REASON = const(0)
INSUFFICIENT_FUNDS = const(1)
ONE_CARD_PLEASE = const(2)
DENIED = const(3)
EXPIRED = const(4)
NOT_VALID_HERE = const(5)
NOT_VALID_NOW = const(6)
PASSBACK = const(7)
UNREADABLE = const(8)
UNKNOWN_MEDIUM = const(9)
BLOCKED = const(10)
PURSE_CEILING = const(11)
NEEDS_LINK = const(12)
CLOCK_UNKNOWN = const(13)
BAD_SIGNATURE = const(14)
ALREADY_USED = const(15)
REASON_NAMES = (
    None, "insufficient_funds", "one_card_please", "denied", "expired", "not_valid_here",
    "not_valid_now", "passback", "unreadable", "unknown_medium", "blocked", "purse_ceiling",
    "needs_link", "clock_unknown", "bad_signature", "already_used",
)

MEDIUM_UNKNOWN = const(0)
MEDIUM_CLASSIC1K = const(1)
MEDIUM_CLASSIC4K = const(2)
MEDIUM_NAMES = ("unknown", "classic1k", "classic4k")
