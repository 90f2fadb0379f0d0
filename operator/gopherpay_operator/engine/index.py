"""Who needs what: from a Secret, a ConfigMap or a resource to the resources that refer to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from gopherpay_operator.engine.ports import Key


class Index:
    """The references of all resources, from both ends."""

    def __init__(self, interest: Callable[[Key, bool], None]) -> None:
        """Start empty.

        Args:
            interest: Told of a key and ``True`` when the first needs it, ``False`` after the last.
        """
        self._interest = interest
        self._needs: dict[Key, frozenset[Key]] = {}
        self._users: dict[Key, set[Key]] = {}

    def put(self, user: Key, needs: frozenset[Key]) -> None:
        """Record what *user* needs now, and nothing else."""
        before = self._needs.get(user, frozenset())
        self._needs[user] = needs
        for key in needs - before:
            users = self._users.setdefault(key, set())
            users.add(user)
            if len(users) == 1:
                self._interest(key, True)  # noqa: FBT003 - a callable has no names
        for key in before - needs:
            self._remove(user, key)

    def drop(self, user: Key) -> frozenset[Key]:
        """Forget *user* and return what it needed."""
        needs = self._needs.pop(user, frozenset())
        for key in needs:
            self._remove(user, key)
        return needs

    def needs(self, user: Key) -> frozenset[Key]:
        """Return what *user* needs."""
        return self._needs.get(user, frozenset())

    def users(self, key: Key) -> tuple[Key, ...]:
        """Return who needs *key*, in an order that does not change."""
        return tuple(sorted(self._users.get(key, ())))

    def _remove(self, user: Key, key: Key) -> None:
        users = self._users[key]
        users.discard(user)
        if not users:
            del self._users[key]
            self._interest(key, False)  # noqa: FBT003 - a callable has no names
