"""The Postgres kinds on a real server, with a cluster in memory around them."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from gopherpay_operator.engine.managed import Managed
from gopherpay_operator.engine.ports import ClusterConflict, Key, Resource, Secret
from gopherpay_operator.engine.servers import Servers
from gopherpay_operator.engine.statuses import by_type, status_of
from gopherpay_operator.reconcilers.postgres_access import PostgresAccess
from gopherpay_operator.reconcilers.postgres_connections import PostgresConnections
from gopherpay_operator.reconcilers.postgres_databases import PostgresDatabases
from gopherpay_operator.reconcilers.postgres_roles import PostgresRoles
from gopherpay_operator.resources.catalogue import KINDS

NAMESPACE = "pay"
ADMIN_PASSWORD = "admin-secret"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECONDS_MAX = 60


class Cut(Exception):
    """The process ends here."""


@dataclass
class Scissors:
    """Ends the process at a step, counted from where `after` was called."""

    left: int | None = None
    steps: int = 0

    def after(self, steps):
        self.left, self.steps = steps, 0

    def step(self):
        self.steps += 1
        if self.left is not None and self.steps > self.left:
            raise Cut


class Silent:
    """A meter that nobody reads."""

    def reconciled(self, *_, **__):
        pass

    called = drifted = reconciled


@dataclass
class Memory:
    """A cluster in memory: `engine.ports.Cluster`, as far as these kinds ask."""

    scissors: Scissors
    kept: dict = field(default_factory=dict)
    secrets: dict = field(default_factory=dict)
    maps: dict = field(default_factory=dict)

    def resource(self, key):
        return self.kept.get(key)

    def resources(self, kind):
        return [each for key, each in self.kept.items() if key.kind == kind]

    def sees(self, _):
        return True

    def may_exist(self, key):
        return key in self.kept

    async def secret(self, namespace, name):
        return self.secrets.get((namespace, name))

    async def config_map(self, namespace, name):
        return self.maps.get((namespace, name))

    async def write_secret(self, owner, name, data, labels):
        del labels
        where = (owner.key.namespace, name)
        before = self.secrets.get(where)
        if before is not None and before.owner_uid != owner.uid:
            raise ClusterConflict("It is not ours.")
        self.scissors.step()
        self.secrets[where] = Secret(
            {key: value.encode() for key, value in data.items()}, owner_uid=owner.uid
        )
        self.scissors.step()


@dataclass
class CutBackend:
    """A backend whose process may end before and after each of its steps."""

    inner: object
    scissors: Scissors

    def observe(self, wishes, *, is_leaving=False):
        return self.inner.observe(wishes, is_leaving=is_leaving)

    def apply(self, actions):
        for action in actions:
            self.scissors.step()
            self.inner.apply([action])
            self.scissors.step()

    def close(self):
        self.inner.close()


class World:
    """A cluster, a server, and an operator that can be ended and started again."""

    def __init__(self, dsn, *, user, password):
        self.dsn = dsn
        self.now = NOON
        self.scissors = Scissors()
        self.cluster = Memory(self.scissors)
        self.said = []
        self.cluster.secrets[NAMESPACE, "admin"] = Secret(
            {"username": user.encode(), "password": password.encode()}
        )
        place = conninfo_to_dict(dsn)
        self.put(
            "PostgresConnection",
            "main",
            host=str(place["host"]),
            port=int(place["port"]),
            adminSecretRef={"name": "admin"},
            sslMode="disable",
        )
        self.start()

    def start(self):
        """Start the operator, which remembers nothing."""
        access = PostgresAccess()
        servers = Servers(Silent())
        things = [PostgresDatabases(access), PostgresRoles(access, clock=lambda: self.now)]
        for thing in things:
            thing.access = self._cut(thing.access)
        self.probe = PostgresConnections(access)
        self.managed = {each.kind: Managed(each, servers, "one", Silent()) for each in things}

    def _cut(self, access):
        async def cut(connection, cluster):
            made = await access(connection, cluster)
            return replace(made, make=lambda: CutBackend(made.make(), self.scissors))

        return cut

    def put(self, kind, name, *, annotations=None, is_deleting=False, **spec):
        """Apply a resource."""
        key = Key(kind, NAMESPACE, name)
        if kind != "PostgresConnection":
            spec = {"connectionRef": {"name": "main"}, **spec}
        before = self.cluster.kept.get(key)
        self.cluster.kept[key] = Resource(
            key=key,
            uid=before.uid if before else f"uid-{name}",
            generation=before.generation + 1 if before else 1,
            spec=KINDS[kind].spec.model_validate(spec),
            status=before.status if before else {},
            annotations=annotations or {},
            is_deleting=is_deleting,
        )
        return key

    def note(self, key, **annotations):
        """Annotate a resource."""
        noted = {
            f"gopherpay.dev/{name.replace('_', '-')}": each for name, each in annotations.items()
        }
        self.cluster.kept[key] = replace(self.cluster.kept[key], annotations=noted)

    async def bring(self, key):
        """Go over a resource once, and write what came of it."""
        resource = self.cluster.kept[key]
        outcome = await self.managed[key.kind].reconcile(resource, self.cluster, self.now)
        status = status_of(outcome, resource, self.now)
        self.cluster.kept[key] = replace(self.cluster.kept[key], status=status)
        self.said.append((outcome, status))
        return outcome

    async def leave(self, key, **policy):
        """Delete a resource."""
        spec = self.cluster.kept[key].spec
        changed = spec.model_copy(update=policy)
        self.cluster.kept[key] = replace(
            self.cluster.kept[key],
            spec=changed,
            is_deleting=True,
            annotations={"gopherpay.dev/allow-destroy": spec.external_name or key.name},
        )
        return await self.bring(key)

    def pass_time(self, **some):
        self.now += timedelta(**some)

    def condition(self, key, type_):
        found = by_type(self.cluster.kept[key].status).get(type_)
        return (found["status"], found["reason"]) if found else None

    def observed(self, key):
        return self.cluster.kept[key].status.get("observed") or {}

    def secret(self, name="app-db"):
        data = self.cluster.secrets[NAMESPACE, name].data
        return {key: value.decode() for key, value in data.items()}

    def sign_in(self, database, name="app-db"):
        """Sign in as programs do."""
        told = self.secret(name)
        return psycopg.connect(
            make_conninfo(
                self.dsn, dbname=database, user=told["username"], password=told["password"]
            ),
            autocommit=True,
        )
