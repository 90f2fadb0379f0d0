"""What Novu's answers mean, and how long anything is waited for."""

from uuid import UUID

import pytest

from actors.notifier.novu_answers import (
    PAUSE_SECONDS,
    UNREACHABLE,
    WAIT_SECONDS_MAX,
    Reply,
    Throttle,
    failure,
    mentions,
)
from actors.notifier.retrying import BackOff
from actors.notifier.subscribers import digest_at, subscriber_hash
from actors.ports.courier import Delivery, Later, Profile, Refused

USER_ID = UUID("0197a5c0-0000-7000-8000-000000000001")


@pytest.mark.parametrize("status", [400, 413, 414, 415, 422])
def test_what_is_wrong_with_the_message_is_wrong_for_ever(status):
    assert failure(Reply(status)) == Refused(f"http-{status}")


@pytest.mark.parametrize("status", [401, 402, 403, 404, 405, 429])
def test_what_is_wrong_elsewhere_is_tried_later_without_doubt(status):
    outcome = failure(Reply(status))

    assert isinstance(outcome, Later)
    assert not outcome.is_doubtful


@pytest.mark.parametrize("status", [100, 200, 204, 302, 408, 409, 418, 500, 502, 503, 504, 599])
def test_any_other_status_leaves_a_doubt(status):
    outcome = failure(Reply(status))

    assert isinstance(outcome, Later)
    assert outcome.is_doubtful


def test_only_a_connection_that_never_was_leaves_no_doubt():
    assert failure(Reply(reason=UNREACHABLE)) == Later(UNREACHABLE)
    assert failure(Reply(reason="timeout")) == Later("timeout", is_doubtful=True)


def test_a_page_with_a_good_status_is_no_success():
    assert not Reply(200, body="<html>").is_success
    assert Reply(201, is_fit=True).is_success


def test_a_remembered_failure_is_known_by_its_header():
    outcome = failure(Reply(500, {"idempotency-replay": "true"}))

    assert isinstance(outcome, Later)
    assert outcome.is_replayed


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0.0), ("7", 7.0), ("600", 600.0), ("999999", WAIT_SECONDS_MAX)],
)
def test_retry_after_is_obeyed_within_bounds(text, seconds):
    outcome = failure(Reply(429, {"retry-after": text}))

    assert isinstance(outcome, Later)
    assert outcome.retry_after_seconds == seconds


@pytest.mark.parametrize(
    "text", ["", "-1", "1.5", "1e9", "inf", "nan", "٣", "²", "9" * 7, "9" * 5_000, "soon", "0x10"]
)
def test_a_strange_retry_after_means_nothing(text):
    outcome = failure(Reply(429, {"retry-after": text}))

    assert isinstance(outcome, Later)
    assert outcome.retry_after_seconds is None


def test_too_many_requests_pause_everything():
    now = [100.0]
    throttle = Throttle(lambda: now[0])

    throttle.heed(Reply(429, {"retry-after": "30"}))
    throttle.heed(Reply(201, {"ratelimit-remaining": "5", "ratelimit-reset": "500"}))

    assert throttle.pause_seconds() == 30
    now[0] = 129.0
    assert throttle.pause_seconds() == 1
    now[0] = 131.0
    assert throttle.pause_seconds() == 0


@pytest.mark.parametrize(
    ("reply", "pause"),
    [
        (Reply(429), PAUSE_SECONDS),
        (Reply(503, {"retry-after": "x"}), PAUSE_SECONDS),
        (Reply(201, {"ratelimit-remaining": "0", "ratelimit-reset": "8"}), 8),
        (Reply(201, {"ratelimit-remaining": "0"}), 0),
        (Reply(201, {"ratelimit-remaining": "0", "ratelimit-reset": "99999"}), WAIT_SECONDS_MAX),
        (Reply(500, {"retry-after": "30"}), 0),
        (Reply(reason="timeout"), 0),
    ],
)
def test_rate_headers_are_obeyed_before_the_limit_is_hit(reply, pause):
    throttle = Throttle(lambda: 0.0)

    throttle.heed(reply)

    assert throttle.pause_seconds() == pause


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"data": [{"transactionId": "t1", "status": "of tomorrow"}]}', True),
        ('{"data": [{"transactionId": "t2"}]}', False),
        ('{"data": []}', False),
        ('{"data": 5}', None),
        ('{"data": [5]}', None),
        ('{"data": [{}]}', None),
        ("[]", None),
        ("", None),
        ("[" * 100_000, None),
    ],
)
def test_a_list_is_searched_even_if_the_client_cannot_read_it(body, found):
    assert mentions(body, "t1") is found


def test_waits_double_up_to_the_longest_and_differ():
    waits = BackOff(first_seconds=2, longest_seconds=600)

    for failures, full in ((1, 2), (2, 4), (3, 8), (9, 512), (10, 600), (10_000, 600)):
        some = [waits.seconds(failures) for _ in range(200)]
        assert min(some) >= full / 2
        assert max(some) <= full
        assert len(set(some)) > 50


def test_the_subscriber_hash_is_the_documented_hmac():
    # printf '%s' 0197a5c0-0000-7000-8000-000000000001 | openssl dgst -sha256 -hmac "a secret key"
    assert subscriber_hash("a secret key", USER_ID) == (
        "8f5963d5a5387821dabff7089d32e1b5d14da48332bac4a98a73a2e4e370f4b6"
    )


def test_a_profile_is_another_in_another_environment():
    profile = Profile(USER_ID, "ada@example.com", "Ada Lovelace", "en", b"digest")

    assert digest_at(b"one", profile) == digest_at(b"one", profile)
    assert digest_at(b"one", profile) != digest_at(b"other", profile)


def test_attempts_share_a_transaction_and_deliveries_do_not():
    def delivery(**changes):
        fields = {
            "id": UUID(int=1),
            "event_id": UUID(int=2),
            "workflow": "gopherpay-transfer-received",
            "subscriber_id": UUID(int=3),
            "payload": {},
            "attempts": 1,
            "is_doubtful": False,
        }
        return Delivery(**{**fields, **changes}).transaction_id

    assert delivery() == delivery(attempts=7, is_doubtful=True, id=UUID(int=9))
    others = {
        delivery(event_id=UUID(int=5)),
        delivery(workflow="gopherpay-transfer-sent"),
        delivery(subscriber_id=UUID(int=5)),
    }
    assert len(others | {delivery()}) == 4


def test_secrets_are_not_in_the_text_of_values():
    profile = Profile(USER_ID, "ada@example.com", "Ada Lovelace", "en", b"digest")

    assert "ada" not in repr(profile).lower()
