"""The parts of the platform that nobody waits for: the relay, the notifier, the webhooks.

Each is loops beside each other on connections of its own.  That Kafka, Novu or a receiver are
away stops none of them: they wait, and go on where they were.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog

from actors.domain.errors import Unavailable
from actors.identity.names import Names
from actors.identity.outgoing import outgoing
from actors.identity.webhook_secrets import WebhookSecrets
from actors.messaging import envelope
from actors.messaging.consume import Consumer
from actors.messaging.delivery import Delivery
from actors.messaging.kafka_producer import KafkaSender
from actors.messaging.relay import READER as RELAY
from actors.messaging.relay import Relay
from actors.messaging.rest import Rest
from actors.messaging.run_queue import RunQueue
from actors.notifier.courier import Courier, Desk
from actors.notifier.fan_out import CONSUMER as NOTIFIER
from actors.notifier.fan_out import FanOut
from actors.notifier.webhooks.addresses import SystemResolver
from actors.notifier.webhooks.fan_out import FanOut as WebhookFanOut
from actors.notifier.webhooks.posting import Poster, http_client
from actors.notifier.webhooks.sender import Sender
from actors.security.keys import KeyRing, load_keys
from actors.security.sealing import Sealer
from actors.settings import Settings
from actors.store import outbox_partitions
from actors.store.consumed import ConsumedEvents
from actors.store.deliveries import PostgresDeliveries
from actors.store.identity.names import NameStore
from actors.store.notifications import NoticeStore
from actors.store.outbox_reading import PostgresOutbox
from actors.store.parked import PostgresParked
from actors.store.pool import Pool
from actors.store.subscribers import PostgresSubscribers, mark_changed
from actors.store.webhook_deliveries import WebhookDeliveries
from serve_app.buses import WEBHOOKS, dead_letters, outbox_readers, source, topics_made
from serve_app.kafka import kafka_connection
from serve_app.supervision import supervised

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from actors.ports.events import Effect
    from serve_app.supervision import Loop, Supervised

    Part = Callable[[Settings], AbstractAsyncContextManager[Supervised]]

CONNECTIONS_MAX: Final = 4
RELAY_SHARE: Final = 0.5
"""Of the relay's time for work on a backlog: enough for the best rate of the bulk endpoint."""

HOUSEKEEPING_SECONDS: Final = 600.0
SWEEPS_MAX: Final = 300

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Parts:
    """What every part is made of."""

    settings: Settings
    pool: Pool
    keys: KeyRing

    def effect(self, group: str) -> Effect:
        """Return what the consumers *group* do with events.

        Raises:
            KeyError: If there is no such group.
        """
        return {NOTIFIER: self._notices, WEBHOOKS: self._deliveries}[group]()

    def consumer(self, group: str) -> Consumer:
        """Return the consumer of *group*."""
        delivery = Delivery(
            group, self.effect(group), dead_letters(self.settings, self.pool, group)
        )
        return Consumer(
            source(self.settings, self.pool, group),
            delivery,
            pace=Rest(
                self.settings.background_share,
                crowded_share=self.settings.background_share_crowded,
                waiting=RunQueue().waiting,
            ),
        )

    def relay(self) -> Relay:
        """Return the relay to Kafka.

        Raises:
            LookupError: If the settings name no Kafka.
        """
        connection = kafka_connection(self.settings)
        if connection is None:
            raise LookupError("there is no Kafka to relay to")
        outbox = PostgresOutbox(self.pool)
        return Relay(
            outbox,
            PostgresParked(outbox.session),
            KafkaSender(connection.named(RELAY).producer()),
            partial(
                envelope.record,
                topic_prefix=self.settings.kafka_topic_prefix,
                source=self.settings.issuer,
            ),
            pace=Rest(RELAY_SHARE),
        )

    def sender(self, posts: Poster) -> Sender:
        """Return what sends webhooks."""
        return Sender(WebhookDeliveries(self.pool), posts)

    def _notices(self) -> Effect:
        sealer = Sealer(self.keys.kek, self.keys.keks)
        sends = self.settings.novu_api_key is not None
        notices = NoticeStore(self.pool, mark_changed=mark_changed if sends else None)
        return FanOut(notices, Names(NameStore(self.pool), sealer), sends=sends)

    def _deliveries(self) -> Effect:
        return WebhookFanOut(WebhookDeliveries(self.pool), envelope.structured)


