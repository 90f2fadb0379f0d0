"""What is written on resources of ours: status, finalizer, Events; nothing else ever is."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import structlog
from lightkube.types import PatchType

from gopherpay_operator.engine.ports import ClusterConflict, ClusterFailure, ClusterForbidden
from gopherpay_operator.kubernetes.access import FIELD_MANAGER
from gopherpay_operator.kubernetes.api import API_VERSION, EVENT, OPERATOR, OURS, speaking_of
from gopherpay_operator.resources.policies import FINALIZER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lightkube import AsyncClient

    from gopherpay_operator.engine.ports import Happening, Resource
    from gopherpay_operator.kubernetes.api import Raw
    from gopherpay_operator.kubernetes.cache import Cache

log: Final = structlog.get_logger()

NOTE_LENGTH_MAX: Final = 1024  # of an Event's message (events.k8s.io/v1)
ATTEMPTS_MAX: Final = 3


class KubernetesStatusWriter:
    """Writes by server-side apply and by patches that fail when somebody else was quicker.

    Args:
        client: Of the API server.
        cache: Sees at once what was written.
        identity: Of this process, for Events.
    """

    def __init__(self, client: AsyncClient, cache: Cache, identity: str) -> None:
        self._client = client
        self._cache = cache
        self._identity = identity

    async def write_status(self, resource: Resource, status: Mapping[str, Any]) -> None:
        """Replace the status that is ours, by server-side apply.

        Raises:
            ClusterConflict: If the resource is another one by now, or not there.
        """
        kind, namespace, name = resource.key
        known = self._cache.resource(resource.key)
        if known is None or known.uid != resource.uid:
            # The server does not compare a uid when a status is applied.
            raise ClusterConflict(f"{resource.key} is another one by now.")
        body = {
            "apiVersion": API_VERSION,
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace},
            "status": dict(status),
        }
        with speaking_of(f"the status of {resource.key}"):
            written = await self._client.patch(
                OURS[kind].Status,
                name,
                body,
                namespace=namespace,
                patch_type=PatchType.APPLY,
                field_manager=FIELD_MANAGER,
                force=True,
            )
        self._cache.see(kind, dict(written))

    async def set_finalizer(self, resource: Resource, *, is_held: bool) -> None:
        """Add or take away our finalizer; nothing happens when it is so already.

        Raises:
            ClusterConflict: If the resource is another one by now.
        """
        for attempt in range(ATTEMPTS_MAX):
            found = await self._current(resource)
            finalizers = found["metadata"].get("finalizers") or []
            if (FINALIZER in finalizers) == is_held:
                return
            try:
                await self._set_finalizers(resource, found, _with(finalizers, is_held=is_held))
            except ClusterForbidden:
                # A test that failed and a forbidden patch look the same: only looking again tells.
                if attempt + 1 == ATTEMPTS_MAX:
                    raise
            else:
                return

    async def _current(self, resource: Resource) -> Raw:
        kind, namespace, name = resource.key
        with speaking_of(str(resource.key)):
            found = await self._client.get(OURS[kind], name, namespace=namespace)
        if found["metadata"]["uid"] != resource.uid:
            raise ClusterConflict(f"{resource.key} is another one by now.")
        return dict(found)

    async def _set_finalizers(self, resource: Resource, found: Raw, wanted: list[str]) -> None:
        kind, namespace, name = resource.key
        version = found["metadata"]["resourceVersion"]
        steps = [
            {"op": "test", "path": "/metadata/uid", "value": resource.uid},
            {"op": "test", "path": "/metadata/resourceVersion", "value": version},
            {"op": "add", "path": "/metadata/finalizers", "value": wanted},
        ]
        with speaking_of(f"the finalizer of {resource.key}"):
            written = await self._client.patch(
                OURS[kind], name, steps, namespace=namespace, patch_type=PatchType.JSON
            )
        if not wanted and "deletionTimestamp" in found["metadata"]:
            self._cache.lose(resource.uid, resource.key)
        else:
            self._cache.see(kind, dict(written))

    async def post_event(self, resource: Resource, happening: Happening) -> None:
        """Post an Event on the resource; what fails is logged, for Events are a courtesy.

        Its name comes from what it says and from the version of the resource: a process that was
        killed before it wrote the status says the same again under the same name, which the
        server refuses.
        """
        event = _event(resource, happening, self._identity, datetime.now(UTC))
        try:
            with speaking_of(f"an Event on {resource.key}"):
                await self._client.create(EVENT.from_dict(event))
        except ClusterConflict:
            return
        except ClusterFailure as failure:
            log.warning("event.was_lost", resource=str(resource.key), why=str(failure))


def _with(finalizers: list[str], *, is_held: bool) -> list[str]:
    others = [each for each in finalizers if each != FINALIZER]
    return [*others, FINALIZER] if is_held else others


def _event(resource: Resource, happening: Happening, identity: str, now: datetime) -> Raw:
    kind, namespace, name = resource.key
    said = f"{resource.uid}/{resource.version}/{happening.reason}/{happening.message}"
    digest = hashlib.sha256(said.encode()).hexdigest()[:16]
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "metadata": {"name": f"{name[:230]}.{digest}", "namespace": namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": kind,
            "namespace": namespace,
            "name": name,
            "uid": resource.uid,
            "resourceVersion": resource.version,
        },
        "type": "Warning" if happening.is_warning else "Normal",
        "reason": happening.reason,
        "message": happening.message[:NOTE_LENGTH_MAX],
        "source": {"component": OPERATOR},
        "reportingComponent": OPERATOR,
        "reportingInstance": identity,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
