"""A journal, a ledger and a device in memory for the sync tests, on both interpreters.

The doubles check the law themselves: the journal may only be told to forget what the ledger
holds, and the ledger takes each record once and in order.
"""

from protocol.errors import SyncError
from protocol.journal import records
from protocol.journal.chain import Chain
from protocol.keys.keyset import load_keyset
from protocol.sync.server import ServerSession
from protocol.sync.session import DeviceSession
from protocol.tickets import cbor
from tests.shared.aes import Aes

SEAL_KEY = bytes(range(100, 116))
JOURNAL_KEY = bytes(range(32))
JOURNAL_ID = b"jour"
NOON = 200000000


def keyset(device_id="V1", journal_id=JOURNAL_ID, seal_key=SEAL_KEY):
    return load_keyset(cbor.encode({
        0: 1, 1: 7, 2: 1, 3: device_id, 4: journal_id, 5: seal_key, 6: JOURNAL_KEY, 7: 1,
        8: {1: bytes(16), 2: bytes(16), 4: bytes(16)}, 9: {},
    }))


class JournalDouble:
    """A journal that never wraps. `ledger`, if given, is asked before anything is forgotten."""

    def __init__(self, ledger=None):
        self.slots = []
        self.watermark = 0
        self.oldest = 0
        self.ledger = ledger
        self._chain = Chain(JOURNAL_KEY, JOURNAL_ID)
        self.start_mac = self._mac = self._chain.start()
        self.continued = b""
        self._befores = []  # for each slot the MAC that its record continues

    @property
    def head(self):
        return len(self.slots)

    def append(self, kind, fields, time=NOON, uptime_s=0, boot=1, quality=2):
        record = bytearray(64)
        records.pack_header(record, len(self.slots), kind, quality, boot, time, uptime_s)
        body = bytearray(40)
        records.pack_body(kind, body, fields)
        record[16:56] = body
        self._befores.append(self._mac)
        self._mac = self._chain.mac(self._mac, record)
        record[56:] = self._mac
        self.slots.append(bytes(record))

    def tear(self):
        self._befores.append(None)
        self.slots.append(None)

    def rot(self, seq):
        """A bit of the body flips: the record reads as torn, the next still continues its MAC."""
        self.slots[seq] = None

    def read_into(self, seq, buf):
        if not self.oldest <= seq < self.head:
            raise ValueError("not in the journal")
        if self.slots[seq] is None:
            return False
        buf[:] = self.slots[seq]
        self.continued = self._befores[seq]
        return True

    def acknowledge(self, next_seq):
        if next_seq > self.head:
            raise SyncError("acknowledged beyond the head")
        if self.ledger is not None:
            assert next_seq <= len(self.ledger.records), "forgets what is not committed"
        self.watermark = max(self.watermark, next_seq)


class LedgerDouble:
    """Knows one device and keeps its records; `position` of one it has not seen has no MAC."""

    def __init__(self, journal_key=JOURNAL_KEY, seal_key=SEAL_KEY):
        self.records = []
        self.damaged = []
        self.starts = []
        self.commits = 0
        self.hellos = []
        self._keys = (seal_key, journal_key)
        self._mac = None

    def device_keys(self, device_id, journal_id):
        return self._keys if (device_id, journal_id) == ("V1", JOURNAL_ID) else None

    def position(self, device_id, journal_id):
        return len(self.records), self._mac

    def commit(self, device_id, journal_id, first_seq, batch):
        assert first_seq == len(self.records), "a gap or a repetition"
        self.commits += 1
        self.starts.append(first_seq)
        for record in batch:
            if record == b"":
                self.damaged.append(len(self.records))
            self.records.append(record or None)
            if record:
                self._mac = record[56:]
        return len(self.records), self._mac

    def seen(self, device_id, hello):
        self.hellos.append((device_id, hello))


class DeviceDouble:
    """The services a session asks of its device."""

    firmware = b"\x00\x01\x02"

    def __init__(self):
        self.clocks = []
        self.places = []
        self.willing = True

    def clock(self):
        return NOON, 1

    def set_clock(self, time):
        self.clocks.append(time)

    def place(self):
        return self.places[-1] if self.places else (101, 5, 1)

    def set_place(self, vehicle, route, stop):
        if self.willing:
            self.places.append((vehicle, route, stop))
        return self.willing


