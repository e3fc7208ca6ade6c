"""The tap and the boot of the real firmware on the virtual board: commands, time, flash, wire."""

from collections.abc import Iterator

from host_tools.bench.door import Door
from tests.measure.figures import Figure, at_most, report
from tests.measure.rig import CARDS, rich_cards, ride, running_validator
from tests.sync.wire_bytes import wire_bytes_per_tap

TAPS = 64
BOARD_FACTOR = 30  # an ESP32 at 240 MHz beside one core of this kind of machine; declared


def measure() -> Iterator[Figure]:
    """Averages over TAPS flat-fare taps; the largest where a bound is on one tap."""
    door = running_validator()
    yield at_most("boot_to_ready_ms", ready_ms(door), "ms", 3000, "bench time, cold flash image")
    yield from polling(door)
    cards = rich_cards(CARDS)
    flash = door.board.flash
    programmed, erases, cpu_ms = flash.bytes_programmed, flash.erases, door.board.cpu_ms()
    seen = [ride(door, cards[number % len(cards)]) for number in range(TAPS)]
    yield at_most("tap_commands", max(one.exchanges or 0 for one in seen), "PN532 commands", 14)
    yield at_most(
        "tap_reader_ms", max(one.reader_ms or 0 for one in seen), "ms", 90,
        "air and line at 921,600 baud, EEPROM at its worst; modelled",
    )
    yield report(
        "tap_cpu_ms", round((door.board.cpu_ms() - cpu_ms) / TAPS * BOARD_FACTOR), "ms",
        f"estimate: CPU time of the VM, waiting for the card to leave included, x {BOARD_FACTOR}",
    )
    yield at_most(
        "tap_flash_bytes", (flash.bytes_programmed - programmed) / TAPS, "bytes", 256,
        "programmed, journal and housekeeping",
    )
    yield at_most("tap_flash_erases", (flash.erases - erases) / TAPS, "erases", 0.07)
    door.board.close()
    for waiting in (1, 10, 100):
        spent = wire_bytes_per_tap(waiting)["both"]
        yield report(
            f"wire_bytes_per_tap_{waiting}", round(spent, 1), "bytes",
            f"{waiting} taps waiting; the whole session, both directions",
        )


def ready_ms(door: Door) -> float:
    """From power on to the trace line `ready`, bootloader included."""
    return next(at for at, line in door.board.console.lines if line.startswith("ready")) / 1000


def polling(door: Door) -> Iterator[Figure]:
    """Ten seconds with nothing in the field."""
    stats = door.reader.chip.stats
    door.reader.watch()
    commands = stats.commands
    door.run(lambda: False, 10_000)
    polls = door.reader.polls
    yield at_most(
        "empty_poll_commands", (stats.commands - commands) / polls, "PN532 commands", 1,
        f"{polls} polls in 10 s",
    )
