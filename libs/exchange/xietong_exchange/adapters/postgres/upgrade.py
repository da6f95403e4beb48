"""Runs migrations with alembic. Only `migrate` imports this, and only when the database needs it."""

from __future__ import annotations

from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def upgrade(connection: Connection, migrations: Path, found: str | None) -> None:
    """Run what follows the revision `found` (None: everything) in the connection's transaction.

    Raises SQLAlchemyError when the database refuses a change.
    """
    script = script_directory(migrations)
    steps = [
        MigrationStep.upgrade_from_script(script.revision_map, revision)
        for revision in reversed(list(script.iterate_revisions("head", found or "base")))
    ]
    context = MigrationContext.configure(connection, opts={"fn": lambda _heads, _context: steps})
    context.run_migrations(op=Operations(context))


def script_directory(migrations: Path) -> ScriptDirectory:
    """The migrations as alembic sees them."""
    return ScriptDirectory(migrations, version_locations=[migrations])
