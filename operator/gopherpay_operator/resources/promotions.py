"""Promotions: what was written in one environment of Novu comes to another."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gopherpay_operator.resources.block import AS_SET, Block, Rule
from gopherpay_operator.resources.kinds import AGE, CONDITIONS, REASON, Column, Kind, condition
from gopherpay_operator.resources.novu import NovuIdentifier
from gopherpay_operator.resources.policies import WatchedSpec
from gopherpay_operator.resources.references import Hash, LocalReference, Time
from gopherpay_operator.resources.status import WatchedStatus

Identifiers = Annotated[
    list[NovuIdentifier], Field(min_length=1, max_length=256, json_schema_extra=AS_SET)
]


class PromotedResources(Block):
    """What is brought over."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.all != (has(self.workflows) || has(self.layouts))",
            "either all must be true, or workflows or layouts must be named",
        ),
    )

    all: bool = False
    """Everything that differs."""

    workflows: Identifiers | None = None
    """Workflows, by their identifiers in Novu."""

    layouts: Identifiers | None = None
    """Layouts, by their identifiers in Novu."""


class NovuPromotionSpec(WatchedSpec):
    """What is brought from where to where, and who agrees to it."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.sourceRef.name != self.targetRef.name",
            "sourceRef and targetRef must name two environments",
            ".targetRef",
        ),
        Rule(
            "self.sourceRef.name == oldSelf.sourceRef.name"
            " && self.targetRef.name == oldSelf.targetRef.name",
            "sourceRef and targetRef cannot be changed: apply a new NovuPromotion",
            ".sourceRef",
        ),
        Rule(
            "!has(self.approvedPlanHash) || self.mode == 'OnApproval'",
            "approvedPlanHash has no effect unless mode is OnApproval",
            ".approvedPlanHash",
        ),
    )

    source_ref: LocalReference
    """The NovuConnection of the environment that it comes from. It cannot be changed."""

    target_ref: LocalReference
    """The NovuConnection of the environment that it goes to. It cannot be changed."""

    resources: PromotedResources
    """What is brought over."""

    mode: Literal["Plan", "Auto", "OnApproval"] = "Plan"
    """Plan only shows what would change; OnApproval publishes once approvedPlanHash is the hash \
of what is shown; Auto publishes whatever changes."""

    approved_plan_hash: Hash | None = None
    """Copied from status.observed.planHash by whoever agrees. It is worth nothing once the plan \
is another one."""


class PromotionChange(Block):
    """One thing that differs."""

    kind: Literal["Workflow", "Layout"]
    """What it is."""

    identifier: NovuIdentifier
    """Its identifier in Novu."""

    action: Literal["Added", "Modified", "Deleted"]
    """What publishing does with it."""


class PromotionObserved(Block):
    """What differs, and what was published."""

    pending: Annotated[int, Field(ge=0)] | None = None
    """How many things differ."""

    changes: Annotated[list[PromotionChange], Field(max_length=64)] | None = None
    """The first 64 of them."""

    plan_hash: Hash | None = None
    """Hash of what would be published."""

    last_published: Time | None = None
    """When something was last published."""

    last_published_hash: Hash | None = None
    """Hash of the plan that was published then."""


class NovuPromotionStatus(WatchedStatus):
    """What a promotion says of itself."""

    observed: PromotionObserved | None = None
    """What differs, and what was published."""


NOVU_PROMOTION = Kind(
    name="NovuPromotion",
    plural="novupromotions",
    short_names=("npromo",),
    summary=(
        "What was written in one environment of Novu comes to another, at once or when somebody "
        "agrees. Deleting it takes nothing back."
    ),
    spec=NovuPromotionSpec,
    status=NovuPromotionStatus,
    conditions={
        **CONDITIONS,
        "DependenciesReady": "Both connections are Ready.",
        "PlanReady": "What differs has been found out.",
        "Published": "The plan that was agreed to has been published.",
    },
    columns=(
        Column("From", ".spec.sourceRef.name"),
        Column("To", ".spec.targetRef.name"),
        Column("Pending", ".status.observed.pending", "integer"),
        condition("Ready"),
        Column("Mode", ".spec.mode", wide=True),
        Column("Plan", ".status.observed.planHash", wide=True),
        Column(REASON.name, REASON.path, wide=True),
        AGE,
    ),
)
