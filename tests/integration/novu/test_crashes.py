"""A courier that dies between Novu's acceptance and its own record of it (K21)."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

from actors.ports.courier import Verdict
from actors.store.deliveries import PostgresDeliveries
from tests.doubles.novu import faults
from tests.integration.novu.conftest import until

TRIGGER = "/v1/events/trigger"
PROGRAM = Path(__file__).with_name("courier_process.py")
ROOT = Path(__file__).parents[3]


async def lease_is_over(scene):
    """Let what the dead courier had taken fall due, as its lease would in time."""
    await scene.query(
        "UPDATE notification_deliveries SET next_attempt_at = now() WHERE status = 'pending'"
    )


async def test_a_courier_killed_after_the_acceptance_makes_no_second_message(scene, tmp_path):
    # Novu itself would send twice here: only the ledger and its question prevent that.
    scene.double.world.drops_repeats = scene.double.world.keeps_answers = False
    user_id = await scene.a_user()
    for _ in range(3):
        await scene.due(user_id)
    scene.double.faults.plan(faults.slow(90), path=TRIGGER, times=3)

    with a_courier_process(scene, tmp_path / "courier.log") as process:
        await until(lambda: len(scene.double.world.notifications) == 3)
        os.kill(process.pid, signal.SIGKILL)
        await asyncio.to_thread(process.wait)
    assert await scene.states() == {"pending": 3}
    await lease_is_over(scene)

    async with scene.running():
        await until(lambda: scene.is_all("sent"))

    assert sorted(scene.double.sent().values()) == [1, 1, 1]
    assert len(scene.double.asked("GET", "/v1/notifications")) == 3


async def test_a_courier_cancelled_before_the_acceptance_loses_no_message(scene):
    user_id = await scene.a_user()
    await scene.due(user_id)
    scene.double.faults.plan(faults.slow(5, has_effect=False), path=TRIGGER)

    async with scene.courier() as courier:
        task = asyncio.create_task(courier.run())
        await until(lambda: scene.query("SELECT 1 FROM notification_deliveries WHERE attempts = 1"))
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await lease_is_over(scene)
    async with scene.running():
        await until(lambda: scene.is_all("sent"))

    assert list(scene.double.sent().values()) == [1]


async def test_a_verdict_of_a_courier_that_was_taken_for_dead_changes_nothing(scene):
    await scene.due(await scene.a_user())
    deliveries = PostgresDeliveries(scene.pool)
    (late,) = await deliveries.claim(10, lease_seconds=600)
    assert await deliveries.claim(10, lease_seconds=600) == []
    await lease_is_over(scene)
    (heir,) = await deliveries.claim(10, lease_seconds=600)

    await deliveries.record([Verdict(late, "failed", "http-422")])

    assert (late.is_doubtful, heir.is_doubtful) == (False, True)
    assert await scene.states() == {"pending": 1}
    await deliveries.record([Verdict(heir, "sent")])
    assert await scene.states() == {"sent": 1}


@contextmanager
def a_courier_process(scene, log):
    """Yield a courier's process, which does not outlive the block."""
    arguments = [scene.dsn, scene.keys_folder, scene.double.url, scene.double.world.secret_key]
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, PROGRAM, *arguments],
            stderr=stderr,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        process.wait()
