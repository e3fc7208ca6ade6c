"""PN532 reader on a UART (HSU), at full speed: wake-up, baud change, commands one at a time.

Source: NXP UM0701-02 rev. 2 (sections in `protocol.nfc.pn532`, which does the frames). Every wait
ends at a deadline and no wait is a fixed one: a task of its own reads the UART as bytes come and
wakes whoever waits for an answer. Left out: SPI, I2C, target mode.

An answer counts only after the chip's ACK of the very command, so a late or repeated answer to the
one before is never taken for it. An acknowledged command whose answer is damaged or stays away is
asked for its answer again (NACK, twice at most); no command is sent twice, since the chip may have
carried it out. What comes while nothing is asked for is dropped.
"""

import asyncio

from firmware.wake import Wake
from protocol.compat import const
from protocol.errors import FrameError, LinkLost
from protocol.nfc import pn532

_SLOW_BAUD = const(115200)  # what the chip wakes up with
_FAST_BAUD = const(921600)
_FAST_BAUD_CODE = const(7)
_NACKS_MAX = const(2)
_CHUNK_BYTES = const(64)
_RX_BYTES = const(512)

_START_MS_MAX = const(30)  # the chip wakes within 2 ms and answers within 15 (UM 6.2.2)
_SETTING_MS_MAX = const(60)
_EXCHANGE_MS_MAX = const(250)  # the chip itself gives up after _RETRY_TIMEOUT
_POLL_MS_MAX = const(1500)

_SAM_NORMAL = b"\x01\x14\x01"  # UM 7.2.10: no SAM is used
_RF_TIMINGS = b"\x02\x00\x0b\x0a"  # UM 7.3.1 item 2: ATR_RES 102.4 ms, exchange 51.2 ms
_RF_OFF = b"\x01\x00"  # item 1; InListPassiveTarget switches it on again
_RF_RETRIES = b"\x05\xff\x01"  # item 5; MxRtyPassiveActivation follows
_LIST_TWO = b"\x02\x00"  # UM 7.3.5: up to two targets, 106 kbit/s type A


class ReaderPn532:
    """`uart` is the machine.UART, its `init` takes baud and buffer size; `run` is a task.

    `poll_tries` bounds an empty poll (MxRtyPassiveActivation, some 5 ms each). `targets` holds
    what `poll` found; `fault_count` counts answers that were damaged or stayed away; `away` is
    true after a `start` that found no chip.
    """

    def __init__(self, uart, poll_tries):
        self._uart = uart
        self._link = pn532.Pn532Link()
        self._rx = memoryview(self._link.rx)
        self._tx = memoryview(self._link.tx)
        self._wake = Wake()
        self._asking = False
        self._acked = False
        self._event = pn532.NOTHING
        self._params = bytearray(255)
        self._retries = _RF_RETRIES + bytes([poll_tries])
        self.targets = (pn532.Target(), pn532.Target())
        self.fault_count = 0
        self.away = False

    async def run(self):
        """Read what the chip sends, for ever."""
        stream = asyncio.StreamReader(self._uart)
        chunk = bytearray(_CHUNK_BYTES)
        link = self._link
        while True:
            count = await stream.readinto(chunk) or 0
            position = 0
            while position < count and self._asking:
                position = link.feed(chunk, position, count)
                self._take(link.event)

    def _take(self, event):
        """A frame, or the ruins of one, has come while something was asked for."""
        if event == pn532.ACK:
            self._acked = True
        elif event > pn532.NACK:
            if self._acked:
                self._asking = False
                self._wake.wake()
            elif event != pn532.DAMAGED:
                return
            self._event = event

    async def start(self):
        """Find the chip at either speed, wake it, set it up. LinkLost if it is not there."""
        for baud in (_SLOW_BAUD, _FAST_BAUD):
            self._set_baud(baud)
            self._uart.write(pn532.WAKE_UP)
            try:
                await self._command(pn532.SAM_CONFIGURATION, _SAM_NORMAL, 3, _START_MS_MAX)
            except (FrameError, LinkLost):
                continue
            if baud != _FAST_BAUD:
                await self._go_fast()
            await self._set(pn532.RF_CONFIGURATION, _RF_TIMINGS)
            await self._set(pn532.RF_CONFIGURATION, self._retries)
            self.away = False
            return
        self.away = True
        raise LinkLost

    async def _set(self, code, params):
        try:
            await self._command(code, params, len(params), _SETTING_MS_MAX)
        except FrameError:
            raise LinkLost

    async def _go_fast(self):
        """SetSerialBaudRate: the chip changes over once it has our ACK (UM 7.2.7)."""
        await self._set(pn532.SET_SERIAL_BAUD_RATE, bytes([_FAST_BAUD_CODE]))
        self._uart.write(pn532.ACK_FRAME)
        self._uart.flush()
        self._set_baud(_FAST_BAUD)

    def _set_baud(self, baud):
        self._uart.init(baudrate=baud, rxbuf=_RX_BYTES)

    async def _command(self, code, params, params_len, ms_max):
        """Send a command and wait for its answer, which is then in the link's `rx`.

        LinkLost if none came in time, FrameError if what came stayed damaged or the chip did not
        understand.
        """
        link = self._link
        link.command(code, params, params_len)
        self._acked = False
        self._ask(self._tx[:link.tx_len])
        link.forget()
        for nacks_left in (_NACKS_MAX, 1, 0):
            await self._wake.wait(ms_max)
            answered = self._event in (pn532.RESPONSE, pn532.ERROR)
            if answered or not self._acked or not nacks_left:
                break
            self.fault_count += 1
            self._ask(pn532.NACK_FRAME)
            ms_max = _SETTING_MS_MAX
        self._asking = False
        if self._event == pn532.RESPONSE and link.rx[0] == code + 1:
            return
        self.fault_count += 1
        if self._event == pn532.NOTHING:
            raise LinkLost
        raise FrameError("no answer of this command")

    def _ask(self, frame):
        """Send `frame`; from now on what comes is listened to."""
        self._link.reset()
        self._event = pn532.NOTHING
        self._wake.clear()
        self._asking = True
        self._uart.write(frame)

    async def poll(self):
        """How many cards are in the field, 0 to 2, after one command; `targets` are they."""
        await self._command(pn532.IN_LIST_PASSIVE_TARGET, _LIST_TWO, 2, _POLL_MS_MAX)
        return pn532.read_targets(self._link.rx, self._link.rx_len, self.targets)

    async def relist(self):
        """As `poll`, but with the field off in between.

        A card that was listed beside a possible second one has been halted, and would not answer
        a poll: only a new field wakes it for sure (ISO/IEC 14443-3 §6.4).
        """
        await self._command(pn532.RF_CONFIGURATION, _RF_OFF, len(_RF_OFF), _SETTING_MS_MAX)
        return await self.poll()

    async def exchange(self, card_command, length):
        """Send `card_command[:length]` to the first target; its answer as a memoryview.

        The view holds until the next command. CardLost, AuthError: the card; FrameError, LinkLost:
        the reader.
        """
        params = self._params
        params[0] = self.targets[0].number
        for index in range(length):
            params[index + 1] = card_command[index]
        try:
            await self._command(pn532.IN_DATA_EXCHANGE, params, length + 1, _EXCHANGE_MS_MAX)
        finally:
            for index in range(length + 1):
                params[index] = 0
        pn532.check_exchange(self._link.rx, self._link.rx_len)
        return self._rx[2:self._link.rx_len]
