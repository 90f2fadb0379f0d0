"""Connections, databases and roles as resources, by an administrator who is no superuser."""

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from gopherpay_operator.backends.ports import DependencyMissing, Forbidden, Unavailable
from gopherpay_operator.engine.ports import Secret
from tests.contracts.operator.postgres_world import ADMIN_PASSWORD, NAMESPACE, World

GENERATED = {"login": True, "password": {"generate": {}}}


def secret(database, **more):
    return {
        "grants": [{"database": database, "profile": "reader"}],
        "connectionSecretTemplate": {"name": "app-db", "database": database, **more},
    }


@pytest.fixture
def admin(administrator):
    return administrator


@pytest.fixture
def world(administrator, postgres):
    return World(postgres.dsn("postgres"), user=administrator, password=ADMIN_PASSWORD)


@pytest.fixture
async def ledger(world, free_name):
    """Return the name of a database that the operator has made for its owner."""
    owner = world.put("PostgresRole", f"{free_name}-owner", login=False)
    name = f"{free_name}-ledger"
    database = world.put(
        "PostgresDatabase",
        name,
        owner=f"{free_name}-owner",
        schemas=[{"name": "audit"}, {"name": "old", "ensure": "Absent"}],
        extensions=[{"name": "pg_trgm"}],
    )
    assert (await world.bring(owner)).is_ready
    assert (await world.bring(database)).is_ready
    return name


async def test_a_server_says_who_it_is_and_that_our_rights_are_enough(world):
    reached = await world.probe.look(
        world.cluster.resources("PostgresConnection")[0], world.cluster
    )

    assert reached.is_ready
    assert [fact.status for fact in reached.facts] == ["True"]
    assert int(reached.observed.server_version.split(".")[0]) >= 14
    assert reached.observed.is_superuser is False
    assert reached.observed.in_recovery is False
    assert "plpgsql" in reached.observed.extensions_available


async def test_what_our_role_lacks_is_said_with_the_statement_that_grants_it(
    world, admin, free_name, ask
):
    ask(f"ALTER ROLE {admin} NOCREATEDB")
    ask(f"CREATE ROLE {free_name}_old; CREATE ROLE {free_name}_boss")
    world.put("PostgresRole", "old", externalName=f"{free_name}_old")
    world.put("PostgresDatabase", "ledger", owner=f"{free_name}_boss")

    reached = await world.probe.look(
        world.cluster.resources("PostgresConnection")[0], world.cluster
    )
    missing = reached.observed.missing_privileges
    for statement in missing:
        ask(statement)
    again = await world.probe.look(world.cluster.resources("PostgresConnection")[0], world.cluster)

    assert (reached.is_ready, reached.reason) == (False, "PrivilegesMissing")
    assert len(missing) == 3
    assert again.is_ready
    assert again.observed.missing_privileges is None


async def test_a_wrong_password_of_ours_is_told_from_a_server_that_is_away(world):
    connection = world.cluster.resources("PostgresConnection")[0]
    key = (NAMESPACE, "admin")
    right = world.cluster.secrets[key]
    world.cluster.secrets[key] = Secret({**right.data, "password": b"wrong-secret"})
    with pytest.raises(Forbidden) as refused:
        await world.probe.look(connection, world.cluster)
    world.cluster.secrets[key] = right
    world.put(
        "PostgresConnection", "main", host="127.0.0.1", port=1, adminSecretRef={"name": "admin"}
    )

    connection = world.cluster.resources("PostgresConnection")[0]
    with pytest.raises(Unavailable):
        await world.probe.look(connection, world.cluster)
    assert "wrong-secret" not in str(refused.value)


async def test_host_and_port_may_stand_in_the_secret_under_any_keys(world, admin):
    connection = world.cluster.resources("PostgresConnection")[0]
    spec = connection.spec
    layout = {"user": admin, "pass": ADMIN_PASSWORD, "host": spec.host, "p": str(spec.port)}
    world.cluster.secrets[NAMESPACE, "other"] = Secret(
        {key: value.encode() for key, value in layout.items()}
    )
    mapping = {"username": "user", "password": "pass", "host": "host", "port": "p"}
    world.put(
        "PostgresConnection",
        "main",
        adminSecretRef={"name": "other", "keyMapping": mapping},
        sslMode="disable",
    )

    connection = world.cluster.resources("PostgresConnection")[0]
    assert (await world.probe.look(connection, world.cluster)).is_ready


async def test_a_missing_key_is_named(world):
    world.cluster.secrets[NAMESPACE, "admin"] = Secret({})

    with pytest.raises(DependencyMissing, match="no key 'username'"):
        await world.probe.look(world.cluster.resources("PostgresConnection")[0], world.cluster)


async def test_a_database_says_what_became_of_each_part(world, ledger, ask):
    key = next(key for key in world.cluster.kept if key.name == ledger)

    observed = world.observed(key)

    [(oid,)] = ask("SELECT oid::bigint FROM pg_database WHERE datname = %s", ledger)
    assert observed["oid"] == oid
    assert observed["sizeBytes"] > 0
    assert [(each["name"], each["applied"]) for each in observed["objects"]] == [
        ("audit", True),
        ("old", True),
        ("pg_trgm", True),
    ]
    assert world.condition(key, "SchemasReady") == ("True", "AsWritten")
    assert world.condition(key, "ExtensionsReady") == ("True", "AsWritten")


async def test_a_part_that_cannot_be_is_told_by_name(world, ledger, ask):
    key = next(key for key in world.cluster.kept if key.name == ledger)
    ask("CREATE SCHEMA old; CREATE TABLE old.letters ()", database=ledger)

    outcome = await world.bring(key)

    assert (outcome.is_ready, outcome.reason) == (False, "NotEmpty")
    assert world.condition(key, "SchemasReady") == ("False", "NotAsWritten")
    assert world.condition(key, "ExtensionsReady") == ("True", "AsWritten")


