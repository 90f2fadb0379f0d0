"""The kinds that we speak of with the API server, and its failures in the engine's words."""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx2
import msgspec
from lightkube import ApiError
from lightkube.generic_resource import create_global_resource, create_namespaced_resource

from gopherpay_operator.engine.ports import (
    ClusterConflict,
    ClusterFailure,
    ClusterForbidden,
    ClusterUnavailable,
)
from gopherpay_operator.resources.catalogue import KINDS
from gopherpay_operator.resources.kinds import VERSION
from gopherpay_operator.resources.policies import GROUP

if TYPE_CHECKING:
    from collections.abc import Iterator

Raw = dict[str, Any]

API_VERSION: Final = f"{GROUP}/{VERSION}"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"
OPERATOR: Final = "gopherpay-operator"

OURS: Final = {
    kind.name: create_namespaced_resource(GROUP, VERSION, kind.name, kind.plural)
    for kind in KINDS.values()
}
SECRET: Final = create_namespaced_resource("", "v1", "Secret", "secrets")
CONFIG_MAP: Final = create_namespaced_resource("", "v1", "ConfigMap", "configmaps")
EVENT: Final = create_namespaced_resource("", "v1", "Event", "events")
NAMESPACE: Final = create_global_resource("", "v1", "Namespace", "namespaces")
JOB: Final = create_namespaced_resource("batch", "v1", "Job", "jobs")
LEASE: Final = create_namespaced_resource("coordination.k8s.io", "v1", "Lease", "leases")

TERMINATING: Final = "NamespaceTerminating"

_FAILURES: Final[dict[int, type[ClusterFailure]]] = {
    HTTPStatus.UNAUTHORIZED: ClusterUnavailable,  # a token that is being renewed
    HTTPStatus.NOT_FOUND: ClusterConflict,
    HTTPStatus.CONFLICT: ClusterConflict,
    HTTPStatus.GONE: ClusterUnavailable,  # a watch from too long ago: list anew
    HTTPStatus.TOO_MANY_REQUESTS: ClusterUnavailable,
}


class NotThere(ClusterConflict):
    """The object is not there."""


@contextmanager
def speaking_of(what: str, *, is_secret: bool = False) -> Iterator[None]:
    """Turn failures of the client into the engine's.

    Args:
        what: What is being done, as the end of a sentence.
        is_secret: Do not repeat what the server says, for it may quote what was sent.

    Raises:
        ClusterFailure: By what to do next.
    """
    try:
        yield
    except httpx2.HTTPStatusError as error:
        raise _failure(what, error, is_secret=is_secret) from None
    except (httpx2.TransportError, msgspec.MsgspecError) as error:
        raise ClusterUnavailable(
            f"The API server did not answer for {what} ({type(error).__name__})."
        ) from None


def _failure(what: str, error: httpx2.HTTPStatusError, *, is_secret: bool) -> ClusterFailure:
    code, said = _answer(error)
    if code == HTTPStatus.NOT_FOUND:
        return NotThere(f"It is not there: {what}.")
    if _is_terminating(error):
        return ClusterForbidden(f"The namespace is being deleted: {what} is not done.")
    kind = _FAILURES.get(code)
    if kind is None:
        is_away = code >= HTTPStatus.INTERNAL_SERVER_ERROR
        kind = ClusterUnavailable if is_away else ClusterForbidden
    return kind(f"The API server refused {what} with {code}{'' if is_secret else said}.")


def _answer(error: httpx2.HTTPStatusError) -> tuple[int, str]:
    if not isinstance(error, ApiError):
        return error.response.status_code, ""
    code, message = error.status.code or 0, error.status.message or ""
    return code, f": {message.rstrip('.')}" if message else ""


def _is_terminating(error: httpx2.HTTPStatusError) -> bool:
    details = error.status.details if isinstance(error, ApiError) else None
    causes = (details.causes or []) if details is not None else []
    return any(cause.reason == TERMINATING for cause in causes)


def plural(kind: str) -> str:
    """Return the plural of a *kind* of others, by the rule that its makers follow."""
    lower = kind.lower()
    if lower.endswith(("s", "x", "ch", "sh")):
        return f"{lower}es"
    return f"{lower[:-1]}ies" if lower.endswith("y") else f"{lower}s"
