"""Novu: the environment, the providers that it sends through, layouts and topics."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gopherpay_operator.resources.block import Block, Rule
from gopherpay_operator.resources.connections import CONNECTION_CONDITIONS, ConnectionSpec
from gopherpay_operator.resources.kinds import (
    AGE,
    MANAGED_CONDITIONS,
    REASON,
    Column,
    Kind,
    condition,
)
from gopherpay_operator.resources.policies import ManagedSpec
from gopherpay_operator.resources.references import (
    Hash,
    ObjectName,
    SecretKey,
    SecretKeyReference,
)
from gopherpay_operator.resources.status import ConnectionStatus, ManagedStatus

Channel = Literal["in_app", "email", "sms", "chat", "push"]
Title = Annotated[str, Field(min_length=1, max_length=128)]
NovuIdentifier = Annotated[str, Field(min_length=1, max_length=100)]
Body = Annotated[str, Field(max_length=65_536)]

NOVU_NAME = "(has(self.spec.externalName) ? self.spec.externalName : self.metadata.name)"
IDENTIFIER_FITS = Rule(
    f"{NOVU_NAME}.matches('^[a-zA-Z0-9_:-][a-zA-Z0-9_.:-]{{0,99}}$')",
    "the identifier in Novu must be of letters, digits, '-', '_', '.' and ':', at most 100, and "
    "not begin with '.'",
)


class RateLimit(Block):
    """How fast Novu may be called."""

    requests_per_second: Annotated[int, Field(ge=1, le=1000)] = 20
    """Calls in a second, in the long run."""

    burst: Annotated[int, Field(ge=1, le=1000)] = 20
    """Calls at once."""


class NovuConnectionSpec(ConnectionSpec):
    """Where Novu is, and which of its environments this is."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.environment == oldSelf.environment",
            "environment cannot be changed: apply a new NovuConnection with the other key",
            ".environment",
        ),
        Rule(
            "self.apiUrl.matches('^https?://[^ ?#]+$')",
            "apiUrl must be an address that begins with http:// or https://, without ? and #",
            ".apiUrl",
        ),
    )

    api_url: Annotated[str, Field(min_length=8, max_length=512)] = "https://api.novu.co"
    """Address of Novu's API."""

    api_key_secret_ref: SecretKeyReference
    """The key of a Secret that holds the environment's API key, which also chooses the \
environment."""

    environment: Literal["Development", "Production"]
    """Which environment the key is of. Workflows and layouts are written in Development and come \
to Production by a NovuPromotion. It cannot be changed."""

    rate_limit: RateLimit = RateLimit()
    """How fast Novu may be called."""

    enforce_inbox_hmac: bool = True
    """Whether in-app integrations made through this connection demand the HMAC by which a person \
proves who they are; without it, anybody may read anybody's inbox."""


class NovuObserved(Block):
    """What was found at Novu."""

    environment_id: Annotated[str, Field(max_length=64)] | None = None
    """Id of the environment."""

    identifier: Annotated[str, Field(max_length=128)] | None = None
    """Application identifier of the environment, which inboxes name."""

    server_version: Annotated[str, Field(max_length=64)] | None = None
    """Version of the server, when it says it."""

    rate_remaining: Annotated[int, Field(ge=0)] | None = None
    """Calls that were left in Novu's own limit at the last comparison that found a change."""


class NovuConnectionStatus(ConnectionStatus):
    """What a Novu connection says of itself."""

    observed: NovuObserved | None = None
    """What was found at Novu."""


NOVU_CONNECTION = Kind(
    name="NovuConnection",
    plural="novuconnections",
    short_names=("nconn",),
    summary=(
        "An environment of Novu, the key to it, and whose resources may use it. Deleting it "
        "changes nothing in Novu, and waits while others use it."
    ),
    spec=NovuConnectionSpec,
    status=NovuConnectionStatus,
    conditions={
        **CONNECTION_CONDITIONS,
        "EnvironmentMatch": "The key is of the environment that is written here.",
    },
    columns=(
        condition("Ready"),
        Column("Env", ".spec.environment"),
        Column("Identifier", ".status.observed.identifier", wide=True),
        Column(REASON.name, REASON.path, wide=True),
        AGE,
    ),
)


class ProviderCredentials(Block):
    """The Secret that holds what a provider asks for."""

    name: ObjectName
    """Name of the Secret."""

    mapping: Annotated[dict[str, SecretKey], Field(min_length=1, max_length=32)] | None = None
    """Credential of the provider, in Novu's words such as apiKey, to key of the Secret. When \
absent, every key of the Secret is a credential of that name."""


