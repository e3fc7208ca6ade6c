"""Opening the ledger's database, and saying plainly what is wrong with one.

SQLite through SQLAlchemy: write-ahead log, every commit synced to the disk, writers take the
write lock when they begin. PostgreSQL is not served yet.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, IntegrityError, ProgrammingError
from sqlalchemy.pool import QueuePool, StaticPool

from host_tools.errors import BadInput
from host_tools.ledger import schema
from host_tools.ledger.tariff_kept import lay_out
from host_tools.ledger.upgrade import UPGRADABLE, upgrade
from host_tools.tariff.tables import Tables

LOCK_WAIT_S = 5.0
_SHOWN_MAX = 200
_WRITES = "minik_writes"


@contextmanager
def plainly(where: str) -> Iterator[None]:
    """Turn what a database file or another process can cause into one clear line (BadInput)."""
    try:
        yield
    except (IntegrityError, ProgrammingError):
        raise  # our own bug
    except (DatabaseError, sqlite3.DatabaseError) as error:
        text = " ".join(str(getattr(error, "orig", error)).split())
        if "locked" in text:
            raise BadInput(f"{where}: another process is writing to this ledger") from error
        if "readonly" in text:
            raise BadInput(f"{where}: this ledger, or its folder, may only be read") from error
        if "not a database" in text:
            raise BadInput(f"{where}: this file is no database") from error
        if "malformed" in text or "no such" in text:
            raise BadInput(f"{where}: this ledger is damaged ({text})") from error
        raise BadInput(f"{where}: {text}") from error


def parse_url(text: str) -> URL:
    """`sqlite:///path`, or a bare path, as a URL; BadInput for what this version can't open."""
    if "://" not in text and not text.startswith("sqlite:"):
        if not text:
            raise BadInput("the ledger's URL is empty; give sqlite:///FILE")
        return URL.create("sqlite", database=text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise BadInput(f"{text!r} is no database URL; give sqlite:///FILE") from error
    backend = url.get_backend_name()
    if backend in ("postgresql", "postgres"):
        raise BadInput("PostgreSQL is not supported yet; give sqlite:///FILE")
    if backend != "sqlite":
        raise BadInput(f"a ledger can't live in {backend!r}; give sqlite:///FILE")
    return url


def open_engine(url: URL, lock_wait_s: float) -> Engine:
    """An engine whose transactions begin as we say; nothing is opened yet."""
    in_memory = url.database in (None, "", ":memory:")
    engine = create_engine(
        url,
        poolclass=StaticPool if in_memory else QueuePool,
        connect_args={"timeout": lock_wait_s, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we begin transactions ourselves
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA temp_store=MEMORY")

    @event.listens_for(engine, "begin")
    def _begun(connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def for_reading(url: URL) -> URL:
    """`url`, in a form that opens where nothing may be written, such as an archive's folder.

    A write-ahead log beside the file must still be read, so then it stays as it is.
    """
    path = Path(url.database or "")
    writable = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    if writable or os.path.exists(f"{path}-wal") or not os.path.isfile(path):
        return url
    query = {"mode": "ro", "immutable": "1", "uri": "true"}
    return URL.create("sqlite", database=f"file:{quote(str(path))}", query=query)


def writer(engine: Engine) -> Engine:
    """The same database, for transactions that take the write lock at once."""
    return engine.execution_options(**{_WRITES: True})


def prepare(engine: Engine, url: URL, create: bool, tariff: Callable[[], Tables]) -> None:
    """Check that the database is a ledger of our version; lay it out if it is new and may be.

    `tariff()` gives a new ledger its currency, calendar and the names of codes. A ledger of an
    earlier version is brought up to today's.
    BadInput otherwise. A file that is not ours is not changed by one byte, and a ledger that
    could not be laid out leaves no file behind.
    """
    where = shown(url)
    in_memory = url.database in (None, "", ":memory:")
    path = Path(url.database or "")
    try:
        existed = in_memory or path.exists()
        if not in_memory:
            _check_path(path, create, where)
    except OSError as error:
        raise BadInput(f"{_short(where)}: {error.strerror}") from error
    try:
        with plainly(where):
            if existed and _tables(engine):
                _check_version(engine, where)
            elif create:
                _create(engine, tariff())
            else:
                raise BadInput(f"{where}: this database is empty, not a ledger")
    except BadInput:
        if not existed:
            engine.dispose()
            for leftover in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
                leftover.unlink(missing_ok=True)
        raise


def shown(url: URL) -> str:
    """The URL as it may be printed, without a password."""
    return url.render_as_string(hide_password=True)


def _short(where: str) -> str:
    return where if len(where) <= _SHOWN_MAX else f"{where[:_SHOWN_MAX]}…"


def _check_path(path: Path, create: bool, where: str) -> None:
    if path.is_dir():
        raise BadInput(f"{where}: this is a directory, not a ledger")
    if path.exists():
        return
    if not create:
        raise BadInput(f"{where}: there is no ledger here")
    if not path.parent.is_dir():
        raise BadInput(f"{where}: the folder {path.parent} does not exist")


def _tables(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        rows = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type='table'")
        return [row[0] for row in rows]


def _check_version(engine: Engine, where: str) -> None:
    if schema.ledger_meta.name not in _tables(engine):
        raise BadInput(f"{where}: this database is not a Minik ledger")
    found = read_meta(engine).get("schema_version", "?")
    if found in UPGRADABLE:
        _upgrade(engine, where, found)
    elif found != str(schema.SCHEMA_VERSION):
        raise BadInput(
            f"{where}: a ledger of schema version {found};"
            f" this program knows version {schema.SCHEMA_VERSION}"
        )


def _upgrade(engine: Engine, where: str, found: str) -> None:
    try:
        with plainly(where), writer(engine).begin() as connection:
            upgrade(connection)
    except BadInput as error:
        raise BadInput(
            f"{error}; it has schema version {found} and must be opened once where it can be"
            " written to, then it is one of today's"
        ) from error


def _create(engine: Engine, tariff: Tables) -> None:
    with engine.connect() as connection:
        connection.connection.cursor().execute("PRAGMA journal_mode=WAL")
    with writer(engine).begin() as connection:
        schema.metadata.create_all(connection, checkfirst=True)
        if not connection.execute(select(schema.ledger_meta.c.name)).first():
            lay_out(connection, tariff)  # else another process was quicker


def read_meta(engine: Engine) -> dict[str, str]:
    """Schema version, currency, exponent, calendar and tariff version, as text by name."""
    with engine.begin() as connection:
        return {row.name: row.value for row in connection.execute(select(schema.ledger_meta))}
