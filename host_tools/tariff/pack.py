"""Tables of a tariff as the bytes that a device reads in place: the payload of SPEC §6.2.

The same tables give the same bytes, always. What is allowed to stand in the tables is `compile`'s
to see to; here a number that does not fit its field is our own bug.
"""

import zlib
from collections.abc import Iterable, Sequence

from host_tools.tariff import layout
from host_tools.tariff.layout import SIGNED, TEXT, Fields
from host_tools.tariff.tables import Tables

_TYPES_WITHOUT_CREDIT = (0, 1)  # fare_transfer_type


class _Texts:
    """Every text once, in the order of first mention; its place is known when all rows are."""

    def __init__(self, begin: int) -> None:
        self._next = begin
        self._offsets: dict[bytes, int] = {}

    def offset(self, text: str) -> int:
        body = text.encode()
        if body not in self._offsets:
            self._offsets[body] = self._next
            self._next += 1 + len(body)
        return self._offsets[body]

    def bytes(self) -> bytes:
        return b"".join(bytes([len(body)]) + body for body in self._offsets)


def pack(tables: Tables) -> bytes:
    """The payload. Raises OverflowError for a number that does not fit its field."""
    rows = _rows(tables)
    begins, begin = [], layout.HEAD_BYTES
    for fields, table in rows:
        begins.append(begin)
        begin += layout.row_bytes(fields) * len(table)
    texts = _Texts(begin)
    head = bytearray(_pack_row(layout.HEAD, _head(tables), texts))
    body = b"".join(_pack_row(fields, row, texts) for fields, table in rows for row in table)
    body += texts.bytes()
    for (fields, table), offset in zip(rows, begins, strict=True):
        head += offset.to_bytes(4, "little")
        head += len(table).to_bytes(2, "little")
        head += layout.row_bytes(fields).to_bytes(2, "little")
    head[8:12] = (layout.HEAD_BYTES + len(body)).to_bytes(4, "little")
    head += zlib.crc32(head).to_bytes(4, "little")
    head += zlib.crc32(body).to_bytes(4, "little")
    return bytes(head + body)


def is_plain(tables: Tables) -> bool:
    """Does a card need no extension for this tariff's journeys (SPEC §6.2, flag bit 3)?"""
    return (
        len(tables.groups) == 1
        and all(rule.group == 1 for rule in tables.rules)
        and not tables.caps
        and not tables.joins
        and all(transfer.type in _TYPES_WITHOUT_CREDIT for transfer in tables.transfers)
        and all(price.amount_minor >= 0 for price in tables.prices)
    )


def _flags(tables: Tables) -> int:
    flags = layout.FLAG_SAME_VEHICLE if tables.same_vehicle_transfer else 0
    if any(network.flags & 1 for network in tables.networks):
        flags |= layout.FLAG_CHECK_OUT
    if tables.joins:
        flags |= layout.FLAG_JOINS
    return flags | (layout.FLAG_PLAIN if is_plain(tables) else 0)


def _head(tables: Tables) -> tuple[int | str, ...]:
    """Values for layout.HEAD but for its zero; the width of all is put in at the end."""
    return (
        int.from_bytes(layout.MAGIC, "little"),
        layout.FORMAT,
        _flags(tables),
        layout.HEAD_BYTES,
        0,
        tables.version,
        int.from_bytes(tables.currency.encode("ascii"), "little"),
        tables.exponent,
        tables.default_category,
        tables.card_media,
        tables.valid_from,
        tables.valid_until,
        tables.passback_s,
        tables.recovery_s,
        tables.purse_max_minor,
        tables.service_day_start_s,
        tables.zone.standard_s,
        tables.zone.summer_s,
        *tables.zone.begin,
        *tables.zone.end,
        tables.from_class_count,
        tables.to_class_count,
        tables.agency_name,
        tables.zone_name,
    )


def _rows(tables: Tables) -> list[tuple[Fields, Sequence[Sequence[int | str]]]]:
    """(fields, rows) of every table in order; what is nested in Tables is laid out flat."""
    exit_ranges, exits = _ranges(cell.exits for cell in tables.cells)
    exception_ranges, exceptions = _ranges(service.exceptions for service in tables.services)
    flat: dict[str, Sequence[Sequence[int | str]]] = {
        "route_stops": [(stop,) for stop in tables.route_stops],
        "leg_rows": [(cell,) for cell in tables.leg_rows],
        "cells": [
            (*exit_range, *cell.rule_sets)
            for exit_range, cell in zip(exit_ranges, tables.cells, strict=True)
        ],
        "exits": [(rule_set,) for rule_set in exits],
        "rule_sets": tables.rule_sets,
        "services": [
            (service.weekdays, count, service.first_day, service.last_day, first)
            for (first, count), service in zip(exception_ranges, tables.services, strict=True)
        ],
        "exceptions": exceptions,
        "reserved": (),
    }
    rows = []
    for name, fields in layout.TABLES:
        if name == "cells":
            fields = layout.cell_fields(tables.to_class_count)
        rows.append((fields, flat[name] if name in flat else _named(fields, tables, name)))
    return rows


def _named(fields: Fields, tables: Tables, table: str) -> list[tuple[int | str, ...]]:
    """The rows of a table with their values in the order of the bytes."""
    names = [name for name, _ in fields if name is not None]
    return [tuple(getattr(row, name) for name in names) for row in getattr(tables, table)]


def _ranges(lists: Iterable[tuple]) -> tuple[list[tuple[int, int]], list]:
    """(first, count) of each list in one list of all of them; equal lists are there once."""
    together: list = []
    ranges: dict[tuple, tuple[int, int]] = {(): (0, 0)}
    found = []
    for rows in lists:
        if rows not in ranges:
            ranges[rows] = (len(together), len(rows))
            together.extend(rows)
        found.append(ranges[rows])
    return found, together


def _pack_row(fields: Fields, row: Sequence[int | str], texts: _Texts) -> bytes:
    """A row as bytes; its values are those of the fields that have a name."""
    packed = bytearray()
    values = iter(row)
    for name, kind in fields:
        width = layout.kind_bytes(kind)
        value = next(values) if name is not None else 0
        if kind == TEXT:
            value = texts.offset(str(value))
        packed += int(value).to_bytes(width, "little", signed=kind == SIGNED)
    if next(values, None) is not None:
        raise ValueError("a row has more values than its table has fields")
    return bytes(packed)
