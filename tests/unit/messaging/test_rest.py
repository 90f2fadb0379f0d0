"""Whoever works in the background rests in proportion."""

import pytest

from actors.messaging.rest import REST_SECONDS_MAX, Rest


@pytest.fixture
def slept():
    return []


def _rest(share, slept):
    async def sleep(seconds):
        slept.append(seconds)

    return Rest(share, sleep=sleep)


@pytest.mark.parametrize(("share", "rest"), [(0.5, 0.1), (0.2, 0.4), (1, 0)])
async def test_rest_makes_work_the_share_of_the_time(share, rest, slept):
    await _rest(share, slept).after(0.1)

    assert slept == [pytest.approx(rest)]


async def test_no_rest_is_longer_than_the_limit(slept):
    await _rest(0.1, slept).after(60)

    assert slept == [REST_SECONDS_MAX]


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_a_share_that_cannot_be_is_refused(share, slept):
    with pytest.raises(ValueError, match="share"):
        _rest(share, slept)
