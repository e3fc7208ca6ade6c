"""What any ISO/IEC 14443-3 type A card does: power, REQA/WUPA, anticollision, selection, halt.

A card type derives from `Picc` and answers in `in_active`; the reader chip and the field know
only this class. Frames are whole bytes with flags, not bits: parity is never wrong on the modelled
air, and a CRC is a flag (`CRC`: a right one follows the bytes). So is encipherment (`CIPHER`).
Left out: ISO/IEC 14443-4, which is a matter of the card types that speak it.

State (ISO/IEC 14443-3 §6.4). From IDLE, REQA and WUPA lead to READY; from HALT only WUPA does, to
READY*, which the flag `_from_halt` remembers. SELECT with the whole UID leads to ACTIVE(*). A
frame that the state does not expect leads back: to IDLE, or with the star to HALT, in silence.
HLTA in ACTIVE(*) leads to HALT. Loss of the field leads to IDLE when it returns.
"""

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

SHORT = 1  # a 7-bit frame
CRC = 2  # a right CRC_A follows, not among the bytes
CIPHER = 4  # under Crypto1

RAW = 0  # an answer of bytes without CRC
WITH_CRC = 1  # an answer of bytes, CRC_A follows
NIBBLE = 2  # a 4-bit answer

REQA = 0x26
WUPA = 0x52
HLTA = b"\x50\x00"
CASCADE_TAG = 0x88
SELECT_CODES = (0x93, 0x95, 0x97)
SAK_CASCADE = 0x04

IDLE, READY, ACTIVE, HALT = range(4)


class Answer(NamedTuple):
    """What a card (or several at once) sends back.

    `bit_count` is the length on the air without CRC; `busy_us` what the card computes before it
    answers; `collided` the bits (numbered from the first sent) on which cards differ.
    """

    payload: bytes
    kind: int
    bit_count: int
    busy_us: int = 0
    collided: int = 0


def answer_raw(payload: bytes) -> Answer:
    return Answer(payload, RAW, 8 * len(payload))


def answer_crc(payload: bytes) -> Answer:
    return Answer(payload, WITH_CRC, 8 * len(payload))


@dataclass(frozen=True)
class Faults:
    """What goes wrong in one presentation of a card; the first frame, answer or write is 1.

    `remove_after_frames`: the card processes (and answers) that many RF frames, then is gone; 0:
    it is gone before the first.
    `answer_lost`: that answer is dropped on the air, the card itself has acted.
    `torn_write`: that EEPROM write leaves neither old nor new content, then the card is gone.
    `seed` chooses the tear.
    """

    remove_after_frames: int | None = None
    answer_lost: int | None = None
    torn_write: int | None = None
    seed: int = 0


NO_FAULTS = Faults()


def cascade_blocks(uid: bytes) -> tuple[bytes, ...]:
    """The 5 bytes (with BCC) of each cascade level of a 4-, 7- or 10-byte UID."""
    if len(uid) not in (4, 7, 10):
        raise ValueError("a UID has 4, 7 or 10 bytes")
    parts = []
    rest = uid
    while len(rest) > 4:
        parts.append(bytes((CASCADE_TAG,)) + rest[:3])
        rest = rest[3:]
    parts.append(rest)
    return tuple(part + bytes((part[0] ^ part[1] ^ part[2] ^ part[3],)) for part in parts)


