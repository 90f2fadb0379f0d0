"""Kopf's watches, seen from outside: they tell of everything, write nothing, and may be dead."""

from __future__ import annotations

import asyncio

import pytest

from gopherpay_operator.kubernetes import access
from gopherpay_operator.kubernetes.streams import SILENT_SECONDS_MAX, Streams
from gopherpay_operator.kubernetes.watching import Watching
from tests.integration.operator.resources import address, create

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator")]

WAIT_SECONDS_MAX = 60


class Watched:
    """The watches of a namespace, and what they told."""

    def __init__(self, kubeconfig, namespace):
        self.now = 0.0
        self.events = []
        self.listed = []
        self.streams = Streams({"novutopics": "NovuTopic"}, self.listed.append, lambda: self.now)
        self.watching = Watching(
            access.find(str(kubeconfig), None),
            frozenset({namespace}),
            self.streams,
            lambda kind, is_deleted, raw: self.events.append(
                (kind, is_deleted, raw["metadata"]["name"])
            ),
        )

    async def until(self, condition):
        """Return once *condition* holds."""
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while not condition():  # noqa: ASYNC110 - what is waited for is in another thread
                await asyncio.sleep(0.05)


@pytest.fixture
async def watched(kubeconfig, namespace):
    made = Watched(kubeconfig, namespace)
    made.watching.start()
    await made.until(made.streams.restarts)
    yield made
    await made.watching.stop()


async def test_every_event_is_told_of_and_nothing_is_written(cluster, namespace, samples, watched):
    # given
    name = samples["NovuTopic"]["metadata"]["name"]

    # when
    made = create(cluster, namespace, samples["NovuTopic"]).json()
    await watched.until(lambda: ("NovuTopic", False, name) in watched.events)
    found = cluster.get(address("NovuTopic", namespace, name)).json()
    cluster.delete(address("NovuTopic", namespace, name))

    # then
    await watched.until(lambda: ("NovuTopic", True, name) in watched.events)
    assert found == made
    assert watched.listed == ["NovuTopic"]


async def test_a_watch_that_falls_silent_is_dead_until_it_speaks(
    cluster, namespace, samples, watched
):
    # given
    assert watched.streams.silent() is None

    # when
    watched.now = SILENT_SECONDS_MAX + 1

    # then
    assert f"NovuTopic in {namespace}" in watched.streams.silent()
    create(cluster, namespace, samples["NovuTopic"])
    await watched.until(lambda: watched.streams.silent() is None)


@pytest.mark.usefixtures("cluster")
async def test_watches_end_when_they_are_told_to(kubeconfig, namespace):
    # given
    made = Watched(kubeconfig, namespace)
    ended = made.watching.start()
    await made.until(made.streams.restarts)

    # when
    await made.watching.stop()

    # then
    await made.until(ended.done)
    assert ended.exception() is None
