"""People: addresses, names, roles, and what a role may do."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from uuid import UUID

from actors.domain.errors_identity import FieldInvalid, ScopeBeyondRole
from actors.domain.principals import ALL_SCOPES, OPERATOR_SCOPES, USER_SCOPES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

OPERATOR: Final = "operator"
"""The one role there is."""

EMAIL_MAX_CHARACTERS: Final = 254
"""The longest address a mail path can carry (RFC 5321, erratum 1690)."""

FULL_NAME_MAX_CHARACTERS: Final = 100

LANGUAGES: Final = ("en", "vi")
"""Those that messages are written in (BCP 47); the first is for who does not choose."""

_EMAIL: Final = re.compile(
    r"""[^\s@"(),:;<>\[\]\\\x00-\x1f\x7f]{1,64}   # local part, unquoted (RFC 5321, 6531)
        @(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)+      # labels of at most 63
        [^\W_](?:[\w-]{0,61}[^\W_])?""",
    re.VERBOSE,
)


class UserStatus(StrEnum):
    """The life of a user; only an active one can do anything."""

    UNVERIFIED = "unverified"
    ACTIVE = "active"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class User:
    """A person as shown to that person."""

    id: UUID
    email: str
    full_name: str
    status: UserStatus
    roles: tuple[str, ...]
    created_at: datetime
    language: str = LANGUAGES[0]

    @property
    def is_operator(self) -> bool:
        """Tell whether this person may hold operator scopes."""
        return OPERATOR in self.roles


def canonical_email(address: str) -> str:
    """Return the form in which addresses are compared: NFC and case-folded.

    Raises:
        FieldInvalid: If *address* is no mail address of at most 254 characters.
    """
    if len(address) > EMAIL_MAX_CHARACTERS or _EMAIL.fullmatch(address) is None:
        raise FieldInvalid("email", "not a mail address")
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", address).casefold())


def checked_full_name(name: str) -> str:
    """Return *name* if it has 1 to 100 printable characters that are not all blank.

    Raises:
        FieldInvalid: If not.
    """
    if not 1 <= len(name) <= FULL_NAME_MAX_CHARACTERS or not name.strip():
        raise FieldInvalid("full_name", "1 to 100 characters")
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        raise FieldInvalid("full_name", "control characters are not allowed")
    return name


def checked_language(language: str) -> str:
    """Return *language* if messages are written in it.

    Raises:
        FieldInvalid: If not.
    """
    if language not in LANGUAGES:
        raise FieldInvalid("language", "one of " + ", ".join(LANGUAGES))
    return language


def scopes_of(roles: Collection[str]) -> frozenset[str]:
    """Return every scope that a person with *roles* may hold."""
    return USER_SCOPES | OPERATOR_SCOPES if OPERATOR in roles else USER_SCOPES


def granted_scopes(wanted: Iterable[str], roles: Collection[str]) -> tuple[str, ...]:
    """Return *wanted* without repetitions, in order, if *roles* reach all of it.

    Raises:
        FieldInvalid: If one is no scope at all, or none is wanted.
        ScopeBeyondRole: If one is beyond the role.
    """
    scopes = tuple(dict.fromkeys(wanted))
    if not scopes or not ALL_SCOPES.issuperset(scopes):
        raise FieldInvalid("scopes", "one or more of " + ", ".join(sorted(ALL_SCOPES)))
    reached = scopes_of(roles)
    for scope in scopes:
        if scope not in reached:
            raise ScopeBeyondRole(scope)
    return scopes


def masked_name(full_name: str) -> str:
    """Return what a stranger may see of a name: ``Ada Lovelace`` becomes ``A*** L.``."""
    first, *others = full_name.split() or ["?"]
    last = f" {others[-1][0]}." if others else ""
    return f"{first[0]}***{last}"
