"""What is killed under load, and that no cent is lost, doubled or changed by it."""

from __future__ import annotations

import os
import signal


from tests.integration.platform.scenes import both_places, is_back, marks, under_load
from tests.integration.platform.up import INGRESS, wait_for

pytestmark = [*marks, both_places]


async def test_a_killed_ingress_is_replaced_and_its_unknown_outcomes_are_found(up):
    victim = up.pid(INGRESS)

    def kill():
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: up.pids(INGRESS) - {victim})

    load = await under_load(up, kill)

    assert up.pid(INGRESS) != victim
    assert load.in_doubt


async def test_a_killed_backend_takes_all_others_along_and_the_platform_comes_back(up):
    before = up.backends()

    def kill():
        os.kill(before[0], signal.SIGKILL)
        wait_for(lambda: is_back(up))

    await under_load(up, kill)

    assert before
    assert not set(before) & set(up.backends())


async def test_terminated_backends_are_replaced(up):
    before = []

    def terminate():
        before.extend(up.backends())
        for pid in before:
            up.rows("SELECT pg_terminate_backend(%s)", pid)

    await under_load(up, terminate)

    assert len(before) > 1
    assert not set(before) & set(up.backends())


async def test_a_killed_postmaster_is_started_again_by_the_platform(up):
    victim = up.postmaster

    def kill():
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: up.postmaster != victim and is_back(up))

    load = await under_load(up, kill)

    assert load.in_doubt
