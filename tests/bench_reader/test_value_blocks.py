"""INCREMENT, DECREMENT, RESTORE and TRANSFER (MF1S50yyX/V1 §8.6.2.1, §12)."""

import pytest

from host_tools.bench.reader.classic import ClassicCard, value_block, value_of
from host_tools.bench.reader.rawframe import crc_a
from tests.bench_reader.cards import (
    KEY_A,
    KEY_B,
    OK,
    REFUSED,
    TIMEOUT,
    UID_4,
    Bench,
    keyed_card,
)

DECREMENT, INCREMENT, RESTORE = 0xC0, 0xC1, 0xC2
HIGHEST, LOWEST = (1 << 31) - 1, -(1 << 31)


def purse(value=1000, conditions=(0, 0, 0, 1)):
    card = keyed_card(conditions)
    card.set_block(4, value_block(value, 0x77))
    bench = Bench(card)
    bench.listed()
    assert bench.auth(4, KEY_A) == OK
    return card, bench


def test_layout_of_a_value_block():
    # §8.6.2.1, figure 8: value 1234567, address 17
    assert value_block(1234567, 17) == bytes.fromhex("87d61200" "7829edff" "87d61200" "11ee11ee")
    assert value_of(value_block(-5, 0)) == -5


def test_every_flipped_bit_of_a_value_block_is_found():
    good = value_block(-123456, 5)
    for bit in range(128):
        spoiled = bytearray(good)
        spoiled[bit // 8] ^= 1 << bit % 8
        assert value_of(bytes(spoiled)) is None


@pytest.mark.parametrize(("code", "operand", "expected"), [
    (DECREMENT, 1, 999), (DECREMENT, 1001, -1), (INCREMENT, 250, 1250), (RESTORE, 12345, 1000),
])
def test_only_transfer_writes(code, operand, expected):
    card, bench = purse()
    before = card.image
    assert bench.compute(code, 4, operand) == OK
    assert card.image == before
    assert bench.transfer(6) == OK
    assert card.block(6) == value_block(expected, 0x77)  # the address goes along
    assert card.block(4) == value_block(1000, 0x77)
    assert card.eeprom_writes == 1


def test_transfer_may_be_repeated():
    card, bench = purse()
    bench.compute(DECREMENT, 4, 1)
    assert [bench.transfer(5), bench.transfer(6), bench.transfer(4)] == [OK, OK, OK]
    assert card.block(4) == card.block(5) == card.block(6) == value_block(999, 0x77)


def test_no_transfer_without_a_computed_value():
    card, bench = purse()
    before = card.image
    assert bench.transfer(5) == REFUSED
    assert card.image == before


def test_the_transfer_buffer_ends_with_the_sector():
    card, bench = purse()
    before = card.image
    bench.compute(DECREMENT, 4, 1)
    assert bench.auth(8, b"\xff" * 6) == OK
    assert bench.transfer(8) == REFUSED
    bench.again()
    bench.auth(4)
    bench.compute(DECREMENT, 4, 1)
    assert bench.auth(4) == OK  # even the same sector anew
    assert bench.transfer(5) == REFUSED
    assert card.image == before


def test_the_transfer_buffer_ends_with_selection():
    card, bench = purse()
    before = card.image
    bench.compute(DECREMENT, 4, 1)
    bench.again()
    bench.auth(4)
    assert bench.transfer(5) == REFUSED
    assert card.image == before


def test_transfer_to_another_sector_is_refused():
    card, bench = purse()
    before = card.image
    bench.compute(DECREMENT, 4, 1)
    assert bench.transfer(8) == REFUSED
    assert card.image == before


def test_transfer_to_the_trailer_is_refused():
    _, bench = purse()
    bench.compute(DECREMENT, 4, 1)
    assert bench.transfer(7) == REFUSED


def test_transfer_to_the_manufacturer_block_is_refused():
    card = ClassicCard.transport(UID_4)
    card.set_block(1, value_block(5, 1))
    bench = Bench(card)
    bench.listed()
    bench.auth(0, b"\xff" * 6)
    assert bench.compute(DECREMENT, 1, 1) == OK
    before = card.image
    assert bench.transfer(0) == REFUSED
    assert card.image == before


@pytest.mark.parametrize("computed", [False, True])
@pytest.mark.parametrize(("frame", "code"), [
    (b"\x30\x08", 0x0), (b"\x77\x04", 0x0), (b"\x30", 0x0), (b"\x30\x04 bad crc", 0x1),
])
def test_a_nak_says_whether_the_transfer_buffer_is_good(frame, code, computed):
    """MF1S50yyX/V1 §9.3, table 10: 0 and 1 with a valid buffer, 4 and 5 without."""
    _, bench = purse()
    if computed:
        bench.compute(DECREMENT, 4, 1)
    bench.command(b"\x08\x63\x02\x00\x63\x03\x00")
    sent = frame if frame.endswith(b"crc") else frame + crc_a(frame)
    nak = code if computed else code | 0x4
    assert bench.command(b"\x42" + sent) == bytes((OK, nak))


def test_an_overflow_spoils_the_transfer_buffer():
    _, bench = purse(LOWEST + 1)
    assert bench.compute(DECREMENT, 4, 1) == OK
    bench.command(b"\x08\x63\x02\x00\x63\x03\x00")
    first, second = b"\xc0\x04", b"\x02\x00\x00\x00"
    assert bench.command(b"\x42" + first + crc_a(first)) == bytes((OK, 0xA))
    assert bench.command(b"\x42" + second + crc_a(second)) == bytes((OK, 0x4))


@pytest.mark.parametrize("code", [DECREMENT, INCREMENT, RESTORE])
@pytest.mark.parametrize("bit", range(0, 128, 5))
def test_a_block_that_is_no_value_block_is_refused(code, bit):
    card, bench = purse()
    spoiled = bytearray(card.block(4))
    spoiled[bit // 8] ^= 1 << bit % 8
    card.set_block(4, bytes(spoiled))
    assert bench.compute(code, 4, 1) == REFUSED
    assert bench.transfer(5) == TIMEOUT  # the session is over


@pytest.mark.parametrize(("value", "code", "operand", "expected"), [
    (HIGHEST, INCREMENT, 1, None), (HIGHEST - 1, INCREMENT, 1, HIGHEST),
    (LOWEST, DECREMENT, 1, None), (LOWEST + 1, DECREMENT, 1, LOWEST),
    (LOWEST, RESTORE, 0, LOWEST), (0, INCREMENT, HIGHEST, HIGHEST),
    (-1, DECREMENT, HIGHEST, LOWEST),
    (0, DECREMENT, 1 << 31, None), (0, INCREMENT, 0xFFFFFFFF, None),
])
def test_overflow_and_negative_operands_are_refused(value, code, operand, expected):
    card, bench = purse(value)
    if expected is None:
        assert bench.compute(code, 4, operand) == REFUSED
        assert bench.transfer(5) == TIMEOUT
        assert card.block(4) == value_block(value, 0x77)
    else:
        assert bench.compute(code, 4, operand) == OK
        assert bench.transfer(5) == OK
        assert card.block(5) == value_block(expected, 0x77)


def test_a_debit_key_cannot_add_value():
    card, bench = purse(1000, (0, 6, 6, 3))
    card.set_block(5, value_block(1000, 0))
    assert bench.compute(INCREMENT, 5, 1) == REFUSED
    bench.again()
    bench.auth(4)
    assert bench.write(5, value_block(9999, 0)) == REFUSED
    bench.again()
    bench.auth(4)
    assert bench.compute(DECREMENT, 5, 100) == OK
    assert bench.transfer(6) == OK
    bench.again()
    bench.auth(4, KEY_B, "B")
    assert bench.compute(INCREMENT, 5, 1) == OK
