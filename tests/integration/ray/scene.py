"""What is played on the shards of a running Serve, and what was seen of it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from functools import partial

import httpx
from ray import serve

from actors.runtime.directory import open_directory
from actors.runtime.hosting import ShardPlan
from actors.runtime.limits import RuntimeLimits, TenancyLimits
from actors.runtime.messages import Call, Status, decode_answers, encode_call
from actors.runtime.ray_shard import shard_application
from actors.runtime.ray_transport import RayTransport
from actors.runtime.transports import OwnerUnreachable
from actors.store.commit import PostgresLedger
from actors.store.pool import Pool
from actors.store.slots import PostgresSlots
from tests.integration.runtime.books import Books, a_movement, again

APPLICATION = "shards"
PATIENCE_SECONDS = 40
NOBODY_DEADLINE_SECONDS = 30
LIMITS = RuntimeLimits(tenancy=TenancyLimits(lease_seconds=3, slots_per_round=512))


class Scene:
    """The platform's inner half: a directory here, its shards in Serve."""

    def __init__(self, books, dashboard_url, token, handle):
        self.books = books
        self.dashboard = httpx.AsyncClient(
            base_url=dashboard_url, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )
        self.handle = handle
        self.seen = {}

    async def open(self):
        self.transport = RayTransport(self.handle)
        self.pool = Pool(self.books.app_dsn, size_max=4, name="test")
        await self.pool.open()
        self.directory = await open_directory(
            "deployment",
            PostgresLedger(self.pool),
            PostgresSlots(self.pool, lease_seconds=3),
            owner="",
            transport=self.transport,
        )
        self.accounts = await self.books.open_accounts(64, 100_000)
        self.sent = []

    async def spread_over(self, count):
        """Wait until *count* living owners hold all slots in nearly equal parts."""
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < ends_at:
            held = sorted(self.books.owners().values())
            if len(held) == count and sum(held) == 1024 and held[-1] - held[0] <= 2:
                return True
            await asyncio.sleep(0.1)
        return False

    async def load(self, until):
        """Move money from 16 callers until *until* is set, and remember what each was told."""

        async def caller(number):
            while not until.is_set():
                source = self.accounts[number]
                target = self.accounts[number + 16 + len(self.sent) % 32]
                movement = a_movement(source, target)
                outcome = await self.directory.submit(movement, 10)
                self.sent.append((movement, outcome))

        await asyncio.gather(*(caller(number) for number in range(16)))

    async def under_load(self, act):
        """Run *act* while money moves; return what it returns."""
        until = asyncio.Event()
        load = asyncio.create_task(self.load(until))
        try:
            return await act()
        finally:
            until.set()
            await load

    async def scale(self, count):
        answer = await self.dashboard.post(
            f"/api/v1/applications/{APPLICATION}/deployments/AccountShard/scale",
            json={"target_num_replicas": count},
        )
        answer.raise_for_status()
        return await self.spread_over(count)

    async def kill_one(self):
        """Kill a replica the hard way and wait until another one has taken its place."""
        answer = await self.dashboard.get("/api/serve/applications/")
        shards = answer.json()["applications"][APPLICATION]["deployments"]["AccountShard"]
        victim = next(one for one in shards["replicas"] if one["state"] == "RUNNING")
        os.kill(victim["pid"], signal.SIGKILL)
        self.books.wait_for_lease_end(victim["replica_id"])
        return await self.spread_over(len(shards["replicas"]))

    async def addresses(self):
        statuses = {}
        for address in self.books.owners():
            call = encode_call(
                Call([a_movement(one, self.accounts[0]) for one in self.accounts[1:]], [5000] * 63)
            )
            answers = decode_answers(await self.transport.send(address, call, 5))
            statuses[address] = [answer.status for answer in answers].count(Status.DONE)
        return statuses

    async def nobody(self):
        """Return how much of its deadline a call to nobody has waited; None if it got through."""
        started = time.monotonic()
        try:
            await self.transport.send("nobody", b"", NOBODY_DEADLINE_SECONDS)
        except OwnerUnreachable:
            return (time.monotonic() - started) / NOBODY_DEADLINE_SECONDS
        return None

    def remember_money(self):
        posted = self.books.posted()
        self.seen["sent"] = len(self.sent)
        self.seen["lost"] = sum(
            posted.get(one.idempotency_key) != str(outcome.transfer and outcome.transfer.id)
            for one, outcome in self.sent
        )
        self.seen["total_minor"] = self.books.total_minor()
        self.seen["clean"] = self.books.are_clean()
        counts = self.directory.counts
        self.seen["ways"] = {name: getattr(counts, name) for name in counts.__slots__}

    async def repeat_some(self):
        """Return how many of the last answers are not the same when asked again."""
        some = self.sent[-200:]
        outcomes = await self.directory.submit_many([again(one) for one, _ in some], 10)
        return sum(
            one.transfer != before.transfer for one, (_, before) in zip(outcomes, some, strict=True)
        )


class Front:
    """Stands where the ingress stands."""

    def __init__(self, shards):
        self.shards = shards


def deploy(app_dsn):
    """Start two shards behind what stands for an ingress, and return the handle to them.

    Behind HAProxy the first deployment of an application may not have a router of its own.
    """
    front = serve.deployment(Front, name="Front", ray_actor_options={"num_cpus": 0})
    shards = shard_application(partial(ShardPlan, app_dsn, limits=LIMITS), replicas=2)
    serve.run(front.bind(shards), name=APPLICATION, route_prefix=None, external_scaler_enabled=True)
    return serve.get_deployment_handle("AccountShard", APPLICATION)


def run(runner, dsns, dashboard_url, token):
    """Play everything and return what was seen."""
    books = Books(*dsns)
    scene = Scene(books, dashboard_url, token, deploy(books.app_dsn))
    runner.run(play(scene))
    serve.delete(APPLICATION)
    scene.seen["left_behind"] = books.owners()
    return scene.seen


async def play(scene):
    await scene.open()
    seen = scene.seen
    seen["two_owners"] = await scene.spread_over(2)
    seen["done_by_address"] = await scene.addresses()
    seen["nobody_share"] = await scene.nobody()
    seen["scaled_up"] = await scene.under_load(lambda: scene.scale(3))
    seen["replaced"] = await scene.under_load(scene.kill_one)
    seen["scaled_down"] = await scene.under_load(lambda: scene.scale(1))
    seen["changed_answers"] = await scene.repeat_some()
    scene.remember_money()
    await scene.directory.close()
    await scene.pool.close()
    await scene.dashboard.aclose()
