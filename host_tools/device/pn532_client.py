"""A PN532 from the host: the commands the card desk needs, over a real port or the bench.

Source: NXP UM0701-02 "PN532 User Manual" rev. 2. Frames are `protocol.nfc.pn532`; what travels
below them is a `Transport`. Every wait is bounded.
"""

import termios
import time
from collections.abc import Generator
from typing import Any, Protocol

import serial

from host_tools.device.port_error import reason
from host_tools.errors import NoAnswer
from protocol.cards.classic_session import EXCHANGE, RESELECT
from protocol.errors import LinkLost, MinikError
from protocol.nfc import pn532

_TARGETS_MAX = 2
_ACK_S = 0.2
_ANSWER_S = 2.0
_NACKS_MAX = 2


class Transport(Protocol):
    """Carries one PN532 command (0xD4 …) and brings its response (0xD5 …)."""

    def exchange(self, command: bytes) -> bytes:
        """LinkLost if there is no answer."""
        ...


class SerialTransport:
    """HSU frames on a serial port or PTY at 115,200 baud."""

    def __init__(self, path: str, baud: int = 115200) -> None:
        self._link = pn532.Pn532Link()
        self._path = path
        try:
            self._port = serial.Serial(path, baud, timeout=0.02)
            self._port.write(pn532.WAKE_UP)
        except (OSError, ValueError, termios.error) as error:
            raise NoAnswer(
                f"{path}: cannot be opened as a serial port ({reason(error)})"
            ) from error

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

    def _await(self, wanted: tuple[int, ...], limit_s: float) -> int:
        """The first of the `wanted` events within `limit_s`, or NOTHING."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            received = self._port.read(1)
            if not received:
                continue
            self._link.feed(received, 0, 1)
            if self._link.event in wanted:
                return self._link.event
        return pn532.NOTHING

    def exchange(self, command: bytes) -> bytes:
        """Send a command, see it acknowledged, return the response; NACKs a damaged one twice.

        NoAnswer if the port itself fails.
        """
        try:
            return self._exchange(command)
        except (OSError, termios.error) as error:
            raise NoAnswer(
                f"{self._path}: the reader's port failed; is it plugged in, and used by no other"
                " program?"
            ) from error

    def _exchange(self, command: bytes) -> bytes:
        self._link.command(command[1], command[2:])
        self._port.reset_input_buffer()
        self._port.write(self._link.tx[: self._link.tx_len])
        self._link.forget()
        self._link.reset()
        limit_s = _ACK_S
        for _ in range(_NACKS_MAX + 1):
            event = self._await((pn532.ACK, pn532.RESPONSE, pn532.ERROR), limit_s)
            limit_s = _ANSWER_S
            if event == pn532.ACK:
                event = self._await(
                    (pn532.RESPONSE, pn532.ERROR, pn532.DAMAGED), _ANSWER_S
                )
            if event == pn532.RESPONSE:
                return b"\xd5" + bytes(self._link.rx[: self._link.rx_len])
            if event == pn532.ERROR:
                raise LinkLost("the reader does not know this command")
            self._port.write(pn532.NACK_FRAME)
        raise LinkLost("the reader does not answer")


class Pn532Client:
    """Lists cards and exchanges card commands; drives card sessions of `protocol.cards`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._targets = [pn532.Target() for _ in range(_TARGETS_MAX)]
        self._selected = 0

    def start(self) -> str:
        """Wake the chip and set its field up; returns its firmware as text. LinkLost if absent."""
        self._command(pn532.SAM_CONFIGURATION, b"\x01\x00\x00")  # normal mode, UM 7.2.10
        # one try to activate a card, so that an empty field is answered at once (UM 7.3.1, item 5)
        self._command(pn532.RF_CONFIGURATION, b"\x05\xff\x01\x01")
        self._cycle_field()
        answer = self._command(pn532.GET_FIRMWARE_VERSION)
        if len(answer) < 6:
            raise LinkLost("the reader's answer is too short")
        return f"PN5{answer[2]:02x} v{answer[3]}.{answer[4]}"

    def _command(self, code: int, params: bytes = b"") -> bytes:
        return self._transport.exchange(bytes((0xD4, code)) + params)

    def _cycle_field(self) -> None:
        """Carrier off and on: every card starts anew (UM 7.3.1, item 1)."""
        self._command(pn532.RF_CONFIGURATION, b"\x01\x00")
        self._command(pn532.RF_CONFIGURATION, b"\x01\x01")

    def targets(self) -> list[pn532.Target]:
        """The cards in the field, two at the most (UM 7.3.5)."""
        answer = self._command(pn532.IN_LIST_PASSIVE_TARGET, bytes((_TARGETS_MAX, 0)))
        count = pn532.read_targets(answer[1:], len(answer) - 1, self._targets)
        self._selected = self._targets[0].number if count else 0
        return self._targets[:count]

    def exchange(self, command: bytes) -> bytes:
        """One card command with the first target; raises as `pn532.check_exchange`."""
        answer = self._command(pn532.IN_DATA_EXCHANGE, bytes((self._selected,)) + command)
        pn532.check_exchange(answer[1:], len(answer) - 1)
        return answer[3:]

    def reselect(self, uid: bytes) -> bool:
        """List the field again: is just this card there?

        A card that was listed beside a possible second one has been halted on the way and would
        not answer REQA: only a new field wakes it for sure (ISO/IEC 14443-3 §6.4).
        """
        self._cycle_field()
        listed = self.targets()
        return len(listed) == 1 and listed[0].uid == uid

    def drive(self, session: Any, steps: Generator[int, Any, Any], uid: bytes) -> Any:
        """Run a card session's generator to its end; returns what it returns."""
        sent: Any = None
        failure: Exception | None = None
        while True:
            try:
                action = steps.throw(failure) if failure else steps.send(sent)
            except StopIteration as end:
                return end.value
            sent, failure = None, None
            try:
                if action == EXCHANGE:
                    sent = memoryview(self.exchange(bytes(session.tx[: session.tx_len])))
                elif action == RESELECT:
                    sent = self.reselect(uid)
            except MinikError as error:
                failure = error
