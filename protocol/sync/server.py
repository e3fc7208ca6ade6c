"""The server's side of sync (SPEC §4.2, §4.3), sans-IO; devices do not load this module.

`ServerLink` holds the conversations of one line; `ServerSession` feeds a ledger, `PullSession`
reads a journal without acknowledging anything. A HELLO may be a replay, so the conversation it
opens stays *pending* beside the current one until the device proves itself in it.
"""

from protocol.compat import const
from protocol.errors import FrameError, JournalCorrupt, SealError
from protocol.journal.chain import Chain
from protocol.journal.records import RECORD_BYTES
from protocol.keys.keyset import device_id_ok
from protocol.sync import messages, undelta
from protocol.sync.framing import Deframer, Framer
from protocol.sync.messages import Opener, Sealer, raw, uint
from protocol.tickets.cose import KID_BYTES_MAX, Encrypt0, split_encrypt0

_JOURNAL_ID_BYTES = const(4)
_RANDOM_BYTES = const(8)
_REPLY_S = const(3)
_TRIES_MAX = const(3)
_SEQ_MAX = const(0xFFFFFFFF)
_CODE_MAX = const(0xFFFF)
_BATCH_RECORDS_MAX = const(64)


class Conversation:
    """What one HELLO began: who it is, what it said, and the seal of this session."""

    def __init__(self, device_id, journal_id, journal_key, seal, opener, nonce, random):
        self.device_id = device_id
        self.journal_id = journal_id
        self.chain = Chain(journal_key, journal_id)
        self.seal = seal
        self.opener = opener
        self.sealer = Sealer(seal, bytes([messages.FROM_SERVER]) + random)
        self.hello_nonce = nonce
        self.aad = nonce + random
        self.hello = {}


