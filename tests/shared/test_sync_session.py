"""Sync sessions without trouble, rule by rule (SPEC §4.3). Runs on both interpreters."""

from protocol.errors import SealError
from protocol.keys.keyset import load_keyset
from protocol.sync import messages
from protocol.sync.framing import Framer
from protocol.sync.messages import Opener, Sealer
from protocol.sync.server import PullSession
from protocol.sync.session import DeviceSession
from protocol.tickets import cbor
from protocol.tickets.cose import Encrypt0, split_encrypt0
from tests.shared.aes import Aes
from tests.shared.sync_world import (
    JOURNAL_ID,
    NOON,
    SEAL_KEY,
    DeviceDouble,
    LedgerDouble,
    World,
    fill,
    keyset,
    tap,
)


def test_all_records_reach_the_ledger():
    world = World(taps=40, torn_at=(2, 30))
    world.talk()
    assert world.synced()
    assert world.server.is_caught_up()
    assert world.ledger.commits > 1
    assert world.device.fault == 0
    assert world.device.rejected == world.server.rejected == 0
    assert world.device_services.clocks == [NOON]


def test_nothing_owed_still_proves_the_device():
    world = World(taps=0)
    world.talk()
    world.connect()
    world.server.knock()
    world.wait(1)
    world.talk()
    assert world.server.device_id == "V1"
    assert len(world.ledger.hellos) == 2
    device_id, hello = world.ledger.hellos[1]
    assert device_id == "V1"
    assert hello == {
        "head": 2, "watermark": 2, "firmware": "0.1.2", "clock_quality": 1, "time": NOON,
        "vehicle": 101, "route": 5, "stop": 1, "role": 1, "journal_id": "6a6f7572",
    }


def test_new_records_go_at_once():
    world = World(taps=1)
    world.talk()
    for number in range(3):
        tap(world.journal, number, 100 + number)
        world.talk()
        assert world.synced()


def test_silence_brings_a_new_hello():
    world = World(taps=1)
    world.talk()
    assert world.device.is_open
    assert len(world.ledger.hellos) == 1
    world.wait(59)
    world.talk()
    assert len(world.ledger.hellos) == 1
    world.wait(1)
    world.talk()
    assert len(world.ledger.hellos) == 2


def test_retries_are_bounded():
    world = World(taps=1)
    sent = 0
    for _ in range(30):
        sent += len(world.frames_of_device())
        world.wait(1)
    assert sent == 3
    for _ in range(120):
        sent += len(world.frames_of_device())
        world.wait(1)
    assert sent <= 3 * 5
    world.settle()
    assert world.synced()


def test_knock_brings_a_hello_once_a_second():
    world = World(taps=1)
    world.talk()
    world.wait(5)
    knock = bytes(Framer().frame(messages.KNOCK))
    for _ in range(10):
        world.device.feed(knock, world.now_s)
    assert len(world.frames_of_device()) == 1
    world.device.feed(knock, world.now_s)
    assert world.frames_of_device() == []
    world.settle()
    assert world.synced()


def test_place_is_set_and_answered():
    world = World(taps=1)
    world.server.set_place(102, 6, 9, NOON)
    assert world.server.place_held is None
    world.talk()
    assert world.server.place_held is True
    assert world.device_services.places == [(102, 6, 9)]
    world.device_services.willing = False
    world.server.set_place(103, 6, 9, NOON)
    world.talk()
    assert world.server.place_held is False
    assert world.device_services.places == [(102, 6, 9)]


def test_place_asked_again_is_set_once():
    world = World(taps=0)
    world.talk()
    world.server.set_place(102, 6, 9, NOON)
    lost = []

    def lose_the_answer(frame, to_server):
        if to_server and not lost:
            lost.append(frame)
            return ()
        return (frame,)

    world.talk(lose_the_answer)
    assert world.server.place_held is None
    world.wait(3)
    world.talk()
    assert world.server.place_held is True
    assert world.device_services.places == [(102, 6, 9)]


def test_server_gives_up_asking():
    world = World(taps=0)
    world.talk()
    world.server.set_place(102, 6, 9, NOON)
    for _ in range(15):
        world.frames_of_server()
        world.wait(1)
    assert world.server.gave_up
    assert world.server.place_held is None


