"""The mark by which a thing in Novu is known to be owned.

Novu has no place of its own for an owner. A workflow carries the mark as a tag, which may have 32
characters; a layout, a topic and an integration carry it at the end of their name, of which a
topic's may have 100. A claim can be longer than both, so that the mark is made of two digests: of
the cluster's name, by which a claim of ours that nobody stands for any more is told from one of
another cluster, and of the whole claim.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

CLUSTER_DIGITS: Final = 8
CLAIM_DIGITS: Final = 10
PREFIX: Final = "gp-"
TAG_PREFIX: Final = "gopherpay:"
NAMELESS: Final = "#"
"""Stands for the namespace in a claim of which only the digest is known."""

MARK_LENGTH: Final = len(" [gp-]") + CLUSTER_DIGITS + CLAIM_DIGITS
"""By how many characters a mark makes a name longer."""

_DIGITS: Final = CLUSTER_DIGITS + CLAIM_DIGITS
_MARK: Final = re.compile(rf"{PREFIX}[0-9a-f]{{{_DIGITS}}}")
_MARKED: Final = re.compile(rf"(.*) \[({_MARK.pattern})\]", re.DOTALL)
_TAG: Final = re.compile(rf"{TAG_PREFIX}([0-9a-f]{{{_DIGITS}}})")


@dataclass(frozen=True, slots=True)
class Owners:
    """Who may stand behind a mark.

    Attributes:
        cluster: The name of our cluster.
        by_mark: The claims of the resources that there are.
    """

    cluster: str = ""
    by_mark: Mapping[str, str] = field(default_factory=dict)

    def claim_of(self, mark: str | None) -> str | None:
        """Return the claim that *mark* stands for.

        Of a resource of ours that is not there any more only the cluster is known, and of one in
        another cluster only the mark.
        """
        if mark is None:
            return None
        if mark in self.by_mark:
            return self.by_mark[mark]
        digits = mark.removeprefix(PREFIX)
        if self.cluster and digits.startswith(_digest(self.cluster, CLUSTER_DIGITS)):
            return f"{self.cluster}/{NAMELESS}/{digits[CLUSTER_DIGITS:]}"
        return mark


def owners(cluster: str, claims: Iterable[str]) -> Owners:
    """Return *claims*, of resources that there are in *cluster*, by their marks."""
    return Owners(cluster, {mark_of(claim): claim for claim in claims})


def mark_of(claim: str) -> str:
    """Return the mark of *claim*; also of what `Owners.claim_of` has made of a mark."""
    if _MARK.fullmatch(claim):
        return claim
    cluster, _, rest = claim.partition("/")
    namespace, _, name = rest.partition("/")
    digits = name if namespace == NAMELESS else _digest(claim, CLAIM_DIGITS)
    return f"{PREFIX}{_digest(cluster, CLUSTER_DIGITS)}{digits}"


def with_mark(title: str, mark: str | None) -> str:
    """Return *title* as it stands in Novu."""
    return title if mark is None else f"{title} [{mark}]"


def without_mark(name: str) -> tuple[str, str | None]:
    """Return the title in *name*, and the mark if there is one."""
    found = _MARKED.fullmatch(name)
    return (name, None) if found is None else (found[1], found[2])


def tag_of(mark: str) -> str:
    """Return the tag that carries *mark*."""
    return f"{TAG_PREFIX}{mark.removeprefix(PREFIX)}"


def mark_in(tags: Iterable[str]) -> str | None:
    """Return the mark that one of *tags* carries; the first, should there be several."""
    found = (_TAG.fullmatch(tag) for tag in sorted(tags))
    return next((f"{PREFIX}{each[1]}" for each in found if each), None)


def is_tag(tag: str) -> bool:
    """Tell whether *tag* carries a mark."""
    return _TAG.fullmatch(tag) is not None


def _digest(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]
