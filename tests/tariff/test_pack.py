"""Tables to bytes and back: every byte of a small tariff by SPEC §6.2, and what is refused."""

import struct
import zlib
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.tariff import layout, tables
from host_tools.tariff.pack import is_plain, pack
from host_tools.tariff.tables import Tables
from host_tools.tariff.unpack import unpack
from protocol.errors import LayoutError
from tests.tariff.rows import BARE, SMALL

# rows of SMALL by hand from the tables of SPEC §6.2; T("…") stands for the offset of a text
TEXTS_AT = 256 + 16 + 12 + 60 + 24 + 12 + 20 + 4 + 24 + 10 + 8 + 16 + 4 + 12 + 18 + 8 + 8 + 6
TEXTS_AT += 5 + 10 + 6 + 5
TEXTS = ["Araz", "Europe/Warsaw", "adult", "Adult", "s", "Şagird", "card", "Card", "one"]
TEXTS += ["One ride", "day", "less", "bus", "Buses", "R5", "5", "R6", "6", "S1", "Bazaar", "S2"]
TEXTS += ["Port", "A", "Centre", "g"]


def T(text: str) -> bytes:
    before = TEXTS[: TEXTS.index(text)]
    offset = TEXTS_AT + sum(1 + len(other.encode()) for other in before)
    return offset.to_bytes(3, "little")


def named(row_id: str, name: str, form: str, *values: int) -> bytes:
    return T(row_id) + T(name) + struct.pack("<" + form, *values)


# table by table: (row width, rows)
BODY = [
    (8, [named("adult", "Adult", "BB", 0, 0), named("s", "Şagird", "BB", 1, 0)]),
    (12, [named("card", "Card", "BBI", 2, 0, 500)]),
    (
        20,
        [
            named("one", "One ride", "BBHBBHHHBB", 0, 0, 0, 0, 0, 0, 0, 0, 2, 0),
            named("day", "Adult", "BBHBBHHHBB", 2, 1, 1, 0, 10, 300, 0, 2, 1, 0),
            named("less", "less", "BBHBBHHHBB", 0, 0, 0, 0, 0, 0, 0, 3, 1, 0),
        ],
    ),
    (
        6,
        [
            struct.pack("<BBi", *price)
            for price in ((0, 1, 60), (1, 255, 30), (255, 255, 200), (255, 255, -20))
        ],
    ),
    (12, [named("bus", "Buses", "BBHBB", 1, 1, 5400, 2, 0)]),
    (10, [named("R5", "5", "BBH", 1, 2, 0), named("R6", "6", "BBH", 0, 0, 2)]),
    (2, [b"\1\0", b"\2\0"]),
    (12, [named("S1", "Bazaar", "HHH", 1, 0, 1), named("S2", "Port", "HHH", 0, 1, 1)]),
    (10, [named("A", "Centre", "HH", 1, 1)]),
    (2, [b"\0\0", b"\0\0", b"\0\0", b"\1\0"]),
    (8, [struct.pack("<HHHH", 0, 0, 0, 0), struct.pack("<HHHH", 0, 2, 1, 2)]),
    (2, [b"\1\0", b"\2\0"]),
    (4, [struct.pack("<HBB", *row) for row in ((0, 0, 0), (0, 1, 0), (1, 2, 0))]),
    (6, [bytes([1, 1, 0, 0, 0, 0]), bytes([1, 2, 1, 1, 0, 0]), bytes([1, 1, 0, 0, 0, 0])]),
    (8, [bytes([1, 1, 0, 0, 0, 0x80, 0x51, 0x01])]),
    (8, [struct.pack("<BBHHH", 0x1F, 2, 0, 0xFFFF, 0)]),
    (3, [struct.pack("<HB", 2001, 0), struct.pack("<HB", 2002, 1)]),
    (5, [T("g") + b"\1\1"]),
    (10, [struct.pack("<BBBBBBI", 1, 1, 255, 2, 3, 1, 3600)]),
    (6, [struct.pack("<BBI", 255, 1, 400)]),
    (5, [struct.pack("<BHH", 1, 2, 0)]),
    (0, []),
]


