"""What makes a kind: its names, its parts, and what a list of them shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gopherpay_operator.resources.block import Block, Rule
from gopherpay_operator.resources.policies import GROUP

VERSION = "v1alpha1"
CATEGORY = "gopherpay"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of ``kubectl get``.

    Attributes:
        name: Its heading.
        path: JSONPath within the resource.
        type: ``string``, ``integer``, ``boolean`` or ``date``.
        wide: Shown only with ``-o wide``.
    """

    name: str
    path: str
    type: str = "string"
    wide: bool = False


def condition(name: str, type_: str = "", *, wide: bool = False) -> Column:
    """Return the column *name* that shows the status of the condition of that type."""
    return Column(name, f'.status.conditions[?(@.type=="{type_ or name}")].status', wide=wide)


REASON = Column("Reason", '.status.conditions[?(@.type=="Ready")].reason')
AGE = Column("Age", ".metadata.creationTimestamp", "date")

CONDITIONS: Mapping[str, str] = {
    "Ready": "It is outside as it is written here.",
    "Reconciling": "Something is being changed; there only while true.",
    "Stalled": "It cannot go on before somebody acts; there only while true.",
}
"""Conditions of every kind."""

MANAGED_CONDITIONS: Mapping[str, str] = {
    **CONDITIONS,
    "Synced": "The last time that something was applied, it succeeded.",
    "Drifted": "It was changed outside; the message lists at most ten places, without secrets.",
    "Adopted": "It existed before this resource, which has taken it over.",
    "DependenciesReady": "The connection and all Secrets and ConfigMaps that are named are there.",
    "DeletionBlocked": "It is to be deleted and cannot be yet; the message says why.",
}
"""Conditions of every kind that owns something outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One custom resource.

    Attributes:
        name: In camel case, singular.
        plural: In lower case.
        short_names: That ``kubectl`` knows as well; none of Strimzi's or CloudNativePG's.
        summary: One paragraph for ``kubectl explain`` and the reference.
        spec: What is wished.
        status: What is.
        columns: Of ``kubectl get``.
        conditions: Types that may stand in the status, and what they mean.
        rules: Rules that need the resource's own name.
    """

    name: str
    plural: str
    short_names: tuple[str, ...]
    summary: str
    spec: type[Block]
    status: type[Block]
    columns: tuple[Column, ...]
    conditions: Mapping[str, str] = field(default_factory=lambda: MANAGED_CONDITIONS)
    rules: tuple[Rule, ...] = ()

    @property
    def file_name(self) -> str:
        """Return the name of the file of its definition."""
        return f"{GROUP}_{self.plural}.yaml"
