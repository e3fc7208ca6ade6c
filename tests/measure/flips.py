"""Every bit of every byte that a tap moves on the reader's line, flipped one by one, in the VM."""

from collections.abc import Iterator

from tests.measure.figures import Figure, at_most, report
from tests.measure.rig import validator
from tests.tap.flipping import bytes_of_a_tap, flip_harms, flipping_line
from tests.tap.line import issued_card


def measure() -> Iterator[Figure]:
    """How many bits were flipped, and how many of them did harm."""
    door = validator()
    line = flipping_line(door)
    door.switch_on()
    assert door.wait_ready() is None
    fresh = issued_card()
    counts = bytes_of_a_tap(door, line, fresh)
    flips = [(way, at, bit) for way in (0, 1) for at in range(counts[way]) for bit in range(8)]
    harmful = sum(flip_harms(door, line, fresh, flip) is not None for flip in flips)
    door.board.close()
    yield at_most("flipped_bits_harmful", harmful, "bits", 0, "wrong charge, told wrong, or reset")
    yield report("flipped_bits", len(flips), "bits", "each a tap of the real firmware")
