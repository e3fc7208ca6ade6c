"""A reader line on which one chosen bit is flipped, and a validator in the VM behind it."""

from host_tools.bench.door import Door, WatchedReader, board_pins
from host_tools.bench.reader import ClassicCard, Faults
from tests.tap.line import copy_of, spent_on

FARE = 10_000
TO_CHIP, FROM_CHIP = 0, 1


class FlippingLine:
    """A `UartPeer` around the reader chip. Counts the bytes of each direction since `arm`."""

    def __init__(self, reader: WatchedReader) -> None:
        self._reader = reader
        self.counts = [0, 0]
        self._flip: tuple[int, int, int] | None = None

    def arm(self, flip: tuple[int, int, int] | None) -> None:
        """From here: flip (direction, byte from 0, bit); None: nothing."""
        self.counts = [0, 0]
        self._flip = flip

    @property
    def baud(self) -> int | None:
        return self._reader.baud

    def _pass(self, direction: int, data: bytes) -> bytes:
        first = self.counts[direction]
        self.counts[direction] += len(data)
        if self._flip is None or self._flip[0] != direction:
            return data
        at = self._flip[1] - first
        if not 0 <= at < len(data):
            return data
        flipped = bytearray(data)
        flipped[at] ^= 1 << self._flip[2]
        return bytes(flipped)

    def feed(self, data: bytes, now_us: int, baud: int) -> None:
        self._reader.feed(self._pass(TO_CHIP, data), now_us, baud)

    def next_event_us(self) -> int | None:
        return self._reader.next_event_us()

    def run(self, now_us: int) -> bytes:
        return self._pass(FROM_CHIP, self._reader.run(now_us))

    def power(self, on: bool, now_us: int) -> None:
        self._reader.power(on, now_us)


def flipping_line(door: Door) -> FlippingLine:
    """Put a flipping line between the reader and the board of `door`, before it is switched on."""
    line = FlippingLine(door.reader)
    door.board.uarts[board_pins().READER_UART].attach(line)
    return line


def bytes_of_a_tap(door: Door, line: FlippingLine, fresh: ClassicCard) -> list[int]:
    """How many bytes an undisturbed tap moves in each direction."""
    line.arm(None)
    assert door.present([copy_of(fresh)], Faults()).outcome == "accepted"
    return list(line.counts)


def flip_harms(
    door: Door, line: FlippingLine, fresh: ClassicCard, flip: tuple[int, int, int]
) -> str | None:
    """A tap with that bit flipped, then one without: what went wrong, None if nothing did."""
    boots = door.board.boot_count
    door.board.run_for(1_100)  # the same card in the same second would be the same transaction
    card = copy_of(fresh)
    line.arm(flip)
    first = door.present([card], Faults())
    line.arm(None)
    card = copy_of(card)
    second = door.present([card], Faults())
    if door.board.boot_count != boots or not door.on:
        return "the validator was reset"
    if spent_on(card) != FARE:
        return f"{spent_on(card)} was spent: {first} {second}"
    if (first.outcome == "accepted") == (second.outcome == "accepted"):
        return f"told twice or never: {first} {second}"
    return None
