"""The servers that the operator works on, as somebody else sees them who changes them too."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
from confluent_kafka import TopicCollection
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from confluent_kafka.cimpl import NewTopic
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

SECONDS = 30
DYNAMIC_TOPIC_CONFIG = 1
QUIET = {"log_level": 0}  # a broker that a test stops is no news
ADMIN = "gp_admin"
ADMIN_PASSWORD = "an-administrator-of-the-tests"


@dataclass(frozen=True, slots=True)
class Topics:
    """Topics, by another client than the operator's."""

    bootstrap_servers: str
    _admin: list = field(default_factory=list)

    @property
    def admin(self):
        """Return the client, made at its first use."""
        if not self._admin:
            self._admin.append(AdminClient(QUIET | {"bootstrap.servers": self.bootstrap_servers}))
        return self._admin[0]

    def names(self):
        """Return the names of all topics."""
        return set(self.admin.list_topics(timeout=SECONDS).topics)

    def id(self, name):
        """Return the id that Kafka gave a topic, which another one of its name would not have."""
        asked = self.admin.describe_topics(TopicCollection([name]), request_timeout=SECONDS)
        return str(asked[name].result().topic_id)

    def partitions(self, name):
        """Return how many partitions a topic has."""
        return len(self.admin.list_topics(name, timeout=SECONDS).topics[name].partitions)

    def config(self, name):
        """Return what is configured on a topic itself."""
        resource = ConfigResource(ResourceType.TOPIC, name)
        asked = self.admin.describe_configs([resource], request_timeout=SECONDS)
        return {
            key: entry.value
            for key, entry in asked[resource].result().items()
            if entry.source == DYNAMIC_TOPIC_CONFIG
        }

    def configure(self, name, **config):
        """Set configurations of a topic; ``_`` stands for a dot."""
        entries = [
            ConfigEntry(key.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
            for key, value in config.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
        self.admin.incremental_alter_configs([resource])[resource].result(SECONDS)

    def create(self, name, **config):
        """Make a topic of one partition."""
        wanted = NewTopic(name, 1, 1, config={k.replace("_", "."): v for k, v in config.items()})
        self.admin.create_topics([wanted])[name].result(SECONDS)

    def drop(self, name):
        """Delete a topic."""
        self.admin.delete_topics([name])[name].result(SECONDS)


@dataclass(frozen=True, slots=True)
class Server:
    """A Postgres server, for its superuser."""

    postgres: Any

    @property
    def port(self):
        """Return where it listens."""
        return int(conninfo_to_dict(self.postgres.dsn("postgres"))["port"])

    def ask(self, text, *values, database="postgres"):
        """Return what the superuser is answered."""
        with psycopg.connect(self.postgres.dsn(database), autocommit=True) as session:
            cursor = session.execute(text, values or None)
            return cursor.fetchall() if cursor.description else []

    def do(self, text, database="postgres", **names):
        """Execute *text* with identifiers filled in."""
        composed = sql.SQL(text).format(**{k: sql.Identifier(v) for k, v in names.items()})
        self.ask(composed, database=database)

    def has_role(self, name):
        """Tell whether there is such a role."""
        return bool(self.ask("SELECT 1 FROM pg_roles WHERE rolname = %s", name))

    def oid(self, name):
        """Return the object id of a role."""
        [(oid,)] = self.ask("SELECT oid FROM pg_authid WHERE rolname = %s", name)
        return oid

    @contextmanager
    def roles_held(self):
        """Let everybody wait who would make or change a role; looking at them goes on."""
        with psycopg.connect(self.postgres.dsn("postgres")) as session:
            session.execute("LOCK TABLE pg_authid IN SHARE MODE")
            yield

    def holds_the_operator(self):
        """Tell whether the operator waits for a lock."""
        return bool(
            self.ask(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND application_name = 'gopherpay-operator'"
            )
        )

    def verifier(self, name):
        """Return what the server keeps of a role's password."""
        found = self.ask("SELECT rolpassword FROM pg_authid WHERE rolname = %s", name)
        return found[0][0] if found else None

    def lets_in(self, username, password, database="postgres"):
        """Tell whether one can sign in."""
        address = make_conninfo(
            self.postgres.dsn(database), user=username, password=password, connect_timeout=SECONDS
        )
        try:
            psycopg.connect(address).close()
        except psycopg.OperationalError as error:
            if "authentication failed" in str(error):
                return False
            raise
        return True


def make_admin(server, name=ADMIN, password=ADMIN_PASSWORD):
    """Make a role for operators to sign in by: no superuser, as a hosted server has it."""
    if not server.has_role(name):
        server.do("CREATE ROLE {name} LOGIN CREATEROLE CREATEDB", name=name)
    statement = sql.SQL("ALTER ROLE {} PASSWORD {}")
    server.ask(statement.format(sql.Identifier(name), sql.Literal(password)))


def connect_kafka(team, bootstrap_servers, name="events", **spec):
    """Apply a connection to Kafka."""
    wanted = {"bootstrapServers": [bootstrap_servers], "securityProtocol": "PLAINTEXT"}
    team.apply("KafkaConnection", name, {**wanted, "adminTimeout": "10s", **spec})


def connect_postgres(team, port, name="ledger", admin=ADMIN, **spec):
    """Apply a connection to Postgres, and the Secret that it names."""
    secret = f"{name}-admin"
    team.write_secret(secret, username=admin, password=ADMIN_PASSWORD)
    wanted = {"host": "127.0.0.1", "port": port, "sslMode": "disable"}
    team.apply("PostgresConnection", name, {**wanted, "adminSecretRef": {"name": secret}, **spec})


def connect_novu(team, double, name="development", **spec):
    """Apply a connection to Novu, and the Secret that it names."""
    team.write_secret(f"{name}-novu", apiKey=double.world.secret_key)
    wanted = {"apiUrl": double.url, "environment": "Development"}
    key = {"name": f"{name}-novu", "key": "apiKey"}
    team.apply("NovuConnection", name, {**wanted, "apiKeySecretRef": key, **spec})
