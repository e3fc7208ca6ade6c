"""The keys at the door, pressed on the real firmware: what is armed, shown, and paid for."""

import pytest

from firmware.services.choice import with_one_more
from host_tools.bench.reader import ClassicCard, Faults
from host_tools.device.image import small_layout
from tests.firmware.door import (
    CONFIG,
    DRIVER_PIN,
    REDUCED_PIN,
    RIDERS_PIN,
    TICKET_PIN,
    Door,
    new_card,
)
from tests.firmware.tariffs import town, town_without_r7

pytestmark = pytest.mark.vm

AT_MARKET = CONFIG | {"route": 1, "stop": 1}
READY = ["Line 5 08:00", "Hold your", "card here", "Market", "Fare 100.00 ₸"]


def town_door(**changes):
    """A validator on line 5 at the market."""
    config = AT_MARKET | changes
    return Door(config=config, tariff=town())


def companions(*pairs):
    """As SPEC §2.3.1 from (category, count)."""
    return sum((category << 4 | count) << 8 * slot for slot, (category, count) in enumerate(pairs))


def test_companions_of_two_categories_are_counted_to_fifteen():
    for first in range(16):
        for second in set(range(16)) - {first}:
            armed = 0
            for count in range(1, 18):
                armed = with_one_more(armed, first)
                assert armed == companions((first, min(count, 15)))
            for count in range(1, 18):
                armed = with_one_more(armed, second)
                assert armed == companions((first, 15), (second, min(count, 15)))
            third = next(iter(set(range(16)) - {first, second}))
            assert with_one_more(armed, third) == armed
    assert with_one_more(0, 16) == with_one_more(0, -1) == 0


def test_riders_are_armed_shown_and_paid_for_once():
    with town_door() as door:
        door.boot()
        assert door.lines == READY
        door.press(RIDERS_PIN)
        assert door.lines == ["2 riders", "200.00₸", "Single ticket", "+1 Adult"]
        door.press(REDUCED_PIN, RIDERS_PIN)
        assert door.lines == ["4 riders", "350.00₸", "Single ticket", "+2 Adult, +1 Student"]
        told = door.tap(new_card())
        assert (told["charged"], told["riders"]) == ("35000", "4")
        assert door.lines == ["Single ticket ✓", "350.00₸", "4 riders", "Balance 150.00"]
        door.remove()
        door.board.run_for(2600)
        assert door.lines == READY
        assert door.tap(new_card(serial=2))["charged"] == "10000"


@pytest.mark.parametrize(("wait_ms", "charged"), [(4500, "20000"), (4800, "10000")])
def test_a_choice_holds_for_five_seconds_from_the_last_press(wait_ms, charged):
    """The reader finds a card some 100 ms after it came."""
    with town_door() as door:
        door.boot()
        door.press(RIDERS_PIN)
        door.board.run_for(wait_ms)
        assert door.tap(new_card())["charged"] == charged


def test_a_choice_that_ran_out_leaves_the_display():
    with town_door() as door:
        door.boot()
        door.press(RIDERS_PIN)
        door.board.run_for(4000)
        door.press(RIDERS_PIN)
        door.board.run_for(4000)
        assert door.lines[0] == "3 riders"
        door.board.run_for(1400)
        assert door.lines == READY


def test_a_refused_tap_leaves_the_choice_for_its_time():
    with town_door() as door:
        door.boot()
        door.press(RIDERS_PIN)
        assert door.tap(new_card(15000))["reason"] == "insufficient_funds"
        door.remove()
        told = door.tap(new_card(serial=2))
        assert (told["charged"], told["riders"]) == ("20000", "2")


@pytest.mark.parametrize(("frames", "outcome"), [(8, "refused"), (25, "retap")])
def test_a_group_whose_card_broke_off_pays_as_a_group(frames, outcome):
    with town_door() as door:
        door.boot()
        door.press(RIDERS_PIN, REDUCED_PIN)
        door.board.run_for(4000)
        card = new_card()
        door.field.place(card, door.clock.now_us, Faults(remove_after_frames=frames))
        assert f"outcome={outcome}" in door.wait("tap ")
        door.remove()
        door.board.run_for(2600)
        assert door.lines[0] == "3 riders", "shown again"
        told = door.tap(card)
        assert (told["charged"], told["riders"]) == ("25000", "3")
        door.remove()
        assert door.tap(new_card(serial=2))["riders"] == "1"


