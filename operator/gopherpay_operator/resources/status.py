"""What every resource says of itself, in the shape that kubectl, Helm and GitOps tools wait for."""

from typing import Annotated, Literal

from pydantic import Field

from gopherpay_operator.resources.block import Block, listed_by
from gopherpay_operator.resources.references import Hash, Sentence, Time

ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(Block):
    """One aspect of the present state, as the Kubernetes API conventions have it."""

    type: Annotated[str, Field(min_length=1, max_length=64)]
    """The aspect, such as Ready or Drifted."""

    status: ConditionStatus
    """Whether it holds; Unknown when it could not be found out."""

    reason: Annotated[str, Field(min_length=1, max_length=128, pattern="^[A-Z][A-Za-z0-9]*$")]
    """Why, in one word that programs can compare."""

    message: Annotated[str, Field(max_length=4096)] = ""
    """Why, for people, and what to do about it."""

    last_transition_time: Time
    """When the status last became another one."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The metadata.generation that this was found out for."""


class PlannedAction(Block):
    """One change that would be made, and is not while suspended or only reporting."""

    action: Annotated[str, Field(min_length=1, max_length=64)]
    """What would be done, such as CreateTopic."""

    message: Sentence
    """The same as a sentence, without secrets."""

    risk: Literal["Safe", "DataLoss", "Refused"] = "Safe"
    """Safe can be undone, DataLoss cannot, Refused is never done by the operator."""


class Ownership(Block):
    """Whether what exists outside belongs to this resource."""

    owned: bool
    """True while this resource is the only owner."""

    since: Time | None = None
    """When it was created or adopted."""


class WatchedStatus(Block):
    """What every kind says."""

    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The metadata.generation that this status is about."""

    conditions: Annotated[
        list[Condition], Field(max_length=24, json_schema_extra=listed_by("type"))
    ] = Field(default_factory=list)
    """Ready sums it up. Reconciling and Stalled are there only while they hold. The others are \
listed in the reference of each kind."""

    applied_hash: Hash | None = None
    """Hash of what was last applied, without secrets."""

    last_applied_time: Time | None = None
    """When something outside was last changed for this resource."""

    planned_actions: Annotated[list[PlannedAction], Field(max_length=32)] | None = None
    """What would be done, while suspend is true or driftPolicy is Report; absent otherwise."""


class ManagedStatus(WatchedStatus):
    """What every kind says that owns something outside the cluster."""

    external_name: Annotated[str, Field(max_length=255)] | None = None
    """The name outside the cluster that is in effect."""

    external_id: Annotated[str, Field(max_length=255)] | None = None
    """The id that the outside gave it: a topic's id, a database's oid, an id in Novu."""

    ownership: Ownership | None = None
    """Whether what exists outside belongs to this resource."""


class ConnectionStatus(WatchedStatus):
    """What every connection says."""

    users: Annotated[int, Field(ge=0)] | None = None
    """How many resources refer to it."""
