"""The radio of the chip: one exchange on the air, and the type A procedures built from it.

Every procedure is a generator that yields the microseconds each exchange takes, so that whoever
runs it (`hsu` by events, `direct` at once) keeps the time and can cut it off between two frames.
Source: ISO/IEC 14443-3 §6; the order of a two-target listing is that of UM0701-02 §7.3.5.
"""

from collections.abc import Generator

from host_tools.bench.reader.airtime import (
    FIELD_GUARD_US,
    NO_ANSWER_US,
    SHORT_FRAME,
    answered_us,
    pcd_frame,
    unanswered_us,
)
from host_tools.bench.reader.field import RfField
from host_tools.bench.reader.picc import (
    CIPHER,
    CRC,
    HLTA,
    REQA,
    SAK_CASCADE,
    SELECT_CODES,
    SHORT,
    WITH_CRC,
    WUPA,
    Answer,
    cascade_blocks,
)
from host_tools.bench.reader.stats import ReaderStats

FOREVER = -2  # yielded: nothing happens any more until the host ends the command
UID_BITS = 40  # of one cascade level, BCC included

_REQA = bytes((REQA,))
_WUPA = bytes((WUPA,))


class Found:
    """A card that was selected: ATQA as sent, UID without cascade tags, SAK of the last level."""

    __slots__ = ("atqa", "sak", "uid")

    def __init__(self, atqa: bytes, uid: bytes, sak: int):
        self.atqa = atqa
        self.uid = uid
        self.sak = sak


class Pcd:
    """The contactless interface of a reader chip over `field`. `now_us` is set by the runner."""

    def __init__(self, field: RfField, stats: ReaderStats):
        self.field = field
        self.stats = stats
        self.now_us = 0
        self.crypto_on = False

    def rf_off(self) -> None:
        """Carrier off: every card loses its state."""
        self.crypto_on = False
        self.field.switch(False, self.now_us)

    def rf_on(self) -> Generator[int, int, None]:
        """Carrier on, and the time a card may take to be ready; nothing if it is on already."""
        if not self.field.rf_on:
            self.field.switch(True, self.now_us)
            self.stats.rf_us += FIELD_GUARD_US
            yield FIELD_GUARD_US

    def air(self, payload: bytes, flags: int, wait_us: int = NO_ANSWER_US, last_bits: int = 0,
            air_bytes: int = 0) -> Generator[int, int, Answer | None]:
        """One frame out and what comes back; waits `wait_us` for an answer that does not come.

        `air_bytes` is the length on the air where it is not that of `payload`.
        """
        if self.crypto_on:
            flags |= CIPHER
        answer = self.field.exchange(payload, flags, last_bits, self.now_us)
        if flags & SHORT:
            sent = SHORT_FRAME
        elif last_bits:
            sent = pcd_frame(len(payload) - 1, last_bits)
        else:
            sent = pcd_frame((air_bytes or len(payload)) + (2 if flags & CRC else 0))
        if answer is None:
            spent = unanswered_us(sent) + wait_us
        else:
            bits = answer.bit_count + (16 if answer.kind == WITH_CRC else 0)
            spent = answered_us(sent, bits) + answer.busy_us
        stats = self.stats
        stats.frames += 1
        if answer is None and wait_us == FOREVER:
            yield from self.silence(FOREVER)
        stats.rf_us += spent
        yield spent
        return answer

    def silence(self, wait_us: int = NO_ANSWER_US) -> Generator[int, int, None]:
        """A frame that nothing here understands: `wait_us` pass (no end with FOREVER)."""
        while wait_us == FOREVER:
            yield FOREVER
        self.stats.rf_us += wait_us
        yield wait_us

    def request(self, wake_halted: bool = False) -> Generator[int, int, bytes | None]:
        """REQA (or WUPA): the ATQA as sent, several cards' on top of each other, or None."""
        self.crypto_on = False
        answer = yield from self.air(_WUPA if wake_halted else _REQA, SHORT)
        return None if answer is None else answer.payload

    def halt(self) -> Generator[int, int, None]:
        """HLTA to whoever is active; silence is its answer (ISO/IEC 14443-3 §6.4.3)."""
        yield from self.air(HLTA, CRC)
        self.crypto_on = False

    def anticollide(self, atqa: bytes) -> Generator[int, int, Found | None]:
        """Find one UID bit by bit, taking 1 where cards differ, and select it."""
        uid = b""
        for code in SELECT_CODES:
            block = yield from self._resolve(code)
            if block is None:
                return None
            sak = yield from self._select(code, block)
            if sak is None:
                return None
            if not sak & SAK_CASCADE:
                return Found(atqa, uid + block[:4], sak)
            uid += block[1:4]
        return None

    def select(self, atqa: bytes, uid: bytes) -> Generator[int, int, Found | None]:
        """Select a card whose UID is known, level by level."""
        sak = None
        for code, block in zip(SELECT_CODES, cascade_blocks(uid), strict=False):
            sak = yield from self._select(code, block)
            if sak is None:
                return None
        if sak is None or sak & SAK_CASCADE:
            return None
        return Found(atqa, uid, sak)

    def _resolve(self, code: int) -> Generator[int, int, bytes | None]:
        known = 0
        value = 0
        while known < UID_BITS:
            whole, bits = divmod(known, 8)
            prefix = value.to_bytes(whole + (1 if bits else 0), "little")
            nvb = (whole + 2) << 4 | bits
            answer = yield from self.air(bytes((code, nvb)) + prefix, 0, last_bits=bits)
            if answer is None or answer.bit_count != UID_BITS - known:
                return None
            value |= int.from_bytes(answer.payload, "little") << known
            if not answer.collided:
                break
            first = known + (answer.collided & -answer.collided).bit_length() - 1
            known = first + 1
            value &= (1 << known) - 1
        block = value.to_bytes(5, "little")
        return block if block[0] ^ block[1] ^ block[2] ^ block[3] == block[4] else None

    def _select(self, code: int, block: bytes) -> Generator[int, int, int | None]:
        answer = yield from self.air(bytes((code, 0x70)) + block, CRC)
        if answer is None or answer.kind != WITH_CRC or answer.collided:
            return None
        return answer.payload[0]
