"""Each bus, on a real database and a real broker."""

import pytest

from tests.contracts.bus.parts import Counted, a_bus, a_pool


@pytest.fixture(
    params=["outbox", pytest.param("kafka", marks=pytest.mark.xdist_group("kafka"))],
)
def bus(request, database, topic_prefix):
    """Return a bus with nothing on it."""
    if request.param == "outbox":
        return a_bus(database, topic_prefix)
    return a_bus(database, topic_prefix, request.getfixturevalue("kafka").bootstrap_servers)


@pytest.fixture
async def pool(bus):
    """Yield a pool on the database of the effects, closed before the database is dropped."""
    pool = a_pool(bus)
    await pool.open()
    yield pool
    await pool.close()


@pytest.fixture
def counted(pool):
    """Return an effect that can be counted."""
    return Counted(pool)


@pytest.fixture
def effects(bus):
    """Return a question: what has had its effect, in order, as (subject, amount)?"""
    return bus.effects
