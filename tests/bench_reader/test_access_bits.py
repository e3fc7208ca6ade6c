"""Every access condition by every key and operation, against the data sheet's tables.

Source: MF1S50yyX/V1 §8.7.1 to 8.7.3, tables 6 to 8, written down here a second time in the tables'
own words, apart from the card's.
"""

from itertools import product

import pytest

from host_tools.bench.reader.classic import ClassicCard, value_block
from host_tools.bench.reader.classic_access import access_bytes, conditions
from tests.bench_reader.cards import (
    AUTH_FAILED,
    KEY_A,
    KEY_B,
    OK,
    REFUSED,
    TIMEOUT,
    UID_4,
    Bench,
    keyed_card,
)

# C1C2C3: read, write, increment, decrement/transfer/restore
DATA = {
    "000": ("A|B", "A|B", "A|B", "A|B"), "010": ("A|B", "never", "never", "never"),
    "100": ("A|B", "B", "never", "never"), "110": ("A|B", "B", "B", "A|B"),
    "001": ("A|B", "never", "never", "A|B"), "011": ("B", "B", "never", "never"),
    "101": ("B", "never", "never", "never"), "111": ("never", "never", "never", "never"),
}
# C1C2C3: key A read, write; access bits read, write; key B read, write
TRAILER = {
    "000": ("never", "A", "A", "never", "A", "A"),
    "010": ("never", "never", "A", "never", "A", "never"),
    "100": ("never", "B", "A|B", "never", "never", "B"),
    "110": ("never", "never", "A|B", "never", "never", "never"),
    "001": ("never", "A", "A", "A", "A", "A"), "011": ("never", "B", "A|B", "B", "never", "B"),
    "101": ("never", "never", "A|B", "B", "never", "never"),
    "111": ("never", "never", "A|B", "never", "never", "never"),
}
KEYS = {"A": KEY_A, "B": KEY_B}
GPB = b"\x69"
DECREMENT, INCREMENT, RESTORE = 0xC0, 0xC1, 0xC2


def number(condition):
    return int(condition, 2)


def usable(slot, trailer_condition):
    """§8.7.2: a key B that can be read cannot serve for authentication."""
    return slot == "A" or TRAILER[trailer_condition][4] == "never"


