"""The PN532's firmware: what each host command does and answers, without the line to the host.

Source: UM0701-02 "PN532 User Manual" rev. 02 (cited as UM). Every command is a method; a command
that uses the air or waits is a generator that yields microseconds, or `IDLE` while it polls an
empty field, or `FOREVER` when only the host can end it. Left out: the chip as a target, FeliCa,
type B, Jewel and NFCIP-1, for which it behaves as if no such partner were there.
"""

from collections.abc import Callable, Generator
from typing import NamedTuple

from host_tools.bench.reader import mifare_pcd
from host_tools.bench.reader.airtime import POLL_TRY_US, RETRY_STEP_US
from host_tools.bench.reader.field import RfField
from host_tools.bench.reader.pcd import FOREVER, Found, Pcd
from host_tools.bench.reader.rawframe import Registers, card_frame, host_answer
from host_tools.bench.reader.stats import ReaderStats

IDLE = -1

FIRMWARE = b"\x32\x01\x06\x07"  # UM 7.2.2: PN532, version 1.6, all three protocols
STATUS_OK = mifare_pcd.STATUS_OK
STATUS_TIMEOUT = mifare_pcd.STATUS_TIMEOUT
STATUS_INVALID_PARAMETER = 0x10
STATUS_WRONG_CONTEXT = 0x27

BAUDS = (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600, 1288000)  # UM 7.2.8
RETRIES_FOREVER = 0xFF
TARGETS_MAX = 2
TG_MASK = 0x3F
WAKE_BY_HSU = 0x10  # UM 7.2.11
# RFConfiguration: bytes of each item (UM 7.3.1)
RF_ITEMS = {0x01: 1, 0x02: 3, 0x04: 1, 0x05: 3, 0x0A: 11, 0x0B: 8, 0x0C: 3, 0x0D: 9}
TIMEOUT_CODE_MAX = 0x10
AUTO_POLL_PERIOD_US = 150_000  # UM 7.3.13: the unit of Period

Reply = Generator[int, int, bytes]


class SyntaxFault(Exception):
    """The command is answered with the application-level error frame (UM 6.2.1.5)."""


class Target:
    """A card the chip has listed under `number`."""

    __slots__ = ("atqa", "number", "sak", "uid")

    def __init__(self, number: int, found: Found):
        self.number = number
        self.atqa = found.atqa
        self.sak = found.sak
        self.uid = found.uid

    def describe(self) -> bytes:
        """TargetData at 106 kbit/s type A without Tg (UM 7.3.5): SENS_RES high byte first."""
        return bytes((self.atqa[1], self.atqa[0], self.sak, len(self.uid))) + self.uid


