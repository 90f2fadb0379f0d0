"""Everything that identity keeps, behind one pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.store.identity.api_keys import ApiKeyStore
from actors.store.identity.housekeeping import Housekeeping
from actors.store.identity.mails import MailStore
from actors.store.identity.revocations import RevocationStore
from actors.store.identity.sessions import SessionStore
from actors.store.identity.throttles import ThrottleStore
from actors.store.identity.users import UserStore

if TYPE_CHECKING:
    from actors.store.pool import Pool


@dataclass(frozen=True, slots=True)
class IdentityStore:
    """One store a subject."""

    users: UserStore
    sessions: SessionStore
    api_keys: ApiKeyStore
    mails: MailStore
    throttles: ThrottleStore
    revocations: RevocationStore
    housekeeping: Housekeeping


def identity_store(pool: Pool) -> IdentityStore:
    """Return every store on *pool*."""
    return IdentityStore(
        users=UserStore(pool),
        sessions=SessionStore(pool),
        api_keys=ApiKeyStore(pool),
        mails=MailStore(pool),
        throttles=ThrottleStore(pool),
        revocations=RevocationStore(pool),
        housekeeping=Housekeeping(pool),
    )
