"""Keeps the messenger's picture of people in step with the platform's."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import UUID

from actors.notifier.subscribers import digest_at
from actors.ports.courier import Accepted, Later, Messenger, People, Refused, Subscribers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors.ports.courier import Outcome, Profile, Stale

LOOKED_AT_ONCE: Final = 16
BEHIND_AT_ONCE: Final = 1_000
_FIRST: Final = UUID(int=0)


@dataclass(slots=True)
class Keeper:
    """Tells the messenger of people, and of those who have left."""

    people: People
    subscribers: Subscribers
    messenger: Messenger
    _behind: UUID = field(default=_FIRST)

    async def keep(self, profiles: Sequence[Profile]) -> Mapping[UUID, Outcome]:
        """Tell of those of *profiles* that the messenger does not know as they are."""
        known = await self.subscribers.known([each.user_id for each in profiles])
        strange = [each for each in profiles if known.get(each.user_id) != self._digest(each)]
        # Whoever dies while telling of a change must not leave the old profile remembered:
        # it would be taken for known if the user changed back.
        if changed := [each.user_id for each in strange if each.user_id in known]:
            await self.subscribers.doubt(changed)
        outcomes = await asyncio.gather(*map(self._tell_of, strange))
        return {each.user_id: outcome for each, outcome in zip(strange, outcomes, strict=True)}

    async def look(self, *, lease_seconds: float) -> int:
        """Look at subscribers whose users have changed; return how many were settled."""
        stale = await self.subscribers.claim_stale(LOOKED_AT_ONCE, lease_seconds=lease_seconds)
        if not stale:
            return 0
        profiles = await self.people.profiles([each.user_id for each in stale])
        kept = await self.keep([each for each in profiles.values() if each])
        return sum([await self._settle(each, profiles, kept) for each in stale])

    async def look_behind(self) -> None:
        """Mark some subscribers whose users are gone, for the next looks; each time further on."""
        last = await self.subscribers.mark_gone(self._behind, BEHIND_AT_ONCE)
        self._behind = last or _FIRST

    async def _settle(
        self,
        stale: Stale,
        profiles: Mapping[UUID, Profile | None],
        kept: Mapping[UUID, Outcome],
    ) -> bool:
        """End one look if it came to an end; what did not is looked at after its lease."""
        is_gone = stale.user_id not in profiles
        outcome: Outcome | None = kept.get(stale.user_id)
        if is_gone:
            outcome = await self.messenger.forget(stale.user_id)
        elif profiles[stale.user_id] is None:
            return False
        if isinstance(outcome, Later):
            return False
        # A refused one is told of again with its next message, whose delivery then says why.
        await self.subscribers.settle(stale, is_gone=is_gone and not isinstance(outcome, Refused))
        return True

    async def _tell_of(self, profile: Profile) -> Outcome:
        outcome = await self.messenger.keep(profile)
        if isinstance(outcome, Accepted):
            await self.subscribers.remember(profile.user_id, self._digest(profile))
        return outcome

    def _digest(self, profile: Profile) -> bytes:
        return digest_at(self.messenger.environment, profile)
