"""The spent counter in value blocks (SPEC §2.2)."""

from protocol.cards import purse


def _block(counter, address=5):
    block = bytearray(16)
    purse.put_value_block(block, 0, counter, address)
    return block


def test_value_block_of_the_data_sheet():
    # MF1S50yyX §8.6.2.1 gives value 0x0012D687, address 0x11 as an example
    block = bytearray(16)
    purse.put_value_block(block, 0, purse.START - 0x0012D687, 0x11)
    assert bytes(block) == bytes.fromhex("87D612007829EDFF87D6120011EE11EE".lower())


def test_counter_round_trip():
    for counter in (0, 1, 2, 12345, purse.START - 1, purse.START):
        assert purse.counter_of(_block(counter)) == counter


def test_every_single_bit_flip_makes_it_malformed():
    whole = _block(20001)
    for index in range(16):
        for bit in range(8):
            torn = bytearray(whole)
            torn[index] ^= 1 << bit
            assert purse.counter_of(torn) == purse.MALFORMED


def test_values_out_of_range_are_malformed():
    block = bytearray(16)
    for value in (-1, 1 << 30):
        raw = (value & 0xFFFFFFFF).to_bytes(4, "little")
        inverse = bytes([byte ^ 0xFF for byte in raw])
        block[0:12] = raw + inverse + raw
        block[12:16] = b"\x00\xff\x00\xff"
        assert purse.counter_of(block) == purse.MALFORMED
    assert purse.counter_of(bytes(16)) == purse.MALFORMED
    assert purse.counter_of(b"\xff" * 16) == purse.MALFORMED


def test_charge_is_what_the_counter_moved():
    for charge in (0, 1, 10000, 500000000):
        assert purse.charge_between(7, 7 + purse.step(charge)) == charge
    for before, after in ((7, 7), (7, 6), (7, 9), (purse.MALFORMED, 7)):
        assert purse.charge_between(before, after) == purse.MALFORMED
