"""The part of CBOR (RFC 8949) that Minik speaks: integers, byte and text strings, arrays, maps,
true, false and null; definite lengths, shortest forms, no key twice, bounded nesting (SPEC §4.3).

No floats, no tags (COSE reads its own) and nothing indefinite. Decoding is a loop with a bounded
stack and never reads or reserves more than the input holds; whatever it does not like is a
FrameError. Encoding writes into a buffer of the caller, map keys being unsigned integers in
rising order (MicroPython's dict has no order of its own).
"""

from protocol.compat import const
from protocol.errors import FrameError

DEPTH_MAX = const(4)
_UINT = const(0)
_NEGATIVE = const(1)
BYTES = const(2)
TEXT = const(3)
_ARRAY = const(4)
_MAP = const(5)
_SIMPLE = const(7)
_SIMPLE_VALUES = (False, True, None)  # 20, 21, 22
_SIMPLE_FIRST = const(20)
_NO_KEY = object()


def read_head(buf, position, end):
    """The head at `position`: (major type, argument, position after it)."""
    if position >= end:
        raise FrameError("CBOR: cut")
    initial = buf[position]
    position += 1
    argument = initial & 0x1F
    if argument < 24:
        return initial >> 5, argument, position
    if argument > 27:
        raise FrameError("CBOR: indefinite or reserved")
    width = 1 << argument - 24
    if position + width > end:
        raise FrameError("CBOR: cut")
    argument = 0
    for byte in range(position, position + width):
        argument = argument << 8 | buf[byte]
    if argument < 24 or width > 1 and not argument >> 4 * width:
        raise FrameError("CBOR: not the shortest form")
    return initial >> 5, argument, position + width


def decode(buf, position=0, end=None):
    """The one value that fills buf[position:end]."""
    if end is None:
        end = len(buf)
    value, after = decode_item(buf, position, end)
    if after != end:
        raise FrameError("CBOR: bytes left over")
    return value


def decode_item(buf, position, end):
    """The value at `position`: (value, position after it). Strings are copies."""
    stack = []  # of [container, items still to come, key waiting for its value]
    while True:
        major, argument, position = read_head(buf, position, end)
        count = 0
        if major == _UINT:
            value = argument
        elif major == _NEGATIVE:
            value = -1 - argument
        elif major == BYTES or major == TEXT:
            value, position = _string(buf, position, end, argument, major)
        elif major == _ARRAY or major == _MAP:
            count = argument if major == _ARRAY else 2 * argument
            if count > end - position or len(stack) == DEPTH_MAX:
                raise FrameError("CBOR: more items or depth than there is room for")
            value = [] if major == _ARRAY else {}
        elif major == _SIMPLE and 0 <= argument - _SIMPLE_FIRST < len(_SIMPLE_VALUES):
            value = _SIMPLE_VALUES[argument - _SIMPLE_FIRST]
        else:
            raise FrameError("CBOR: tag, float or unassigned")
        if count:
            stack.append([value, count, _NO_KEY])
            continue
        while stack:
            top = stack[-1]
            _place(top, value)
            if top[1]:
                break
            value = top[0]
            stack.pop()
        else:
            return value, position


def _string(buf, position, end, length, major):
    if length > end - position:
        raise FrameError("CBOR: cut")
    string = bytes(memoryview(buf)[position:position + length])
    if major == TEXT:
        try:
            string = string.decode("utf-8")
        except UnicodeError:
            raise FrameError("CBOR: text is not UTF-8")
    return string, position + length


def _place(top, value):
    """Put `value` where the open container expects its next item."""
    container = top[0]
    top[1] -= 1
    if isinstance(container, list):
        container.append(value)
    elif top[2] is not _NO_KEY:
        container[top[2]] = value
        top[2] = _NO_KEY
    else:
        if isinstance(value, (bool, list, dict)) or value is None or value in container:
            raise FrameError("CBOR: a key twice, or one of an unfit type")
        top[2] = value


def put_head(buf, position, major, argument):
    """Write a head; returns the position after it. ValueError if `buf` ends before."""
    width = 0
    if argument >= 24:
        width = 1
        while width < 8 and argument >> 8 * width:
            width *= 2
    if argument < 0 or argument >> 64 or position + 1 + width > len(buf):
        raise ValueError("value or message too large for CBOR or its buffer")
    if not width:
        buf[position] = major << 5 | argument
        return position + 1
    buf[position] = major << 5 | (24 + (1, 2, 4, 8).index(width))
    for place in range(width, 0, -1):
        buf[position + place] = argument & 0xFF
        argument >>= 8
    return position + 1 + width


def encode_into(value, buf, position=0, depth=DEPTH_MAX):
    """Write `value` at `position` of `buf`; returns the position after it.

    Raises ValueError when it does not fit, nests too deep, or is of a type not spoken here.
    """
    if value is None or value is False or value is True:
        return put_head(buf, position, _SIMPLE, _SIMPLE_FIRST + _SIMPLE_VALUES.index(value))
    if isinstance(value, int):
        if value < 0:
            return put_head(buf, position, _NEGATIVE, -1 - value)
        return put_head(buf, position, _UINT, value)
    if isinstance(value, (str, bytes, bytearray, memoryview)):
        major = TEXT if isinstance(value, str) else BYTES
        string = value.encode() if major == TEXT else value
        position = put_head(buf, position, major, len(string))
        if position + len(string) > len(buf):
            raise ValueError("message too large for its buffer")
        buf[position:position + len(string)] = string
        return position + len(string)
    if not depth:
        raise ValueError("nested too deep")
    if isinstance(value, (list, tuple)):
        position = put_head(buf, position, _ARRAY, len(value))
        for item in value:
            position = encode_into(item, buf, position, depth - 1)
        return position
    if not isinstance(value, dict):
        raise ValueError("a type this CBOR does not speak")
    position = put_head(buf, position, _MAP, len(value))
    for key in sorted(value):
        position = put_head(buf, position, _UINT, key)
        position = encode_into(value[key], buf, position, depth - 1)
    return position


def encode(value, bytes_max=1024):
    """`value` as bytes, at most `bytes_max` of them."""
    buf = bytearray(bytes_max)
    return bytes(memoryview(buf)[:encode_into(value, buf)])
