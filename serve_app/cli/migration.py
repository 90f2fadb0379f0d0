"""Bring the database to the schema of this version, or say in one sentence why not."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from actors.domain.errors import StoreUnavailable
from actors.store.migrate import (
    SchemaTooNew,
    current_revision,
    expected_revision,
    is_enough,
    upgrade,
)
from serve_app.embedded.failures import StartFailure

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.settings import Settings

SCHEMA_SECONDS_MAX: Final = 600.0
SCHEMA_LOOK_SECONDS: Final = 1.0


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
        raise _too_new(error) from error
    except Exception as error:
        reason = _first_line(error)
        raise MigrationFailed(f"The database refuses the migration: {reason}.") from error


def await_schema(
    settings: Settings,
    report: Callable[[str], None],
    *,
    seconds_max: float = SCHEMA_SECONDS_MAX,
) -> None:
    """Wait until somebody else has brought the schema, with no more than the right to look.

    Raises:
        MigrationFailed: If that takes too long, or the schema is too new.
    """
    wanted = expected_revision()
    deadline = time.monotonic() + seconds_max
    seen: str | None = None
    while not (look := _look(settings)).is_enough:
        present = look.present
        if time.monotonic() > deadline:
            raise MigrationFailed(
                f"The database is at {present} after {seconds_max:g} s, not at schema {wanted}; "
                "look at what the migration says."
            )
        if present != seen:
            report(f"waiting for schema {wanted}, the database is at {present}")
            seen = present
        time.sleep(SCHEMA_LOOK_SECONDS)


@dataclass(frozen=True, slots=True)
class _Look:
    """What the database is at, in words."""

    present: str
    is_enough: bool


def _look(settings: Settings) -> _Look:
    """Return the revision of the database, or why there is none."""
    try:
        revision = current_revision(settings.app_dsn)
    except StoreUnavailable:
        return _Look("no answer", is_enough=False)
    except SchemaTooNew as error:
        raise _too_new(error) from error
    return _Look(revision or "no schema", is_enough(revision))


def _too_new(error: SchemaTooNew) -> MigrationFailed:
    return MigrationFailed(
        f"The database is at schema {error}, which is newer than this version knows; "
        "install the newer version again."
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
