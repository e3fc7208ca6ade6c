"""The PN532's serial line byte by byte. Source of frames: UM0701-02 §6.2, §6.3.2, §7.2."""

import pytest

from host_tools.bench.reader import ClassicCard, RfField, VirtualPn532
from host_tools.bench.reader.hsu import ACK, ERROR, frame
from tests.bench_reader.cards import UID_4

NACK = bytes.fromhex("0000ffff0000")
WAKE = b"\x55\x55" + bytes(14)
# §7.2.2 GetFirmwareVersion, §7.2.10 SAMConfiguration as they stand on the line
GET_FIRMWARE = bytes.fromhex("0000ff02fed4022a00")
FIRMWARE = bytes.fromhex("0000ff06fad50332010607e800")
SAM_NORMAL = bytes.fromhex("0000ff03fdd4140117") + b"\x00"
SAM_DONE = bytes.fromhex("0000ff02fed5151600")
BYTE_US = 87  # at 115,200 baud, rounded up


class Line:
    """Both ends of an ideal line: bytes arrive in their wire time, answers are collected."""

    def __init__(self, *cards, awake=True):
        self.field = RfField()
        for card in cards:
            self.field.place(card)
        self.chip = VirtualPn532(self.field)
        self.now_us = 0
        if awake:
            self.send(WAKE)
            assert self.command(b"\x14\x01") == b"\x15"
            self.chip.stats.reset()

    def send(self, sent, baud=None):
        baud = baud or self.chip.baud
        self.now_us += len(sent) * 10_000_000 // baud + 1
        self.chip.feed(sent, self.now_us, baud)

    def hear(self, for_us=1_000_000):
        """All that leaves the chip within `for_us`."""
        heard = b""
        end_us = self.now_us + for_us
        while (due := self.chip.next_event_us()) is not None and due <= end_us:
            self.now_us = max(self.now_us, due)
            heard += self.chip.run(self.now_us)
        self.now_us = end_us
        return heard

    def command(self, command):
        """The response after its ACK, without TFI and framing."""
        self.send(frame(b"\xd4" + command))
        heard = self.hear()
        assert heard[:6] == ACK, heard.hex()
        head = 6 + (8 if heard[9:11] == b"\xff\xff" else 5)
        assert heard[head] == 0xD5 or heard[6:] == ERROR
        return heard[6:] if heard[6:] == ERROR else heard[head + 1:-2]


def test_frames_of_the_manual():
    assert frame(b"\xd4\x02") == GET_FIRMWARE
    assert frame(b"\xd4\x14\x01") == SAM_NORMAL
    assert frame(b"\xd5\x15") == SAM_DONE
    long = frame(b"\xd5" + bytes(255))
    assert long[:8] == bytes.fromhex("0000ffffff0100ff")  # §6.2.1.2: 256 bytes
    with pytest.raises(ValueError, match="too long"):
        frame(bytes(266))


def test_ack_comes_before_the_response():
    line = Line()
    line.send(GET_FIRMWARE)
    assert line.chip.run(line.now_us) == ACK
    assert line.hear() == FIRMWARE


def test_a_command_in_pieces():
    line = Line()
    for position in range(len(GET_FIRMWARE) - 1):
        assert line.hear(100) == b""
        line.send(GET_FIRMWARE[position:position + 1])
    assert line.hear() == ACK + FIRMWARE  # the postamble may be late
    line.send(GET_FIRMWARE[-1:] + GET_FIRMWARE)
    assert line.hear() == ACK + FIRMWARE


def test_half_a_frame_is_given_up_after_silence():
    line = Line()
    line.send(frame(b"\xd4\x00\x00" + bytes(100))[:50])
    line.hear(100_000)
    line.send(GET_FIRMWARE)
    assert line.hear() == ACK + FIRMWARE


def test_noise_before_a_frame_is_passed_over():
    line = Line()
    line.send(b"\x00\x00\xff\x03\x03garbage\xff\x00\xff" + GET_FIRMWARE)
    assert line.hear() == ACK + FIRMWARE


