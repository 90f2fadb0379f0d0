"""The environments of an organisation: which one a key is of, and what comes from one to another.

``novu-py`` cannot be used for the comparison and the publishing: its list of kinds of resources is
that of another call, so that it refuses to send ``workflow``, and refuses to read the answer of a
publishing that has happened.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gopherpay_operator.backends.ports import Rejected, Unavailable
from gopherpay_operator.plans.novu_promotions import Blocking, Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gopherpay_operator.backends.novu import Raw
    from gopherpay_operator.backends.novu_client import NovuAddress, NovuClient

_KINDS: Final = {"workflow": "Workflow", "layout": "Layout"}
_ROLES: Final = {"dev": "Development", "prod": "Production"}
_UNCHANGED: Final = "unchanged"
FAILURES_SHOWN_MAX: Final = 5


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment of Novu.

    Attributes:
        role: ``Development`` or ``Production``, as far as Novu says it; otherwise its name.
        is_certain: Whether Novu has said that the key is of this one.
    """

    id: str
    identifier: str
    role: str
    is_certain: bool = True


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a publishing."""

    done: int
    failed: tuple[str, ...] = field(default=())


def environment(client: NovuClient, address: NovuAddress, role: str) -> Environment:
    """Return the environment of the key; by *role* when no Novu says which it is.

    The list has the keys themselves where it is allowed to, and nothing of it is kept.

    Raises:
        Rejected: If there is none of that role either.
    """
    doing = "Look at the environments"
    listed = client.ask(doing, lambda novu: novu.environments.list())
    own = next((raw for raw in listed if _has_key(raw, address.key)), None)
    if own is None:
        # Not published, and there since the beginning: it says which environment a key is of.
        own = client.ask_if_there(doing, lambda _: client.request("GET", "/v1/environments/me"))
    if own is not None:
        return _environment(own, is_certain=True)
    named = [_environment(raw, is_certain=False) for raw in listed]
    found = next((each for each in named if each.role == role), None)
    if found is None:
        raise Rejected(f"{doing}: Novu has no environment that is {role}.")
    return found


def differences(client: NovuClient, source_id: str, target_id: str) -> tuple[Change, ...]:
    """Return the workflows and layouts that publishing would change."""
    path = f"/v2/environments/{target_id}/diff"
    body = {"sourceEnvironmentId": source_id}
    answer = client.send("Compare the environments", "POST", path, body)
    try:
        changes = [_change(raw) for raw in answer["resources"]]
    except (TypeError, LookupError):
        raise Unavailable(
            "Compare the environments: the answer of Novu is not understood."
        ) from None
    return tuple(sorted(each for each in changes if each is not None))


def publish(
    client: NovuClient, source_id: str, target_id: str, changes: Sequence[Change]
) -> Published:
    """Bring *changes*, and nothing else, to the target."""
    path = f"/v2/environments/{target_id}/publish"
    resources = [
        {"resourceType": each.kind.lower(), "resourceId": each.identifier} for each in changes
    ]
    body = {"sourceEnvironmentId": source_id, "dryRun": False, "resources": resources}
    answer = client.send("Publish", "POST", path, body)
    try:
        failed = [_failed(each) for result in answer["results"] for each in result["failed"]]
        return Published(len(resources) - len(failed), tuple(failed[:FAILURES_SHOWN_MAX]))
    except (TypeError, LookupError):
        raise Unavailable("Publish: the answer of Novu is not understood.") from None


def _has_key(raw: Raw, key: str) -> bool:
    digest = hashlib.sha256(key.encode()).hexdigest()
    keys: Iterable[Any] = raw.get("apiKeys") or ()
    return any(each.get("key") == key or each.get("hash") == digest for each in keys)


def _environment(raw: Raw, *, is_certain: bool) -> Environment:
    role = _ROLES.get(raw.get("type") or "") or str(raw.get("name"))
    return Environment(raw["_id"], raw.get("identifier", ""), role, is_certain)


def _change(raw: Raw) -> Change | None:
    """Return what publishing does with a resource; ``None`` for nothing, and for other kinds."""
    kind = _KINDS.get(raw["resourceType"])
    has, gets = raw.get("sourceResource"), raw.get("targetResource")
    is_same = all(each["action"] == _UNCHANGED for each in raw["changes"])
    if kind is None or is_same or not (has or gets):
        return None
    action = "Deleted" if not has else "Added" if not gets else "Modified"
    return Change(
        kind,
        (has or gets or {})["id"],
        action,
        # What was agreed to is the content: what is written to the source later is another plan.
        version=str((has or {}).get("updatedAt") or ""),
        content=tuple(str(each.get("diffs")) for each in raw["changes"]),
        blocking=tuple(
            Blocking(_KINDS.get(each["resourceType"], each["resourceType"]), each["resourceId"])
            for each in raw.get("dependencies") or ()
            if each.get("isBlocking")
        ),
    )


def _failed(raw: Raw) -> str:
    return f"{raw['resourceType']} '{raw['resourceId']}': {str(raw.get('error'))[:200]}"
