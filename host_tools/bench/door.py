"""A virtual validator as it hangs at a bus door, and the senses of whoever stands before it.

The board with reader, display, clock chip, light and buzzer wired as the reference board has them
(`firmware/boards`). What a tap did is put together from different witnesses: outcome, reason,
charge and balance from the console's trace, the display from its pixels, the light from the
colours sent to it, the sound from the tones, the reader's time and commands from the chip.
Left out: what it is plugged into (`sync_line`), and whose cards are held to it.
"""

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote

from host_tools.bench.board import (
    Board,
    BoardState,
    Ds3231,
    PixelStrip,
    Ssd1306,
    Tone,
    UartPeer,
)
from host_tools.bench.clock import BenchClock
from host_tools.bench.read_display import read_display
from host_tools.bench.reader import ClassicCard, Faults, RfField, VirtualPn532
from host_tools.bench.reader.picc import Answer
from host_tools.bench.scenario.results import Observed
from host_tools.bench.sync_line import SyncLine
from host_tools.device.build import PROJECT
from host_tools.errors import BadInput

BOARD = "wrover"
READY_MS_MAX = 10_000
TAP_MS_MAX = 5_000
CONFIRM_MS_MAX = 1_000
LEAVE_MS_MAX = 3_000
SOUND_MS_MAX = 3_000
KEY_MS = 100  # how long a key is held
KEY_PAUSE_MS = 200  # until the next; keys count 200 ms apart, and draw what they did
ARMED_MS = 5_000  # after the last press a choice is forgotten
TICKETS_MAX = 64  # presses of the ticket key after which there is no such ticket
_PAUSE_US_MAX = 150_000  # between two beeps of one tune
_POLL = 0x4A  # InListPassiveTarget
_CARD_COMMANDS = (0x40, 0x42)  # InDataExchange, InCommunicateThru
_COMMAND_AT = 6  # in an HSU frame: 00 00 FF LEN LCS D4 code
_SOUNDS = {
    (): None,
    ("high",): "beep",
    ("high", "high"): "two_beeps",
    ("middle", "middle", "middle"): "three_beeps",
    ("low",): "buzz",
}


@dataclass(frozen=True)
class Spent:
    """What the reader has spent: commands to cards, and microseconds of air and line."""

    exchanges: int
    us: int


class _WatchedField(RfField):
    """A field that tells when a card answered."""

    def __init__(self) -> None:
        super().__init__()
        self.on_answer: Callable[[], None] = lambda: None

    def exchange(
        self, payload: bytes, flags: int, last_bits: int, now_us: int
    ) -> Answer | None:
        """As the base; nothing of this frame's time has been counted yet."""
        answer = super().exchange(payload, flags, last_bits, now_us)
        if answer is not None:
            self.on_answer()
        return answer


class WatchedReader:
    """A `UartPeer`: a virtual PN532, and a note of what happened since `watch` was called."""

    def __init__(self) -> None:
        self.field = _WatchedField()
        self.field.on_answer = self._note_answer
        self.chip = VirtualPn532(self.field)
        self.watch()

    @property
    def baud(self) -> int | None:
        """The rate the chip listens at."""
        return self.chip.baud

    def watch(self) -> None:
        """Count from here."""
        self._from_us: int | None = None
        self._to_us = 0
        self._card_command = False
        self._polls_between = 0
        self._exchanges = 0
        self.polls = 0

    def spent(self) -> Spent:
        """From the first frame that a card answered to the end of the last command to a card.

        Where no command was for a card: to the end of the last poll.
        """
        self._note_end()
        if self._from_us is None:
            return Spent(self._exchanges, 0)
        return Spent(self._exchanges, self._to_us - self._from_us)

    def _spent_us(self) -> int:
        return self.chip.stats.rf_us + self.chip.stats.link_us

    def _note_answer(self) -> None:
        if self._from_us is None:
            self._from_us = self._spent_us()

    def _note_end(self) -> None:
        """Whatever was under way has ended: the next command begins, or nobody asks for more."""
        if self._card_command or not self._exchanges:
            self._to_us = self._spent_us()

    def feed(self, chunk: bytes, now_us: int, baud: int) -> None:
        """Bytes of the board."""
        code = chunk[_COMMAND_AT] if len(chunk) > _COMMAND_AT and chunk[2] == 0xFF else None
        if code in _CARD_COMMANDS or code == _POLL:
            self._note_end()
            self._card_command = code != _POLL
            if self._card_command:
                self._exchanges += self._polls_between + 1
                self._polls_between = 0
            else:
                self.polls += 1
                self._polls_between += 1 if self._exchanges else 0
        self.chip.feed(chunk, now_us, baud)

    def next_event_us(self) -> int | None:
        """When the chip next wants to run."""
        return self.chip.next_event_us()

    def run(self, now_us: int) -> bytes:
        """Bytes of the chip."""
        return self.chip.run(now_us)

    def power(self, on: bool, now_us: int) -> None:
        """The supply came or went."""
        self.chip.power(on, now_us)


