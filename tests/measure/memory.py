"""Heap of the real firmware at the profile's size: after boot, after taps, growth, per module."""

from collections.abc import Iterator

from host_tools.bench.board import BenchClock, Board
from host_tools.bench.door import board_pins
from host_tools.device.build import ROM_FOLDER, build, manifest
from host_tools.device.image import flash_image
from tests.measure.figures import Figure, at_least, at_most, report
from tests.measure.rig import CARDS, heap_lines, rich_cards, ride, running_validator

HEAP_BYTES = 240 * 1024
SETTLED_AFTER = 200
TAPS = 1000
_IMPORT_ONE_BY_ONE = """
import gc
def load(name):
    gc.collect()
    before = gc.mem_alloc()
    __import__(name)
    gc.collect()
    print("module", name, gc.mem_alloc() - before)
"""


def measure() -> Iterator[Figure]:
    """One validator, SETTLED_AFTER taps, then TAPS more; then the modules, each by itself."""
    door = running_validator()
    pin = board_pins().SERVICE_BUTTON_PIN
    cards = rich_cards(CARDS)
    booted = heap_lines(door, pin)
    yield at_least(
        "heap_free_after_boot", percent(booted), "%", 25,
        "of 240 KiB, the lean profile; shims included",
    )
    yield report(
        "shim_heap_bytes", door.board.shim_heap_bytes, "bytes", "of the bench, not of the firmware"
    )
    for number in range(SETTLED_AFTER):
        ride(door, cards[number % len(cards)])
    settled = heap_lines(door, pin)
    yield at_least("heap_free_after_200_taps", percent(settled), "%", 25)
    for number in range(TAPS):
        ride(door, cards[number % len(cards)])
    grown = heap_lines(door, pin)
    yield at_most(
        "heap_growth_1000_taps", grown["alloc"] - settled["alloc"], "bytes", 0,
        "live bytes after a collection",
    )
    yield report("tap_allocated_bytes", grown["tap"], "bytes", "garbage of one tap, all layers")
    door.board.close()
    yield from modules()


def percent(heap: dict[str, int]) -> float:
    """Free part of the heap."""
    return round(100 * heap["free"] / HEAP_BYTES, 1)


def modules() -> Iterator[Figure]:
    """Resident bytes of each module by itself, run in place, loaded after those before it."""
    names = manifest("validator")
    loads = "".join(f"load({name!r})\n" for name in names)
    files = {
        ROM_FOLDER + path if path.endswith(".mpy") else path: content
        for path, content in build(names).items()
    }
    files["/main.py"] = (_IMPORT_ONE_BY_ONE + loads + "print('loaded')\n").encode()
    with Board(BenchClock(), image=flash_image(files)) as board:
        board.boot()
        lines = board.console.lines
        assert board.run_until(lambda: any(line == "loaded" for _, line in lines), 60_000)
        said = [line.split() for _, line in lines if line.startswith("module ")]
    assert len(said) == len(names)
    for _, name, resident in said:
        yield report(f"module_bytes {name}", int(resident), "bytes", "by itself, not yet linked")
