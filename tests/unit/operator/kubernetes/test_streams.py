"""A watch that neither asks nor hears is dead; one that cannot reach its server is not."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from yarl import URL

from gopherpay_operator.kubernetes.streams import SILENT_SECONDS_MAX, Streams

PLACE = "https://server/apis/gopherpay.dev/v1alpha1/namespaces/team/eventtopics"
LIST, WATCH = URL(f"{PLACE}?limit=500"), URL(f"{PLACE}?watch=true")


class Watched:
    """A session's requests, as aiohttp tells of them."""

    def __init__(self):
        self.now = 0.0
        self.listed = []
        self.streams = Streams({"eventtopics": "EventTopic"}, self.listed.append, lambda: self.now)
        self._trace = self.streams.trace()

    async def ask(self, url):
        for each in self._trace.on_request_start:
            await each(None, None, SimpleNamespace(url=url))

    async def answer(self, url, *, ok=True):
        content = SimpleNamespace(total_bytes=0)
        response = SimpleNamespace(ok=ok, content=content)
        for each in self._trace.on_request_end:
            await each(None, None, SimpleNamespace(url=url, response=response))
        return content


@pytest.fixture
def watched():
    return Watched()


async def test_a_watch_that_says_nothing_is_dead(watched):
    # given
    await watched.ask(WATCH)
    await watched.answer(WATCH)

    # when
    watched.now = SILENT_SECONDS_MAX + 1

    # then
    assert "EventTopic in team" in watched.streams.silent()


async def test_a_watch_that_speaks_is_alive(watched):
    # given
    await watched.ask(WATCH)
    content = await watched.answer(WATCH)

    # when
    for _ in range(5):
        watched.now += SILENT_SECONDS_MAX - 1
        content.total_bytes += 120  # a bookmark

        # then
        assert watched.streams.silent() is None


async def test_a_watch_that_asks_in_vain_is_alive(watched):
    """To restart would not bring the server back."""
    # given
    await watched.ask(WATCH)
    watched.now = SILENT_SECONDS_MAX + 1

    # when
    await watched.ask(WATCH)

    # then
    assert watched.streams.silent() is None


async def test_a_list_is_told_of_when_it_was_answered(watched):
    # given, when
    await watched.ask(LIST)
    await watched.answer(LIST, ok=False)
    await watched.answer(LIST)

    # then
    assert watched.listed == ["EventTopic"]


async def test_watches_that_are_opened_again_are_counted(watched):
    # given, when
    for _ in range(3):
        await watched.ask(WATCH)
        await watched.answer(WATCH)

    # then
    assert watched.streams.restarts() == {"EventTopic": 2}


async def test_other_requests_do_not_matter(watched):
    # given
    other = URL("https://server/apis/gopherpay.dev/v1alpha1")

    # when
    await watched.ask(other)
    await watched.answer(other)

    # then
    assert watched.listed == []
    assert watched.streams.restarts() == {}
