"""The ledger's end of a device's sync line, without the line: bytes in, bytes out.

`LedgerEndpoint` runs the server session over whatever carries its bytes: a serial port
(`host_tools.server.serial_line`), a scenario's line or, as `UartEndpoint`, a virtual board's UART.
"""

import os
from collections.abc import Callable

from host_tools.keys.aes import Aes
from host_tools.ledger.store import Ledger, minik_now
from protocol.sync.server import ServerSession

SESSION_RANDOM_BYTES = 8
TICK_US = 1_000_000
BAUD = 921600


def session_random() -> bytes:
    """Fresh bytes for a session's nonces."""
    return os.urandom(SESSION_RANDOM_BYTES)


class LedgerEndpoint:
    """Feeds `ledger` (whose keys must be given) from one line. `clock` gives Minik seconds."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Callable[[], int] = minik_now,
        random: Callable[[], bytes] = session_random,
    ) -> None:
        self._clock = clock
        self.session = ServerSession(ledger, Aes, random)

    def feed(self, received: bytes) -> bytes:
        """Bytes that came over the line; the bytes to send back. BadInput of the ledger gets out.

        When it returns, what it acknowledges is durable in the ledger.
        """
        self.session.feed(received, self._clock())
        return self._outgoing()

    def knock(self) -> bytes:
        """Bytes that ask whoever is there to say HELLO."""
        self.session.knock()
        return self._outgoing()

    def tick(self) -> bytes:
        """To be called about once a second: bytes that repeat what was not answered."""
        self.session.tick(self._clock())
        return self._outgoing()

    def set_place(self, vehicle: int, route: int, stop: int) -> bytes:
        """Bytes that ask the device to take this place; `session.place_held` tells the answer."""
        self.session.set_place(vehicle, route, stop, self._clock())
        return self._outgoing()

    def _outgoing(self) -> bytes:
        return b"".join(iter(self.session.outgoing, None))


class UartEndpoint:
    """The same as a peer on a virtual board's UART: it knocks when the board gets its power."""

    def __init__(self, endpoint: LedgerEndpoint, baud: int | None = BAUD) -> None:
        self.endpoint = endpoint
        self.baud = baud
        self._outgoing = b""
        self._due_us: int | None = None
        self._tick_us = 0

    def power(self, on: bool, now_us: int) -> None:
        """The board's supply came or went."""
        self._outgoing = self.endpoint.knock() if on else b""
        self._due_us = now_us if on else None

    def feed(self, data: bytes, now_us: int, baud: int) -> None:
        """The board sent `data`."""
        self._outgoing += self.endpoint.feed(data)
        if self._outgoing or self._due_us is None:
            self._due_us = now_us
            self._tick_us = now_us + TICK_US

    def next_event_us(self) -> int | None:
        """When it next wants to run; None while nobody is there."""
        return self._due_us

    def run(self, now_us: int) -> bytes:
        """The bytes it begins to send now."""
        if now_us >= self._tick_us:
            self._outgoing += self.endpoint.tick()
            self._tick_us = now_us + TICK_US
        sent, self._outgoing = self._outgoing, b""
        self._due_us = self._tick_us
        return sent
