"""The courier and a Novu that behaves, or does not: each message once, and none is lost."""

import pytest

from tests.doubles.novu import faults
from tests.doubles.novu.world import Workflow
from tests.integration.novu.conftest import WORKFLOW, until

TRIGGER = "/v1/events/trigger"


async def test_what_is_due_is_told_once(scene):
    user_id = await scene.a_user()
    for _ in range(40):
        await scene.due(user_id)

    async with scene.running() as courier:
        await until(lambda: scene.is_all("sent"))

    assert sorted(scene.double.sent().values()) == [1] * 40
    assert courier.counters.sent == 40
    assert courier.is_carrying
    told = scene.double.world.notifications[0]
    assert told.workflow == WORKFLOW
    assert told.subscriber_id == str(user_id)
    assert told.payload["title"] == "You got $10.50"


async def test_a_subscriber_is_made_before_the_first_message(scene):
    user_id = await scene.a_user("ada@example.com", "Ada Lovelace")
    await scene.due(user_id)

    async with scene.running():
        await until(lambda: scene.is_all("sent"))

    paths = [each.asked.path for each in scene.double.exchanges]
    assert paths == ["/v2/subscribers", TRIGGER]
    made = scene.double.world.subscribers[str(user_id)]
    assert (made["email"], made["firstName"], made["locale"]) == (
        "ada@example.com",
        "Ada Lovelace",
        "en_US",
    )


async def test_several_couriers_send_nothing_twice(scene):
    scene.double.world.drops_repeats = scene.double.world.keeps_answers = False
    user_id = await scene.a_user()
    for _ in range(60):
        await scene.due(user_id)

    async with scene.running(), scene.running(), scene.running():
        await until(lambda: scene.is_all("sent"))

    assert sorted(scene.double.sent().values()) == [1] * 60


async def test_while_novu_is_down_messages_wait(scene):
    user_id = await scene.a_user()
    scene.double.stop()
    for _ in range(20):
        await scene.due(user_id)

    async with scene.running() as courier:
        await until(lambda: courier.counters.put_off >= 5)
        assert await scene.is_all("pending")
        assert not courier.is_carrying

        scene.double.start()
        await until(lambda: scene.is_all("sent"))

    assert sorted(scene.double.sent().values()) == [1] * 20


async def test_a_novu_that_is_too_slow_gets_nothing_twice(scene):
    scene.double.world.drops_repeats = scene.double.world.keeps_answers = False
    scene.double.faults.plan(faults.slow(3), path=TRIGGER, times=8)
    user_id = await scene.a_user()
    for _ in range(8):
        await scene.due(user_id)

    # A call is given up long before the answer; what it did is found when asked.
    async with scene.running(call_seconds=0.5) as courier:
        await until(lambda: scene.is_all("sent"))

    assert courier.counters.put_off >= 8
    assert sorted(scene.double.sent().values()) == [1] * 8


@pytest.mark.parametrize(
    "fault",
    [faults.LOST_AFTER, faults.FAILED_AFTER, faults.Fault(status=502, has_effect=True)],
    ids=["connection lost", "500", "502"],
)
async def test_an_accepted_message_whose_answer_was_lost_is_not_sent_again(scene, fault):
    scene.double.world.drops_repeats = scene.double.world.keeps_answers = False
    scene.double.faults.plan(fault, path=TRIGGER, times=5)
    user_id = await scene.a_user()
    for _ in range(5):
        await scene.due(user_id)

    async with scene.running():
        await until(lambda: scene.is_all("sent"))

    assert sorted(scene.double.sent().values()) == [1] * 5
    assert len(scene.double.asked("POST", TRIGGER)) == 5


@pytest.mark.parametrize(
    "fault", [faults.LOST_BEFORE, faults.FAILED, faults.BUSY], ids=["connection lost", "500", "503"]
)
async def test_a_message_that_was_not_accepted_is_sent_again(scene, fault):
    scene.double.faults.plan(fault, path=TRIGGER, times=6)
    user_id = await scene.a_user()
    for _ in range(3):
        await scene.due(user_id)

    async with scene.running():
        await until(lambda: scene.is_all("sent"))

    assert sorted(scene.double.sent().values()) == [1] * 3


async def test_a_failure_that_novu_remembers_under_the_key_is_got_past(scene):
    scene.double.faults.plan(faults.KEPT_FAILURE, path=TRIGGER)
    user_id = await scene.a_user()
    await scene.due(user_id)

    async with scene.running():
        await until(lambda: scene.is_all("sent"))

    assert list(scene.double.sent().values()) == [1]
    triggers = scene.double.asked("POST", TRIGGER)
    first, again, renewed = (each.headers["idempotency-key"] for each in triggers)
    assert first == again
    assert renewed.startswith(f"{first}-")
    assert len({each.json()["transactionId"] for each in triggers}) == 1


