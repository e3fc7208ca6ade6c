"""Parts of the firmware that need no VM: times, money, texts, configuration, stored state."""

import asyncio
import json
import random
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest

from firmware import config as configuration
from firmware.drivers.clock_ds3231 import ClockDs3231, date_of, seconds_of
from firmware.services import state as state_module
from firmware.services.indicator import Indicator
from firmware.services.journal_store import JournalStore
from firmware.services.state import State
from firmware.services.uplink import DeviceSide
from firmware.services.wording import (
    console_word,
    joined,
    load_catalogue,
    money,
    texts_of,
    two_lines,
)
from host_tools.bench.board import Ds3231
from host_tools.bench.nor import NorFlash
from host_tools.device.build import PROJECT
from host_tools.tariff.load import load_tariff
from protocol.cards.state import CardState
from protocol.errors import JournalCorrupt
from protocol.fares.engine import Decision, Fares
from protocol.fares.tariff import Place
from protocol.journal import records
from protocol.journal.chain import Chain
from protocol.outcomes import ACCEPTED, REASON_NAMES

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
EPOCH_UNIX_S = 1577836800
CATALOGUE = b"\n" + (PROJECT / "firmware" / "lang" / "en.txt").read_bytes()
LARGE_CHARACTERS = 10
SMALL_CHARACTERS = 21


def test_every_day_to_2053_and_back():
    day = EPOCH
    while day.year < 2054:
        seconds = int((day - EPOCH).total_seconds()) + 86399
        fields = (day.year, day.month, day.day, 23, 59, 59)
        assert date_of(seconds) == fields
        assert seconds_of(*fields) == seconds
        day += timedelta(days=1)


class I2c:
    """A bus with the bench's own clock chip on it."""

    def __init__(self, chip):
        self.chip = chip
        self.now_us = 0

    def readfrom_mem_into(self, address, register, buf):
        self.chip.write(bytes([register]), self.now_us)
        buf[:] = self.chip.read(len(buf), self.now_us)

    def writeto_mem(self, address, register, buf):
        self.chip.write(bytes([register]) + bytes(buf), self.now_us)


def test_real_time_clock_is_read_and_set_and_knows_when_it_does_not_know():
    start_unix_s = EPOCH_UNIX_S + 217_000_000
    bus = I2c(Ds3231(start_unix_s * 1_000_000))
    clock = ClockDs3231(bus, 0x68)
    assert clock.read() == 217_000_000
    bus.chip.lose_battery(0)
    assert clock.read() == -1
    clock.write(400_000_000)
    bus.now_us = 5_000_000
    assert clock.read() == 400_000_005


def test_impossible_dates_are_no_time():
    bus = I2c(Ds3231(EPOCH_UNIX_S * 1_000_000))
    clock = ClockDs3231(bus, 0x68)
    good = bytes([0x30, 0x59, 0x23, 1, 0x28, 0x02, 0x26])
    for register, value in (
        (0, 0x5A), (0, 0x60), (1, 0x79), (2, 0x24), (2, 0x41), (4, 0), (4, 0x32), (5, 0x13),
        (5, 0x00), (6, 0x19), (6, 0x54), (6, 0xAA),
    ):
        broken = bytearray(good)
        broken[register] = value
        bus.readfrom_mem_into = lambda address, at, buf, broken=broken: buf.__setitem__(
            slice(None), bytes(1) if at else broken
        )
        assert clock.read() == -1, (register, value)


@pytest.mark.parametrize(
    ("amount", "exponent", "text"),
    [(0, 2, "0.00"), (5, 2, "0.05"), (12345, 2, "123.45"), (-5, 2, "-0.05"), (700, 0, "700"),
     (1, 3, "0.001"), (2**31, 2, "21474836.48")],
)
def test_money_in_whole_units(amount, exponent, text):
    assert money(amount, exponent) == text


def test_every_text_fits_the_display():
    keys = re.findall(r"^(\w+): ", CATALOGUE.decode(), re.MULTILINE)
    assert len(keys) == len(set(keys)) > 40
    for key in keys:
        lines = texts_of(CATALOGUE, key)
        assert 1 <= len(lines) <= 4
        assert all(0 < len(line) <= SMALL_CHARACTERS for line in lines)
        if len(lines) > 1 and key != "checked_in":  # its first line is a title
            assert max(map(len, lines[:2])) <= LARGE_CHARACTERS


