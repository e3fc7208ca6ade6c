"""What the ledger keeps of the tariffs at hand: currency, calendar, and what codes stand for.

A code never changes its meaning (SPEC §6.5), because cards and records outlive tariffs; a tariff
that says otherwise is refused here. Names are ids of the feed. Prices and rules are not kept: what
a ride cost is in its record.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, insert, select, update

from host_tools.errors import BadInput
from host_tools.ledger import schema
from host_tools.tariff.tables import Tables, ZoneRule
from protocol.clock import DAY_S, Zone


class Calendar:
    """Service days of the agency (SPEC §7.1): `rule` of 20 bytes, and when its day begins."""

    def __init__(self, rule: bytes, service_day_start_s: int) -> None:
        self._zone = Zone(rule)
        self._start_s = service_day_start_s

    def service_day(self, time: int) -> int:
        """Days since 2020-01-01 of the service day in which `time` (Minik seconds) lies."""
        return int(self._zone.local(time) - self._start_s) // DAY_S


def calendar_of(connection: Connection) -> Calendar:
    """The calendar of the newest tariff that this ledger was given."""
    kept = _meta(connection)
    return Calendar(bytes.fromhex(kept["zone_rule"]), int(kept["service_day_start_s"]))


def rule_hex(rule: ZoneRule) -> str:
    """The 20 bytes of SPEC §6.3 as they stand in `ledger_meta`."""
    packed = rule.standard_s.to_bytes(4, "little", signed=True)
    packed += rule.summer_s.to_bytes(4, "little", signed=True)
    for *when, second in (rule.begin, rule.end):
        packed += bytes(when) + second.to_bytes(3, "little")
    return packed.hex()


def meta_of(tariff: Tables) -> dict[str, str]:
    """The rows of `ledger_meta` that follow from a tariff."""
    return {
        "currency": tariff.currency,
        "exponent": str(tariff.exponent),
        "tariff_version": str(tariff.version),
        "zone_rule": rule_hex(tariff.zone),
        "zone_name": tariff.zone_name,
        "service_day_start_s": str(tariff.service_day_start_s),
    }


def names_of(tariff: Tables) -> dict[str, dict[int, str]]:
    """Code → id of everything in `tariff` that records speak of, by kind."""
    return {
        "category": {code: row.id for code, row in enumerate(tariff.categories)},
        "product": {code: row.id for code, row in enumerate(tariff.products, 1)},
        "route": {code: row.id for code, row in enumerate(tariff.routes, 1)},
        "stop": {code: row.id for code, row in enumerate(tariff.stops, 1)},
        "zone": {code: row.id for code, row in enumerate(tariff.areas, 1)},
    }


def take_tariff(connection: Connection, where: str, tariff: Tables) -> None:
    """Register what is new in `tariff`; BadInput, and nothing changed, if it does not fit.

    An older tariff than the newest so far adds names but leaves the calendar alone.
    """
    kept = _meta(connection)
    if (kept["currency"], kept["exponent"]) != (tariff.currency, str(tariff.exponent)):
        raise BadInput(
            f"{where}: this ledger counts {kept['currency']} with {kept['exponent']} decimals, the"
            f" tariff {tariff.currency} with {tariff.exponent}; it needs a ledger of its own"
        )
    for kind, names in names_of(tariff).items():
        _register(connection, where, kind, names)
    if tariff.version < int(kept["tariff_version"]):
        return
    table = schema.ledger_meta
    for name, value in meta_of(tariff).items():
        if kept[name] != value:
            connection.execute(update(table).where(table.c.name == name).values(value=value))


def _register(connection: Connection, where: str, kind: str, names: dict[int, str]) -> None:
    table = schema.fleet
    known = {
        row.code: row.name
        for row in connection.execute(
            select(table.c.code, table.c.name).where(table.c.kind == kind)
        )
    }
    for code, name in names.items():
        if known.get(code, name) != name:
            raise BadInput(
                f"{where}: {kind} {code} of this ledger is {known[code]}, of the tariff {name};"
                " compile the tariff with --after the one before, or take another ledger"
            )
    _insert(connection, kind, ((code, name) for code, name in names.items() if code not in known))


def _insert(connection: Connection, kind: str, names: Iterable[tuple[int, str]]) -> None:
    rows = [{"kind": kind, "code": code, "name": name} for code, name in names]
    if rows:
        connection.execute(insert(schema.fleet), rows)


def lay_out(connection: Connection, tariff: Tables) -> None:
    """Fill `ledger_meta` and `fleet` of a new ledger."""
    meta = {"schema_version": str(schema.SCHEMA_VERSION), **meta_of(tariff)}
    connection.execute(
        insert(schema.ledger_meta),
        [{"name": name, "value": value} for name, value in meta.items()],
    )
    for kind, names in names_of(tariff).items():
        _insert(connection, kind, names.items())


def _meta(connection: Connection) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(select(schema.ledger_meta))}
