"""The validator's own files in the real VM: boot, taps, what is seen and heard, and faults."""

import random
import re

import pytest

from host_tools.bench.board import BoardState
from host_tools.bench.reader import ClassicCard
from host_tools.device.image import small_layout
from tests.firmware.door import BUZZER_PIN, CONFIG, JOURNAL_ID, SERVICE_PIN, STORE, Door, new_card
from tests.firmware.taps import balance_of

pytestmark = pytest.mark.vm

HEAP_BYTES = 240 * 1024  # the lean profile
READY = ["Line 5 08:00", "Hold your", "card here", "Fare 100.00 ₸"]


def wear_out(door, taken):
    """The journal's flash keeps `taken` records more and then nothing."""
    part = door.board.layout.find("journal")
    program = door.board.flash.program
    left = [taken]

    def failing(offset, content):
        if part.offset <= offset < part.end:
            if not left[0]:
                return
            left[0] -= 1
        program(offset, content)

    door.board.flash.program = failing


def heap_free(line):
    return int(re.search(r"free=(\d+)", line)[1])


def test_cold_boot_is_ready_in_time_with_a_quarter_of_the_heap_left():
    with Door() as door:
        door.boot(timeout_ms=3000)
        assert (door.lines, door.light) == (READY, "green")
        assert heap_free(door.wait("heap")) >= HEAP_BYTES // 4
        assert door.journal() == [("boot", 1), ("place", 1), ("health", 1)]
        assert door.tones() == []


def test_accepted_taps_as_passengers_see_and_hear_them():
    with Door() as door:
        door.boot()
        told = door.tap(new_card())
        assert told == {
            "outcome": "accepted", "reason": "-", "charged": "10000", "balance": "40000",
            "product": "single", "recovered": "0", "riders": "1", "transfer": "0", "capped": "0",
            "checkout": "0", "missed": "0",
        }
        assert door.lines == ["Single ticket ✓", "100.00₸", "Balance 400.00"]
        assert door.light == "green"
        assert [kind for kind, _ in door.journal()[3:]] == ["intent", "outcome"]
        door.remove()
        assert door.tones() == [2000]
        door.tap(new_card(rider_category=1, serial=2))
        assert door.lines == ["Single ticket ✓", "50.00₸", "Reduced", "Balance 450.00"]
        door.remove()
        assert door.tones() == [2000] * 3
        door.board.run_for(2600)
        assert (door.lines, door.light) == (READY, "green")


def test_light_and_sound_come_before_the_last_write_and_the_display_after_it():
    """What a passenger hears and what the card keeps must be as close as can be."""
    with Door() as door:
        door.boot()
        commands, drawn = [], []
        feed, write = door.reader.feed, door.display.write

        def hearing(content, now_us, baud):
            if b"\xd4\x40" in content:  # InDataExchange
                commands.append(now_us)
            feed(content, now_us, baud)

        def drawing(chunk, now_us):
            drawn.append(now_us)
            write(chunk, now_us)

        door.board.run_for(200)
        door.reader.feed, door.display.write = hearing, drawing
        card = new_card()
        door.tap(card)
        (tone,) = door.board.pwm[BUZZER_PIN].heard()
        after = [at for at in commands if at >= tone.start_us - 1000]
        assert len(after) >= 2, "RESTORE and TRANSFER"
        assert after[-1] < drawn[0]
        assert after[-1] - tone.start_us < 20_000
        door.remove()
        assert balance_of(card) == 40000


@pytest.mark.parametrize("gone", ["card", "reader"])
def test_a_card_or_reader_gone_at_the_sound_is_shown_as_announced(gone):
    with Door() as door:
        door.boot()
        door.field.place(new_card(), door.clock.now_us)
        assert door.board.run_until(lambda: bool(door.tones()), 3000)
        since = len(door.board.console.lines)
        if gone == "card":
            door.field.clear(door.clock.now_us)
        else:
            door.reader.power_off(door.clock.now_us)
        assert "outcome=accepted" in door.wait("tap ", 3000, since)
        assert door.lines == ["Single ticket ✓", "100.00₸", "Balance 400.00"]


