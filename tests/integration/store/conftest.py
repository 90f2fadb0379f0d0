"""A bank for every test of the store, and its owner who may look at everything."""

import psycopg
import pytest

from tests.fixtures.ledger import a_bank


@pytest.fixture
async def bank(database):
    async with a_bank(database.app_dsn) as bank:
        yield bank


@pytest.fixture
async def owner(database):
    async with await psycopg.AsyncConnection.connect(database.owner_dsn, autocommit=True) as owner:
        yield owner


@pytest.fixture
def sessions(owner):
    """Return a question: how many sessions of this database are in that state?"""

    async def count(state):
        # The view waits for nothing, and its owner sees every session.
        found = await owner.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND %s IN (state, wait_event_type)",
            (state,),
        )
        return (await found.fetchone())[0]

    return count
