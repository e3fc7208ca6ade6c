"""How long things take on the air, on the serial line and in a card: every constant, once.

Air times are exact integers of the carrier's periods (fc = 13.56 MHz) and are rounded to whole
microseconds only where a whole exchange is added up. Left out: the chip firmware's own computing
time, for which there is no published figure.

| constant | source |
|---|---|
| ETU, PCD_TO_PICC, PICC_TO_PCD | ISO/IEC 14443-3 §6.2.1 (frame delay time, last bit 1 / 0) |
| frame lengths | ISO/IEC 14443-3 §6.2.3: 9 bits a byte, start of communication, end of frame |
| FIELD_GUARD_US | ISO/IEC 14443-3 §5: a PICC answers within 5 ms of an unmodulated field |
| EEPROM_US, COMPUTE_US | MF1S50yyX/V1 §12: write and TRANSFER 10 ms, value commands 5 ms |
| RETRY_STEP_US | UM0701-02 §7.3.1, item 2: T = 100 µs · 2^(n-1) |
| NO_ANSWER_US, POLL_TRY_US, WAKE_US, BYTE_GAP_US | assumed here (decision 0004) |
"""

from functools import cache

ETU = 128
PCD_TO_PICC = 1236
PICC_TO_PCD = 1172

FIELD_GUARD_US = 5_000
EEPROM_US = 10_000
COMPUTE_US = 5_000
RETRY_STEP_US = 100
NO_ANSWER_US = 1_000  # waiting for an answer that a standard binds to 91 µs
POLL_TRY_US = 5_000  # one empty try of InListPassiveTarget until the next REQA
WAKE_US = 1_000  # from the first edge on the line until the oscillator runs
BYTE_GAP_US = 20_000  # silence after which a half-received frame is given up

NIBBLE_BITS = 4


def us_of_periods(periods: int) -> int:
    """Carrier periods as whole microseconds, rounded to nearest (13.56 = 339/25)."""
    return (periods * 25 + 169) // 339


@cache
def pcd_frame(byte_count: int, last_bits: int = 0) -> int:
    """Carrier periods of a PCD frame of whole bytes (CRC counted) plus `last_bits` bits."""
    return (9 * byte_count + last_bits + 3) * ETU


SHORT_FRAME = 10 * ETU  # REQA, WUPA


@cache
def picc_frame(bit_count: int) -> int:
    """Carrier periods of a PICC frame of `bit_count` bits (parity not counted)."""
    whole, rest = divmod(bit_count, 8)
    return (9 * whole + rest + 2) * ETU


@cache
def answered_us(sent: int, bit_count: int) -> int:
    """A whole exchange: `sent` periods to the card, both delays, an answer of `bit_count` bits."""
    return us_of_periods(sent + PCD_TO_PICC + picc_frame(bit_count) + PICC_TO_PCD)


@cache
def unanswered_us(sent: int) -> int:
    """A frame that no one answers, up to the instant an answer would have begun."""
    return us_of_periods(sent + PCD_TO_PICC)


def wire_ns(byte_count: int, baud: int) -> int:
    """Nanoseconds of `byte_count` bytes on an 8N1 line."""
    return (byte_count * 10_000_000_000 + baud // 2) // baud
