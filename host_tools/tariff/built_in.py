"""Tariffs that come with the tools, as feeds in `feeds/`: one text to read, nothing hidden.

`flat`: one price by rider category, and one free transfer onto another vehicle.
"""

from functools import cache
from importlib import resources
from pathlib import Path

from host_tools.tariff.compile import compile_feed
from host_tools.tariff.feed import Finding
from host_tools.tariff.read_feed import read_feed
from host_tools.tariff.tables import Tables

BUILT_IN = ("flat",)


@cache
def built_in(name: str) -> tuple[Tables, tuple[Finding, ...]]:
    """The tables of a built-in tariff and what there is to say of it."""
    with resources.as_file(resources.files("host_tools.tariff") / "feeds" / name) as folder:
        feed, read = read_feed(Path(folder))
    compiled, said = (None, []) if feed is None else compile_feed(feed)
    if compiled is None:
        raise AssertionError(f"built-in tariff {name}: {[*map(str, (*read, *said))]}")
    return compiled, (*read, *said)
