"""The payload of a compiled tariff (SPEC §6.2) as Tables again.

Takes only what `pack` could have written: a head, directory, checksum or reference that does not
fit is a LayoutError that says which. Who signed it is `sign`'s.
"""

import zlib
from typing import Any

from host_tools.tariff import layout, tables
from host_tools.tariff.layout import SIGNED, TEXT, Fields
from host_tools.tariff.tables import ANY, Tables
from protocol.errors import LayoutError

_ROWS: dict[str, Any] = {
    "categories": tables.CategoryRow,
    "media": tables.MediaRow,
    "products": tables.ProductRow,
    "prices": tables.PriceRow,
    "networks": tables.NetworkRow,
    "routes": tables.RouteRow,
    "stops": tables.StopRow,
    "areas": tables.AreaRow,
    "rules": tables.RuleRow,
    "timeframes": tables.TimeframeRow,
    "groups": tables.GroupRow,
    "transfers": tables.TransferRow,
    "caps": tables.CapRow,
    "joins": tables.JoinRow,
}
# (table, field, table of what it names, code of its first row, what else it may be)
_REFERENCES: tuple[tuple[str, str, str, int, tuple[int, ...]], ...] = (
    ("prices", "category", "categories", 0, (ANY,)),
    ("prices", "media", "media", 1, (ANY,)),
    ("networks", "missed_product", "products", 1, (0,)),
    ("routes", "network", "networks", 1, (0,)),
    ("stops", "station", "stops", 1, ()),
    ("rules", "group", "groups", 1, (0,)),
    ("rules", "product", "products", 1, ()),
    ("timeframes", "service", "services", 1, ()),
    ("transfers", "product", "products", 1, (0,)),
    ("transfers", "from_key", "groups", 1, (0,)),
    ("transfers", "to_key", "groups", 1, (0,)),
    ("caps", "category", "categories", 0, (ANY,)),
    ("joins", "network", "networks", 1, ()),
    ("joins", "from_stop", "stops", 1, (0,)),
    ("joins", "to_stop", "stops", 1, (0,)),
)
# (table, field, highest)
_HIGHEST: tuple[tuple[str, str, int], ...] = (
    ("products", "kind", len(tables.KINDS) - 1),
    ("products", "flags", tables.SOLD_ON_BOARD | len(tables.STARTS) - 1 << tables.START_SHIFT),
    ("transfers", "type", 2),
    ("transfers", "duration_type", 3),
    ("caps", "period", len(tables.PERIODS) - 1),
)


def unpack(payload: bytes) -> Tables:
    """The tables that `pack` made `payload` of; LayoutError if it is none."""
    head = _head(payload)
    rows = _directory(payload, head["to_class_count"])
    if head["to_class_count"] == 0 or head["from_class_count"] == 0:
        raise LayoutError("tariff: classes")
    try:
        parts: dict[str, Any] = _of_head(head, payload) | _nested(rows)
        parts |= {name: _named(name, row, rows[name]) for name, row in _ROWS.items()}
        said = Tables(**parts)
    except (IndexError, UnicodeDecodeError):
        raise LayoutError("tariff: a row names what is not there") from None
    _check(said)
    return said


def _head(payload: bytes) -> dict[str, int]:
    """The numbers of the head, once it and the checksums are known to be right."""
    if len(payload) < layout.HEAD_BYTES or payload[: len(layout.MAGIC)] != layout.MAGIC:
        raise LayoutError("tariff: not one")
    values = _numbers(layout.HEAD, payload, 0)
    head = dict(zip((name for name, _ in layout.HEAD if name is not None), values, strict=True))
    if head["format"] != layout.FORMAT or head["head_bytes"] != layout.HEAD_BYTES:
        raise LayoutError("tariff: format")
    if head["payload_bytes"] != len(payload):
        raise LayoutError("tariff: cut short")
    for crc_at, covered in (
        (layout.HEAD_CRC_AT, payload[: layout.HEAD_CRC_AT]),
        (layout.BODY_CRC_AT, payload[layout.HEAD_BYTES :]),
    ):
        if int.from_bytes(payload[crc_at : crc_at + 4], "little") != zlib.crc32(covered):
            raise LayoutError("tariff: checksum")
    return head


def _directory(payload: bytes, to_class_count: int) -> dict[str, list[tuple]]:
    """The rows of every table by its name."""
    rows = {}
    begin = layout.HEAD_BYTES
    for number, (name, fields) in enumerate(layout.TABLES):
        if name == "cells":
            fields = layout.cell_fields(to_class_count)
        at = layout.DIRECTORY_AT + number * layout.DIRECTORY_ENTRY_BYTES
        offset = int.from_bytes(payload[at : at + 4], "little")
        count = int.from_bytes(payload[at + 4 : at + 6], "little")
        width = int.from_bytes(payload[at + 6 : at + 8], "little")
        end = begin + count * width
        fits = width == layout.row_bytes(fields) and bool(width) >= bool(count)
        if offset != begin or not fits or end > len(payload):
            raise LayoutError("tariff: directory", name)
        rows[name] = [_row(fields, payload, begin + n * width) for n in range(count)]
        begin = end
    return rows


def _numbers(fields: Fields, payload: bytes, at: int) -> list[int]:
    """The named fields at `at` as integers, a text as its offset."""
    values = []
    for name, kind in fields:
        width = layout.kind_bytes(kind)
        if name is not None:
            field = payload[at : at + width]
            values.append(int.from_bytes(field, "little", signed=kind == SIGNED))
        at += width
    return values


