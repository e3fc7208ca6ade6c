"""What a board does with each request of its VM, and how long each takes.

Flash times are the typical ones of a W25Q128JV (rev F, 9.6): a page of 256 bytes is programmed in
30 us for its first byte and 2.5 us for each further one, a sector erased in 45 ms; reading is
20 bytes a microsecond over quad I/O at 40 MHz. Every call takes the board at least 5 us, so that a
loop that only looks at a pin ends.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from host_tools.bench.board.i2c import I2cBus
from host_tools.bench.board.messages import Answer, Op, Request

if TYPE_CHECKING:
    from host_tools.bench.board.board import Board

CALL_US = 5
FLASH_PAGE_BYTES = 256
FLASH_FIRST_BYTE_US = 30
FLASH_NEXT_BYTE_NS = 2500
FLASH_ERASE_US = 45_000
FLASH_READ_US = 2
FLASH_READ_BYTES_PER_US = 20
_ENOENT = 2
_EIO = 5
_ENODEV = 19
_HELLO = struct.Struct("<qIB6s5x")
_ALL = 1


class NotServed(Exception):
    """The request failed in a way the firmware sees as OSError(`errno`)."""

    def __init__(self, errno: int) -> None:
        super().__init__(errno)
        self.errno = errno


class ResetAsked(Exception):
    """The firmware called machine.reset() or soft_reset(); there is no answer."""

    def __init__(self, cause: int) -> None:
        super().__init__(cause)
        self.cause = cause


def program_us(count: int) -> int:
    """Time to program `count` bytes, page by page."""
    whole, rest = divmod(count, FLASH_PAGE_BYTES)
    pages = [FLASH_PAGE_BYTES] * whole + ([rest] if rest else [])
    return sum(FLASH_FIRST_BYTE_US + (n - 1) * FLASH_NEXT_BYTE_NS // 1000 for n in pages)


class Services:
    """Requests of one board's VM → answers. May raise PowerCut and what `Board.spend` raises."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._random = random.Random(f"urandom {board.seed}")
        self._table: dict[Op, Callable[[Request], Answer]] = {
            Op.HELLO: self._hello, Op.POLL: self._poll, Op.STARTED: self._started,
            Op.RESET: self._reset, Op.RTC_SET: self._rtc_set, Op.WDT_START: self._wdt_start,
            Op.WDT_FEED: self._wdt_feed, Op.REPL: self._poll,
            Op.FLASH_READ: self._flash_read, Op.FLASH_PROGRAM: self._flash_program,
            Op.FLASH_ERASE: self._flash_erase, Op.NVS_GET: self._nvs_get,
            Op.NVS_SET: self._nvs_set, Op.NVS_ERASE: self._nvs_erase,
            Op.PIN_MODE: self._pin_mode, Op.PIN_SET: self._pin_set, Op.PIN_GET: self._pin_get,
            Op.PIN_IRQ: self._pin_irq, Op.IRQ_TAKE: self._irq_take, Op.PWM: self._pwm,
            Op.BITSTREAM: self._bitstream, Op.UART_INIT: self._uart_init,
            Op.UART_WRITE: self._uart_write, Op.UART_READ: self._uart_read,
            Op.UART_FLUSH: self._uart_flush, Op.I2C_INIT: self._i2c_init,
            Op.I2C_WRITE: self._i2c_write, Op.I2C_READ: self._i2c_read,
            Op.SPI_INIT: self._spi_init, Op.SPI: self._spi, Op.RANDOM: self._random_bytes,
        }
        self._wdt_us = 0

    def serve(self, request: Request) -> Answer:
        """Do it; NotServed for what the firmware can handle, ResetAsked for a reset."""
        return self._table[request.op](request)

    # -- the board itself

    def _hello(self, request: Request) -> Answer:
        board = self._board
        payload = _HELLO.pack(
            board.rtc_at_vm_zero_us(), (board.seed * 1000003 + board.boot_count) & 0xFFFFFFFF,
            board.reset_cause, board.unique_id,
        )
        return Answer(len(payload), payload)

    def _poll(self, request: Request) -> Answer:
        return Answer()

    def _started(self, request: Request) -> Answer:
        self._board.shim_heap_bytes = request.arg
        self._board.heap_free_at_start = request.n
        return Answer()

    def _reset(self, request: Request) -> Answer:
        raise ResetAsked(request.unit)

    def _rtc_set(self, request: Request) -> Answer:
        self._board.set_rtc_at_vm_zero(struct.unpack("<q", request.payload)[0])
        return Answer()

    def _wdt_start(self, request: Request) -> Answer:
        self._wdt_us = request.arg * 1000
        return self._wdt_feed(request)

    def _wdt_feed(self, request: Request) -> Answer:
        self._board.wdt_deadline_us = self._board.local_us + self._wdt_us
        self._board.spend(CALL_US)
        return Answer()

    def _random_bytes(self, request: Request) -> Answer:
        self._board.spend(CALL_US)
        return Answer(request.n, self._random.randbytes(request.n))

    # -- flash

    def _flash_read(self, request: Request) -> Answer:
        try:
            content = self._board.flash.read(request.arg, request.n)
        except ValueError as error:
            raise NotServed(_EIO) from error
        self._board.spend(FLASH_READ_US + request.n // FLASH_READ_BYTES_PER_US)
        return Answer(len(content), content)

    def _flash_program(self, request: Request) -> Answer:
        return self._flash_work(lambda: self._board.flash.program(request.arg, request.payload))

    def _flash_erase(self, request: Request) -> Answer:
        flash = self._board.flash
        return self._flash_work(lambda: flash.erase(request.arg // flash.sector_bytes))

    def _flash_work(self, work: Callable[[], object]) -> Answer:
        flash = self._board.flash
        erases, programmed = flash.erases, flash.bytes_programmed
        try:
            work()
        except ValueError as error:
            raise NotServed(_EIO) from error
        self._board.spend(
            CALL_US + (flash.erases - erases) * FLASH_ERASE_US
            + program_us(flash.bytes_programmed - programmed)
        )
        return Answer()

    def _nvs_get(self, request: Request) -> Answer:
        value = self._board.nvs.get(request.unit, request.payload)
        self._board.spend(FLASH_READ_US)
        if value is None:
            raise NotServed(_ENOENT)
        if len(value) > request.arg:
            raise NotServed(_EIO)
        return Answer(len(value), value)

    def _nvs_set(self, request: Request) -> Answer:
        namespace, key, value = request.payload.split(b"\0", 2)
        try:
            return self._flash_work(
                lambda: self._board.nvs.set(request.unit, namespace + b"\0" + key, value)
            )
        except OSError as error:
            raise NotServed(_EIO) from error

    def _nvs_erase(self, request: Request) -> Answer:
        known: list[bool] = []
        self._flash_work(lambda: known.append(self._board.nvs.erase(request.payload)))
        if not known[0]:
            raise NotServed(_ENOENT)
        return Answer()

    # -- pins

    def _pin_mode(self, request: Request) -> Answer:
        self._board.pins.mode(request.unit, request.arg & 0xFF, request.arg >> 8)
        self._board.spend(CALL_US)
        return Answer()

    def _pin_set(self, request: Request) -> Answer:
        self._board.pins.set(request.unit, request.arg)
        self._board.spend(CALL_US)
        return Answer()

    def _pin_get(self, request: Request) -> Answer:
        self._board.spend(CALL_US)
        return Answer(self._board.pins.level(request.unit))

    def _pin_irq(self, request: Request) -> Answer:
        self._board.pins.irq(request.unit, request.arg)
        self._board.spend(CALL_US)
        return Answer()

    def _irq_take(self, request: Request) -> Answer:
        pending = self._board.pins.pending_irqs
        self._board.spend(CALL_US)
        return Answer(pending.popleft() if pending else 0)

    def _pwm(self, request: Request) -> Answer:
        self._board.pwm[request.unit].set(request.arg, request.n, self._board.local_us)
        self._board.spend(CALL_US)
        return Answer()

    def _bitstream(self, request: Request) -> Answer:
        self._board.spend(CALL_US + request.n * 8 * request.arg // 1000)
        self._board.pixels[request.unit].show(request.payload, self._board.local_us)
        return Answer()

    # -- serial lines

    def _uart_init(self, request: Request) -> Answer:
        port = self._board.uarts[self._index(request)]
        self._board.spend(CALL_US + port.sent_at(self._board.local_us) - self._board.local_us)
        port.configure(request.arg, request.n & 0xFFFF, request.n >> 16)
        return Answer()

    def _uart_write(self, request: Request) -> Answer:
        port = self._board.uarts[self._index(request)]
        returns_us = port.write(request.payload, self._board.local_us)
        self._board.spend(CALL_US + returns_us - self._board.local_us)
        return Answer(len(request.payload))

    def _uart_read(self, request: Request) -> Answer:
        port = self._board.uarts[self._index(request)]
        self._board.spend(CALL_US)
        if not request.arg:
            return Answer(port.readable)
        taken = port.read(request.n, line=request.arg != _ALL)
        return Answer(len(taken), taken)

    def _uart_flush(self, request: Request) -> Answer:
        port = self._board.uarts[self._index(request)]
        self._board.spend(CALL_US)
        if request.arg:
            return Answer(port.unsent(self._board.local_us))
        self._board.spend(port.sent_at(self._board.local_us) - self._board.local_us)
        return Answer()

    def _index(self, request: Request) -> int:
        if request.unit >= len(self._board.uarts):
            raise NotServed(_ENODEV)
        return request.unit

    # -- buses

    def _i2c_init(self, request: Request) -> Answer:
        self._board.i2c[request.unit].hz = request.arg
        self._board.spend(CALL_US)
        return Answer()

    def _register(self, request: Request) -> bytes:
        """The register number the transaction begins with, big-endian, if it has one."""
        width = request.arg >> 24 & 3
        return (request.arg >> 8 & 0xFFFF).to_bytes(width, "big")

    def _i2c_write(self, request: Request) -> Answer:
        bus = self._board.i2c[request.unit]
        content = self._register(request) + request.payload
        self._i2c_pass(bus, request, len(content))
        bus.devices[request.arg & 0x7F].write(content, self._board.local_us)
        return Answer(len(request.payload))

    def _i2c_read(self, request: Request) -> Answer:
        bus = self._board.i2c[request.unit]
        register = self._register(request)
        self._i2c_pass(bus, request, len(register) + request.n + bool(register))
        device = bus.devices[request.arg & 0x7F]
        if register:
            device.write(register, self._board.local_us)
        content = device.read(request.n, self._board.local_us)
        return Answer(len(content), content)

    def _i2c_pass(self, bus: I2cBus, request: Request, count: int) -> None:
        """The bus time of the transaction; nobody at the address ends it after its first byte."""
        if request.arg & 0x7F not in bus.devices:
            self._board.spend(CALL_US + bus.bus_us(0))
            raise NotServed(_ENODEV)
        self._board.spend(CALL_US + bus.bus_us(count))

    def _spi_init(self, request: Request) -> Answer:
        self._board.spi[request.unit].hz = request.arg
        self._board.spend(CALL_US)
        return Answer()

    def _spi(self, request: Request) -> Answer:
        bus = self._board.spi[request.unit]
        self._board.spend(CALL_US + bus.bus_us(request.n))
        heard = b"\xff" * request.n
        for pin, device in bus.devices.items():
            if self._board.pins.level(pin) == 0:
                heard = device.transfer(request.payload, self._board.local_us)
        return Answer(len(heard), heard) if request.arg else Answer()
