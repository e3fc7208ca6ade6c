"""The device's side of sync (SPEC §4.2, §4.3): bytes and `now` in, frames out; no port, no clock.

    state   what happens                    what follows                                   next
    IDLE    a HELLO is due, or a knock      HELLO with a new nonce                         HELLO
    HELLO   WELCOME that names a seq        acknowledge it; a BATCH is owed as proof       OPEN
    HELLO   WELCOME without one             wait to be asked                               OPEN
    HELLO   ERROR                           remember the fault                             IDLE
    OPEN    records or the proof are owed   BATCH                                          WAIT
    WAIT    ACK beyond the batch's start    acknowledge it                                 OPEN
    WAIT    ERROR                           remember the fault, send no more batches       OPEN
    any¹    SET_PLACE, PULL                 PLACE_SET, DUMP                                same
    any¹    BYE                             next HELLO after _HELLO_PERIOD_S               IDLE
    HELLO   no answer for _REPLY_S          again; after _TRIES_MAX wait _HELLO_PERIOD_S   IDLE
    WAIT    no answer for _REPLY_S          the BATCH again                                OPEN
    WAIT    the same, _TRIES_MAX times      next HELLO after _HELLO_PERIOD_S               IDLE
    OPEN    nothing heard for _SILENCE_S    HELLO now                                      IDLE
    ¹ OPEN and WAIT: the server has proved itself by WELCOME

What does not verify is counted in `rejected` and changes nothing. The server's half is `server`.
"""

from protocol.compat import const
from protocol.errors import FrameError, SealError
from protocol.journal.records import MAC_OFFSET, RECORD_BYTES
from protocol.sync import delta, messages
from protocol.sync.framing import Deframer, Framer
from protocol.sync.messages import Opener, Sealer, raw, uint
from protocol.tickets.cose import Encrypt0, split_encrypt0

SALT_BYTES = const(6)
_IDLE = const(0)
_HELLO = const(1)
_OPEN = const(2)
_WAIT = const(3)
_REPLY_S = const(3)
_TRIES_MAX = const(3)
_HELLO_PERIOD_S = const(30)
_SILENCE_S = const(60)
_BATCH_RECORDS_MAX = const(64)
_DUMP_RECORDS_MAX = const(14)
_CODE_MAX = const(0xFFFF)
_SEQ_MAX = const(0xFFFFFFFF)
_NO_UPLOAD = const(-1)


