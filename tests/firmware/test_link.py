"""Joining and shrinking modules changes nothing that they do, and refuses what it can't keep."""

import ast
import re
import subprocess
import sys

import pytest

from host_tools.device.build import build_firmware, link_firmware
from host_tools.device.link import link
from host_tools.device.shrink import shrink_all
from host_tools.errors import BadInput

HELPERS = b'''
"""Helpers."""
from protocol.compat import const

LIMIT = const(3)
_HIDDEN = const(LIMIT * 2 - 10)
TABLE = (1, LIMIT, _HIDDEN)


def scale(value, factor):
    """Scaled."""
    return value * factor + _HIDDEN


def _offset(value):
    return value + 1


def outer(value):
    def inner(step):
        return value + step + _offset(step)

    return [inner(value) for value in range(value)]


def never_used():
    return 1


class Thing:
    """Attributes, private ones too."""

    KIND = LIMIT

    def __init__(self, value):
        self._value = value
        self.public = scale(value, factor=2)

    @property
    def doubled(self):
        return self._value * 2

    def _step(self, value):
        self._value += value
        return self._value

    def step(self, value=LIMIT):
        return self._step(value)

    def never_used_either(self):
        return 2
'''
OTHER = b'''
from protocol import helpers
from protocol.helpers import LIMIT, Thing as Base, scale


def scale_other(value):
    scale = helpers.scale(value, factor=LIMIT)
    return scale


def _offset(value):
    return value - LIMIT


class Thing(Base):
    _extra = 7

    def more(self):
        return self._extra + _offset(self.public) + scale(1, factor=helpers.LIMIT)
'''
APP = b'''
import json

from protocol import helpers, other


def main(limit):
    """Everything once."""
    from protocol.helpers import outer

    thing = other.Thing(limit)
    try:
        raise ValueError(helpers.TABLE)
    except ValueError as error:
        table = error.args[0]
    numbers = {helpers: helpers for helpers in outer(3)}
    return json.dumps([
        table, thing.doubled, thing.step(), thing.step(value=5), thing.more(), thing.KIND,
        other.scale_other(5), sorted(numbers), (lambda: helpers.LIMIT + limit)(),
    ])
'''
SOURCES = {"protocol/helpers.py": HELPERS, "protocol/other.py": OTHER, "firmware/app.py": APP}
START = b"from firmware import app\nprint(app.main(4))\n"


def joined(sources=SOURCES, start=START):
    small = {
        path.removesuffix(".py").replace("/", "."): text
        for path, text in shrink_all(sources, [start]).items()
    }
    return link(small, "firmware.app", {"main"})


def said(folder, *files):
    for path, text in files:
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text)
    done = subprocess.run(
        [sys.executable, "start.py"], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_joined_modules_do_what_the_modules_do(tmp_path):
    compat = ("protocol/compat.py", b"def const(value):\n    return value\n")
    start = ("start.py", START)
    apart = said(tmp_path / "apart", *SOURCES.items(), compat, start)
    linked = joined()
    whole = said(tmp_path / "whole", ("firmware/app.py", linked.source), start)
    assert apart == whole
    assert apart.startswith("[[1, 3, -4], 8, 7, 12,")


def test_what_is_not_needed_is_gone_and_what_others_name_is_not():
    text = joined().source.decode()
    assert not re.search("never_used|_value|LIMIT =|_HIDDEN|import helpers", text)
    assert "self._extra" in text
    assert re.search(r"def main\(", text)
    assert "factor=" in text


def test_lines_of_the_whole_lead_back_to_their_files():
    linked = joined()
    lines = linked.source.decode().splitlines()
    number = next(n for n, line in enumerate(lines, 1) if "class Thing:" in line)
    name, line = linked.where(number)
    assert (name, HELPERS.decode().splitlines()[line - 1]) == ("protocol.helpers", "class Thing:")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"from protocol import helpers\nkept = [helpers]\n", "can't be joined"),
        (b"from protocol.helpers import _offset\nx = _offset(1)\n", ""),
        (b"count = 0\ndef main():\n    global count\n    count = 1\n", "global"),
        (b"def main(x):\n    return f'{x}'\n", "f-strings"),
        (b"def main(thing):\n    return thing._value\n", "private to another module"),
        (b"import protocol.helpers\n", "from … import"),
        (b"from protocol.compat import const\nA = const(len('a'))\nb = A\n", "no integer"),
    ],
)
def test_what_is_not_safe_is_refused(text, why):
    sources = {"protocol/helpers.py": HELPERS, "firmware/app.py": text}
    if not why:
        joined(sources, b"from firmware import app\napp.x\n")
        return
    with pytest.raises(BadInput, match=why):
        joined(sources, b"from firmware import app\napp.main\napp.kept\napp.b\n")


def test_the_firmware_is_one_module_and_the_same_bytes_every_time():
    linked, beside = link_firmware("validator")
    assert sorted(beside) == ["firmware/boards/bench", "firmware/boards/wrover"]
    tree = ast.parse(linked.source)
    imported = {
        node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    }
    assert not any(name.startswith(("protocol", "firmware")) for name in imported)
    assert {"protocol.tap", "firmware.apps.validator"} <= {name for _, name in linked.parts}
    assert build_firmware("validator") == build_firmware("validator")
