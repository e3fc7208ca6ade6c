"""PN532 over HSU: frames and commands as bytes, no port and no clock.

Source: NXP UM0701-02 "PN532 User Manual" rev. 2 (section numbers below are its), HSU mode.
Left out: SPI and I2C transports, target and peer-to-peer modes.
"""

from protocol.compat import const
from protocol.errors import AuthError, CardLost, FrameError

# Commands (UM 7.1, table 12)
GET_FIRMWARE_VERSION = const(0x02)
WRITE_REGISTER = const(0x08)
SET_SERIAL_BAUD_RATE = const(0x10)
SAM_CONFIGURATION = const(0x14)
RF_CONFIGURATION = const(0x32)
IN_DATA_EXCHANGE = const(0x40)
IN_LIST_PASSIVE_TARGET = const(0x4A)
IN_RELEASE = const(0x52)

BAUD_CODES = (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600, 1288000)  # UM 7.2.7

ACK_FRAME = b"\x00\x00\xff\x00\xff\x00"  # UM 6.2.1.3
NACK_FRAME = b"\x00\x00\xff\xff\x00\x00"  # UM 6.2.1.4
# 0x55s wake the chip's HSU, zeros give it time until its oscillator runs (UM 6.3.2.3, 7.2.11)
WAKE_UP = b"\x55\x55" + bytes(14)

# What `feed` found
NOTHING = const(0)
ACK = const(1)
NACK = const(2)
RESPONSE = const(3)
ERROR = const(4)  # the chip's application-level error frame (UM 6.2.1.5)
DAMAGED = const(5)

_TFI_HOST = const(0xD4)
_TFI_CHIP = const(0xD5)
_PARAMS = const(7)  # params start here in `tx`: preamble, start code, LEN, LCS, TFI, command
_FRAME_OVERHEAD = const(9)
_RX_MAX = const(264)

# Status of InDataExchange (UM 7.1, table 11); the two high bits are NAD and MI
_STATUS = const(0x3F)
STATUS_OK = const(0x00)
STATUS_TIMEOUT = const(0x01)
STATUS_AUTH = const(0x14)

# States of the receiver, in the order in which a frame passes through them. Any byte that does not
# fit sends it back to _START with what was read dropped; a damaged frame is reported once.
_START = const(0)  # looking for 0x00 0xFF
_LEN = const(1)
_LCS = const(2)
_EXTENDED = const(3)  # LENM, LENL, LCS of an extended frame (UM 6.2.1.2)
_BODY = const(4)
_DCS = const(5)