def test_refusals_in_words_and_sound():
    adult = new_card()
    with Door() as door:
        door.boot()
        door.tap(adult)
        door.remove()
        for cards, reason, words in (
            ([adult], "passback", ["Already", "tapped", "Paid for this bus"]),
            ([new_card(3000, serial=2)], "insufficient_funds",
             ["Too little", "money", "Balance 30.00 ₸"]),
            ([ClassicCard.transport(b"\1\2\3\4", "1k")], "unknown_medium",
             ["Card not", "known", "Not one of ours"]),
        ):
            heard = len(door.tones())
            told = door.tap(*cards)
            assert (told["outcome"], told["reason"], told["charged"]) == ("refused", reason, "0")
            assert door.lines == ["Not accepted ✗", *words]
            assert door.light == "red"
            door.remove()
            assert door.tones()[heard:] == [400]


def test_of_two_cards_none_is_charged_even_when_one_stays():
    first, second = new_card(), new_card(serial=2)
    with Door() as door:
        door.boot()
        assert door.tap(first, second)["reason"] == "one_card_please"
        door.field.remove(first, door.clock.now_us)
        door.board.run_for(2000)
        said = [line.split()[0] for _, line in door.board.console.lines]
        assert said.count("tap") == 1
        assert "removed" not in said
        door.remove()
        assert door.tap(second)["charged"] == "10000"


def test_a_card_that_stays_is_tapped_once_and_idle_traffic_is_bounded():
    with Door() as door:
        door.boot()
        door.tap(new_card())
        commands = door.reader.stats.commands
        door.board.run_for(5000)
        assert [line for _, line in door.board.console.lines if line.startswith("tap")][1:] == []
        assert door.reader.stats.commands - commands < 2 * 5000 / 120 + 5
        door.remove()
        commands = door.reader.stats.commands
        door.board.run_for(5000)
        assert 5 <= door.reader.stats.commands - commands <= 15


def test_without_a_known_time_taps_are_refused_in_blue():
    with Door(rtc_lost=True) as door:
        door.boot()
        assert (door.light, door.lines[-1]) == ("blue", "Clock is not set")
        assert door.tap(new_card())["reason"] == "clock_unknown"


def test_boot_numbers_rise_over_cuts_and_resets():
    with Door() as door:
        door.boot()
        for _ in range(2):
            door.board.power_cut()
            since = len(door.board.console.lines)
            door.board.boot()
            door.wait("ready", since=since)
        assert [boot for kind, boot in door.journal() if kind == "boot"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"config": None}, "no /config.json"),
        ({"config": "{"}, "/config.json is no JSON"),
        ({"config": CONFIG | {"route": 70000}}, "/config.json route"),
        ({"keys": b"\xa0"}, "key set: not of format 1"),
        ({"keys": STORE.device_keyset("V2", JOURNAL_ID, "validator")}, "keys of another device"),
        ({"keys": STORE.device_keyset("V1", JOURNAL_ID, "inspector")}, "keys of another role"),
    ],
)
def test_what_cannot_work_says_why_in_red_and_does_not_reset(wrong, why):
    with Door(**wrong) as door:
        assert door.boot("fault") == f"fault {why}"
        door.board.run_for(60_000)
        assert (door.light, door.lines[1:3]) == ("red", ["Out of", "service"])
        assert door.lines[3].startswith(why[:21].strip())
        assert (door.board.boot_count, door.board.state) == (1, BoardState.RUNNING)


def test_a_journal_of_other_keys_is_not_overwritten():
    with Door() as door:
        door.boot()
        image = bytes(door.board.flash.image)
    other = STORE.device_keyset("V1", b"\x09\x09\x09\x09", "validator")
    with Door(keys=other) as door:
        part = door.board.layout.find("journal")
        door.board.flash.image[part.offset:part.end] = image[part.offset:part.end]
        assert door.boot("fault") == "fault journal failed"
        assert bytes(door.board.flash.image[part.offset:part.end]) == image[part.offset:part.end]


