"""What the chip does for the MIFARE commands of InDataExchange: their frames, ACKs and statuses.

Source: UM0701-02 §7.3.8 (the commands and that their two halves are one command to the host) and
its table of error codes; MF1S50yyX/V1 §9, §12 (the frames). The chip answers a NAK of the card
with status 0x13 and silence with 0x01; a card that keeps silent in the second half of an
authentication is 0x14, whatever silenced it.
"""

from collections.abc import Generator

from host_tools.bench.reader.airtime import COMPUTE_US
from host_tools.bench.reader.pcd import Pcd
from host_tools.bench.reader.picc import CRC, NIBBLE, WITH_CRC

STATUS_OK = 0x00
STATUS_TIMEOUT = 0x01
STATUS_CRC = 0x02
STATUS_BIT_COLLISION = 0x06
STATUS_BAD_FORMAT = 0x13
STATUS_MIFARE_AUTH = 0x14

AUTH_A, AUTH_B, READ, WRITE, WRITE_PAGE = 0x60, 0x61, 0x30, 0xA0, 0xA2
DECREMENT, INCREMENT, RESTORE, TRANSFER = 0xC0, 0xC1, 0xC2, 0xB0
ACK = b"\x0a"

# length of DataOut by command; the chip answers any other with a syntax error frame
LENGTHS = {AUTH_A: 12, AUTH_B: 12, READ: 2, WRITE: 18, WRITE_PAGE: 6, TRANSFER: 2,
           DECREMENT: 6, INCREMENT: 6, RESTORE: 6}

Result = tuple[int, bytes]


def exchange(pcd: Pcd, command: bytes, wait_us: int) -> Generator[int, int, Result]:
    """One DataOut of InDataExchange to a target without ISO/IEC 14443-4: (status, DataIn)."""
    code = command[0]
    if code in (AUTH_A, AUTH_B):
        status = yield from _authenticate(pcd, command, wait_us)
    elif code == WRITE:
        status = yield from _acknowledged(pcd, command[:2], wait_us)
        if status == STATUS_OK:
            status = yield from _acknowledged(pcd, command[2:], wait_us)
    elif code in (TRANSFER, WRITE_PAGE):
        status = yield from _acknowledged(pcd, command, wait_us)
    elif code in (DECREMENT, INCREMENT, RESTORE):
        status = yield from _acknowledged(pcd, command[:2], wait_us)
        if status == STATUS_OK:
            status = yield from _unless_refused(pcd, command[2:])
    else:
        return (yield from _answered(pcd, command, wait_us))
    return status, b""


def _authenticate(pcd: Pcd, command: bytes, wait_us: int) -> Generator[int, int, int]:
    nonce = yield from pcd.air(command[:2], CRC, wait_us)
    if nonce is None:
        pcd.crypto_on = False
        return STATUS_TIMEOUT
    if nonce.bit_count != 32 or nonce.collided:
        pcd.crypto_on = False
        return STATUS_MIFARE_AUTH
    pcd.crypto_on = True
    proof = yield from pcd.air(command[2:], 0, air_bytes=8)
    if proof is None or proof.bit_count != 32 or proof.collided:
        pcd.crypto_on = False
        return STATUS_MIFARE_AUTH
    return STATUS_OK


def _acknowledged(pcd: Pcd, frame: bytes, wait_us: int) -> Generator[int, int, int]:
    answer = yield from pcd.air(frame, CRC, wait_us)
    if answer is None:
        return STATUS_TIMEOUT
    if answer.kind != NIBBLE or answer.payload != ACK or answer.collided:
        return STATUS_BAD_FORMAT
    return STATUS_OK


def _unless_refused(pcd: Pcd, operand: bytes) -> Generator[int, int, int]:
    """The second half of a value command: the card only speaks up to refuse."""
    answer = yield from pcd.air(operand, CRC, COMPUTE_US)
    return STATUS_OK if answer is None else STATUS_BAD_FORMAT


def _answered(pcd: Pcd, frame: bytes, wait_us: int) -> Generator[int, int, Result]:
    answer = yield from pcd.air(frame, CRC, wait_us)
    if answer is None:
        return STATUS_TIMEOUT, b""
    if answer.kind == NIBBLE:
        return STATUS_BAD_FORMAT, b""
    if answer.kind != WITH_CRC or answer.collided:
        return STATUS_CRC, b""
    return STATUS_OK, answer.payload
