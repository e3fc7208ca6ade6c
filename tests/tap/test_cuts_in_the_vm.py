"""Power cuts at every flash operation of a tap, and of the boot after it, in the real firmware.

Which records survive is proven exhaustively in test_power_cut and tests/journal; here it is the
whole device that has to come up again and charge once. `make bench` tries more tears.
"""

import pytest

from host_tools.bench.door import Door
from tests.measure.rig import running_validator
from tests.tap.cutting import cut_tap_harms
from tests.tap.line import issued_card

pytestmark = pytest.mark.vm
FRESH = issued_card()


@pytest.fixture(scope="module")
def door():
    made: Door = running_validator()
    yield made
    made.board.close()


@pytest.mark.parametrize("torn", [False, True])
def test_every_flash_operation_of_a_tap(door: Door, torn: bool) -> None:
    operations = 0
    while (harm := cut_tap_harms(door, FRESH, operations + 1, torn, operations)) != "whole":
        assert harm is None
        operations += 1
    assert operations == 2  # INTENT and OUTCOME


@pytest.mark.parametrize("boot_cut", [1, 2, 3, 4])
def test_the_boot_after_a_cut_is_cut_too(door: Door, boot_cut: int) -> None:
    for at_op in (1, 2):
        assert cut_tap_harms(door, FRESH, at_op, True, 7 * boot_cut, boot_cut) is None
