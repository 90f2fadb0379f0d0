"""What is killed under load, and that no cent is lost, doubled or changed by it."""

from __future__ import annotations

import os
import signal

from tests.integration.platform.scenes import both_places, is_back, marks, under_load
from tests.integration.platform.town import PASSWORD
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
    victim, before = up.postmaster, up.backends()

    def kill():
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: up.postmaster not in {victim, None} and is_back(up))

    await under_load(up, kill)

    assert before
    assert not set(before) & set(up.backends())


def test_a_connection_that_postgres_ended_is_nobodys_trouble(up):
    up.town.log_in()
    person, http = up.town.people[0], up.town.http
    for pid in up.backends():
        up.rows("SELECT pg_terminate_backend(%s, 5000)", pid)

    shown = http.get("/v1/accounts", headers={"Authorization": f"Bearer {person.token}"})
    signed_in = http.post("/v1/auth/login", json={"email": person.email, "password": PASSWORD})

    assert (shown.status_code, signed_in.status_code) == (200, 200)
