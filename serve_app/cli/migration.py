"""Bring the database to the schema of this version, or say in one sentence why not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.domain.errors import StoreUnavailable
from actors.store.migrate import SchemaTooNew, upgrade
from serve_app.embedded.failures import StartFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.settings import Settings


class MigrationFailed(StartFailure):
    """The schema is not what this version needs."""


def migrate_database(settings: Settings, report: Callable[[str], None] | None = None) -> None:
    """Migrate as the owner of the tables.

    Raises:
        MigrationFailed: If the database is dead, too new, or refuses.
    """
    try:
        upgrade(settings.owner_dsn, report=report)
    except StoreUnavailable as error:
        reason = _first_line(error.__cause__ or error)
        raise MigrationFailed(f"The database cannot be reached: {reason}.") from error
    except SchemaTooNew as error:
        raise MigrationFailed(
            f"The database is at schema {error}, which is newer than this version knows; "
            "install the newer version again."
        ) from error
    except Exception as error:
        reason = _first_line(error)
        raise MigrationFailed(f"The database refuses the migration: {reason}.") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
