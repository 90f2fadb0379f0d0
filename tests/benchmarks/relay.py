"""The relay alone, beside the bulk endpoint, and how soon a commit is in Kafka."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

import psutil
import psycopg
from confluent_kafka import Consumer, TopicPartition

from actors.messaging.connection import KafkaConnection
from actors.messaging.topics import ensure_topics, topic_names
from actors.store.commit import PostgresLedger
from actors.store.migrate import upgrade
from actors.store.outbox_reading import LAG
from actors.store.pool import Pool
from serve_app.embedded.kafka import EmbeddedKafka
from tests.benchmarks import bank
from tests.benchmarks.ground import Ground, database
from tests.benchmarks.limit import app_dsn
from tests.benchmarks.overload import percentile
from tests.benchmarks.relay_figures import Alone, Beside, Delay, Relaying, figures
from tests.benchmarks.rounds import Cell, Contestant, Course
from tests.benchmarks.systems import ACCOUNTS, BenchFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.platform_system import PlatformSystem

__all__ = ["Bench", "Relaying", "figures"]

PARTITIONS = 8
BATCH = 10  # transfers of one commit, as a shard under a light load makes them
FILL_TRANSACTIONS = 1_000
WAIT_SECONDS = 120
POLL_SECONDS = 0.01
FILL = """
DO $$
BEGIN
    FOR each IN 1..{transactions} LOOP
        INSERT INTO outbox (slot, aggregatetype, aggregateid, type, payload)
        SELECT n * 37 % 1024, 'account', md5((n % 1000)::text)::uuid,
            'dev.gopherpay.transfer.posted.v1', json_build_object('transfer_id', gen_random_uuid(),
            'kind', 'transfer', 'source_account_id', md5((n % 1000)::text)::uuid,
            'source_version', n, 'destination_account_id', gen_random_uuid(),
            'destination_version', n, 'amount_minor', 1250, 'currency', 'USD',
            'description', null, 'posted_at', '2026-11-26T01:02:03.123456Z')
        FROM generate_series(1, {rows}) AS n;
        COMMIT;
    END LOOP;
