"""Shards in processes of their own on a real Postgres, in both homes."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from actors.runtime.directory import open_directory
from actors.store.commit import PostgresLedger
from actors.store.pool import Pool
from actors.store.slots import PostgresSlots
from tests.integration.runtime.books import Books
from tests.integration.runtime.shard_process import SocketTransport
from tests.integration.runtime.stage import LEASE_SECONDS, LIMITS, Client, Nowhere, Shards


@pytest.fixture
def books(database):
    return Books(database.owner_dsn, database.app_dsn)


@pytest.fixture(params=["deployment", "ingress"])
def shards(request, database):
    """Yield the processes of one home: shards alone, or ingresses with their shards."""
    with tempfile.TemporaryDirectory(prefix="gp-") as folder:
        shards = Shards(request.param, database.app_dsn, Path(folder))
        yield shards
        shards.stop()


@pytest.fixture
async def client(shards, database):
    """Yield a client of the platform; set its entrances when the ingresses are processes."""
    pool = Pool(database.app_dsn, size_max=4, name="test")
    await pool.open()
    directory = await open_directory(
        "deployment",
        PostgresLedger(pool),
        PostgresSlots(pool, lease_seconds=LEASE_SECONDS),
        owner="",
        # An ingress is no shard: only the home "deployment" is called by its owners' addresses.
        transport=SocketTransport() if shards.home == "deployment" else Nowhere(),
        limits=LIMITS,
    )
    yield Client(shards.home, directory)
    await directory.close()
    await pool.close()
