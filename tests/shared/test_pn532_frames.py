"""PN532 HSU frames: known frames of the user manual, every single-bit flip, noise, fragments."""

from protocol.errors import AuthError, CardLost, FrameError
from protocol.nfc import pn532


def _feed_all(link, stream):
    events = []
    position = 0
    while position < len(stream):
        position = link.feed(stream, position, len(stream))
        if link.event != pn532.NOTHING:
            events.append(link.event)
    return events


def _response(body):
    total = sum(body) + 0xD5
    length = len(body) + 1
    return (
        b"\x00\x00\xff"
        + bytes((length, (0x100 - length) & 0xFF, 0xD5))
        + body
        + bytes(((0x100 - total) & 0xFF, 0x00))
    )


def test_command_frame_of_the_manual():
    # GetFirmwareVersion: LEN 2, LCS FE, D4 02, DCS 2A (UM0701-02 7.2.2)
    link = pn532.Pn532Link()
    length = link.command(pn532.GET_FIRMWARE_VERSION)
    assert bytes(link.tx[:length]) == b"\x00\x00\xff\x02\xfe\xd4\x02\x2a\x00"


def test_response_of_the_manual():
    # D5 03 32 01 06 07: IC PN532, version 1.6, all card types
    link = pn532.Pn532Link()
    frame = b"\x00\x00\xff\x06\xfa\xd5\x03\x32\x01\x06\x07\xe8\x00"
    assert _feed_all(link, frame) == [pn532.RESPONSE]
    assert bytes(link.rx[: link.rx_len]) == b"\x03\x32\x01\x06\x07"


def test_ack_nack_error_and_back_to_back():
    link = pn532.Pn532Link()
    error = b"\x00\x00\xff\x01\xff\x7f\x81\x00"
    stream = pn532.ACK_FRAME + pn532.NACK_FRAME + error + _response(b"\x03\x32\x01\x06\x07")
    assert _feed_all(link, stream) == [pn532.ACK, pn532.NACK, pn532.ERROR, pn532.RESPONSE]


def test_extended_response():
    link = pn532.Pn532Link()
    body = b"\x41\x00" + bytes(range(256))[:255]
    length = len(body) + 1
    high, low = length >> 8, length & 0xFF
    checksum = (0x100 - ((high + low) & 0xFF)) & 0xFF
    dcs = (0x100 - ((sum(body) + 0xD5) & 0xFF)) & 0xFF
    frame = b"\x00\x00\xff\xff\xff" + bytes((high, low, checksum, 0xD5)) + body + bytes((dcs, 0))
    assert _feed_all(link, frame) == [pn532.RESPONSE]
    assert bytes(link.rx[: link.rx_len]) == body


def test_any_fragmentation_gives_the_same():
    frame = pn532.ACK_FRAME + _response(b"\x41\x00\x01\x02")
    for cut in range(len(frame)):
        link = pn532.Pn532Link()
        events = _feed_all(link, frame[:cut]) + _feed_all(link, frame[cut:])
        assert events == [pn532.ACK, pn532.RESPONSE]


def test_every_single_bit_flip_is_caught_or_harmless():
    body = b"\x41\x00" + bytes(range(16))
    frame = _response(body)
    for index in range(len(frame)):
        for bit in range(8):
            flipped = bytearray(frame)
            flipped[index] ^= 1 << bit
            link = pn532.Pn532Link()
            events = _feed_all(link, flipped)
            if pn532.RESPONSE in events:  # only the preamble and the postamble may differ
                assert bytes(link.rx[: link.rx_len]) == body
                assert index in (0, len(frame) - 1)
            # whatever happened, the next whole frame is understood after at most 270 bytes
            _feed_all(link, bytes(270))
            assert _feed_all(link, frame)[-1] == pn532.RESPONSE
            assert bytes(link.rx[: link.rx_len]) == body


def test_noise_never_raises():
    link = pn532.Pn532Link()
    state = 1
    noise = bytearray(4096)
    for index in range(len(noise)):
        state = (state * 1103515245 + 12345) & 0x3FFFFFFF
        noise[index] = (state >> 8) & 0xFF if state & 0x40000 else (0x00, 0xFF)[state & 1]
    _feed_all(link, noise)
    _feed_all(link, bytes(270))
    assert _feed_all(link, _response(b"\x15")) == [pn532.RESPONSE]


def test_a_command_that_is_too_long_is_refused():
    link = pn532.Pn532Link()
    try:
        link.command(0x40, bytes(254))
    except ValueError:
        return
    raise AssertionError("no error")


def test_forget_wipes_a_key():
    link = pn532.Pn532Link()
    key = b"\xaa" * 6
    length = link.command(pn532.IN_DATA_EXCHANGE, b"\x01\x60\x04" + key + b"\x01\x02\x03\x04")
    assert key in bytes(link.tx[:length])
    link.forget()
    assert b"\xaa" not in bytes(link.tx[:length])


def test_targets():
    targets = [pn532.Target(), pn532.Target()]
    one = b"\x4b\x01\x01\x00\x04\x08\x04\xde\xad\xbe\xef"
    assert pn532.read_targets(one, len(one), targets) == 1
    assert (targets[0].number, targets[0].sak, targets[0].atqa) == (1, 8, 4)
    assert targets[0].uid == b"\xde\xad\xbe\xef"
    two = b"\x4b\x02\x01\x00\x44\x20\x07ABCDEFG\x05\x75\x77\x81\x02\x02\x00\x04\x18\x04WXYZ"
    assert pn532.read_targets(two, len(two), targets) == 2
    assert (targets[1].number, targets[1].sak, targets[1].uid) == (2, 0x18, b"WXYZ")
    none = b"\x4b\x00"
    assert pn532.read_targets(none, 2, targets) == 0


def test_a_cut_target_list_is_an_error():
    targets = [pn532.Target(), pn532.Target()]
    whole = b"\x4b\x01\x01\x00\x04\x08\x04\xde\xad\xbe\xef"
    for length in range(len(whole)):
        try:
            pn532.read_targets(whole, length, targets)
        except FrameError:
            continue
        raise AssertionError(length)


def test_exchange_status():
    pn532.check_exchange(b"\x41\x00", 2)
    for status, wanted in ((0x14, AuthError), (0x01, CardLost), (0x13, CardLost)):
        raised = None
        try:
            pn532.check_exchange(bytes((0x41, status)), 2)
        except wanted as error:
            raised = error
        assert raised is not None
        assert raised.args == (status,)
