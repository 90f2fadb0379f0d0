"""Whether the database can be worked with now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from actors.domain.errors import StoreUnavailable
from actors.store.migrate import expected_revision, serves

if TYPE_CHECKING:
    from actors.store.pool import Pool

STATE: Final = """
SELECT (SELECT version_num FROM alembic_version),
       obj_description('alembic_version'::regclass, 'pg_class'),
       EXISTS (SELECT FROM slots s JOIN shard_members m ON m.owner = s.owner
               WHERE m.lease_until > clock_timestamp())
"""


class Readiness:
    """What stands in the way of serving, by one question to the database."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._expected = expected_revision()

    async def failing(self) -> list[str]:
        """Return what is not as it must be: ``database``, ``schema``, ``slots``."""
        try:
            ((revision, comment, has_owners),) = await self._pool.rows(STATE)
        except StoreUnavailable:
            return ["database"]
        failing = {
            "schema": not serves(self._expected, revision, comment),
            "slots": not has_owners,
        }
        return [part for part, fails in failing.items() if fails]