def test_every_flipped_bit_of_a_frame_is_caught_or_changes_nothing():
    for bit in range(len(GET_FIRMWARE) * 8):
        line = Line()
        spoiled = bytearray(GET_FIRMWARE)
        spoiled[bit // 8] ^= 1 << bit % 8
        line.send(bytes(spoiled))
        heard = line.hear()
        # preamble and postamble carry nothing
        assert heard in (b"", ACK + FIRMWARE), bit
        assert (heard != b"") == (bit // 8 in (0, 8)), bit


def test_nack_has_the_response_sent_again():
    line = Line()
    line.send(GET_FIRMWARE)
    line.hear()
    line.send(NACK)
    assert line.hear() == FIRMWARE
    line.send(NACK)
    assert line.hear() == FIRMWARE


def test_ack_ends_an_endless_poll():
    line = Line()
    line.send(frame(b"\xd4\x4a\x01\x00"))
    assert line.hear(10_000_000) == ACK
    line.send(ACK)
    assert line.chip.next_event_us() is None
    assert line.hear() == b""
    assert line.command(b"\x02") == b"\x03\x32\x01\x06\x07"


def test_a_new_command_replaces_a_running_one():
    line = Line()
    line.send(frame(b"\xd4\x4a\x01\x00"))
    line.hear(20_000)
    line.send(GET_FIRMWARE)
    assert line.hear() == ACK + FIRMWARE


@pytest.mark.parametrize("after_us", [0, 4_999, 5_000, 123_456_789])
def test_an_endless_poll_finds_a_card_placed_later(after_us):
    line = Line()
    line.send(frame(b"\xd4\x4a\x01\x00"))
    assert line.hear(30_000) == ACK
    line.hear(after_us)
    placed_us = line.now_us
    line.field.place(ClassicCard.transport(UID_4), placed_us)
    heard_us = None
    while (due := line.chip.next_event_us()) is not None:
        heard_us = due
        sent = line.chip.run(due)
    assert sent[7:-2] == frame(b"\xd5\x4b\x01\x01\x00\x04\x08\x04" + UID_4)[7:-2]
    assert placed_us <= heard_us <= placed_us + 5_000 + 3_000
    tries = line.chip.stats.frames - 3  # beside REQA, anticollision and SELECT of the last
    assert tries == pytest.approx((30_000 + after_us) / 5_000, abs=2)


def test_each_frame_of_a_burst_is_taken_at_its_own_time():
    line = Line()
    line.send(GET_FIRMWARE + GET_FIRMWARE)
    assert line.hear() == ACK + FIRMWARE + ACK + FIRMWARE
    poll = frame(b"\xd4\x4a\x01\x00")
    line.send(poll + ACK + GET_FIRMWARE)
    assert line.hear() == ACK + ACK + FIRMWARE


def test_nothing_is_due_while_an_empty_field_is_polled():
    line = Line()
    line.send(frame(b"\xd4\x4a\x01\x00"))
    line.hear(30_000)
    assert line.chip.next_event_us() is None


def test_unknown_and_malformed_commands_get_the_error_frame():
    line = Line()
    for command in (b"\x99", b"\x14", b"\x14\x09", b"\x4a\x03\x00", b"\x4a\x01\x00\x01",
                    b"\x32\x05", b"\x06\x63", b"\x08\x63\x02", b"\x10\x09", b"\x02\x00",
                    b"\x32\x02\x00\x0b\x11"):
        assert line.command(command) == ERROR, command.hex()
    line.send(frame(b"\xd5\x02"))
    assert line.hear() == ACK + ERROR
    line.send(frame(b"\xd4"))
    assert line.hear() == ACK + ERROR


def test_extended_frames_both_ways():
    line = Line()
    echoed = bytes(range(256)) + b"more"
    assert line.command(b"\x00\x00" + echoed) == b"\x01\x00" + echoed
    short = b"\x00\x00abc"  # an extended frame may also carry little
    body = b"\xd4" + short
    length = len(body)
    extended = bytes((0, 0, 255, 255, 255, 0, length, -length & 0xFF)) + body \
        + bytes((-sum(body) & 0xFF, 0))
    line.send(extended)
    assert line.hear() == ACK + frame(b"\xd5\x01\x00abc")


def test_asleep_until_woken():
    line = Line(awake=False)
    line.send(GET_FIRMWARE)
    assert line.hear() == b""
    line.send(WAKE + SAM_NORMAL)
    assert line.hear() == ACK + SAM_DONE


def test_bytes_too_soon_after_the_wake_up_are_lost():
    line = Line(awake=False)
    line.send(b"\x55" + SAM_NORMAL)  # 10 bytes, the oscillator needs more
    assert line.hear() == b""
    line.send(SAM_NORMAL)
    assert line.hear() == ACK + SAM_DONE


def test_a_command_right_after_the_wake_up_is_lost_whole():
    line = Line(awake=False)
    line.send(b"\x55")
    line.send(b"\x00")
    line.send(GET_FIRMWARE[:5])
    line.send(GET_FIRMWARE[5:])
    assert line.hear() == b""
    line.send(SAM_NORMAL)
    assert line.hear() == ACK + SAM_DONE


def test_wake_up_and_a_pause():
    line = Line(awake=False)
    line.send(b"\x55\x55\x00")
    line.hear(2_000)
    line.send(SAM_NORMAL)
    assert line.hear() == ACK + SAM_DONE


def test_no_air_before_sam_configuration():
    line = Line(awake=False)
    line.send(WAKE)
    assert line.command(b"\x02") == b"\x03\x32\x01\x06\x07"
    assert line.command(b"\x4a\x01\x00") == ERROR
    line.command(b"\x14\x01")
    line.field.place(ClassicCard.transport(UID_4))
    assert line.command(b"\x4a\x01\x00")[1] == 1


def test_power_down_and_wake_up():
    line = Line(ClassicCard.transport(UID_4))
    line.command(b"\x4a\x01\x00")
    assert line.command(b"\x16\xf0") == b"\x17\x00"
    assert not line.field.rf_on
    line.send(GET_FIRMWARE)
    assert line.hear() == b""
    line.send(WAKE + GET_FIRMWARE)
    assert line.hear() == ACK + FIRMWARE
    assert line.command(b"\x40\x01\x30\x00") == b"\x41\x27"  # the targets are forgotten


def test_power_down_is_over_before_what_comes_later():
    line = Line()
    line.send(frame(b"\xd4\x16\xf0"))
    line.now_us += 1_000_000
    line.send(GET_FIRMWARE)
    assert line.hear() == ACK + frame(b"\xd5\x17\x00")


def test_power_down_without_hsu_as_a_source_ends_in_silence():
    line = Line()
    line.command(b"\x16\x20")
    line.send(WAKE + GET_FIRMWARE)
    assert line.hear() == b""


@pytest.mark.parametrize(("code", "baud"), [
    (0, 9600), (4, 115200), (5, 230400), (6, 460800), (7, 921600), (8, 1288000),
])
def test_the_baud_rate_changes_with_the_hosts_ack(code, baud):
    line = Line()
    assert line.command(bytes((0x10, code))) == b"\x11"
    assert line.chip.baud == 115200
    line.send(ACK)
    assert line.chip.baud == baud
    assert line.command(b"\x02") == b"\x03\x32\x01\x06\x07"


def test_another_command_instead_of_the_ack_keeps_the_rate():
    line = Line()
    line.command(b"\x10\x07")
    line.command(b"\x02")
    line.send(ACK)
    assert line.chip.baud == 115200


def test_at_another_baud_rate_all_is_noise():
    line = Line()
    for baud in (9600, 921600, 100000):
        line.send(GET_FIRMWARE, baud)
        assert line.hear() == b""
    line.send(GET_FIRMWARE, 116000)
    assert line.hear() == ACK + FIRMWARE


def test_a_power_cut_ends_everything():
    card = ClassicCard.transport(UID_4)
    line = Line(card)
    line.command(b"\x10\x07")
    line.send(ACK)
    line.command(b"\x4a\x01\x00")
    line.send(frame(b"\xd4\x40\x01\x30\x00"))
    line.chip.power(False, line.now_us)
    assert line.chip.next_event_us() is None
    assert not line.field.rf_on
    line.send(WAKE + GET_FIRMWARE)
    assert line.hear() == b""
    line.chip.power(True, line.now_us)
    assert line.chip.baud == 115200
    line.send(GET_FIRMWARE)
    assert line.hear() == b""
    line.send(WAKE + GET_FIRMWARE)
    assert line.hear() == ACK + FIRMWARE


def test_a_power_cut_while_the_card_programs_tears_the_block():
    card = ClassicCard.transport(UID_4)
    line = Line(card)
    line.command(b"\x4a\x01\x00")
    line.command(b"\x40\x01\x60\x04" + b"\xff" * 6 + UID_4)
    line.send(frame(b"\xd4\x40\x01\xa0\x04" + b"\xaa" * 16))
    line.hear(6_000)
    assert card.eeprom_writes == 1
    line.chip.power_off(line.now_us)
    assert card.block(4) not in (bytes(16), b"\xaa" * 16)


def test_the_answer_comes_at_its_modelled_time():
    line = Line(ClassicCard.transport(UID_4))
    line.command(b"\x4a\x01\x00")
    line.chip.stats.reset()
    start_us = line.now_us
    auth = frame(b"\xd4\x40\x01\x60\x04" + b"\xff" * 6 + UID_4)
    line.send(auth)
    assert line.chip.run(line.now_us) == ACK
    due_us = line.chip.next_event_us()
    while not line.chip.run(due_us):
        due_us = line.chip.next_event_us()
    # the frame's own wire time, the ACK's, then the two frames of the authentication
    expected_us = (len(auth) + 6) * 10e6 / 115200 + 2148
    assert due_us - start_us == pytest.approx(expected_us, abs=3)
    stats = line.chip.stats
    assert (stats.commands, stats.frames, stats.rf_us) == (1, 2, 2148)
    assert stats.link_bytes == 24 + 13 + 1
    assert stats.link_us == pytest.approx(38 * 10e6 / 115200, abs=2)
