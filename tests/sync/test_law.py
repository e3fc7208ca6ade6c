"""The law of sync: cut, repeat, reorder, delay or corrupt any message, and the ledger still has
each record once, and the journal has forgotten only what the ledger holds.

Every message of a session is struck in every way, one by one, then every pair of messages is lost;
the doubles of `sync_world` check the law at each step.
"""

import itertools

import pytest

from protocol.sync.framing import Deframer
from protocol.tickets.cose import split_encrypt0
from tests.shared.sync_world import World, tap

TAPS, TORN = 100, (3, 4, 20, 70)  # enough for several batches


def _world() -> World:
    return World(TAPS, TORN)


def _message_count() -> int:
    frames = []
    world = _world()
    world.talk(lambda frame, to_server: frames.append(frame) or (frame,))
    assert world.synced()
    return len(frames)


COUNT = _message_count()
assert COUNT >= 10


class Strike:
    """Does something to the n-th frame and lets all others pass."""

    def __init__(self, world: World, index: int, what: str) -> None:
        self.world = world
        self.index = index
        self.what = what
        self.seen = 0
        self.kept: list[tuple[bytes, bool]] = []

    def __call__(self, frame: bytes, to_server: bool) -> tuple[bytes, ...]:
        self.seen += 1
        late = tuple(kept for kept, direction in self.kept if direction == to_server)
        if self.what == "late" and self.seen > self.index + 4:
            self.kept = [kept for kept in self.kept if kept[1] != to_server]
            return (frame, *late)
        if self.what == "swapped" and late:
            self.kept = [kept for kept in self.kept if kept[1] != to_server]
            return (frame, *late)
        if self.seen - 1 != self.index:
            return (frame,)
        return self._hit(frame, to_server)

    def _hit(self, frame: bytes, to_server: bool) -> tuple[bytes, ...]:
        if self.what == "lost":
            return ()
        if self.what == "repeated":
            return (frame, frame, frame)
        if self.what in ("late", "swapped"):
            self.kept.append((frame, to_server))
            return ()
        if self.what == "cut":
            return (frame[: len(frame) // 2],)
        if self.what == "corrupted":
            middle = len(frame) // 2
            return (frame[:middle] + bytes([frame[middle] ^ 0x10]) + frame[middle + 1 :],)
        if self.what == "device reboots":
            self.world.boot()
            return () if not to_server else (frame,)
        if self.what == "server restarts":
            self.world.connect()
            return (frame,) if not to_server else ()
        assert self.what == "server restarts after"
        return self._feed_then_restart(frame, to_server)

    def _feed_then_restart(self, frame: bytes, to_server: bool) -> tuple[bytes, ...]:
        """The server takes the message, commits, and dies before it can answer."""
        if not to_server:
            return ()
        self.world.server.feed(frame, 0)
        self.world.connect()
        return ()


WAYS = (
    "lost", "repeated", "late", "swapped", "cut", "corrupted", "device reboots",
    "server restarts", "server restarts after",
)


@pytest.mark.parametrize("what", WAYS)
def test_every_message_struck_once(what):
    for index in range(COUNT):
        world = _world()
        strike = Strike(world, index, what)
        world.settle(strike)
        assert strike.seen > index
        assert world.synced(), (what, index)
        assert world.device.fault == 0


def test_every_pair_of_messages_lost():
    for pair in itertools.combinations(range(COUNT + 2), 2):
        world = _world()
        passed = itertools.count()
        world.settle(lambda frame, _, n=passed, p=pair: () if next(n) in p else (frame,))
        assert world.synced(), pair


def test_one_direction_dead_then_back():
    for dead_to_server in (True, False):
        world = _world()
        for _ in range(100):
            world.talk(lambda frame, up, dead=dead_to_server: () if up is dead else (frame,))
            world.wait(1)
        held = len(world.ledger.records)
        assert world.journal.watermark == 0
        assert held == 0 if dead_to_server else held <= world.journal.head
        world.settle()
        assert world.synced()


def test_records_written_while_messages_are_lost():
    for index in range(COUNT):
        world = _world()
        strike = Strike(world, index, "lost")

        def carry(frame, to_server, world=world, strike=strike):
            if strike.seen == strike.index:
                tap(world.journal, 500 + strike.index, 900)
            return strike(frame, to_server)

        world.settle(carry)
        assert world.synced(), index
        assert world.journal.head > len(_world().journal.slots)


def test_replayed_sessions_change_nothing():
    """Everything ever said on the line is said again, in order and backwards, to both sides."""
    said: list[tuple[bytes, bool]] = []
    world = _world()
    world.talk(lambda frame, to_server: said.append((frame, to_server)) or (frame,))
    hellos = len(world.ledger.hellos)
    records = list(world.ledger.records)
    for transcript in (said, said[::-1]):
        for fresh in (False, True):
            if fresh:
                world.connect()
                world.boot()
                world.frames_of_device()
            for frame, to_server in transcript:
                if to_server:
                    world.server.feed(frame, 0)
                else:
                    world.device.feed(frame, world.now_s)
    assert len(world.ledger.hellos) == hellos
    assert world.ledger.records == records
    assert len(world.device_services.clocks) == 1
    world.settle()
    assert world.synced()


def test_reflected_messages_change_nothing():
    world = _world()
    world.talk(lambda frame, to_server: (frame,))
    world.wait(60)
    for frame in world.frames_of_device():
        rejected = world.device.rejected
        world.device.feed(frame, world.now_s)
        assert world.device.rejected == rejected + 1
    assert not world.device.is_open


def test_a_lost_answer_costs_no_second_commit():
    world = _world()
    strike = Strike(world, 3, "lost")  # HELLO, WELCOME, BATCH, this ACK
    world.settle(strike)
    assert world.synced()
    undisturbed = _world()
    undisturbed.talk()
    assert world.ledger.commits == undisturbed.ledger.commits


def test_nonces_are_never_used_twice():
    """Over retries, new sessions, reboots and new servers."""
    used: set[bytes] = set()

    def carry(frame, to_server):
        nonce = _nonce_of(frame)
        assert nonce not in used
        used.add(nonce)
        return (frame,) if len(used) % 3 else ()

    world = _world()
    for round_number in range(6):
        world.settle(carry)
        world.wait(60)
        if round_number == 2:
            world.boot()
        if round_number == 4:
            world.connect()
        tap(world.journal, round_number, 1000 + round_number)
    assert len(used) > 20


def _nonce_of(frame: bytes) -> bytes:
    (payload,) = (bytes(payload) for payload in Deframer().payloads(frame))
    return split_encrypt0(payload, 0, len(payload))[1]