def _row(fields: Fields, payload: bytes, at: int) -> tuple:
    kinds = (kind for name, kind in fields if name is not None)
    return tuple(
        _text(payload, value) if kind == TEXT else value
        for kind, value in zip(kinds, _numbers(fields, payload, at), strict=True)
    )


def _text(payload: bytes, offset: int) -> str:
    try:
        end = offset + 1 + payload[offset]
        if end > len(payload) or offset < layout.HEAD_BYTES:
            raise IndexError
        return payload[offset + 1 : end].decode()
    except (IndexError, UnicodeDecodeError):
        raise LayoutError("tariff: text") from None


def _of_head(head: dict[str, int], payload: bytes) -> dict[str, Any]:
    """What Tables takes from the head."""
    currency = head["currency"].to_bytes(3, "little")
    if not currency.isalpha():
        raise LayoutError("tariff: currency")
    taken: dict[str, Any] = {
        name: head[name]
        for name in (
            "version",
            "exponent",
            "default_category",
            "card_media",
            "valid_from",
            "valid_until",
            "passback_s",
            "recovery_s",
            "purse_max_minor",
            "service_day_start_s",
            "from_class_count",
            "to_class_count",
        )
    }
    taken["zone"] = tables.ZoneRule(
        head["standard_s"], head["summer_s"], _change(head, "begin"), _change(head, "end")
    )
    taken["currency"] = currency.decode("ascii")
    taken["agency_name"] = _text(payload, head["agency_name"])
    taken["zone_name"] = _text(payload, head["zone_name"])
    taken["same_vehicle_transfer"] = bool(head["flags"] & layout.FLAG_SAME_VEHICLE)
    return taken


def _change(head: dict[str, int], which: str) -> tuple[int, int, int, int]:
    return (
        head[f"{which}_month"],
        head[f"{which}_week"],
        head[f"{which}_weekday"],
        head[f"{which}_s"],
    )


def _named(table: str, row: Any, rows: list[tuple]) -> tuple:
    """Rows of a table as what `tables` calls them; their order of fields is another one."""
    names = [name for name, _ in dict(layout.TABLES)[table] if name is not None]
    return tuple(row(**dict(zip(names, values, strict=True))) for values in rows)


def _nested(rows: dict[str, list[tuple]]) -> dict[str, tuple]:
    """What lies flat in the payload and nested in Tables."""
    exits = [row[0] for row in rows["exits"]]
    exceptions = rows["exceptions"]
    return {
        "route_stops": tuple(row[0] for row in rows["route_stops"]),
        "leg_rows": tuple(row[0] for row in rows["leg_rows"]),
        "cells": tuple(
            tables.CellRow(row[2:], _range(exits, row[0], row[1])) for row in rows["cells"]
        ),
        "rule_sets": tuple(rows["rule_sets"]),
        "services": tuple(
            tables.ServiceRow(weekdays, first_day, last_day, _range(exceptions, first, count))
            for weekdays, count, first_day, last_day, first in rows["services"]
        ),
    }


def _range(rows: list, first: int, count: int) -> tuple:
    if first + count > len(rows):
        raise IndexError
    return tuple(rows[first : first + count])


def _check(said: Tables) -> None:
    """Every code in a row must be that of a row that is there."""
    for table, field, named, base, also in _REFERENCES:
        top = base + len(getattr(said, named))
        for row in getattr(said, table):
            value = getattr(row, field)
            if not base <= value < top and value not in also:
                raise LayoutError("tariff: a row names what is not there", table, field)
    for table, field, most in _HIGHEST:
        if any(getattr(row, field) > most for row in getattr(said, table)):
            raise LayoutError("tariff: a row says what is not known", table, field)
    if any(cap.period == 0 for cap in said.caps):
        raise LayoutError("tariff: a row says what is not known", "caps", "period")
    _check_ranges(said)
    classes = [(stop.from_class, stop.to_class) for stop in said.stops]
    classes += [(area.from_class, area.to_class) for area in said.areas]
    if any(f >= said.from_class_count or t >= said.to_class_count for f, t in classes):
        raise LayoutError("tariff: classes")
    network_classes = 1 + max((network.rule_class for network in said.networks), default=0)
    if len(said.leg_rows) < network_classes * said.from_class_count or not said.categories:
        raise LayoutError("tariff: a table is too short")
    if said.default_category >= len(said.categories) or said.card_media > len(said.media):
        raise LayoutError("tariff: head")


def _check_ranges(said: Tables) -> None:
    """Every (first, count) must lie in its table, and so must what cells and routes name."""
    ranges = [(p.price_first, p.price_count, len(said.prices)) for p in said.products]
    ranges += [(r.stop_first, r.stop_count, len(said.route_stops)) for r in said.routes]
    ranges += [(first, count, len(said.rules)) for first, count in said.rule_sets]
    sets = {number for cell in said.cells for number in (*cell.rule_sets, *cell.exits)}
    ranges += [(number, 1, len(said.rule_sets)) for number in sets]
    ranges += [(cell, 1, len(said.cells)) for cell in said.leg_rows]
    ranges += [(stop - 1, 1, len(said.stops)) for stop in said.route_stops]
    if any(first < 0 or first + count > rows for first, count, rows in ranges):
        raise LayoutError("tariff: a row names what is not there")
