"""Texts, sums, names and dates as the display writes them; nothing here draws or decides.

The words come from the catalogue /lang/<language>.txt (docs/validator.md has the table), kept as
the bytes of its file and searched when needed: a dict of its texts would take five times the room.
"""

from protocol.compat import const

LARGE_CHARACTERS = const(10)  # of a line in dots of two pixels
SMALL_CHARACTERS = const(21)
_WRITTEN = (("%", "%25"), (" ", "%20"), ("=", "%3D"))


def load_catalogue(language):
    """The texts of a language, as `texts_of` takes them; empty if the file is not there."""
    try:
        with open("/lang/" + language + ".txt", "rb") as file:
            return b"\n" + file.read()
    except OSError:
        return b""


def texts_of(catalogue, key):
    """The lines of the text `key`; a text that is missing shows its key."""
    start = catalogue.find(b"\n" + key.encode() + b": ")
    if start < 0:
        return [key]
    start += len(key) + 3
    return catalogue[start:catalogue.find(b"\n", start)].decode().split("|")


def money(amount_minor, exponent):
    """`amount_minor` in whole units: 12345 with exponent 2 is "123.45"."""
    sign = "-" if amount_minor < 0 else ""
    digits = str(abs(amount_minor))
    if exponent:
        digits = "0" * (exponent + 1 - len(digits)) + digits
        digits = digits[:-exponent] + "." + digits[-exponent:]
    return sign + digits


def clock_time(local_s):
    """Hour and minute of seconds of local time: "08:05"."""
    minutes = local_s // 60
    return "%02d:%02d" % (minutes // 60 % 24, minutes % 60)


def date(year, month, day):
    """A date: "28.02.2026"."""
    return "%02d.%02d.%d" % (day, month, year)


def two_lines(name):
    """`name` in one or two lines, split at a space: large ones if it fits so, else small ones."""
    for room in (LARGE_CHARACTERS, SMALL_CHARACTERS):
        if len(name) <= room:
            return [name]
        space = name.rfind(" ", 0, room + 1)
        if space > 0 and (len(name) - space - 1 <= room or room == SMALL_CHARACTERS):
            return [name[:space], name[space + 1:]]
    return [name[:SMALL_CHARACTERS], name[SMALL_CHARACTERS:]]


def joined(pieces, room):
    """As many of `pieces` as fit into `room` characters, from the first on."""
    text = ""
    for piece in pieces:
        longer = text + ", " + piece if text else piece
        if len(longer) > room:
            break
        text = longer
    return text


def console_word(name):
    """`name` as one word of a console line."""
    for sign, written in _WRITTEN:
        name = name.replace(sign, written)
    return name
