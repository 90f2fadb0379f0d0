"""The applications put together from settings: the one place that knows every part.

``money`` answers everything but identity, with public keys for the credentials;
``identity`` is its neighbour, in a process of its own where there are several.
``whole`` is both in one process.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from actors.ending import ended
from actors.identity.names import Names
from actors.identity.service import Identity, IdentityRules, build_gate, build_identity
from actors.identity.webhook_secrets import WebhookSecrets
from actors.identity.webhooks import Webhooks
from actors.ids import new_id
from actors.runtime.directory import Directory, open_directory
from actors.runtime.limits import BatchLimits, RuntimeLimits, TenancyLimits
from actors.security.keys import jwks, load_keys
from actors.security.sealing import Sealer
from actors.store.accounts import Accounts as AccountStore
from actors.store.books.history import Verifications
from actors.store.commit import PostgresLedger
from actors.store.health import Readiness
from actors.store.identity.names import NameStore
from actors.store.identity.users import UserStore
from actors.store.notifications import InboxStore, NewsStore
from actors.store.outbox_horizon import Horizon
from actors.store.outbox_reading import lag
from actors.store.pool import Pool
from actors.store.preferences import PreferenceStore
from actors.store.slots import PostgresSlots
from actors.store.transfers import Transfers as TransferStore
from actors.store.wallets import Wallets
from actors.store.webhooks import WebhookStore
from serve_app.buses import outbox_readers
from serve_app.gateway import Gateway, serve_carried
from serve_app.http.cursors import Cursors
from serve_app.http.metrics import Meter
from serve_app.http.pipeline import Application, Limits
from serve_app.lag import LagWatch
from serve_app.routes import (
    accounts,
    api_keys,
    auth,
    bulk,
    mailbox,
    notifications,
    novu,
    operations,
    stream,
    transfers,
    treasury,
    users,
    webhooks,
)
from serve_app.routes.documents import Documents
from serve_app.stream.hub import Hub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from actors.identity.service import Gate
    from actors.runtime.transports import ShardTransport
    from actors.security.keys import KeyRing
    from actors.settings import Settings
    from serve_app.http.routing import Route

IDENTITY_DEADLINE_SECONDS: Final = 20.0
"""A line of password checks may be long: 64 of them wait a while on the smallest machine."""


@dataclass(frozen=True, slots=True)
class Books:
    """What moves money and what reads it, on one pool."""

    pool: Pool
    ledger: PostgresLedger
    directory: Directory


@asynccontextmanager
async def money(
    settings: Settings,
    *,
    owner: str,
    transport: ShardTransport | None = None,
) -> AsyncIterator[Application]:
    """Run the application of accounts, transfers and operations.

    Args:
        settings: The chosen values.
        owner: A name for this process that no other has or ever had.
        transport: How shards in a deployment of their own are reached.

    Raises:
        StoreUnavailable: If there is no database.
        KeysUnusable: If a key is missing.
    """
    keys = load_keys(settings.keys_folder)
    meter = Meter()
    async with AsyncExitStack() as stack:
        books = await stack.enter_async_context(_books(settings, owner, transport))
        gate = await stack.enter_async_context(_gate(settings, books.pool, keys))
        hub = Hub(NewsStore(books.pool), gate.authenticator.authenticate, stream.frame)
        await stack.enter_async_context(_running(hub.run()))
        meter.gauge("streams_open", lambda: hub.count)
        watch = LagWatch(
            partial(lag, books.pool), Horizon(books.pool).held_seconds, outbox_readers(settings)
        )
        await stack.enter_async_context(_running(watch.run()))
        watch.show(meter)
        routes = [
            *_routes(books, keys),
            *stream.routes(stream.Streams(hub)),
            *_outward(books.pool, keys, settings),
        ]
        if not settings.is_production:
            routes.append(operations.metrics_route(operations.Metrics(meter)))
        if settings.serves_docs:
            # Described here, answered in a process of its own.
            people = build_identity(books.pool, keys, identity_rules(settings))
            neighbours = identity_routes(people, keys, settings)
            routes += Documents([*routes, *neighbours]).routes
        _count(meter, books.directory)
        yield Application(
            routes, gate.authenticator.authenticate, limits=_limits(settings), meter=meter
        )


@asynccontextmanager
async def _books(
    settings: Settings, owner: str, transport: ShardTransport | None
) -> AsyncIterator[Books]:
    """Open the database and the way to the actors."""
    pool = Pool(settings.app_dsn, size_max=settings.postgres_pool_max, name="gopherpay-ingress")
    await pool.open()
    try:
        ledger = PostgresLedger(pool)
        limits = runtime_limits(settings)
        directory = await open_directory(
            settings.shard_place,
            ledger,
            PostgresSlots(pool, lease_seconds=limits.tenancy.lease_seconds),
            owner=owner,
            generation=settings.shard_generation,
            transport=transport,
            limits=limits,
        )
        try:
            yield Books(pool, ledger, directory)
        finally:
            await directory.close()
    finally:
        await pool.close()


@asynccontextmanager
async def _gate(settings: Settings, pool: Pool, keys: KeyRing) -> AsyncIterator[Gate]:
    """Know who is asking, and hear of credentials that die."""
    gate = build_gate(pool, keys.verifying, issuer=settings.issuer, audience=settings.audience)
    async with _running(gate.revocations.run()):
        yield gate


@asynccontextmanager
async def _running(loop: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run *loop* beside the block."""
    task = asyncio.create_task(loop)
    try:
        yield
    finally:
        await ended(task)


