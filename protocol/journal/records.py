"""What a journal record says: header, kinds and bodies as tables (SPEC §3.1 to §3.3).

Packing goes into buffers of the caller; a caller on the tap path keeps one dict of fields and one
40-byte body and fills them again and again. MACs are the business of `chain`, places that of
`ring`.
"""

from protocol.compat import const
from protocol.fields import RAW, get_uint, pack_into, parse, put_uint

RECORD_BYTES = const(64)
BODY_OFFSET = const(16)
BODY_BYTES = const(40)
MAC_OFFSET = const(56)
SEQ_NONE = const(0xFFFFFFFF)
BLANK = b"\xff" * 64

BOOT = const(1)
PLACE = const(2)
INTENT = const(3)
OUTCOME = const(4)
CLOCK = const(5)
HEALTH = const(6)
KIND_NAMES = (None, "boot", "place", "intent", "outcome", "clock", "health")

CLOCK_UNKNOWN = const(0)
CLOCK_RTC = const(1)
CLOCK_CENTRE = const(2)
CLOCK_GNSS = const(3)
CLOCK_QUALITY_NAMES = ("unknown", "rtc", "centre", "gnss")

FLAG_RECOVERED = const(1)
FLAG_UNRESOLVED = const(2)
FLAG_TRANSFER = const(4)
FLAG_CAPPED = const(8)
FLAG_CHECKOUT = const(16)
FLAG_MISSED = const(32)  # the price of a missed check-out is in the charge
FLAG_NAMES = ("recovered", "unresolved", "transfer", "capped", "checkout", "missed")

HEADER_LAYOUT = (
    ("seq", 0, 4),
    ("kind", 4, 1),
    ("clock_quality", 5, 1),
    ("boot", 6, 2),
    ("time", 8, 4),
    ("uptime_s", 12, 4),
)

BOOT_LAYOUT = (
    ("reset_cause", 0, 1),
    ("torn_count", 1, 1),  # 255 = 255 or more
    ("first_torn_seq", 2, 4),  # SEQ_NONE = none
    ("firmware_major", 6, 1),
    ("firmware_minor", 7, 1),
    ("firmware_patch", 8, 1),
    ("tariff_version", 9, 4),
    ("journal_id", 13, 4, RAW),
    ("device_id", 17, 16, RAW),  # ASCII, zero padded
)

PLACE_LAYOUT = (
    ("vehicle", 0, 2),
    ("route", 2, 2),
    ("stop", 4, 2),
)

INTENT_LAYOUT = (
    ("medium", 0, 1),
    ("uid_length", 1, 1),
    ("uid", 2, 7, RAW),
    ("flags", 9, 1),
    ("card_seq", 10, 3),  # of the new state
    ("product", 13, 1),
    ("rider_category", 14, 1),
    ("riders", 15, 1),
    ("charge", 16, 4),
    ("k", 20, 4),  # of the new state
    ("tag_before", 24, 4, RAW),
    ("tag_after", 28, 4, RAW),
    ("granted", 32, 4),
    ("grant_seq", 36, 2),
    ("companions", 38, 2),  # as SPEC §2.3.1
)

OUTCOME_LAYOUT = (
    ("medium", 0, 1),
    ("uid_length", 1, 1),
    ("uid", 2, 7, RAW),
    ("flags", 9, 1),
    ("outcome", 10, 1),
    ("reason", 11, 1),
    ("product", 12, 1),
    ("rider_category", 13, 1),
    ("charge", 14, 4),
    ("k", 18, 4),  # as last known
    ("tag", 22, 4, RAW),  # as last known
    ("intent_seq", 26, 4),  # SEQ_NONE = none
    ("card_seq", 30, 3),
    ("granted", 33, 4),
    ("grant_seq", 37, 2),
    ("riders", 39, 1),
)

CLOCK_LAYOUT = (
    ("old_time", 0, 4),
    ("new_time", 4, 4),
    ("source", 8, 1),
)

HEALTH_LAYOUT = (
    ("fault_bits", 0, 4),
    ("fill_percent", 4, 1),
    ("reader_faults", 5, 2),
    ("heap_free", 7, 4),
)

BODY_LAYOUTS = (
    None, BOOT_LAYOUT, PLACE_LAYOUT, INTENT_LAYOUT, OUTCOME_LAYOUT, CLOCK_LAYOUT, HEALTH_LAYOUT,
)


def pack_header(buf, seq, kind, clock_quality, boot, now, uptime_s):
    """Fill bytes 0 to 15 of the 64-byte `buf`; ValueError for a value that does not fit."""
    put_uint(buf, 0, 4, seq)
    put_uint(buf, 4, 1, kind)
    put_uint(buf, 5, 1, clock_quality)
    put_uint(buf, 6, 2, boot)
    put_uint(buf, 8, 4, now)
    put_uint(buf, 12, 4, uptime_s)


def pack_body(kind, body, fields):
    """Fill the 40-byte `body` of a record of `kind`; names not in `fields` become zero.

    Raises ValueError for an unknown kind or name and for a value that does not fit.
    """
    if not 0 < kind < len(BODY_LAYOUTS):
        raise ValueError("unknown kind of record")
    for position in range(BODY_BYTES):
        body[position] = 0
    pack_into(BODY_LAYOUTS[kind], body, 0, fields)


def parse_header(record):
    """Seq, kind, clock_quality, boot, time and uptime_s of a 64-byte record, as a dict."""
    return parse(HEADER_LAYOUT, record)


def parse_body(record):
    """The fields of a 64-byte record's body as a dict; empty for a kind not known here."""
    kind = record[4]
    if not 0 < kind < len(BODY_LAYOUTS):
        return {}
    return parse(BODY_LAYOUTS[kind], record, BODY_OFFSET)


def record_seq(record):
    """Journal seq that a 64-byte record claims."""
    return get_uint(record, 0, 4)


def is_blank(record):
    """True if all 64 bytes are 0xFF, as an erased slot reads."""
    return record == BLANK