def test_a_card_that_broke_off_and_never_comes_again_leaves_nothing_armed():
    with town_door() as door:
        door.boot()
        door.press(RIDERS_PIN)
        door.field.place(new_card(), door.clock.now_us, Faults(remove_after_frames=25))
        assert "retap" in door.wait("tap ")
        door.remove()
        door.board.run_for(5600)
        assert door.lines == READY
        assert door.tap(new_card(serial=2))["riders"] == "1"


def test_after_a_refused_tap_the_choice_still_runs_out():
    with town_door() as door:
        door.boot()
        door.press(RIDERS_PIN)
        assert door.tap(new_card(15000))["reason"] == "insufficient_funds"
        door.remove()
        door.board.run_for(5000)
        assert door.lines == READY
        told = door.tap(new_card(serial=2))
        assert (told["charged"], told["riders"]) == ("10000", "1")


@pytest.mark.parametrize("wait_ms", [4750, 4850, 4950, 5050])
def test_a_press_just_after_the_choice_ran_out_begins_a_new_one(wait_ms):
    with town_door() as door:
        door.boot()
        door.press(RIDERS_PIN)
        door.board.run_for(wait_ms)
        door.press(RIDERS_PIN)
        assert door.lines[0] == "2 riders"


def test_tickets_that_hold_here_take_turns_and_then_none():
    with town_door() as door:
        door.boot()
        shown = []
        for _ in range(6):
            door.press(TICKET_PIN)
            shown.append(door.lines)
        assert shown == [
            ["1 rider", "150.00₸", "Express ticket"],
            ["1 rider", "250.00₸", "Day pass"],
            ["1 rider", "180.00₸", "60 minutes"],
            ["1 rider", "800.00₸", "Ten rides"],
            ["1 rider", "100.00₸", "Single ticket"],
            ["1 rider", "150.00₸", "Express ticket"],
        ]
        told = door.tap(new_card())
        assert (told["charged"], told["product"]) == ("15000", "fast")
        assert door.lines == ["Express ticket ✓", "150.00₸", "Balance 350.00"]


@pytest.mark.parametrize(
    ("presses", "bought", "used"),
    [
        (2, ["Day pass ✓", "250.00₸", "until 20.11.2026", "Balance 750.00"],
         ["Day pass ✓", "Valid until", "20.11.2026", "Balance 750.00 ₸"]),
        (3, ["60 minutes ✓", "180.00₸", "until 09:00", "Balance 820.00"],
         ["60 minutes ✓", "Valid until", "09:00", "Balance 820.00 ₸"]),
        (4, ["Ten rides ✓", "800.00₸", "9 rides left", "Balance 200.00"],
         ["Ten rides ✓", "Rides left", "8", "Balance 200.00 ₸"]),
    ],
)
def test_a_pass_bought_at_the_door_says_until_when(presses, bought, used):
    card = new_card(100_000)
    with town_door() as door:
        door.boot()
        door.press(*[TICKET_PIN] * presses)
        door.tap(card)
        assert door.lines == bought
        door.remove()
        door.board.run_for(62_000)
        told = door.tap(card)
        assert (told["outcome"], told["charged"]) == ("accepted", "0")
        assert door.lines == used


def test_a_pass_for_one_of_a_group_and_money_for_the_other():
    card = new_card(100_000)
    with town_door() as door:
        door.boot()
        door.press(TICKET_PIN, TICKET_PIN)
        door.tap(card)
        door.remove()
        door.board.run_for(62_000)
        door.press(RIDERS_PIN)
        assert door.tap(card)["charged"] == "10000"
        assert door.lines[:3] == ["Day pass ✓", "100.00₸", "2 riders"]


def test_a_choice_made_while_the_last_card_stays_runs_out_as_well():
    with town_door() as door:
        door.boot()
        door.tap(new_card())
        door.press(RIDERS_PIN)
        assert door.lines[0] == "2 riders"
        door.board.run_for(5200)
        assert door.lines == READY
        door.remove()
        assert door.tap(new_card(serial=2))["charged"] == "10000"


def test_a_press_in_the_middle_of_a_tap_is_nobodys():
    with town_door() as door:
        door.boot()
        feed = door.reader.feed
        pressed = []

        def hearing(content, now_us, baud):
            if b"\xd4\x40" in content and not pressed:  # the first command to the card
                pressed.append(now_us)
                door.board.press(RIDERS_PIN)
            feed(content, now_us, baud)

        door.reader.feed = hearing
        assert door.tap(new_card())["charged"] == "10000"
        assert pressed
        door.remove()
        assert door.tap(new_card(serial=2))["charged"] == "10000"


