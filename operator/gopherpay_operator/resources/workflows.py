"""Novu's layouts and workflows: what people are told, and by what way."""

from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field

from gopherpay_operator.resources.block import AS_SET, Block, Rule, listed_by
from gopherpay_operator.resources.kinds import (
    AGE,
    MANAGED_CONDITIONS,
    REASON,
    Column,
    Kind,
    condition,
)
from gopherpay_operator.resources.novu import (
    IDENTIFIER_FITS,
    Body,
    NovuIdentifier,
    Title,
)
from gopherpay_operator.resources.policies import ManagedSpec
from gopherpay_operator.resources.references import ConfigMapKeyReference, Hash, Sentence
from gopherpay_operator.resources.status import ManagedStatus

Issues = Annotated[list[Sentence], Field(max_length=32)]
StepType = Literal[
    "in_app", "email", "sms", "chat", "push", "digest", "delay", "throttle", "custom",
    "http_request",
]  # fmt: skip

CONTENT_CONDITIONS = {
    **MANAGED_CONDITIONS,
    "Valid": "Novu found nothing to complain of; status.observed.issues says what it did.",
    "ContentMatch": "What Novu has is what is written here.",
}


class LayoutContent(Block):
    """Where the text of a layout is."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.inline) != has(self.configMapKeyRef)",
            "exactly one of inline and configMapKeyRef must be given",
        ),
    )

    inline: Body | None = None
    """The text itself."""

    config_map_key_ref: ConfigMapKeyReference | None = None
    """A key of a ConfigMap that holds the text."""


class NovuLayoutSpec(ManagedSpec):
    """How a layout is to be."""

    external_name: NovuIdentifier | None = None
    """Identifier of the layout in Novu (layoutId); metadata.name when absent. It cannot be set, \
changed or removed later."""

    name: Annotated[str, Field(min_length=1, max_length=104)]
    """Name that people see in Novu, where the mark of its owner follows it."""

    content: LayoutContent
    """The text around every mail that uses the layout; it must hold {{content}}."""

    editor_type: Literal["html", "block"] = "html"
    """Which of Novu's editors the text is for."""


class ContentObserved(Block):
    """What was found in Novu."""

    live_hash: Hash | None = None
    """Hash of what Novu has, without what Novu adds by itself."""

    sent_hash: Hash | None = None
    """Hash of what was written, which has become what liveHash is of; absent while it differs."""

    issues: Issues | None = None
    """What Novu complains of."""


class NovuLayoutStatus(ManagedStatus):
    """What a layout says of itself."""

    observed: ContentObserved | None = None
    """What was found in Novu."""


NOVU_LAYOUT = Kind(
    name="NovuLayout",
    plural="novulayouts",
    short_names=("nlayout",),
    summary=(
        "The text that Novu puts around mails. Deleting this resource leaves the layout unless "
        "deletionPolicy says otherwise."
    ),
    spec=NovuLayoutSpec,
    status=NovuLayoutStatus,
    conditions=CONTENT_CONDITIONS,
    columns=(
        Column("Id", ".status.externalName"),
        condition("Ready"),
        condition("Drifted"),
        Column(REASON.name, REASON.path, wide=True),
        AGE,
    ),
    rules=(IDENTIFIER_FITS,),
)


class ControlValues(Block):
    """What a step says and does; fields that are not listed go to Novu as they are."""

    model_config = ConfigDict(extra="allow")

    subject: Annotated[str, Field(min_length=1, max_length=1024)] | None = None
    """Subject of a mail or of an entry in the inbox."""

    body: Body | None = None
    """Text, with Novu's {{variables}}."""

    layout_id: NovuIdentifier | None = None
    """Identifier of the layout around a mail."""

    editor_type: Literal["html", "block"] | None = None
    """Which of Novu's editors the body of a mail is for."""

    amount: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """How many units a delay or a digest lasts."""

    unit: Literal["seconds", "minutes", "hours", "days", "weeks", "months"] | None = None
    """Unit of amount."""