def test_a_full_journal_closes_the_door_before_a_card_is_touched():
    with Door(layout=small_layout(journal_sectors=3, vfs_sectors=96)) as door:
        door.boot()
        foreign = ClassicCard.transport(b"\1\2\3\4", "1k")
        taps = 0
        while "fault journal" not in door.board.console.text and taps < 192:
            door.tap(foreign)
            door.remove(20)
            door.board.run_for(10)
            taps += 1
        door.board.run_for(100)
        assert 100 < taps < 192
        assert door.lines == ["Use another door", "Out of", "service", "journal full"]
        card = new_card()
        door.field.place(card, door.clock.now_us)
        door.board.run_for(3000)
        door.field.clear(door.clock.now_us)
        assert door.board.console.text.count("tap ") == taps
        assert (door.light, balance_of(card)) == ("red", 50000)


@pytest.mark.parametrize("taken", [0, 1, 2])  # it fails at BOOT, PLACE, HEALTH
def test_a_journal_that_fails_at_boot_is_shown_and_does_not_reset(taken):
    with Door() as door:
        wear_out(door, taken)
        assert door.boot("fault") == "fault journal failed"
        door.board.run_for(60_000)
        assert (door.light, door.lines[1:]) == ("red", ["Out of", "service", "journal failed"])
        assert (door.board.boot_count, door.board.state) == (1, BoardState.RUNNING)


def test_a_reader_that_is_unplugged_comes_back():
    with Door() as door:
        door.boot()
        door.reader.power_off(door.clock.now_us)
        door.wait("fault reader", 3000)
        door.board.run_for(300)
        assert (door.light, door.lines[-2:]) == ("blue", ["Please", "wait"])
        door.wait("fault reader away", 5000)
        door.board.run_for(300)
        assert (door.light, door.lines[-1]) == ("red", "reader")
        door.board.run_for(30_000)
        door.reader.power_on()
        door.board.run_for(2000)
        assert (door.light, door.lines) == ("green", READY)
        assert door.tap(new_card())["outcome"] == "accepted"
        assert door.board.boot_count == 1


class Noise:
    """A reader that only ever sends garbage, in bursts."""

    baud = None

    def __init__(self):
        self._random = random.Random(5)
        self._next_us = 0

    def feed(self, data, now_us, baud):
        """Whatever is said to it starts it off."""
        self._next_us = self._next_us or now_us + 100

    def next_event_us(self):
        """Every two milliseconds or so."""
        return self._next_us or None

    def run(self, now_us):
        """Bytes of which every fourth belongs to a frame's head, so that the parser gets deep."""
        if not self._next_us or now_us < self._next_us:
            return b""
        self._next_us = now_us + self._random.randrange(500, 4000)
        length = self._random.randrange(1, 100)
        return bytes(
            self._random.choice((0x00, 0xFF, 0xD5, self._random.randrange(256)))
            for _ in range(length)
        )


def test_garbage_from_the_reader_neither_resets_nor_blocks():
    with Door() as door:
        door.boot()
        door.board.uarts[1].attach(Noise())
        door.board.run_for(60_000)
        assert door.light == "red"
        assert door.board.boot_count == 1
        assert not re.search("Traceback|tap ", door.board.console.text)
        door.board.uarts[1].attach(door.reader)
        door.board.run_for(3000)
        assert door.tap(new_card())["outcome"] == "accepted"


