"""A connection that trusts one authority: the server of the wheel speaks no TLS itself."""

import pytest

from gopherpay_operator.backends.ports import DependencyMissing, Forbidden
from gopherpay_operator.engine.ports import Secret
from gopherpay_operator.reconcilers.postgres_access import PostgresAccess
from tests.contracts.operator.postgres_world import ADMIN_PASSWORD, NAMESPACE, World


@pytest.fixture
def world(administrator, postgres):
    return World(postgres.dsn("postgres"), user=administrator, password=ADMIN_PASSWORD)


def trusting(world, **reference):
    spec = world.cluster.resources("PostgresConnection")[0].spec
    key = world.put(
        "PostgresConnection",
        "main",
        host=spec.host,
        port=spec.port,
        adminSecretRef={"name": "admin"},
        sslMode="verify-full",
        caRef=reference,
    )
    return world.cluster.kept[key]


async def test_a_server_without_tls_is_refused_where_it_is_demanded(world):
    world.cluster.maps[NAMESPACE, "trust"] = {"bundle": "certificates"}
    connection = trusting(world, kind="ConfigMap", name="trust", key="bundle")

    with pytest.raises(Forbidden, match="does not support SSL"):
        await world.probe.look(connection, world.cluster)


async def test_an_authority_that_is_missing_is_waited_for(world):
    with pytest.raises(DependencyMissing, match="Secret pay/trust is not there"):
        await world.probe.look(trusting(world, name="trust"), world.cluster)


async def test_certificates_lie_in_a_private_file_for_as_long_as_the_client_lives(
    world, tmp_path, monkeypatch
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    world.cluster.secrets[NAMESPACE, "trust"] = Secret({"ca.crt": b"certificates"})
    connection = trusting(world, name="trust")

    server = await PostgresAccess().server(connection, world.cluster)
    [file] = tmp_path.iterdir()
    mode, text = file.stat().st_mode & 0o777, file.read_text()
    server.close()

    assert (mode, text) == (0o600, "certificates")
    assert list(tmp_path.iterdir()) == []
