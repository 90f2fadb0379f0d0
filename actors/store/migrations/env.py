"""Alembic's entry: runs on the connection that ``actors.store.migrate`` hands over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic import context

from actors.store.migrate import metadata, served_by

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from alembic.migration import MigrationContext
    from alembic.runtime.migration import MigrationInfo


def _leave_word(
    ctx: MigrationContext,
    step: MigrationInfo,
    heads: Collection[object],  # noqa: ARG001 - Alembic hands all over by name
    run_args: Mapping[str, object],  # noqa: ARG001 - see heads
) -> None:
    """Say in the same transaction which versions the schema serves now."""
    word = served_by(str(step.up_revision_id))
    ctx.impl.execute(f"COMMENT ON TABLE alembic_version IS '{word}'")


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata(),
    transaction_per_migration=True,
    on_version_apply=_leave_word,
)
with context.begin_transaction():
    context.run_migrations()
