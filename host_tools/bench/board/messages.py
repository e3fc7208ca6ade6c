"""The bus between the firmware's VM and the bench: operation codes and the two headers.

One stream socket. The VM asks, the bench answers, strictly in turn; all numbers little-endian.

request: operation u8, unit u8, n u32, two zero bytes, arg u64, VM time u64, then `n` bytes if the
         operation carries any (`CARRIES`)
reply:   value u64, ready u16, status u16 (0 or an errno), four zero bytes, VM time u64, horizon
         u64, then `value` bytes if the operation answers any and the status is 0
Both are whole 64-bit words: on the VM's side they are arrays, which it reads without allocating.

VM time is microseconds since the VM started. `ready`: bit n, UART n has bytes to read; bit 15, a
pin interrupt is pending. `horizon`: nothing outside the VM happens before it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

REQUEST = struct.Struct("<BBI2xQQ")
REPLY = struct.Struct("<QHH4xQQ")
IRQ_READY = 0x8000
WAIT_US_MAX = 0x3FFFFFFF


class Op(IntEnum):
    """What the VM can ask; unit, arg and n by operation."""

    HELLO = 1  # → rtc us since 2000 i64, seed u32, reset cause u8, unique id 6 bytes, 5 zero
    POLL = 2  # only the new time and readiness
    IDLE = 3  # arg: microseconds to let pass at most, WAIT_US_MAX for ever
    STARTED = 4  # arg: bytes the shims keep, n: heap bytes free
    RESET = 5  # unit: cause; never answered
    RTC_SET = 6  # bytes: microseconds since 2000 at VM time 0, i64
    WDT_START = 7  # arg: milliseconds
    WDT_FEED = 8
    REPL = 9  # main.py is over; unit: 0 it ended, 1 it raised, 2 there are no files
    FLASH_READ = 10  # arg: offset, n: length
    FLASH_PROGRAM = 11  # arg: offset
    FLASH_ERASE = 12  # arg: offset of the sector
    NVS_GET = 13  # unit: type, arg: most bytes; bytes: namespace, 0, key
    NVS_SET = 14  # unit: type; bytes: namespace, 0, key, 0, value
    NVS_ERASE = 15  # bytes: namespace, 0, key
    PIN_MODE = 20  # unit: pin, arg: mode | pull << 8
    PIN_SET = 21  # unit: pin, arg: level
    PIN_GET = 22
    PIN_IRQ = 23  # unit: pin, arg: 1 rising | 2 falling, 0 off
    IRQ_TAKE = 24  # → the pin of the oldest pending interrupt
    PWM = 25  # unit: pin, arg: Hz, 0 off; n: duty of 65535
    BITSTREAM = 26  # unit: pin, arg: nanoseconds a bit
    UART_INIT = 27  # unit: UART, arg: baud, 0 off; n: rxbuf | txbuf << 16
    UART_WRITE = 28
    UART_READ = 29  # arg: 0 only count, 1 up to n bytes, 2 the same to the end of a line
    UART_FLUSH = 30  # arg 0: wait until all is sent; 1: → bytes not sent yet
    I2C_INIT = 31  # unit: bus, arg: Hz
    I2C_WRITE = 32  # arg: address | register << 8 | bits of the register's width << 21
    I2C_READ = 33  # as I2C_WRITE; n: length
    SPI_INIT = 34  # arg: Hz
    SPI = 35  # arg 1: answers what came in
    RANDOM = 40  # n: length


CARRIES = frozenset({
    Op.RTC_SET, Op.FLASH_PROGRAM, Op.NVS_GET, Op.NVS_SET, Op.NVS_ERASE, Op.BITSTREAM,
    Op.UART_WRITE, Op.I2C_WRITE, Op.SPI,
})


@dataclass(frozen=True)
class Request:
    """One request as it came; `vm_us` is the VM's own time."""

    op: Op
    unit: int
    arg: int
    n: int
    vm_us: int
    payload: bytes


@dataclass(frozen=True)
class Answer:
    """What a handler answers; the board adds time, readiness and horizon when it sends it."""

    value: int = 0
    payload: bytes = b""
    status: int = 0