def golden() -> bytes:
    directory, at = b"", 256
    for width, rows in BODY:
        assert all(len(row) == width for row in rows)
        directory += struct.pack("<IHH", at, len(rows), width)
        at += width * len(rows)
    assert at == TEXTS_AT
    texts = b"".join(bytes([len(text.encode())]) + text.encode() for text in TEXTS)
    body = b"".join(row for _, rows in BODY for row in rows) + texts
    head = struct.pack("<4sBBHII", b"MNKT", 1, 0b0111, 256, 256 + len(body), 7)
    head += struct.pack("<3sBBBHHHIII", b"AZN", 2, 0, 1, 2000, 0xFFFF, 60, 43200, 20000, 14400)
    head += struct.pack("<ii", 3600, 7200) + bytes([3, 5, 0]) + (7200).to_bytes(3, "little")
    head += bytes([10, 5, 0]) + (10800).to_bytes(3, "little")
    head += struct.pack("<HH", 2, 2) + T("Araz") + T("Europe/Warsaw") + b"\0\0" + directory
    assert len(head) == 248
    return head + struct.pack("<II", zlib.crc32(head), zlib.crc32(body)) + body


def sealed(payload: bytearray) -> bytes:
    """With checksums that fit whatever was changed."""
    payload[248:252] = zlib.crc32(payload[:248]).to_bytes(4, "little")
    payload[252:256] = zlib.crc32(payload[256:]).to_bytes(4, "little")
    return bytes(payload)


def test_every_byte_is_where_the_spec_says() -> None:
    assert pack(SMALL) == golden()


@pytest.mark.parametrize("said", [SMALL, BARE])
def test_unpack_gives_back_what_was_packed(said: Tables) -> None:
    assert unpack(pack(said)) == said


def test_equal_texts_lie_there_once() -> None:
    assert pack(SMALL).count(b"Adult") == 1
    assert pack(SMALL).count(b"less") == 1


def test_the_directory_covers_all_that_stands_before_the_texts() -> None:
    payload = pack(BARE)
    at = layout.HEAD_BYTES
    for number in range(len(layout.TABLES)):
        offset, count, width = struct.unpack_from("<IHH", payload, 72 + 8 * number)
        assert offset == at
        at += count * width
    assert payload[at : at + 1] == b"\0"  # the agency's name, which is empty


def test_a_number_that_does_not_fit_is_not_cut() -> None:
    with pytest.raises(OverflowError):
        pack(replace(SMALL, passback_s=65_536))


@pytest.mark.parametrize(
    ("change", "plain"),
    [
        ({}, True),
        ({"caps": SMALL.caps}, False),
        ({"groups": (tables.GroupRow("g", 1, 1), tables.GroupRow("h", 0, 0))}, False),
        ({"rules": (tables.RuleRow(0, 1, 0, 0, 0),)}, False),
        ({"groups": ()}, False),
        ({"prices": (tables.PriceRow(255, 255, -1),)}, False),
        ({"joins": (tables.JoinRow(1, 0, 0),)}, False),
        ({"transfers": (tables.TransferRow(1, 1, 1, 0, 0, 1, 60),)}, True),
        ({"transfers": (tables.TransferRow(1, 1, 1, 1, 1, 0, 0),)}, True),
        ({"transfers": (tables.TransferRow(1, 1, 1, 2, 1, 0, 0),)}, False),
    ],
)
def test_plain_is_what_needs_no_extension(change: dict, plain: bool) -> None:
    said = replace(BARE, **change)
    assert is_plain(said) is plain
    assert bool(pack(said)[5] & 8) is plain


def test_flags_say_what_the_tables_hold() -> None:
    assert pack(SMALL)[5] == 0b0111
    assert pack(BARE)[5] == 0b1001
    assert pack(replace(BARE, same_vehicle_transfer=False))[5] == 0b1000


