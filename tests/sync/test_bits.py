"""Every single-bit flip of every frame is refused by framing, and by the seal where somebody
recomputes the CRC; and no noise harms either side."""

import random

import pytest

from protocol.errors import FrameError, LayoutError
from protocol.journal.chain import Chain
from protocol.keys.keyset import load_keyset
from protocol.sync import messages, undelta
from protocol.sync.framing import Deframer, Framer
from protocol.sync.messages import Sealer
from protocol.tickets import cbor, cose
from tests.shared.aes import Aes
from tests.shared.sync_world import JOURNAL_ID, JOURNAL_KEY, NOON, SEAL_KEY, World, keyset

FUZZ_RUNS = 20_000


def _flips(content: bytes):
    for position in range(len(content)):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[position] ^= 1 << bit
            yield bytes(flipped)


def _state(world: World) -> tuple:
    return (
        world.ledger.commits, len(world.ledger.hellos), world.journal.watermark,
        len(world.device_services.clocks), world.device_services.places[:],
        world.device.fault, world.server.fault, world.device.is_open,
    )


@pytest.mark.parametrize("reframed", [False, True])
def test_every_single_bit_flip_of_every_message(reframed):
    """Each message meets its receiver flipped in every bit, then whole: only then it counts."""
    world = World(taps=2)
    world.server.set_place(102, 5, 1, NOON)
    types = []

    def carry(frame, to_server):
        before = _state(world)
        content = bytes(next(Deframer().payloads(frame))) if reframed else frame[1:-1]
        for flipped in _flips(content):
            sent = bytes(Framer().frame(flipped)) if reframed else b"\x00" + flipped + b"\x00"
            if to_server:
                world.server.feed(sent, NOON)
                assert world.server.outgoing() is None
            else:
                world.device.feed(sent, world.now_s)
        assert _state(world) == before
        types.append(to_server)
        return (frame,)

    world.talk(carry)
    assert len(types) == 6  # HELLO, WELCOME, BATCH, SET_PLACE, ACK, PLACE_SET
    assert world.synced()
    assert world.server.place_held is True
    if reframed:
        assert world.server.rejected
        assert world.device.rejected


def test_noise_between_frames_costs_only_the_frame_it_hits():
    draw = random.Random(4)
    world = World(taps=100)
    world.settle(lambda frame, _: (draw.randbytes(draw.randrange(40)), b"\x00", frame), 10)
    assert world.synced()
    world = World(taps=100)
    world.settle(lambda frame, _: (draw.randbytes(draw.randrange(3)) + frame,), 10)
    assert world.synced()


def _mangled(draw: random.Random, whole: bytes) -> bytes:
    kind = draw.randrange(4)
    if kind == 0:
        return draw.randbytes(draw.randrange(120))
    content = bytearray(whole)
    for _ in range(draw.randrange(1, 5)):
        content[draw.randrange(len(content))] = draw.randrange(256)
    if kind == 1:
        return bytes(content)
    cut = draw.randrange(len(content))
    return bytes(content[:cut]) if kind == 2 else bytes(content[cut:] + content[:cut])


def _sealed_example() -> bytes:
    sealer = Sealer(cose.Encrypt0(Aes, SEAL_KEY, b"V1jour"), bytes([1]) + bytes(8))
    return bytes(sealer.seal({0: 9}, b""))


KEYSET = cbor.encode(
    {
        0: 1, 1: 7, 2: 1, 3: "V1", 4: b"jour", 5: bytes(16), 6: bytes(32), 7: 1,
        8: {1: bytes(16), 2: bytes(16), 4: bytes(16)}, 9: {1: bytes(64)},
    }
)
MESSAGE = cbor.encode({0: 3, 1: 100000, 2: b"records", 3: [1, None, "text", {1: True}], 4: -5})


