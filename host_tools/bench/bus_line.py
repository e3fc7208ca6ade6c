"""A bus line on the virtual bench: validators, cards, the ledger and one clock, from a scenario.

The firmware is built and provisioned as for a real board, cards are issued at a virtual desk and
booked, and everything random follows from the seed. What the steps of a scenario mean is done
here (`scenario.runner.Line`). Left out: real time (`live`).
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from host_tools.bench.card_box import CardBox
from host_tools.bench.clock import BenchClock
from host_tools.bench.door import Door, trace_fields
from host_tools.bench.fleet import Fleet
from host_tools.bench.place_session import PlaceEndpoint
from host_tools.bench.provisioning import NEW_TARIFF_PATH, provisioned_image, put_file
from host_tools.bench.reader import ClassicCard, Faults
from host_tools.bench.scenario.results import Observed
from host_tools.bench.scenario.schema import PLACE_KEYS, LinkQuality, Scenario, Tap
from host_tools.bench.scenario.tariffs import key_categories
from host_tools.errors import BadInput, CheckFailed
from host_tools.keys.store import KeyStore
from host_tools.ledger import Issue, Ledger, open_ledger
from host_tools.ledger.reconcile import reconcile
from host_tools.ledger.store import BookedAlready
from host_tools.server.endpoint import LedgerEndpoint
from host_tools.tariff.load import LoadedTariff
from host_tools.tariff.sign import sign
from protocol.compat import EPOCH_UNIX_S
from protocol.sync.messages import ERROR_NAMES
from protocol.sync.server import ServerSession

KNOCK_MS = 2_000  # a device obeys one a second
PLACE_KNOCKS_MAX = 10  # one may come just after a HELLO that nobody was there to hear
SYNC_SILENCE_MS_MAX = 90_000  # nothing moved for that long: the link has given up
_SYNC_AFTER_MS = 200  # for the last acknowledgement to reach the device
_SEED_MAX = 1 << 16


class BusLine:
    """A `scenario.runner.Line`; a context manager that ends every board and drops what is
    temporary.

    `folder`: where the scenario's files are. `db_url` None: a ledger that is dropped at the end.
    `store` None: keys that follow from the seed. `booting` is called with each device's name.
    """

    def __init__(
        self,
        scenario: Scenario,
        folder: Path,
        db_url: str | None = None,
        store: KeyStore | None = None,
        booting: Callable[[str], None] = lambda name: None,
        clock: BenchClock | None = None,
    ) -> None:
        self._scenario = scenario
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self.seed = scenario.seed
        self.clock = clock or BenchClock(int(scenario.start.timestamp()))
        self.store = store or KeyStore.deterministic(self.seed)
        self.remark: str | None = None
        self.moved: dict[str, str | None] = {}
        self.books = self._open_ledger(db_url)
        self.fleet = Fleet(self.books)
        self.cards: dict[str, ClassicCard] = {}
        self.doors: dict[str, Door] = {}
        self._links: dict[str, LinkQuality | None] = {}
        self._places: dict[str, dict[str, str | None]] = {}
        self._tariffs: dict[str, LoadedTariff] = {}  # what each device uses
        self._faults_seed = Random(f"{self.seed} faults")
        try:
            self._make_cards(folder)
            self._make_doors()
            self._boot_all(booting)
        except BaseException:
            self.close()
            raise

    # -- making

    def _open_ledger(self, db_url: str | None) -> Ledger:
        if db_url is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="minik-bench-")
            db_url = f"sqlite:///{self._temporary.name}/ledger.db"
        tariff = self._scenario.tariffs.base.tables
        return open_ledger(db_url, keys=self.store, tariff=tariff, clock=self.minik_s)

    def _make_cards(self, folder: Path) -> None:
        tariff = self._scenario.tariffs.base
        box = CardBox(self.seed, folder, self._scenario.start, self.store, tariff)
        for name, medium in self._scenario.media.items():
            made = box.make(name, medium)
            self.cards[name] = made.card
            if made.issue is not None:
                self._book(made.issue)

    def _book(self, issue: Issue) -> None:
        try:
            self.books.issue(issue)
        except BookedAlready as error:
            raise BadInput(
                f"{self.books.where}: {error}; take a new ledger or another seed"
            ) from error

    def _make_doors(self) -> None:
        tariff = self._scenario.tariffs.base
        tariff_file = sign(tariff.payload, self.store)
        for number, (name, device) in enumerate(self._scenario.devices.items(), 1):
            place = {key: getattr(device, key) for key in PLACE_KEYS}
            journal_id = Random(f"{self.seed} journal {name}").randbytes(4)
            codes = self.fleet.place(tariff, place)
            image = provisioned_image(
                name, device.role, codes, self.store, journal_id, tariff_file
            )
            self._tariffs[name] = tariff
            self._places[name] = place
            self.doors[name] = Door(self.clock, name, image, str(self.seed), number)
            self._links[name] = LinkQuality()

    def _boot_all(self, booting: Callable[[str], None]) -> None:
        for door in self.doors.values():
            door.switch_on()
        for name, door in self.doors.items():
            booting(name)
            wrong = door.wait_ready()
            if wrong is not None:
                raise CheckFailed(f"{name} does not get ready: {wrong}")

    def close(self) -> None:
        """End the boards; give the ledger back."""
        for door in self.doors.values():
            door.board.close()
        self.books.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self) -> "BusLine":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- time

    def unix_s(self) -> int:
        """Bench time."""
        return self.clock.unix_us() // 1_000_000

    def minik_s(self) -> int:
        """Bench time as Minik counts it."""
        return self.unix_s() - EPOCH_UNIX_S

    def advance(self, seconds: int) -> None:
        """Bench time goes on; every board that runs lives through it."""
        until_us = self.clock.now_us + seconds * 1_000_000
        for door in self.doors.values():
            door.board.run_to(until_us)
        self.clock.advance_to(until_us)

    # -- steps

    def tap(self, device: str, step: Tap) -> Observed:
        """Hold the cards to the device until it answered; then take them away."""
        door = self.doors[device]
        was_on = door.on
        complaint = self._arm(device, step)
        faults = Faults(
            remove_after_frames=step.remove_after_frames,
            answer_lost=step.answer_lost,
            torn_write=step.torn_write,
            seed=self._faults_seed.randrange(_SEED_MAX),
        )
        seen = door.present([self.cards[name] for name in step.tap], faults)
        if was_on and not door.on:
            self.remark = f"the supply of {device} failed during the tap"
        elif not was_on:
            self.remark = f"{device} has no supply"
        else:
            self.remark = complaint
        return seen

    def _arm(self, device: str, step: Tap) -> str | None:
        """Choose riders and ticket on the keys; None, or why that did not work."""
        if step.riders in (1, ()) and step.product is None:
            return None
        if isinstance(step.riders, tuple):
            keys = key_categories(self._tariffs[device])
            pressed = [keys[category] for category in step.riders]
        else:
            pressed = ["riders"] * (step.riders - 1)
        return self.doors[device].arm(pressed, step.product)

    def press(self, device: str, keys: tuple[str, ...]) -> Observed:
        """Press these keys one after another; the place may be another one afterwards."""
        door = self.doors[device]
        told = door.press(keys)
        places = [trace_fields(line) for line in told if line.startswith("place ")]
        if places:
            route, stop = int(places[-1]["route"] or 0), int(places[-1]["stop"] or 0)
            self.moved = self.fleet.names(self._tariffs[device], route, stop)
            self._places[device] |= self.moved
        return door.look()

    def install(self, device: str, tariff: str) -> Observed:
        """Put a tariff onto the device as a depot does, and restart it.

        If the device takes it the ledger does too.
        """
        put = self._scenario.tariffs.installs[tariff]
        door = self.doors[device]
        door.switch_off()
        put_file(door.board.flash, NEW_TARIFF_PATH, put.file(self.store))
        seen = self.boot(device)
        if put.loaded and seen.fault is None and seen.tariff == put.loaded.tables.version:
            self.books.take_tariff(put.loaded.tables)
            self._tariffs[device] = put.loaded
            self.remark = f"{device} uses tariff version {seen.tariff}"
        elif seen.fault is not None:
            self.remark = f"{device} refuses it, {seen.fault}, and keeps version {seen.tariff}"
        return seen

    def set_place(self, device: str, place: dict[str, str | None]) -> Observed:
        """Set the `vehicle`, `route`, `stop` or `zone` that are in `place`, over a cable of its
        own."""
        door = self.doors[device]
        wanted = {**self._places[device], **place}
        endpoint = PlaceEndpoint(
            self.store,
            self._session_random(device),
            self.fleet.place(self._tariffs[device], wanted),
            self.minik_s,
        )
        door.sync_line.plug(endpoint, LinkQuality())
        for _ in range(PLACE_KNOCKS_MAX):
            door.run(lambda: endpoint.held is not None, KNOCK_MS, endpoint.knock)
            if endpoint.held is not None:
                break
        door.sync_line.unplug()
        if endpoint.held:
            self._places[device] = wanted
        else:
            self.remark = f"{device} did not take the place"
        return door.look()

    def set_link(self, device: str, quality: LinkQuality | None) -> Observed:
        """The device's link from now on; None: down."""
        self._links[device] = quality
        return self.doors[device].look()

    def cut_power(self, device: str, at_flash_op: int | None, torn: bool) -> Observed:
        """Now (None), or at that flash operation from here."""
        door = self.doors[device]
        if at_flash_op is None:
            door.switch_off()
        else:
            door.board.arm_power_cut(
                at_flash_op, torn=torn, seed=self._faults_seed.randrange(_SEED_MAX)
            )
        return door.look()

    def boot(self, device: str) -> Observed:
        """Power comes back; returns when the device is ready."""
        door = self.doors[device]
        door.switch_on()
        began_us = self.clock.now_us
        wrong = door.wait_ready()
        took_s = (self.clock.now_us - began_us) / 1e6
        self.remark = wrong or f"ready {took_s:.2f} s after the supply came"
        return door.started()

    def sync(self, device: str) -> Observed:
        """The device's journal goes to the ledger as far as the link lets it."""
        door = self.doors[device]
        endpoint = LedgerEndpoint(self.books, self.minik_s, self._session_random(device))
        session = endpoint.session
        door.sync_line.plug(endpoint, self._links[device])
        _hand_over(door, endpoint)
        if session.is_caught_up():
            door.run(lambda: False, _SYNC_AFTER_MS)
        door.sync_line.unplug()
        self.remark = _sync_remark(device, door.on, session)
        return door.look()

    def _session_random(self, device: str) -> Callable[[], bytes]:
        """Bytes for the nonces of sessions that begin now."""
        source = Random(f"{self.seed} session {device} {self.clock.now_us}")
        return lambda: source.randbytes(8)

    # -- what is looked at

    def ledger(self) -> dict[str, Any]:
        """taps, revenue, balanced and what reconcile says besides, for JSON."""
        found = reconcile(self.books)
        return found.as_dict() | {
            "taps": found.taps, "revenue": found.revenue, "balanced": found.balanced
        }

    def verdict(self) -> str:
        """One line: how many rides, how much money, and whether the books balance."""
        found = reconcile(self.books)
        revenue = self.books.amount_text(found.revenue)
        return f"rides: {found.taps}, revenue {revenue}; {found.verdict()}"

    def picture(self, device: str, path: Path) -> None:
        """Save what the device's display shows as a PNG; BadInput if it can't be written."""
        try:
            self.doors[device].save_picture(path)
        except OSError as error:
            raise BadInput(f"{path}: cannot be written ({error.strerror})") from error


def _hand_over(door: Door, endpoint: LedgerEndpoint) -> None:
    """Until the ledger has all, the supply fails, or nothing moves for SYNC_SILENCE_MS_MAX."""
    session = endpoint.session
    silent_ms = 0
    while door.on and not session.is_caught_up() and silent_ms < SYNC_SILENCE_MS_MAX:
        before = session.next_seq
        door.run(session.is_caught_up, KNOCK_MS, endpoint.knock)
        silent_ms = silent_ms + KNOCK_MS if session.next_seq == before else 0


def _sync_remark(device: str, on: bool, session: ServerSession) -> str:
    next_seq = session.next_seq
    if session.is_caught_up():
        return f"the ledger has all {next_seq} records of {device}"
    if not on:
        return f"{device} has no supply"
    if session.fault:
        fault = ERROR_NAMES[session.fault]
        return f"{device} and the ledger disagree at record {next_seq} or after: {fault}"
    if next_seq is None:
        return f"the ledger did not hear of {device}"
    return f"the link gave up: the ledger has {next_seq} records of {device}"