class Randoms:
    """`session_random` for tests: never twice the same."""

    def __init__(self):
        self._drawn = 0

    def __call__(self):
        self._drawn += 1
        return b"random" + bytes([self._drawn >> 8, self._drawn & 255])


def tap(journal, number, uptime_s, charge=10000, more=None):
    """INTENT and OUTCOME as a committed tap leaves them; `more`: further fields of the INTENT."""
    uid = bytes([4, number & 255, number >> 8, 3, 7 * number & 255, 5 * number & 255, 6])
    tag = bytes([number * 11 & 255, number * 13 & 255, number * 17 & 255, 200])
    fields = {
        "medium": 1, "uid_length": 7, "uid": uid, "card_seq": 300 + number, "product": 1,
        "rider_category": 0, "riders": 1, "charge": charge, "k": 620000 + 20001 * number,
        "tag_before": bytes(reversed(list(tag))), "tag_after": tag, "granted": 1000000,
        "grant_seq": 4,
    }
    fields.update(more or {})
    time = NOON + uptime_s
    journal.append(records.INTENT, fields, time, uptime_s)
    outcome = {"tag": tag, "intent_seq": journal.head - 1, "outcome": 0}
    for name in fields:
        if name not in ("tag_before", "tag_after", "companions"):
            outcome[name] = fields[name]
    journal.append(records.OUTCOME, outcome, time, uptime_s)


def fill(journal, taps, torn_at=()):
    """A boot, a place, and taps; a torn slot before each tap named in `torn_at`."""
    journal.append(records.BOOT, {"torn_count": len(torn_at), "tariff_version": 1}, NOON - 20)
    journal.append(records.PLACE, {"vehicle": 101, "route": 5, "stop": 1}, NOON - 18, 2)
    for number in range(taps):
        if number in torn_at:
            journal.tear()
        tap(journal, number, 20 + 7 * number)


class World:
    """A device and a server with a cable between them. `now_s` counts up only by `wait`."""

    def __init__(self, taps=3, torn_at=(), ledger=None):
        self.ledger = ledger or LedgerDouble()
        self.journal = JournalDouble(self.ledger)
        fill(self.journal, taps, torn_at)
        self.device_services = DeviceDouble()
        self.randoms = Randoms()
        self.boots = 0
        self.now_s = 0
        self.boot()
        self.connect()

    def boot(self):
        """Power on: a new boot number and salt; the journal is as it was."""
        self.boots += 1
        self.device = DeviceSession(
            keyset(), Aes, self.journal, self.device_services, self.boots,
            b"salt" + bytes([0, self.boots]),
        )
        self.device.tick(self.now_s)

    def connect(self):
        """Another server process takes the line."""
        self.server = ServerSession(self.ledger, Aes, self.randoms)

    def frames_of_device(self):
        frames = []
        frame = self.device.outgoing()
        while frame is not None:
            frames.append(bytes(frame))
            assert len(frames) < 100
            frame = self.device.outgoing()
        return frames

    def frames_of_server(self):
        frames = []
        frame = self.server.outgoing()
        while frame is not None:
            frames.append(frame)
            frame = self.server.outgoing()
        return frames

    def talk(self, carry=None):
        """Carry frames both ways until both are silent. `carry(frame, to_server)` gives the
        frames that arrive instead of one."""
        for _ in range(200):
            up = self.frames_of_device()
            for frame in up:
                for arrived in carry(frame, True) if carry else (frame,):
                    self.server.feed(arrived, NOON + self.now_s)
            down = self.frames_of_server()
            for frame in down:
                for arrived in carry(frame, False) if carry else (frame,):
                    self.device.feed(arrived, self.now_s)
            if not up and not down:
                return
        raise AssertionError("they never fall silent")

    def wait(self, seconds):
        self.now_s += seconds
        self.device.tick(self.now_s)
        self.server.tick(NOON + self.now_s)

    def settle(self, carry=None, seconds=120):
        """Talk, and let the retries of both come, until the ledger has all."""
        self.talk(carry)
        for _ in range(seconds):
            if self.synced():
                return
            self.wait(1)
            self.talk(carry)

    def synced(self):
        done = self.ledger.records == self.journal.slots
        return done and self.journal.watermark == self.journal.head
