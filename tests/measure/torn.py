"""Two faults in a row, exhaustively: every frame, answer and write of a tap, and of the next.

After both, an undisturbed tap: one fare must have been charged and one ride announced.
"""

from collections.abc import Iterator

from tests.measure.figures import Figure, at_most, report
from tests.tap.line import issued_card
from tests.tap.test_torn import Case, charged_once, faults

TEAR_SEEDS = 4


def measure() -> Iterator[Figure]:
    """How many pairs of faults were tried, and how many of them cost a wrong amount."""
    fresh = issued_card()
    one = list(faults(Case(), TEAR_SEEDS))
    wrong = sum(not charged_once(fresh, first, second) for first in one for second in one)
    yield at_most("double_fault_wrong_charges", wrong, "pairs", 0)
    yield report("double_fault_pairs", len(one) ** 2, "pairs", "two faults, then a whole tap")
