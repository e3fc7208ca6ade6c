"""A tariff that rots on the flash while it is in use: nobody is charged, and the door closes."""

import pytest

from protocol.fields import get_uint
from tests.firmware.door import DRIVER_PIN, LAYOUT, RIDERS_PIN, Door, new_card
from tests.firmware.tariffs import town
from tests.firmware.test_keys import AT_MARKET

pytestmark = pytest.mark.vm

RULE_SETS, ROUTES, PRICES = 12, 5, 3
RESTART_MS = 9_000  # main.py waits 8 s


def rot(door, table):
    """All rows of a table of the tariff become 0xFF."""
    payload = town()[town().index(b"MNKT"):]
    entry = 72 + 8 * table  # the directory, SPEC §6.2
    begin = get_uint(payload, entry, 4)
    width = get_uint(payload, entry + 4, 2) * get_uint(payload, entry + 6, 2)
    part = LAYOUT.find("vfs")
    image = door.board.flash.image
    at = bytes(image).index(payload[begin:begin + width], part.offset)
    image[at:at + width] = b"\xff" * width


def check_closes(door):
    """Red at once, and out of service after the restart; the tariff is named."""
    door.board.run_for(1000)
    assert door.light == "red"
    since = len(door.board.console.lines)
    door.board.run_for(RESTART_MS)
    door.wait("fault no tariff", since=since)
    assert "fault tariff damaged" in door.board.console.text
    assert (door.light, door.lines[1:]) == ("red", ["Out of", "service", "no tariff"])
    assert door.board.boot_count == 2


def test_a_tap_that_meets_it_charges_nothing():
    with Door(config=AT_MARKET, tariff=town()) as door:
        door.boot()
        rot(door, RULE_SETS)
        card = new_card()
        before = bytes(card.image)
        door.field.place(card, door.clock.now_us)
        check_closes(door)
        assert bytes(card.image) == before
        assert [kind for kind, _ in door.journal()][:3] == ["boot", "place", "health"]
        assert "tap " not in door.board.console.text


@pytest.mark.parametrize(("table", "key"), [(RULE_SETS, RIDERS_PIN), (ROUTES, DRIVER_PIN)])
def test_a_key_that_meets_it_closes_the_door_as_well(table, key):
    with Door(config=AT_MARKET, tariff=town()) as door:
        door.boot()
        rot(door, table)
        door.board.press(key)
        check_closes(door)


def test_prices_that_rot_unseen_are_found_within_the_hour():
    with Door(config=AT_MARKET, tariff=town()) as door:
        door.boot()
        door.board.run_for(5000)
        rot(door, PRICES)
        assert "fault tariff" not in door.board.console.text
        door.board.run_for(3_630_000)
        assert "fault no tariff" in door.board.console.text
        assert (door.light, door.lines[1:]) == ("red", ["Out of", "service", "no tariff"])
