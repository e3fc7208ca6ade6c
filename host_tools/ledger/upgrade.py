"""A ledger of an earlier schema into one of today's, in one transaction, nothing lost.

Version 1 knew one tariff with a fixed offset from UTC, one rider a tap, and no days in its rows.
"""

from sqlalchemy import Connection, delete, insert, select, update

from host_tools.ledger import schema
from host_tools.ledger.tariff_kept import rule_hex
from host_tools.tariff.tables import ZoneRule

UPGRADABLE = ("1",)
_ADDED = (
    (schema.intents, "companions INTEGER NOT NULL DEFAULT 0"),
    (schema.card_transactions, "companions INTEGER NOT NULL DEFAULT 0"),
    (schema.intents, "day BIGINT NOT NULL DEFAULT 0"),
    (schema.taps, "day BIGINT NOT NULL DEFAULT 0"),
    (schema.card_transactions, "day BIGINT NOT NULL DEFAULT 0"),
)


def upgrade(connection: Connection) -> None:
    """Version 1 to 2: the day of every row by the offset the ledger had, its names as they are.

    `connection` holds the write lock.
    """
    meta = schema.ledger_meta
    kept = {row.name: row.value for row in connection.execute(select(meta))}
    if kept["schema_version"] not in UPGRADABLE:
        return  # another process was quicker
    offset_s = int(kept["utc_offset_s"])
    for table, column in _ADDED:
        connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {column}")
    for table in (schema.intents, schema.taps, schema.card_transactions):
        connection.execute(update(table).values(day=(table.c.time + offset_s) // 86_400))
    rule = ZoneRule(offset_s, offset_s, (0, 0, 0, 0), (0, 0, 0, 0))
    added = {
        "tariff_version": "1",
        "zone_rule": rule_hex(rule),
        "zone_name": "",
        "service_day_start_s": "0",
    }
    connection.execute(delete(meta).where(meta.c.name == "utc_offset_s"))
    connection.execute(insert(meta), [{"name": n, "value": v} for n, v in added.items()])
    version = str(schema.SCHEMA_VERSION)
    connection.execute(update(meta).where(meta.c.name == "schema_version").values(value=version))