def test_stranger_is_not_answered():
    world = World(taps=1)
    for stranger in (keyset("V2"), keyset(journal_id=b"othr"), keyset(seal_key=bytes(16))):
        world.device = DeviceSession(
            stranger, Aes, world.journal, world.device_services, 9, bytes(6))
        rejected = world.server.rejected
        world.talk()
        assert world.server.rejected == rejected + 1
    assert world.ledger.records == []
    assert world.server.device_id is None


def test_journal_that_went_back_is_told():
    world = World(taps=2)
    world.talk()
    del world.journal.slots[4:]
    world.journal.watermark = 4
    world.boot()
    world.talk()
    assert world.device.fault == messages.AHEAD
    assert world.server.fault == messages.AHEAD
    assert world.journal.watermark == 4


def test_ledger_that_lost_its_newest_records_is_sent_them_again():
    world = World(taps=2)
    world.talk()
    del world.ledger.records[2:]
    world.ledger._mac = world.ledger.records[-1][56:]
    world.boot()
    world.talk()
    assert world.synced()
    del world.ledger.records[2:]
    world.ledger._mac = world.ledger.records[-1][56:]
    world.journal.oldest = 3
    world.boot()
    world.talk()
    assert world.device.fault == messages.FORGOTTEN
    assert world.server.fault == messages.FORGOTTEN
    assert len(world.ledger.records) == 2
    assert world.journal.watermark == world.journal.head


def test_broken_chain_is_refused_and_nothing_forgotten():
    world = World(taps=2)
    broken = bytearray(world.journal.slots[3])
    broken[20] ^= 1
    world.journal.slots[3] = bytes(broken)
    world.talk()
    assert world.device.fault == messages.CHAIN
    assert world.server.fault == messages.CHAIN
    assert world.ledger.records == []
    assert world.journal.watermark == 0
    assert world.ledger.commits == 0


def test_ledger_with_another_journal_key_refuses():
    world = World(taps=2, ledger=LedgerDouble(journal_key=bytes(32)))
    world.talk()
    assert world.device.fault == messages.CHAIN
    assert world.journal.watermark == 0


def test_pull_reads_and_forgets_nothing():
    world = World(taps=30, torn_at=(0, 9))
    for first in (0, 1, 13, world.journal.head - 1, world.journal.head, world.journal.head + 5):
        pull = PullSession(world.ledger, Aes, world.randoms, first)
        world.server = pull
        pull.knock()
        world.wait(1)
        world.talk()
        assert pull.done
        assert pull.head == world.journal.head
        wanted = [(seq, world.journal.slots[seq]) for seq in range(first, world.journal.head)]
        assert pull.records == wanted
        assert not pull.gave_up
    assert world.journal.watermark == 0
    assert world.ledger.records == []
    assert world.device_services.clocks == []
    world.connect()
    world.settle()
    assert world.synced()


def test_pull_starts_at_the_oldest_that_is_held():
    world = World(taps=5)
    world.journal.watermark = world.journal.oldest = 4
    world.server = PullSession(world.ledger, Aes, world.randoms)
    world.talk()
    assert world.server.done
    assert [seq for seq, _ in world.server.records] == list(range(4, world.journal.head))


def test_longest_names_fit_every_message():
    fields = {
        0: 1, 1: 65535, 2: 255, 3: "V" * 16, 4: JOURNAL_ID, 5: bytes(16), 6: bytes(range(32)),
        7: 1, 8: {1: bytes(16), 2: bytes(16), 4: bytes(16)}, 9: {},
    }

    class Ledger(LedgerDouble):
        def device_keys(self, device_id, journal_id):
            return bytes(16), bytes(range(32))

    world = World(taps=40, ledger=Ledger())
    longest = load_keyset(cbor.encode(fields))
    world.device = DeviceSession(longest, Aes, world.journal, DeviceDouble(), 65535, bytes(6))
    world.talk()
    assert world.synced()
    fill(world.journal, 40)
    world.server = PullSession(world.ledger, Aes, world.randoms)
    world.wait(60)
    world.talk()
    assert world.server.done
    assert len(world.server.records) == world.journal.head


