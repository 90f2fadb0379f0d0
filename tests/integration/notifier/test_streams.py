"""Streams of two replicas on one database, each behind a real HTTP server."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
import jwt
import pytest

from actors.domain.principals import USER_SCOPES, Principal
from actors.ids import new_id
from actors.security.keys import ensure_keys, load_keys
from actors.settings import Settings
from serve_app import composition
from serve_app.stream.door import door
from tests.fixtures.ledger import a_movement
from tests.fixtures.listening import PATH, PATIENCE_SECONDS, listening
from tests.integration.identity.conftest import ISSUER

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="session")
def keys_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams") / "keys"
    ensure_keys(folder)
    return folder


@pytest.fixture(scope="session")
def keys(keys_folder):
    return load_keys(keys_folder)


@asynccontextmanager
async def a_replica(database, keys_folder):
    """Yield the address of an ingress, served by the door that all replicas of a machine have."""
    settings = Settings(
        data_dir=Path(keys_folder).parent,
        postgres_url=database.owner_dsn,
        keys_dir=keys_folder,
        issuer=ISSUER,
    )
    async with (
        composition.money(settings, owner=str(new_id())) as application,
        door(application, host="127.0.0.1", port=0) as port,
    ):
        yield f"http://127.0.0.1:{port}"


@dataclass(frozen=True, slots=True)
class Scene:
    """Two replicas, a person who listens, and another who sends her money."""

    replicas: tuple
    ada: UUID
    token: str
    source: UUID
    destination: UUID
    stage: object

    async def pay(self, times=1):
        """Have Ada told of so many transfers."""
        movements = (a_movement(self.source, self.destination) for _ in range(times))
        await self.stage.bank.post(*movements)
        await self.stage.fan_out().apply(await self.stage.events("transfer.posted"))

    async def numbers(self):
        """Return the number of each of Ada's notices by its id."""
        rows = await self.stage.rows(
            "SELECT id::text, number FROM notifications WHERE user_id = %s", self.ada
        )
        return dict(rows)


@pytest.fixture
async def scene(stage, database, keys_folder):
    ada = await stage.person("ada@example.com", "Ada Lovelace")
    linh = await stage.person("linh@example.com", "Nguyễn Linh")
    source, destination = await stage.wallet(linh, 100_000), await stage.wallet(ada)
    async with AsyncExitStack() as stack:
        replicas = [
            await stack.enter_async_context(a_replica(database, keys_folder)) for _ in range(2)
        ]
        token = await _token_for(stage)
        yield Scene(tuple(replicas), ada, token, source, destination, stage)


async def _token_for(stage):
    signed_in = await stage.identity.sign_in.login("ada@example.com", PASSWORD, source="test")
    return signed_in.tokens.access_token


async def test_every_replica_tells_what_any_notifier_wrote(scene):
    first, second = scene.replicas
    async with listening(first, scene.token) as one, listening(second, scene.token) as other:
        await scene.pay(3)

        for listener in (one, other):
            await listener.until(lambda it: len(it.objects) == 3)
            assert listener.response.headers["content-type"] == "text/event-stream"
            assert listener.response.headers["cache-control"] == "no-store"
            assert [each["id"] for each in listener.objects] == listener.ids
            assert [each["kind"] for each in listener.objects] == ["transfer.received"] * 3

    numbers = await scene.numbers()
    assert [numbers[each] for each in one.ids] == [1, 2, 3]
    assert one.ids == other.ids


async def test_a_stream_goes_on_elsewhere_after_the_last_event_seen(scene):
    first, second = scene.replicas
    async with listening(first, scene.token) as before:
        await scene.pay(2)
        await before.until(lambda it: len(it.objects) == 2)
    await scene.pay(250)  # more than one question brings, and more than may wait for a reader

    async with listening(second, scene.token, last_id=before.ids[-1]) as after:
        await after.until(lambda it: len(it.objects) == 250)

    numbers = await scene.numbers()
    assert [numbers[each] for each in before.ids + after.ids] == list(range(1, 253))


@pytest.mark.parametrize("last_id", [None, str(UUID(int=5)), "nonsense", "x" * 36, b"\xe9" * 36])
async def test_without_a_known_event_only_what_is_new_is_told(scene, last_id):
    await scene.pay(2)

    async with listening(scene.replicas[0], scene.token, last_id=last_id) as listener:
        await scene.pay()
        await listener.until(lambda it: it.objects)

    numbers = await scene.numbers()
    assert [numbers[each] for each in listener.ids] == [3]


async def test_anothers_event_is_an_unknown_one(scene):
    await scene.pay(2)
    rows = await scene.stage.rows(
        "SELECT id FROM notifications WHERE user_id <> %s AND number = 1", scene.ada
    )

    async with listening(scene.replicas[0], scene.token, last_id=str(rows[0][0])) as listener:
        await scene.pay()
        await listener.until(lambda it: it.objects)

    numbers = await scene.numbers()
    assert [numbers[each] for each in listener.ids] == [3]


async def test_a_stream_ends_when_its_session_does(scene):
    other = await _token_for(scene.stage)
    async with (
        listening(scene.replicas[0], scene.token) as mine,
        listening(scene.replicas[1], other) as others,
    ):
        people = scene.stage.identity
        principal = Principal(scene.ada, USER_SCOPES, session_id=_session_of(scene.token))
        await people.sign_in.logout(principal, everywhere=False)

        await mine.until(lambda it: it.ended)
        assert not others.ended


async def test_a_stream_ends_when_its_key_is_deleted(scene):
    keys = scene.stage.identity.api_keys
    principal = Principal(scene.ada, USER_SCOPES, session_id=UUID(int=9))
    key = await keys.create(principal, "tests", ["notifications:read"])
    async with listening(scene.replicas[0], key.secret) as listener:
        await keys.delete(principal, key.info.id)

        await listener.until(lambda it: it.ended)


async def test_one_person_has_a_bounded_number_of_streams(scene):
    url = scene.replicas[0]
    async with AsyncExitStack() as stack:
        for _ in range(10):
            await stack.enter_async_context(listening(url, scene.token))

        refused = await _get(url, scene.token)

        assert refused.status_code == 429
        assert refused.json()["code"] == "rate-limited"
        assert int(refused.headers["retry-after"]) >= 1
        async with listening(scene.replicas[1], scene.token):
            pass  # each replica counts for itself

    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await _head(url, scene.token)).status_code == 429:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_head_opens_no_stream(scene):
    for _ in range(12):
        answer = await _head(scene.replicas[0], scene.token)

        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"


async def test_a_replica_that_ends_ends_its_streams(scene, database, keys_folder):
    async with a_replica(database, keys_folder) as url, AsyncExitStack() as stack:
        listener = await stack.enter_async_context(listening(url, scene.token))
        leaving = stack.pop_all()
    try:
        await listener.until(lambda it: it.ended)
    finally:
        await leaving.aclose()


async def _get(url, token):
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as http:
        return await http.get(PATH, headers={"Authorization": f"Bearer {token}"})


async def _head(url, token):
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS) as http:
        return await http.head(PATH, headers={"Authorization": f"Bearer {token}"})


def _session_of(token):
    return UUID(jwt.decode(token, options={"verify_signature": False})["sid"])