class IntegrationRule(Block):
    """One comparison."""

    source: Literal["subscriber", "payload"]
    """What is looked at."""

    field: Annotated[str, Field(min_length=1, max_length=128)]
    """Name of the field."""

    operator: Literal[
        "EQUAL", "NOT_EQUAL", "LARGER", "SMALLER", "LARGER_EQUAL", "SMALLER_EQUAL",
        "BETWEEN", "NOT_BETWEEN", "IN", "NOT_IN", "ALL_IN", "ANY_IN", "LIKE", "NOT_LIKE",
    ]  # fmt: skip
    """How it is compared."""

    value: Annotated[str, Field(max_length=256)] = ""
    """With what it is compared."""


class IntegrationCondition(Block):
    """When the integration is used."""

    match: Literal["AND", "OR"] = "AND"
    """Whether all rules must hold, or one."""

    negated: bool = False
    """Whether it must not be so."""

    rules_to_match: Annotated[
        Annotated[list[IntegrationRule], Field(min_length=1, max_length=16)],
        Field(alias="rules"),
    ]
    """Comparisons."""


class NovuIntegrationSpec(ManagedSpec):
    """How an integration is to be."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.providerId == oldSelf.providerId && self.channel == oldSelf.channel",
            "providerId and channel cannot be changed: apply a new NovuIntegration",
            ".providerId",
        ),
        Rule(
            "!self.primary || self.active",
            "a primary integration must be active: Novu would send through none",
            ".primary",
        ),
        Rule(
            "!self.primary || self.channel in ['email', 'sms']",
            "only the channels email and sms have a primary integration",
            ".primary",
        ),
        Rule(
            "!self.primary || !has(self.conditions)",
            "a primary integration has no conditions: it is what is used when none holds",
            ".conditions",
        ),
    )

    external_name: NovuIdentifier | None = None
    """Identifier of the integration in Novu; metadata.name when absent. It cannot be set, \
changed or removed later."""

    name: Annotated[str, Field(min_length=1, max_length=104)]
    """Name that people see in Novu, where the mark of its owner follows it."""

    provider_id: Annotated[str, Field(min_length=1, max_length=64)]
    """Provider, in Novu's words, such as sendgrid or twilio. It cannot be changed."""

    channel: Channel
    """Channel that it sends through. It cannot be changed."""

    credentials_secret_ref: ProviderCredentials | None = None
    """The Secret with the provider's credentials; without it, credentials are left as they are."""

    active: bool = True
    """Whether it is used."""

    primary: bool = False
    """Whether it is used when no other one is meant; for email and sms."""

    conditions: Annotated[list[IntegrationCondition], Field(min_length=1, max_length=8)] | None = (
        None
    )
    """When it is used instead of the primary one; always when absent."""


class IntegrationObserved(Block):
    """What was found in Novu."""

    primary: bool | None = None
    """Whether it is the primary one."""

    active: bool | None = None
    """Whether it is used."""

    credentials_hash: Hash | None = None
    """Keyed hash of the credentials that were applied; says only whether they are others."""


class NovuIntegrationStatus(ManagedStatus):
    """What an integration says of itself."""

    observed: IntegrationObserved | None = None
    """What was found in Novu."""


NOVU_INTEGRATION = Kind(
    name="NovuIntegration",
    plural="novuintegrations",
    short_names=("nint",),
    summary=(
        "A provider that Novu sends through, with its credentials from a Secret. Deleting this "
        "resource leaves the integration unless deletionPolicy says otherwise."
    ),
    spec=NovuIntegrationSpec,
    status=NovuIntegrationStatus,
    conditions={
        **MANAGED_CONDITIONS,
        "CredentialsApplied": "The credentials of the Secret were sent to Novu.",
    },
    columns=(
        Column("Provider", ".spec.providerId"),
        Column("Channel", ".spec.channel"),
        Column("Primary", ".spec.primary", "boolean"),
        condition("Ready"),
        condition("Drifted", wide=True),
        Column(REASON.name, REASON.path, wide=True),
        AGE,
    ),
    rules=(IDENTIFIER_FITS,),
)


class NovuTopicSpec(ManagedSpec):
    """How a topic of subscribers is to be. Who is in it is the application's business."""

    external_name: NovuIdentifier | None = None
    """Key of the topic in Novu; metadata.name when absent. It cannot be set, changed or removed \
later."""

    name: Annotated[str, Field(min_length=1, max_length=76)]
    """Name that people see in Novu, where the mark of its owner follows it."""


class NovuTopicStatus(ManagedStatus):
    """What a topic of subscribers says of itself."""


NOVU_TOPIC = Kind(
    name="NovuTopic",
    plural="novutopics",
    short_names=("ntopic",),
    summary=(
        "A topic in Novu, to which the application subscribes people. Deleting this resource "
        "leaves the topic unless deletionPolicy says otherwise."
    ),
    spec=NovuTopicSpec,
    status=NovuTopicStatus,
    columns=(
        Column("Key", ".status.externalName"),
        condition("Ready"),
        condition("Drifted", wide=True),
        Column(REASON.name, REASON.path, wide=True),
        AGE,
    ),
    rules=(IDENTIFIER_FITS,),
)