class Pn532Chip:
    """The chip after its supply came up. The runner of its generators sets `pcd.now_us`."""

    def __init__(self, field: RfField, stats: ReaderStats):
        self.field = field
        self.stats = stats
        self.pcd = Pcd(field, stats)
        self.reset()

    def reset(self) -> None:
        """Supply cut: carrier off, every setting as after power-up."""
        self.pcd.rf_off()
        self.targets: dict[int, Target] = {}
        self.active: Target | None = None
        self.low_vbat = True
        self.wake_sources = WAKE_BY_HSU
        self.parameters = 0x14  # UM 7.2.9
        self.registers = Registers()
        self.atr_timeout_code = 0x0B  # UM 7.3.1: 102.4 ms
        self.retry_timeout_code = 0x0A  # 51.2 ms
        self.passive_retries = RETRIES_FOREVER
        self.idle_tries: int | None = None  # with IDLE: after how many it wants to go on
        self.last_error = 0
        self.next_baud: int | None = None
        self.going_down = False

    def execute(self, command: bytes) -> Reply:
        """Run a command (code and parameters, without TFI); returns response code and parameters.

        Raises SyntaxFault for what the chip answers with its error frame.
        """
        known = COMMANDS.get(command[0]) if command else None
        if known is None:
            raise SyntaxFault
        if not known.length_min <= len(command) - 1 <= known.length_max:
            raise SyntaxFault
        if known.uses_rf and self.low_vbat:
            raise SyntaxFault
        result = known.run(self, command[1:])
        if not isinstance(result, bytes):
            result = yield from result
        return bytes((command[0] + 1,)) + result

    # Miscellaneous commands (UM 7.2)

    def _diagnose(self, params: bytes) -> bytes | Reply:
        test = params[0]
        if test == 0x00:
            return params
        if test in (0x01, 0x02, 0x07):
            return b"\x00"
        if test == 0x05:
            return self._never()
        if test == 0x06:
            return bytes((STATUS_WRONG_CONTEXT,))
        raise SyntaxFault

    def _firmware_version(self, params: bytes) -> bytes:
        return FIRMWARE

    def _general_status(self, params: bytes) -> bytes:
        listed = b"".join(bytes((tg, 0, 0, 0)) for tg in sorted(self.targets))
        return bytes((self.last_error, 0, len(self.targets))) + listed + b"\x00"

    def _read_register(self, params: bytes) -> bytes:
        if len(params) % 2:
            raise SyntaxFault
        return bytes(
            self.registers.read(params[at] << 8 | params[at + 1], self.pcd.crypto_on)
            for at in range(0, len(params), 2)
        )

    def _write_register(self, params: bytes) -> bytes:
        if len(params) % 3:
            raise SyntaxFault
        for at in range(0, len(params), 3):
            if self.registers.write(params[at] << 8 | params[at + 1], params[at + 2]):
                self.pcd.crypto_on = False
        return b""

    def _read_gpio(self, params: bytes) -> bytes:
        return b"\x3f\x06\x01"

    def _write_gpio(self, params: bytes) -> bytes:
        return b""

    def _set_baud(self, params: bytes) -> bytes:
        if params[0] >= len(BAUDS):
            raise SyntaxFault
        self.next_baud = BAUDS[params[0]]
        return b""

    def _set_parameters(self, params: bytes) -> bytes:
        self.parameters = params[0]
        return b""

    def _sam_configuration(self, params: bytes) -> bytes:
        if not 1 <= params[0] <= 4:
            raise SyntaxFault
        self.low_vbat = False
        return b""

    def _power_down(self, params: bytes) -> bytes:
        self.wake_sources = params[0]
        self.going_down = True
        return bytes((STATUS_OK,))

    def power_down(self) -> None:
        """After the response to PowerDown is out: carrier off, targets forgotten."""
        self.going_down = False
        self._forget_targets()
        self.pcd.rf_off()

    # RF commands (UM 7.3)

    def _rf_configuration(self, params: bytes) -> bytes | Reply:
        item, values = params[0], params[1:]
        if RF_ITEMS.get(item) != len(values):
            raise SyntaxFault
        if item == 0x01:
            if not values[0] & 1:
                self.pcd.rf_off()
                return b""
            return b"" if self.field.rf_on else self._rf_on()
        if item == 0x02:
            if max(values[1:]) > TIMEOUT_CODE_MAX:
                raise SyntaxFault
            self.atr_timeout_code, self.retry_timeout_code = values[1], values[2]
        elif item == 0x05:
            self.passive_retries = values[2]
        return b""

    def _rf_on(self) -> Reply:
        yield from self.pcd.rf_on()
        return b""

    def _list_passive_target(self, params: bytes) -> Reply:
        max_tg, baud_type, initiator = params[0], params[1], params[2:]
        if not 1 <= max_tg <= TARGETS_MAX or baud_type > 4:
            raise SyntaxFault
        uid = _uid_of(initiator) if baud_type == 0 else b""
        self._forget_targets()
        yield from self.pcd.rf_on()
        if baud_type != 0:
            yield from self._poll(self._no_such_card)
        else:
            yield from self._poll(lambda: self._find(uid))
            if max_tg == 2 and self.targets:
                yield from self._find_second()
        listed = b"".join(bytes((tg,)) + one.describe() for tg, one in self.targets.items())
        return bytes((len(self.targets),)) + listed

    def _auto_poll(self, params: bytes) -> Reply:
        """UM 7.3.13, of whose types only the 106 kbit/s type A ones find a card."""
        rounds, period, types = params[0], params[1], params[2:]
        if not rounds or not 1 <= period <= 0x0F:
            raise SyntaxFault
        self._forget_targets()
        yield from self.pcd.rf_on()
        while not self.targets:
            for kind in types:
                if kind in (0x00, 0x10, 0x20) and (yield from self._find(b"")):
                    yield from self._find_second()
                    break
                self.stats.rf_us += period * AUTO_POLL_PERIOD_US
                yield period * AUTO_POLL_PERIOD_US
            rounds -= rounds != RETRIES_FOREVER
            if not rounds:
                break
        listed = b""
        for tg, one in self.targets.items():
            described = bytes((tg,)) + one.describe()
            listed += bytes((0x10, len(described))) + described
        return bytes((len(self.targets),)) + listed

    def _poll(self, attempt: Callable[[], Generator[int, int, bool]]) -> Generator[int, int, None]:
        """Up to MxRtyPassiveActivation + 1 tries, 0xFF for ever (UM 7.3.1, item 5)."""
        endless = self.passive_retries == RETRIES_FOREVER
        tries = self.passive_retries + 1
        while True:
            start_us = self.pcd.now_us
            if (yield from attempt()):
                return
            tries -= 1
            if not endless and not tries:
                return
            rest_us = POLL_TRY_US - (self.pcd.now_us - start_us)
            if rest_us > 0:
                self.stats.rf_us += rest_us
                yield rest_us
            if not self.field.occupied and (endless or tries > 1):
                self.idle_tries = None if endless else tries - 1
                skipped = yield IDLE
                tries -= skipped
                self.stats.frames += skipped
                self.stats.rf_us += skipped * POLL_TRY_US

    def _find(self, uid: bytes) -> Generator[int, int, bool]:
        """REQA and the selection of any card; WUPA and that of the one with `uid`, halted or not.
        """
        atqa = yield from self.pcd.request(wake_halted=bool(uid))
        if atqa is None:
            return False
        if uid:
            found = yield from self.pcd.select(atqa, uid)
        else:
            found = yield from self.pcd.anticollide(atqa)
        if found is None:
            return False
        number = len(self.targets) + 1
        self.targets[number] = self.active = Target(number, found)
        return True

    def _find_second(self) -> Generator[int, int, None]:
        """Halt the first card and ask who else is there; the first stays halted until used."""
        yield from self.pcd.halt()
        self.active = None
        yield from self._find(b"")

    def _no_such_card(self) -> Generator[int, int, bool]:
        yield from self.pcd.silence()
        return False

    def _data_exchange(self, params: bytes) -> bytes | Reply:
        target = self.targets.get(params[0] & TG_MASK)
        if target is None:
            return self._status(STATUS_WRONG_CONTEXT)
        command = params[1:]
        if not command:
            return self._status(STATUS_INVALID_PARAMETER)
        if mifare_pcd.LENGTHS.get(command[0], len(command)) != len(command):
            raise SyntaxFault
        return self._exchange_with(target, command)

    def _exchange_with(self, target: Target, command: bytes) -> Reply:
        if self.active is not target and not (yield from self._activate(target)):
            return self._status(STATUS_TIMEOUT)
        wait_us = timeout_us(self.retry_timeout_code)
        status, answer = yield from mifare_pcd.exchange(self.pcd, command, wait_us)
        return self._status(status) + answer

    def _communicate_thru(self, params: bytes) -> Reply:
        frame = card_frame(self.registers, params)
        wait_us = timeout_us(self.retry_timeout_code)
        if frame is None:
            yield from self.pcd.silence(wait_us)
            return self._status(STATUS_TIMEOUT)
        answer = yield from self.pcd.air(frame[0], frame[1], wait_us, frame[2])
        if answer is None:
            return self._status(STATUS_TIMEOUT)
        status, payload = host_answer(self.registers, answer)
        return self._status(status) + payload

    def _select(self, params: bytes) -> bytes | Reply:
        target = self.targets.get(params[0])
        if target is None:
            return self._status(STATUS_WRONG_CONTEXT)
        return self._select_target(target)

    def _select_target(self, target: Target) -> Reply:
        if self.active is target or (yield from self._activate(target)):
            return self._status(STATUS_OK)
        return self._status(STATUS_TIMEOUT)

    def _deselect(self, params: bytes) -> bytes | Reply:
        if params[0] and params[0] not in self.targets:
            return self._status(STATUS_WRONG_CONTEXT)
        return self._halt_target(params[0])

    def _release(self, params: bytes) -> bytes | Reply:
        if params[0] and params[0] not in self.targets:
            return self._status(STATUS_WRONG_CONTEXT)
        return self._release_target(params[0])

    def _halt_target(self, number: int) -> Reply:
        if self.active is not None and number in (0, self.active.number):
            yield from self.pcd.halt()
            self.active = None
        return self._status(STATUS_OK)

    def _release_target(self, number: int) -> Reply:
        answer = yield from self._halt_target(number)
        if number:
            del self.targets[number]
        else:
            self.targets.clear()
        return answer

    def _activate(self, target: Target) -> Generator[int, int, bool]:
        """Make `target` the active card: halt the other, wake everyone, select its UID."""
        if self.active is not None:
            yield from self.pcd.halt()
            self.active = None
        if (yield from self.pcd.request(wake_halted=True)) is None:
            return False
        if (yield from self.pcd.select(target.atqa, target.uid)) is None:
            return False
        self.active = target
        return True

    def _wrong_context(self, params: bytes) -> bytes:
        """Commands for partners that a type A card without ISO/IEC 14443-4 is not."""
        return self._status(STATUS_WRONG_CONTEXT)

    def _jump_for_dep(self, params: bytes) -> Reply:
        """No NFCIP-1 target is ever there: the ATR_REQ runs into its time-out."""
        self._forget_targets()
        yield from self.pcd.rf_on()
        yield from self.pcd.silence(timeout_us(self.atr_timeout_code))
        return self._status(STATUS_TIMEOUT)

    def _never(self, params: bytes = b"") -> Reply:
        """A command that only the host's ACK or its next command ends."""
        while True:
            yield FOREVER

    def _forget_targets(self) -> None:
        self.targets.clear()
        self.active = None
        self.pcd.crypto_on = False

    def _status(self, status: int) -> bytes:
        self.last_error = status
        return bytes((status,))


