"""Revenue, riders and taps by line, day, device, rider category or product.

Rides are committed card transactions, so a ride counts once however often it was announced;
refusals are counted by the record. A check-out is a tap but no boarding. Days are service days.
Names come from the ledger's registry, else the code is shown.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, case, func, select

from host_tools.ledger import schema
from host_tools.ledger.settle import COMMITTED, UNRESOLVED
from host_tools.ledger.store import Ledger
from host_tools.reports.tables import Report
from protocol import outcomes
from protocol.compat import EPOCH_UNIX_S
from protocol.journal.records import FLAG_CHECKOUT, FLAG_TRANSFER

GROUPINGS = ("line", "day", "device", "category", "product")
_DAY_S = 86400
_NAMED = {"line": "route", "category": "category", "product": "product"}
_SUMMED = {"taps", "boardings", "transfers", "revenue"}
_COLUMNS = {"line": "route", "device": "device_id", "category": "rider_category"}


def revenue(ledger: Ledger, by: str) -> Report:
    """Taps, riders, transfers and revenue; `by` is one of GROUPINGS. Money in minor units.

    By category each rider counts in his own; the money is in that of the card that paid.
    """
    columns = ("taps", "riders", "transfers", "revenue")
    return _report(ledger, "revenue", by, columns, ("revenue",), _rides(ledger, by, columns))


def riders(ledger: Ledger, by: str) -> Report:
    """Boardings (taps but for check-outs) and the people who boarded, by one of GROUPINGS.

    `companions` of the riders came along on another's card. By category each counts in his own;
    where only a recovered announcement tells of a ride, all count in that of the card.
    """
    columns = ("boardings", "riders", "companions")
    return _report(ledger, "riders", by, columns, (), _rides(ledger, by, columns))


def taps(ledger: Ledger, by: str) -> Report:
    """Accepted rides, refusals, unfinished taps and rides not settled yet, by one of GROUPINGS."""
    rides, said = schema.card_transactions, schema.taps
    with ledger.reading() as connection:
        rows = _grouped(
            connection,
            _key(rides, by),
            rides.c.status.in_((COMMITTED, UNRESOLVED)),
            {
                "accepted": _count_if(rides.c.status == COMMITTED),
                "unresolved": _count_if(rides.c.status == UNRESOLVED),
            },
        )
        others = _grouped(
            connection,
            _key(said, by),
            said.c.outcome != outcomes.ACCEPTED,
            {
                "refused": _count_if(said.c.outcome == outcomes.REFUSED),
                "retap": _count_if(said.c.outcome == outcomes.RETAP),
            },
        )
    columns = ("accepted", "refused", "retap", "unresolved")
    merged: dict[Any, dict[str, int]] = {}
    for code, figures in [*rows.items(), *others.items()]:
        merged.setdefault(code, dict.fromkeys(columns, 0)).update(figures)
    return _report(ledger, "taps", by, columns, (), merged)


def party(rider_category: int, riders: int, companions: int) -> Iterator[tuple[int, int, bool]]:
    """(category, people, is a companion) of one tap; `companions` as SPEC §2.3.1.

    Riders of whom nobody says who they are count in the card's category.
    """
    along = 0
    for pair in (companions & 0xFF, companions >> 8):
        count = pair & 15
        if count:
            along += count
            yield pair >> 4, count, True
    yield rider_category, 1, False
    if riders - 1 > along:
        yield rider_category, riders - 1 - along, True


def _rides(ledger: Ledger, by: str, columns: tuple[str, ...]) -> dict[Any, dict[str, int]]:
    """The figures `columns` of all committed rides, by code."""
    rides = schema.card_transactions.c
    boards = rides.flags.op("&")(FLAG_CHECKOUT) == 0
    crew = (rides.rider_category, rides.riders, rides.companions)
    with ledger.reading() as connection:
        rows = connection.execute(
            select(
                _key(schema.card_transactions, by).label("code"),
                *crew,
                func.count().label("taps"),
                _count_if(boards).label("boardings"),
                _count_if(rides.flags.op("&")(FLAG_TRANSFER) != 0).label("transfers"),
                func.sum(rides.charge).label("revenue"),
            )
            .where(rides.status == COMMITTED)
            .group_by("code", *crew)
        ).all()
    found: dict[Any, dict[str, int]] = {}
    for row in rows:
        figures = found.setdefault(row.code, dict.fromkeys(columns, 0))
        for name in _SUMMED & set(columns):
            figures[name] += getattr(row, name)
        for category, people, along in party(row.rider_category, row.riders, row.companions):
            code = category if by == "category" else row.code
            own = found.setdefault(code, dict.fromkeys(columns, 0))
            own["riders"] += people * row.boardings
            if along and "companions" in columns:
                own["companions"] += people * row.boardings
    return {code: figures for code, figures in found.items() if any(figures.values())}


def _count_if(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))


def _key(table: Any, by: str) -> Any:
    return table.c[_COLUMNS.get(by, by)]


def _grouped(
    connection: Connection, key: Any, condition: Any, figures: dict[str, Any]
) -> dict[Any, dict[str, int]]:
    columns = [figure.label(name) for name, figure in figures.items()]
    rows = connection.execute(
        select(key.label("code"), *columns).where(condition).group_by("code").order_by("code")
    )
    return {row.code: {name: getattr(row, name) for name in figures} for row in rows}


def _report(
    ledger: Ledger,
    title: str,
    by: str,
    columns: tuple[str, ...],
    amount_columns: tuple[str, ...],
    grouped: dict[Any, dict[str, int]],
) -> Report:
    names = ledger.names(_NAMED[by]) if by in _NAMED else {}
    rows = [
        {by: _name(by, code, names), **figures} for code, figures in sorted(grouped.items())
    ]
    return Report(title, by, columns, amount_columns, rows, ledger.currency, ledger.exponent)


def _name(by: str, code: Any, names: dict[int, str]) -> str:
    if by == "device":
        return code
    if by == "day":
        return day_text(code)
    return names.get(code) or (f"{by} {code}" if code else f"no {by}")


def day_text(day: int) -> str:
    """A day counted from 2020-01-01, as an ISO date."""
    return datetime.fromtimestamp(EPOCH_UNIX_S + day * _DAY_S, UTC).date().isoformat()
