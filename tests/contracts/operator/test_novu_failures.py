"""What Novu's failures mean: who has to act, and when it is asked again."""

import pytest

from gopherpay_operator.backends.novu_client import NovuAddress
from gopherpay_operator.backends.novu_pace import Rate
from gopherpay_operator.backends.ports import Forbidden, Rejected, Unavailable
from tests.contracts.operator.novu import WISHES, Operators, client_of, topic
from tests.doubles.novu import faults
from tests.doubles.novu.server import novu_double

PAGE = b"<html>Sorry</html>"


@pytest.fixture
def double():
    with novu_double() as running:
        yield running


@pytest.fixture
def operators(double):
    with client_of(double) as client:
        yield Operators(client)


@pytest.fixture(params=list(WISHES))
def wish(request):
    return WISHES[request.param]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.Fault(status=401), Forbidden),
        (faults.Fault(status=403), Forbidden),
        (faults.Fault(status=400), Rejected),
        (faults.Fault(status=402), Rejected),
        (faults.Fault(status=413), Rejected),
        (faults.Fault(status=422), Rejected),
        (faults.too_many(30), Unavailable),
        (faults.BUSY, Unavailable),
        (faults.FAILED, Unavailable),
        (faults.LOST_BEFORE, Unavailable),
        (faults.LOST_AFTER, Unavailable),
        (faults.Fault(raw=b"no HTTP at all\r\n\r\n"), Unavailable),
        (faults.Fault(status=404, body=PAGE, content_type="text/html"), Unavailable),
        (faults.Fault(has_effect=True, body=PAGE, content_type="text/html"), Unavailable),
    ],
)
def test_a_failure_says_who_has_to_act(double, operators, fault, kind):
    wish = topic()
    operators(wish).reconcile(wish)
    double.faults.always(fault)

    with pytest.raises(kind) as failed:
        operators(wish).look(wish)

    assert double.world.secret_key not in str(failed.value)


def test_a_call_that_failed_is_not_repeated_by_itself(double, operators, wish):
    double.faults.always(faults.FAILED)

    with pytest.raises(Unavailable):
        operators(wish).look(wish)

    assert len(double.exchanges) == 1


def test_nothing_is_asked_before_the_rest_is_over_that_novu_wants(double, operators, wish):
    double.faults.plan(faults.too_many(600))
    with pytest.raises(Unavailable):
        operators(wish).look(wish)

    with pytest.raises(Unavailable, match="seconds of rest"):
        operators(wish).look(wish)

    assert len(double.exchanges) == 1


def test_a_key_that_is_not_known_is_a_persons_business(double):
    with client_of(double, key="not-the-key") as client, pytest.raises(Forbidden) as refused:
        Operators(client)(topic()).look(topic())

    assert "API Key not found" in str(refused.value)
    assert "not-the-key" not in str(refused.value) + repr(NovuAddress("http://x", "not-the-key"))


def test_a_novu_that_is_not_there_is_asked_again_later(double, operators):
    double.stop()

    with pytest.raises(Unavailable, match="does not answer"):
        operators(topic()).look(topic())


def test_more_calls_than_the_rate_lets_through_are_not_made(double):
    slow = Rate(per_second=0.001, burst=2)
    with client_of(double, rate=slow) as client:
        operator = Operators(client)(topic())
        operator.look(topic())
        operator.look(topic())

        with pytest.raises(Unavailable, match="rateLimit"):
            operator.look(topic())

    assert len(double.exchanges) == 2