def board_pins() -> ModuleType:
    """The pins of the reference board, as the firmware's own file names them."""
    path = PROJECT / "firmware" / "boards" / f"{BOARD}.py"
    spec = importlib.util.spec_from_file_location(f"minik_board_{BOARD}", path)
    if spec is None or spec.loader is None:
        raise BadInput(f"{path}: there is no such file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def light_name(strip: PixelStrip) -> str:
    """green, red, blue or off: the strongest of the three summed over all pixels."""
    sums = [sum(colour[channel] for colour in strip.colours) for channel in range(3)]
    if not any(sums):
        return "off"
    return ("red", "green", "blue")[sums.index(max(sums))]


def sound_name(tones: Sequence[Tone]) -> str | None:
    """What a tune sounds like; None for silence. docs/scenarios.md lists the names."""
    pitches = tuple(
        "low" if tone.hz < 600 else "middle" if tone.hz < 1500 else "high" for tone in tones
    )
    return _SOUNDS.get(pitches, "-".join(pitches))


def trace_fields(line: str) -> dict[str, str | None]:
    """The fields of a console trace line `name key=value …`; `-` is None, `%20` a space."""
    pairs = (word.partition("=") for word in line.split()[1:])
    return {key: None if value == "-" else unquote(value) for key, _, value in pairs}


class Door:
    """One validator. `image`: its flash as provisioned. Off until `switch_on`."""

    def __init__(
        self, clock: BenchClock, name: str, image: bytearray, seed: str, number: int
    ) -> None:
        pins = board_pins()
        self.name = name
        self.reader = WatchedReader()
        self.field = self.reader.field
        self.display = Ssd1306()
        self.sync_line = SyncLine(f"{seed} line {name}")
        self.board = Board(
            clock, name=name, image=image, unique_id=b"\x02minik"[:5] + bytes([number]),
            seed=number,
        )
        self.board.uarts[pins.READER_UART].attach(self.reader)
        self._sync_port = self.board.uarts[pins.SYNC_UART]
        self._sync_port.attach(self.sync_line)
        bus = self.board.i2c[pins.I2C_BUS]
        bus.attach(pins.DISPLAY_ADDRESS, self.display)
        bus.attach(pins.RTC_ADDRESS, Ds3231(clock.start_unix_us))
        self._clock = clock
        self._light = self.board.pixels[pins.LIGHT_PIN]
        self._buzzer = self.board.pwm[pins.BUZZER_PIN]
        self._keys = {
            "riders": pins.RIDERS_KEY_PIN,
            "reduced": pins.REDUCED_KEY_PIN,
            "ticket": pins.TICKET_KEY_PIN,
            "driver": pins.DRIVER_KEY_PIN,
            "service": pins.SERVICE_BUTTON_PIN,
        }
        self._armed_until_us = 0
        self._lines_before_boot = 0

    # -- power

    @property
    def on(self) -> bool:
        """Does its firmware run?"""
        return self.board.state is BoardState.RUNNING

    def switch_on(self) -> None:
        """The supply comes; what runs is switched off first."""
        self.switch_off()
        self._lines_before_boot = len(self.board.console.lines)
        self.board.boot()

    def switch_off(self) -> None:
        """The supply goes, now."""
        if self.board.state is not BoardState.OFF:
            self.board.power_cut()

    def wait_ready(self) -> str | None:
        """Until it says `ready` for this boot; else the last thing it said, or why it is off."""
        lines = self.board.console.lines
        start = self._lines_before_boot
        self.board.run_until(
            lambda: not self.on or any(line.startswith("ready") for _, line in lines[start:]),
            READY_MS_MAX,
        )
        said = [line for _, line in lines[start:]]
        if not self.on:
            return "the supply failed again while it booted"
        if not any(line.startswith("ready") for line in said):
            return said[-1] if said else "it says nothing"
        return None

    def started(self) -> Observed:
        """What it shows, the version of the tariff it began to use, and the first fault it told,
        since its last boot began."""
        said = [line for _, line in self.board.console.lines[self._lines_before_boot :]]
        versions = [trace_fields(line)["version"] for line in said if line.startswith("tariff ")]
        faults = [line.removeprefix("fault ") for line in said if line.startswith("fault ")]
        return replace(
            self.look(),
            tariff=_number(versions[-1]) if versions else None,
            fault=faults[0] if faults else None,
        )

    def attach_sync(self, peer: UartPeer) -> None:
        """Hang `peer` on the sync port in place of `sync_line`."""
        self._sync_port.attach(peer)

    # -- senses

    def look(self) -> Observed:
        """What display and light show now."""
        display = tuple(read_display(self.display.frame())) if self.display.lit else ()
        return Observed(display=display, light=light_name(self._light))

    def save_picture(self, path: Path) -> None:
        """The display as a PNG."""
        self.display.save_png(path)

    # -- keys

    def press(self, keys: Sequence[str]) -> list[str]:
        """Press these keys, one after another (`schema.KEYS`); what the console said to that."""
        lines = self.board.console.lines
        start = len(lines)
        for key in keys:
            if self.on:
                self.board.catch_up()
                self.board.press(self._keys[key], KEY_MS)
            self.run(lambda: False, KEY_MS + KEY_PAUSE_MS)
        return [line for _, line in lines[start:]]

    def arm(self, keys: Sequence[str], product: str | None) -> str | None:
        """Choose for the next tap: press `keys`, then the ticket key until `product` is armed.

        What was armed before is first left to run out. None, or why it did not work.
        """
        self.run(lambda: self.board.local_us >= self._armed_until_us, ARMED_MS)
        self.press(keys)
        complaint = None if product is None else self._arm_ticket(product)
        self._armed_until_us = self.board.local_us + ARMED_MS * 1000
        return complaint

    def _arm_ticket(self, product: str) -> str | None:
        for _ in range(TICKETS_MAX):
            told = [line for line in self.press(("ticket",)) if line.startswith("choice ")]
            armed = trace_fields(told[-1])["product"] if told else None
            if armed == product:
                return None
            if armed is None:
                break
        return f"the ticket key of {self.name} does not offer {product} here"

    # -- taps

    def present(self, cards: Sequence[ClassicCard], faults: Faults) -> Observed:
        """Hold `cards` to the reader until the tap is over, take them away, let it settle."""
        board = self.board
        board.catch_up()
        lines = board.console.lines
        start = len(lines)
        tones = len(self._buzzer.heard())
        self.reader.watch()
        for card in cards:
            self.field.place(card, board.local_us, faults)

        def told() -> list[str]:
            return [line for _, line in lines[start:] if line.startswith("tap ")]

        self.run(lambda: bool(told()), TAP_MS_MAX)
        polls = self.reader.polls
        if told():
            self.run(lambda: self.reader.polls > polls, CONFIRM_MS_MAX)
        seen = self.look()
        spent = self.reader.spent()
        for card in cards:
            self.field.remove(card, board.local_us)
        self.run(
            lambda: any(line.startswith("removed") for _, line in lines[start:]), LEAVE_MS_MAX
        )
        sound = self._listen(tones)
        said = told()
        fields = trace_fields(said[0]) if said else {}
        if fields.get("outcome") == "accepted":
            self._armed_until_us = 0
        elif self._armed_until_us and (
            fields.get("outcome") == "retap" or fields.get("reason") == "unreadable"
        ):
            self._armed_until_us = board.local_us + ARMED_MS * 1000
        seen = replace(seen, sound=sound)
        if said or spent.exchanges:  # else no card was ever seen: nothing to count
            seen = replace(
                seen, exchanges=spent.exchanges, reader_ms=round(spent.us / 1000, 3)
            )
        return _with_trace(seen, said[0]) if said else seen

    def run(
        self, done: Callable[[], bool], ms_max: int, knock: Callable[[], bytes] | None = None
    ) -> None:
        """Run until `done`, the supply is gone, or `ms_max` of bench time have passed.

        What `knock` gives is sent over the sync line first.
        """
        if not self.on:
            return
        self.board.catch_up()
        if knock is not None:
            self.sync_line.send(knock(), self.board.local_us)
        self.board.run_until(lambda: not self.on or done(), ms_max)

    def _listen(self, heard_before: int) -> str | None:
        """Until the tune is over; its name."""

        def silent() -> bool:
            tones = self._buzzer.heard()[heard_before:]
            if not tones:
                return True
            last = tones[-1]
            return last.duration_us is not None and (
                self.board.local_us - last.start_us - last.duration_us > _PAUSE_US_MAX
            )

        self.run(silent, SOUND_MS_MAX)
        return sound_name(self._buzzer.heard()[heard_before:])


def _with_trace(seen: Observed, line: str) -> Observed:
    """`seen` with what the trace line of the tap says."""
    said = trace_fields(line)
    return replace(
        seen,
        outcome=said["outcome"],
        reason=said["reason"],
        product=said["product"],
        charged=_number(said["charged"]),
        balance=_number(said["balance"]),
        riders=_number(said["riders"]) if said["outcome"] == "accepted" else None,
    )


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)
