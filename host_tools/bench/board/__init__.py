"""The virtual board: real MicroPython, flash, peripherals and bench time (decision 0002).

    clock = BenchClock()
    image = flash_image(build_firmware("validator") | {"/config.json": ...})
    with Board(clock, image=image) as board:
        board.uarts[1].attach(reader)
        board.i2c[0].attach(ssd1306.ADDRESS, display)
        board.boot()
        board.run_until(lambda: "ready" in board.console.text, timeout_ms=3000)
"""

from host_tools.bench.board.board import BOOT_US, Board, BoardState, ResetCause
from host_tools.bench.board.console import Console
from host_tools.bench.board.ds3231 import Ds3231
from host_tools.bench.board.i2c import I2cDevice, SpiDevice
from host_tools.bench.board.pins import PixelStrip, PwmPin, Tone
from host_tools.bench.board.serving import ConsolePty, serve
from host_tools.bench.board.ssd1306 import Ssd1306
from host_tools.bench.board.uart import PtyBridge, UartPeer, UartPort
from host_tools.bench.board.vm import BenchError
from host_tools.bench.clock import BenchClock

__all__ = [
    "BOOT_US", "BenchClock", "BenchError", "Board", "BoardState", "Console", "ConsolePty",
    "Ds3231", "I2cDevice", "PixelStrip", "PtyBridge", "PwmPin", "ResetCause", "SpiDevice",
    "Ssd1306", "Tone", "UartPeer", "UartPort", "serve",
]