def test_every_text_that_is_asked_for_is_there():
    asked = {name for name in REASON_NAMES if name}
    for path in (PROJECT / "firmware" / "services").glob("*.py"):
        asked |= set(re.findall(r'(?:_words?|_tell)\("(\w+)"', path.read_text()))
    assert len(asked) > 35
    asked |= {"paid_transfer", "transfer", "riders", "rider", "menu_line", "menu_stop"}
    for key in asked:
        assert b"\n%s: " % key.encode() in CATALOGUE, key
    assert texts_of(CATALOGUE, "absent") == ["absent"]
    assert texts_of(b"", "ready") == ["ready"]


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("5", ["5"]), ("7 Express", ["7 Express"]), ("Old Market", ["Old Market"]),
        ("Old bridge", ["Old bridge"]), ("Old bridges", ["Old", "bridges"]),
        ("Kindergarten", ["Kindergarten"]),
        ("Old bridge over river", ["Old bridge", "over river"]),
        ("Old bridge over a ford", ["Old bridge over a", "ford"]),
        ("Old bridge over the river", ["Old bridge over the", "river"]),
        ("A" * 30, ["A" * 21, "A" * 9]), ("", [""]),
    ],
)
def test_names_in_two_lines(name, lines):
    assert two_lines(name) == lines


def test_as_many_pieces_as_fit():
    assert joined(["12345", "789"], 10) == "12345, 789"
    assert joined(["12345", "7890"], 10) == "12345"
    assert joined([], 10) == ""


def test_a_word_for_the_console_comes_back_as_it_was():
    for name in ("single", "ten rides", "50 %", "a=b", "%20", "Tageskarte für 2"):
        word = console_word(name)
        assert len(word.split()) == 1
        assert "=" not in word
        assert unquote(word) == name


class Shown:
    """Display, light and sound of an Indicator: remembers the texts."""

    def __init__(self):
        self.texts = []

    def text(self, page, x, text, scale=1):
        self.texts.append(text)

    def right(self, page, text, scale=1):
        self.texts.append(text)

    centre = right

    async def flush(self):
        pass

    def __getattr__(self, name):
        return lambda *_: None


def told(monkeypatch, card, decision, recovered=False):
    """The texts that tell an accepted tap by `flat`."""
    monkeypatch.setattr(asyncio, "sleep_ms", asyncio.sleep, raising=False)
    shown = Shown()
    indicator = Indicator(shown, shown, shown, CATALOGUE, Place(), Stopped())
    indicator.use(Fares(load_tariff("flat").tariff))
    decision.outcome = ACCEPTED
    indicator.signal(decision, card)
    asyncio.run(indicator.outcome(decision, card, recovered))
    return [text for text in shown.texts if text]


def test_a_fare_paid_elsewhere_is_told_whatever_the_category(monkeypatch):
    """A recovery decides nothing, so its card may be of a category that this tariff has not."""
    card, decision = CardState(), Decision()
    card.rider_category = decision.rider_category = 200
    card.granted_minor = 30000
    decision.charge_minor = 7000
    texts = told(monkeypatch, card, decision, recovered=True)
    assert texts[0] == "Fare already paid"
    assert "70.00" in texts


def test_a_check_in_whose_answer_was_lost_is_told_as_one(monkeypatch):
    card = CardState()
    card.checked_in = True
    assert told(monkeypatch, card, Decision(), recovered=True) == [
        "Checked in", "✓", "Tap again", "on leaving", "Balance 0.00 ₸"
    ]


def test_a_transfer_that_costs_something_is_no_free_one(monkeypatch):
    decision = Decision()
    decision.transfer = True
    assert told(monkeypatch, CardState(), decision)[:3] == ["Free transfer", "✓", "FREE"]
    decision.transfer = True
    decision.charge_minor = 2000
    assert told(monkeypatch, CardState(), decision)[:4] == ["Transfer", "✓", "20.00", "₸"]


def test_a_catalogue_that_is_missing_is_empty():
    assert load_catalogue("xx") == b""


GOOD = {"device_id": "V-1_a", "role": "validator", "agency": 7, "stop": 3}


def loaded(tmp_path, content):
    path = tmp_path / "config.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return configuration.load(str(path))


def test_a_good_configuration_and_its_defaults(tmp_path):
    config, wrong = loaded(tmp_path, GOOD)
    assert wrong is None
    assert vars(config) == {
        "device_id": "V-1_a", "role": "validator", "agency": 7, "vehicle": 0, "route": 0,
        "stop": 3, "language": "en", "board": "wrover",
    }


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "is no JSON"), ("[]", "is no object"), ({}, "role"), (GOOD | {"colour": 1}, "colour"),
        (GOOD | {"role": "bus"}, "role"), (GOOD | {"role": []}, "role"),
        (GOOD | {"device_id": ""}, "device_id"), (GOOD | {"device_id": "x" * 17}, "device_id"),
        (GOOD | {"device_id": "a b"}, "device_id"), (GOOD | {"device_id": 5}, "device_id"),
        (GOOD | {"agency": 0}, "agency"), (GOOD | {"agency": True}, "agency"),
        (GOOD | {"route": -1}, "route"), (GOOD | {"stop": 65536}, "stop"),
        (GOOD | {"vehicle": "7"}, "vehicle"), (GOOD | {"tariff": "flat"}, "key tariff"),
        (GOOD | {"language": "xx"}, "language"), (GOOD | {"board": "../main"}, "board"),
    ],
)
def test_a_bad_configuration_is_named_and_nothing_of_it_is_used(tmp_path, content, what):
    config, wrong = loaded(tmp_path, content)
    assert wrong.endswith(what)
    assert vars(config) == vars(configuration.Config())


