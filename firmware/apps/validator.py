"""The validator at a bus door: what is wired to what, in the order of a boot.

Only wiring: each part is in drivers/ and services/. What cannot work (configuration, keys, tariff,
journal) is shown red with one line of why, for ever, with the watchdog fed: no reset helps there.
"""

import asyncio
import gc
import time

import machine

from firmware import config as configuration
from firmware.drivers import light
from firmware.drivers.sound import Sound
from firmware.services import health, indicator
from firmware.services.clock import Clock
from firmware.services.wording import load_catalogue
from protocol.errors import JournalCorrupt, LayoutError
from protocol.fares.tariff import Place

_POLL_TRIES = 99  # some 0.5 s for an empty poll; a card that comes is reported at once


class BootFault(Exception):
    """The device cannot serve; `args[0]` is one line of why."""


class Door:
    """What faces the passenger, and the clock: made first, so that a fault can be shown."""

    def __init__(self, config, board):
        from neopixel import NeoPixel

        from firmware.drivers.clock_ds3231 import ClockDs3231
        from firmware.drivers.display_ssd1306 import Display

        pin = machine.Pin
        self.light = light.Light(NeoPixel(pin(board.LIGHT_PIN, pin.OUT), board.LIGHT_COUNT))
        self.sound = Sound(machine.PWM(pin(board.BUZZER_PIN), freq=1000, duty_u16=0))
        i2c = machine.I2C(
            board.I2C_BUS, scl=pin(board.I2C_SCL), sda=pin(board.I2C_SDA), freq=400000
        )
        with open("/font.bin", "rb") as file:
            font = file.read()
        self.display = Display(i2c, board.DISPLAY_ADDRESS, font)
        self.display.start()
        self.clock = Clock(ClockDs3231(i2c, board.RTC_ADDRESS))
        self.clock.read_rtc()
        self.place = Place(config.vehicle, config.route, config.stop)
        self.indicator = indicator.Indicator(
            self.display, self.light, self.sound, load_catalogue(config.language), self.place,
            self.clock,
        )


def main(started_ms):
    """Run the validator for ever; `started_ms` are the ticks at which main.py began."""
    watchdog = machine.WDT(timeout=health.WATCHDOG_MS)
    gc.collect()
    print("boot cause=%d heap_free=%d" % (machine.reset_cause(), gc.mem_free()))
    config, fault = configuration.load("/config.json")
    board = __import__("firmware.boards." + config.board, None, None, ("*",))
    asyncio.run(_run(config, fault, board, watchdog, started_ms))


def _end_with(door):
    """What the loop calls when a task has died: the app ends too, for nobody restarts a task."""
    def end(_loop, context):
        door.light.show(light.RED)
        raise context["exception"]

    return end


async def _run(config, fault, board, watchdog, started_ms):
    door = Door(config, board)
    asyncio.get_event_loop().set_exception_handler(_end_with(door))
    await door.indicator.starting(config.device_id)
    try:
        if fault:
            raise BootFault(fault)
        await _serve(config, board, door, watchdog, started_ms)
    except BootFault as error:
        print("fault " + error.args[0])
        await door.indicator.closed(error.args[0])
        while True:
            watchdog.feed()
            await asyncio.sleep_ms(2000)
    finally:
        door.light.show(light.RED)  # until main.py restarts the board


def _load_keys(config):
    from protocol.keys.keyset import ROLE_NAMES, load_keyset

    try:
        with open("/keys.cbor", "rb") as file:
            keyset = load_keyset(file.read())
    except OSError:
        raise BootFault("no keys")
    except LayoutError as error:
        raise BootFault(str(error.args[0]))
    if (keyset.device_id, keyset.agency) != (config.device_id, config.agency):
        raise BootFault("keys of another device")
    if ROLE_NAMES[keyset.role] != config.role:
        raise BootFault("keys of another role")
    return keyset


def _load_fares(keyset, watchdog):
    """The Fares of the tariff on the board."""
    from firmware.services.tariff_store import load_tariff
    from protocol.fares.engine import Fares

    tariff = load_tariff(keyset, watchdog.feed)
    gc.collect()
    if tariff is None:
        raise BootFault("no tariff")
    print("tariff version=%d" % tariff.version)
    return Fares(tariff)