def test_no_cut_and_no_flipped_bit_is_taken_for_a_tariff() -> None:
    payload = pack(SMALL)
    for width in range(len(payload)):
        with pytest.raises(LayoutError):
            unpack(payload[:width])
    with pytest.raises(LayoutError):
        unpack(payload + b"\0")
    for position in range(len(payload)):
        flipped = bytearray(payload)
        flipped[position] ^= 1 << position % 8
        with pytest.raises(LayoutError):
            unpack(bytes(flipped))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.integers(0, 255))
def test_whatever_a_right_checksum_covers_is_a_tariff_or_refused(at: int, byte: int) -> None:
    payload = bytearray(pack(SMALL))
    payload[at % len(payload)] = byte
    try:
        said = unpack(sealed(payload))
    except LayoutError:
        return
    assert unpack(pack(said)) == said


@pytest.mark.parametrize(
    "change",
    [
        {"card_media": 2},
        {"default_category": 2},
        {"from_class_count": 1},
        {"leg_rows": (0, 0, 0)},
        {"leg_rows": (0, 0, 0, 2)},
        {"route_stops": (1, 3)},
        {"route_stops": (0, 2)},
        {"rules": SMALL.rules[:2]},
        {"rules": (tables.RuleRow(2, 1, 0, 0, 0), *SMALL.rules[1:])},
        {"prices": SMALL.prices[:3]},
        {"caps": (tables.CapRow(2, 1, 4),)},
        {"caps": (tables.CapRow(0, 0, 4),)},
        {"caps": (tables.CapRow(0, 4, 4),)},
        {"transfers": (tables.TransferRow(2, 1, 1, 0, 0, 0, 0),)},
        {"transfers": (tables.TransferRow(1, 1, 1, 3, 0, 0, 0),)},
        {"products": (SMALL.products[0]._replace(kind=6), *SMALL.products[1:])},
        {"products": (SMALL.products[0]._replace(flags=6), *SMALL.products[1:])},
        {"cells": (tables.CellRow((0, 3), ()), tables.CellRow((1, 2), ()))},
    ],
)
def test_a_reference_to_nothing_is_refused(change: dict) -> None:
    with pytest.raises(LayoutError):
        unpack(pack(replace(SMALL, **change)))


def test_a_directory_with_gaps_is_refused() -> None:
    for at in range(72, 248):
        payload = bytearray(pack(SMALL))
        payload[at] ^= 1
        with pytest.raises(LayoutError):
            unpack(sealed(payload))


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFF_FFFF)
I32 = st.integers(-(2**31), 2**31 - 1)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.data())
def test_round_trip(data: st.DataObject) -> None:
    draw = data.draw
    names = draw(st.lists(TEXT, min_size=1, max_size=5))
    amounts = draw(st.lists(I32, max_size=32))
    exceptions = draw(st.lists(st.tuples(U16, st.integers(0, 1)), max_size=32))
    said = replace(
        BARE,
        version=draw(U32),
        passback_s=draw(U16),
        recovery_s=draw(U32),
        valid_until=draw(U16),
        agency_name=draw(TEXT),
        zone=tables.ZoneRule(draw(I32), draw(I32), (3, 5, 0, 7200), (10, 1, 6, 0xFFFFFF)),
        categories=tuple(tables.CategoryRow(name, name[::-1], 1) for name in names),
        prices=tuple(tables.PriceRow(255, 255, amount) for amount in amounts),
        products=(tables.ProductRow("x", "", 5, 5, 9, 127, 254, 3, 4, 0, len(amounts)),),
        services=(
            tables.ServiceRow(3, draw(U16), draw(U16), tuple(exceptions)),
            tables.ServiceRow(4, 0, 1, ()),
            tables.ServiceRow(5, 0, 1, tuple(exceptions)),
        ),
        cells=(tables.CellRow((1,), draw(st.sampled_from([(), (1,), (0, 1)]))),) * 2,
    )
    assert unpack(pack(said)) == said
