"""The device's configuration: one object, made from /config.json and checked as a whole.

| key | meaning |
|---|---|
| device_id | 1 to 16 characters, as in the device's key set |
| role | "validator" |
| agency | 1 to 65535 |
| vehicle | code of the fleet registry, 0 to 65535, 0 none (optional) |
| route, stop | codes of the tariff, 0 to 65535, 0 none; stop may be a zone (optional; SPEC §1) |
| language | catalogue /lang/<language>.txt (default "en") |
| board | pins, a module of firmware/boards (default "wrover") |

A configuration that is missing or wrong never raises here: `load` answers the defaults together
with one line that says what is wrong, for display and console.
"""

ROLES = ("validator",)
BOARDS = ("wrover", "bench")
LANGUAGES = ("en",)
_SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_CODES = ("agency", "vehicle", "route", "stop")
_CHOICES = (("role", ROLES), ("language", LANGUAGES), ("board", BOARDS))


class Config:
    """Checked values, an attribute a key."""

    def __init__(self):
        self.device_id = "unknown"
        self.role = ROLES[0]
        self.agency = 0
        self.vehicle = self.route = self.stop = 0
        self.language = LANGUAGES[0]
        self.board = BOARDS[0]


def load(path):
    """(Config, None), or (Config of defaults, what is wrong with the file in one line)."""
    import json

    config = Config()
    try:
        with open(path) as file:
            fields = json.load(file)
    except OSError:
        return config, "no " + path
    except ValueError:
        return config, path + " is no JSON"
    wrong = _fill(config, fields) or _fill_numbers(config, fields)
    if wrong:
        return Config(), path + " " + wrong
    return config, None


def _fill(config, fields):
    """Set what `fields` says; None, or what is wrong."""
    if not isinstance(fields, dict):
        return "is no object"
    for key in fields:
        if not hasattr(config, key):
            return "key " + key
    for key, choices in _CHOICES:
        value = fields.get(key, getattr(config, key))
        if value not in choices:
            return key
        setattr(config, key, value)
    return None if "role" in fields else "role"


def _fill_numbers(config, fields):
    """As `_fill`, for the device's name and its codes."""
    device_id = fields.get("device_id")
    if not isinstance(device_id, str) or not 1 <= len(device_id) <= 16:
        return "device_id"
    for sign in device_id:
        if sign not in _SIGNS:
            return "device_id"
    config.device_id = device_id
    for key in _CODES:
        value = fields.get(key, 0)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 0xFFFF:
            return key
        setattr(config, key, value)
    return None if config.agency else "agency"
