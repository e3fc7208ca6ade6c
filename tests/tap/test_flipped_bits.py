"""One bit flipped on the reader's line during a tap of the real firmware: caught or harmless.

A seeded part here; `make bench` flips every bit of every frame.
"""

import random

import pytest

from tests.measure.rig import validator
from tests.tap.flipping import bytes_of_a_tap, flip_harms, flipping_line
from tests.tap.line import issued_card

FLIPS = 120


@pytest.mark.vm
def test_flipped_bits_on_the_readers_line() -> None:
    door = validator()
    line = flipping_line(door)
    door.switch_on()
    assert door.wait_ready() is None
    fresh = issued_card()
    counts = bytes_of_a_tap(door, line, fresh)
    assert min(counts) > 200
    source = random.Random(20261120)
    for _ in range(FLIPS):
        direction = source.randrange(2)
        flip = (direction, source.randrange(counts[direction]), source.randrange(8))
        assert flip_harms(door, line, fresh, flip) is None, flip
    door.board.close()
