"""What a failure means for a resource: conditions, and when to try again."""

from __future__ import annotations

from typing import Final

from gopherpay_operator.backends.ports import (
    DependencyMissing,
    Forbidden,
    Overtaken,
    Rejected,
    Unavailable,
)
from gopherpay_operator.engine.ports import (
    ClusterConflict,
    ClusterForbidden,
    ClusterUnavailable,
    Fact,
    Happening,
    Outcome,
)

BACKEND_UNAVAILABLE: Final = "BackendUnavailable"
INTERNAL_ERROR: Final = "InternalError"
DEPENDENCY_SECONDS: Final = 60.0
"""How long a resource waits at most for what it needs, should no change of it be seen."""

AWAY: Final = (Unavailable, ClusterUnavailable)
REFUSING: Final = (Forbidden, Rejected, ClusterForbidden)
OVERTAKEN: Final = (Overtaken, ClusterConflict)


class NamespaceNotAllowed(DependencyMissing):
    """The connection does not let resources of this namespace in."""


class MissingThere(DependencyMissing):
    """The server lacks something, which nobody tells us of when it comes: look again soon."""


def outcome_of(error: Exception) -> Outcome:
    """Return what becomes of a resource whose pass ended with *error*.

    An error that nobody foresaw is named by its class only: its text may hold anything.
    """
    match error:
        case Unavailable() | ClusterUnavailable():
            return _again(BACKEND_UNAVAILABLE, str(error))
        case Forbidden() | Rejected() | ClusterForbidden():
            return Outcome(
                is_ready=False,
                reason=type(error).__name__,
                message=str(error),
                is_stalled=True,
                is_partial=True,
            )
        case DependencyMissing():
            return _waiting(error)
        case Overtaken() | ClusterConflict():
            return _again("Overtaken", str(error))
        case _:
            what = type(error).__name__
            return _again(
                INTERNAL_ERROR, f"The operator itself failed ({what}). Its log says where."
            )


def _waiting(missing: DependencyMissing) -> Outcome:
    is_elsewhere = isinstance(missing, MissingThere)
    reason = DependencyMissing.__name__ if is_elsewhere else type(missing).__name__
    return Outcome(
        is_ready=False,
        reason=reason,
        message=str(missing),
        facts=(Fact("DependenciesReady", "False", reason, str(missing)),),
        again_in_seconds=None if is_elsewhere else DEPENDENCY_SECONDS,
        is_retried=is_elsewhere,
        is_partial=True,
    )


def _again(reason: str, message: str) -> Outcome:
    return Outcome(
        is_ready=False,
        reason=reason,
        message=message,
        is_partial=True,
        is_retried=True,
        happenings=(Happening(reason, message, is_warning=True),)
        if reason == BACKEND_UNAVAILABLE
        else (),
    )
