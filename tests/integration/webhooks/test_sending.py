"""Deliveries over real HTTP: signed, retried, ended, and each row saying so."""

from __future__ import annotations

import json
import socket
import threading

import pytest
from standardwebhooks.webhooks import Webhook

from actors.domain.webhooks import JITTER, RETRY_SECONDS
from tests.integration.webhooks.conftest import running


async def waits(town):
    """Return how many seconds from now the only delivery waits."""
    [(seconds,)] = await town.deliveries("extract(epoch FROM next_attempt_at - now())::float8")
    return seconds


async def clock(town):
    """Return the database's time in seconds since the epoch."""
    return (await town.query("SELECT extract(epoch FROM clock_timestamp())::float8"))[0][0]


async def status(town, made):
    """Return the state of a webhook."""
    found = await town.query(
        "SELECT status, failing_since IS NOT NULL FROM webhooks WHERE id = %s", made.info.id
    )
    return found[0]


async def test_a_delivery_is_one_that_the_reference_library_verifies(town, receiver):
    _, made = await town.listening(f"{receiver.url}/hook?shop=7")

    await town.send_due()

    [request] = receiver.requests
    event = Webhook(made.secret).verify(request.body, request.headers)
    assert event["type"] == "dev.gopherpay.deposit.posted.v1"
    assert event["specversion"] == "1.0"
    assert event["data"]["amount_minor"] == 100
    assert request.path == "/hook?shop=7"
    assert request.headers["content-type"].startswith("application/cloudevents+json")
    assert request.headers["host"] == receiver.url.removeprefix("http://")
    [(delivery_id, *rest)] = await town.deliveries()
    assert request.id == str(delivery_id)
    assert rest == ["delivered", 1, 204, None]


async def test_what_is_delivered_is_not_sent_again(town, receiver):
    await town.listening(receiver.url)

    await town.send_due()
    await town.make_due()
    await town.send_due()

    assert len(receiver.requests) == 1


async def test_each_failure_waits_as_long_as_the_schedule_says(town, receiver):
    receiver.status["/"] = [500]
    await town.listening(f"{receiver.url}/")

    for number, seconds in enumerate(RETRY_SECONDS, 1):
        begun = await clock(town)
        await town.make_due()
        await town.send_due()
        ended = await clock(town)
        [(due_at,)] = await town.deliveries("extract(epoch FROM next_attempt_at)::float8")
        [(_, *rest)] = await town.deliveries()

        assert begun + seconds - 0.001 <= due_at <= ended + seconds * (1 + JITTER) + 0.001
        assert rest == ["pending", number, 500, "http-500"]


async def test_after_the_last_retry_a_delivery_has_failed(town, receiver):
    receiver.status["/"] = [503]
    await town.listening(f"{receiver.url}/")
    await town.query("UPDATE webhook_deliveries SET attempts = %s", len(RETRY_SECONDS))

    await town.send_due()

    [(_, *rest)] = await town.deliveries("id, status, attempts, last_error, next_attempt_at")
    assert rest == ["failed", len(RETRY_SECONDS) + 1, "http-503", None]


async def test_no_retry_is_planned_beyond_the_third_day(town, receiver):
    receiver.status["/"] = [500]
    await town.listening(f"{receiver.url}/")
    await town.query("UPDATE webhook_deliveries SET give_up_at = now() + interval '1 second'")

    await town.send_due()

    [(_, *rest)] = await town.deliveries("id, status, attempts, next_attempt_at")
    assert rest == ["failed", 1, None]


async def test_a_receiver_that_recovers_gets_what_it_missed_under_the_same_id(town, receiver):
    receiver.status["/"] = [500, 204]
    _, made = await town.listening(f"{receiver.url}/")

    await town.send_due()
    failing = await status(town, made)
    await town.make_due()
    await town.send_due()

    first, second = receiver.requests
    assert first.id == second.id
    assert first.body == second.body
    assert Webhook(made.secret).verify(second.body, second.headers)
    assert failing == ("active", True)
    assert await status(town, made) == ("active", False)


async def test_a_crash_between_the_answer_and_the_record_sends_again_under_the_same_id(
    town, receiver
):
    await town.listening(f"{receiver.url}/")

    receiver.held["/"] = threading.Event()
    async with town.sender() as crashing, running(crashing):
        await receiver.came(1, "/")
    # It ended with its attempt; what the receiver answers now is never written down.
    receiver.held["/"].set()
    crashed = (await town.deliveries())[0][1:]
    await town.send_due()
    leased = len(receiver.requests)
    await town.make_due()
    await town.send_due()

    first, second = receiver.requests
    assert crashed == ("pending", 1, None, None)
    assert leased == 1
    assert first.id == second.id
    assert [row[1:3] for row in await town.deliveries()] == [("delivered", 2)]


