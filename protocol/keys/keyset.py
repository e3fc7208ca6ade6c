"""The key set file of a device (SPEC §5.4): what it is, what it may, and the keys for that.

The host writes it (`host_tools.keys.store`), the device reads it once at boot.
"""

from protocol.compat import const
from protocol.errors import FrameError, LayoutError
from protocol.keys.vault import KeyVault
from protocol.tickets import cbor

FORMAT = const(1)
BYTES_MAX = const(1024)
VALIDATOR = const(1)
INSPECTOR = const(2)
ROLE_NAMES = (None, "validator", "inspector")
ROLE_PURPOSES = ((), ("read", "debit", "state"), ("read", "state"))
PURPOSE_CODES = (None, "read", "debit", "personalise", "state")
DEVICE_ID_BYTES_MAX = const(16)
_DEVICE_ID_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_BYTE_FIELDS = ((4, 4), (5, 16), (6, 32))  # journal id, seal key, journal key: key, width
_NUMBER_FIELDS = ((1, 0xFFFF), (2, 0xFF), (7, INSPECTOR))  # agency, key version, role: key, top
_MASTERS = const(8)
_ISSUERS = const(9)


def device_id_ok(device_id):
    """Whether a text can name a device: 1 to 16 characters of SPEC §5.3."""
    return 1 <= len(device_id) <= DEVICE_ID_BYTES_MAX and all(
        sign in _DEVICE_ID_SIGNS for sign in device_id
    )


class Keyset:
    """A checked key set. `issuers` maps key id to 64 bytes x ‖ y; `kid` names it in a seal."""

    def __init__(self, fields):
        self.agency = fields[1]
        self.key_version = fields[2]
        self.device_id = fields[3]
        self.journal_id = fields[4]
        self.seal_key = fields[5]
        self.journal_key = fields[6]
        self.role = fields[7]
        self.issuers = fields[_ISSUERS]
        self.kid = self.device_id.encode() + self.journal_id
        self._masters = fields[_MASTERS]

    def vault(self, aes):
        """The KeyVault of this device's role. The masters leave the key set with it: once only."""
        named = {}
        for code in self._masters:
            named[PURPOSE_CODES[code]] = self._masters[code]
        self._masters = {}
        return KeyVault(aes, named, ROLE_PURPOSES[self.role])


def load_keyset(content):
    """The Keyset in the bytes of its file; LayoutError for anything SPEC §5.4 does not allow."""
    try:
        fields = cbor.decode(content)
    except FrameError:
        raise LayoutError("key set: not CBOR")
    if len(content) > BYTES_MAX or not isinstance(fields, dict) or fields.get(0) != FORMAT:
        raise LayoutError("key set: not of format 1")
    for key, top in _NUMBER_FIELDS:
        value = fields.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= top:
            raise LayoutError("key set: field %d" % key)
    for key, width in _BYTE_FIELDS:
        if not _is_bytes(fields.get(key), width):
            raise LayoutError("key set: field %d" % key)
    if not isinstance(fields.get(3), str) or not device_id_ok(fields[3]) or not fields[7]:
        raise LayoutError("key set: device id or role")
    _check_keys(fields)
    return Keyset(fields)


def _check_keys(fields):
    masters = fields.get(_MASTERS)
    issuers = fields.get(_ISSUERS)
    if not isinstance(masters, dict) or not isinstance(issuers, dict):
        raise LayoutError("key set: no keys")
    allowed = ROLE_PURPOSES[fields[7]]
    if len(masters) != len(allowed):
        raise LayoutError("key set: not the masters of its role")
    for purpose in allowed:
        if not _is_bytes(masters.get(PURPOSE_CODES.index(purpose)), 16):
            raise LayoutError("key set: not the masters of its role")
    for key_id in issuers:
        if not isinstance(key_id, int) or not 0 <= key_id <= 0xFFFF:
            raise LayoutError("key set: issuer key id")
        if not _is_bytes(issuers[key_id], 64):
            raise LayoutError("key set: issuer key")


def _is_bytes(value, width):
    return isinstance(value, bytes) and len(value) == width