@asynccontextmanager
async def parts(settings: Settings, name: str) -> AsyncIterator[Parts]:
    """Open what a part is made of, for *name* as the database sees it.

    Raises:
        StoreUnavailable: If there is no database.
        KeysUnusable: If a key is missing.
    """
    keys = load_keys(settings.keys_folder)
    pool = Pool(settings.app_dsn, size_max=CONNECTIONS_MAX, name=f"gopherpay-{name}")
    await pool.open()
    try:
        yield Parts(settings, pool, keys)
    finally:
        await pool.close()


@asynccontextmanager
async def relay(settings: Settings) -> AsyncIterator[Supervised]:
    """Run the relay to Kafka."""
    async with parts(settings, RELAY) as made:
        relays = made.relay()

        async def run() -> None:
            await topics_made(settings)
            await relays.run()

        async with supervised(run) as loops:
            yield loops


@asynccontextmanager
async def notifier(settings: Settings) -> AsyncIterator[Supervised]:
    """Run what tells people, and keep the house of all events."""
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(parts(settings, NOTIFIER))
        loops: list[Loop] = [_consuming(made, NOTIFIER), partial(_keep_house, made)]
        if settings.novu_api_key is not None:
            loops.append((await _courier(made, stack)).run)
        yield await stack.enter_async_context(supervised(*loops))


@asynccontextmanager
async def webhooks(settings: Settings) -> AsyncIterator[Supervised]:
    """Run what sends webhooks."""
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(parts(settings, WEBHOOKS))
        client = await stack.enter_async_context(http_client())
        resolver = SystemResolver()
        stack.callback(resolver.close)
        poster = Poster(
            client,
            resolver,
            WebhookSecrets(Sealer(made.keys.kek, made.keys.keks)),
            anywhere=settings.sends_webhooks_anywhere,
        )
        loops = (_consuming(made, WEBHOOKS), made.sender(poster).run)
        yield await stack.enter_async_context(supervised(*loops))


def _consuming(made: Parts, group: str) -> Loop:
    """Return the loop that consumes for *group*."""
    consumer = made.consumer(group)

    async def run() -> None:
        await topics_made(made.settings)
        await consumer.run()

    return run


async def _courier(made: Parts, stack: AsyncExitStack) -> Courier:
    """Return what hands over to Novu; its client, slow to import, is needed only here."""
    from actors.notifier.novu import NovuMessenger  # noqa: PLC0415

    settings = made.settings
    assert settings.novu_api_key is not None  # noqa: S101
    messenger = NovuMessenger(settings.novu_api_key.get_secret_value(), settings.novu_url)
    stack.push_async_callback(messenger.close)
    people = outgoing(made.pool, made.keys, settings.public_url or settings.url)
    return Courier(
        Desk(PostgresDeliveries(made.pool), people, PostgresSubscribers(made.pool), messenger)
    )


async def _keep_house(made: Parts) -> None:
    """Make the outbox's days ahead, and let go what all have read and what cannot come again."""
    readers = outbox_readers(made.settings)
    while True:
        try:
            await outbox_partitions.make_ahead(made.pool)
            gone = await outbox_partitions.drop_old(
                made.pool, readers, days_kept=made.settings.outbox_days_kept
            )
            if gone:
                log.info("outbox.days_dropped", days=[str(day) for day in gone])
            await _forget(ConsumedEvents(made.pool))
        except Unavailable:
            log.warning("housekeeping.put_off")
        await asyncio.sleep(HOUSEKEEPING_SECONDS)


async def _forget(consumed: ConsumedEvents) -> None:
    """Forget what was done long ago, some thousand events a second, so that nobody notices."""
    for _ in range(SWEEPS_MAX):
        if not await consumed.sweep():
            return
        await asyncio.sleep(1)


PARTS: Final[Mapping[str, Part]] = {"Relay": relay, "Notifier": notifier, "Webhooks": webhooks}
"""By the name of their deployment."""
