"""A device with a ready-made journal that speaks the device's half of sync."""

from host_tools.keys.aes import Aes
from host_tools.keys.store import KeyStore
from protocol.journal.chain import Chain
from protocol.keys.keyset import load_keyset
from protocol.sync.session import DeviceSession
from tests.ledger.world import Validator

STORE = KeyStore.deterministic("server tests")


def chain_up(validator: Validator, store: KeyStore = STORE) -> None:
    """Give the world's records the MACs a real journal would have."""
    _, journal_key = store.device_keys(validator.device_id, validator.journal_id)
    chain = Chain(journal_key, validator.journal_id)
    mac = chain.start()
    for index, record in enumerate(validator.journal):
        if record is not None:
            mac = chain.mac(mac, record)
            validator.journal[index] = record[:56] + mac


class MemoryJournal:
    """The journal as DeviceSession sees it."""

    oldest = 0

    def __init__(self, slots: list, start_mac: bytes) -> None:
        self.slots = slots
        self.watermark = 0
        self.start_mac = start_mac
        self.continued = start_mac

    @property
    def head(self) -> int:
        return len(self.slots)

    def read_into(self, seq: int, buf: bytearray) -> bool:
        if self.slots[seq] is None:
            return False
        buf[:] = self.slots[seq]
        before = seq - 1
        while before >= 0 and self.slots[before] is None:
            before -= 1
        self.continued = self.start_mac if before < 0 else bytes(self.slots[before][56:])
        return True

    def acknowledge(self, next_seq: int) -> None:
        self.watermark = max(self.watermark, next_seq)


class Device:
    """DeviceSession over `validator`'s journal; also the `device` object it asks."""

    firmware = b"\x00\x01\x00"

    def __init__(self, validator: Validator, store: KeyStore = STORE, boot: int = 1) -> None:
        self.validator = validator
        keyset = store.device_keyset(validator.device_id, validator.journal_id, "validator")
        keys = load_keyset(keyset)
        start_mac = Chain(keys.journal_key, keys.journal_id).start()
        self.journal = MemoryJournal(validator.journal, start_mac)
        self.session = DeviceSession(keys, Aes, self.journal, self, boot, bytes(6))

    def clock(self) -> tuple[int, int]:
        return self.validator.now, 1

    def set_clock(self, time: int) -> None:
        self.validator.now = time

    def place(self) -> tuple[int, int, int]:
        return self.validator.vehicle, self.validator.route, 1

    def set_place(self, vehicle: int, route: int, stop: int) -> bool:
        self.validator.place(route, vehicle, stop)
        return True

    def feed(self, received: bytes, now_s: int) -> bytes:
        """Bytes in, bytes out."""
        self.session.feed(received, now_s)
        return self.outgoing()

    def tick(self, now_s: int) -> bytes:
        self.session.tick(now_s)
        return self.outgoing()

    def outgoing(self) -> bytes:
        sent = b""
        while (frame := self.session.outgoing()) is not None:
            sent += bytes(frame)
        return sent


def busy_validator(device_id: str = "V1", taps: int = 100) -> tuple[Validator, list]:
    """A validator that sold some rides; with it the cards."""
    from tests.ledger.world import Card

    validator = Validator(device_id)
    cards = [Card(bytes((4, index, 7, 7)), 10_000_000) for index in range(5)]
    validator.place(route=5, vehicle=101)
    for index in range(taps):
        validator.now += 7
        validator.tap(cards[index % 5], 10000)
    chain_up(validator)
    return validator, cards
