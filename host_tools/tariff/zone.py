"""The agency's clock as the one rule that a compiled tariff carries (SPEC §6.3).

The rule is the POSIX TZ string that ends a zone's file in the tz database (RFC 9636 §3.3), which
holds from the zone's last listed change on. The database is the pinned package `tzdata`, never
the machine's own, so that the same feed compiles to the same bytes everywhere.
"""

import re
import struct
from datetime import UTC, date, datetime, timedelta
from importlib import metadata, resources

from host_tools.tariff.tables import ZoneRule

_DATABASE = "tzdata"  # a package whose version is that of the database: 2026.6 is 2026f
_NO_CHANGE = (0, 0, 0, 0)
_SUMMER_LEAD_S = 3600  # POSIX: where no offset is given, summer time is an hour ahead
_CHANGE_S = 7200  # POSIX: where no time is given, 02:00:00
_HEADER = struct.Struct(">4sc15x6I")
_NAME = r"(?:<[^>]+>|[A-Za-z]+)"
_OFFSET = r"[+-]?\d+(?::\d\d){0,2}"
_DATE = rf"M(\d+)\.(\d)\.(\d)(?:/({_OFFSET}))?"
_RULE = re.compile(rf"{_NAME}({_OFFSET})(?:{_NAME}({_OFFSET})?,{_DATE},{_DATE})?")


class ZoneError(ValueError):
    """This zone's clock can't be written into a tariff; the text says why."""


def zone_rule(name: str, first_day: date | None = None) -> ZoneRule:
    """The rule of the zone `name` from `first_day` on; ZoneError if there is none.

    Without a first day it must hold from the start of the database's own year.
    """
    content = _zone_file(name)
    since = first_day or date(int(metadata.version(_DATABASE)[:4]), 1, 1)
    changed_s = _last_change_s(content)
    if changed_s is not None:
        changed = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=changed_s)
        if changed.date() > since:
            raise ZoneError(
                f"the clock of {name} changes on {changed.date()} in a way that a tariff can't "
                "say; set valid_from in minik_settings.txt to a later day"
            )
    footer = content.rstrip(b"\n").rpartition(b"\n")[2].decode("ascii")
    rule = parse_posix(footer)
    if rule is None:
        raise ZoneError(f"the clock of {name} has a rule that a tariff can't say: {footer!r}")
    return rule


def parse_posix(footer: str) -> ZoneRule | None:
    """The rule that a POSIX TZ string writes; None for one of another kind."""
    found = _RULE.fullmatch(footer)
    if found is None:
        return None
    standard_s = -_seconds(found[1])  # POSIX counts westwards
    if found[3] is None:
        return ZoneRule(standard_s, standard_s, _NO_CHANGE, _NO_CHANGE)
    summer_s = -_seconds(found[2]) if found[2] else standard_s + _SUMMER_LEAD_S
    changes = []
    for month, week, weekday, at in (found.groups()[2:6], found.groups()[6:10]):
        second = _CHANGE_S if at is None else _seconds(at)
        if second < 0:
            return None
        changes.append((int(month), int(week), int(weekday), second))
    return ZoneRule(standard_s, summer_s, changes[0], changes[1])


def _zone_file(name: str) -> bytes:
    package = resources.files(_DATABASE)
    if name not in (package / "zones").read_text().split():
        raise ZoneError(f"{name!r} is not a zone of the tz database")
    return package.joinpath("zoneinfo", *name.split("/")).read_bytes()


def _last_change_s(content: bytes) -> int | None:
    """Unix time of the last change that the zone's file lists (RFC 9636 §3.2)."""
    at = 0
    counts = _counts(content, at)
    at += _HEADER.size + _block_bytes(counts, 4)  # the 32-bit block, which is for old readers
    counts = _counts(content, at)
    change_count = counts[3]
    if change_count == 0:
        return None
    last_at = at + _HEADER.size + 8 * (change_count - 1)
    return int.from_bytes(content[last_at : last_at + 8], "big", signed=True)


def _counts(content: bytes, at: int) -> tuple[int, ...]:
    """(ut flags, standard flags, leap seconds, changes, types, characters) of a block."""
    return _HEADER.unpack_from(content, at)[2:]


def _block_bytes(counts: tuple[int, ...], time_bytes: int) -> int:
    ut, standard, leaps, changes, types, characters = counts
    width = changes * (time_bytes + 1) + types * 6 + characters
    return width + leaps * (time_bytes + 4) + standard + ut


def _seconds(text: str) -> int:
    """`[+-]h[h][h][:mm[:ss]]` as seconds."""
    sign = -1 if text[0] == "-" else 1
    parts = [int(part) for part in text.lstrip("+-").split(":")]
    return sign * sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