class WorkflowStep(Block):
    """One step of a workflow."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.type != 'email' || (has(self.controlValues) && has(self.controlValues.subject))",
            "a step of type email needs controlValues.subject",
            ".controlValues",
        ),
        Rule(
            "!(self.type in ['in_app', 'email', 'sms', 'chat', 'push'])"
            " || (has(self.controlValues) && has(self.controlValues.body))"
            " != has(self.bodyFrom)",
            "a step that tells something needs exactly one of controlValues.body and bodyFrom",
            ".controlValues",
        ),
        Rule(
            "self.type in ['in_app', 'email', 'sms', 'chat', 'push'] || !has(self.bodyFrom)",
            "bodyFrom is only for steps that tell something",
            ".bodyFrom",
        ),
        Rule(
            "self.type != 'delay' || (has(self.controlValues) && has(self.controlValues.amount)"
            " && has(self.controlValues.unit))",
            "a step of type delay needs controlValues.amount and controlValues.unit",
            ".controlValues",
        ),
        Rule(
            "self.stepId.matches('^[a-z0-9][a-z0-9_-]*$')",
            "stepId must be of lower-case letters, digits, '-' and '_'",
            ".stepId",
        ),
    )

    step_id: Annotated[str, Field(min_length=1, max_length=64)]
    """Identifier of the step, by which it is known when the others move."""

    name: Title
    """Name that people see in Novu."""

    type: StepType
    """What the step does."""

    control_values: ControlValues | None = None
    """What it says and does."""

    body_from: ConfigMapKeyReference | None = None
    """A key of a ConfigMap that holds the body, for long ones."""


class Switch(Block):
    """Whether something is told, and whether a person may decide otherwise."""

    enabled: bool = True
    """Whether it is told."""

    read_only: bool = False
    """Whether a person may not decide otherwise."""


class ChannelSwitch(Block):
    """Whether something is told by a channel."""

    enabled: bool = True
    """Whether it is told by this channel."""


class ChannelSwitches(Block):
    """Channels of a workflow."""

    in_app: Annotated[ChannelSwitch, Field(alias="in_app")] = ChannelSwitch()
    """The inbox."""

    email: ChannelSwitch = ChannelSwitch()
    """Mail."""

    sms: ChannelSwitch = ChannelSwitch()
    """Text messages."""

    chat: ChannelSwitch = ChannelSwitch()
    """Chat."""

    push: ChannelSwitch = ChannelSwitch()
    """Push messages."""


class WorkflowPreferences(Block):
    """What holds for a person who has not decided otherwise."""

    all: Switch = Switch()
    """All channels."""

    channels: ChannelSwitches = ChannelSwitches()
    """Single channels."""


class PayloadSchema(Block):
    """A JSON Schema, which goes to Novu as it is."""

    model_config = ConfigDict(extra="allow")

    type: Literal["object"]
    """A payload is an object."""


class NovuWorkflowSpec(ManagedSpec):
    """How a workflow is to be."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!self.validatePayload || has(self.payloadSchema)",
            "validatePayload needs payloadSchema",
            ".validatePayload",
        ),
        Rule(
            "!has(self.tags) || self.tags.all(t, !t.startsWith('gopherpay:'))",
            "tags that begin with gopherpay: are the operator's own mark",
            ".tags",
        ),
    )

    external_name: NovuIdentifier | None = None
    """Identifier of the workflow in Novu (workflowId), by which the platform triggers it; \
metadata.name when absent. It cannot be set, changed or removed later."""

    name: Title
    """Name that people see in Novu."""

    description: Annotated[str, Field(max_length=256)] = ""
    """What it is for."""

    steps: Annotated[
        list[WorkflowStep],
        Field(min_length=1, max_length=20, json_schema_extra=listed_by("stepId")),
    ]
    """Steps, in order."""

    payload_schema: PayloadSchema | None = None
    """JSON Schema of what the platform hands over."""

    validate_payload: bool = False
    """Whether Novu refuses payloads that do not fit payloadSchema."""

    tags: (
        Annotated[
            list[Annotated[str, Field(min_length=1, max_length=32)]],
            Field(max_length=15, json_schema_extra=AS_SET),
        ]
        | None
    ) = None
    """Tags in Novu; the operator adds one of its own, by which it knows what it owns."""

    preferences: WorkflowPreferences = WorkflowPreferences()
    """What holds for a person who has not decided otherwise."""

    active: bool = True
    """Whether it can be triggered."""

    severity: Literal["high", "medium", "low", "none"] = "none"
    """How much it matters, for the inbox."""


class WorkflowObserved(ContentObserved):
    """What was found in Novu."""

    steps: Annotated[int, Field(ge=0)] | None = None
    """How many steps it has."""

    workflow_status: Literal["ACTIVE", "INACTIVE", "ERROR"] | None = None
    """What Novu says of it."""


class NovuWorkflowStatus(ManagedStatus):
    """What a workflow says of itself."""

    observed: WorkflowObserved | None = None
    """What was found in Novu."""


NOVU_WORKFLOW = Kind(
    name="NovuWorkflow",
    plural="novuworkflows",
    short_names=("nwf",),
    summary=(
        "A workflow in Novu: the steps by which people are told something. Deleting this resource "
        "leaves the workflow unless deletionPolicy says otherwise."
    ),
    spec=NovuWorkflowSpec,
    status=NovuWorkflowStatus,
    conditions=CONTENT_CONDITIONS,
    columns=(
        Column("Id", ".status.externalName"),
        Column("Steps", ".status.observed.steps", "integer"),
        Column("Active", ".spec.active", "boolean"),
        condition("Ready"),
        condition("Drifted"),
        Column(REASON.name, REASON.path, wide=True),
        AGE,
    ),
    rules=(IDENTIFIER_FITS,),
)
