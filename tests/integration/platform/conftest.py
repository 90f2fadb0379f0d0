"""One platform for each place of the shards, shared by all tests of this folder."""

from __future__ import annotations

import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.fixtures.kafka import broker
from tests.fixtures.platform import platform
from tests.integration.platform.town import Town
from tests.integration.platform.up import Up

__all__ = ["platform"]


@pytest.fixture(scope="session")
def up(request):
    """Yield a running platform whose shards live where the test says."""
    with running(request.param) as platform:
        yield platform


@pytest.fixture(scope="module")
def with_kafka():
    """Yield a running platform and the broker that it tells of everything."""
    with (
        broker() as told,
        running("ingress", GOPHERPAY_KAFKA_BOOTSTRAP_SERVERS=told.bootstrap_servers) as platform,
    ):
        yield platform, told


@contextmanager
def running(place, **variables):
    """Run a platform with people who have money."""
    with tempfile.TemporaryDirectory(prefix="gopherpay-test-") as name:
        folder = Path(name)
        folder.chmod(0o711)  # Postgres may run as an account that has to pass through
        platform = Up(folder / "data", place, **variables)
        try:
            platform.wait_until_ready()
            treasury = platform.verb("keys", "create", "--scopes=treasury:write", "--name=tests")
            with closing(Town(platform.url, treasury)) as platform.town:
                yield platform
        finally:
            left = platform.end()
        assert left == []
