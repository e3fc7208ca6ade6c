"""What single commands answer: registers, raw frames, configuration, absent partners."""

import pytest

from host_tools.bench.reader import ClassicCard, DirectReader, RfField
from host_tools.bench.reader.rawframe import crc_a
from tests.bench_reader.cards import AUTH_FAILED, OK, TIMEOUT, UID_4, UID_7, Bench

FF = b"\xff" * 6
CRC_OFF = b"\x08\x63\x02\x00\x63\x03\x00"
CRC_ERROR = 0x02


def raw(bench, payload, last_bits=0):
    """(status, bytes, RxLastBits) of InCommunicateThru with TxLastBits set."""
    bench.command(b"\x08\x63\x3d" + bytes((last_bits,)))
    answer = bench.command(b"\x42" + payload)
    return answer[0], answer[1:], bench.command(b"\x06\x63\x3c")[0] & 7


def with_crc(payload):
    return payload + crc_a(payload)


@pytest.fixture
def bench():
    bench = Bench(ClassicCard.transport(UID_4))
    bench.command(b"\x32\x01\x01")
    return bench


def test_crc_a_examples():
    # ISO/IEC 14443-3 annex B
    assert crc_a(b"\x00\x00") == b"\xa0\x1e"
    assert crc_a(b"\x12\x34") == b"\x26\xcf"


def test_a_host_selects_a_card_by_hand(bench):
    bench.command(CRC_OFF)
    assert raw(bench, b"\x26", 7) == (OK, b"\x04\x00", 0)
    uid = UID_4 + b"\xd4"
    assert raw(bench, b"\x93\x20") == (OK, uid, 0)
    assert raw(bench, with_crc(b"\x93\x70" + uid)) == (OK, with_crc(b"\x08"), 0)
    assert raw(bench, with_crc(b"\x30\x00")) == (OK, b"\x04", 4)  # NAK: not authenticated
    assert raw(bench, b"\x52", 7) == (OK, b"\x04\x00", 0)


def test_a_frame_with_a_wrong_crc_is_refused(bench):
    bench.listed()
    bench.command(CRC_OFF)
    assert raw(bench, b"\x30\x00\x00\x00") == (OK, b"\x05", 4)


def test_split_bytes_of_an_anticollision_frame(bench):
    bench.command(CRC_OFF)
    raw(bench, b"\x26", 7)
    assert raw(bench, b"\x93\x23" + bytes((UID_4[0] & 7,)), 3)[2] == 37 % 8


def test_crc_by_the_chip(bench):
    bench.listed()
    assert bench.command(b"\x42\x30\x00") == bytes((CRC_ERROR,))  # a 4-bit NAK has no CRC
    bench.again()
    bench.auth(0, FF)
    status, content, _ = raw(bench, b"\x30\x00")
    assert (status, content[:4]) == (OK, UID_4)
    bench.command(b"\x08\x63\x03\x00")
    assert len(raw(bench, b"\x30\x00")[1]) == 18


def test_a_short_frame_needs_the_crc_off(bench):
    assert raw(bench, b"\x26", 7)[0] == TIMEOUT


def test_with_parity_off_no_card_answers(bench):
    bench.command(CRC_OFF + b"\x63\x0d\x10")
    assert raw(bench, b"\x26", 7)[0] == TIMEOUT


def test_two_cards_answering_at_once_collide():
    bench = Bench(ClassicCard.transport(UID_4), ClassicCard.transport(UID_7))
    bench.command(b"\x32\x01\x01")
    bench.command(CRC_OFF)
    assert raw(bench, b"\x26", 7)[0] == 0x06


def test_crypto1_is_switched_off_by_its_register(bench):
    bench.listed()
    bench.auth(4, FF)
    assert bench.command(b"\x06\x63\x38") == b"\x08"
    bench.command(b"\x08\x63\x38\x00")
    assert bench.command(b"\x06\x63\x38") == b"\x00"
    assert bench.read(4)[0] == TIMEOUT  # the card still deciphers


