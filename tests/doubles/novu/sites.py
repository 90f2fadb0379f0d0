"""The two environments of the double's organisation, and what is configured in each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

ORGANIZATION_ID = "64b000000000000000000001"
ENVIRONMENT_ID = "64b000000000000000000002"
PRODUCTION_ID = "64b000000000000000000003"
USER_ID = "64b000000000000000000009"


@dataclass(slots=True)
class Site:
    """An environment; its things are as Novu answers them, by their identifier."""

    id: str
    name: str
    type: str
    workflows: dict[str, dict] = field(default_factory=dict)
    layouts: dict[str, dict] = field(default_factory=dict)
    topics: dict[str, dict] = field(default_factory=dict)
    integrations: dict[str, dict] = field(default_factory=dict)

    def find(self, things, name):
        """Return the thing that is called *name*, or has that id."""
        found = getattr(self, things)
        return found.get(name) or next(
            (each for each in found.values() if each["_id"] == name), None
        )

    def shown(self, key):
        """Return the environment as Novu lists it; without its keys when *key* is None."""
        digest = hashlib.sha256((key or "").encode()).hexdigest()
        keys = [{"key": key, "_userId": USER_ID, "hash": digest}]
        return {
            "_id": self.id,
            "name": self.name,
            "_organizationId": ORGANIZATION_ID,
            "identifier": f"app-{self.type}",
            "type": self.type,
            "apiKeys": keys if key else [],
            "slug": f"{self.type}_env_{self.id}",
        }


@dataclass(slots=True)
class Sites:
    """Both environments, and how Novu behaves with them.

    Attributes:
        shows_keys: Whether the list of environments has their keys.
        knows_me: Whether Novu says which environment a key is of.
        production_is_read_only: Whether workflows and layouts are only published there.
        masks_credentials: Whether integrations are listed without their credentials.
        keys_are_scoped: Whether a key may not compare two environments, as in newer servers.
        adds: Control values that Novu adds to each step by itself.
    """

    development: Site = field(default_factory=lambda: Site(ENVIRONMENT_ID, "Development", "dev"))
    production: Site = field(default_factory=lambda: Site(PRODUCTION_ID, "Production", "prod"))
    shows_keys: bool = True
    knows_me: bool = True
    production_is_read_only: bool = True
    masks_credentials: bool = True
    keys_are_scoped: bool = False
    adds: dict = field(default_factory=dict)
    credentials: dict[str, dict] = field(default_factory=dict)
    published: int = 0

    def by_id(self, environment_id):
        """Return the environment of that id, if there is one."""
        both = (self.development, self.production)
        return next((site for site in both if site.id == environment_id), None)