class ServerLink:
    """One line with a device at its other end; devices may come and go.

    `keys.device_keys(device_id, journal_id)` gives (seal key, journal key) or None. `aes` as in
    protocol.keys. `session_random()` gives 8 fresh random bytes each time. `now` is Minik time
    in seconds. `device_id`, `hello` and `fault` tell about the device in the current session;
    `rejected` counts what did not verify or came from a stranger; `gave_up` is true once a request
    has been left unanswered three times.
    """

    def __init__(self, keys, aes, session_random):
        self._keys = keys
        self._aes = aes
        self._session_random = session_random
        self._deframer = Deframer()
        self._framer = Framer()
        self._frames = []
        self._pending = None
        self._current = None
        self._request = None  # what is asked of the device until it answers
        self._asked_at = 0
        self._request_tries = 0
        self.gave_up = False
        self.fault = 0
        self.rejected = 0

    @property
    def device_id(self):
        """The device that has proved itself, or None."""
        return self._current.device_id if self._current else None

    @property
    def journal_id(self):
        """The 4 bytes that name that device's journal, or None."""
        return self._current.journal_id if self._current else None

    @property
    def hello(self):
        """What that device said of itself (see `_said`), or None."""
        return self._current.hello if self._current else None

    def knock(self):
        """Ask whoever is there for a HELLO."""
        self._frames.append(bytes(self._framer.frame(messages.KNOCK)))

    def feed(self, chunk, now):
        """Take bytes that came over the line. Errors of the ledger pass through."""
        for payload in self._deframer.payloads(chunk):
            self._receive(bytes(payload), now)

    def outgoing(self):
        """The next frame to write as bytes, or None."""
        return self._frames.pop(0) if self._frames else None

    def tick(self, now):
        """Let time pass: repeat what the device has not answered."""
        if self._request is None or self._asked() is None or now - self._asked_at < _REPLY_S:
            return
        if self._request_tries < _TRIES_MAX:
            self._ask(now)
        else:
            self.gave_up = True

    # -- for subclasses

    def _welcome(self, conversation, now):
        """(next journal seq wanted or None, time or None) for WELCOME."""
        raise NotImplementedError

    def _welcomed(self, conversation, now):
        """WELCOME is on its way in `conversation`, which is pending."""

    def _proved(self, conversation, now):
        """The device is there: `conversation` is the current one from here on."""

    def _handle(self, conversation, kind, message, now):
        """A message of the current session other than ERROR."""
        raise NotImplementedError

    def _asked(self):
        """The conversation that requests go to, or None while there is none."""
        return self._current

    def _send(self, conversation, message, aad=None):
        sealed = conversation.sealer.seal(message, conversation.aad if aad is None else aad)
        if sealed is not None:
            self._frames.append(bytes(self._framer.frame(sealed)))

    def _new_request(self, message):
        self._request = message
        self._request_tries = 0
        self.gave_up = False

    def _ask(self, now):
        self._asked_at = now
        self._request_tries += 1
        self._send(self._asked(), self._request)

    # -- receiving

    def _receive(self, payload, now):
        try:
            kid, nonce, start = split_encrypt0(payload, 0, len(payload))
            for conversation in (self._current, self._pending):
                if conversation is not None and conversation.seal.kid == kid:
                    if nonce == conversation.hello_nonce:
                        return  # its HELLO once more: WELCOME is on its way
                    message = self._try(conversation, payload, nonce, start)
                    if message is not None:
                        self._accept(conversation, message, now)
                        return
            self._take_hello(kid, payload, nonce, start, now)
        except (FrameError, SealError):
            self.rejected += 1

    @staticmethod
    def _try(conversation, payload, nonce, start):
        try:
            return conversation.opener.open(
                conversation.seal, bytearray(payload), nonce, start, len(payload),
                conversation.aad,
            )
        except SealError:
            return None

    def _accept(self, conversation, message, now):
        if conversation is self._pending:
            self._current = conversation
            self._pending = None
            self._proved(conversation, now)
            self.fault = 0
        try:
            if message[0] == messages.ERROR:
                self.fault = uint(message, 1, 255)
            else:
                self._handle(conversation, message[0], message, now)
        except FrameError:
            self._send(conversation, {0: messages.ERROR, 1: messages.MALFORMED})
            raise

    def _take_hello(self, kid, payload, nonce, start, now):
        if not _JOURNAL_ID_BYTES < len(kid) <= KID_BYTES_MAX:
            raise FrameError("kid")
        device_id = "".join(chr(byte) for byte in kid[:-_JOURNAL_ID_BYTES])
        journal_id = kid[-_JOURNAL_ID_BYTES:]
        if not device_id_ok(device_id):
            raise FrameError("kid")
        keys = self._keys.device_keys(device_id, journal_id)
        if keys is None:
            raise SealError("a stranger")
        seal = Encrypt0(self._aes, keys[0], kid)
        opener = Opener(messages.FROM_DEVICE)
        message = opener.open(seal, bytearray(payload), nonce, start, len(payload), b"")
        if message[0] != messages.HELLO:
            raise FrameError("not a HELLO")
        random = bytes(self._session_random())
        if len(random) != _RANDOM_BYTES:
            raise ValueError("session_random gives 8 bytes")
        conversation = Conversation(
            device_id, journal_id, keys[1], seal, opener, nonce, random
        )
        if message.get(1) != messages.VERSION:
            self._send(conversation, {0: messages.ERROR, 1: messages.WRONG_VERSION}, nonce)
            raise FrameError("another version")
        conversation.hello = _said(message)
        self._pending = conversation
        wanted, time = self._welcome(conversation, now)
        welcome = {0: messages.WELCOME, 2: time}
        if wanted is not None:
            welcome[1] = wanted
        self._send(conversation, welcome, nonce)
        self._welcomed(conversation, now)


def _said(message):
    """A HELLO in names: what ledger and fleet view keep."""
    place = message.get(7)
    firmware = raw(message, 4, 3)
    if not isinstance(place, list) or len(place) != 3 or len(firmware) != 3:
        raise FrameError("HELLO: place or firmware")
    codes = {0: messages.HELLO, 7: place[0], 8: place[1], 9: place[2]}
    return {
        "head": uint(message, 2, _SEQ_MAX),
        "watermark": uint(message, 3, _SEQ_MAX),
        "firmware": "%d.%d.%d" % tuple(firmware),
        "clock_quality": uint(message, 5, 255),
        "time": uint(message, 6, _SEQ_MAX),
        "vehicle": uint(codes, 7, _CODE_MAX),
        "route": uint(codes, 8, _CODE_MAX),
        "stop": uint(codes, 9, _CODE_MAX),
        "role": uint(message, 8, 255),
    }


