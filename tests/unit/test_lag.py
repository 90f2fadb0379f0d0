"""What is shown of readers that are behind."""

from actors.domain.errors import StoreUnavailable
from actors.store.outbox_reading import Lag
from serve_app.http.metrics import Meter
from serve_app.lag import LagWatch


class Looks:
    """Answers one look after the other; an exception is raised."""

    def __init__(self, *answers):
        self._answers = iter(answers)

    async def __call__(self):
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def held():
    return 4.5


def shown(watch):
    meter = Meter()
    watch.show(meter)
    return meter.text().decode()


async def test_the_last_look_is_shown_by_reader():
    watch = LagWatch(Looks([Lag("relay", 12, 3.5, 2)]), held, {"relay"})

    await watch.once()

    text = shown(watch)
    assert 'gopherpay_events_behind{reader="relay"} 12.0' in text
    assert 'gopherpay_events_behind_seconds{reader="relay"} 3.5' in text
    assert 'gopherpay_events_parked{reader="relay"} 2.0' in text
    assert "gopherpay_events_held_seconds 4.5" in text


async def test_who_does_not_read_any_more_is_not_shown():
    watch = LagWatch(Looks([Lag("notifier", 9, 1.0, 0), Lag("relay", 0, 0.0, 0)]), held, {"relay"})

    await watch.once()

    assert "notifier" not in shown(watch)


async def test_a_database_that_is_away_leaves_the_look_before():
    watch = LagWatch(Looks([Lag("relay", 7, 1.0, 0)], StoreUnavailable()), held, {"relay"})

    await watch.once()
    await watch.once()

    assert 'gopherpay_events_behind{reader="relay"} 7.0' in shown(watch)