def _open_journal(keyset, door, tariff_version):
    """(JournalStore, State) with this boot's BOOT and PLACE records written."""
    from esp32 import Partition

    from firmware import VERSION
    from firmware.services.journal_store import JournalStore
    from firmware.services.state import State
    from protocol.journal import records

    found = Partition.find(Partition.TYPE_DATA, label="journal")
    if not found:
        raise BootFault("no journal partition")
    state = State(keyset.journal_id, door.place)
    journal = JournalStore(found[0], keyset, door.clock)
    place = door.place
    try:
        journal.recover(state.watermark)
        journal.append_fields(records.BOOT, {
            "reset_cause": machine.reset_cause(),
            "torn_count": min(journal.ring.torn_count, 255),
            "first_torn_seq": journal.ring.first_torn_seq,
            "firmware_major": VERSION[0], "firmware_minor": VERSION[1],
            "firmware_patch": VERSION[2], "tariff_version": tariff_version,
            "journal_id": keyset.journal_id, "device_id": keyset.device_id.encode(),
        })
        journal.append_fields(records.PLACE, {
            "vehicle": place.vehicle, "route": place.route, "stop": place.stop,
        })
        journal.ring.erase_ahead()
    except (JournalCorrupt, OSError):
        raise BootFault("journal failed")
    gc.collect()
    return journal, state


async def _serve(config, board, door, watchdog, started_ms):
    keyset = _load_keys(config)
    gc.collect()
    fares = _load_fares(keyset, watchdog)
    door.indicator.use(fares)
    journal, state = _open_journal(keyset, door, fares.tariff.version)

    from cryptolib import aes

    from firmware.services.tap import TapService
    from firmware.services.uplink import DeviceSide
    from protocol.tap import Validation

    gc.collect()
    reader = _make_reader(board)
    validation = Validation(keyset.vault(aes), fares, door.place)
    validation.restore_announced(journal.ring)
    minder = health.Health(watchdog, reader, door.display, door.clock, journal)
    tap = TapService(
        reader, validation, journal, door.indicator, door.clock, minder.tap_alive
    )
    gc.collect()
    device = DeviceSide(door.clock, journal, door.place, state)
    uplink = _make_uplink(board, keyset, aes, journal, device, door, tap, minder)
    tap.keys = _make_keys(fares, validation.choice, device, door, tap)
    buttons = _make_buttons(board, config, door, journal, reader, tap, minder)
    gc.collect()
    for task in (
        reader.run(), door.sound.run(), uplink.run(), uplink.run_clock(), buttons.run(),
        minder.run(tap, door.indicator, fares.tariff),
    ):
        asyncio.create_task(task)
    minder.record()
    if journal.failed:
        raise BootFault("journal failed")
    await tap.start()
    print("ready ms=%d" % time.ticks_diff(time.ticks_ms(), started_ms))
    minder.print_heap()
    await tap.run()


def _make_reader(board):
    from firmware.drivers.reader_pn532 import ReaderPn532

    pin = machine.Pin
    return ReaderPn532(
        machine.UART(
            board.READER_UART, 115200, tx=pin(board.READER_TX), rx=pin(board.READER_RX)
        ),
        _POLL_TRIES,
    )


def _make_uplink(board, keyset, aes, journal, device, door, tap, minder):
    from os import urandom

    from firmware.services import uplink
    from protocol.sync.session import SALT_BYTES, DeviceSession

    pin = machine.Pin
    uart = machine.UART(
        board.SYNC_UART, uplink.BAUD, tx=pin(board.SYNC_TX), rx=pin(board.SYNC_RX),
        txbuf=uplink.BUFFER_BYTES, rxbuf=uplink.BUFFER_BYTES,
    )
    session = DeviceSession(
        keyset, aes, journal.ring, device, journal.boot, urandom(SALT_BYTES)
    )
    return uplink.Uplink(
        uart, session, journal, device, door.clock, lambda: tap.busy, minder.uplink_alive
    )


def _make_keys(fares, choice, device, door, tap):
    from firmware.services.choice import ChoiceKeys
    from firmware.services.keys import DoorKeys
    from firmware.services.place_menu import PlaceMenu

    return DoorKeys(
        tap,
        ChoiceKeys(choice, fares, door.place, door.clock, door.indicator),
        PlaceMenu(fares.tariff, device, door.indicator),
    )


def _make_buttons(board, config, door, journal, reader, tap, minder):
    from firmware.drivers.buttons import Buttons
    from firmware.services.choice import DRIVER, REDUCED, RIDERS, TICKET
    from firmware.services.service_view import ServiceView

    view = ServiceView(config, door, journal, reader, tap, minder)
    pins = [machine.Pin(board.SERVICE_BUTTON_PIN, machine.Pin.IN, machine.Pin.PULL_UP)]
    actions = [view.show]
    for number, key in (
        (board.RIDERS_KEY_PIN, RIDERS), (board.REDUCED_KEY_PIN, REDUCED),
        (board.TICKET_KEY_PIN, TICKET), (board.DRIVER_KEY_PIN, DRIVER),
    ):
        pins.append(machine.Pin(number, machine.Pin.IN, machine.Pin.PULL_UP))
        actions.append(tap.keys.action(key))
    return Buttons(pins, actions)
