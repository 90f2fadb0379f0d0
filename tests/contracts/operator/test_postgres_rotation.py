"""Rotation on a real server: nobody who reads the Secret is ever refused."""

import threading
import time

import psycopg
import pytest

from gopherpay_operator.backends.ports import Overtaken, Unavailable
from gopherpay_operator.engine.ports import Key
from tests.contracts.operator.postgres_world import (
    ADMIN_PASSWORD,
    NAMESPACE,
    SECONDS_MAX,
    Cut,
    World,
)
from tests.contracts.operator.readers import Readers

DUAL = {"generate": {"rotation": {"interval": "24h", "gracePeriod": "10m"}}}
IN_PLACE = {"generate": {"rotation": {"interval": "24h", "strategy": "InPlace"}}}
STEPS = range(9)
"""More than the steps of a rotation: a set password, a Secret, an ended password, a Secret, each \
with a moment before and after it."""


@pytest.fixture
def name(free_name):
    return f"{free_name}-app"


@pytest.fixture
def place(free_name, ask, server, administrator):
    """Return the name of a database of the administrator's."""
    del server
    name = f"{free_name}_ledger"
    ask(f"CREATE DATABASE {name} OWNER {administrator}")
    ask(f"ALTER SCHEMA public OWNER TO {administrator}", database=name)
    return name


@pytest.fixture
def world(administrator, postgres):
    return World(postgres.dsn("postgres"), user=administrator, password=ADMIN_PASSWORD)


def apply(world, name, place, password, **more):
    return world.put(
        "PostgresRole",
        name,
        password=password,
        grants=[{"database": place, "profile": "owner"}],
        connectionSecretTemplate={"name": "app-db", "database": place},
        **more,
    )


async def rotate(world, key, value):
    world.note(key, rotate_at=value)
    return await world.bring(key)


async def gone(world, key):
    """Go on with a deletion until it is through; a session takes a moment to end."""
    deadline = time.monotonic() + SECONDS_MAX
    while not (outcome := await world.bring(key)).is_gone:
        assert time.monotonic() < deadline
    return outcome


async def to_the_end(world, key):
    """Go on until nobody is left behind; a session takes a moment to end."""
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        outcome = await world.bring(key)
        assert outcome.is_ready, outcome
        world.pass_time(minutes=11)
        if "sessionsOnOldRole" not in world.observed(key):
            return
        assert time.monotonic() < deadline


async def test_programs_act_as_the_role_whichever_they_sign_in_as(world, name, place, ask):
    key = apply(world, name, place, DUAL)
    await world.bring(key)
    with world.sign_in(place) as session:
        session.execute("CREATE TABLE first ()")
        first = session.execute("SELECT session_user, current_user").fetchone()
    await rotate(world, key, "1")
    with world.sign_in(place) as session:
        session.execute("DROP TABLE first; CREATE TABLE second ()")
        second = session.execute("SELECT session_user, current_user").fetchone()
        session.execute("DISCARD ALL")  # as a pooler does
        session.execute("INSERT INTO second DEFAULT VALUES")

    assert (first, second) == ((f"{name}_a", name), (f"{name}_b", name))
    owner = "SELECT tableowner FROM pg_tables WHERE tablename = 'second'"
    assert ask(owner, database=place) == [(name,)]


async def test_the_old_password_holds_while_somebody_uses_it(world, name, place):
    key = apply(world, name, place, DUAL)
    await world.bring(key)
    old = world.secret()
    with world.sign_in(place):
        await rotate(world, key, "1")
        world.pass_time(hours=1)
        await world.bring(key)
        used = world.observed(key)["sessionsOnOldRole"]
        with psycopg.connect(old["uri"]):
            pass
    await to_the_end(world, key)

    assert used == 1
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(old["uri"])
    with world.sign_in(place):
        pass


async def test_the_old_password_holds_until_its_grace_is_over(world, name, place):
    key = apply(world, name, place, DUAL)
    await world.bring(key)
    old = world.secret()
    await rotate(world, key, "1")
    world.pass_time(minutes=9)
    await world.bring(key)

    with psycopg.connect(old["uri"]):
        pass


