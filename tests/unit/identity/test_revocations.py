"""What is dead is heard of within five seconds, or nobody is let in."""

from uuid import UUID

import pytest

from actors.domain.errors import Unavailable
from actors.identity.revocations import RevocationWatch

SUBJECT = UUID(int=1)
HEARD_SECONDS_MAX = 5


class Source:
    """The database: what died, and how often it was asked."""

    def __init__(self):
        self.now = 0.0
        self.dead = []
        self.asked = 0
        self.is_away = False

    async def within(self, _seconds):
        self.asked += 1
        if self.is_away:
            raise Unavailable
        return self.dead


@pytest.fixture
async def source():
    return Source()


@pytest.fixture
async def watch(source):
    watch = RevocationWatch(source, lambda: source.now)
    await watch.ensure_fresh()
    return watch


async def test_what_died_five_seconds_ago_is_known_to_whoever_asks(source, watch):
    source.dead = [SUBJECT]
    source.now = HEARD_SECONDS_MAX

    await watch.ensure_fresh()

    assert watch.is_dead([SUBJECT])


async def test_without_an_answer_nothing_older_is_relied_on(source, watch):
    source.is_away = True
    source.now = HEARD_SECONDS_MAX

    with pytest.raises(Unavailable):
        await watch.ensure_fresh()


async def test_what_was_just_heard_is_not_asked_again(source, watch):
    source.now = 1.0

    await watch.ensure_fresh()

    assert source.asked == 1
