"""People with accounts on a real database, and the notifier that reads the real outbox."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
import pytest

from actors.domain.events import CloudEvent
from actors.identity.names import Names
from actors.identity.registration import Wish
from actors.identity.service import Identity
from actors.notifier.fan_out import FanOut
from actors.security.keys import ensure_keys, load_keys
from actors.security.sealing import Sealer
from actors.store.identity.names import NameStore
from actors.store.notifications import InboxStore, NewsStore, NoticeStore
from actors.store.preferences import PreferenceStore
from tests.fixtures.ledger import Bank, a_bank, a_deposit
from tests.integration.identity.conftest import a_world

PASSWORD = "correct horse battery staple"


@dataclass(frozen=True, slots=True)
class Stage:
    """A bank with people, and everything that tells them something."""

    bank: Bank
    identity: Identity
    names: Names
    owner: psycopg.AsyncConnection

    @property
    def inbox(self):
        return InboxStore(self.bank.pool)

    @property
    def news(self):
        return NewsStore(self.bank.pool)

    @property
    def preferences(self):
        return PreferenceStore(self.bank.pool)

    def fan_out(self, *, sends=False, mark_changed=None):
        notices = NoticeStore(self.bank.pool, mark_changed=mark_changed)
        return FanOut(notices, self.names, sends=sends)

    async def person(self, email, name="Ada Lovelace", language="en"):
        """Return the id of a verified user."""
        people = self.identity
        await people.registration.register(Wish(email, name, PASSWORD, language), source=email)
        token = next(mail.token for mail in await people.mailbox.read(email) if mail.token)
        return (await people.registration.verify(token)).id

    async def wallet(self, owner_id, funds_minor=0):
        """Open an account of *owner_id* with money."""
        account_id = await self.bank.wallet(owner_id=owner_id)
        if funds_minor:
            await self.bank.post(a_deposit(account_id, funds_minor))
        return account_id

    async def events(self, *names):
        """Return the facts of *names* in the outbox, oldest first."""
        rows = await self.rows(
            "SELECT id, type, aggregateid, occurred_at, payload FROM outbox ORDER BY seq"
        )
        events = [CloudEvent(row[0], row[1], "test", *row[2:]) for row in rows]
        return [event for event in events if not names or event.name in names]

    async def rows(self, statement, *values):
        return await (await self.owner.execute(statement, values)).fetchall()

    async def told(self, user_id):
        """Return a person's inbox, oldest first."""
        page = await self.inbox.page(user_id, unread=False, before=None, limit=100)
        return page[::-1]


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("notifier") / "keys"
    ensure_keys(folder)
    return load_keys(folder)


@pytest.fixture
async def stage(database, keys):
    async with (
        a_bank(database.app_dsn) as bank,
        a_world(database.app_dsn, keys, throttle_factor=1_000) as world,
        await psycopg.AsyncConnection.connect(database.owner_dsn, autocommit=True) as owner,
    ):
        names = Names(NameStore(bank.pool), Sealer(keys.kek, keys.keks))
        yield Stage(bank, world.identity, names, owner)