def test_keys_do_nothing_out_of_service_and_during_a_tap():
    with town_door() as door:
        door.boot()
        door.field.place(new_card(), door.clock.now_us)
        assert door.board.run_until(lambda: bool(door.tones()), 3000)
        door.board.press(RIDERS_PIN)
        door.wait("tap ")
        door.board.run_for(100)
        assert door.lines[0] == "Single ticket ✓"
        door.remove()
        door.reader.power_off(door.clock.now_us)
        door.wait("fault reader away", 5000)
        door.board.run_for(300)
        door.press(RIDERS_PIN, DRIVER_PIN)
        assert door.lines[-1] == "reader"


def test_keys_do_nothing_while_the_journal_is_full():
    layout = small_layout(journal_sectors=3, vfs_sectors=96)
    with Door(layout=layout, tariff=town()) as door:
        door.boot()
        foreign = ClassicCard.transport(b"\1\2\3\4", "1k")
        while "fault journal" not in door.board.console.text:
            door.tap(foreign)
            door.remove(20)
            door.board.run_for(10)
        door.board.run_for(100)
        door.press(RIDERS_PIN, DRIVER_PIN)
        assert door.lines == ["Use another door", "Out of", "service", "journal full"]


def test_a_place_without_fares_says_so_before_the_tap():
    with town_door(route=0, stop=0) as door:
        door.boot()
        assert door.lines == ["08:00", "Hold your", "card here"]
        door.press(RIDERS_PIN)
        assert door.lines == ["2 riders", "Not valid", "here", "+1 Adult"]
        assert door.tap(new_card())["reason"] == "not_valid_here"
        assert door.lines == ["Not accepted ✗", "Not valid", "here", "No ticket for here"]


def test_the_driver_chooses_line_and_stop():
    with town_door() as door:
        door.boot()
        door.press(DRIVER_PIN)
        assert door.lines == ["Line 1/4", "5", "Ticket key: take"]
        door.press(REDUCED_PIN)
        assert door.lines[:2] == ["Line 4/4", "Night 11"]
        door.press(RIDERS_PIN, RIDERS_PIN)
        assert door.lines[:2] == ["Line 2/4", "7 Express"]
        door.press(REDUCED_PIN, TICKET_PIN)
        assert door.lines[:2] == ["Stop or zone 1/5", "Market"]
        door.press(RIDERS_PIN)
        assert door.lines[1:3] == ["Old bridge over the", "river"]
        since = len(door.board.console.lines)
        door.press(TICKET_PIN)
        assert door.wait("place", since=since) == "place vehicle=101 route=1 stop=2"
        chosen = [READY[0], *READY[1:3], "Old bridge over the r", READY[4]]
        assert door.lines == chosen
        assert [kind for kind, _ in door.journal()] == ["boot", "place", "health", "place"]
        door.board.power_cut()
        since = len(door.board.console.lines)
        door.board.boot()
        door.wait("ready", since=since)
        assert door.lines == chosen


def test_a_line_without_stops_has_zones_to_choose_from():
    with town_door() as door:
        door.boot()
        door.press(DRIVER_PIN, RIDERS_PIN, TICKET_PIN)
        assert door.lines[:2] == ["Stop or zone 1/2", "Zone A"]
        door.press(RIDERS_PIN, TICKET_PIN)
        assert "place vehicle=101 route=2 stop=32770" in door.board.console.text
        assert door.lines == ["Line 7 Express 08:00", *READY[1:3], "Zone B", READY[4]]


def test_the_stops_of_another_line_begin_with_its_first():
    with town_door(route=3, stop=3) as door:
        door.boot()
        door.press(DRIVER_PIN, RIDERS_PIN, RIDERS_PIN, TICKET_PIN)
        assert door.lines[:2] == ["Stop or zone 1/5", "Market"]
        door.press(DRIVER_PIN, DRIVER_PIN, TICKET_PIN)
        assert door.lines[:2] == ["Stop or zone 1/4", "Central"]