class DeviceSession:
    """One device on one line, for as long as it is switched on.

    `keyset`: protocol.keys.keyset.Keyset. `journal`: `head` (next seq), `watermark`, `oldest`
    (lowest seq that can be read), `read_into(seq, buf) -> bool` (False: torn), `continued` (the
    8 bytes that the record last read continues), `start_mac` and `acknowledge(next_seq)` (never
    moves backwards). `device`: `firmware` (3 bytes),
    `clock() -> (time, quality)`, `set_clock(time)`, `place() -> (vehicle, route, stop)`,
    `set_place(vehicle, route, stop) -> bool`. `boot_number` has never been used with this
    journal; `salt` is 6 random bytes drawn at this boot. `now_s` is uptime in whole seconds.

    `fault` is the last error code of SPEC §4.3, 0 when the last exchange went well.
    """

    def __init__(self, keyset, aes, journal, device, boot_number, salt):
        if len(salt) != SALT_BYTES:
            raise ValueError("a salt has 6 bytes")
        self._keyset = keyset
        self._journal = journal
        self._device = device
        self._seal = Encrypt0(aes, keyset.seal_key, keyset.kid)
        boot = bytes([boot_number & 0xFF, boot_number >> 8 & 0xFF])
        self._sealer = Sealer(self._seal, bytes([messages.FROM_DEVICE]) + boot + bytes(salt))
        self._opener = Opener(messages.FROM_SERVER)
        self._deframer = Deframer()
        self._framer = Framer()
        self._prediction = delta.Prediction()
        self._record = bytearray(RECORD_BYTES)
        self._state = _IDLE
        self._now_s = 0
        self._hello_due_s = 0
        self._hello_sent_s = -1
        self._sent_s = 0
        self._heard_s = 0
        self._tries = 0
        self._aad = b""
        self._forget_owed()
        self.fault = 0
        self.rejected = 0
        self.bytes_sent = 0

    def _forget_owed(self):
        """Nothing is owed to a server: a session begins or has ended."""
        self._wanted = _NO_UPLOAD  # next journal seq to upload
        self._batch_first = 0
        self._batch_count = 0
        self._batch_owed = False
        self._error_owed = 0
        self._place_number = -1  # last SET_PLACE of this session, and what came of it
        self._place_held = False
        self._place_owed = False
        self._pull_first = -1

    @property
    def damaged(self):
        """Frames dropped by the framing layer."""
        return self._deframer.damaged

    @property
    def is_open(self):
        """Whether a server has proved itself and is still taken to be there."""
        return self._state >= _OPEN

    def feed(self, chunk, now_s):
        """Take bytes that came in. Errors of the journal and the device pass through."""
        self._now_s = now_s
        for payload in self._deframer.payloads(chunk):
            if payload == messages.KNOCK:
                self._knocked()
            else:
                self._receive(payload)

    def tick(self, now_s):
        """Let time pass; call it every second or so."""
        self._now_s = now_s
        if self._state == _OPEN and now_s - self._heard_s >= _SILENCE_S:
            self._hang_up(now_s)
        elif self._state in (_HELLO, _WAIT) and now_s - self._sent_s >= _REPLY_S:
            if self._tries >= _TRIES_MAX:
                self._hang_up(now_s + _HELLO_PERIOD_S)
            elif self._state == _HELLO:
                self._state = _IDLE
            else:
                self._state = _OPEN
                self._batch_owed = True

    def outgoing(self):
        """The next frame to write, all of it, before anything else is called; None if there is
        none. A memoryview that holds until the next call."""
        sealed = None
        if self._state == _IDLE:
            if self._now_s >= self._hello_due_s:
                sealed = self._hello()
        elif self._state != _HELLO:
            sealed = self._owed()
        if sealed is None:
            return None
        frame = self._framer.frame(sealed)
        self.bytes_sent += len(frame)
        return frame

    # -- what is sent

    def _hello(self):
        time, quality = self._device.clock()
        sealed = self._sealer.seal({
            0: messages.HELLO, 1: messages.VERSION, 2: self._journal.head,
            3: self._journal.watermark, 4: self._device.firmware, 5: quality, 6: time,
            7: list(self._device.place()), 8: self._keyset.role,
        }, b"")
        self._aad = bytes(self._sealer.nonce)
        self._opener = Opener(messages.FROM_SERVER)
        self._hello_sent_s = self._now_s
        self._sent(_HELLO)
        return sealed

    def _owed(self):
        if self._error_owed:
            message = {0: messages.ERROR, 1: self._error_owed}
            self._error_owed = 0
            return self._sealer.seal(message, self._aad)
        if self._place_owed:
            self._place_owed = False
            message = {0: messages.PLACE_SET, 1: self._place_number, 2: self._place_held}
            return self._sealer.seal(message, self._aad)
        if self._pull_first >= 0:
            return self._dump()
        if self._state == _OPEN and self._wanted != _NO_UPLOAD:
            if self._batch_owed or self._wanted < self._journal.head:
                return self._batch()
        return None

    def _batch(self):
        out = self._sealer.buf
        end = messages.PAYLOAD_AT
        last = end + messages.STRING_BYTES_MAX - delta.CODED_BYTES_MAX - delta.CONTINUES_BYTES
        first = self._wanted
        seq = first
        top = min(self._journal.head, first + _BATCH_RECORDS_MAX)
        mac = None
        expected = self._mac_before(first)
        self._prediction.restart()
        while seq < top and end <= last:
            if self._journal.read_into(seq, self._record):
                if expected is not None and self._journal.continued != expected:
                    end = delta.put_continues(self._journal.continued, out, end)
                end = delta.put_record(self._prediction, self._record, seq, out, end)
                expected = mac = bytes(self._record[MAC_OFFSET:])
            else:
                end = delta.put_torn(out, end)
            seq += 1
        message = {0: messages.BATCH, 1: first, 2: seq - first}
        if mac is not None:
            message[3] = mac
        self._batch_first = first
        self._batch_count = seq - first
        self._batch_owed = False
        self._sent(_WAIT)
        return self._sealer.seal(message, self._aad, 4, end)

    def _mac_before(self, seq):
        """The MAC of the last good record before `seq`, None if it is not held any more."""
        journal = self._journal
        while seq > journal.oldest:
            seq -= 1
            if journal.read_into(seq, self._record):
                return bytes(self._record[MAC_OFFSET:])
        return None if seq else journal.start_mac

    def _dump(self):
        journal = self._journal
        out = self._sealer.buf
        end = messages.PAYLOAD_AT
        first = max(journal.oldest, min(self._pull_first, journal.head))
        count = min(_DUMP_RECORDS_MAX, journal.head - first)
        torn = 0
        for index in range(count):
            if not journal.read_into(first + index, self._record):
                torn |= 1 << index
                for place in range(RECORD_BYTES):
                    self._record[place] = 0
            out[end:end + RECORD_BYTES] = self._record
            end += RECORD_BYTES
        self._pull_first = -1
        message = {0: messages.DUMP, 1: first, 2: count, 3: torn, 4: journal.head}
        return self._sealer.seal(message, self._aad, 5, end)

    def _sent(self, state):
        """Something that wants an answer goes out."""
        self._state = state
        self._sent_s = self._now_s
        self._tries += 1

    # -- what is received

    def _knocked(self):
        if self._now_s > self._hello_sent_s:
            self._hang_up(self._now_s)

    def _receive(self, payload):
        if self._state == _IDLE:
            return
        try:
            kid, nonce, start = split_encrypt0(payload, 0, len(payload))
            if kid != self._keyset.kid:
                raise SealError("another device")
            message = self._opener.open(
                self._seal, payload, nonce, start, len(payload), self._aad
            )
            self._heard_s = self._now_s
            self._dispatch(message[0], message)
        except (FrameError, SealError):
            self.rejected += 1

    def _dispatch(self, kind, message):
        if self._state == _HELLO:
            if kind == messages.WELCOME:
                self._welcome(message)
            elif kind == messages.ERROR:
                self._fail(uint(message, 1, 255))
                self._hang_up(self._now_s + _HELLO_PERIOD_S)
        elif kind == messages.ACK:
            self._acknowledged(message)
        elif kind == messages.ERROR:
            self._fail(uint(message, 1, 255))
            self._state = _OPEN
        elif kind == messages.SET_PLACE:
            self._set_place(message)
        elif kind == messages.PULL:
            self._pull_first = uint(message, 1, _SEQ_MAX)
        elif kind == messages.BYE:
            self._hang_up(self._now_s + _HELLO_PERIOD_S)

    def _welcome(self, message):
        time = None if message.get(2) is None else uint(message, 2, _SEQ_MAX)
        wanted = uint(message, 1, _SEQ_MAX) if 1 in message else None
        self._aad += self._opener.prefix[1:]
        self._state = _OPEN
        self._tries = 0
        self._forget_owed()
        if time is not None:
            self._device.set_clock(time)
        if wanted is not None:
            self._batch_owed = True
            self._continue_from(wanted)

    def _acknowledged(self, message):
        wanted = uint(message, 1, _SEQ_MAX)
        if raw(message, 2, 4) != self._keyset.journal_id:
            raise FrameError("ACK for another journal")
        if self._state != _WAIT or (wanted == self._batch_first and self._batch_count):
            return  # no progress: it is sent again after _REPLY_S, not at once
        self._state = _OPEN
        self._tries = 0
        self._continue_from(wanted)

    def _continue_from(self, wanted):
        """The server has everything below `wanted`: the one place that moves the watermark."""
        if wanted > self._journal.head:
            self._fail(messages.AHEAD)
            self._error_owed = messages.AHEAD
        elif wanted < self._journal.oldest:
            self._fail(messages.FORGOTTEN)
            self._error_owed = messages.FORGOTTEN
        else:
            self._journal.acknowledge(wanted)
            self._wanted = wanted
            self.fault = 0

    def _set_place(self, message):
        number = uint(message, 1, _CODE_MAX)
        vehicle = uint(message, 2, _CODE_MAX)
        route = uint(message, 3, _CODE_MAX)
        stop = uint(message, 4, _CODE_MAX)
        if number != self._place_number:
            self._place_held = bool(self._device.set_place(vehicle, route, stop))
            self._place_number = number
        self._place_owed = True

    def _fail(self, code):
        self.fault = code
        self._wanted = _NO_UPLOAD

    def _hang_up(self, hello_due_s):
        self._state = _IDLE
        self._hello_due_s = hello_due_s
        self._tries = 0
        self._forget_owed()
