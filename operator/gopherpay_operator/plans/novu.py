"""What resources want of Novu, and what Novu has: plain values.

What is compared stands in a document, JSON in the words of our resources: backends make Novu's
answers into the same form, so that two documents that are equal mean the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, NamedTuple

from gopherpay_operator.plans.novu_marks import Owners

Document = Mapping[str, Any]
PRODUCTION: Final = "Production"


class Hashes(NamedTuple):
    """What was sent, and what Novu made of it: it adds defaults that nobody has told us of."""

    sent: str
    live: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a thing is wanted.

    Attributes:
        environment: ``Development`` or ``Production``.
        environment_id: Novu's id of it; ``None`` when it is not known.
        owners: Who may stand behind the marks in it.
        is_leaving: Whether the resource is going away.
    """

    environment: str = "Development"
    environment_id: str | None = None
    owners: Owners = field(default_factory=Owners)
    is_leaving: bool = False


@dataclass(frozen=True, slots=True)
class NovuTopic:
    """A topic of subscribers: its name."""

    what: ClassVar[str] = "topic"
    name: str
    document: Document
    around: Surroundings = field(default_factory=Surroundings)


@dataclass(frozen=True, slots=True)
class NovuLayout:
    """A layout.

    Attributes:
        believed: What the status says of the last time that it was written.
    """

    what: ClassVar[str] = "layout"
    name: str
    document: Document
    around: Surroundings = field(default_factory=Surroundings)
    believed: Hashes | None = None


@dataclass(frozen=True, slots=True)
class NovuWorkflow:
    """A workflow; *believed* as for a layout."""

    what: ClassVar[str] = "workflow"
    name: str
    document: Document
    around: Surroundings = field(default_factory=Surroundings)
    believed: Hashes | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a provider asks for, in the clear; it never leaves this process but to Novu.

    Attributes:
        fingerprint: Keyed hash of them, which says only whether they are others.
    """

    clear: Mapping[str, Any] = field(repr=False)
    fingerprint: str


@dataclass(frozen=True, slots=True)
class NovuIntegration:
    """A provider.

    Attributes:
        provider: In Novu's words, as *channel* is; neither can be changed.
        credentials: ``None`` leaves them as they are.
        believed: The fingerprint of the credentials that the status says were sent.
        is_primary: Whether it is made the primary one; one that is it already may stay so.
        wants_hmac: Whether the inbox must demand proof of who somebody is.
    """

    what: ClassVar[str] = "integration"
    name: str
    document: Document
    provider: str
    channel: str
    around: Surroundings = field(default_factory=Surroundings)
    credentials: Credentials | None = None
    believed: str | None = None
    is_primary: bool = False
    wants_hmac: bool = False


NovuThing = NovuTopic | NovuLayout | NovuWorkflow | NovuIntegration


@dataclass(frozen=True, slots=True)
class NovuState:
    """A thing as Novu has it.

    Attributes:
        document: In the words of our resources, without marks and what Novu adds by itself.
        issues: What Novu complains of.
        status: What it says of a workflow: ``ACTIVE``, ``INACTIVE`` or ``ERROR``.
        used_by: The workflows that use a layout; known only when it is to go.
        provider: Of an integration, as *channel* is.
        sent: The fingerprint of the credentials that were sent last; Novu does not show them.
        has_hmac: ``None`` where Novu does not say it.
    """

    id: str
    document: Document
    live_hash: str = ""
    issues: tuple[str, ...] = ()
    status: str | None = None
    used_by: tuple[str, ...] = ()
    provider: str = ""
    channel: str = ""
    is_primary: bool = False
    sent: str | None = None
    has_hmac: bool | None = None


def hashed(document: object) -> str:
    """Return the hash of *document*, whatever the order of its keys."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
