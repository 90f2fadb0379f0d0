"""What one environment of the double knows, and the switches of how it behaves."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.doubles.novu.sites import ENVIRONMENT_ID, ORGANIZATION_ID, Sites

SECRET_KEY = "novu-secret-for-tests"
PRODUCTION_KEY = "novu-production-secret-for-tests"


@dataclass(slots=True)
class Workflow:
    """A workflow that may be triggered."""

    identifier: str
    is_active: bool = True
    channels: tuple[str, ...] = ("in_app", "email")


@dataclass(slots=True)
class Notification:
    """What one accepted trigger made for one subscriber."""

    id: str
    transaction_id: str
    workflow: str
    subscriber_id: str
    payload: dict
    created_at: str
    visible_at: float
    channels: tuple[str, ...]


@dataclass(slots=True)
class Remembered:
    """What an idempotency key stands for; no answer while the first request is under way."""

    body: bytes
    told: object = None


@dataclass(slots=True)
class World:
    """The state of an environment.

    Attributes:
        production_key: Of the organisation's other environment; *secret_key* is Development's.
        workflows: That may be triggered, by identifier; None lets every identifier be one.
        keeps_answers: Whether idempotency keys mean anything (they do not where Novu is hosted
            by oneself, unless it is switched on).
        drops_repeats: Whether a transaction id that was used is dropped in silence.
        visible_after_seconds: How long a notification takes to show in the lists.
        tokens: How many more requests the rate limit allows in its window; None is no limit.
    """

    secret_key: str = SECRET_KEY
    production_key: str = PRODUCTION_KEY
    sites: Sites = field(default_factory=Sites)
    workflows: dict[str, Workflow] | None = None
    keeps_answers: bool = True
    drops_repeats: bool = True
    visible_after_seconds: float = 0
    tokens: int | None = None
    reset_seconds: int = 1
    subscribers: dict[str, dict] = field(default_factory=dict)
    notifications: list[Notification] = field(default_factory=list)
    remembered: dict[str, Remembered] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    _numbers: itertools.count = field(default_factory=lambda: itertools.count(16))

    def site(self, asked):
        """Return the environment that *asked* has the key of; None for no key of ours."""
        keys = {
            f"ApiKey {self.secret_key}": self.sites.development,
            f"ApiKey {self.production_key}": self.sites.production,
        }
        return keys.get(asked.headers.get("authorization"))

    def new_id(self):
        """Return an id as Mongo makes them: 24 hexadecimal digits."""
        return f"64c{next(self._numbers):021x}"

    def workflow(self, identifier):
        """Return the workflow of *identifier*, if there is one."""
        if self.workflows is None:
            return Workflow(identifier)
        return self.workflows.get(identifier)

    def visible(self):
        """Return the notifications that lists show by now."""
        now = time.monotonic()
        return [each for each in self.notifications if each.visible_at <= now]

    def of(self, transaction_id):
        """Return what was really sent under *transaction_id*."""
        return [each for each in self.notifications if each.transaction_id == transaction_id]

    def add(self, transaction_id, workflow, subscriber_id, payload):
        """Send one notification."""
        self.notifications.append(
            Notification(
                self.new_id(),
                transaction_id,
                workflow.identifier,
                subscriber_id,
                payload,
                moment(),
                time.monotonic() + self.visible_after_seconds,
                workflow.channels,
            )
        )

    def upsert(self, fields):
        """Make or change the subscriber of *fields*; what is not named stays."""
        identifier = fields["subscriberId"]
        known = self.subscribers.setdefault(
            identifier,
            {
                "_id": self.new_id(),
                "_organizationId": ORGANIZATION_ID,
                "_environmentId": ENVIRONMENT_ID,
                "subscriberId": identifier,
                "deleted": False,
                "createdAt": moment(),
            },
        )
        known.update(fields, updatedAt=moment())
        return known


def moment():
    """Return now as Novu writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