def test_largest_numbers_fit_a_hello():
    class Largest(DeviceDouble):
        firmware = b"\xff\xff\xff"

        def clock(self):
            return 0xFFFFFFFF, 255

        def place(self):
            return 65535, 65535, 65535

    class Journal:
        head = watermark = oldest = 0xFFFFFFFF

        def acknowledge(self, next_seq):
            assert next_seq == self.head

    ledger = LedgerDouble()
    ledger.position = lambda device_id, journal_id: (0xFFFFFFFF, bytes(8))
    world = World(taps=0, ledger=ledger)
    world.device = DeviceSession(keyset(), Aes, Journal(), Largest(), 1, bytes(6))
    world.talk()
    assert world.server.hello["head"] == world.server.hello["time"] == 0xFFFFFFFF
    assert world.server.hello["stop"] == 65535
    assert world.server.next_seq == 0xFFFFFFFF


def test_another_version_is_told_and_nothing_is_sent():
    world = World(taps=1)
    messages.VERSION = 2
    try:
        (hello,) = world.frames_of_device()
    finally:
        messages.VERSION = 1
    world.server.feed(hello, NOON)
    (answer,) = world.frames_of_server()
    world.device.feed(answer, 0)
    assert world.device.fault == messages.WRONG_VERSION
    assert world.server.device_id is None
    world.wait(29)
    assert world.frames_of_device() == []
    world.settle()
    assert world.synced()
    assert world.device.fault == 0


def sealed_by(direction, eight, counters):
    """Messages of one peer by the counter of their nonce."""
    sealer = Sealer(Encrypt0(Aes, SEAL_KEY, b"V1jour"), bytes([direction]) + eight)
    return [bytes(sealer.seal({0: messages.BYE, 1: number}, b"")) for number in range(counters)]


def opens(opener, sealed):
    content = bytearray(sealed)
    kid, nonce, start = split_encrypt0(content, 0, len(content))
    seal = Encrypt0(Aes, SEAL_KEY, kid)
    try:
        return opener.open(seal, content, nonce, start, len(content), b"")[1]
    except SealError:
        return None


def test_what_an_opener_takes():
    mine = sealed_by(2, b"12345678", 5)
    opener = Opener(2)
    assert opens(opener, sealed_by(1, b"12345678", 1)[0]) is None  # reflected
    assert opens(opener, mine[1]) == 1
    assert opens(opener, mine[1]) is None  # again
    assert opens(opener, mine[0]) is None  # after its successor
    assert opens(opener, sealed_by(2, b"87654321", 4)[3]) is None  # another session
    assert opens(opener, mine[3]) == 3
    assert opens(opener, mine[2]) is None
    assert opens(opener, mine[4]) == 4


def test_a_sealer_stops_at_its_last_counter():
    sealer = Sealer(Encrypt0(Aes, SEAL_KEY, b"V1jour"), bytes(9))
    sealer._counter = 0xFFFFFFFD
    assert sealer.seal({0: messages.BYE}, b"") is not None
    assert sealer.seal({0: messages.BYE}, b"") is not None
    assert bytes(sealer.nonce[9:]) == b"\xff\xff\xff\xff"
    assert sealer.seal({0: messages.BYE}, b"") is None
    assert sealer.seal({0: messages.BYE}, b"") is None


def answer_batch_with(fields):
    """A world whose device has sent its first batch and is answered by `fields`."""
    world = World(taps=1)
    world.server.feed(world.frames_of_device()[0], NOON)
    world.device.feed(world.frames_of_server()[0], 0)
    world.server.feed(world.frames_of_device()[0], NOON)
    world.frames_of_server()
    conversation = world.server._current
    world.server._send(conversation, fields)
    world.device.feed(world.frames_of_server()[0], 0)
    return world


def test_ack_for_another_journal_is_not_obeyed():
    world = answer_batch_with({0: messages.ACK, 1: 4, 2: b"othr"})
    assert world.journal.watermark == 0
    assert world.device.rejected == 1
    world.settle()
    assert world.synced()


def test_ack_without_progress_is_not_answered_at_once():
    world = answer_batch_with({0: messages.ACK, 1: 0, 2: JOURNAL_ID})
    assert world.frames_of_device() == []
    world.wait(3)
    assert len(world.frames_of_device()) == 1


def test_repeated_hello_costs_no_time():
    world = World(taps=1)
    world.talk(lambda frame, to_server: (frame, frame))
    assert world.synced()
    assert len(world.ledger.hellos) == 1
