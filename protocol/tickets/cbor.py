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
    if argument < 24 or (width > 1 and not argument >> 4 * width):
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
    stack: "list" = []  # of [container, items still to come, key waiting for its value]
    while True:
        major, argument, position = read_head(buf, position, end)
        if major == _ARRAY or major == _MAP:
            count = argument if major == _ARRAY else 2 * argument
            if count > end - position or len(stack) == DEPTH_MAX:
                raise FrameError("CBOR: more items or depth than there is room for")
            value: "object" = [] if major == _ARRAY else {}
            if count:
                stack.append([value, count, _NO_KEY])
                continue
        elif major == BYTES or major == TEXT:
            value, position = _string(buf, position, end, argument, major)
        else:
            value = _scalar(major, argument)
        while stack:
            top = stack[-1]
            _place(top, value)
            if top[1]:
                break
            value = top[0]
            stack.pop()
        else:
            return value, position


def _scalar(major, argument):
    if major == _UINT:
        return argument
    if major == _NEGATIVE:
        return -1 - argument
    if major == _SIMPLE and 0 <= argument - _SIMPLE_FIRST < len(_SIMPLE_VALUES):
        return _SIMPLE_VALUES[argument - _SIMPLE_FIRST]
    raise FrameError("CBOR: tag, float or unassigned")


def _string(buf, position, end, length, major):
    if length > end - position:
        raise FrameError("CBOR: cut")
    end = position + length
    string = bytes(memoryview(buf)[position:end])
    if major == BYTES:
        return string, end
    try:
        return string.decode("utf-8"), end
    except UnicodeError:
        raise FrameError("CBOR: text is not UTF-8")


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
        major = _NEGATIVE if value < 0 else _UINT
        return put_head(buf, position, major, -1 - value if value < 0 else value)
    if isinstance(value, str):
        return _put_string(value.encode(), buf, position, TEXT)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _put_string(value, buf, position, BYTES)
    if not depth:
        raise ValueError("nested too deep")
    if isinstance(value, dict):
        position = put_head(buf, position, _MAP, len(value))
        for key in sorted(value):
            position = put_head(buf, position, _UINT, key)
            position = encode_into(value[key], buf, position, depth - 1)
        return position
    if not isinstance(value, (list, tuple)):
        raise ValueError("a type this CBOR does not speak")
    position = put_head(buf, position, _ARRAY, len(value))
    for item in value:
        position = encode_into(item, buf, position, depth - 1)
    return position


def _put_string(string, buf, position, major):
    position = put_head(buf, position, major, len(string))
    end = position + len(string)
    if end > len(buf):
        raise ValueError("message too large for its buffer")
    buf[position:end] = string
    return end


def encode(value, bytes_max=1024):
    """`value` as bytes, at most `bytes_max` of them."""
    buf = bytearray(bytes_max)
    return bytes(memoryview(buf)[:encode_into(value, buf)])
