"""The few bytes a device keeps between boots besides its journal: the watermark and the place.

One small file, replaced as a whole (written beside, then renamed), so a cut leaves the old or the
new one. Losing it costs only records sent twice and the place of the configuration. A place set
over the air holds until the configuration names another one.
"""

import os

from protocol.compat import const
from protocol.fields import get_uint, put_uint

_FOLDER = "/state"
_PATH = "/state/device"
_NEW = "/state/device.new"

# journal id (4), watermark (4), place of the configuration (3 times 2), place now (3 times 2)
_WATERMARK_AT = const(4)
_CONFIGURED_AT = const(8)
_PLACE_AT = const(14)
_BYTES = const(20)


def _put_place(buf, base, place):
    put_uint(buf, base, 2, place.vehicle)
    put_uint(buf, base + 2, 2, place.route)
    put_uint(buf, base + 4, 2, place.stop)


class State:
    """What was kept for `journal_id` and the configured `place`, which is changed to the kept one.

    `watermark` is 0 if nothing was kept for this journal.
    """

    def __init__(self, journal_id, place):
        self._kept = bytearray(_BYTES)
        self._place = place
        self.watermark = 0
        kept = self._read()
        self._kept[0:4] = journal_id
        _put_place(self._kept, _CONFIGURED_AT, place)
        if len(kept) == _BYTES and kept[:_WATERMARK_AT] == journal_id:
            self.watermark = get_uint(kept, _WATERMARK_AT, 4)
            if kept[_CONFIGURED_AT:_PLACE_AT] == self._kept[_CONFIGURED_AT:_PLACE_AT]:
                place.vehicle = get_uint(kept, _PLACE_AT, 2)
                place.route = get_uint(kept, _PLACE_AT + 2, 2)
                place.stop = get_uint(kept, _PLACE_AT + 4, 2)
        _put_place(self._kept, _PLACE_AT, place)
        put_uint(self._kept, _WATERMARK_AT, 4, self.watermark)

    def _read(self):
        try:
            with open(_PATH, "rb") as file:
                return file.read(_BYTES + 1)
        except OSError:
            return b""

    def save(self, watermark):
        """Keep `watermark` and the place as it is now; nothing is written if nothing changed.

        OSError if the file system does not take it.
        """
        kept = bytearray(self._kept)
        put_uint(kept, _WATERMARK_AT, 4, watermark)
        _put_place(kept, _PLACE_AT, self._place)
        if kept == self._kept:
            return
        try:
            os.mkdir(_FOLDER)
        except OSError:
            pass  # it is there already; if it can't be made, the next line says so
        with open(_NEW, "wb") as file:
            file.write(kept)
        os.rename(_NEW, _PATH)
        self._kept = kept
        self.watermark = watermark