END $$
"""
REACHED = """
SELECT count(*) FROM outbox o JOIN event_cursors c ON c.reader = 'relay' AND c.lane = (o.slot & 7)
WHERE (o.xid, o.seq) <= (c.xid, c.seq)
"""
BEGUN = "SELECT EXISTS (SELECT FROM event_cursors WHERE reader = 'relay')"
DONE = """
SELECT NOT EXISTS (
    SELECT FROM outbox o
    LEFT JOIN event_cursors c ON c.reader = 'relay' AND c.lane = (o.slot & 7)
    WHERE o.xid >= (SELECT coalesce(min(xid::text::bigint), 0)::text::xid8 FROM event_cursors
                    WHERE reader = 'relay')
        AND (c.xid IS NULL OR (o.xid, o.seq) > (c.xid, c.seq))
)
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the relay is measured."""

    here: Ground
    seconds: float
    report: Callable[[str], None]

    def run(
        self, events: int, rates: list[int], platform: PlatformSystem, bulks: list[Cell]
    ) -> Relaying:
        """Measure everything, one after the other.

        Raises:
            BenchFailure: If the relay does not come to an end.
        """
        log_file = self.here.folder / "kafka.log"
        broker = EmbeddedKafka(self.here.folder / "kafka", log_file=log_file)
        self.report("starting Kafka")
        broker.start()
        try:
            connection = KafkaConnection(broker.bootstrap_servers)
            return Relaying(
                [self._alone(connection, events, share) for share in (1.0, 0.5)],
                [self._delay(connection, rate) for rate in rates],
                self._beside(connection, platform, bulks) if bulks else [],
            )
        finally:
            broker.stop()

    def _alone(self, connection: KafkaConnection, events: int, share: float) -> Alone:
        self.report(f"a backlog of {events:,} events, working {share:.0%} of the time")
        dsn, prefix = self._fresh(connection, f"alone-{share:.0%}".rstrip("%"))
        rows = max(events // FILL_TRANSACTIONS, 1)
        with psycopg.connect(dsn, autocommit=True) as owner:
            owner.execute(FILL.format(transactions=FILL_TRANSACTIONS, rows=rows).encode())
            with self._relay(dsn, connection, prefix, share) as process:
                _await(owner, BEGUN)
                began, used = time.perf_counter(), _cpu_seconds(process)
                before = _number(owner, REACHED)
                _await(owner, DONE)
                seconds = time.perf_counter() - began
                spent = _cpu_seconds(process) - used
        return Alone(share, FILL_TRANSACTIONS * rows - before, seconds, spent)

    def _delay(self, connection: KafkaConnection, rate: int) -> Delay:
        self.report(f"{rate:,} transfers a second, and when they are in Kafka")
        dsn, prefix = self._fresh(connection, f"delay-{rate}")
        arrivals = _Arrivals(connection, topic_names(prefix).account)
        with self._relay(dsn, connection, prefix, 0.5) as process:
            committed = asyncio.run(_paying(dsn, rate, self.seconds, process))
            times = committed.times
            arrived = arrivals.wait(set(times))
        delays = sorted((arrived[each] - at) * 1000 for each, at in times.items())
        cpu_share = committed.relay_cpu_seconds / committed.seconds
        paid = len(times) / committed.seconds
        return Delay(paid, len(times), percentile(delays, 50), percentile(delays, 99), cpu_share)

    def _beside(
        self, connection: KafkaConnection, platform: PlatformSystem, cells: list[Cell]
    ) -> list[Beside]:
        self.report(f"starting {platform.name}")
        platform.start()
        try:
            contestant = Contestant(platform, platform.prepare(ACCOUNTS))
            return [self._round(connection, contestant, cell) for cell in cells]
        finally:
            platform.stop()

    def _round(self, connection: KafkaConnection, contestant: Contestant, cell: Cell) -> Beside:
        self.report(f"the relay beside {cell.name}")
        prefix = f"bench-{cell.scenario}"
        _make_topics(connection, prefix)
        dsn = contestant.system.dsn
        course = Course(self.here.postgres, [contestant], self.seconds, self.report)
        with (
            psycopg.connect(dsn, autocommit=True) as owner,
            self._relay(dsn, connection, prefix, 0.5) as process,
        ):
            _await(owner, DONE)
            before, used = _number(owner, REACHED), _cpu_seconds(process)
            with _watching(dsn) as behind:
                done = course.round(contestant, cell)
            _await(owner, DONE)
            events = _number(owner, REACHED) - before
            spent = _cpu_seconds(process) - used
        if done.violations:
            raise BenchFailure("\n".join(done.violations))
        return Beside(
            cell.name,
            done.rate,
            done.server_cpu_seconds / done.created,
            spent / events,
            behind.events,
            behind.seconds,
        )

    def _fresh(self, connection: KafkaConnection, name: str) -> tuple[str, str]:
        """Return a migrated database and the prefix of topics that are there."""
        dsn = database(self.here, f"bench-{name}")
        upgrade(dsn)
        _make_topics(connection, f"bench-{name}")
        return dsn, f"bench-{name}"

    @contextmanager
    def _relay(
        self, dsn: str, connection: KafkaConnection, prefix: str, share: float
    ) -> Iterator[psutil.Process]:
        command = [sys.executable, "-m", "tests.benchmarks.relay_process"]
        arguments = [app_dsn(dsn), connection.bootstrap_servers, prefix, str(share)]
        with (self.here.folder / "relay.log").open("ab") as log:
            child = subprocess.Popen([*command, *arguments], stdout=log, stderr=log)
        try:
            yield psutil.Process(child.pid)
        finally:
            child.terminate()
            child.wait(WAIT_SECONDS)


@dataclass(slots=True)
class _Committed:
    """When each transfer was known to be committed."""

    times: dict[UUID, float] = field(default_factory=dict)
    seconds: float = 0
    relay_cpu_seconds: float = 0


async def _paying(dsn: str, rate: int, seconds: float, relay: psutil.Process) -> _Committed:
    """Commit batches at a rate, by chance and whatever the last ones took."""
    pool = Pool(app_dsn(dsn), size_max=2, name="bench")
    await pool.open()
    accounts = await bank.open_bank(pool, dsn, ACCOUNTS)
    ledger, done, chance = PostgresLedger(pool), _Committed(), random.Random(1)  # noqa: S311

    async def commit() -> None:
        movements, fence = accounts.batch(BATCH)
        await ledger.commit(movements, fence=fence)
        now = time.time()
        done.times.update({movement.transfer_id: now for movement in movements})

    await asyncio.to_thread(_await_done, dsn)  # the deposits are out, and everything is warm
    began, used = time.perf_counter(), _cpu_seconds(relay)
    async with asyncio.TaskGroup() as group:
        due = began
        for _ in range(int(rate * seconds / BATCH)):
            due += chance.expovariate(rate / BATCH)
            await asyncio.sleep(due - time.perf_counter())
            group.create_task(commit())
    done.seconds = time.perf_counter() - began
    done.relay_cpu_seconds = _cpu_seconds(relay) - used
    await pool.close()
    return done


class _Arrivals(threading.Thread):
    """Reads a topic, and notes when each transfer came."""

    def __init__(self, connection: KafkaConnection, topic: str) -> None:
        super().__init__(name="arrivals", daemon=True)
        self._consumer = Consumer(
            connection.consumer("bench", group_protocol="classic", fetch_wait_max_ms=5)
        )
        self._consumer.assign([TopicPartition(topic, n, 0) for n in range(PARTITIONS)])
        self._times: dict[str, float] = {}
        self._ended = False
        self.start()

    def run(self) -> None:
        while not self._ended:
            message = self._consumer.poll(0.05)
            if message is not None and message.error() is None:
                transfer_id = json.loads(message.value()).get("transfer_id")
                self._times.setdefault(transfer_id, time.time())
        self._consumer.close()

    def wait(self, wanted: set[UUID]) -> dict[UUID, float]:
        """Return when each of *wanted* came.

        Raises:
            BenchFailure: If one does not come.
        """
        until = time.monotonic() + WAIT_SECONDS
        while not {str(each) for each in wanted} <= self._times.keys():
            if time.monotonic() > until:
                raise BenchFailure("a transfer never came to Kafka")
            time.sleep(POLL_SECONDS)
        self._ended = True
        self.join()
        return {each: self._times[str(each)] for each in wanted}


@dataclass(slots=True)
class _Behind:
    """The most that the relay was behind."""

    events: int = 0
    seconds: float = 0


@contextmanager
def _watching(dsn: str) -> Iterator[_Behind]:
    """Look every half second how far the relay is behind."""
    found, ended = _Behind(), threading.Event()

    def look() -> None:
        with psycopg.connect(dsn, autocommit=True) as connection:
            while not ended.wait(0.5):
                for reader, events, oldest_seconds, _ in connection.execute(LAG.encode()):
                    if reader == "relay":
                        found.events = max(found.events, events)
                        found.seconds = max(found.seconds, oldest_seconds)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def _make_topics(connection: KafkaConnection, prefix: str) -> None:
    ensure_topics(connection, list(topic_names(prefix)), partitions=PARTITIONS, replication=1)


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _number(owner: psycopg.Connection, statement: str) -> int:
    return int(owner.execute(statement.encode()).fetchone()[0])


def _await_done(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as owner:
        _await(owner, DONE)


def _await(owner: psycopg.Connection, statement: str) -> None:
    """Wait until *statement* says so.

    Raises:
        BenchFailure: If it never does.
    """
    until = time.monotonic() + WAIT_SECONDS
    while not _number(owner, statement):
        if time.monotonic() > until:
            raise BenchFailure("the relay does not come to an end")
        time.sleep(POLL_SECONDS)
