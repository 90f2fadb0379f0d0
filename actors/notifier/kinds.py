"""The kinds of notifications, and which ways each goes if nobody says otherwise."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from actors.domain.errors_notifications import PreferenceLocked
from actors.ports.notifications import Channels

if TYPE_CHECKING:
    from collections.abc import Mapping

_EVERY_WAY: Final = Channels(in_app=True, email=True, push=True)
_IN_APP: Final = Channels(in_app=True, email=False, push=False)

DEFAULTS: Final[Mapping[str, Channels]] = MappingProxyType(
    {
        "transfer.received": _EVERY_WAY,
        "transfer.sent": _IN_APP,
        "refund.received": _EVERY_WAY,
        "hold.placed": _IN_APP,
        "hold.captured": _IN_APP,
        "hold.expired": _IN_APP,
        "account.frozen": _EVERY_WAY,
        "credential.changed": _EVERY_WAY,
        "login.new": _EVERY_WAY,
    }
)
"""Money that comes in and what concerns safety is told every way; what one did oneself, quietly."""

KINDS: Final = tuple(DEFAULTS)

LOCKED: Final = frozenset({"account.frozen", "credential.changed", "login.new"})
"""Who takes an account over must not be able to silence what would tell its owner."""


def channels(kind: str, chosen: Mapping[str, Channels]) -> Channels:
    """Return which ways a notification of *kind* goes to somebody who chose *chosen*."""
    return DEFAULTS[kind] if kind in LOCKED else chosen.get(kind, DEFAULTS[kind])


def effective(chosen: Mapping[str, Channels]) -> dict[str, Channels]:
    """Return the preferences of all kinds."""
    return {kind: channels(kind, chosen) for kind in KINDS}


def changed(
    chosen: Mapping[str, Channels], wishes: Mapping[str, Mapping[str, bool]]
) -> dict[str, Channels]:
    """Return what *wishes*, channels by kind, make of *chosen*: the kinds they name.

    Raises:
        PreferenceLocked: If something would be switched off that cannot be.
    """
    result = {}
    for kind, wish in wishes.items():
        if kind in LOCKED and not all(wish.values()):
            raise PreferenceLocked(kind)
        result[kind] = channels(kind, chosen)._replace(**wish)
    return result
