"""Whoever works in the background rests in proportion."""

import pytest

from actors.messaging.rest import REST_SECONDS_MAX, Rest
from actors.messaging.run_queue import SCHEDSTAT, RunQueue


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


@pytest.mark.parametrize(("waiting", "rest"), [(0.0, 0.1), (0.19, 0.1), (0.2, 0.9), (1.0, 0.9)])
async def test_where_cpus_are_short_the_share_is_smaller(waiting, rest, slept):
    async def sleep(seconds):
        slept.append(seconds)

    resting = Rest(0.5, crowded_share=0.1, waiting=lambda: waiting, sleep=sleep)

    await resting.after(0.1)

    assert slept == [pytest.approx(rest)]


def test_waiting_is_a_part_of_the_time_since_it_was_last_asked(tmp_path):
    statistics = tmp_path / "schedstat"
    statistics.write_text("1000 500 7\n")
    queue = RunQueue(statistics)

    statistics.write_text("1300 600 9\n")
    assert queue.waiting() == pytest.approx(0.25)

    statistics.write_text("1400 600 9\n")
    assert queue.waiting() == 0


@pytest.mark.parametrize("found", [None, "", "nothing here"])
def test_where_the_kernel_says_nothing_nobody_waits(tmp_path, found):
    statistics = tmp_path / "schedstat"
    if found is not None:
        statistics.write_text(found)

    assert RunQueue(statistics).waiting() == 0


def test_this_kernel_counts_the_time_of_this_thread():
    queue = RunQueue()

    sum(range(300_000))

    assert 0 <= queue.waiting() <= 1
    assert SCHEDSTAT.exists()