def test_registers_keep_what_is_written(bench):
    bench.command(b"\x08\x63\x05\x40\x63\x16\xa5")
    assert bench.command(b"\x06\x63\x05\x63\x16\x63\x17") == b"\x40\xa5\x00"
    assert bench.command(b"\x06\x63\x02\x63\x03") == b"\x80\x80"


def test_general_status(bench):
    assert bench.command(b"\x04") == b"\x00\x00\x00\x00"
    bench.listed()
    bench.auth(4, b"wrong!")
    assert bench.command(b"\x04") == bytes((AUTH_FAILED, 0, 1, 1, 0, 0, 0, 0))


def test_diagnose(bench):
    assert bench.command(b"\x00\x00hello") == b"\x00hello"
    for test in (1, 2, 7):
        assert bench.command(bytes((0, test))) == b"\x00"
    assert bench.reader.exchange(b"\xd4\x00\x05") is None
    assert bench.command(b"\x02") == b"\x32\x01\x06\x07"


def test_configuration_is_acknowledged(bench):
    for command in (b"\x12\x14", b"\x14\x01\x14\x01", b"\x32\x04\x00", b"\x32\x0a" + bytes(11),
                    b"\x32\x02\x00\x0b\x0a", b"\x0e\x80\x80"):
        assert bench.command(command) == b""


def test_the_field_is_switched(bench):
    bench.listed()
    bench.command(b"\x32\x01\x00")
    assert not bench.field.rf_on
    assert bench.read(0)[0] == TIMEOUT
    bench.command(b"\x32\x01\x01")
    assert bench.field.rf_on


@pytest.mark.parametrize("command", [
    b"\x50\x01\x00", b"\x4e\x01\x00\x00", b"\x86", b"\x88", b"\x8a", b"\x8e\x00", b"\x90\x00",
    b"\x92\x00", b"\x94\x00", b"\x00\x06",
])
def test_commands_for_partners_that_are_not_there(bench, command):
    bench.listed()
    assert bench.command(command) == b"\x27"


def test_jump_for_dep_times_out(bench):
    before_us = bench.stats.rf_us
    assert bench.command(b"\x56\x00\x00\x00") == bytes((TIMEOUT,))
    assert bench.stats.rf_us - before_us == 102_400


def test_a_target_that_was_not_listed(bench):
    assert bench.exchange(b"\x30\x00") == (0x27, b"")
    bench.listed()
    assert bench.exchange(b"\x30\x00", 2) == (0x27, b"")


@pytest.mark.parametrize("data", [
    b"\x60\x00" + bytes(6), b"\x61\x00" + bytes(13), b"\x30", b"\xa0\x01" + bytes(15),
    b"\xc0\x01\x00", b"\xb0",
])
def test_mifare_commands_of_a_wrong_length(bench, data):
    bench.listed()
    assert bench.reader.exchange(b"\xd4\x40\x01" + data) == b"\x7f"


def test_auto_poll_finds_type_a(bench):
    answer = bench.command(b"\x60\x01\x01\x00")
    target = b"\x01\x00\x04\x08\x04" + UID_4
    assert answer == b"\x01\x10" + bytes((len(target),)) + target
    bench.field.clear()
    assert bench.command(b"\x60\x02\x01\x00\x01") == b"\x00"


def test_endless_commands_are_ended_by_the_direct_reader():
    reader = DirectReader(RfField())
    assert reader.exchange(b"\xd4\x4a\x01\x00") is None
    assert reader.exchange(b"\xd4\x02") == b"\xd5\x03\x32\x01\x06\x07"
    reader.field.place(ClassicCard.transport(UID_4))
    reader.exchange(b"\xd4\x4a\x01\x00")
    reader.exchange(b"\xd4\x44\x00")
    assert reader.exchange(b"\xd4\x4a\x01\x00") is None  # halted: no REQA wakes it
    assert reader.exchange(b"\xd4") == b"\x7f"
    assert reader.exchange(b"") == b"\x7f"


def test_no_time_out_means_none(bench):
    bench.listed()
    bench.command(b"\x32\x02\x00\x0b\x00")
    bench.field.clear()
    assert bench.reader.exchange(b"\xd4\x40\x01\x30\x00") is None
