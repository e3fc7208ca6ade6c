"""The virtual board: the firmware's VM, its flash, its peripherals and its time.

A board runs on bench time of its own that never passes the deadline it was given: the VM asks,
the board does what is due until then, answers, and holds the answer back while its caller looks.
Between two calls of `run_*` the VM therefore stands still, and a run is the same every time.
Left out: what the single requests do (`services.py`), who is wired to what (the caller attaches).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable
from enum import IntEnum, StrEnum

from host_tools.bench.board.console import Console
from host_tools.bench.board.i2c import I2cBus, SpiBus
from host_tools.bench.board.messages import IRQ_READY, WAIT_US_MAX, Answer, Op, Request
from host_tools.bench.board.nvs import NvsStore
from host_tools.bench.board.pins import Pins, PixelStrip, PwmPin
from host_tools.bench.board.services import NotServed, ResetAsked, Services
from host_tools.bench.board.uart import UartPort
from host_tools.bench.board.vm import BenchError, Vm, VmEnded, VmSilent
from host_tools.bench.clock import BenchClock
from host_tools.bench.nor import NorFlash, PowerCut
from host_tools.device.image import DEFAULT_LAYOUT, ROMFS_LABEL, FlashLayout

BOOT_US = 250_000  # ROM, bootloader and the VM's own start; declared, not measured here
GUARD_S = 20.0
UART_COUNT = 3
_HORIZON_US_MAX = 600_000_000
_EVENTS_AT_ONCE_MAX = 10_000


class BoardState(StrEnum):
    """`repl`: main.py ended or raised and the board waits at its prompt, as a real one does."""

    OFF = "off"
    RUNNING = "running"
    REPL = "repl"
    CRASHED = "crashed"


class ResetCause(IntEnum):
    """As `machine.reset_cause()` numbers them on an ESP32 (machine.reset() gives HARD)."""

    POWER_ON = 1
    HARD = 2
    WATCHDOG = 3
    DEEP_SLEEP = 4
    SOFT = 5


class _Restarted(Exception):
    """The request at hand died with the VM that asked it."""


class Board:
    """One board of a bench; it is off until `boot()`.

    `image` is the flash content (`host_tools.device.image.flash_image`), kept over cuts and
    resets in `flash`. `heap` as for `-X heapsize`. `seed` feeds `os.urandom` and `random`.
    `trace=True` records every request in `trace` as (bench us, operation, unit, arg, n).
    Attach peripherals before `boot()`: `uarts[n].attach(peer)`, `i2c[n].attach(address, chip)`,
    `spi[n].attach(select_pin, chip)`; look at `pwm[pin]`, `pixels[pin]`, `pins`, `console`.
    Raises BenchError when the bench itself is wrong, never for what the firmware does.
    """

    def __init__(
        self, clock: BenchClock, name: str = "board", image: bytes | bytearray | None = None,
        layout: FlashLayout = DEFAULT_LAYOUT, heap: str = "240k",
        unique_id: bytes = b"\x02minik", seed: int = 0, trace: bool = False,
        guard_s: float = GUARD_S,
    ) -> None:
        if len(unique_id) != 6:
            raise ValueError("a unique id has 6 bytes")
        self.clock = clock
        self.name = name
        self.layout = layout
        self.heap = heap
        self.unique_id = unique_id
        self.seed = seed
        self.flash = NorFlash(layout.size, image=None if image is None else bytearray(image))
        self.nvs = NvsStore(self.flash, layout.find("nvs"))
        self.uarts = [UartPort() for _ in range(UART_COUNT)]
        self.i2c: dict[int, I2cBus] = defaultdict(I2cBus)
        self.spi: dict[int, SpiBus] = defaultdict(SpiBus)
        self.pwm: dict[int, PwmPin] = defaultdict(PwmPin)
        self.pixels: dict[int, PixelStrip] = defaultdict(PixelStrip)
        self.pins = Pins(self.at)
        self.console = Console()
        self.state = BoardState.OFF
        self.reset_cause = ResetCause.POWER_ON
        self.boot_count = 0
        self.shim_heap_bytes = 0
        self.heap_free_at_start = 0
        self.trace: list[tuple[int, str, int, int, int]] | None = [] if trace else None
        self.local_us = clock.now_us
        self.wdt_deadline_us: int | None = None
        self._guard_s = guard_s
        self._rtc_offset_us = 0  # RTC = bench time + this, microseconds since 2000
        self._vm: Vm | None = None
        self._vm_zero_us = 0
        self._request: Request | None = None
        self._answer: Answer | None = None
        self._wake = False
        self._scheduled: list[tuple[int, int, Callable[[], None]]] = []
        self._schedule_count = 0
        self._cpu_ns_ended = 0
        self._services = Services(self)

    # -- power and resets

    def boot(self) -> None:
        """Switch the supply on. The firmware begins BOOT_US later, once the board is run."""
        if self.state is not BoardState.OFF:
            raise RuntimeError(f"{self.name} is already {self.state}")
        self.local_us = max(self.local_us, self.clock.now_us)
        self.flash.power_on()
        self.nvs.load()
        self._rtc_offset_us = -self.local_us
        self._supply(True)
        self._start(ResetCause.POWER_ON)

    def power_cut(self) -> None:
        """The supply goes away now. Flash and battery-backed chips stay."""
        self.catch_up()
        self._lose_power()

    def arm_power_cut(self, at_flash_op: int, torn: bool = False, seed: int = 0) -> None:
        """Cut the power at the n-th program or erase from now (`NorFlash.arm_cut`)."""
        self.flash.arm_cut(at_flash_op, torn=torn, seed=seed)

    def reset(self, cause: ResetCause = ResetCause.HARD) -> None:
        """Restart the running board now, supply on."""
        self.catch_up()
        if self.state is not BoardState.OFF:
            self._restart(cause)

    def close(self) -> None:
        """End the VM; the object is only good for looking at afterwards."""
        self._stop_vm()
        self.state = BoardState.OFF

    def __enter__(self) -> Board:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, cause: ResetCause) -> None:
        self.reset_cause = cause
        self.boot_count += 1
        self.wdt_deadline_us = None
        self._request = self._answer = None
        self._wake = False
        self.pins.reset()
        for port in self.uarts:
            port.reset()
        for pwm in self.pwm.values():
            pwm.set(0, 0, self.local_us)
        self._vm_zero_us = self.local_us + BOOT_US
        self._vm = Vm(self.heap, self._rom())
        self.state = BoardState.RUNNING

    def _rom(self) -> bytes:
        """What is mapped into the processor's memory as the ROMFS; blank flash is none."""
        for part in self.layout.partitions:
            if part.label == ROMFS_LABEL:
                return bytes(self.flash.image[part.offset:part.end])
        return b"\xff"

    def _stop_vm(self) -> None:
        if self._vm is not None:
            self._cpu_ns_ended += self._vm.cpu_ns()
            self._vm.kill()
            self._take_console()
            self._vm = None
        self.console.end_line(self.local_us)

    def _restart(self, cause: ResetCause) -> None:
        self._stop_vm()
        self._start(cause)

    def _lose_power(self) -> None:
        self._stop_vm()
        self.state = BoardState.OFF
        self.flash.power_off()
        self.wdt_deadline_us = None
        for port in self.uarts:
            port.reset()
        for pwm in self.pwm.values():
            pwm.set(0, 0, self.local_us)
        for strip in self.pixels.values():
            strip.show(bytes(3 * len(strip.colours)), self.local_us)
        self._supply(False)

    def _supply(self, on: bool) -> None:
        for port in self.uarts:
            power = getattr(port.peer, "power", None)
            if power is not None:
                power(on, self.local_us)
        for bus in self.i2c.values():
            for device in bus.devices.values():
                device.power(on, self.local_us)

    # -- running

    def run_to(self, until_us: int) -> None:
        """Run up to bench time `until_us`; a flash operation under way may end a little later."""
        while self.local_us < until_us:
            self._step(until_us)

    def catch_up(self) -> None:
        """Run up to the bench clock: what other boards' work let pass has passed here too."""
        self.run_to(self.clock.now_us)

    def run_for(self, ms: int) -> None:
        """Run for `ms` of bench time from now."""
        self.run_to(self.clock.now_us + ms * 1000)

    def run_until(self, predicate: Callable[[], bool], timeout_ms: int) -> bool:
        """Run until `predicate()` holds (asked after every request and event); False if it does
        not within `timeout_ms` of bench time from now."""
        deadline = self.clock.now_us + timeout_ms * 1000
        self.catch_up()
        while not predicate():
            if self.local_us >= deadline:
                return False
            self._step(deadline)
        return True

    def at(self, at_us: int, action: Callable[[], None]) -> None:
        """Call `action()` at bench time `at_us`, in order with everything else on this board."""
        self._schedule_count += 1
        heapq.heappush(self._scheduled, (at_us, self._schedule_count, action))

    def press(self, pin: int, ms: int = 100) -> None:
        """Press the button (to ground) on `pin` now, for `ms`."""
        self.pins.press(pin, ms, self.clock.now_us)

    def next_due_us(self) -> int:
        """When this board wants to run again; for whoever waits in real time."""
        due = self.local_us
        if self.state is not BoardState.RUNNING:
            due += _HORIZON_US_MAX
        elif self._request is not None:
            due = max(due, self._asked_at(self._request))
            if self._request.op is Op.IDLE:
                due = self._idle_ends(self._request)
        event = self._next_event()
        return due if event is None else min(due, event)

    def cpu_ms(self) -> float:
        """CPU time of the VM over all boots: firmware, shims and bus, on this machine."""
        running = self._vm.cpu_ns() if self._vm is not None else 0
        return (self._cpu_ns_ended + running) / 1e6

    def type_console(self, text: bytes) -> None:
        """Keys typed at the console; a board at its prompt answers when it is next run."""
        if self._vm is not None:
            self._vm.type(text)

    def prompt_fds(self) -> list[int]:
        """File descriptors that are readable when a board at its prompt printed or asked."""
        if self._vm is None or self.state is not BoardState.REPL:
            return []
        return [self._vm.console_fd, self._vm.bus_fd]

    def _step(self, until_us: int) -> None:
        """One request, one event, or a piece of idle time."""
        try:
            if self.state is BoardState.RUNNING:
                self._converse(until_us)
            else:
                self._drift(until_us)
        except _Restarted:
            pass
        except ResetAsked as asked:
            self._restart(ResetCause(asked.cause))
        except PowerCut:
            self._lose_power()
        except VmEnded as ended:
            self._vm_ended(ended)
        except VmSilent:
            self._vm_silent()

    def _converse(self, until_us: int) -> None:
        vm = self._vm
        assert vm is not None
        if self._request is None:
            if self._answer is not None:
                self._send(until_us)
            self._request = vm.receive(self._guard_s)
            self._take_console()
            if self._request.op is Op.HELLO:
                vm.start_cpu_clock()
        request = self._request
        asked_at = self._asked_at(request)
        self._advance(min(asked_at, until_us))
        if asked_at >= until_us:
            return
        if request.op is Op.IDLE:
            self._idle(request, until_us)
            return
        self._log(request, asked_at)
        try:
            answer = self._services.serve(request)
        except NotServed as error:
            answer = Answer(status=error.errno)
        self._request = None
        self._answer = answer
        if request.op is Op.REPL:
            self._enter_repl(until_us)

    def _idle(self, request: Request, until_us: int) -> None:
        ends = self._idle_ends(request)
        event = self._next_event()
        target = min(ends, until_us) if event is None else min(ends, until_us, event)
        if not self._wake:
            self._advance(target)
        if self._wake or self.local_us >= ends:
            self._log(request, self.local_us)
            self._request = None
            self._answer = Answer()

    def _drift(self, until_us: int) -> None:
        """Time passes for a board whose firmware does not run."""
        if self.state is BoardState.REPL and self._vm is not None:
            self._vm.drain_console()
            self._take_console()
            if self._request is not None or self._vm.has_asked():
                self._converse(until_us)
                if self._answer is not None:
                    self._send(until_us)
                return
        event = self._next_event()
        self._advance(until_us if event is None else min(event, until_us))

    def _enter_repl(self, until_us: int) -> None:
        assert self._vm is not None
        self.state = BoardState.REPL
        self._send(until_us)
        self._vm.wait_for_prompt(self._guard_s)
        self._take_console()

    def _vm_ended(self, ended: VmEnded) -> None:
        at_prompt = self.state is BoardState.REPL and ended.status == 0
        self._stop_vm()
        if at_prompt:  # Ctrl-D at the prompt
            self.console.take(b"MPY: soft reboot\n", self.local_us)
            self._start(ResetCause.SOFT)
            return
        self.state = BoardState.CRASHED
        self.console.take(f"[bench] {ended}\n".encode(), self.local_us)

    def _vm_silent(self) -> None:
        """The VM computes and asks nothing: a hang, which only a watchdog ends."""
        if self.wdt_deadline_us is not None:
            self.local_us = max(self.local_us, self.wdt_deadline_us)
            self.clock.advance_to(self.local_us)
            self._restart(ResetCause.WATCHDOG)
            return
        self._stop_vm()
        self.state = BoardState.CRASHED
        raise BenchError(
            f"{self.name}: the VM asked nothing for {self._guard_s:g} s and no watchdog is armed; "
            f"its last words: {self.console.text[-500:]!r}"
        )

    # -- time

    def spend(self, us: int) -> None:
        """The request at hand takes `us`; what falls due meanwhile happens."""
        self._advance(self.local_us + us)

    def rtc_at_vm_zero_us(self) -> int:
        """What `machine.RTC` counts, microseconds since 2000, at VM time 0."""
        return self._rtc_offset_us + self._vm_zero_us

    def set_rtc_at_vm_zero(self, us: int) -> None:
        """The firmware set its RTC; kept over resets, lost with the supply."""
        self._rtc_offset_us = us - self._vm_zero_us

    def _asked_at(self, request: Request) -> int:
        return self._vm_zero_us + request.vm_us

    def _idle_ends(self, request: Request) -> int:
        if request.arg == WAIT_US_MAX:
            return self._asked_at(request) + _HORIZON_US_MAX
        return self._asked_at(request) + request.arg

    def _next_event(self) -> int | None:
        times = [due for port in self.uarts if (due := port.next_event_us()) is not None]
        if self._scheduled:
            times.append(self._scheduled[0][0])
        if self.wdt_deadline_us is not None:
            times.append(self.wdt_deadline_us)
        return min(times, default=None)

    def _advance(self, to_us: int) -> None:
        """Let time pass to `to_us`, event by event."""
        at_once = 0
        while (event := self._next_event()) is not None and event <= to_us:
            at_once = at_once + 1 if event <= self.local_us else 0
            if at_once > _EVENTS_AT_ONCE_MAX:
                raise BenchError(f"{self.name}: a peripheral is due again and again at one time")
            self._pass(event)
            self._run_due()
        self._pass(to_us)

    def _pass(self, to_us: int) -> None:
        self.local_us = max(self.local_us, to_us)
        self.clock.advance_to(self.local_us)

    def _run_due(self) -> None:
        now = self.local_us
        if self.wdt_deadline_us is not None and self.wdt_deadline_us <= now:
            self._restart(ResetCause.WATCHDOG)
            raise _Restarted
        while self._scheduled and self._scheduled[0][0] <= now:
            heapq.heappop(self._scheduled)[2]()
        for port in self.uarts:
            if port.run(now):
                self._wake = True
        if self.pins.pending_irqs:
            self._wake = True

    def _send(self, until_us: int) -> None:
        assert self._vm is not None
        assert self._answer is not None
        event = self._next_event()
        horizon = min(until_us, self.local_us + _HORIZON_US_MAX)
        if event is not None:
            horizon = min(horizon, event)
        ready = sum(1 << n for n, port in enumerate(self.uarts) if port.readable)
        if self.pins.pending_irqs:
            ready |= IRQ_READY
        answer, self._answer = self._answer, None
        self._wake = False
        self._vm.reply(
            answer.value, ready, answer.status, max(0, self.local_us - self._vm_zero_us),
            max(0, horizon - self._vm_zero_us), answer.payload,
        )

    def _take_console(self) -> None:
        if self._vm is not None and self._vm.printed:
            printed = bytes(self._vm.printed)
            self._vm.printed.clear()
            self.console.take(printed, self.local_us)

    def _log(self, request: Request, at_us: int) -> None:
        if self.trace is not None:
            self.trace.append((at_us, request.op.name, request.unit, request.arg, request.n))
