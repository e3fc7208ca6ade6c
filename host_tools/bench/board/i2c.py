"""An I2C bus of a board, and the protocol of what hangs on it."""

from __future__ import annotations

from typing import Protocol

_BITS_PER_BYTE = 9  # with the acknowledge bit
_START_STOP_BITS = 2


class I2cDevice(Protocol):
    """A chip on the bus. Times are bench microseconds."""

    def write(self, chunk: bytes, now_us: int) -> None:
        """A write transaction, address byte taken off."""

    def read(self, n: int, now_us: int) -> bytes:
        """A read transaction of `n` bytes."""

    def power(self, on: bool, now_us: int) -> None:
        """The board's supply came or went."""


class I2cBus:
    """One bus; `attach` a device at its 7-bit address."""

    def __init__(self) -> None:
        self.devices: dict[int, I2cDevice] = {}
        self.hz = 400_000

    def attach(self, address: int, device: I2cDevice) -> None:
        """Put `device` on the bus."""
        self.devices[address] = device

    def bus_us(self, count: int) -> int:
        """Microseconds of a transaction of `count` bytes behind the address byte."""
        bits = _BITS_PER_BYTE * (1 + count) + _START_STOP_BITS
        return -(-bits * 1_000_000 // self.hz)


class SpiDevice(Protocol):
    """A chip on SPI: full duplex, byte by byte."""

    def transfer(self, chunk: bytes, now_us: int) -> bytes:
        """Bytes in, as many bytes out."""


class SpiBus:
    """One SPI bus; the device whose chip-select pin is low hears and answers."""

    def __init__(self) -> None:
        self.devices: dict[int, SpiDevice] = {}
        self.hz = 1_000_000

    def attach(self, select_pin: int, device: SpiDevice) -> None:
        """Put `device` on the bus behind chip-select `select_pin`."""
        self.devices[select_pin] = device

    def bus_us(self, count: int) -> int:
        """Microseconds of `count` bytes."""
        return -(-count * 8_000_000 // self.hz)