class Flipper:
    """The reader, with one bit of its n-th chunk of bytes turned over."""

    def __init__(self, reader, number, bit):
        self._reader = reader
        self._number = number
        self._bit = bit
        self.count = 0

    def __getattr__(self, name):
        return getattr(self._reader, name)

    def run(self, now_us):
        """What the reader sends, spoilt where it was asked for."""
        sent = bytearray(self._reader.run(now_us))
        if sent:
            if self.count == self._number:
                sent[self._bit // 8 % len(sent)] ^= 1 << self._bit % 8
            self.count += 1
        return bytes(sent)


def test_one_flipped_bit_anywhere_in_a_tap_charges_once_or_not_at_all():
    """One flip in each of the reader's answers of a tap, at a place that walks through them."""
    with Door() as door:
        door.boot()
        number = 0
        while True:
            card = new_card(serial=number % 250 + 1)
            flipper = Flipper(door.reader, number, bit=37 * number + 11)
            door.board.run_for(200)
            door.board.uarts[1].attach(flipper)
            told = door.tap(card)
            door.remove()
            flips = flipper.count
            door.board.uarts[1].attach(door.reader)
            door.board.run_for(1000)
            if told["outcome"] != "accepted":
                told = door.tap(card)
                assert told["outcome"] == "accepted"
                door.remove()
            assert balance_of(card) == 40000
            number += 1
            if number > flips:
                break
        assert number > 30
        assert door.board.boot_count == 1
        assert "Traceback" not in door.board.console.text


class Deaf:
    """The reader, which does not hear the n-th frame it is sent."""

    def __init__(self, reader, number):
        self._reader = reader
        self._number = number
        self.count = 0

    def __getattr__(self, name):
        return getattr(self._reader, name)

    def feed(self, data, now_us, baud):
        """What the board sends, all but one."""
        self.count += 1
        if self.count != self._number + 1:
            self._reader.feed(data, now_us, baud)


class Stammerer:
    """The reader, which says everything twice."""

    def __init__(self, reader):
        self._reader = reader

    def __getattr__(self, name):
        return getattr(self._reader, name)

    def run(self, now_us):
        """Each frame again right behind itself."""
        return self._reader.run(now_us) * 2


def test_a_command_that_got_lost_is_never_taken_for_done():
    """A repeated answer to DECREMENT must not pass for the answer to a TRANSFER that got lost."""
    with Door() as door:
        door.boot()
        outcomes = []
        while len(outcomes) < 40:
            card = new_card(serial=len(outcomes) + 1)
            deaf = Deaf(door.reader, len(outcomes))
            door.board.run_for(200)
            door.board.uarts[1].attach(deaf)
            told = door.tap(card, timeout_ms=6000)
            door.remove(400)
            heard = deaf.count
            door.board.uarts[1].attach(door.reader)
            left = balance_of(card)
            assert left == 40000 or told["outcome"] != "accepted"
            if told["outcome"] != "accepted":
                door.board.run_for(1000)
                assert door.tap(card)["outcome"] == "accepted"
                door.remove()
                assert balance_of(card) == 40000
            outcomes.append(told["outcome"])
            if len(outcomes) >= heard:
                break
        assert {"accepted", "refused", "retap"} == set(outcomes)
        assert door.board.boot_count == 1


def test_answers_that_come_twice_are_heard_once():
    with Door() as door:
        door.boot()
        door.board.uarts[1].attach(Stammerer(door.reader))
        for serial in (1, 2):
            card = new_card(serial=serial)
            assert door.tap(card)["outcome"] == "accepted"
            door.remove()
            assert balance_of(card) == 40000


def test_the_service_button_tells_console_and_display():
    with Door() as door:
        door.boot()
        since = len(door.board.console.lines)
        door.board.press(SERVICE_PIN)
        assert heap_free(door.wait("heap", since=since)) >= HEAP_BYTES // 4
        door.board.run_for(300)
        assert door.lines[:3] == ["V1 0.1.0", "Bus 101", "Route 5 Stop 1"]
        assert door.tap(new_card())["outcome"] == "accepted"
        assert door.lines[1] == "100.00₸"
        door.remove()
        door.board.run_for(3000)
        assert door.lines == READY


def test_a_display_or_clock_that_is_missing_stops_nobody():
    with Door() as door:
        door.board.i2c[0].devices.clear()
        door.boot()
        assert door.light == "blue"
        assert door.tap(new_card())["reason"] == "clock_unknown"
        assert door.light == "red"


def test_ten_minutes_of_nothing_keeps_the_watchdog_fed_and_the_time_shown():
    with Door() as door:
        door.boot()
        door.board.run_for(632_000)
        assert door.board.boot_count == 1
        assert door.board.wdt_deadline_us is not None
        assert door.lines[0] == "Line 5 08:10"


def test_memory_does_not_grow_with_taps():
    with Door() as door:
        door.boot()
        cards = [new_card(10**6, serial=serial) for serial in (1, 2)]
        free = []
        for turn in range(12):
            door.tap(cards[turn % 2])
            door.remove()
            door.board.run_for(100)
            if turn in (5, 11):
                since = len(door.board.console.lines)
                door.board.press(SERVICE_PIN)
                free.append(heap_free(door.wait("heap", since=since)))
                door.board.run_for(500)
        assert free[1] >= free[0] - 256
