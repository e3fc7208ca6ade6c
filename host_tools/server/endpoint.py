"""The ledger's end of a device's sync line, without the line: bytes in, bytes out.

`LedgerEndpoint` runs the server session over whatever carries its bytes: a serial port
(`host_tools.server.serial_line`) or the line of a scenario (`host_tools.bench.sync_line`).
"""

import os
from collections.abc import Callable

from host_tools.keys.aes import Aes
from host_tools.ledger.store import Ledger, minik_now
from protocol.sync.server import ServerSession

SESSION_RANDOM_BYTES = 8
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
