"""A MIFARE Classic 1K or 4K card: memory, authentication, access conditions, value blocks.

Source: MF1S50yyX/V1 and MF1S70yyX/V1 (cited as DS), AN10927 for the UID part used in Crypto1.
Crypto1 itself is not computed: the second frame of an authentication carries the reader's key and
UID part openly and the card compares them, every later frame is marked `CIPHER`. What a passive
listener or a nonce attack would see is therefore left out (decision 0004).

In ACTIVE state a command is one frame (READ, TRANSFER, the first half of an authentication) or
two; `_expected` names the second one that is due. Any error answers with a NAK where the card
has one, forgets authentication and transfer buffer, and leaves ACTIVE state.
"""

from random import Random

from host_tools.bench.reader.airtime import EEPROM_US, pcd_frame, us_of_periods
from host_tools.bench.reader.classic_access import (
    DATA_RIGHTS,
    KEY_A,
    KEY_B,
    TRAILER_RIGHTS,
    conditions,
    group_of,
    sector_of,
    trailer_of,
)
from host_tools.bench.reader.picc import (
    CIPHER,
    CRC,
    HLTA,
    NIBBLE,
    RAW,
    Answer,
    Faults,
    Picc,
    answer_crc,
)
from host_tools.bench.reader.tear import torn

SIZES = {"1k": 1024, "4k": 4096}
BLOCK_BYTES = 16
TRANSPORT_TRAILER = b"\xff" * 6 + b"\xff\x07\x80\x69" + b"\xff" * 6

AUTH_A, AUTH_B = 0x60, 0x61
READ, WRITE = 0x30, 0xA0
DECREMENT, INCREMENT, RESTORE, TRANSFER = 0xC0, 0xC1, 0xC2, 0xB0

ACK = Answer(b"\x0a", NIBBLE, 4)
ACK_WRITTEN = Answer(b"\x0a", NIBBLE, 4, EEPROM_US)
# DS §9.3 table 10: the code says whether the transfer buffer is still good
NAK_BUFFER_GOOD = Answer(b"\x00", NIBBLE, 4)
NAK_CRC_BUFFER_GOOD = Answer(b"\x01", NIBBLE, 4)
NAK = Answer(b"\x04", NIBBLE, 4)
NAK_CRC = Answer(b"\x05", NIBBLE, 4)

NO_SECTOR = -1
# the programming begins when the frame that asks for it has ended, and the answer says it is done
_WRITE_FRAME_US = us_of_periods(pcd_frame(BLOCK_BYTES + 2))
_TRANSFER_FRAME_US = us_of_periods(pcd_frame(4))


def value_of(block: bytes) -> int | None:
    """The signed value of a value block (DS §8.6.2.1), None if its copies do not agree."""
    stored = block[0:4]
    if stored != block[8:12] or stored != bytes(b ^ 0xFF for b in block[4:8]):
        return None
    if not block[12] == block[14] == block[13] ^ 0xFF == block[15] ^ 0xFF:
        return None
    return int.from_bytes(stored, "little", signed=True)


def value_block(value: int, address: int) -> bytes:
    """The 16 bytes of a value block; OverflowError outside the signed 32 bits."""
    stored = value.to_bytes(4, "little", signed=True)
    complement = bytes(b ^ 0xFF for b in stored)
    inverted = address ^ 0xFF
    return stored + complement + stored + bytes((address, inverted, address, inverted))


def manufacturer_block(uid: bytes, size: str) -> bytes:
    """Block 0 as cards carry it: UID, BCC for 4 bytes, SAK, ATQA, then manufacturer data."""
    atqa, sak = identity(uid, size)
    checked = uid + bytes((uid[0] ^ uid[1] ^ uid[2] ^ uid[3],)) if len(uid) == 4 else uid
    head = checked + bytes((sak,)) + atqa
    return head + bytes(range(0x62, 0x62 + BLOCK_BYTES - len(head)))


def identity(uid: bytes, size: str) -> tuple[bytes, int]:
    """ATQA as sent and SAK (AN10833) of a card of this UID length and size."""
    if size not in SIZES:
        raise ValueError("size is 1k or 4k")
    if len(uid) not in (4, 7):
        raise ValueError("a MIFARE Classic UID has 4 or 7 bytes")
    kind = (0x04, 0x08) if size == "1k" else (0x02, 0x18)
    return bytes((kind[0] | (0x40 if len(uid) == 7 else 0), 0)), kind[1]


