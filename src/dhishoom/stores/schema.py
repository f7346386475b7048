"""Opening a database: its settings, and its tables brought up to date by the migrations in the package."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from dhishoom.errors import StoreError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 10_000
MIGRATION_LOCK = 0x64686973686F6F6D
"""PostgreSQL's advisory lock for whoever migrates; the number spells our name."""
ALONE = "dhishoom_alone"
"""Option of a connection whose transactions let no other write from their beginning."""


def open_database(url: str) -> Engine:
    """An engine whose tables are those of this version. Raises StoreError where it cannot be."""
    try:
        engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    except ModuleNotFoundError as error:
        raise StoreError(
            f"store.url needs a library that is not installed ({error.name}): pip install 'dhishoom[postgres]'."
        ) from error
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreError(
            f"store.url cannot be used: {error}. Write it like sqlite:///dhishoom-data/dhishoom.db or "
            "postgresql+psycopg://USER:PASSWORD@HOST/DATABASE."
        ) from error
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    with telling(engine):
        _bring_up_to_date(engine)
    return engine


@contextlib.contextmanager
def telling(engine: Engine) -> Iterator[None]:
    """Database errors in words."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"The database {_shown(engine)} failed: {error.orig}. {_fix(str(error.orig))}") from error


def _fix(reason: str) -> str:
    fixes = {
        "full": "Free some space on its disk.",
        "disk I/O error": "Its disk is full or failing: free some space there, or name another in store.url.",
        "readonly": "Give this user the right to write it, or mount its disk for writing.",
        "unable to open": "Check that its folder exists and may be written.",
        "password authentication": "Check user and password in store.url.",
        "onnection": "Is the database up, and is its address in store.url right?",
        "does not exist": "Make it, or name another in store.url.",
        "locked": "Another program holds it; end that one or wait.",
        "not a database": "Name another file in store.url, or restore this one from a backup.",
        "malformed": "Restore it from a backup.",
    }
    return next((fix for words, fix in fixes.items() if words in reason), "Check store.url and the database's own log.")


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)


def _prepare_sqlite(engine: Engine) -> None:
    database = make_url(engine.url).database
    if database and database != ":memory:":
        try:
            Path(database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"No database can be made at {database}: {error.strerror}. Change store.url.") from error

    @event.listens_for(engine, "connect")
    def settle(connection: Any, _: object) -> None:
        connection.isolation_level = None  # transactions begin below: sqlite3 itself begins none for CREATE TABLE
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")  # what was told stored outlasts a loss of power
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        alone = connection.get_execution_options().get(ALONE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if alone else "BEGIN")


def _bring_up_to_date(engine: Engine) -> None:
    """Migrate all or nothing, and only one process at a time; whoever finds nothing to do locks nothing."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        if MigrationContext.configure(connection).get_current_revision() == scripts.get_current_head():
            return
    with engine.connect().execution_options(**{ALONE: True}) as connection, connection.begin():
        config.attributes["connection"] = connection
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        _upgrade(connection, config, scripts)


def _upgrade(connection: Connection, config: Config, scripts: ScriptDirectory) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise StoreError(
            f"The database {_shown(connection.engine)} is of a newer dhishoom (its tables are of step "
            f"{current}, this one knows up to {scripts.get_current_head()}). Upgrade with pip, or name "
            "another database in store.url."
        )
    if current != scripts.get_current_head():
        command.upgrade(config, "head")
