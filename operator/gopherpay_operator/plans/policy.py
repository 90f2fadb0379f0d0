"""How a resource wants to be treated: its policies, its annotations and who it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Deletion(StrEnum):
    """What becomes of the thing when its resource goes."""

    RETAIN = "Retain"
    DELETE = "Delete"


class Adoption(StrEnum):
    """Whether a thing that is there already, and nobody's, may be taken."""

    NEVER = "Never"
    IF_IDENTICAL = "IfIdentical"
    ALWAYS = "Always"


class Drift(StrEnum):
    """What is done about a difference that others have made, after a spec was carried out.

    What a spec itself changes is always carried out, but for a resource that is suspended.
    """

    CORRECT = "Correct"
    REPORT = "Report"
    IGNORE = "Ignore"


@dataclass(frozen=True, slots=True)
class Policy:
    """The policies of one resource.

    Attributes:
        claim: Who the resource is among all clusters, as ``cluster/namespace/name``; one line.
        allow_destroy: The annotation's value, which must be the name of the thing.
        suspended: Whether nothing shall be done, only said.
        is_deleting: Whether the resource is going away.
        spec_is_applied: Whether this very spec was carried out before.
    """

    claim: str
    deletion: Deletion = Deletion.RETAIN
    adoption: Adoption = Adoption.IF_IDENTICAL
    drift: Drift = Drift.CORRECT
    suspended: bool = False
    is_deleting: bool = False
    allow_destroy: str | None = None
    spec_is_applied: bool = False

    def allows_destroying(self, name: str) -> bool:
        """Tell whether a person has named *name* as what may be lost."""
        return self.allow_destroy == name
