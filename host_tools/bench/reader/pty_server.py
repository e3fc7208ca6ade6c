"""The virtual PN532 behind a pseudo-terminal, in real time, for programs nobody here wrote.

What a client writes takes its time on a modelled line before the chip hears it, so that wake-up
bytes wake the chip; what the chip sends goes out at once. The client's baud rate is read from
the terminal: at another rate than the chip's both sides hear noise.
"""

import os
import pty
import select
import termios
import time
import tty
from contextlib import suppress

from host_tools.bench.reader.airtime import wire_ns
from host_tools.bench.reader.hsu import BAUD_TOLERANCE, DEFAULT_BAUD, VirtualPn532

READ_MAX = 4096
WAIT_MS_MAX = 200  # how late a stop request may be seen
OUTPUT_SPEED = 5  # index in what termios.tcgetattr returns
NOISE = 0xA5

_BAUD_OF = {
    getattr(termios, name): int(name[1:])
    for name in dir(termios)
    if name[0] == "B" and name[1:].isdigit() and int(name[1:])
}


class PtyServer:
    """Serves `reader` on `path` until `stop`; close it in the end."""

    def __init__(self, reader: VirtualPn532):
        self._reader = reader
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave, termios.TCSANOW)
        self._set_default_speed()
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self._stopping = False
        self._start_ns = time.monotonic_ns()
        self._line_free_us = 0

    def stop(self) -> None:
        """Let `serve` return; safe in a signal handler and from another thread."""
        self._stopping = True

    def close(self) -> None:
        """Close the pseudo-terminal."""
        os.close(self._master)
        os.close(self._slave)

    def serve(self) -> None:
        """Carry bytes both ways until `stop`."""
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        while not self._stopping:
            if poll.poll(self._wait_ms()):
                self._take_in()
            self._give_out()

    def _now_us(self) -> int:
        return (time.monotonic_ns() - self._start_ns) // 1000

    def _set_default_speed(self) -> None:
        attributes = termios.tcgetattr(self._slave)
        attributes[OUTPUT_SPEED - 1] = attributes[OUTPUT_SPEED] = termios.B115200
        termios.tcsetattr(self._slave, termios.TCSANOW, attributes)

    def _client_baud(self) -> int:
        return _BAUD_OF.get(termios.tcgetattr(self._slave)[OUTPUT_SPEED], DEFAULT_BAUD)

    def _wait_ms(self) -> int:
        due = self._reader.next_event_us()
        if due is None:
            return WAIT_MS_MAX
        return min(WAIT_MS_MAX, max(0, -(-(due - self._now_us()) // 1000)))

    def _take_in(self) -> None:
        try:
            chunk = os.read(self._master, READ_MAX)
        except BlockingIOError:
            return
        baud = self._client_baud()
        start_us = max(self._now_us(), self._line_free_us)
        self._line_free_us = start_us + wire_ns(len(chunk), baud) // 1000
        self._reader.feed(chunk, self._line_free_us, baud)

    def _give_out(self) -> None:
        chip_baud = self._reader.baud
        sent = self._reader.run(self._now_us())
        if not sent:
            return
        if abs(self._client_baud() - chip_baud) > BAUD_TOLERANCE * chip_baud:
            sent = bytes(byte ^ NOISE for byte in sent)
        with suppress(BlockingIOError):  # nobody reads: lost, as on a line
            os.write(self._master, sent)
