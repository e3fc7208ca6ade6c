"""Layouts declared once, parsed and packed from the same table (SPEC.md gives every table).

A layout is an ordered tuple of fields ``(name, offset, width)`` or ``(name, offset, width, RAW)``:
little-endian unsigned integers of 1 to 4 bytes, or raw bytes. Integers are read byte by byte, so a
field may have any width and sit at any offset, and reading one allocates nothing on a board as
long as it stays below 2**30.
"""

RAW = "raw"


def get_uint(buf, offset, width):
    """Unsigned little-endian integer of `width` bytes at `offset` of `buf`."""
    value = 0
    shift = 0
    for position in range(offset, offset + width):
        value |= buf[position] << shift
        shift += 8
    return value


def put_uint(buf, offset, width, value):
    """Store `value` as `width` little-endian bytes at `offset`; ValueError if it does not fit."""
    if value < 0 or value >> (8 * width):
        raise ValueError("value does not fit its field")
    for position in range(offset, offset + width):
        buf[position] = value & 0xFF
        value >>= 8


def parse(layout, buf, base=0):
    """All fields of `layout` at `base` of `buf` as a dict; raw fields as bytes."""
    fields = {}
    for field in layout:
        start = base + field[1]
        if len(field) > 3:
            fields[field[0]] = bytes(buf[start:start + field[2]])
        else:
            fields[field[0]] = get_uint(buf, start, field[2])
    return fields


def pack_into(layout, buf, base, fields):
    """Store `fields` (a dict; absent names become zero) at `base` of `buf`.

    Raises ValueError for a value that does not fit and for a name the layout does not have.
    """
    known = 0
    for field in layout:
        start = base + field[1]
        width = field[2]
        value = fields.get(field[0])
        if value is not None:
            known += 1
        if len(field) > 3:
            raw = bytes(value or b"")
            if len(raw) > width:
                raise ValueError(field[0])
            buf[start:start + width] = raw + bytes(width - len(raw))
        else:
            put_uint(buf, start, width, value or 0)
    if known != sum(1 for value in fields.values() if value is not None):
        raise ValueError("field not in this layout")


def layout_width(layout):
    """Bytes from the start of the layout to the end of its last field."""
    last = layout[-1]
    return last[1] + last[2]


def find(layout, name):
    """The field `name` of a layout; ValueError if it has none. For looking up once, at import."""
    for field in layout:
        if field[0] == name:
            return field
    raise ValueError(name)


def put(buf, field, value, base=0):
    """Store an integer in the field that `find` gave."""
    put_uint(buf, base + field[1], field[2], value)


def put_raw(buf, field, value, base=0):
    """Store bytes in a raw field that `find` gave, zero padded; ValueError if too long."""
    width = field[2]
    if len(value) > width:
        raise ValueError(field[0])
    start = base + field[1]
    for index in range(width):
        buf[start + index] = value[index] if index < len(value) else 0