@asynccontextmanager
async def identity(settings: Settings) -> AsyncIterator[Application]:
    """Run the application of people and their credentials.

    Raises:
        StoreUnavailable: If there is no database.
        KeysUnusable: If a key is missing.
    """
    keys = load_keys(settings.keys_folder)
    pool = Pool(settings.app_dsn, size_max=settings.postgres_pool_max, name="gopherpay-identity")
    await pool.open()
    try:
        people = build_identity(pool, keys, identity_rules(settings))
        try:
            async with _gate(settings, pool, keys) as gate, _running(people.keep_house()):
                yield Application(
                    identity_routes(people, keys, settings),
                    gate.authenticator.authenticate,
                    limits=Limits(deadline_seconds=IDENTITY_DEADLINE_SECONDS),
                )
        finally:
            people.close()
    finally:
        await pool.close()


def identity_routes(people: Identity, keys: KeyRing, settings: Settings) -> list[Route]:
    """Return the table of routes of identity."""
    routes = [
        *auth.routes(auth.Auth(people.registration, people.sign_in, people.passwords)),
        *users.routes(users.People(people.profiles, users.published(jwks(keys.verifying)))),
        *api_keys.routes(api_keys.ApiKeys(people.api_keys, Cursors(keys.refresh.key))),
    ]
    if settings.serves_mailbox:
        routes += mailbox.routes(mailbox.DevelopmentMailbox(people.mailbox))
    return routes


@asynccontextmanager
async def whole(settings: Settings, *, owner: str) -> AsyncIterator[Gateway]:
    """Run both applications in this process, behind one door."""
    async with identity(settings) as people, money(settings, owner=owner) as here:

        async def carry(request: bytes) -> bytes:
            return await serve_carried(people, request)

        yield Gateway(
            here,
            carry,
            places=_limits(settings).places,
            deadline_seconds=IDENTITY_DEADLINE_SECONDS,
        )


def _routes(books: Books, keys: KeyRing) -> list[Route]:
    """Return the table of routes of money."""
    pool, wallets = books.pool, Wallets(books.pool)
    cursors = Cursors(keys.refresh.key)
    names = Names(NameStore(pool), Sealer(keys.kek, keys.keks))
    account_desk = accounts.Accounts(
        AccountStore(pool), wallets, names, cursors=cursors, new_id=new_id
    )
    transfer_desk = transfers.Transfers(
        books.directory,
        books.ledger,
        TransferStore(pool),
        accounts=wallets,
        cursors=cursors,
        new_id=new_id,
    )
    notification_desk = notifications.Notifications(
        InboxStore(pool), PreferenceStore(pool), cursors
    )
    operation_desk = operations.Operations(Readiness(pool), Verifications(pool))
    return [
        *accounts.routes(account_desk),
        *transfers.routes(transfer_desk),
        *bulk.routes(bulk.Bulks(books.directory, books.ledger, new_id=new_id)),
        *treasury.routes(treasury.Treasury(books.directory, new_id=new_id)),
        *notifications.routes(notification_desk),
        *operations.routes(operation_desk),
    ]


def _outward(pool: Pool, keys: KeyRing, settings: Settings) -> list[Route]:
    """Return the routes of what leaves the platform: webhooks, and the inbox that Novu shows."""
    hooks = Webhooks(
        WebhookStore(pool),
        UserStore(pool),
        WebhookSecrets(Sealer(keys.kek, keys.keks)),
        anywhere=settings.sends_webhooks_anywhere,
    )
    return [
        *webhooks.routes(webhooks.Webhooks(hooks, Cursors(keys.refresh.key))),
        *novu.routes(novu.NovuInbox(_novu(settings))),
    ]


def _novu(settings: Settings) -> novu.NovuEnvironment | None:
    """Return the environment of Novu that a browser may show, if there is one."""
    if settings.novu_application_identifier is None or settings.novu_api_key is None:
        return None
    return novu.NovuEnvironment(
        settings.novu_application_identifier, settings.novu_api_key.get_secret_value()
    )


def runtime_limits(settings: Settings) -> RuntimeLimits:
    """Return the bounds of the runtime that the settings choose."""
    return RuntimeLimits(
        batches=BatchLimits(
            batch_movements=settings.batch_transfers_max,
            batches_in_flight=settings.commits_in_flight,
            waiting=settings.queued_transfers_max,
        ),
        tenancy=TenancyLimits(lease_seconds=settings.slot_lease_seconds),
    )


def identity_rules(settings: Settings) -> IdentityRules:
    """Return the rules of identity that the settings choose."""
    return IdentityRules(
        issuer=settings.issuer,
        audience=settings.audience,
        bcrypt_cost=settings.bcrypt_cost,
        hash_threads=settings.password_workers,
        hash_queue=settings.queued_passwords_max,
        throttle_factor=settings.throttle_factor,
        public_url=settings.public_url or settings.url,
    )


def _limits(settings: Settings) -> Limits:
    """Return what one process takes on."""
    return Limits(deadline_seconds=settings.request_deadline_seconds)


def _count(meter: Meter, directory: Directory) -> None:
    """Show which ways movements take."""
    counts = directory.counts
    meter.gauge("movements_owned", lambda: counts.owned)
    meter.gauge("movements_moved", lambda: counts.moved)
    meter.gauge("movements_unknown", lambda: counts.unknown)
    meter.gauge("movements_ownerless", lambda: counts.ownerless)