def test_lines_that_are_gone_are_passed_over():
    with Door(config=CONFIG | {"route": 2}, tariff=town_without_r7()) as door:
        door.boot()
        assert door.lines[0] == "Line 2 08:00", "by its code, which means nothing any more"
        door.press(DRIVER_PIN)
        assert door.lines[:2] == ["Line 1/4", "5"]
        door.press(RIDERS_PIN)
        assert door.lines[:3] == ["Line 3/4", "Airport", "train"]
        door.press(REDUCED_PIN)
        assert door.lines[:2] == ["Line 1/4", "5"]


def test_the_menu_closes_by_itself_and_by_its_key():
    with town_door() as door:
        door.boot()
        door.press(DRIVER_PIN)
        door.board.run_for(14_000)
        assert door.lines[0] == "Line 1/4"
        door.board.run_for(1_400)
        assert door.lines == READY
        door.press(DRIVER_PIN, TICKET_PIN, DRIVER_PIN)
        assert door.lines == READY
        assert "place" not in door.board.console.text


def test_a_card_during_the_menu_is_served_where_the_bus_was():
    with town_door() as door:
        door.boot()
        door.press(RIDERS_PIN)
        door.press(DRIVER_PIN, RIDERS_PIN)
        door.board.run_for(4500)
        assert door.lines[0] == "Line 2/4"
        told = door.tap(new_card())
        assert (told["charged"], told["riders"]) == ("10000", "1"), "the choice has run out"
        door.remove()
        door.board.run_for(2600)
        assert door.lines[0] == "Line 2/4"
        door.press(TICKET_PIN, TICKET_PIN)
        assert door.lines[0] == "Line 7 Express 08:00"


def test_a_key_under_an_outcome_chooses_no_line_that_nobody_sees():
    with town_door() as door:
        door.boot()
        door.press(DRIVER_PIN, RIDERS_PIN)
        door.tap(new_card())
        door.remove()
        assert door.lines[0] != "Line 2/4", "the outcome covers the menu"
        door.press(TICKET_PIN)
        assert door.lines[0] == "Line 2/4", "the press brings the menu back, no more"
        door.press(TICKET_PIN)
        assert door.lines[0].startswith("Stop or zone")


def test_a_tariff_without_lines_says_so():
    with Door() as door:
        door.boot()
        door.press(DRIVER_PIN)
        assert door.lines[1:] == ["No lines", "in tariff"]
        door.press(TICKET_PIN)
        assert door.lines[-1] == "Fare 100.00 ₸"
        assert "place" not in door.board.console.text
        door.press(REDUCED_PIN)
        assert door.lines == ["2 riders", "150.00₸", "Single ticket", "+1 Reduced"]


def test_in_and_out_of_the_train_and_what_a_missed_exit_costs():
    card, forgetful = new_card(100_000), new_card(100_000, serial=2)
    with town_door(route=3, stop=3) as door:
        door.boot()
        assert door.lines == ["Airport train 08:00", *READY[1:3], "Central", "Fare 300.00 ₸"]
        assert door.tap(card)["charged"] == "0"
        assert door.lines == ["Checked in ✓", "Tap again", "on leaving", "Balance 1000.00 ₸"]
        door.remove()
        door.tap(forgetful)
        door.remove()
        door.board.run_for(300_000)
        door.press(DRIVER_PIN, TICKET_PIN, RIDERS_PIN, TICKET_PIN)
        told = door.tap(card)
        assert (told["charged"], told["checkout"], told["missed"]) == ("30000", "1", "0")
        assert door.lines == ["Checked out ✓", "300.00₸", "Balance 700.00"]
        door.remove()
        door.board.run_for(600_000)
        told = door.tap(forgetful)
        assert (told["charged"], told["missed"]) == ("50000", "1")
        assert door.lines == ["Checked in ✓", "500.00₸", "Exit was missed", "Balance 500.00"]


def test_a_cap_is_told_when_it_is_reached():
    card = new_card(rider_category=1)
    with town_door() as door:
        door.boot()
        charged = []
        for _ in range(3):
            charged.append(door.tap(card)["charged"])
            shown = door.lines
            door.remove()
            door.board.run_for(62_000)
        assert charged == ["5000", "5000", "2000"]
        assert shown == ["Single ticket ✓", "20.00₸", "Cap reached, Student", "Balance 380.00"]
        assert door.tap(card)["charged"] == "0"
        assert door.lines == ["Single ticket ✓", "0.00₸", "Cap reached, Student", "Balance 380.00"]
