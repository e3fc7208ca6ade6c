"""COBS frames with CRC-32 (SPEC §4.1). Runs on both interpreters."""

from binascii import crc32, unhexlify

from protocol.sync.framing import FRAME_BYTES_MAX, PAYLOAD_BYTES_MAX, Deframer, Framer


def taken(deframer, chunk):
    return [bytes(payload) for payload in deframer.payloads(chunk)]


def uncobs(coded):
    """COBS as its paper has it, over a whole frame without its zero."""
    plain = b""
    position = 0
    while position < len(coded):
        code = coded[position]
        plain += coded[position + 1:position + code]
        position += code
        if code < 255 and position < len(coded):
            plain += b"\x00"
    return plain


def payloads():
    """All lengths around the edges of groups, with and without zeros."""
    for length in (1, 2, 3, 100, 248, 249, 250, 251, 252, 253, 254, 255, 256, 300, 503, 504, 505,
                   506, 757, 758, 759, 760, 1011, 1012, 1013, 1023, 1024):
        yield bytes(length)
        yield bytes([index % 255 + 1 for index in range(length)])
        yield bytes([index * 7 & 255 for index in range(length)])
        yield bytes(length - 1) + b"\x01"
        yield b"\x01" + bytes(length - 1)
        yield b"\xff" * (length - 1) + b"\x00"


def test_known_frame():
    # CRC-32 of "123456789" is cbf43926, its check value
    frame = bytes(Framer().frame(b"123456789"))
    assert frame == b"\x00\x0e123456789" + unhexlify("2639f4cb") + b"\x00"


def test_round_trip_at_every_edge():
    framer = Framer()
    deframer = Deframer()
    for payload in payloads():
        frame = bytes(framer.frame(payload))
        assert len(frame) <= FRAME_BYTES_MAX
        assert frame[0] == frame[-1] == 0
        assert 0 not in frame[1:-1]
        crc = crc32(payload)
        tail = bytes([crc >> shift & 255 for shift in (0, 8, 16, 24)])
        assert uncobs(frame[1:-1]) == payload + tail
        assert taken(deframer, frame) == [payload]
    assert deframer.damaged == 0


def test_byte_by_byte_and_frames_back_to_back():
    framer = Framer()
    stream = b"".join(bytes(framer.frame(payload)) for payload in (b"one", b"\x00two\x00", b"3"))
    deframer = Deframer()
    found = []
    for byte in stream:
        found += taken(deframer, bytes([byte]))
    assert found == [b"one", b"\x00two\x00", b"3"]
    assert taken(deframer, stream) == found
    assert deframer.damaged == 0


def test_every_single_bit_flip_is_caught():
    """A flip to or from zero splits or joins frames; no wrong payload ever comes out."""
    framer = Framer()
    payload = bytes([0, 1, 2, 0, 255]) + b"some payload" + bytes(3)
    frame = bytes(framer.frame(payload))
    after = bytes(framer.frame(b"the next"))
    for position in range(len(frame)):
        for bit in range(8):
            flipped = bytearray(frame)
            flipped[position] ^= 1 << bit
            deframer = Deframer()
            found = taken(deframer, bytes(flipped) + after)
            edge = position in (0, len(frame) - 1)  # the next frame's first zero stands in
            assert found in ([b"the next"], [payload, b"the next"] if edge else [b"the next"])
            assert edge or deframer.damaged


def test_every_cut_and_resynchronisation():
    framer = Framer()
    frame = bytes(framer.frame(b"\x00payload\x00"))
    good = bytes(framer.frame(b"good"))
    for length in range(len(frame)):
        for start in range(length):
            deframer = Deframer()
            assert taken(deframer, frame[start:length] + good) in (
                [b"good"], [b"\x00payload\x00", b"good"])
            assert taken(deframer, good) == [b"good"]


def test_too_long_is_dropped_and_counted():
    deframer = Deframer()
    noise = b"\x55" * (3 * FRAME_BYTES_MAX)
    assert taken(deframer, noise) == []
    assert taken(deframer, b"\x00") == []
    assert deframer.damaged == 1
    assert taken(deframer, bytes(Framer().frame(b"good"))) == [b"good"]
    assert taken(deframer, bytes(100)) == []
    assert deframer.damaged == 1
    for length in (0, PAYLOAD_BYTES_MAX + 1):
        try:
            Framer().frame(bytes(length))
            raise AssertionError("taken")
        except ValueError:
            pass