def kept(journal_id=b"abcd", vehicle=1, route=2, stop=3):
    place = Place(vehicle, route, stop)
    return State(journal_id, place), place


@pytest.fixture
def state_folder(tmp_path, monkeypatch):
    """Where State keeps its file in a test."""
    folder = tmp_path / "state"
    monkeypatch.setattr(state_module, "_FOLDER", str(folder))
    monkeypatch.setattr(state_module, "_PATH", str(folder / "device"))
    monkeypatch.setattr(state_module, "_NEW", str(folder / "device.new"))
    return folder


def test_watermark_and_place_are_kept_for_their_journal_and_configuration(state_folder):
    state, place = kept()
    assert state.watermark == 0
    place.stop = 9
    state.save(1000)
    again, place = kept()
    assert (again.watermark, place.vehicle, place.route, place.stop) == (1000, 1, 2, 9)
    other_place, place = kept(stop=4)
    assert (other_place.watermark, place.stop) == (1000, 4)
    other_journal, place = kept(journal_id=b"efgh")
    assert (other_journal.watermark, place.stop) == (0, 3)
    (state_folder / "device").write_bytes(b"rubbish")
    assert kept()[0].watermark == 0


class Partition:
    """A flash partition as esp32.Partition, over the bench's NOR flash."""

    def __init__(self, sectors=4):
        self.flash = NorFlash(sectors * 4096)
        self.broken = False

    def ioctl(self, request, argument):
        if request == 4:
            return self.flash.sector_count
        self.flash.erase(argument)
        return 0

    def readblocks(self, block, buf, offset):
        self.flash.readinto(block * 4096 + offset, buf)

    def writeblocks(self, block, buf, offset):
        if self.broken:
            raise OSError(5)
        self.flash.program(block * 4096 + offset, bytes(buf))


class Stopped:
    """A clock that stands."""

    quality = records.CLOCK_RTC

    def now(self):
        return 1000

    def uptime_s(self):
        return 5


class Keys:
    """What a journal needs of a key set."""

    journal_key = bytes(range(32))
    journal_id = b"abcd"


def open_store(partition, watermark=0):
    store = JournalStore(partition, Keys, Stopped())
    store.recover(watermark)
    return store


def test_journal_store_numbers_boots_and_stamps_records():
    partition = Partition()
    for boot in (1, 2, 3):
        store = open_store(partition)
        assert store.boot == boot
        assert store.append_fields(records.BOOT, {"reset_cause": 1})
    record = bytearray(64)
    assert store.ring.read_into(2, record)
    assert record[4] == records.BOOT
    assert record[5] == records.CLOCK_RTC
    assert record[6] == 3
    assert int.from_bytes(record[8:12], "little") == 1000
    assert Chain(Keys.journal_key, Keys.journal_id).start() != bytes(record[56:])


def test_flash_that_fails_closes_the_journal():
    partition = Partition()
    store = open_store(partition)
    assert store.can_sell()
    partition.broken = True
    with pytest.raises(JournalCorrupt):
        store.append(records.HEALTH, b"")
    assert store.failed
    assert not store.can_sell()


def test_a_journal_shorter_than_what_was_acknowledged_is_refused():
    with pytest.raises(JournalCorrupt):
        open_store(Partition(), watermark=5)


def test_a_journal_without_room_takes_no_sale_and_says_so():
    store = open_store(Partition(sectors=3))
    written = 0
    while store.can_sell():
        assert store.append_fields(records.HEALTH, {"heap_free": random.randrange(1000)})
        written += 1
    assert written > 100
    while store.append_fields(records.HEALTH, {}):
        written += 1
    assert written < 192


def test_a_place_set_over_the_line_outlasts_a_cut_right_after_the_answer(state_folder):
    state, place = kept()
    device = DeviceSide(Stopped(), open_store(Partition()), place, state)
    assert device.set_place(7, 8, 9)
    assert device.place() == (7, 8, 9)
    _, after_the_cut = kept()
    assert vars(after_the_cut) == vars(place)


def test_a_place_that_is_not_kept_or_not_journalled_does_not_hold(state_folder, capsys):
    state, place = kept()
    store = open_store(Partition(sectors=3))
    device = DeviceSide(Stopped(), store, place, state)
    state_folder.write_text("a file where the folder should be")
    assert not device.set_place(7, 8, 9)
    assert device.place() == (1, 2, 3)
    assert store.ring.head == 0
    assert capsys.readouterr().out == "fault file system\n"
    state_folder.unlink()
    while store.append_fields(records.HEALTH, {}):
        pass
    assert not device.set_place(7, 8, 9)
    assert device.place() == (1, 2, 3)
    assert vars(kept()[1]) == vars(place)
