"""Power cuts in the real firmware: each flash operation of a tap and of the boot after it."""

from collections.abc import Iterator

from tests.measure.figures import Figure, at_most, report
from tests.measure.rig import running_validator
from tests.tap.cutting import cut_tap_harms
from tests.tap.line import issued_card

SEEDS = 12
TAP_OPERATIONS = (1, 2)
BOOT_CUTS = (0, 1, 2, 3, 4, 5)


def measure() -> Iterator[Figure]:
    """How many histories were tried, and how many ended with a wrong charge or a dead device."""
    door = running_validator()
    fresh = issued_card()
    tried = harmful = 0
    for boot_cut in BOOT_CUTS:
        for at_op in TAP_OPERATIONS:
            for seed in range(SEEDS):
                harm = cut_tap_harms(door, fresh, at_op, seed > 0, seed, boot_cut)
                tried += 1
                harmful += harm is not None
    door.board.close()
    yield at_most("cut_histories_harmful", harmful, "histories", 0)
    yield report("cut_histories", tried, "histories", "tap and boot cut, then a whole tap")
