"""A bank for every test of the store."""

import pytest

from tests.fixtures.ledger import a_bank


@pytest.fixture
async def bank(database):
    async with a_bank(database.app_dsn) as bank:
        yield bank
