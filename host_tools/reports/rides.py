"""Revenue and taps by line, day, device, rider category or product.

Rides are committed card transactions, so a ride counts once however often it was announced;
refusals are counted by the record. Names come from the ledger's registry, else the code is shown.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, case, func, select

from host_tools.ledger import schema
from host_tools.ledger.settle import COMMITTED, UNRESOLVED
from host_tools.ledger.store import Ledger
from host_tools.reports.tables import Report
from protocol import outcomes
from protocol.compat import EPOCH_UNIX_S
from protocol.journal.records import FLAG_TRANSFER

GROUPINGS = ("line", "day", "device", "category", "product")
_DAY_S = 86400
_NAMED = {"line": "route", "category": "category", "product": "product"}


def revenue(ledger: Ledger, by: str) -> Report:
    """Rides, riders and revenue; `by` is one of GROUPINGS. Money in minor units."""
    rides = schema.card_transactions
    key = _key(rides, by, ledger)
    with ledger.reading() as connection:
        rows = _grouped(
            connection,
            key,
            rides.c.status == COMMITTED,
            {
                "taps": func.count(),
                "riders": func.sum(rides.c.riders),
                "transfers": _count_if(rides.c.flags.op("&")(FLAG_TRANSFER) != 0),
                "revenue": func.sum(rides.c.charge),
            },
        )
    columns = ("taps", "riders", "transfers", "revenue")
    return _report(ledger, "revenue", by, columns, ("revenue",), rows)


def taps(ledger: Ledger, by: str) -> Report:
    """Accepted rides, refusals, unfinished taps and rides not settled yet, by one of GROUPINGS."""
    rides, said = schema.card_transactions, schema.taps
    with ledger.reading() as connection:
        rows = _grouped(
            connection,
            _key(rides, by, ledger),
            rides.c.status.in_((COMMITTED, UNRESOLVED)),
            {
                "accepted": _count_if(rides.c.status == COMMITTED),
                "unresolved": _count_if(rides.c.status == UNRESOLVED),
            },
        )
        others = _grouped(
            connection,
            _key(said, by, ledger),
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


def _count_if(condition: Any) -> Any:
    return func.sum(case((condition, 1), else_=0))


def _key(table: Any, by: str, ledger: Ledger) -> Any:
    if by == "day":
        return (table.c.time + ledger.utc_offset_s) // _DAY_S
    names = {"line": "route", "device": "device_id", "category": "rider_category"}
    return table.c[names.get(by, by)]


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
