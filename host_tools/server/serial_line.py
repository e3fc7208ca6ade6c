"""Serving devices on one serial port or PTY, until told to stop.

A port that can't be opened at the start is the user's to mend (NoAnswer); one that goes away while
serving (a cable pulled in the depot) is opened again every second.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import serial

from host_tools.device.port_error import reason
from host_tools.errors import CheckFailed, NoAnswer
from host_tools.server.endpoint import BAUD, LedgerEndpoint
from protocol.sync.messages import ERROR_NAMES

_POLL_S = 0.05
_KNOCK_S = 5.0
_TICK_S = 1.0
_REOPEN_S = 1.0

Event = dict[str, Any]


def open_port(path: str) -> serial.Serial:
    """The port at 921,600 baud, raw; NoAnswer if it can't be opened."""
    try:
        return serial.Serial(path, BAUD, timeout=_POLL_S, write_timeout=2.0)
    except (OSError, ValueError) as error:
        raise NoAnswer(f"{path}: cannot be opened as a serial port ({reason(error)})") from error


class SerialLine:
    """Runs `endpoint` on the port at `path`; `stop()` true ends it."""

    def __init__(self, path: str, endpoint: LedgerEndpoint, stop: Callable[[], bool]) -> None:
        self._path = path
        self._endpoint = endpoint
        self._stop = stop
        self._port = open_port(path)
        self._told: tuple[str | None, int | None, int] = (None, None, 0)

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

    def events(self, once: bool, wait_s: float) -> Iterator[Event]:
        """Serve; yields what happens as dicts with the key `event`.

        `next_seq` is the first record that the ledger does not have: of a `fault`, where the batch
        begins that was refused.

        With `once` it ends when a device has handed over all it had; it raises CheckFailed if
        the device's journal does not fit the ledger, NoAnswer if nothing moves for `wait_s`
        seconds or the port goes away.
        """
        knock_s = min(_KNOCK_S, wait_s) if once else _KNOCK_S
        moved_at = time.monotonic()
        while not self._stop():
            try:
                for event in self._serve_open_port(knock_s):
                    moved_at = time.monotonic()
                    yield event
                    if once and event["event"] == "caught_up":
                        return
                    if once and event["event"] == "fault":
                        raise CheckFailed(
                            f"{event['device']}: sync failed at record {event['next_seq']} or"
                            f" after ({event['fault']})"
                        )
                if once and not self._stop() and time.monotonic() - moved_at >= wait_s:
                    raise NoAnswer(f"{self._path}: no device answered for {wait_s:g} s")
            except (serial.SerialException, OSError) as error:
                self._port.close()
                if once:
                    raise NoAnswer(f"{self._path}: the port went away") from error
                yield {"event": "port_lost", "port": self._path}
                self._reopen()
                if not self._stop():
                    yield {"event": "port_back", "port": self._path}

    def _reopen(self) -> None:
        while not self._stop():
            try:
                self._port = open_port(self._path)
                return
            except NoAnswer:
                time.sleep(_REOPEN_S)

    def _serve_open_port(self, knock_s: float) -> Iterator[Event]:
        """Knock if nobody is there, then serve for `knock_s` seconds."""
        session = self._endpoint.session
        if session.device_id is None:
            self._port.write(self._endpoint.knock())
        until = time.monotonic() + knock_s
        tick_at = time.monotonic() + _TICK_S
        while time.monotonic() < until and not self._stop():
            received = self._port.read(max(1, self._port.in_waiting))
            answer = self._endpoint.feed(received) if received else b""
            if time.monotonic() >= tick_at:
                answer += self._endpoint.tick()
                tick_at += _TICK_S
            if answer:
                self._port.write(answer)
            yield from self._news()

    def _news(self) -> Iterator[Event]:
        session = self._endpoint.session
        now = (session.device_id, session.next_seq, session.fault)
        if now == self._told or now[0] is None:
            return
        if now[0] != self._told[0]:
            yield {"event": "device", "device": now[0], **session.hello}
        self._told = now
        if now[2]:
            yield {
                "event": "fault", "device": now[0], "fault": ERROR_NAMES[now[2]],
                "next_seq": now[1],
            }
            return
        yield {"event": "committed", "device": now[0], "next_seq": now[1]}
        if session.is_caught_up():
            yield {"event": "caught_up", "device": now[0], "next_seq": now[1]}