def timeout_us(code: int) -> int:
    """Microseconds of a time-out code (UM 7.3.1, item 2); FOREVER for 0, which means none."""
    return RETRY_STEP_US << (code - 1) if code else FOREVER


def _uid_of(initiator: bytes) -> bytes:
    """The UID given to InListPassiveTarget: 4 bytes, or more with their cascade tags."""
    if len(initiator) in (0, 4):
        return initiator
    if len(initiator) == 8 and initiator[0] == 0x88:
        return initiator[1:]
    if len(initiator) == 12 and initiator[0] == initiator[4] == 0x88:
        return initiator[1:4] + initiator[5:]
    raise SyntaxFault


class Command(NamedTuple):
    """How many parameter bytes a command takes, and whether it needs the chip out of Low VBat."""

    run: Callable[[Pn532Chip, bytes], bytes | Reply]
    length_min: int
    length_max: int
    uses_rf: bool = False


LONGEST = 263
_C = Pn532Chip
COMMANDS = {
    0x00: Command(_C._diagnose, 1, LONGEST),
    0x02: Command(_C._firmware_version, 0, 0),
    0x04: Command(_C._general_status, 0, 0),
    0x06: Command(_C._read_register, 2, LONGEST),
    0x08: Command(_C._write_register, 3, LONGEST),
    0x0C: Command(_C._read_gpio, 0, 0),
    0x0E: Command(_C._write_gpio, 2, 2),
    0x10: Command(_C._set_baud, 1, 1),
    0x12: Command(_C._set_parameters, 1, 1),
    0x14: Command(_C._sam_configuration, 1, 3),
    0x16: Command(_C._power_down, 1, 2),
    0x32: Command(_C._rf_configuration, 2, 12),
    0x40: Command(_C._data_exchange, 1, LONGEST, True),
    0x42: Command(_C._communicate_thru, 0, LONGEST, True),
    0x44: Command(_C._deselect, 1, 1, True),
    0x46: Command(_C._jump_for_dep, 2, LONGEST, True),
    0x4A: Command(_C._list_passive_target, 2, 14, True),
    0x4E: Command(_C._wrong_context, 3, 3, True),
    0x50: Command(_C._wrong_context, 2, LONGEST, True),
    0x52: Command(_C._release, 1, 1, True),
    0x54: Command(_C._select, 1, 1, True),
    0x56: Command(_C._jump_for_dep, 2, LONGEST, True),
    0x58: Command(_C._never, 1, 1, True),
    0x60: Command(_C._auto_poll, 3, 17, True),
    0x86: Command(_C._wrong_context, 0, 0, True),
    0x88: Command(_C._wrong_context, 0, 0, True),
    0x8A: Command(_C._wrong_context, 0, 0, True),
    0x8C: Command(_C._never, 37, LONGEST, True),
    0x8E: Command(_C._wrong_context, 0, LONGEST, True),
    0x90: Command(_C._wrong_context, 0, LONGEST, True),
    0x92: Command(_C._wrong_context, 0, LONGEST, True),
    0x94: Command(_C._wrong_context, 0, LONGEST, True),
}
