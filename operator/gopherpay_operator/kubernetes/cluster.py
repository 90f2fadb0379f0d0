"""The cluster as reconcilers see it."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from lightkube.generic_resource import create_namespaced_resource
from lightkube.types import PatchType

from gopherpay_operator.engine.ports import ClusterConflict, ClusterForbidden, JobState
from gopherpay_operator.kubernetes import objects
from gopherpay_operator.kubernetes.api import (
    API_VERSION,
    CONFIG_MAP,
    JOB,
    MANAGED_BY,
    NAMESPACE,
    OPERATOR,
    SECRET,
    NotThere,
    plural,
    speaking_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lightkube import AsyncClient
    from lightkube.generic_resource import GenericNamespacedResource

    from gopherpay_operator.engine.ports import Key, Resource, Secret
    from gopherpay_operator.kubernetes.api import Raw
    from gopherpay_operator.kubernetes.cache import Cache


class KubernetesCluster:
    """Reads of ours come from the cache, everything else is asked of the API server."""

    def __init__(self, client: AsyncClient, cache: Cache) -> None:
        self._client = client
        self._cache = cache

    def resource(self, key: Key) -> Resource | None:
        """Return the resource of ours, ``None`` when it is not there."""
        return self._cache.resource(key)

    def resources(self, kind: str) -> Sequence[Resource]:
        """Return all resources of *kind* that are not malformed, the oldest first."""
        return self._cache.resources(kind)

    def sees(self, namespace: str) -> bool:
        """Tell whether all resources of ours in *namespace* are in the cache."""
        return self._cache.sees(namespace)

    async def secret(self, namespace: str, name: str) -> Secret | None:
        """Return a Secret as it is now, ``None`` when it is not there."""
        found = await self._get(SECRET, namespace, name, is_secret=True)
        return None if found is None else objects.secret(found, _decoded(found))

    async def config_map(self, namespace: str, name: str) -> Mapping[str, str] | None:
        """Return what a ConfigMap holds now, ``None`` when it is not there."""
        found = await self._get(CONFIG_MAP, namespace, name)
        return None if found is None else found.get("data") or {}

    async def namespace_labels(self, namespace: str) -> Mapping[str, str] | None:
        """Return the labels of a namespace; ``None`` when we may not know them."""
        try:
            with speaking_of(f"the namespace '{namespace}'"):
                found = await self._client.get(NAMESPACE, namespace)
        except (ClusterForbidden, NotThere):
            return None
        return found["metadata"].get("labels") or {}

    async def write_secret(
        self, owner: Resource, name: str, data: Mapping[str, str], labels: Mapping[str, str]
    ) -> None:
        """Write a Secret that *owner* owns, whole; the same content writes nothing.

        Raises:
            ClusterConflict: If a Secret of that name is there and is not *owner*'s, or somebody
                wrote it at the same time.
        """
        namespace = owner.key.namespace
        body = {
            "metadata": {
                "name": name,
                "namespace": namespace,
                "labels": {**labels, MANAGED_BY: OPERATOR},
                "ownerReferences": [objects.owner_reference(owner, API_VERSION)],
            },
            "type": "Opaque",
            "data": {key: _encoded(value) for key, value in data.items()},
        }
        found = await self._get(SECRET, namespace, name, is_secret=True)
        if found is None:
            with speaking_of(f"the Secret '{name}'", is_secret=True):
                await self._client.create(SECRET.from_dict(body))
            return
        if objects.owner(found) != (owner.key.kind, owner.key.name, owner.uid):
            raise ClusterConflict(
                f"The Secret '{name}' is there already and belongs to somebody else: delete it, "
                "or choose another name."
            )
        await self._rewrite(found, body)

    async def _rewrite(self, found: Raw, body: Raw) -> None:
        """Make the Secret what *body* says, in one step and only if it is still *found*."""
        metadata, wanted = found["metadata"], body["metadata"]["labels"]
        labels = {**(metadata.get("labels") or {}), **wanted}
        if (found.get("data") or {}) == body["data"] and labels == metadata.get("labels"):
            return
        steps = [
            {
                "op": "test",
                "path": "/metadata/resourceVersion",
                "value": metadata["resourceVersion"],
            },
            {"op": "add", "path": "/metadata/labels", "value": labels},
            {"op": "add", "path": "/data", "value": body["data"]},
        ]
        try:
            with speaking_of(f"the Secret '{metadata['name']}'", is_secret=True):
                await self._client.patch(
                    SECRET,
                    metadata["name"],
                    steps,
                    namespace=metadata["namespace"],
                    patch_type=PatchType.JSON,
                )
        except ClusterForbidden:
            after = await self._get(SECRET, metadata["namespace"], metadata["name"], is_secret=True)
            if after is None or after["metadata"]["resourceVersion"] != metadata["resourceVersion"]:
                raise ClusterConflict(
                    f"The Secret '{metadata['name']}' changed meanwhile."
                ) from None
            raise

    async def job(self, namespace: str, name: str) -> JobState | None:
        """Return how a Job stands, ``None`` when it is not there."""
        found = await self._get(JOB, namespace, name)
        return None if found is None else objects.job_state(found)

    async def make_job(self, owner: Resource, manifest: Mapping[str, Any]) -> None:
        """Make a Job that *owner* owns; nothing happens when it is there already.

        Raises:
            ClusterConflict: If a Job of that name is there and is not *owner*'s.
        """
        metadata = dict(manifest["metadata"])
        name, namespace = metadata["name"], owner.key.namespace
        metadata["namespace"] = namespace
        metadata["labels"] = {**(metadata.get("labels") or {}), MANAGED_BY: OPERATOR}
        metadata["ownerReferences"] = [objects.owner_reference(owner, API_VERSION)]
        try:
            with speaking_of(f"the Job '{name}'"):
                await self._client.create(JOB.from_dict({**manifest, "metadata": metadata}))
        except ClusterConflict:
            found = await self._get(JOB, namespace, name)
            if found is None or (objects.owner(found) or ("", "", ""))[2] != owner.uid:
                raise

    async def foreign(
        self, api_version: str, kind: str, namespace: str, name: str
    ) -> Mapping[str, Any] | None:
        """Return any other object as the server has it, ``None`` when it is not there."""
        group, _, version = api_version.rpartition("/")
        known = create_namespaced_resource(group, version, kind, plural(kind))
        return await self._get(known, namespace, name)

    async def _get(
        self,
        kind: type[GenericNamespacedResource],
        namespace: str,
        name: str,
        *,
        is_secret: bool = False,
    ) -> Raw | None:
        try:
            with speaking_of(f"the {kind.__name__} '{name}'", is_secret=is_secret):
                return dict(await self._client.get(kind, name, namespace=namespace))
        except NotThere:
            return None


def _decoded(secret: Raw) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}


def _encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()
