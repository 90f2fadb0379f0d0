"""What we have written, until the watch shows it: our cache lags behind our own writes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from gopherpay_operator.engine.statuses import is_same

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gopherpay_operator.engine.ports import Key, Resource

KEPT_SECONDS: Final = 30.0
"""How long a write is believed that the watch has not shown: others may write as well."""


class _Written(NamedTuple):
    uid: str
    status: Mapping[str, Any]
    at: float


class Memory:
    """The last statuses that were written."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Start with none."""
        self._clock = clock
        self._written: dict[Key, _Written] = {}

    def wrote(self, resource: Resource, status: Mapping[str, Any]) -> None:
        """Remember what was written."""
        self._written[resource.key] = _Written(resource.uid, status, self._clock())

    def seen(self, resource: Resource) -> None:
        """Forget what *resource*, as the watch has it, shows."""
        written = self._written.get(resource.key)
        if written is not None and is_same(written.status, resource.status):
            del self._written[resource.key]

    def forget(self, key: Key) -> None:
        """Forget what was written on *key*."""
        self._written.pop(key, None)

    def fresh(self, resource: Resource) -> Resource:
        """Return *resource* with the status that it has by now."""
        written = self._written.get(resource.key)
        if written is None or written.uid != resource.uid:
            return resource
        if self._clock() - written.at > KEPT_SECONDS:
            del self._written[resource.key]
            return resource
        return replace(resource, status=written.status)
