"""Integrations of Novu, as the engine needs them."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any, Final

from gopherpay_operator import novu_wishes
from gopherpay_operator.backends.novu_integrations import IntegrationCalls
from gopherpay_operator.backends.ports import DependencyMissing
from gopherpay_operator.engine.ports import Fact, Key
from gopherpay_operator.engine.things import Description, Finish
from gopherpay_operator.plans.novu import Credentials
from gopherpay_operator.plans.novu_actions import SendCredentials
from gopherpay_operator.reconcilers import novu_access
from gopherpay_operator.resources.novu import IntegrationObserved, NovuIntegrationSpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gopherpay_operator.engine.ports import Cluster, Resource
    from gopherpay_operator.engine.things import Access
    from gopherpay_operator.plans.actions import Plan
    from gopherpay_operator.plans.novu import NovuIntegration, NovuState
    from gopherpay_operator.plans.observed import Found
    from gopherpay_operator.reconcilers.novu_access import NovuAccess
    from gopherpay_operator.resources.novu import ProviderCredentials

HMAC: Final = "hmac"


class NovuIntegrations:
    """`engine.things.Thing` for `NovuIntegration`."""

    kind = "NovuIntegration"
    connection_kind = novu_access.KIND

    def __init__(self, access: NovuAccess) -> None:
        """Take what all kinds of Novu share."""
        self._access = access

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return the Secret of its credentials, if it names one."""
        named = _spec(resource).credentials_secret_ref
        if named is None:
            return frozenset()
        return frozenset({Key("Secret", resource.key.namespace, named.name)})

    def external_name(self, resource: Resource) -> str:
        """Return the identifier of the integration."""
        return novu_access.external_name(resource)

    async def access(self, connection: Resource, cluster: Cluster) -> Access:
        """Return how the environment is reached."""
        return await self._access.access(connection, cluster, IntegrationCalls)

    async def wish(
        self, resource: Resource, connection: Resource, cluster: Cluster
    ) -> NovuIntegration:
        """Return the integration that is wanted, with its credentials.

        Raises:
            DependencyMissing: Also while it is not known which environment the connection is of:
                Novu lists the integrations of all of them.
        """
        around = self._access.surroundings(resource, connection, cluster)
        if around.environment_id is None:
            raise DependencyMissing(f"{connection.key} has not said yet which environment it is.")
        spec = _spec(resource)
        observed = resource.status.get("observed") or {}
        wants_hmac = novu_access.spec_of(connection).enforce_inbox_hmac
        credentials = None
        if not resource.is_deleting:
            credentials = await self._credentials(
                resource, connection, cluster, wants_hmac=wants_hmac
            )
        return novu_wishes.integration(
            resource.key.name,
            spec,
            around,
            credentials=credentials,
            believed=observed.get("credentialsHash"),
            wants_hmac=wants_hmac,
        )

    def inputs(self, wish: NovuIntegration) -> str:
        """Return the fingerprint of the credentials."""
        return wish.credentials.fingerprint if wish.credentials else ""

    def describe(
        self, resource: Resource, wish: NovuIntegration, found: Found[NovuState], plan: Plan
    ) -> Description:
        """Return what the status says of the integration."""
        del resource
        state = found.state
        if state is None:
            return Description()
        return Description(
            observed=IntegrationObserved(
                primary=state.is_primary,
                active=bool(state.document["active"]),
                credentials_hash=state.sent,
            ),
            external_id=state.id,
            facts=(_applied(wish, plan),),
        )

    async def finish(
        self,
        resource: Resource,
        wish: NovuIntegration,
        found: Found[NovuState],
        cluster: Cluster,
        now: datetime,
    ) -> Finish:
        """See to nothing: what is in Novu is all."""
        del resource, wish, found, cluster, now
        return Finish()

    async def _credentials(
        self, resource: Resource, connection: Resource, cluster: Cluster, *, wants_hmac: bool
    ) -> Credentials | None:
        spec, clear = _spec(resource), {}
        if spec.credentials_secret_ref is not None:
            clear = await _secret(spec.credentials_secret_ref, resource.key.namespace, cluster)
        if wants_hmac and spec.channel == novu_wishes.INBOX:
            clear = {**clear, HMAC: True}
        if not clear:
            return None
        address = await self._access.address(connection, cluster)
        return Credentials(clear, _fingerprint(address.key, clear))


async def _secret(named: ProviderCredentials, namespace: str, cluster: Cluster) -> dict[str, Any]:
    """Return the credentials of a Secret in Novu's words."""
    secret = await cluster.secret(namespace, named.name)
    if secret is None:
        raise DependencyMissing(f"Secret '{named.name}' is not there.")
    mapping = named.mapping or {key: key for key in secret.data}
    missing = sorted(set(mapping.values()) - set(secret.data))
    if missing:
        raise DependencyMissing(
            f"Secret '{named.name}' has no key {', '.join(map(repr, missing))}."
        )
    return {name: secret.data[key].decode(errors="replace") for name, key in mapping.items()}


def _fingerprint(key: str, clear: Mapping[str, Any]) -> str:
    """Return what says whether credentials are others, and only to who knows the API key."""
    text = json.dumps(clear, sort_keys=True).encode()
    return f"hmac-sha256:{hmac.new(key.encode(), text, hashlib.sha256).hexdigest()}"


def _applied(wish: NovuIntegration, plan: Plan) -> Fact:
    if wish.credentials is None:
        return Fact("CredentialsApplied", "Unknown", "LeftAsTheyAre", "No Secret is named.")
    if any(isinstance(each, SendCredentials) for each in plan.actions):
        return Fact("CredentialsApplied", "False", "NotSent")
    return Fact("CredentialsApplied", "True", "Sent")


def _spec(resource: Resource) -> NovuIntegrationSpec:
    assert isinstance(resource.spec, NovuIntegrationSpec)  # noqa: S101 - the engine's promise
    return resource.spec