async def test_after_too_many_requests_nothing_is_sent_for_as_long_as_asked(scene):
    user_id = await scene.a_user()
    for _ in range(5):
        await scene.due(user_id)
    scene.double.faults.plan(faults.too_many(600), path=TRIGGER)

    async with scene.running(places=1) as courier:
        await until(
            lambda: scene.query(
                "SELECT 1 FROM notification_deliveries WHERE last_error = 'http-429'"
            )
        )
        before = len(scene.double.exchanges)
        assert not await courier.round()

    assert courier.counters.sent == 0
    assert len(scene.double.exchanges) == before
    waits = await scene.query(
        "SELECT extract(epoch FROM next_attempt_at - now()) > 500, is_doubtful"
        " FROM notification_deliveries WHERE attempts = 1"
    )
    assert waits == [(True, False)]


async def test_a_rate_limit_costs_time_and_no_message(scene):
    scene.double.world.tokens = 0
    user_id = await scene.a_user()
    await scene.due(user_id)

    async with scene.running() as courier:
        await until(lambda: courier.counters.put_off >= 1)
        scene.double.world.tokens = 1_000
        await until(lambda: scene.is_all("sent"))

    assert list(scene.double.sent().values()) == [1]


@pytest.mark.parametrize(
    ("workflows", "reason"),
    [
        ({}, "http-422"),
        ({WORKFLOW: Workflow(WORKFLOW, is_active=False)}, "trigger-not-active"),
        ({WORKFLOW: Workflow(WORKFLOW, channels=())}, "no-workflow-active-steps-defined"),
    ],
)
async def test_what_novu_never_accepts_is_given_up_with_its_reason(scene, workflows, reason):
    scene.double.world.workflows = workflows
    user_id = await scene.a_user()
    await scene.due(user_id)

    async with scene.running() as courier:
        await until(lambda: scene.is_all("failed"))

    assert courier.counters.failed == 1
    assert await scene.query("SELECT last_error FROM notification_deliveries") == [(reason,)]
    assert len(scene.double.asked("POST", TRIGGER)) == 1


async def test_a_wrong_key_fails_no_message(scene):
    scene.double.world.secret_key = "another"
    user_id = await scene.a_user()
    async with scene.courier() as courier:
        scene.double.world.secret_key = "rotated"
        await scene.due(user_id)
        await courier.round()

    assert await scene.states() == {"pending": 1}
    assert await scene.query("SELECT last_error FROM notification_deliveries") == [("http-401",)]


async def test_what_came_too_late_is_not_sent(scene):
    user_id = await scene.a_user()
    await scene.due(user_id, expires="-1 second")

    async with scene.running() as courier:
        await until(lambda: courier.counters.expired == 1)

    assert await scene.states() == {"expired": 1}
    assert scene.double.exchanges == []


async def test_retries_end_when_it_is_too_late(scene):
    scene.double.faults.always(faults.FAILED)
    user_id = await scene.a_user()
    await scene.due(user_id, expires="1 second")

    async with scene.running():
        await until(lambda: scene.is_all("expired"))

    assert scene.double.sent() == {}


async def test_the_message_of_somebody_who_left_is_dropped(scene):
    user_id = await scene.a_user()
    await scene.due(user_id)
    await scene.query("UPDATE users SET status = 'closed', closed_at = now()")

    async with scene.running():
        await until(lambda: scene.is_all("failed"))

    assert await scene.query("SELECT last_error FROM notification_deliveries") == [("person-gone",)]
    assert scene.double.exchanges == []


async def test_an_outage_of_the_database_ends_no_courier(scene, owner):
    user_id = await scene.a_user()
    async with scene.running(lease_seconds=1) as courier:
        await scene.due(user_id)
        await until(lambda: scene.is_all("sent"))
        await owner.execute(
            "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity"
            " WHERE application_name = 'courier-test'"
        )
        await until(scene.states)
        await scene.due(user_id)
        await until(lambda: scene.is_all("sent"))
        await until(lambda: courier.is_carrying)

    assert list(scene.double.sent().values()) == [1, 1]


async def test_what_ended_long_ago_is_swept_away(scene):
    user_id = await scene.a_user()
    await scene.due(user_id)
    await scene.query(
        "UPDATE notification_deliveries SET status = 'sent', ended_at = now() - interval '31 days'"
    )
    await scene.due(user_id)

    async with scene.courier() as courier:
        await courier.round()

    assert await scene.states() == {"sent": 1}