async def test_a_password_is_changed_when_its_time_has_come(world, name, place):
    key = apply(world, name, place, DUAL)
    outcome = await world.bring(key)
    first = world.observed(key)
    world.pass_time(hours=23)
    await world.bring(key)
    early = world.observed(key)
    world.pass_time(hours=1)
    await world.bring(key)
    late = world.observed(key)

    assert outcome.again_in_seconds == 24 * 3600
    assert first["nextRotation"] == "2026-03-02T12:00:00Z"
    assert early == first
    assert (first["activeRoleSuffix"], late["activeRoleSuffix"]) == ("a", "b")
    assert late["lastRotation"] == "2026-03-02T12:00:00Z"
    assert [each.reason for each in world.said[-1][0].happenings] == ["Updated"]


async def test_in_place_the_secret_is_true_after_every_pass(world, name, place):
    key = apply(world, name, place, IN_PLACE)
    await world.bring(key)
    old = world.secret()
    await rotate(world, key, "1")

    with world.sign_in(place):
        pass
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(old["uri"])


async def test_moving_from_one_role_to_two_and_back_refuses_nobody(world, name, place, ask):
    key = apply(world, name, place, {"generate": {}})
    await world.bring(key)
    single = world.secret()
    apply(world, name, place, DUAL)
    await world.bring(key)
    both = world.secret()
    for told in (single, both):
        with psycopg.connect(told["uri"]):
            pass
    await to_the_end(world, key)
    await world.bring(key)
    apply(world, name, place, {"generate": {}})
    await world.bring(key)
    with psycopg.connect(both["uri"]), world.sign_in(place):
        pass
    await to_the_end(world, key)
    await world.bring(key)

    assert ask("SELECT 1 FROM pg_roles WHERE rolname LIKE %s", f"{name}\\__") == []
    with world.sign_in(place):
        pass


async def test_a_secret_that_was_deleted_is_made_anew_and_its_readers_stay(world, name, place):
    key = apply(world, name, place, DUAL)
    await world.bring(key)
    read = world.secret()
    del world.cluster.secrets[NAMESPACE, "app-db"]

    await world.bring(key)

    assert world.secret()["username"] != read["username"]
    for told in (read, world.secret()):
        with psycopg.connect(told["uri"]):
            pass


@pytest.mark.parametrize("policy", ["Report", "Ignore"])
async def test_what_is_only_reported_never_holds_a_rotation_up(world, name, place, policy, ask):
    key = apply(world, name, place, DUAL, driftPolicy=policy)
    await world.bring(key)
    outcome = await rotate(world, key, "1")
    assert outcome.is_ready
    assert world.observed(key)["activeRoleSuffix"] == "b"

    ask(f'ALTER ROLE "{name}" CREATEDB')
    await to_the_end(world, key)
    await rotate(world, key, "2")
    with world.sign_in(place):
        pass
    assert ask("SELECT rolcreatedb FROM pg_roles WHERE rolname = %s", name) == [(True,)]


async def test_in_place_with_a_reported_drift_the_secret_stays_true(world, name, place, ask):
    key = apply(world, name, place, IN_PLACE, driftPolicy="Report")
    await world.bring(key)
    ask(f'ALTER ROLE "{name}" CREATEDB')

    await rotate(world, key, "1")

    assert world.condition(key, "Drifted")[0] == "True"
    with world.sign_in(place):
        pass


async def test_a_suspended_role_keeps_its_password(world, name, place):
    key = apply(world, name, place, DUAL)
    await world.bring(key)
    told = world.secret()
    apply(world, name, place, DUAL, suspend=True)
    world.note(key, rotate_at="1")

    outcome = await world.bring(key)

    assert world.secret() == told
    assert not outcome.has_applied
    with world.sign_in(place):
        pass


async def test_deleting_drops_all_three(world, name, place, ask):
    key = apply(world, name, place, DUAL)
    await world.bring(key)

    with world.sign_in(place):
        held = await world.leave(key, deletion_policy="Delete")
    del world.cluster.secrets[NAMESPACE, "app-db"]
    assert not held.is_gone
    assert world.condition(key, "DeletionBlocked") == ("True", "InUse")

    outcome = await gone(world, key)

    assert outcome.is_gone
    assert ask("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", f"{name}%") == []