class Picc:
    """A type A card. `uid` 4, 7 or 10 bytes; `atqa` 2 bytes as sent; `sak` of the last level.

    Counters of the present presentation: `frames` that reached the card (also those it had no
    answer for), `answers` it gave, `eeprom_writes` it began.
    """

    def __init__(self, uid: bytes, atqa: bytes, sak: int):
        self.uid = bytes(uid)
        self.sak = sak
        self._blocks = cascade_blocks(self.uid)
        self._atqa = answer_raw(atqa)
        self._sak_last = answer_crc(bytes((sak,)))
        self._sak_cascade = answer_crc(bytes((SAK_CASCADE,)))
        self._state = IDLE
        self._from_halt = False
        self._level = 0
        self.present_again(NO_FAULTS)

    def present_again(self, faults: Faults) -> None:
        """A new presentation: the counters start again and `faults` hold for it."""
        self.faults = faults
        self.frames = 0
        self.answers = 0
        self.eeprom_writes = 0
        self.gone = faults.remove_after_frames == 0

    def power_lost(self, now_us: int) -> None:
        """The field is gone, or the card is gone from it, at `now_us`."""
        self._state = IDLE
        self._from_halt = False
        self.session_lost()

    def receive(self, payload: bytes, flags: int, last_bits: int, now_us: int) -> Answer | None:
        """One frame whose sending begins at `now_us`; None when the card keeps silent.

        With `last_bits` the last byte of `payload` carries only so many bits (anticollision).
        """
        if self.gone:
            return None
        self.frames += 1
        answer = self._react(payload, flags, last_bits, now_us)
        if self.frames == self.faults.remove_after_frames:
            self.leave()
        if answer is not None:
            self.answers += 1
            if self.answers == self.faults.answer_lost:
                return None
        return answer

    def leave(self) -> None:
        """The card is out of the field for the rest of this presentation."""
        self.gone = True
        self._state = IDLE
        self._from_halt = False
        self.session_lost()

    def tear_source(self) -> Random:
        """The seeded source of how this presentation's current write is torn."""
        return Random(f"{self.faults.seed}:{self.uid.hex()}:{self.eeprom_writes}")

    def fall_back(self) -> None:
        """An error: back to IDLE, or to HALT if the card was woken from there."""
        self._state = HALT if self._from_halt else IDLE
        self.session_lost()

    def session_lost(self) -> None:
        """For card types: the card is no longer ACTIVE; forget what authentication gave."""

    def in_active(self, payload: bytes, flags: int, now_us: int) -> Answer | None:
        """For card types: a frame in ACTIVE state other than a plain HLTA."""
        self.fall_back()
        return None

    def halts(self, payload: bytes, flags: int) -> bool:
        """Whether a frame in ACTIVE state is HLTA for this card."""
        return payload == HLTA and flags == CRC

    def _react(self, payload: bytes, flags: int, last_bits: int, now_us: int) -> Answer | None:
        state = self._state
        if state == ACTIVE:
            if flags & SHORT or last_bits:
                self.fall_back()
                return None
            if self.halts(payload, flags):
                self._state = HALT
                self.session_lost()
                return None
            return self.in_active(payload, flags, now_us)
        if flags & SHORT:
            return self._wake(payload[0])
        if state == READY:
            return self._in_ready(payload, flags, last_bits)
        return None

    def _wake(self, code: int) -> Answer | None:
        state = self._state
        if state == READY:
            self.fall_back()
            return None
        if code != WUPA and (code != REQA or state == HALT):
            return None
        self._from_halt = state == HALT
        self._state = READY
        self._level = 0
        return self._atqa

    def _in_ready(self, payload: bytes, flags: int, last_bits: int) -> Answer | None:
        if len(payload) < 2 or payload[0] != SELECT_CODES[self._level] or flags & CIPHER:
            self.fall_back()
            return None
        block = self._blocks[self._level]
        if payload[1] == 0x70:
            if flags != CRC or payload[2:] != block:
                self.fall_back()
                return None
            if self._level + 1 < len(self._blocks):
                self._level += 1
                return self._sak_cascade
            self._state = ACTIVE
            return self._sak_last
        return self._anticollision(payload, flags, last_bits, block)

    def _anticollision(self, payload: bytes, flags: int, last_bits: int,
                       block: bytes) -> Answer | None:
        """The rest of this level's UID if its beginning is what was sent (§6.5.3)."""
        whole, bits = payload[1] >> 4, payload[1] & 0x0F
        length = whole + (1 if bits else 0)
        if flags or bits != last_bits or length != len(payload) or not 2 <= whole <= 6:
            self.fall_back()
            return None
        known = 8 * (whole - 2) + bits
        mine = int.from_bytes(block, "little")
        if (int.from_bytes(payload[2:], "little") ^ mine) & ((1 << known) - 1):
            return None
        bit_count = 40 - known
        return Answer((mine >> known).to_bytes((bit_count + 7) // 8, "little"), RAW, bit_count)
