"""A cluster in memory that holds resources of Novu, for reconcilers that meet the double."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gopherpay_operator.engine.connecting import Connecting
from gopherpay_operator.engine.managed import Managed
from gopherpay_operator.engine.ports import Key, Resource, Secret
from gopherpay_operator.engine.servers import Servers
from gopherpay_operator.engine.statuses import by_type, status_of
from gopherpay_operator.reconcilers.novu_access import NovuAccess
from gopherpay_operator.reconcilers.novu_connections import NovuConnections
from gopherpay_operator.reconcilers.novu_integrations import NovuIntegrations
from gopherpay_operator.reconcilers.novu_layouts import NovuLayouts
from gopherpay_operator.reconcilers.novu_promotions import NovuPromotions
from gopherpay_operator.reconcilers.novu_topics import NovuTopics
from gopherpay_operator.reconcilers.novu_workflows import NovuWorkflows
from gopherpay_operator.resources.catalogue import KINDS

NAMESPACE = "pay"
CLUSTER = "one"
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
THINGS = (NovuTopics, NovuLayouts, NovuWorkflows, NovuIntegrations)
CONNECTION_REF = {"connectionRef": {"name": "dev"}}


class NoMeter:
    """Counts nothing."""

    def reconciled(self, kind, result, reason, seconds):
        """Count nothing."""

    def called(self, backend, operation, seconds, *, has_failed):
        """Count nothing."""

    def drifted(self, kind):
        """Count nothing."""


class NovuCluster:
    """Resources, Secrets and ConfigMaps, and passes over the resources."""

    def __init__(self, double):
        self.double = double
        self.secrets = {}
        self.config_maps = {}
        self.outcomes = []
        self._resources = {}
        self._passes = 0
        self.servers = Servers(NoMeter())
        self.restart()

    def restart(self):
        """Forget everything that is not in the cluster."""
        self.servers.close()
        self.servers = Servers(NoMeter())
        access = NovuAccess(CLUSTER)
        self._reconcilers = {
            "NovuConnection": Connecting(NovuConnections(access)),
            "NovuPromotion": NovuPromotions(access),
            **{
                each.kind: Managed(each(access), self.servers, CLUSTER, NoMeter())
                for each in THINGS
            },
        }

    def close(self):
        """Close every connection."""
        self.servers.close()

    def connect(self, name="dev", environment="Development", key=None, **spec):
        """Apply a connection, with its Secret."""
        self.secrets[f"{name}-key"] = {"key": (key or self.double.world.secret_key).encode()}
        spec = {
            "apiUrl": self.double.url,
            "apiKeySecretRef": {"name": f"{name}-key", "key": "key"},
            "environment": environment,
            "rateLimit": {"requestsPerSecond": 1000, "burst": 1000},
            **spec,
        }
        return self.apply("NovuConnection", name, spec)

    def apply(self, kind, name, spec):
        """Apply a resource; of one that is there the spec becomes another one."""
        key = Key(kind, NAMESPACE, name)
        before = self._resources.get(key) or Resource(
            key=key, uid=f"uid-{len(self._resources)}", generation=0, spec=None
        )
        parsed = KINDS[kind].spec.model_validate(spec)
        self._resources[key] = replace(before, spec=parsed, generation=before.generation + 1)
        return key

    def end(self, key):
        """Delete a resource, as its finalizer sees it."""
        self._resources[key] = replace(self._resources[key], is_deleting=True)

    def forget(self, key):
        """Let a resource be gone."""
        del self._resources[key]

    async def reconcile(self, key):
        """Make a pass and return the status after it."""
        resource, now = self._resources[key], BEGIN + timedelta(minutes=self._passes)
        self._passes += 1
        outcome = await self._reconcilers[key.kind].reconcile(resource, self, now)
        self.outcomes.append(outcome)
        status = status_of(outcome, resource, now)
        KINDS[key.kind].status.model_validate(status)
        self._resources[key] = replace(resource, status=status)
        return status

    async def condition(self, key, type_="Ready"):
        """Make a pass, and return status and reason of a condition."""
        found = by_type(await self.reconcile(key))[type_]
        return found["status"], found["reason"]

    def needs(self, key):
        """Return what a resource refers to."""
        return self._reconcilers[key.kind].needs(self._resources[key])

    def sees(self, _namespace):
        """Tell that every namespace is watched."""
        return True

    def resource(self, key):
        """Return a resource."""
        return self._resources.get(key)

    def resources(self, kind):
        """Return all of a kind."""
        return [each for each in self._resources.values() if each.key.kind == kind]

    async def secret(self, namespace, name):
        """Return a Secret."""
        data = self.secrets.get(name) if namespace == NAMESPACE else None
        return None if data is None else Secret(data)

    async def config_map(self, namespace, name):
        """Return a ConfigMap."""
        return self.config_maps.get(name) if namespace == NAMESPACE else None
