"""A virtual validator with cards of its agency, for the measurements on the real VM."""

from host_tools.bench.clock import BenchClock
from host_tools.bench.door import Door
from host_tools.bench.provisioning import provisioned_image
from host_tools.bench.reader import ClassicCard, Faults
from host_tools.bench.scenario.results import Observed
from host_tools.tariff.load import load_tariff
from host_tools.tariff.sign import sign
from protocol.compat import EPOCH_UNIX_S
from tests.tap.line import START, STORE, issued_card

JOURNAL_ID = b"\x01\x02\x03\x04"
MUCH = 1_000_000_000  # minor units: enough for thousands of rides
NO_FAULTS = Faults()
CARDS = 100  # by turns, each comes back after the pass-back window


def validator() -> Door:
    """A provisioned validator, not switched on yet."""
    tariff_file = sign(load_tariff("flat").payload, STORE)
    image = provisioned_image("V1", "validator", (101, 5, 1), STORE, JOURNAL_ID, tariff_file)
    return Door(BenchClock(START + EPOCH_UNIX_S), "V1", image, "bench", 1)


def running_validator() -> Door:
    """A provisioned validator, booted and ready."""
    door = validator()
    door.switch_on()
    wrong = door.wait_ready()
    assert wrong is None, wrong
    return door


def rich_cards(count: int) -> list[ClassicCard]:
    """Cards that can ride for ever."""
    return [issued_card(f"04c0{number:04x}", MUCH) for number in range(count)]


def ride(door: Door, card: ClassicCard) -> Observed:
    """One tap that must be accepted and charged."""
    seen = door.present([card], NO_FAULTS)
    assert (seen.outcome, seen.charged) == ("accepted", 10_000), seen
    return seen


def heap_lines(door: Door, service_pin: int) -> dict[str, int]:
    """What the service button makes it say: bytes `free`, `alloc`, and of the last `tap`."""
    lines = door.board.console.lines
    start = len(lines)
    door.board.press(service_pin)
    door.run(lambda: any(line.startswith("garbage ") for _, line in lines[start:]), 2000)
    said = [line for _, line in lines[start:] if line.startswith(("heap ", "garbage "))]
    pairs = (pair.split("=") for line in said for pair in line.split()[1:])
    return {key: int(value) for key, value in pairs}
