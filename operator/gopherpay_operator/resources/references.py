"""What a resource points at, and the values that many of them share."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gopherpay_operator.resources.block import AS_SET, Block, Rule, obeying

ObjectName = Annotated[str, Field(min_length=1, max_length=253)]
NamespaceName = Annotated[str, Field(min_length=1, max_length=63)]
SecretKey = Annotated[str, Field(min_length=1, max_length=253)]
Sentence = Annotated[str, Field(max_length=1024)]
Hash = Annotated[str, Field(max_length=128)]
Time = Annotated[str, Field(max_length=64, json_schema_extra={"format": "date-time"})]
Port = Annotated[int, Field(ge=1, le=65_535)]
HostName = Annotated[str, Field(min_length=1, max_length=253)]

_DURATION = "self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?$') && size(self) > 0"


def duration_of(shortest: str, longest: str) -> dict[str, object]:
    """Return what a duration carries that lies between *shortest* and *longest*."""
    return {
        "maxLength": 16,
        **obeying(
            Rule(
                f"{_DURATION} && duration(self) >= duration('{shortest}')"
                f" && duration(self) <= duration('{longest}')",
                f"must be a duration from {shortest} to {longest}, such as 90s, 10m or 1h30m",
            )
        ),
    }


Interval = Annotated[str, Field(json_schema_extra=duration_of("30s", "24h"))]
Timeout = Annotated[str, Field(json_schema_extra=duration_of("1s", "10m"))]


class LocalReference(Block):
    """Names another resource in the same namespace."""

    name: ObjectName
    """Name of the resource."""


class ConnectionReference(Block):
    """Names the connection through which the outside is reached."""

    rules: ClassVar = (
        Rule(
            "self == oldSelf",
            "connectionRef cannot be changed: apply a new resource for the other place, and "
            "delete this one with deletionPolicy Retain",
        ),
    )

    name: ObjectName
    """Name of the connection."""

    namespace: NamespaceName | None = None
    """Namespace of the connection; that of this resource when absent. Another namespace works \
only if the connection's allowedNamespaces lets this one in."""


class SecretReference(Block):
    """Names a Secret in the same namespace."""

    name: ObjectName
    """Name of the Secret."""


class SecretKeyReference(Block):
    """Names one key of a Secret in the same namespace."""

    name: ObjectName
    """Name of the Secret."""

    key: SecretKey
    """Key within the Secret's data."""


class ConfigMapKeyReference(Block):
    """Names one key of a ConfigMap in the same namespace."""

    name: ObjectName
    """Name of the ConfigMap."""

    key: SecretKey
    """Key within the ConfigMap's data."""


class AllowedNamespaces(Block):
    """Says whose resources may use a connection."""

    rules: ClassVar = (
        Rule(
            "self.policy == 'Selected' ? (has(self.names) || has(self.matchLabels))"
            " : (!has(self.names) && !has(self.matchLabels))",
            "names or matchLabels must be given when policy is Selected, and only then",
        ),
    )

    policy: Literal["Same", "Selected", "All"] = "Same"
    """Same lets in only the connection's own namespace, All every namespace, Selected those \
named or matched below and the connection's own."""

    names: (
        Annotated[list[NamespaceName], Field(min_length=1, max_length=64, json_schema_extra=AS_SET)]
        | None
    ) = None
    """Namespaces that are let in by name."""

    match_labels: (
        Annotated[
            dict[str, Annotated[str, Field(max_length=63)]], Field(min_length=1, max_length=16)
        ]
        | None
    ) = None
    """Namespaces that carry all of these labels are let in."""


class TrustReference(Block):
    """Names the certificates that are trusted."""

    kind: Literal["Secret", "ConfigMap"] = "Secret"
    """What holds them."""

    name: ObjectName
    """Name of the Secret or ConfigMap, in the same namespace."""

    key: SecretKey = "ca.crt"
    """Key within its data; the value is in PEM form."""
