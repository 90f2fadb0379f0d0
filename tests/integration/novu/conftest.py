"""A courier between a real database and the double of Novu."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from actors.domain.errors import Unavailable
from actors.domain.principals import USER_SCOPES, Principal
from actors.identity.outgoing import outgoing
from actors.identity.registration import Wish
from actors.identity.service import Identity, IdentityRules, build_identity
from actors.ids import new_id
from actors.notifier.courier import Courier, Desk, Pace
from actors.notifier.novu import NovuMessenger
from actors.notifier.retrying import BackOff
from actors.security.keys import KeyRing, ensure_keys, load_keys
from actors.store.deliveries import PostgresDeliveries
from actors.store.pool import Pool
from actors.store.subscribers import PostgresSubscribers, mark_changed
from tests.doubles.novu.server import NovuDouble, novu_double

PASSWORD = "correct horse battery staple"
WORKFLOW = "gopherpay-transfer-received"
WAIT_SECONDS = 60
PACE = {
    "poll_seconds": 0.02,
    "lease_seconds": 30,
    "retry": BackOff(0.02, 0.1),
    "outage": BackOff(0.02, 0.1),
}
RULES = IdentityRules(
    issuer="https://issuer.test",
    audience="gopherpay",
    bcrypt_cost=4,
    hash_threads=1,
    hash_queue=64,
    throttle_factor=1_000,
    public_url="https://pay.test",
)


async def until(condition):
    """Wait until *condition*, which may be awaitable, is true; fail after a long while."""
    async with asyncio.timeout(WAIT_SECONDS):
        while True:
            with suppress(Unavailable):  # some tests take the database away
                found = condition()
                if await found if hasattr(found, "__await__") else found:
                    return
            await asyncio.sleep(0.01)


@dataclass
class Scene:
    """Everything that a courier needs, and who reads what it did."""

    dsn: str
    pool: Pool
    keys_folder: Path
    keys: KeyRing
    identity: Identity
    double: NovuDouble

    async def query(self, statement, *values):
        """Return the rows of a statement."""
        async with self.pool.transaction() as connection:
            cursor = await connection.execute(statement, values)
            return await cursor.fetchall() if cursor.description else []

    async def a_user(self, email="ada@example.com", name="Ada Lovelace"):
        """Return the id of a verified user, whose mail is out of the way."""
        await self.identity.registration.register(Wish(email, name, PASSWORD), source="test")
        mail = (await self.identity.mailbox.read(email))[0]
        user = await self.identity.registration.verify(mail.token)
        await self.query("UPDATE mails SET sent_at = now()")
        return user.id

    def principal(self, user_id):
        """Return the user with a session."""
        return Principal(user_id, USER_SCOPES, session_id=UUID(int=9))

    async def due(self, user_id, *, workflow=WORKFLOW, event_id=None, expires="3 days"):
        """Add a delivery as the notifier does, and return its id."""
        delivery_id = new_id()
        payload = {"title": "You got $10.50", "body": "A*** sent you $10.50.", "language": "en"}
        await self.query(
            "INSERT INTO notification_deliveries"
            " (id, event_id, workflow, subscriber_id, payload, expires_at)"
            " VALUES (%s, %s, %s, %s, %s, now() + %s::interval)",
            delivery_id,
            event_id or new_id(),
            workflow,
            user_id,
            json.dumps(payload),
            expires,
        )
        return delivery_id

    async def states(self):
        """Return how many deliveries there are in each state."""
        rows = await self.query("SELECT status, count(*) FROM notification_deliveries GROUP BY 1")
        return dict(rows)

    async def is_all(self, status):
        """Tell whether every delivery is in one state."""
        return set(await self.states()) == {status}

    async def mark_changed(self, *user_ids):
        """Have subscribers looked at, as the consumer of user events does."""
        async with self.pool.transaction() as connection:
            await mark_changed(connection, user_ids)

    @asynccontextmanager
    async def courier(self, *, call_seconds=20.0, **changes):
        """Yield a courier with a messenger of its own, not running."""
        messenger = NovuMessenger(
            self.double.world.secret_key, self.double.url, call_seconds=call_seconds
        )
        people = outgoing(self.pool, self.keys, RULES.public_url)
        desk = Desk(
            PostgresDeliveries(self.pool), people, PostgresSubscribers(self.pool), messenger
        )
        try:
            yield Courier(desk, pace=Pace(**{**PACE, **changes}))
        finally:
            await messenger.close()

    @asynccontextmanager
    async def running(self, **changes):
        """Yield a courier that runs."""
        async with self.courier(**changes) as courier:
            task = asyncio.create_task(courier.run())
            try:
                yield courier
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task


@pytest.fixture(scope="session")
def keys_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    ensure_keys(folder)
    return folder


@pytest.fixture
def double():
    with novu_double() as running:
        yield running


@pytest.fixture
async def scene(database, keys_folder, double):
    pool = Pool(database.app_dsn, size_max=8, name="courier-test", wait_seconds=30)
    await pool.open()
    keys = load_keys(keys_folder)
    identity = build_identity(pool, keys, RULES)
    try:
        yield Scene(database.app_dsn, pool, keys_folder, keys, identity, double)
    finally:
        identity.close()
        await pool.close()


@pytest.fixture
async def owner(database):
    async with await psycopg.AsyncConnection.connect(database.owner_dsn, autocommit=True) as owner:
        yield owner