class ClassicCard(Picc):
    """A card in any state of its memory. `image`: 1024 or 4096 bytes, block after block.

    Raises ValueError for a UID, size or image that no such card has.
    """

    def __init__(self, uid: bytes, size: str = "1k", image: bytes | None = None):
        atqa, sak = identity(uid, size)
        if image is None:
            image = _transport_image(uid, size)
        if len(image) != SIZES[size]:
            raise ValueError(f"an image of a {size} card has {SIZES[size]} bytes")
        self.size = size
        self._memory = bytearray(image)
        self._block_count = len(image) // BLOCK_BYTES
        self._uid_part = bytes(uid[-4:])  # AN10927: with 7 bytes, those of the second level
        self._nonces = Random(uid)
        self._unsettled: tuple[int, bytes, bytes, int] | None = None
        self._sector = NO_SECTOR
        self._keys = 0
        self._groups: tuple[int, int, int, int] = (7, 7, 7, 7)
        self._expected = 0
        self._block = 0
        self._buffer: tuple[int, int] | None = None
        super().__init__(uid, atqa, sak)

    @classmethod
    def transport(cls, uid: bytes, size: str = "1k") -> "ClassicCard":
        """A blank card as delivered: all keys FF, all data zero, transport access bits."""
        return cls(uid, size)

    @classmethod
    def from_dump(cls, dump: bytes) -> "ClassicCard":
        """A card from its memory; the UID is read from block 0. ValueError for an odd length."""
        for size, length in SIZES.items():
            if len(dump) == length:
                return cls(bytes(dump[:_uid_length(dump)]), size, bytes(dump))
        raise ValueError(f"{len(dump)} bytes; a dump has 1024 or 4096")

    @property
    def image(self) -> bytes:
        """The whole memory, keys included."""
        return bytes(self._memory)

    def block(self, number: int) -> bytes:
        """The 16 bytes of one block, whatever the access bits say."""
        return bytes(self._memory[16 * number:16 * number + 16])

    def set_block(self, number: int, content: bytes) -> None:
        """Put 16 bytes into a block past all rules: for tests and for making cards."""
        if len(content) != BLOCK_BYTES:
            raise ValueError("a block has 16 bytes")
        self._memory[16 * number:16 * number + 16] = content

    def present_again(self, faults: Faults) -> None:
        super().present_again(faults)
        self._unsettled = None
        self.power_lost(0)

    def leave(self) -> None:
        self._unsettled = None
        super().leave()

    def power_lost(self, now_us: int) -> None:
        unsettled, self._unsettled = self._unsettled, None
        if unsettled is not None and now_us < unsettled[3]:
            block, old, new, _ = unsettled
            self.set_block(block, torn(old, new, self.tear_source()))
        super().power_lost(now_us)

    def session_lost(self) -> None:
        self._sector = NO_SECTOR
        self._keys = 0
        self._expected = 0
        self._buffer = None

    def halts(self, payload: bytes, flags: int) -> bool:
        return (payload == HLTA and not self._expected
                and flags == (CRC if self._sector == NO_SECTOR else CRC | CIPHER))

    def in_active(self, payload: bytes, flags: int, now_us: int) -> Answer | None:
        self._unsettled = None
        expected, self._expected = self._expected, 0
        if expected in (AUTH_A, AUTH_B):
            return self._authenticate(expected, payload, flags)
        if bool(flags & CIPHER) != (self._sector != NO_SECTOR):
            self.fall_back()
            return None
        if not flags & CRC:
            return self._refuse(NAK_CRC_BUFFER_GOOD, NAK_CRC)
        if expected == WRITE:
            return self._write(payload, now_us)
        if expected:
            return self._compute(expected, payload)
        return self._command(payload, now_us)

    def _refuse(self, good: Answer = NAK_BUFFER_GOOD, bad: Answer = NAK) -> Answer:
        nak = bad if self._buffer is None else good
        self.fall_back()
        return nak

    def _command(self, payload: bytes, now_us: int) -> Answer | None:
        if len(payload) != 2 or payload[1] >= self._block_count:
            return self._refuse()
        code, block = payload
        if code in (AUTH_A, AUTH_B):
            return self._challenge(code, block)
        if self._sector == NO_SECTOR or sector_of(block) != self._sector:
            return self._refuse()
        if code == READ:
            return self._read(block)
        if code == TRANSFER:
            return self._transfer(block, now_us)
        if code == WRITE and block == 0:
            return NAK  # write-protected by its maker: refused, the session goes on (0004)
        if not self._may_begin(code, block):
            return self._refuse()
        self._expected = code
        self._block = block
        return ACK

    def _challenge(self, code: int, block: int) -> Answer:
        self.session_lost()
        self._expected = code
        self._block = block
        return Answer(self._nonces.randbytes(4), RAW, 32)

    def _authenticate(self, code: int, payload: bytes, flags: int) -> Answer | None:
        """Second half: silence and the way back unless key and UID part are right (DS §9.1)."""
        sector = sector_of(self._block)
        trailer = self.block(trailer_of(sector))
        key = trailer[0:6] if code == AUTH_A else trailer[10:16]
        groups = conditions(trailer[6:9])
        if flags != CIPHER or groups is None or payload != key + self._uid_part:
            self.fall_back()
            return None
        self._sector = sector
        self._groups = groups
        self._keys = KEY_A if code == AUTH_A else KEY_B
        if code == AUTH_B and TRAILER_RIGHTS[groups[3]].read_key_b:
            self._keys = 0  # DS §8.7.2: key B that can be read opens nothing
        return Answer(self._nonces.randbytes(4), RAW, 32)

    def _is_trailer(self, block: int) -> bool:
        return block == trailer_of(self._sector)

    def _may_begin(self, code: int, block: int) -> bool:
        if code == WRITE:
            return self._may_write(block)
        return code in (DECREMENT, INCREMENT, RESTORE) and self._may_compute(code, block)

    def _may_write(self, block: int) -> bool:
        if self._is_trailer(block):
            rights = TRAILER_RIGHTS[self._groups[3]]
            return bool(self._keys
                        & (rights.write_key_a | rights.write_access | rights.write_key_b))
        return bool(self._keys & DATA_RIGHTS[self._groups[group_of(block)]].write)

    def _may_compute(self, code: int, block: int) -> bool:
        if self._is_trailer(block):
            return False
        rights = DATA_RIGHTS[self._groups[group_of(block)]]
        right = rights.increment if code == INCREMENT else rights.decrement
        return bool(self._keys & right) and value_of(self.block(block)) is not None

    def _read(self, block: int) -> Answer:
        content = self.block(block)
        if not self._is_trailer(block):
            if not self._keys & DATA_RIGHTS[self._groups[group_of(block)]].read:
                return self._refuse()
            return answer_crc(content)
        rights = TRAILER_RIGHTS[self._groups[3]]
        if not self._keys & rights.read_access:
            return self._refuse()
        key_b = content[10:] if self._keys & rights.read_key_b else bytes(6)
        return answer_crc(bytes(6) + content[6:10] + key_b)

    def _write(self, payload: bytes, now_us: int) -> Answer | None:
        if len(payload) != BLOCK_BYTES:
            return self._refuse()
        block = self._block
        if not self._is_trailer(block):
            return self._program(block, payload, now_us + _WRITE_FRAME_US)
        rights = TRAILER_RIGHTS[self._groups[3]]
        old = self.block(block)
        new = ((payload if self._keys & rights.write_key_a else old)[0:6]
               + (payload if self._keys & rights.write_access else old)[6:10]
               + (payload if self._keys & rights.write_key_b else old)[10:16])
        answer = self._program(block, new, now_us + _WRITE_FRAME_US)
        groups = conditions(self.block(block)[6:9])
        if groups is None:
            self._keys = 0  # wrongly coded: the sector is locked at once
        else:
            self._groups = groups
        return answer

    def _compute(self, code: int, payload: bytes) -> Answer | None:
        """Second half of a value command: silence is success (DS §12.3)."""
        source = self.block(self._block)
        value = value_of(source)
        if len(payload) != 4 or value is None:
            return self._refuse()
        operand = int.from_bytes(payload, "little")
        if code == RESTORE:
            operand = 0
        elif operand >> 31:
            return self._refuse()
        value = value + operand if code == INCREMENT else value - operand
        if not -(1 << 31) <= value < 1 << 31:
            self._buffer = None
            return self._refuse()
        self._buffer = (value, source[12])
        return None

    def _transfer(self, block: int, now_us: int) -> Answer | None:
        if self._buffer is None or block == 0 or self._is_trailer(block):
            return self._refuse()
        if not self._keys & DATA_RIGHTS[self._groups[group_of(block)]].decrement:
            return self._refuse()
        return self._program(block, value_block(*self._buffer), now_us + _TRANSFER_FRAME_US)

    def _program(self, block: int, new: bytes, begun_us: int) -> Answer | None:
        """Program one block from `begun_us` on; a fault or a loss of power may tear it."""
        old = self.block(block)
        self.eeprom_writes += 1
        if self.eeprom_writes == self.faults.torn_write:
            self.set_block(block, torn(old, new, self.tear_source()))
            self.leave()
            return None
        self.set_block(block, new)
        self._unsettled = (block, old, new, begun_us + EEPROM_US)
        return ACK_WRITTEN


def _uid_length(block_0: bytes) -> int:
    """4 or 7, by where SAK and ATQA stand and whether a BCC follows four bytes."""
    if block_0[8] in (0x42, 0x44) and block_0[9] == 0 and block_0[7] & 0x7F in (0x08, 0x18):
        return 7
    return 4 if block_0[0] ^ block_0[1] ^ block_0[2] ^ block_0[3] == block_0[4] else 7


def _transport_image(uid: bytes, size: str) -> bytes:
    image = bytearray(SIZES[size])
    image[0:BLOCK_BYTES] = manufacturer_block(uid, size)
    block_count = len(image) // BLOCK_BYTES
    for sector in range(sector_of(block_count - 1) + 1):
        start = BLOCK_BYTES * trailer_of(sector)
        image[start:start + BLOCK_BYTES] = TRANSPORT_TRAILER
    return bytes(image)