async def test_a_result_that_comes_after_its_lease_counts_no_more(town, receiver):
    receiver.held["/"] = threading.Event()
    receiver.status["/"] = [500, 204]
    await town.listening(f"{receiver.url}/")

    async with town.sender() as late:
        await late.turn()
        await receiver.came(1, "/")
        await town.make_due()  # its lease is over
        async with town.sender() as other:
            await other.turn()
            await receiver.came(2, "/")
            receiver.held["/"].set()
            await late.settle()
            after_late = await town.deliveries("status, attempts, response_status")
            await other.settle()

    [(attempts, response)] = await town.deliveries("attempts, response_status")
    assert after_late == [("pending", 2, None)]
    assert attempts == 2
    assert response in {500, 204}


async def test_a_receiver_that_is_gone_is_disabled_at_once(town, receiver):
    receiver.status["/"] = [410]
    _, made = await town.listening(f"{receiver.url}/", due=2)

    async with town.sender(in_flight_max=1) as sender:
        await sender.turn()
        await sender.settle()

    assert (await status(town, made))[0] == "disabled"
    assert sorted(row[1] for row in await town.deliveries()) == ["failed", "pending"]
    await town.queue.sweep()
    assert [row[1] for row in await town.deliveries()] == ["failed", "failed"]
    await town.make_due()
    await town.send_due()
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(("days", "expected"), [(6, "disabled"), (4, "active")])
async def test_a_webhook_that_fails_for_five_days_is_disabled(town, receiver, days, expected):
    receiver.status["/"] = [500]
    _, made = await town.listening(f"{receiver.url}/")
    await town.query("UPDATE webhooks SET failing_since = now() - make_interval(days => %s)", days)

    await town.send_due()

    assert await status(town, made) == (expected, True)


async def test_one_success_ends_a_row_of_failures_however_long(town, receiver):
    _, made = await town.listening(f"{receiver.url}/")
    await town.query("UPDATE webhooks SET failing_since = now() - interval '6 days'")

    await town.send_due()

    assert await status(town, made) == ("active", False)


async def test_a_redirect_is_a_failure_and_is_not_followed(town, receiver):
    receiver.status["/"] = [307]
    receiver.location = f"{receiver.url}/elsewhere"
    await town.listening(f"{receiver.url}/")

    await town.send_due()

    assert receiver.at("/elsewhere") == []
    assert [row[1:] for row in await town.deliveries()] == [("pending", 1, 307, "http-307")]


async def test_nothing_that_a_receiver_says_is_kept(town, receiver):
    receiver.status["/"] = [400]
    await town.listening(f"{receiver.url}/")

    await town.send_due()

    rows = await town.query("SELECT to_json(d)::text FROM webhook_deliveries d")
    assert json.loads(rows[0][0])["response_status"] == 400
    assert "SECRET-OF-THE-RECEIVER" not in rows[0][0]


async def test_a_receiver_that_does_not_answer_is_left_after_the_timeout(town, receiver):
    receiver.held["/"] = threading.Event()
    await town.listening(f"{receiver.url}/")

    await town.send_due(timeout_seconds=0.5)

    assert [row[1:] for row in await town.deliveries()] == [("pending", 1, None, "timeout")]


async def test_a_port_where_nobody_listens_is_a_failure(town):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # taken, so that nobody else comes to listen there
        await town.listening(f"http://127.0.0.1:{silent.getsockname()[1]}/")

        await town.send_due()

    assert [row[1:] for row in await town.deliveries()] == [("pending", 1, None, "connect-failed")]


async def test_what_is_over_is_ended_and_what_is_old_is_forgotten(town, receiver):
    ada, made = await town.listening(receiver.url, due=3)
    first, second, third = [row[0] for row in await town.deliveries()]
    old = "(overlay(id::text PLACING '0180' FROM 1 FOR 4))::uuid"
    await town.query(
        f"UPDATE webhook_deliveries SET id = {old}, status = 'delivered' WHERE id = %s",  # noqa: S608
        first,
    )
    await town.query("UPDATE webhook_deliveries SET give_up_at = now() WHERE id = %s", second)

    swept = await town.queue.sweep()

    left = await town.deliveries("id, status, last_error")
    assert swept == 2
    assert left == [(second, "failed", "given-up"), (third, "pending", None)]
    await town.webhooks.delete(ada, made.info.id)
    assert await town.queue.sweep() == 1
    assert [row[1] for row in await town.deliveries()] == ["failed", "failed"]