@pytest.mark.parametrize(
    ("read", "whole", "errors"),
    [
        (cbor.decode, MESSAGE, FrameError),
        (load_keyset, KEYSET, LayoutError),
        (lambda c: cose.split_encrypt0(c, 0, len(c)), _sealed_example(), FrameError),
        (
            lambda c: undelta.rebuild(c, 0, 3, Chain(JOURNAL_KEY, JOURNAL_ID), bytes(8)),
            b"\xf1\x01\x02\x28\x90\x01\x01\x01\x05\x82\x00\x00\x00", FrameError,
        ),
        (lambda c: list(Deframer().payloads(c)), bytes(Framer().frame(b"payload" * 9)), ()),
    ],
    ids=["cbor", "keyset", "cose", "delta", "frames"],
)
def test_fuzz_of_decoders(read, whole, errors):
    draw = random.Random(20)
    refused = 0
    for _ in range(FUZZ_RUNS):
        try:
            read(_mangled(draw, whole))
        except errors:
            refused += 1
    assert refused or not errors


def test_fuzz_of_both_sides_with_frames():
    """Well-framed rubbish: no exception, no answer, no effect."""
    draw = random.Random(21)
    world = World(taps=1)
    world.frames_of_device()
    before = _state(world)
    example = _sealed_example()
    for _ in range(FUZZ_RUNS):
        frame = bytes(Framer().frame(_mangled(draw, example) or b"x"))
        world.server.feed(frame, NOON)
        world.device.feed(frame, world.now_s)
        assert world.server.outgoing() is None
    assert _state(world) == before
    world.settle()
    assert world.synced()


def _any_value(draw: random.Random, depth: int = 2):
    kind = draw.randrange(9 if depth else 7)
    if kind < 3:
        return draw.choice([0, 1, 2, 5, 64, 65, 70000, 1 << 32, (1 << 64) - 1, -1])
    if kind < 7:
        return (draw.randbytes(draw.randrange(12)), "text", None, True)[kind - 3]
    if kind == 7:
        return [_any_value(draw, depth - 1) for _ in range(draw.randrange(4))]
    return {draw.randrange(9): _any_value(draw, depth - 1) for _ in range(draw.randrange(4))}


def test_fuzz_of_both_sides_with_sealed_messages():
    """A peer that has the key but talks rubbish: nothing but what the SPEC allows happens."""
    draw = random.Random(22)
    device_seal = cose.Encrypt0(Aes, SEAL_KEY, keyset().kid)
    for run in range(400):
        world = World(taps=1)
        world.journal.ledger = None  # whoever has the key is believed about the ledger
        random8 = b"evil" + run.to_bytes(4, "big")
        to_device = Sealer(device_seal, bytes([messages.FROM_SERVER]) + random8)
        (hello,) = world.frames_of_device()
        nonce = cose.split_encrypt0(p := bytes(next(Deframer().payloads(hello))), 0, len(p))[1]
        aad = nonce
        for step in range(12):
            message = {key: _any_value(draw) for key in range(1, 6) if draw.random() < 0.8}
            message[0] = messages.WELCOME if step == 0 else draw.randrange(1, 13)
            sealed = to_device.seal(message, aad)
            world.device.feed(bytes(Framer().frame(sealed)), world.now_s)
            if step == 0 and world.device.is_open:
                aad = nonce + random8
            world.frames_of_device()
            world.wait(draw.randrange(3))


def test_fuzz_of_the_server_with_sealed_messages():
    draw = random.Random(23)
    seal = cose.Encrypt0(Aes, SEAL_KEY, keyset().kid)
    for run in range(400):
        world = World(taps=1)
        sealer = Sealer(seal, bytes([messages.FROM_DEVICE]) + run.to_bytes(8, "big"))
        hello = {
            0: 1, 1: 1, 2: 8, 3: 0, 4: bytes(3), 5: 0, 6: 5, 7: [1, 2, 3], 8: 1,
        }
        if run % 2:
            hello[draw.randrange(1, 9)] = _any_value(draw)
        world.server.feed(bytes(Framer().frame(sealer.seal(hello, b""))), NOON)
        nonce = bytes(sealer.nonce)
        down = world.frames_of_server()
        if not down:
            assert run % 2
            continue
        welcome = bytes(next(Deframer().payloads(down[0])))
        aad = nonce + cose.split_encrypt0(welcome, 0, len(welcome))[1][1:9]
        for _ in range(12):
            message = {key: _any_value(draw) for key in range(1, 6) if draw.random() < 0.8}
            message[0] = draw.randrange(1, 13)
            world.server.feed(bytes(Framer().frame(sealer.seal(message, aad))), NOON)
            world.frames_of_server()
        assert world.ledger.records == [] or world.ledger.commits