async def test_a_size_alone_is_no_news(world, ledger, ask):
    key = next(key for key in world.cluster.kept if key.name == ledger)
    before = world.cluster.kept[key].status
    ask("CREATE TABLE big AS SELECT generate_series(1, 50000)", database=ledger)

    await world.bring(key)

    assert world.cluster.kept[key].status == before


async def test_a_generated_password_lets_its_reader_in(world, ledger, free_name):
    key = world.put(
        "PostgresRole",
        f"{free_name}-app",
        databaseRef={"name": ledger},
        **GENERATED,
        **secret(ledger),
    )

    outcome = await world.bring(key)

    assert outcome.is_ready
    assert world.condition(key, "CredentialsReady") == ("True", "InEffect")
    assert world.condition(key, "GrantsMatch") == ("True", "AsWritten")
    assert world.observed(key)["role"] == f"{free_name}-app"
    with psycopg.connect(world.secret()["uri"]) as session:
        assert session.execute("SELECT current_user").fetchone() == (f"{free_name}-app",)


async def test_a_pass_over_what_is_as_it_is_wanted_changes_nothing(world, ledger, free_name):
    key = world.put("PostgresRole", f"{free_name}-app", **GENERATED, **secret(ledger))
    await world.bring(key)
    status, told = world.cluster.kept[key].status, world.secret()

    outcome = await world.bring(key)
    world.start()
    restarted = await world.bring(key)

    assert not outcome.has_applied
    assert not restarted.has_applied
    assert world.cluster.kept[key].status == status
    assert world.secret() == told


async def test_a_role_waits_for_its_database(world, free_name):
    key = world.put("PostgresRole", f"{free_name}-app", databaseRef={"name": "none"})

    outcome = await world.bring(key)

    assert (outcome.is_ready, outcome.reason) == (False, "DependencyMissing")


def with_replica(world):
    """Let the connection know a replica with an address of IPv6."""
    connection = world.cluster.resources("PostgresConnection")[0].spec
    world.put(
        "PostgresConnection",
        "main",
        host=connection.host,
        port=connection.port,
        adminSecretRef={"name": "admin"},
        sslMode="disable",
        replica={"host": "fd00::1", "port": 5433},
    )


async def test_the_secret_says_it_in_the_words_that_are_asked_for(world, ledger, free_name):
    with_replica(world)
    key = world.put(
        "PostgresRole",
        f"{free_name}-app",
        password={"secretRef": {"name": "given"}},
        **secret(
            ledger,
            keys={"DSN": "{uri}?sslmode=require", "literal": "{other}"},
            variants=["Primary", "Replica"],
        ),
    )
    world.cluster.secrets[NAMESPACE, "given"] = Secret({"password": "p@ss/w:ör d%".encode()})

    assert (await world.bring(key)).is_ready

    told = world.secret()
    encoded = "p%40ss%2Fw%3A%C3%B6r%20d%25"
    assert told["literal"] == "{other}"
    assert told["replica-DSN"] == (
        f"postgresql://{free_name}-app:{encoded}@[fd00::1]:5433/{ledger}?sslmode=require"
    )
    with psycopg.connect(told["DSN"].replace("require", "disable")):
        pass


async def test_a_way_that_the_connection_does_not_know_is_said(world, ledger, free_name):
    key = world.put(
        "PostgresRole", f"{free_name}-app", **GENERATED, **secret(ledger, variants=["Pooler"])
    )

    outcome = await world.bring(key)

    assert (outcome.is_stalled, outcome.reason) == (True, "Rejected")
    assert "Pooler" in outcome.message


async def test_a_given_password_is_followed_within_a_pass(world, free_name, postgres):
    world.cluster.secrets[NAMESPACE, "given"] = Secret({"password": b"first-secret"})
    key = world.put("PostgresRole", f"{free_name}-app", password={"secretRef": {"name": "given"}})
    await world.bring(key)
    hashed = world.observed(key)["passwordSecretHash"]
    world.cluster.secrets[NAMESPACE, "given"] = Secret({"password": b"second-secret"})

    outcome = await world.bring(key)
    quiet = await world.bring(key)

    assert outcome.has_applied
    assert not quiet.has_applied
    assert world.observed(key)["passwordSecretHash"] != hashed
    address = make_conninfo(
        postgres.dsn("postgres"), user=f"{free_name}-app", password="second-secret"
    )
    with psycopg.connect(address):
        pass


async def test_a_secret_of_somebody_else_is_never_written_to(world, ledger, free_name, ask):
    theirs = Secret({"password": b"theirs"}, owner_uid="another")
    world.cluster.secrets[NAMESPACE, "app-db"] = theirs
    key = world.put("PostgresRole", f"{free_name}-app", **GENERATED, **secret(ledger))

    outcome = await world.bring(key)

    assert (outcome.is_stalled, outcome.reason) == (True, "Rejected")
    assert world.cluster.secrets[NAMESPACE, "app-db"] is theirs
    assert ask("SELECT 1 FROM pg_roles WHERE rolname = %s", f"{free_name}-app") == []


async def test_a_secret_that_was_changed_by_hand_is_brought_back(world, ledger, free_name):
    key = world.put("PostgresRole", f"{free_name}-app", **GENERATED, **secret(ledger))
    await world.bring(key)
    kept = world.cluster.secrets[NAMESPACE, "app-db"]
    world.cluster.secrets[NAMESPACE, "app-db"] = Secret(
        {**kept.data, "password": b"wrong"}, owner_uid=kept.owner_uid
    )

    await world.bring(key)

    with world.sign_in(ledger):
        pass