class ServerSession(ServerLink):
    """Takes batches into a ledger.

    `ledger` has `device_keys` as above and

    - `position(device_id, journal_id) -> (next_seq, last_mac8)`: what it has, and the MAC of the
      last good record below `next_seq` (None or the chain's start before the first);
    - `commit(device_id, journal_id, first_seq, records) -> (next_seq, last_mac8)`: `records` is a
      list of 64-byte records, None for a torn slot, b"" for one that was whole once and is no
      longer (a finding); durable before it returns, idempotent;
    - `seen(device_id, hello)`: the device has proved itself; `hello` as `_said` gives it, with
      `journal_id` in hex.
    """

    def __init__(self, ledger, aes, session_random):
        ServerLink.__init__(self, ledger, aes, session_random)
        self._ledger = ledger
        self._place_number = 0
        self.place_held = None  # answer to the last `set_place`: True, False, None not yet
        self.next_seq = None  # of the current session's journal, as last committed

    def set_place(self, vehicle, route, stop, now):
        """Ask the device to take this place; asked again when it says HELLO or stays silent."""
        self._place_number = self._place_number + 1 & _CODE_MAX
        self._new_request(
            {0: messages.SET_PLACE, 1: self._place_number, 2: vehicle, 3: route, 4: stop}
        )
        self.place_held = None
        if self._current is not None:
            self._ask(now)

    def is_caught_up(self):
        """Whether all that the current device had at its HELLO is committed."""
        return self._current is not None and (self.next_seq or 0) >= self._current.hello["head"]

    def _position(self, conversation):
        next_seq, mac = self._ledger.position(conversation.device_id, conversation.journal_id)
        return next_seq, conversation.chain.start() if mac is None else mac

    def _welcome(self, conversation, now):
        return self._position(conversation)[0], now

    def _proved(self, conversation, now):
        hello = dict(conversation.hello)
        hello["journal_id"] = "".join("%02x" % byte for byte in conversation.journal_id)
        self._ledger.seen(conversation.device_id, hello)
        self.next_seq = self._position(conversation)[0]
        if self._request is not None:
            self._new_request(self._request)
            self._ask(now)

    def _handle(self, conversation, kind, message, now):
        if kind == messages.BATCH:
            self._batch(conversation, message)
        elif kind == messages.PLACE_SET and uint(message, 1, _CODE_MAX) == self._place_number:
            self.place_held = message.get(2) is True
            self._request = None

    def _batch(self, conversation, message):
        first = uint(message, 1, _SEQ_MAX)
        count = uint(message, 2, _BATCH_RECORDS_MAX)
        mac = raw(message, 3, 8) if 3 in message else None
        coded = raw(message, 4, messages.STRING_BYTES_MAX)
        next_seq, previous = self._position(conversation)
        if count and first == next_seq:
            try:
                records, _ = undelta.check(
                    coded, first, count, conversation.chain, previous, mac
                )
            except JournalCorrupt:
                self.fault = messages.CHAIN
                self._send(conversation, {0: messages.ERROR, 1: messages.CHAIN})
                return
            next_seq = self._ledger.commit(
                conversation.device_id, conversation.journal_id, first, records
            )[0]
        self.next_seq = next_seq
        self._send(conversation, {0: messages.ACK, 1: next_seq, 2: conversation.journal_id})


class PullSession(ServerLink):
    """Reads a journal from `first_seq` to its head as it lies there; acknowledges nothing.

    `records` is a list of (journal seq, 64 bytes or None for a torn slot), `head` the journal's
    head as last told, `done` true when everything up to it was read.
    """

    def __init__(self, keys, aes, session_random, first_seq=0):
        ServerLink.__init__(self, keys, aes, session_random)
        self._next = first_seq
        self.records = []
        self.head = None
        self.done = False

    def _welcome(self, conversation, now):
        return None, None

    def _asked(self):
        return self._pending or self._current

    def _welcomed(self, conversation, now):
        self._request_next(now)

    def _request_next(self, now):
        self._new_request({0: messages.PULL, 1: self._next})
        self._ask(now)

    def _handle(self, conversation, kind, message, now):
        if kind != messages.DUMP or self.done:
            return
        first = uint(message, 1, _SEQ_MAX)
        count = uint(message, 2, _BATCH_RECORDS_MAX)
        torn = uint(message, 3, _SEQ_MAX)
        self.head = uint(message, 4, _SEQ_MAX)
        content = raw(message, 5, messages.STRING_BYTES_MAX)
        if len(content) != count * RECORD_BYTES:
            raise FrameError("DUMP: length")
        if count and first < self._next:
            return  # the answer to a request that was repeated
        for index in range(count):
            record = content[index * RECORD_BYTES:(index + 1) * RECORD_BYTES]
            self.records.append((first + index, None if torn >> index & 1 else record))
        self._next = first + count
        if count and self._next < self.head:
            self._request_next(now)
            return
        self.done = True
        self._request = None
        self._send(conversation, {0: messages.BYE})
