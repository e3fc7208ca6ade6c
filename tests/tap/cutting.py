"""The supply of the real firmware cut at a flash operation: of a tap, or of the boot after it."""

from host_tools.bench.door import Door
from host_tools.bench.reader import ClassicCard, Faults
from tests.tap.line import copy_of, spent_on

FARE = 10_000
NO_FAULTS = Faults()


def cut_tap_harms(
    door: Door, fresh: ClassicCard, at_op: int, torn: bool, seed: int, boot_cut: int = 0
) -> str | None:
    """Tap with the supply cut at flash operation `at_op`, boot, tap again; what went wrong.

    With `boot_cut` the boot is cut too, at that operation. Answers "whole" if the tap has fewer
    operations than `at_op`, None if all is well.
    """
    door.board.run_for(1_100)  # the same card in the same second would be the same transaction
    card = copy_of(fresh)
    door.board.arm_power_cut(at_op, torn=torn, seed=seed)
    first = door.present([card], NO_FAULTS)
    if door.on:
        door.board.flash.disarm()
        return "whole"
    if boot_cut:
        door.board.arm_power_cut(boot_cut, torn=torn, seed=seed)
        door.switch_on()
        door.wait_ready()
        if door.on:
            door.board.flash.disarm()
            door.switch_off()
    door.switch_on()
    wrong = door.wait_ready()
    if wrong is not None:
        return f"it does not boot: {wrong}"
    card = copy_of(card)
    second = door.present([card], NO_FAULTS)
    if spent_on(card) != FARE:
        return f"{spent_on(card)} was spent: {first} {second}"
    if first.outcome != "accepted" and second.outcome != "accepted":
        return f"never told: {first} {second}"
    return None
