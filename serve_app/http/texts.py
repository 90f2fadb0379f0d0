"""The types that request bodies are made of, and their bounds (docs/reference, Conventions).

Lengths count code points. Patterns that a rule of money checks anyway are only documented here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, TypeAlias
from uuid import UUID

import msgspec
from msgspec import Meta

from actors.currencies import currencies

ID_PATTERN: Final = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

TIME_PATTERN: Final = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)
"""RFC 3339 §5.6, with an upper-case T and Z and no leap second."""

When: TypeAlias = Annotated[
    datetime,
    Meta(
        description="RFC 3339 with an offset.",
        extra_json_schema={"format": "date-time", "pattern": TIME_PATTERN},
        examples=["2026-01-31T12:00:00Z"],
    ),
]
"""A moment in a query."""


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request body: an object whose members are all known. A null member is an absent one."""


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query parameters of a call, all of them known; of itself, one that has none."""


class Empty(Body, frozen=True):
    """The body of an action that needs none: nothing at all, or ``{}``."""


IdText: TypeAlias = Annotated[
    str,
    Meta(
        min_length=36,
        max_length=36,
        pattern=ID_PATTERN,
        description="A UUIDv7 in lower-case text form.",
        extra_json_schema={"format": "uuid"},
    ),
]
AmountText: TypeAlias = Annotated[
    str,
    Meta(
        description="A positive decimal with at most the currency's ISO 4217 decimals.",
        extra_json_schema={"pattern": r"^(?!0(\.0+)?$)(0|[1-9][0-9]{0,15})(\.[0-9]{1,8})?$"},
        examples=["10.50"],
    ),
]
CurrencyText: TypeAlias = Annotated[
    str,
    Meta(
        description="An ISO 4217 code that has minor units.",
        extra_json_schema={"enum": sorted(currencies())},
        examples=["USD"],
    ),
]
Text: TypeAlias = Annotated[str, Meta(extra_json_schema={"pattern": r"^[^\u0000]*$"})]
"""A text that is stored: any characters but U+0000."""

Description: TypeAlias = Annotated[Text, Meta(max_length=140)]
Name: TypeAlias = Annotated[Text, Meta(min_length=1, max_length=100)]
Reason: TypeAlias = Annotated[Text, Meta(min_length=1, max_length=200)]
MetadataKey: TypeAlias = Annotated[Text, Meta(min_length=1, max_length=40)]
MetadataValue: TypeAlias = Annotated[Text, Meta(max_length=200)]
Metadata: TypeAlias = Annotated[dict[MetadataKey, MetadataValue | None], Meta(max_length=16)]
KeyText: TypeAlias = Annotated[
    str, Meta(min_length=1, max_length=255, pattern="^[!-~]+$", description="Visible ASCII.")
]
Verbatim: TypeAlias = Annotated[str, Meta(extra={"texts": "verbatim"})]
"""A text that is taken exactly as sent, a NUL too: a password, which is never stored."""


def id_of(text: str) -> UUID:
    """Return the id that *text*, already checked by its type, names."""
    return UUID(text)
