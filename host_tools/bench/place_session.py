"""The driver's or field engineer's cable: sets a device's place and touches nothing else.

A session in which WELCOME names no journal seq (SPEC §4.3), so the device sends no records and
nothing is acknowledged: what the ledger knows does not depend on somebody having set a stop.
"""

from collections.abc import Callable
from typing import Any

from host_tools.keys.aes import Aes
from protocol.sync import messages
from protocol.sync.messages import uint
from protocol.sync.server import ServerLink

_REQUEST = 1


class _PlaceLink(ServerLink):
    """Asks for one place as soon as it has said WELCOME; `held` is the answer once it came."""

    def __init__(
        self, keys: Any, session_random: Callable[[], bytes], place: tuple[int, int, int]
    ) -> None:
        super().__init__(keys, Aes, session_random)
        self._wanted = {
            0: messages.SET_PLACE, 1: _REQUEST, 2: place[0], 3: place[1], 4: place[2],
        }
        self.held: bool | None = None

    def _welcome(self, conversation: Any, now: int) -> tuple[int | None, int | None]:
        return None, None

    def _asked(self) -> Any:
        return self._pending or self._current

    def _send(self, conversation: Any, message: Any, aad: Any = None) -> None:
        super()._send(conversation, message, aad)
        if message[0] == messages.WELCOME and self.held is None:
            self._request = self._wanted
            self._request_tries = 0
            self._ask(0)

    def _handle(self, conversation: Any, kind: int, message: Any, now: int) -> None:
        if kind == messages.PLACE_SET and uint(message, 1, 0xFFFF) == _REQUEST:
            self.held = message.get(2) is True
            self._request = None
            self._send(conversation, {0: messages.BYE})


class PlaceEndpoint:
    """The far end of that cable: bytes in, bytes out. `held`: None until the device answered.

    `keys` as for the ledger; `place` as codes (vehicle, route, stop); `session_random` gives 8
    fresh bytes; `clock` any seconds that do not go back.
    """

    def __init__(
        self,
        keys: Any,
        session_random: Callable[[], bytes],
        place: tuple[int, int, int],
        clock: Callable[[], int],
    ) -> None:
        self._link = _PlaceLink(keys, session_random, place)
        self._clock = clock

    @property
    def held(self) -> bool | None:
        """Whether the device has the place now."""
        return self._link.held

    def knock(self) -> bytes:
        """Bytes that ask whoever is there to say HELLO."""
        self._link.knock()
        return self._written()

    def feed(self, received: bytes) -> bytes:
        """Bytes to send back for bytes that came."""
        self._link.feed(received, self._clock())
        return self._written()

    def tick(self) -> bytes:
        """Bytes that repeat what was not answered."""
        self._link.tick(self._clock())
        return self._written()

    def _written(self) -> bytes:
        return b"".join(iter(self._link.outgoing, None))
