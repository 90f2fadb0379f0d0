"""Identity on a real database, with cheap hashes."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest

from actors.identity.registration import Wish
from actors.identity.service import Gate, Identity, IdentityRules, build_gate, build_identity
from actors.security.keys import KeyRing, ensure_keys, load_keys
from actors.store.pool import Pool

PASSWORD = "correct horse battery staple"
ISSUER, AUDIENCE = "https://issuer.test", "gopherpay"
RULES = {
    "issuer": ISSUER,
    "audience": AUDIENCE,
    "bcrypt_cost": 4,
    "hash_threads": 2,
    "hash_queue": 64,
    "throttle_factor": 1,
    "public_url": "https://pay.test",
}


@dataclass(frozen=True, slots=True)
class World:
    """Identity, the gate that an ingress has, and the pool beneath both."""

    identity: Identity
    gate: Gate
    pool: Pool
    keys: KeyRing

    async def newest_token(self, email, kind):
        """Return the token of the newest mail of *kind*."""
        mails = await self.identity.mailbox.read(email)
        return next(mail.token for mail in mails if mail.kind == kind)

    async def a_user(
        self, email="ada@example.com", *, password=PASSWORD, name="Ada Lovelace", language="en"
    ):
        """Return a verified user."""
        wish = Wish(email, name, password, language)
        await self.identity.registration.register(wish, source="test")
        token = await self.newest_token(email, "verify-email")
        return await self.identity.registration.verify(token)

    async def signed_in(self, email="ada@example.com", *, password=PASSWORD, source="test"):
        """Return the token pair of a new session."""
        return (await self.identity.sign_in.login(email, password, source=source)).tokens

    async def who(self, credential):
        """Return the principal behind a token or key, with the newest revocations heard."""
        await self.gate.revocations._ask()  # noqa: SLF001  the tick of the loop, without its wait
        return await self.gate.authenticator.authenticate(b"Bearer " + credential.encode())

    async def query(self, statement, *values):
        """Return the rows of a statement."""
        async with self.pool.transaction() as connection:
            cursor = await connection.execute(statement, values)
            return await cursor.fetchall() if cursor.description else []


@asynccontextmanager
async def a_world(dsn, keys, **changes):
    """Yield a world whose rules differ by *changes*."""
    pool = Pool(dsn, size_max=8, name="identity-test", wait_seconds=30)
    await pool.open()
    identity = build_identity(pool, keys, IdentityRules(**{**RULES, **changes}))
    gate = build_gate(pool, keys.verifying, issuer=ISSUER, audience=AUDIENCE)
    try:
        yield World(identity, gate, pool, keys)
    finally:
        identity.close()
        await pool.close()


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """Return the keys of the session."""
    folder = tmp_path_factory.mktemp("keys")
    ensure_keys(folder)
    return load_keys(folder)


@pytest.fixture
async def world(database, keys):
    """Yield identity as the application's role sees it."""
    async with a_world(database.app_dsn, keys) as made:
        yield made
