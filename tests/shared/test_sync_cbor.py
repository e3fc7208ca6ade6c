"""CBOR byte for byte (RFC 8949 appendix A), and what it must refuse. Runs on both interpreters."""

from binascii import unhexlify

from protocol.errors import FrameError
from protocol.tickets import cbor

# RFC 8949 appendix A, the part that is spoken here
VECTORS = (
    (0, "00"), (1, "01"), (10, "0a"), (23, "17"), (24, "1818"), (25, "1819"), (100, "1864"),
    (1000, "1903e8"), (1000000, "1a000f4240"), (1000000000000, "1b000000e8d4a51000"),
    (18446744073709551615, "1bffffffffffffffff"), (-1, "20"), (-10, "29"), (-100, "3863"),
    (-1000, "3903e7"), (False, "f4"), (True, "f5"), (None, "f6"), (b"", "40"),
    (b"\x01\x02\x03\x04", "4401020304"), ("", "60"), ("a", "6161"), ("IETF", "6449455446"),
    ("\u00fc", "62c3bc"), ("\u6c34", "63e6b0b4"), ([], "80"), ([1, 2, 3], "83010203"),
    ([1, [2, 3], [4, 5]], "8301820203820405"), ({}, "a0"), ({1: 2, 3: 4}, "a201020304"),
)


def refused(content):
    try:
        cbor.decode(content)
    except FrameError:
        return True
    return False


def test_vectors_of_rfc_8949():
    for value, coded in VECTORS:
        assert cbor.encode(value) == unhexlify(coded)
        back = cbor.decode(unhexlify(coded))
        assert back == value
        assert isinstance(back, type(value))


def test_string_keys_are_read():
    assert cbor.decode(unhexlify("a26161016162820203")) == {"a": 1, "b": [2, 3]}


def test_map_keys_rise():
    fields = {}
    for key in (24, 3, 300, 1, 0):
        fields[key] = key
    assert cbor.encode(fields) == unhexlify("a50000010103031818181819012c19012c")


def test_what_is_refused():
    for coded in (
        "", "18", "1a0000", "41", "6261", "81", "a101",  # cut
        "1800", "1817", "190000", "1900ff", "1a0000ffff", "1b00000000ffffffff", "5801",  # long
        "9f01ff", "5f4100ff", "bf0102ff", "7f6161ff", "ff",  # indefinite
        "f93c00", "fb3ff0000000000000", "f7", "f0", "f820", "c000", "d81800",  # not spoken
        "a201000100", "a2616100616101",  # a key twice
        "a1f400", "a1f600", "a18000", "a1a000",  # keys of an unfit type
        "61ff", "62c328",  # not UTF-8
        "8181818181", "818181818100", "1c", "3d", "fc",
        "0000", "8000",  # bytes left over
        "9affffffff00", "5affffffff00", "bb8000000000000000", "5bffffffffffffffff",
    ):
        assert refused(unhexlify(coded)), coded


def test_depth():
    assert cbor.decode(unhexlify("8181818100")) == [[[[0]]]]
    assert cbor.encode([[[[0]]]]) == unhexlify("8181818100")
    try:
        cbor.encode([[[[[0]]]]])
        raise AssertionError("taken")
    except ValueError:
        pass


def test_encoding_stays_in_its_buffer():
    value = {0: 3, 1: 100000, 2: b"records", 3: [1, None, "text"]}
    whole = cbor.encode(value)
    for size in range(len(whole)):
        try:
            cbor.encode_into(value, bytearray(size))
            raise AssertionError("taken")
        except ValueError:
            pass
    exact = bytearray(len(whole))
    assert cbor.encode_into(value, exact) == len(whole)
    assert exact == whole
    for wrong in (1.5, {"a": 1}, {-1: 1}, 1 << 64, object()):
        try:
            cbor.encode(wrong)
            raise AssertionError("taken")
        except (ValueError, TypeError):
            pass


def test_every_cut_and_every_bit_flip_is_a_value_or_a_frame_error():
    whole = bytearray(cbor.encode({0: 3, 1: 100000, 2: b"records", 3: [1, None, "text"], 4: True}))
    for length in range(len(whole)):
        assert refused(whole[:length])
    changed = 0
    for position in range(len(whole)):
        for bit in range(8):
            whole[position] ^= 1 << bit
            if not refused(whole):
                changed += 1
            whole[position] ^= 1 << bit
    assert 0 < changed < 8 * len(whole)
