"""Backends on the real thing, and the one way in which every contract drives them."""

import itertools
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from gopherpay_operator.backends.kafka import KafkaTopics
from gopherpay_operator.backends.kafka_claims import KafkaClaims
from gopherpay_operator.backends.postgres import PostgresServer
from gopherpay_operator.plans.planning import plan
from gopherpay_operator.plans.policy import Deletion, Policy
from serve_app.embedded.kafka_properties import Secured
from tests.fixtures.certificates import make_certificates
from tests.fixtures.kafka import Broker

OURS, THEIRS = "one/pay/it", "two/pay/it"
KAFKA_USERS = ("root", "operator", "reader", "other", "nobody")
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Operator:
    """What the engine will do, without the engine: observe, plan, apply."""

    backend: object
    claim: str = OURS

    def look(self, desired, **policy):
        """Return the plan for what is there now."""
        is_leaving = policy.get("is_deleting", False)
        found = self.backend.observe([desired], is_leaving=is_leaving)[desired.name]
        return plan(desired, found, Policy(self.claim, **policy))

    def reconcile(self, desired, **policy):
        """Carry out the plan and return it."""
        made = self.look(desired, **policy)
        self.backend.apply(made.to_do)
        return made

    def delete(self, desired, **policy):
        """Carry out the plan of a resource that goes away with its thing, and return it."""
        leaving = {"is_deleting": True, "deletion": Deletion.DELETE, "allow_destroy": desired.name}
        return self.reconcile(desired, **{**leaving, **policy})

    def state(self, desired):
        """Return what is there."""
        return self.backend.observe([desired])[desired.name].state


@pytest.fixture
def topics(kafka, topic_prefix):
    """Return a factory of operators of topics, whose claims no other test sees."""
    configuration = {"bootstrap.servers": kafka.bootstrap_servers}

    def make(claim=OURS):
        claims = KafkaClaims(configuration, topic=f"{topic_prefix}-ownership")
        return Operator(KafkaTopics(configuration, claims), claim)

    return make


@pytest.fixture(scope="session")
def secured_kafka():
    """Yield the settings of each user of a broker with TLS, passwords and an authorizer.

    All but ``root`` may do nothing unless a test lets them.
    """
    folder = Path(tempfile.mkdtemp(prefix="gopherpay-test-"))
    certificates = make_certificates(folder / "certificates")
    passwords = {name: f"of-{name}" for name in KAFKA_USERS}
    secured = Secured(certificates.server_file, certificates.ca_file, passwords)
    broker = Broker(folder, secured=secured)
    broker.start()
    yield {
        name: {
            "bootstrap.servers": broker.bootstrap_servers,
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": name,
            "sasl.password": password,
            "ssl.ca.pem": certificates.ca_file.read_text(),
        }
        for name, password in passwords.items()
    }
    broker.stop()
    shutil.rmtree(folder)


@pytest.fixture
def free_name():
    """Return a name on the server that no other test has; what bears it is removed by `server`."""
    return f"gp_{os.getpid()}_{next(_numbers)}"


@pytest.fixture
def server(postgres, free_name):
    """Yield the server for its superuser; whatever begins with the free name goes afterwards."""
    yield PostgresServer(postgres.dsn("postgres"))
    with psycopg.connect(postgres.dsn("postgres"), autocommit=True) as owner:
        pattern = (free_name.replace("_", r"\_") + "%",)
        databases = owner.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s", pattern
        ).fetchall()
        for (name,) in databases:
            owner.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        roles = owner.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", pattern)
        for (name,) in roles.fetchall():
            owner.execute(sql.SQL("DROP OWNED BY {}").format(sql.Identifier(name)))
            owner.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


@pytest.fixture
def ask(postgres):
    """Return a question to a database of the server, by its superuser."""

    def ask(text, *values, database="postgres"):
        with psycopg.connect(postgres.dsn(database), autocommit=True) as owner:
            cursor = owner.execute(text, values)
            return cursor.fetchall() if cursor.description else None

    return ask


@pytest.fixture
def administrator(server, free_name, ask):
    """Return the name of an administrator as managed servers have it: no superuser."""
    del server
    name = f"{free_name}_admin"
    ask(f"CREATE ROLE {name} LOGIN CREATEDB CREATEROLE PASSWORD 'admin-secret'")
    return name
