"""Random mornings with faults of every kind, in numbers (tests/tap/histories.py)."""

from collections.abc import Iterator

from tests.measure.figures import Figure, at_most, report
from tests.tap.histories import harm_of

MORNINGS = 3_000


def measure() -> Iterator[Figure]:
    """How many were lived through, and in how many cards, passengers and books disagreed."""
    harmful = sum(harm_of(seed) is not None for seed in range(MORNINGS))
    yield at_most("random_mornings_harmful", harmful, "mornings", 0)
    yield report("random_mornings", MORNINGS, "mornings", "3 to 8 taps, most of them disturbed")
