"""Rows that every database of the platform has: the world accounts and the slots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.currencies import currencies
from actors.domain.accounts import world_account_id
from actors.domain.principals import PLATFORM_ID
from actors.domain.slots import SLOT_COUNT

if TYPE_CHECKING:
    import psycopg


def seed(connection: psycopg.Connection) -> None:
    """Add the rows that are missing."""
    codes = sorted(currencies())
    with connection.transaction():
        connection.execute(
            "INSERT INTO accounts (id, owner_id, kind, currency)"
            " SELECT u.id, %s, 'world', u.currency"
            " FROM unnest(%s::uuid[], %s::text[]) AS u(id, currency)"
            " ON CONFLICT (id) DO NOTHING",
            (PLATFORM_ID, [world_account_id(code) for code in codes], codes),
        )
        connection.execute(
            "INSERT INTO slots (slot) SELECT generate_series(0, %s - 1)"
            " ON CONFLICT (slot) DO NOTHING",
            (SLOT_COUNT,),
        )
