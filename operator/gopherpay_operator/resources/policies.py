"""What every resource may be told about its own handling."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gopherpay_operator.resources.block import Block, Rule, immutable
from gopherpay_operator.resources.references import ConnectionReference, Interval

DeletionPolicy = Literal["Retain", "Delete"]
AdoptionPolicy = Literal["Never", "IfIdentical", "Always"]
DriftPolicy = Literal["Correct", "Report", "Ignore"]

GROUP = "gopherpay.dev"
RECONCILE_AT = f"{GROUP}/reconcile-at"
ALLOW_DESTROY = f"{GROUP}/allow-destroy"
ROTATE_AT = f"{GROUP}/rotate-at"
FINALIZER = f"{GROUP}/finalizer"


class WatchedSpec(Block):
    """What every kind can be told."""

    suspend: bool = False
    """While true nothing is changed outside: what would be done stands in status.plannedActions, \
and Ready keeps its last value with reason Suspended."""

    resync_interval: Interval = "10m"
    """How often the outside is compared with this resource when nothing has changed here: 30s \
to 24h. The annotation gopherpay.dev/reconcile-at asks for a comparison at once."""


class ManagedSpec(WatchedSpec):
    """What every kind can be told that owns something outside the cluster."""

    rules: ClassVar[tuple[Rule, ...]] = (
        immutable(
            "externalName",
            "what exists outside is not renamed; apply a new resource under the other name",
        ),
    )

    connection_ref: ConnectionReference
    """The connection through which it is reached. It cannot be changed."""

    external_name: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    """Name outside the cluster; metadata.name when absent. It cannot be set, changed or removed \
later."""

    deletion_policy: DeletionPolicy = "Retain"
    """What becomes of the outside when this resource is deleted: Retain leaves it as it is, \
Delete removes it. Delete also needs the annotation gopherpay.dev/allow-destroy with the external \
name as its value, and holds this resource back by a finalizer until it is done."""

    adoption_policy: AdoptionPolicy = "IfIdentical"
    """What to do with something of that name that exists already and that nobody owns: Never \
refuses it, IfIdentical takes it when it needs no change, Always takes it and changes it."""

    drift_policy: DriftPolicy = "Correct"
    """What to do when the outside was changed by others: Correct changes it back, Report only \
shows it in the condition Drifted and in status.plannedActions, Ignore does neither."""
