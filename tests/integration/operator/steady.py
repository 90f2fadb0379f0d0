"""Resources that stay as they are, through whole comparisons and other tests' outages."""

from __future__ import annotations

from tests.integration.operator.waiting import until
from tests.integration.operator.world import CONNECTIONS

RESYNC = {"resyncInterval": "30s"}
WISHES = {
    "EventTopic": {},
    "PostgresRole": {},
    "NovuTopic": {},
}


class Steady:
    """One resource of each kind, and what they were when they had become Ready.

    Attributes:
        kinds: Kinds that are compared.
        before: All of them, as they were then.
    """

    def __init__(self, team, operator):
        self._team, self._operator = team, operator
        self._names = {
            **dict(zip(CONNECTIONS, ("events", "ledger", "development"), strict=True)),
            **{kind: f"steady-{kind.lower()}" for kind in WISHES},
        }
        self.kinds = tuple(self._names)
        self.before, self._passes = {}, {}
        self._make()
        self.begin()

    def _make(self):
        for kind, spec in WISHES.items():
            self._team.apply(kind, self._names[kind], {**RESYNC, **spec})
        for kind, name in self._names.items():
            self._team.until(kind, name)
        for kind in CONNECTIONS:
            until(lambda kind=kind: self._read(kind)["status"].get("users") == 1)

    def _read(self, kind):
        return self._team.read(kind, self._names[kind])

    def now(self):
        """Return all of them as they are now."""
        return {kind: self._read(kind) for kind in self.kinds}

    def begin(self):
        """Begin to watch them."""
        self.before = self.now()
        self._passes = {kind: self._operator.passes(kind) for kind in self.kinds}

    def until_compared(self, times, seconds):
        """Return as soon as every one of them was compared *times* since the beginning."""
        until(
            lambda: min(self._compared().values()) >= times,
            seconds=seconds,
            told=lambda: str(self._compared()),
        )

    def _compared(self):
        return {kind: self._operator.passes(kind) - self._passes[kind] for kind in self.kinds}
