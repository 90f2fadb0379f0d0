"""Things of one kind in one environment of Novu: looked at one by one, changed one step at a time.

Before every step the thing is looked at again: what others have claimed, made anew or removed in
between is left alone.
"""

from __future__ import annotations

from functools import singledispatchmethod
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from gopherpay_operator.backends.ports import Overtaken
from gopherpay_operator.plans.novu import PRODUCTION, NovuThing
from gopherpay_operator.plans.novu_actions import (
    ChangeInNovu,
    ClaimInNovu,
    CreateInNovu,
    DeleteInNovu,
    MakePrimary,
    ReleaseInNovu,
    SendCredentials,
)
from gopherpay_operator.plans.novu_marks import mark_of
from gopherpay_operator.plans.novu_things import PUBLISHED
from gopherpay_operator.plans.observed import Found

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gopherpay_operator.backends.novu_client import NovuClient
    from gopherpay_operator.plans.actions import Action
    from gopherpay_operator.plans.novu import NovuState

Raw = dict[str, Any]
"""A thing as Novu answers it."""

Wish = TypeVar("Wish", bound=NovuThing)
Wish_contra = TypeVar("Wish_contra", bound=NovuThing, contravariant=True)


class Calls(Protocol[Wish_contra]):
    """What is asked of Novu for one kind."""

    def find(self, client: NovuClient, wishes: Sequence[Wish_contra]) -> Mapping[str, Raw]:
        """Return by name what is there of *wishes*."""

    def state(
        self, client: NovuClient, raw: Raw, wish: Wish_contra, *, is_leaving: bool
    ) -> NovuState:
        """Return *raw* in our words."""

    def mark(self, raw: Raw) -> str | None:
        """Return the mark that *raw* carries."""

    def create(self, client: NovuClient, wish: Wish_contra, mark: str) -> None:
        """Make it.

        Raises:
            Overtaken: If it is there by now.
        """

    def change(self, client: NovuClient, raw: Raw, wish: Wish_contra) -> None:
        """Write it as it is wanted; its mark stays."""

    def put_mark(self, client: NovuClient, raw: Raw, mark: str | None) -> None:
        """Let it carry *mark*, and change nothing else."""

    def delete(self, client: NovuClient, raw: Raw) -> None:
        """Delete it."""


class CredentialCalls(Protocol):
    """What is asked of Novu for integrations alone."""

    def send_credentials(self, client: NovuClient, raw: Raw, wish: Any) -> None:  # noqa: ANN401 - see `Calls`
        """Replace the credentials."""

    def make_primary(self, client: NovuClient, raw: Raw) -> None:
        """Make it the primary one of its channel."""


class NovuThings(Generic[Wish]):
    """Things of one kind: `ports.Backend` for one of `NovuThing`."""

    def __init__(self, client: NovuClient, calls: Calls[Wish]) -> None:
        """Take a client that nobody else closes."""
        self._client = client
        self._calls = calls

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def observe(
        self, wishes: Sequence[Wish], *, is_leaving: bool = False
    ) -> dict[str, Found[NovuState]]:
        """Return what is there of *wishes*.

        What was published to Production carries the mark of who owns it in Development: there it
        is nobody's.
        """
        raws = self._calls.find(self._client, wishes)
        return {
            wish.name: self._found(raws[wish.name], wish, is_leaving=is_leaving)
            if wish.name in raws
            else Found()
            for wish in wishes
        }

    def apply(self, actions: Sequence[Action]) -> None:
        """Carry out *actions* in order."""
        for action in actions:
            self._do(action)

    def _found(self, raw: Raw, wish: Wish, *, is_leaving: bool) -> Found[NovuState]:
        around = wish.around
        is_published = around.environment == PRODUCTION and wish.what in PUBLISHED
        mark = None if is_published else self._calls.mark(raw)
        state = self._calls.state(self._client, raw, wish, is_leaving=is_leaving)
        return Found(state, around.owners.claim_of(mark))

    @singledispatchmethod
    def _do(self, action: Action) -> None:
        raise TypeError(f"{type(action).__name__} is no step of a thing in Novu.")

    @_do.register
    def _(self, action: CreateInNovu) -> None:
        if self._look(action.desired) is not None:
            raise Overtaken(f"{doing(action)}: it is there by now.")
        self._calls.create(self._client, _wish(action.desired), mark_of(action.claim))

    @_do.register
    def _(self, action: ClaimInNovu) -> None:
        raw, mark = self._present(action), mark_of(action.claim)
        if self._calls.mark(raw) not in {None, mark}:
            raise Overtaken(f"{doing(action)}: somebody else has claimed it.")
        self._calls.put_mark(self._client, raw, mark)

    @_do.register
    def _(self, action: ReleaseInNovu) -> None:
        raw = self._look(action.desired)
        if raw is not None and self._calls.mark(raw) == mark_of(action.claim):
            self._calls.put_mark(self._client, raw, None)

    @_do.register
    def _(self, action: ChangeInNovu) -> None:
        raw = self._present(action)
        self._check_owner(action, raw)
        self._calls.change(self._client, raw, _wish(action.desired))

    @_do.register
    def _(self, action: DeleteInNovu) -> None:
        raw = self._present(action)
        if raw.get("_id") != action.id:
            raise Overtaken(f"{doing(action)}: it is not the one any more that was looked at.")
        self._check_owner(action, raw)
        self._calls.delete(self._client, raw)

    @_do.register
    def _(self, action: SendCredentials) -> None:
        self._credentials.send_credentials(self._client, self._present(action), action.desired)

    @_do.register
    def _(self, action: MakePrimary) -> None:
        self._credentials.make_primary(self._client, self._present(action))

    def _check_owner(self, action: ChangeInNovu | DeleteInNovu, raw: Raw) -> None:
        is_known = action.owner is not None
        if is_known and self._calls.mark(raw) != mark_of(action.owner or ""):
            raise Overtaken(f"{doing(action)}: it is somebody else's by now.")

    @property
    def _credentials(self) -> CredentialCalls:
        calls: Any = self._calls  # the planner makes these steps for integrations alone
        return calls  # type: ignore[no-any-return]

    def _look(self, desired: NovuThing) -> Raw | None:
        return self._calls.find(self._client, [_wish(desired)]).get(desired.name)

    def _present(
        self, action: ClaimInNovu | ChangeInNovu | DeleteInNovu | SendCredentials | MakePrimary
    ) -> Raw:
        raw = self._look(action.desired)
        if raw is None:
            raise Overtaken(f"{doing(action)}: it is not there any more.")
        return raw


def doing(action: Action) -> str:
    """Return what *action* does, the beginning of a sentence."""
    return action.sentence.rstrip(".")


def _wish(desired: NovuThing) -> Any:  # noqa: ANN401 - a backend is asked for its own kind alone
    return desired
