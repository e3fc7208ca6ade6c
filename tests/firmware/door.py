"""A validator on the virtual bench with its reader, display, clock and cards, for the tests."""

import json
from functools import cache

from host_tools.bench.board import BenchClock, Board, Ds3231, Ssd1306
from host_tools.bench.board.ds3231 import ADDRESS as RTC_ADDRESS
from host_tools.bench.board.ssd1306 import ADDRESS as DISPLAY_ADDRESS
from host_tools.bench.read_display import read_display
from host_tools.bench.reader import ClassicCard, DirectReader, RfField, VirtualPn532
from host_tools.cards.issue import Desk, NewCard
from host_tools.device.build import build_firmware
from host_tools.device.image import flash_image, small_layout
from host_tools.device.pn532_client import Pn532Client
from protocol.journal import records
from tests.firmware.tariffs import STORE, flat

JOURNAL_ID = b"\x01\x02\x03\x04"
LAYOUT = small_layout(journal_sectors=8, vfs_sectors=96)
CONFIG = {
    "device_id": "V1", "role": "validator", "agency": 1, "vehicle": 101, "route": 5, "stop": 1,
    "language": "en", "board": "bench",
}
LIGHT_PIN = 4
BUZZER_PIN = 25
SERVICE_PIN = 13
RIDERS_PIN, REDUCED_PIN, TICKET_PIN, DRIVER_PIN = 18, 19, 23, 14
COLOURS = {(0, 96, 0): "green", (120, 0, 0): "red", (0, 0, 120): "blue", (0, 0, 0): "off"}


@cache
def firmware() -> dict[str, bytes]:
    """The validator's build, made once."""
    return build_firmware("validator")


def new_card(balance_minor: int = 50000, rider_category: int = 0, serial: int = 1) -> ClassicCard:
    """A card of the tests' agency."""
    card = ClassicCard.transport(bytes([0x10, 0x20, 0x30, serial]), "1k")
    field = RfField()
    field.place(card)
    client = Pn532Client(DirectReader(field))
    client.start()
    Desk(client, STORE).issue(NewCard(serial, balance_minor, rider_category, 217000000, 2511))
    field.clear(10**9)  # long after the last write
    return card


class Door:
    """One validator, off until `boot`. `config` (None: no file), `keys` and `tariff` replace what
    is on its flash, `files` comes besides; a context manager."""

    def __init__(
        self, config=CONFIG, keys=None, rtc_lost=False, heap="240k", layout=LAYOUT, tariff=None,
        files=None,
    ):
        self.clock = BenchClock()
        if keys is None:
            keys = STORE.device_keyset("V1", JOURNAL_ID, "validator")
        if tariff is None:
            tariff = flat()
        content = firmware() | {"/keys.cbor": keys, "/tariff.bin": tariff} | (files or {})
        if config is not None:
            text = config if isinstance(config, str) else json.dumps(config)
            content["/config.json"] = text.encode()
        image = flash_image(content, layout)
        self.board = Board(self.clock, image=image, layout=layout, heap=heap)
        self.field = RfField()
        self.reader = VirtualPn532(self.field)
        self.display = Ssd1306()
        self.rtc = Ds3231(self.clock.start_unix_us, lost=rtc_lost)
        self.board.uarts[1].attach(self.reader)
        self.board.i2c[0].attach(DISPLAY_ADDRESS, self.display)
        self.board.i2c[0].attach(RTC_ADDRESS, self.rtc)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.board.close()

    def boot(self, line="ready ", timeout_ms=3000):
        """Switch it on and wait for a console line that starts so; the line."""
        self.board.boot()
        return self.wait(line, timeout_ms)

    def wait(self, line, timeout_ms=3000, since=0):
        """Run until a console line (after number `since`) starts with `line`; that line."""
        lines = self.board.console.lines

        def found():
            return next((said for _, said in lines[since:] if said.startswith(line)), None)

        assert self.board.run_until(lambda: found() is not None, timeout_ms), lines[-5:]
        return found()

    def tap(self, *cards, timeout_ms=3000):
        """Hold cards to the reader until the outcome stands; its fields as a dict."""
        since = len(self.board.console.lines)
        for card in cards:
            self.field.place(card, self.clock.now_us)
        line = self.wait("tap ", timeout_ms, since)
        return dict(pair.split("=") for pair in line.split()[1:])

    def press(self, *pins):
        """Press keys one after another, and let the display follow."""
        for pin in pins:
            self.board.press(pin)
            self.board.run_for(300)

    def remove(self, after_ms=50):
        """Take the cards away (the tap is confirmed by then); wait until the device noticed."""
        self.board.run_for(after_ms)
        since = len(self.board.console.lines)
        self.field.clear(self.clock.now_us)
        self.wait("removed", 3000, since)

    @property
    def lines(self):
        """What the display says."""
        return read_display(self.display.frame())

    @property
    def light(self):
        """Colour of the status light."""
        colours = set(self.board.pixels[LIGHT_PIN].colours)
        return COLOURS[colours.pop()] if len(colours) == 1 else "mixed"

    def tones(self):
        """Frequencies heard so far."""
        return [tone.hz for tone in self.board.pwm[BUZZER_PIN].heard()]

    def journal(self):
        """(kind, boot number) of the records on the journal partition, in slot order."""
        part = self.board.layout.find("journal")
        raw = bytes(self.board.flash.image[part.offset:part.end])
        slots = [raw[at:at + records.RECORD_BYTES] for at in range(0, len(raw), 64)]
        return [
            (records.KIND_NAMES[slot[4]], slot[6] | slot[7] << 8)
            for slot in slots if slot != records.BLANK
        ]
