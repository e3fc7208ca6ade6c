"""Nothing that a line or a host can send breaks the chip."""

from random import Random

from host_tools.bench.reader import ClassicCard, DirectReader, Faults, RfField
from host_tools.bench.reader.hsu import ACK, frame
from tests.bench_reader.cards import UID_4, UID_7
from tests.bench_reader.test_hsu import FIRMWARE, GET_FIRMWARE, WAKE, Line

INPUTS = 20_000
SLEEPS_FOR_EVER = 0x16  # PowerDown, which garbage may well name without a way back


def garbage(source):
    """Noise, frames around noise, and spoiled frames around known commands."""
    body = b"\xd4" + source.randbytes(source.randrange(1, 24))
    kind = source.randrange(5)
    if kind == 0:
        return source.randbytes(source.randrange(1, 40))
    if kind == 1:
        return frame(body)
    if kind == 2:
        known = source.choice((0x00, 0x06, 0x08, 0x32, 0x40, 0x42, 0x4A, 0x44, 0x52, 0x54, 0x60))
        return frame(bytes((0xD4, known)) + body[2:])
    spoiled = bytearray(frame(body))
    spoiled[source.randrange(len(spoiled))] ^= 1 << source.randrange(8)
    return bytes(spoiled) if kind == 3 else bytes(spoiled[:source.randrange(1, len(spoiled))])


def test_garbage_on_the_line():
    source = Random(20_000)
    line = Line(ClassicCard.transport(UID_4), ClassicCard.transport(UID_7))
    for number in range(INPUTS):
        sent = garbage(source)
        if bytes((0xD4, SLEEPS_FOR_EVER)) in sent:
            continue
        line.send(sent)
        due = line.chip.next_event_us()
        if due is not None:
            line.now_us = max(line.now_us, due)
            line.chip.run(line.now_us)
        if number % 500 == 0:
            line.hear(50_000)
            line.send(WAKE + ACK)
            line.hear(50_000)
            line.send(GET_FIRMWARE)
            assert line.hear(1_000) == ACK + FIRMWARE, number
    line.hear(50_000)
    line.send(GET_FIRMWARE)
    assert line.hear(1_000) == ACK + FIRMWARE
    assert line.chip.stats.commands > INPUTS // 4  # a good part of it was read as commands


def test_garbage_commands():
    source = Random(7)
    field = RfField()
    card = ClassicCard.transport(UID_4)
    reader = DirectReader(field)
    for number in range(INPUTS):
        if number % 50 == 0:
            field.clear(reader.now_us)
            faults = Faults(torn_write=source.randrange(1, 4), seed=number)
            field.place(card, reader.now_us, faults)
            reader.exchange(b"\xd4\x32\x05\xff\x01\x01")
            reader.exchange(b"\xd4\x4a\x02\x00")
            block = source.randrange(64)
            reader.exchange(b"\xd4\x40\x01\x60" + bytes((block,)) + b"\xff" * 6 + UID_4)
        code = source.choice((0x40, 0x40, 0x40, 0x42, source.randrange(256)))
        head = b"\x01" + bytes((source.choice((0x30, 0x60, 0xA0, 0xB0, 0xC0, 0xC1, 0xC2)),))
        tail = source.randbytes(source.choice((0, 1, 5, 11, 17)))
        response = reader.exchange(bytes((0xD4, code)) + head * (code == 0x40) + tail)
        assert response is None or response[0] in (0xD5, 0x7F)
    assert reader.stats.frames > INPUTS // 3
    assert reader.exchange(b"\xd4\x02") == b"\xd5\x03\x32\x01\x06\x07"