async def test_retaining_gives_all_three_up_and_leaves_them(world, name, place, ask):
    key = apply(world, name, place, DUAL)
    await world.bring(key)

    outcome = await world.leave(key)

    comments = "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname LIKE %s"
    assert outcome.is_gone
    assert ask(comments, f"{name}%") == [(None,)] * 3
    with world.sign_in(place):
        pass


async def test_a_role_that_only_looks_like_ours_is_never_taken(world, name, place, ask):
    ask(f"""CREATE ROLE "{name}_a" LOGIN PASSWORD 'theirs'""")
    key = apply(world, name, place, DUAL)

    with pytest.raises(Overtaken):  # the engine looks anew at once
        await world.bring(key)
    outcome = await world.bring(key)

    assert (outcome.is_ready, outcome.reason) == (False, "Conflict")
    assert ask("SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = %s",
               f"{name}_a") == [(None,)]  # fmt: skip


class Clients(Readers):
    """Programs that read the Secret and sign in, without a pause."""

    def __init__(self, world, place, how_many=3):
        super().__init__(how_many)
        self.world, self.place = world, place
        self.is_over = threading.Event()
        self.refused = []
        self.seen = set()
        self.threads = [threading.Thread(target=self.run, args=(each,)) for each in range(how_many)]

    def __enter__(self):
        for each in self.threads:
            each.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for each in self.threads:
            each.join()

    def run(self, number):
        while not self.is_over.is_set():
            try:
                with self.world.sign_in(self.place) as session:
                    self.seen |= {session.execute("SELECT session_user").fetchone()[0]}
            except Exception as error:  # noqa: BLE001 - whatever it is, it is a failure
                self.refused.append(error)
            self.rounds[number] += 1
            self.is_over.wait(0.005)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_nobody_is_refused_while_rotations_are_cut_off_at_every_step(world, name, place):
    key = apply(world, name, place, DUAL)
    await world.bring(key)
    cuts = 0

    with Clients(world, place) as clients:
        for steps in STEPS:
            before = world.secret()["password"]
            world.note(key, rotate_at=str(steps))
            cuts += await rotated(world, key, clients, steps)
            assert world.secret()["password"] != before
        await clients.have_read_anew()

    assert clients.refused == []
    assert clients.seen == {f"{name}_a", f"{name}_b"}
    assert cuts >= 8


async def rotated(world, key, clients, steps):
    """Rotate to the end, with the process ended once after so many *steps*; return if it was."""
    world.scissors.after(steps)
    was_cut = 0
    deadline = time.monotonic() + SECONDS_MAX
    while True:
        try:
            await world.bring(key)
        except Cut:
            was_cut = 1
            world.scissors.left = None
            world.start()
            continue
        # A program that reads no more often than the grace is long would be refused.
        await clients.have_read_anew()
        world.pass_time(minutes=11)
        if "sessionsOnOldRole" not in world.observed(key):
            world.scissors.left = None
            return was_cut
        assert time.monotonic() < deadline


async def test_no_word_of_the_operator_has_a_password(world, name, place, caplog):
    key = apply(world, name, place, DUAL)
    secrets = {ADMIN_PASSWORD}
    connection = world.cluster.resource(Key("PostgresConnection", NAMESPACE, "main"))
    words = []
    for round_ in range(3):
        await rotate(world, key, str(round_))
        secrets.add(world.secret()["password"])
        thing = world.managed["PostgresRole"]._thing  # noqa: SLF001 - what it holds is the point
        wish = await thing.wish(world.cluster.kept[key], connection, world.cluster)
        access = await thing.access(connection, world.cluster)
        words += [repr(wish), repr(access), repr(thing), str(vars(thing))]
        await to_the_end(world, key)
    world.put("PostgresConnection", "main", host="127.0.0.1", port=1,
              adminSecretRef={"name": "admin"}, sslMode="disable")  # fmt: skip
    await world.bring(key)
    connection = world.cluster.resource(Key("PostgresConnection", NAMESPACE, "main"))
    with pytest.raises(Unavailable) as failure:
        await world.probe.look(connection, world.cluster)

    words += [repr(world.said), repr(world.cluster), repr(failure.value), caplog.text]
    assert world.said[-1][0].reason == "BackendUnavailable"
    assert len(secrets) == 4
    assert [each for each in secrets for said in words if each in said] == []
    assert not any("SCRAM-SHA-256$" in said for said in words)
