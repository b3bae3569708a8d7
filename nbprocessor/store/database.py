"""The connection to the database: opened once, in transactions that say in a sentence why they failed."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, inspect, make_url, select, text
from sqlalchemy.schema import CreateColumn

from nbprocessor.errors import SettingsError, StoreUnavailable
from nbprocessor.store import tables

PATIENCE = 5
"""Seconds a transaction waits for another one's lock, and a connection for its server."""
_ONLY_ADDED_TO = frozenset({1, 2, 3, 4, 5, 6, 7, 8})
"""Forms that become the present one by making the tables, columns and indexes they do not have."""
_WRITES = "nbprocessor_writes"
_ALONE = 0x6E62_7072
"""Key of PostgreSQL's advisory lock; any number that is always the same."""


def open_database(url: str) -> Engine:
    """Open the database, make its tables if it has none, and check that they can be used.

    Args:
        url: SQLAlchemy URL of a SQLite file or a PostgreSQL database.

    Raises:
        SettingsError: The URL is wrong, or the database belongs to something else or to a newer version.
        StoreUnavailable: It cannot be reached, opened or written, or its file is damaged.
    """
    engine = _engine(_parsed(url))
    try:
        if engine.dialect.name == "sqlite":
            _check_file(engine)
        with writing(engine, alone=True) as connection:
            _prepare_tables(connection)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection for queries.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    with _explained(engine), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine, *, alone: bool = False) -> Iterator[Connection]:
    """Give a connection within a transaction: all of it is stored at the end, or nothing.

    Args:
        engine: From :func:`open_database`.
        alone: No other transaction of this kind runs at the same time, so that what is read here stays true
            until the end. SQLite has one writer at a time anyway.

    Raises:
        StoreUnavailable: The database is locked or does not answer, or its disk is full; nothing was stored.
    """
    with (
        _explained(engine),
        engine.connect() as connection,
        connection.execution_options(**{_WRITES: True}),
        connection.begin(),
    ):
        if alone and engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ALONE})
        yield connection


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        raise _wrong("is no database URL; write sqlite:///path/to/file.db or postgresql://user@host/name") from None
    name = parsed.get_backend_name()
    if name in {"postgres", "postgresql"}:
        return parsed.set(drivername="postgresql+psycopg")
    if name != "sqlite":
        raise _wrong(f"names the database {name}; there is sqlite (a file) and postgresql")
    if parsed.database in {None, "", ":memory:"}:
        raise _wrong("names no file; jobs kept in memory would be lost. Write sqlite:///path/to/file.db")
    return parsed


def _wrong(what: str) -> SettingsError:
    return SettingsError(f"store.url {what}.", key="store.url")


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": PATIENCE}, pool_timeout=PATIENCE)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    waits = {"connect_timeout": PATIENCE, "options": f"-c lock_timeout={PATIENCE}s"}
    arguments = {name: value for name, value in waits.items() if name not in url.query}
    try:
        return create_engine(url, connect_args=arguments, pool_pre_ping=True, pool_timeout=PATIENCE)
    except ModuleNotFoundError:
        raise _wrong('names PostgreSQL, whose driver is missing; run pip install "nbprocessor[postgresql]"') from None


def _set_up_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    # Transactions begin in `_begin_sqlite`: the driver would take the write lock too late, and fail then.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _check_file(engine: Engine) -> None:
    """Make sure that a SQLite file is whole, before somebody trusts it."""
    file = Path(str(engine.url.database))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"The folder of the database {file} cannot be made: {error.strerror}.") from error
    with reading(engine) as connection:
        found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
        journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
    if found != "ok":
        raise StoreUnavailable(_damaged(str(file), found.splitlines()[-1]))
    if journal != "wal":
        raise _wrong(f"names {file}, on a drive that cannot take SQLite's write-ahead log; choose a local one")


def _prepare_tables(connection: Connection) -> None:
    there = set(inspect(connection).get_table_names())
    ours = set(tables.metadata.tables)
    if tables.schema_version.name not in there:
        # A PostgreSQL database may be shared, as long as no table has the name of ours.
        foreign = there if connection.dialect.name == "sqlite" else there & ours
        if foreign:
            raise _wrong(f"names a database of something else (it has a table {min(foreign)}); choose another one")
        tables.metadata.create_all(connection)
        connection.execute(tables.schema_version.insert().values(version=tables.SCHEMA_VERSION))
        return
    version = connection.scalar(select(tables.schema_version.c.version))
    if version in _ONLY_ADDED_TO:
        tables.metadata.create_all(connection)
        _add_to_tables(connection)
        connection.execute(tables.schema_version.update().values(version=tables.SCHEMA_VERSION))
        return
    if version != tables.SCHEMA_VERSION or not ours <= there:
        raise _wrong(
            f"names a database of form {version}, and this nbprocessor knows form {tables.SCHEMA_VERSION}; "
            "update it or choose another database"
        )


def _add_to_tables(connection: Connection) -> None:
    """Add the columns and indexes that tables of an earlier form lack; each column may be null or has a default."""
    found = inspect(connection)
    for table in tables.metadata.sorted_tables:
        there = {column["name"] for column in found.get_columns(table.name)}
        for column in table.columns:
            if column.name not in there:
                definition = CreateColumn(column).compile(dialect=connection.dialect)
                connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {definition}"))
        indexes = {index["name"] for index in found.get_indexes(table.name)}
        for index in table.indexes:
            if index.name not in indexes:
                index.create(connection)


@contextmanager
def _explained(engine: Engine) -> Iterator[None]:
    """Turn what the driver raises when the database cannot do its work into a sentence; other errors pass."""
    try:
        yield
    except exc.TimeoutError as error:
        raise StoreUnavailable("All connections to the database are in use; try again in a moment.") from error
    except (exc.OperationalError, exc.InterfaceError, exc.InternalError) as error:
        raise StoreUnavailable(_reason(engine, error.orig)) from error
    except exc.DatabaseError as error:
        # The driver has no subclass for a damaged file; the subclasses that are left are mistakes of ours.
        if type(error) is not exc.DatabaseError:
            raise
        raise StoreUnavailable(_reason(engine, error.orig)) from error


def _reason(engine: Engine, error: BaseException | None) -> str:
    if isinstance(error, sqlite3.Error):
        return _sqlite_reason(str(engine.url.database), error)
    detail = (str(error).strip().splitlines() or ["no answer"])[0]
    url = engine.url
    where = f"{url.host or 'localhost'}:{url.port or 5432}/{url.database or ''}"
    state = getattr(error, "sqlstate", None) or ""
    if state == "53100":
        return f"The disk of the database {where} is full; free some space. Nothing was lost."
    if state in {"55P03", "40001", "40P01"}:
        return f"The database {where} is busy with another transaction; try again in a moment."
    return f"The database {where} cannot be used ({detail}); check that it runs, and that store.url is right."


def _sqlite_reason(file: str, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return f"The database {file} is locked by another program; end it if it does not let go."
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(Path(file).parent)):
        return f"The disk that holds the database {file} is full; free some space. Nothing was lost."
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return _damaged(file, str(error))
    return f"The database {file} cannot be used ({error}); check that it and its folder can be written."


def _damaged(file: str, detail: str) -> str:
    return (
        f"The database {file} is damaged ({detail}); stop the server and put a backup in its place, or move "
        f"it away together with {file}-wal and {file}-shm and make it anew from the job folders with "
        "`nbprocessor recover --from-results`. The folders are untouched."
    )


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < 1_000_000
    except OSError:
        return False
