"""Owners of slots come, go, freeze and die while money moves."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager

from tests.integration.platform.scenes import (
    both_places,
    in_a_deployment,
    in_the_ingress,
    marks,
    under_load,
)
from tests.integration.platform.up import INGRESS, SHARD, wait_for

SLOTS = 1024
OWNER = {"ingress": INGRESS, "deployment": SHARD}

pytestmark = marks


@contextmanager
def frozen(pid):
    """Freeze a process: it is alive, and knows nothing of what happens meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@in_the_ingress
async def test_the_only_owner_may_freeze_past_its_lease_and_go_on(up):
    def freeze():
        with frozen(up.pid(INGRESS)):
            wait_for(lambda: up.slots() == {})
        wait_for(lambda: sum(up.slots().values()) == SLOTS)

    await under_load(up, freeze)


@both_places
async def test_owners_come_freeze_wake_up_beside_their_successor_and_go(up):
    seen = []

    def scale(count):
        up.verb("scale", "shards", str(count))
        seen.append(sorted(up.slots().values()))

    def change_hands():
        scale(2)
        before = up.slot_epochs()
        with frozen(min(up.pids(OWNER[up.place]))):
            wait_for(lambda: list(up.slots().values()) == [SLOTS])
            taken = sum(epoch > before[slot] for slot, epoch in up.slot_epochs().items())
        # Now both live: the one that wakes up believing, and the one that took its slots over.
        assert taken == SLOTS // 2
        scale(1)

    try:
        await under_load(up, change_hands)
    finally:
        up.verb("scale", "shards", "1")

    assert seen == [[SLOTS // 2, SLOTS // 2], [SLOTS]]


@in_a_deployment
async def test_a_killed_shard_is_replaced_by_one_that_takes_its_slots_over(up):
    victim, [owner] = up.pid(SHARD), up.slots()

    def kill():
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: up.slots().keys() - {owner} and sum(up.slots().values()) == SLOTS)

    await under_load(up, kill)

    assert up.pid(SHARD) != victim
    assert owner not in up.slots()
