"""What Novu knows of people follows what the platform knows."""

import asyncio

from actors.store.subscribers import PostgresSubscribers
from tests.doubles.novu import faults
from tests.integration.novu.conftest import until

SUBSCRIBERS = "/v2/subscribers"


async def told_of(scene, user_id):
    """Have Novu know the user."""
    await scene.due(user_id)
    async with scene.running():
        await until(lambda: scene.is_all("sent"))


async def test_a_known_subscriber_is_not_told_of_again(scene):
    user_id = await scene.a_user()
    await told_of(scene, user_id)

    await told_of(scene, user_id)

    assert len(scene.double.asked("POST", SUBSCRIBERS)) == 1


async def test_a_subscriber_follows_name_and_language(scene):
    user_id = await scene.a_user()
    await told_of(scene, user_id)
    await scene.identity.profiles.change(
        scene.principal(user_id), full_name="Augusta Ada King", language="vi"
    )

    await scene.mark_changed(user_id)
    async with scene.running():
        await until(lambda: len(scene.double.asked("POST", SUBSCRIBERS)) == 2)

    known = scene.double.world.subscribers[str(user_id)]
    assert (known["firstName"], known["locale"]) == ("Augusta Ada King", "vi_VN")


async def test_a_profile_that_becomes_what_it_was_is_told_again(scene):
    user_id = await scene.a_user(name="Ada Lovelace")
    await told_of(scene, user_id)

    for count, name in ((2, "Augusta Ada King"), (3, "Ada Lovelace")):
        await scene.identity.profiles.change(scene.principal(user_id), full_name=name)
        await scene.mark_changed(user_id)
        async with scene.running():
            await until(lambda count=count: len(scene.double.asked("POST", SUBSCRIBERS)) == count)

    assert scene.double.world.subscribers[str(user_id)]["firstName"] == "Ada Lovelace"


async def test_a_change_that_nobody_marked_is_told_with_the_next_message(scene):
    user_id = await scene.a_user()
    await told_of(scene, user_id)
    await scene.identity.profiles.change(scene.principal(user_id), language="vi")

    await told_of(scene, user_id)

    assert scene.double.world.subscribers[str(user_id)]["locale"] == "vi_VN"


async def test_a_change_during_a_look_is_not_lost(scene):
    user_id = await scene.a_user()
    await told_of(scene, user_id)
    subscribers = PostgresSubscribers(scene.pool)
    await scene.mark_changed(user_id)
    (stale,) = await subscribers.claim_stale(10, lease_seconds=30)

    await scene.mark_changed(user_id)
    await subscribers.settle(stale, is_gone=False)

    (again,) = await subscribers.claim_stale(10, lease_seconds=30)
    assert again.user_id == user_id
    assert again.claim != stale.claim


async def test_who_leaves_is_deleted_at_novu(scene):
    user_id = await scene.a_user()
    await told_of(scene, user_id)
    await scene.query("UPDATE users SET status = 'closed', closed_at = now()")

    await scene.mark_changed(user_id)
    async with scene.running():
        await until(lambda: not scene.double.world.subscribers)
        await until(lambda: _forgotten(scene))


async def test_who_left_unmarked_is_found_by_looking_behind(scene):
    user_id = await scene.a_user()
    await told_of(scene, user_id)
    await scene.query("DELETE FROM passwords")
    await scene.query("DELETE FROM users")

    async with scene.running(chores_seconds=0.05):
        await until(lambda: not scene.double.world.subscribers)
        await until(lambda: _forgotten(scene))


async def test_a_subscriber_that_novu_lost_is_well_forgotten(scene):
    user_id = await scene.a_user()
    await told_of(scene, user_id)
    scene.double.world.subscribers.clear()
    await scene.query("UPDATE users SET status = 'closed', closed_at = now()")

    await scene.mark_changed(user_id)
    async with scene.running():
        await until(lambda: _forgotten(scene))


async def test_a_deletion_waits_for_novu(scene):
    user_id = await scene.a_user()
    await told_of(scene, user_id)
    await scene.query("UPDATE users SET status = 'closed', closed_at = now()")
    scene.double.faults.plan(faults.FAILED, method="DELETE", path=SUBSCRIBERS, times=2)

    await scene.mark_changed(user_id)
    async with scene.running(lease_seconds=0.1):
        await until(lambda: _forgotten(scene))

    assert scene.double.world.subscribers == {}


async def test_two_marks_at_once_do_not_stand_in_each_others_way(scene):
    users = [await scene.a_user(f"ada{number}@example.com") for number in range(6)]
    for user_id in users:
        await scene.due(user_id)
    async with scene.running():
        await until(lambda: scene.is_all("sent"))

    await asyncio.gather(*(scene.mark_changed(*order) for order in [users, users[::-1]] * 10))

    assert len(await scene.query("SELECT 1 FROM novu_subscribers WHERE due_at <= now()")) == 6


async def test_another_environment_knows_nobody_yet(scene):
    user_id = await scene.a_user()
    await told_of(scene, user_id)

    scene.double.world.secret_key = "of-another-environment"
    await told_of(scene, user_id)

    assert len(scene.double.asked("POST", SUBSCRIBERS)) == 2


async def _forgotten(scene):
    return not await scene.query("SELECT 1 FROM novu_subscribers")
