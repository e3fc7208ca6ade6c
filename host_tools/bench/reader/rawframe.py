"""InCommunicateThru: a host's bytes as a frame on the air by the registers of the chip, and back.

Source: UM0701-02 §7.3.9; PN532/C1 data sheet §8.6.23 (CIU registers). The registers that act here
are listed below; every other one only keeps what is written to it.
"""

from host_tools.bench.reader.mifare_pcd import STATUS_BIT_COLLISION, STATUS_CRC, STATUS_OK
from host_tools.bench.reader.picc import CRC, NIBBLE, SHORT, WITH_CRC, Answer

TX_MODE, RX_MODE = 0x6302, 0x6303  # bit 7: CRC enable
MANUAL_RCV = 0x630D  # bit 4: parity disable
STATUS_2 = 0x6338  # bit 3: MFCrypto1On, which a host can only clear
CONTROL = 0x633C  # bits 2-0: RxLastBits, read only
BIT_FRAMING = 0x633D  # bits 2-0: TxLastBits
CRC_ENABLE = 0x80
PARITY_DISABLE = 0x10
CRYPTO1_ON = 0x08
LAST_BITS = 0x07
SHORT_BITS = 7

CRC_A_START = 0x6363


def crc_a(payload: bytes) -> bytes:
    """CRC_A (ISO/IEC 14443-3 annex B), low byte first."""
    crc = CRC_A_START
    for byte in payload:
        byte ^= crc & 0xFF
        byte = (byte ^ byte << 4) & 0xFF
        crc = crc >> 8 ^ byte << 8 ^ byte << 3 ^ byte >> 4
    return crc.to_bytes(2, "little")


class Registers:
    """The chip's register file, as far as hosts look at it."""

    def __init__(self) -> None:
        self._values = {TX_MODE: CRC_ENABLE, RX_MODE: CRC_ENABLE}
        self.rx_last_bits = 0

    def read(self, address: int, crypto_on: bool) -> int:
        """The value of a register; unknown ones read as last written, else 0."""
        value = self._values.get(address, 0)
        if address == STATUS_2:
            return value & ~CRYPTO1_ON | (CRYPTO1_ON if crypto_on else 0)
        if address == CONTROL:
            return value & ~LAST_BITS | self.rx_last_bits
        return value

    def write(self, address: int, value: int) -> bool:
        """Store a value; True if it switches Crypto1 off."""
        self._values[address] = value
        return address == STATUS_2 and not value & CRYPTO1_ON

    def has(self, address: int, bit: int) -> bool:
        """Whether `bit` is set in a register."""
        return bool(self._values.get(address, 0) & bit)

    @property
    def tx_last_bits(self) -> int:
        return self._values.get(BIT_FRAMING, 0) & LAST_BITS


def card_frame(registers: Registers, sent: bytes) -> tuple[bytes, int, int] | None:
    """(payload, flags, last bits) of what goes on the air; None if no card could read it.

    With the chip's parity off the host sends parity bits of its own, which this air does not have.
    """
    if not sent or registers.has(MANUAL_RCV, PARITY_DISABLE):
        return None
    last_bits = registers.tx_last_bits
    if registers.has(TX_MODE, CRC_ENABLE):
        return None if last_bits else (sent, CRC, 0)
    if last_bits == SHORT_BITS and len(sent) == 1:
        return bytes((sent[0] & 0x7F,)), SHORT, 0
    if not last_bits and len(sent) > 2 and crc_a(sent[:-2]) == sent[-2:]:
        return sent[:-2], CRC, 0
    return sent, 0, last_bits


def host_answer(registers: Registers, answer: Answer) -> tuple[int, bytes]:
    """(status, bytes) the host gets for what came back, by the chip's receive settings.

    With its CRC check on, the chip reports every answer without one, a 4-bit ACK too, as a CRC
    error.
    """
    registers.rx_last_bits = answer.bit_count % 8
    if answer.collided:
        return STATUS_BIT_COLLISION, b""
    if registers.has(RX_MODE, CRC_ENABLE):
        return (STATUS_OK, answer.payload) if answer.kind == WITH_CRC else (STATUS_CRC, b"")
    if answer.kind == WITH_CRC:
        return STATUS_OK, answer.payload + crc_a(answer.payload)
    if answer.kind == NIBBLE:
        return STATUS_OK, answer.payload[:1]
    return STATUS_OK, answer.payload