class Pn532Link:
    """Builds command frames in `tx` and recognises what comes back; every buffer is made once.

    `tx[:tx_len]` is the frame to send. After `feed` set `event` to RESPONSE, `rx[0]` is the
    response code and `rx[1:rx_len]` its parameters.
    """

    def __init__(self, params_max=254):
        self.tx = bytearray(params_max + _FRAME_OVERHEAD)
        self.tx[2] = 0xFF
        self.tx[5] = _TFI_HOST
        self.tx_len = 0
        self.rx = bytearray(_RX_MAX)
        self.rx_len = 0
        self.event = NOTHING
        self.damaged_count = 0
        self._state = _START
        self._seen_zero = False
        self._length = 0
        self._got = 0
        self._sum = 0

    def command(self, code, params=b"", params_len=-1):
        """Frame a command. `params` is copied in; returns the frame's length, also in `tx_len`.

        ValueError if it does not fit one normal frame (UM 6.2.1.1: LEN counts TFI and data).
        """
        count = len(params) if params_len < 0 else params_len
        if count + 2 > 255 or count + _FRAME_OVERHEAD > len(self.tx):
            raise ValueError("command too long")
        tx = self.tx
        tx[3] = count + 2
        tx[4] = (0x100 - tx[3]) & 0xFF
        tx[6] = code
        total = _TFI_HOST + code
        for index in range(count):
            tx[_PARAMS + index] = params[index]
            total += params[index]
        tx[_PARAMS + count] = (0x100 - (total & 0xFF)) & 0xFF
        tx[_PARAMS + count + 1] = 0
        self.tx_len = count + _FRAME_OVERHEAD
        return self.tx_len

    def forget(self):
        """Zero the parameters of the last command (it may have carried a key)."""
        tx = self.tx
        for index in range(_PARAMS, self.tx_len):
            tx[index] = 0
        self.tx_len = 0

    def reset(self):
        """Drop a half-received frame."""
        self._state = _START
        self._seen_zero = False
        self.event = NOTHING

    def feed(self, buf, start, end):
        """Read `buf[start:end]` up to the end of the first complete frame.

        Sets `event` and returns the position after what was read; call again with the rest.
        """
        self.event = NOTHING
        while start < end:
            byte = buf[start]
            start += 1
            if self._state == _START:
                if byte == 0xFF and self._seen_zero:
                    self._state = _LEN
                    self._got = 0
                self._seen_zero = byte == 0
            else:
                self._in_frame(byte)
                if self.event != NOTHING:
                    self._state = _START
                    self._seen_zero = False
                    break
        return start

    def _in_frame(self, byte):
        state = self._state
        if state == _BODY:
            if self._got:
                self.rx[self._got - 1] = byte
            elif byte != _TFI_CHIP and not (self._length == 1 and byte == 0x7F):
                self._damaged()
                return
            self._sum += byte
            self._got += 1
            if self._got == self._length:
                self._state = _DCS
        elif state == _DCS:
            if (self._sum + byte) & 0xFF:
                self._damaged()
            elif self._length == 1:
                self.event = ERROR
            else:
                self.rx_len = self._length - 1
                self.event = RESPONSE
        elif state == _LEN:
            self._length = byte
            self._state = _LCS
        elif state == _LCS:
            self._length_checked(byte)
        else:
            self._extended(byte)

    def _length_checked(self, lcs):
        length = self._length
        if length == 0x00 and lcs == 0xFF:
            self.event = ACK
        elif length == 0xFF and lcs == 0x00:
            self.event = NACK
        elif length == 0xFF and lcs == 0xFF:
            self._state = _EXTENDED
            self._length = 0
            self._sum = 0
            self._got = 0
        elif (length + lcs) & 0xFF or length == 0:
            self._damaged()
        else:
            self._body()

    def _extended(self, byte):
        self._sum += byte
        self._got += 1
        if self._got < 3:
            self._length = (self._length << 8) | byte
        elif self._sum & 0xFF or not 0 < self._length <= _RX_MAX:
            self._damaged()
        else:
            self._body()

    def _body(self):
        self._state = _BODY
        self._sum = 0
        self._got = 0

    def _damaged(self):
        self.event = DAMAGED
        self.damaged_count += 1


class Target:
    """One card the reader listed: `number` (the chip's Tg), `sak`, `uid` (4, 7 or 10 bytes)."""

    def __init__(self):
        self.number = 0
        self.sak = 0
        self.atqa = 0
        self.uid = b""


def read_targets(rx, rx_len, targets):
    """Fill `targets` from the response to InListPassiveTarget at 106 kbit/s A (UM 7.3.5).

    Returns how many cards there are, never above len(targets). FrameError if it is cut short.
    """
    if rx_len < 2 or rx[0] != IN_LIST_PASSIVE_TARGET + 1:
        raise FrameError("not a target list")
    count = rx[1]
    if count > len(targets):
        raise FrameError("more targets than asked for")
    position = 2
    for index in range(count):
        if position + 5 > rx_len:
            raise FrameError("target list cut")
        uid_end = position + 5 + rx[position + 4]
        if uid_end > rx_len:
            raise FrameError("target list cut")
        target = targets[index]
        target.number = rx[position]
        target.atqa = (rx[position + 1] << 8) | rx[position + 2]
        target.sak = rx[position + 3]
        target.uid = bytes(rx[position + 5:uid_end])
        position = uid_end
        if target.sak & 0x20 and position < rx_len:  # ISO 14443-4: an ATS, its length first
            position += rx[position]
    return count


def check_exchange(rx, rx_len):
    """Raise what the status of an InDataExchange response means (UM 7.3.8, table 11).

    AuthError for 0x14, CardLost with the code for any other failure, FrameError for another
    response. The card's answer is then rx[2:rx_len].
    """
    if rx_len < 2 or rx[0] != IN_DATA_EXCHANGE + 1:
        raise FrameError("not an exchange response")
    status = rx[1] & _STATUS
    if status == STATUS_OK:
        return
    if status == STATUS_AUTH:
        raise AuthError(status)
    raise CardLost(status)
