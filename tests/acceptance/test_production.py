"""What the production profile does not show (row B94)."""

from __future__ import annotations

import pytest

from actors.security.keys import ensure_keys
from actors.settings import Settings
from serve_app import composition
from tests.fixtures.asgi import ask

HIDDEN = [
    "/docs",
    "/openapi.json",
    "/metrics",
    "/v1/dev/mailbox",
    "/-/routes",
    "/debug",
    "/.git/config",
]


@pytest.fixture
async def production(database, tmp_path):
    ensure_keys(tmp_path)
    settings = Settings(profile="production", postgres_url=database.owner_dsn, keys_dir=tmp_path)
    async with composition.whole(settings, owner="production") as application:
        yield application


async def test_production_shows_no_more_than_the_api(production):
    answers = {path: (await ask(production, "GET", path)).status for path in HIDDEN}

    assert answers == dict.fromkeys(HIDDEN, 404)
    assert (await ask(production, "GET", "/healthz")).status == 200
    assert (await ask(production, "GET", "/readyz")).status == 200
