"""The signed tariff on the board's file system: read in place, replaced as a whole (SPEC §6.1).

`/tariff.bin` is in use; `/tariff.new`, if it is there at boot, takes its place or is deleted
(docs/validator.md says when). Taking it is one rename: a power cut leaves the old or the new one.
Left out: how a file gets onto the board, and what a tariff says.
"""

import os

from protocol.compat import const
from protocol.errors import AuthError, LayoutError
from protocol.fares.tariff import Tariff, check_payload
from protocol.fields import put_uint
from protocol.lists.signed import open_signed, read_envelope

_PATH = "/tariff.bin"
_NEW = "/tariff.new"
_AAD = b"minik tariff 1"
_SIZE_AT = const(6)  # in what os.stat answers
_SHORTEST = const(256)  # bytes; the head of a payload alone has that many
_CHUNK = const(128)


class FileStore:
    """An open file; `readinto` counts from `base`. OSError where the file system fails."""

    def __init__(self, path):
        self.size = os.stat(path)[_SIZE_AT]
        self.base = 0
        self._file = open(path, "rb")

    def readinto(self, offset, buf):
        """Fill `buf` from `offset`. LayoutError if the file ends before."""
        self._file.seek(self.base + offset)
        if self._file.readinto(buf) != len(buf):
            raise LayoutError("truncated")

    def close(self):
        """Let go of the file."""
        self._file.close()


class _Loaded:
    """A file whose signature and content have been verified."""

    def __init__(self, store):
        self.store = store
        self.tariff = Tariff(store)


def load_tariff(keyset, feed):
    """The tariff to use from now on, its file open; None if there is no good one.

    `keyset` has the issuers and the agency; `feed` is called before each long step. A file that is
    refused is named on the console.
    """
    held = _verified(_PATH, keyset, feed)
    new = _verified(_NEW, keyset, feed)
    if new is None:
        return held and held.tariff
    fault = held and _worse(new, held)
    new.store.close()
    if fault:
        _refuse(_NEW, fault)
        return held.tariff
    if held:
        held.store.close()
    try:
        os.rename(_NEW, _PATH)
    except OSError:
        print("fault file system")
    held = _verified(_PATH, keyset, feed)
    return held and held.tariff


def _verified(path, keyset, feed):
    """The file as a _Loaded; None if it is absent or, having said why, refused."""
    try:
        store = FileStore(path)
    except OSError:
        return None
    try:
        feed()
        fault = _find_payload(store, keyset)
        if fault is None or fault == "foreign":
            feed()
            check_payload(store, store.size)
            loaded = _Loaded(store)
            if fault is None:
                return loaded
    except (LayoutError, OSError):
        fault = "damaged"
    store.close()
    _refuse(path, fault)
    return None


def _find_payload(store, keyset):
    """Verify the signature, let `store` be `size` bytes of payload; None, or what is wrong.

    LayoutError, OSError: damaged. "foreign" says nothing of the payload yet.
    """
    aad = bytearray(_AAD + b"\x00\x00")
    put_uint(aad, len(_AAD), 2, keyset.agency)
    fault = None
    try:
        offset, width = open_signed(store, store.size, bytes(aad), keyset.issuers)
    except AuthError:
        envelope = read_envelope(store, store.size)
        offset = envelope.payload_offset
        width = envelope.payload_width
        fault = "foreign"
    except LayoutError as error:
        short = store.size < _SHORTEST or error.args[0] == "truncated"
        return "truncated" if short else "damaged"
    store.base = offset
    store.size = width
    return fault


def _worse(new, held):
    """Why `new` must not take the place of `held`; None if it may."""
    if (new.tariff.currency, new.tariff.exponent) != (held.tariff.currency, held.tariff.exponent):
        return "foreign"
    if new.tariff.version > held.tariff.version:
        return None
    if new.tariff.version == held.tariff.version and _same(new.store, held.store):
        return None
    return "older"


def _same(one, other):
    """Do the two payloads hold the same bytes?"""
    if one.size != other.size:
        return False
    first = bytearray(_CHUNK)
    second = bytearray(_CHUNK)
    for offset in range(0, one.size, _CHUNK):
        width = min(_CHUNK, one.size - offset)
        one.readinto(offset, memoryview(first)[:width])
        other.readinto(offset, memoryview(second)[:width])
        if first != second:
            return False
    return True


def _refuse(path, fault):
    print("fault tariff " + fault)
    if path == _NEW:
        try:
            os.remove(path)
        except OSError:
            print("fault file system")
