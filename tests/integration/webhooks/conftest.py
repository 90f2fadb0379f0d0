"""People with webhooks on a real database, and a real receiver to send to."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psycopg
import pytest

from actors.domain.events import CloudEvent
from actors.domain.principals import USER_SCOPES, Principal
from actors.identity.webhook_secrets import WebhookSecrets
from actors.identity.webhooks import Webhooks
from actors.messaging.envelope import structured
from actors.notifier.webhooks.addresses import SystemResolver
from actors.notifier.webhooks.fan_out import FanOut
from actors.notifier.webhooks.posting import Poster, http_client
from actors.notifier.webhooks.sender import Sender
from actors.security.sealing import Sealer
from actors.store.identity.users import UserStore
from actors.store.webhook_deliveries import WebhookDeliveries
from actors.store.webhooks import WebhookStore
from tests.fixtures.ledger import Bank, a_bank, a_deposit
from tests.integration.identity.conftest import World, a_world, keys

__all__ = ["keys"]

WAIT_SECONDS = 60

FACTS = """
SELECT id, type, aggregateid, occurred_at, payload FROM outbox ORDER BY seq
"""


@dataclass(frozen=True, slots=True)
class Received:
    """A request as the receiver saw it."""

    path: str
    headers: dict
    body: bytes

    @property
    def id(self):
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """An HTTP server on loopback that answers by path as it is told, 204 otherwise.

    Attributes:
        status: The status of a path's answers, one after the other; the last one stays.
        held: Paths that are answered only when their event is set.
        together: How many requests of a path were open at once, at most.
        peers: Who has connected, whether or not a request came.
    """

    url: str
    requests: list = field(default_factory=list)
    status: dict = field(default_factory=dict)
    held: dict = field(default_factory=dict)
    together: Counter = field(default_factory=Counter)
    location: str = ""
    peers: list = field(default_factory=list)
    _open: Counter = field(default_factory=Counter)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def connected(self, peer):
        """Note a connection."""
        with self._changed:
            self.peers.append(peer)
            self._changed.notify_all()

    async def hits(self):
        """Return how many have connected up to now.

        Connections are taken in order, so one of our own tells when all before it are counted.
        """
        host, port = self.url.partition("//")[2].split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        probe = writer.get_extra_info("sockname")
        await asyncio.to_thread(self._wait_until, lambda: probe in self.peers)
        writer.close()
        await writer.wait_closed()
        with self._changed:
            self.peers.remove(probe)
            return len(self.peers)

    def take(self, path, headers, body):
        """Note a request and return the status of its answer."""
        with self._changed:
            self.requests.append(Received(path, headers, body))
            self._open[path] += 1
            self.together[path] = max(self.together[path], self._open[path])
            self._changed.notify_all()
        if path in self.held:
            self.held[path].wait(WAIT_SECONDS)
        with self._changed:
            self._open[path] -= 1
            statuses = self.status.get(path, [204])
            return statuses.pop(0) if len(statuses) > 1 else statuses[0]

    def at(self, path):
        """Return the requests of *path*."""
        with self._changed:
            return [each for each in self.requests if each.path == path]

    async def came(self, number, path):
        """Wait until so many requests of *path* have come; return them."""
        await asyncio.to_thread(
            self._wait_until, lambda: sum(each.path == path for each in self.requests) >= number
        )
        return self.at(path)

    def _wait_until(self, question):
        with self._changed:
            assert self._changed.wait_for(question, WAIT_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    """Hands each request to the receiver."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = int(self.headers.get("content-length", 0))
        headers = {name.lower(): text for name, text in self.headers.items()}
        status = self.server.receiver.take(self.path, headers, self.rfile.read(length))
        body = b"" if status == 204 else b"SECRET-OF-THE-RECEIVER"
        self.send_response(status)
        if self.server.receiver.location:
            self.send_header("location", self.server.receiver.location)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    """Waits for no thread at its end, and takes many connections at once."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def get_request(self):
        """Note who connects."""
        connection, peer = super().get_request()
        self.receiver.connected(peer)
        return connection, peer

    def handle_error(self, *_):
        """Say nothing of a client that went away."""


@contextmanager
def a_receiver(context=None, host="127.0.0.1"):
    """Yield a receiver, with TLS if there is a *context*."""
    server = _Server((host, 0), _Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    scheme = "http" if context is None else "https"
    server.receiver = Receiver(f"{scheme}://{host}:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server.receiver
    finally:
        for event in server.receiver.held.values():
            event.set()
        server.shutdown()
        server.server_close()
        thread.join(WAIT_SECONDS)


@dataclass(frozen=True, slots=True)
class Town:
    """People, their money, their webhooks, and the database beneath."""

    world: World
    bank: Bank
    webhooks: Webhooks
    queue: WebhookDeliveries
    dsn: str

    @property
    def secrets(self):
        """Return what opens secrets."""
        return self.webhooks.secrets

    async def person(self, name="ada"):
        """Return a verified user as a principal."""
        user = await self.world.a_user(f"{name}@example.com")
        return Principal(user.id, USER_SCOPES)

    async def events(self):
        """Return every fact that the outbox holds, in order."""
        return [
            CloudEvent(row[0], row[1], "https://pay.test", row[2], row[3], row[4])
            for row in await self.query(FACTS)
        ]

    async def fan_out(self, events=None):
        """Let webhooks know of *events*, of the whole outbox if none are given."""
        await FanOut(self.queue, structured).apply(events or await self.events())

    async def query(self, statement, *values):
        """Return the rows of a statement of the database's owner."""
        async with await psycopg.AsyncConnection.connect(self.dsn, autocommit=True) as owner:
            cursor = await owner.execute(statement, values)
            return await cursor.fetchall() if cursor.description else []

    async def deliveries(self, columns="id, status, attempts, response_status, last_error"):
        """Return every delivery, oldest first."""
        return await self.query(
            f"SELECT {columns} FROM webhook_deliveries ORDER BY id"  # noqa: S608  our own words
        )

    async def listening(self, url, name="ada", *, due=1):
        """Return a person, and a webhook at *url* to which so many deposits are due."""
        person = await self.person(name)
        made = await self.webhooks.create(person, url, ["deposit.posted"])
        wallet = await self.bank.wallet(owner_id=person.id)
        if due:
            await self.bank.post(*(a_deposit(wallet) for _ in range(due)))
            await self.fan_out()
        return person, made

    @asynccontextmanager
    async def poster(self, *, anywhere=True, resolver=None, verify=None, timeout_seconds=60):
        """Yield what makes attempts, with production's parts where no other are given."""
        names = SystemResolver(threads=2)
        async with http_client(verify) as client:
            yield Poster(
                client,
                resolver or names,
                self.secrets,
                anywhere=anywhere,
                timeout_seconds=timeout_seconds,
            )
        names.close()

    @asynccontextmanager
    async def sender(self, **options):
        """Yield a sender that does one turn when it is told to."""
        in_flight_max = options.pop("in_flight_max", 64)
        async with self.poster(**options) as poster:
            sender = Sender(self.queue, poster, in_flight_max=in_flight_max, poll_seconds=0.02)
            yield sender

    async def send_due(self, **options):
        """Try once what is due, and wait for what comes of it."""
        async with self.sender(**options) as sender:
            await sender.turn()
            await sender.settle()

    async def make_due(self):
        """Let the time pass that deliveries wait for."""
        await self.query(
            "UPDATE webhook_deliveries SET next_attempt_at = now() WHERE status = 'pending'"
        )


@asynccontextmanager
async def running(sender):
    """Run *sender* beside the block."""
    task = asyncio.create_task(sender.run())
    try:
        yield task
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def until(question):
    """Wait until *question* has an answer that is true, and return it."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not (answer := await question()):  # noqa: ASYNC110  the database has no event
            await asyncio.sleep(0.02)
    return answer


@pytest.fixture
async def town(database, keys):
    """Yield a town in which webhooks may lead to this machine."""
    async with a_world(database.app_dsn, keys) as world, a_bank(database.app_dsn) as bank:
        secrets = WebhookSecrets(Sealer(keys.kek, keys.keks))
        store = WebhookStore(world.pool)
        webhooks = Webhooks(store, UserStore(world.pool), secrets, anywhere=True)
        yield Town(world, bank, webhooks, WebhookDeliveries(bank.pool), database.owner_dsn)


@pytest.fixture
def receiver():
    """Yield a receiver on loopback."""
    with a_receiver() as receiver:
        yield receiver