def test_table_6_positions():
    # §8.7.1, figure 10: byte 6 is ¬C2 ‖ ¬C1, byte 7 C1 ‖ ¬C3, byte 8 C3 ‖ C2, high bit block 3
    assert access_bytes((0, 0, 0, 1)) == b"\xff\x07\x80"  # transport configuration
    assert access_bytes((4, 4, 4, 3)) == bytes.fromhex("787788")  # as NDEF sectors carry it
    for groups in product(range(8), repeat=4):
        coded = access_bytes(groups)
        assert conditions(coded) == groups
        for bit in range(24):
            spoiled = bytearray(coded)
            spoiled[bit // 8] ^= 1 << bit % 8
            assert conditions(bytes(spoiled)) is None


@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("slot", ["A", "B"])
@pytest.mark.parametrize("trailer_condition", ["001", "011"])
@pytest.mark.parametrize("condition", sorted(DATA))
def test_data_blocks(condition, trailer_condition, slot, position):
    groups = [0, 0, 0, number(trailer_condition)]
    groups[position] = number(condition)
    card = keyed_card(tuple(groups))
    block = 4 + position
    card.set_block(block, value_block(500, 9))
    allowed = [slot in right and usable(slot, trailer_condition) for right in DATA[condition]]

    def done(operation):
        bench = Bench(card)
        bench.listed()
        assert bench.auth(block, KEYS[slot], slot) == OK
        status = operation(bench)
        assert status in (OK, REFUSED)
        if status == REFUSED:  # a refusal ends the session
            assert bench.read(block)[0] == TIMEOUT
        return status == OK

    assert done(lambda bench: bench.read(block)[0]) == allowed[0]
    assert done(lambda bench: bench.write(block, value_block(500, 9))) == allowed[1]
    assert done(lambda bench: bench.compute(INCREMENT, block, 1)) == allowed[2]
    assert done(lambda bench: bench.compute(DECREMENT, block, 1)) == allowed[3]
    assert done(lambda bench: bench.compute(RESTORE, block)) == allowed[3]


@pytest.mark.parametrize("slot", ["A", "B"])
@pytest.mark.parametrize("condition", sorted(DATA))
def test_transfer_needs_the_right_of_its_destination(condition, slot):
    card = keyed_card((6, number(condition), 0, 3))  # block 4 may be decremented by both
    card.set_block(4, value_block(500, 9))
    bench = Bench(card)
    bench.listed()
    bench.auth(4, KEYS[slot], slot)
    assert bench.compute(DECREMENT, 4, 1) == OK
    expected = OK if slot in DATA[condition][3] else REFUSED
    assert bench.transfer(5) == expected
    assert (card.block(5) == value_block(499, 9)) == (expected == OK)


@pytest.mark.parametrize("slot", ["A", "B"])
@pytest.mark.parametrize("condition", sorted(TRAILER))
def test_trailer_is_read_as_table_7_says(condition, slot):
    _, _, read_access, _, read_key_b, _ = TRAILER[condition]
    bench = Bench(keyed_card((0, 0, 0, number(condition))))
    bench.listed()
    assert bench.auth(7, KEYS[slot], slot) == OK
    status, content = bench.read(7)
    if slot not in read_access or not usable(slot, condition):
        assert (status, content) == (REFUSED, b"")
        return
    access = access_bytes((0, 0, 0, number(condition)))
    key_b = KEY_B if slot in read_key_b else bytes(6)
    assert (status, content) == (OK, bytes(6) + access + GPB + key_b)


@pytest.mark.parametrize("slot", ["A", "B"])
@pytest.mark.parametrize("condition", sorted(TRAILER))
def test_trailer_is_written_as_table_7_says(condition, slot):
    _, write_key_a, _, write_access, _, write_key_b = TRAILER[condition]
    card = keyed_card((0, 0, 0, number(condition)))
    old = card.block(7)
    new = b"newA--" + access_bytes((1, 2, 3, 4)) + b"\x5a" + b"newB--"
    bench = Bench(card)
    bench.listed()
    assert bench.auth(7, KEYS[slot], slot) == OK
    status = bench.write(7, new)
    may = [slot in right and usable(slot, condition)
           for right in (write_key_a, write_access, write_key_b)]
    assert status == (OK if any(may) else REFUSED)
    expected = b"".join(
        (new if allowed else old)[start:end]
        for allowed, start, end in zip(may, (0, 6, 10), (6, 10, 16), strict=True)
    )
    assert card.block(7) == expected


@pytest.mark.parametrize("bit", range(24))
def test_a_wrongly_coded_trailer_locks_the_sector(bit):
    card = keyed_card((0, 0, 0, 1))
    trailer = bytearray(card.block(7))
    trailer[6 + bit // 8] ^= 1 << bit % 8
    bench = Bench(card)
    bench.listed()
    assert bench.auth(7) == OK
    assert bench.write(7, bytes(trailer)) == OK
    assert bench.read(4)[0] == REFUSED
    for slot, key in KEYS.items():
        bench.again()
        assert bench.auth(4, key, slot) == AUTH_FAILED
    bench.again()
    assert bench.auth(8, b"\xff" * 6) == OK  # the other sectors live on


@pytest.mark.parametrize("sector", [0, 1, 31, 32, 39])
def test_large_sectors_share_conditions_by_fives(sector):
    card = keyed_card((7, 0, 7, 3), size="4k", sector=sector)
    first, count = (4 * sector, 3) if sector < 32 else (128 + 16 * (sector - 32), 15)
    share = 5 if sector >= 32 else 1
    for block in range(first, first + count):
        bench = Bench(card)
        bench.listed()
        assert bench.auth(block, KEY_B, "B") == OK
        expected = OK if (block - first) // share == 1 else REFUSED
        assert bench.read(block)[0] == expected, block


def test_the_manufacturer_block_is_never_written():
    for size in ("1k", "4k"):
        card = ClassicCard.transport(UID_4, size)
        before = card.image
        bench = Bench(card)
        bench.listed()
        assert bench.auth(0, b"\xff" * 6) == OK
        assert bench.write(0, bytes(16)) == REFUSED
        assert card.image == before
