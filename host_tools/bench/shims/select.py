"""`select.poll` over objects that answer `ioctl(3, flags)`; waiting is bench time passing.

Left out: `select.select` and polling of the host's own files, which no board has.
"""

import _bus
from micropython import const

POLLIN = const(1)
POLLOUT = const(4)
POLLERR = const(8)
POLLHUP = const(16)

_MP_STREAM_POLL = const(3)


class poll:
    def __init__(self):
        self._entries = []  # [stream, events]

    def _find(self, stream):
        for entry in self._entries:
            if entry[0] is stream:
                return entry
        return None

    def register(self, stream, events=POLLIN | POLLOUT):
        entry = self._find(stream)
        if entry is None:
            self._entries.append([stream, events])
        else:
            entry[1] = events

    def modify(self, stream, events):
        entry = self._find(stream)
        if entry is None:
            raise OSError(2)
        entry[1] = events

    def unregister(self, stream):
        entry = self._find(stream)
        if entry is not None:
            self._entries.remove(entry)

    def ipoll(self, timeout_ms=-1, flags=0):
        until = -1 if timeout_ms is None or timeout_ms < 0 else _bus.now + timeout_ms * 1000
        _bus.spend(0)
        while True:
            hits = None
            for entry in self._entries:
                got = entry[0].ioctl(_MP_STREAM_POLL, entry[1])
                if got:
                    if hits is None:
                        hits = []
                    hits.append((entry[0], got))
                    if flags & 1:
                        entry[1] = 0
            if hits is not None:
                return iter(hits)
            if 0 <= until <= _bus.now and not _bus.ready & _bus.IRQ_READY:
                return iter(())
            _bus.idle(until)

    def poll(self, timeout_ms=-1, flags=0):
        return list(self.ipoll(timeout_ms, flags))
