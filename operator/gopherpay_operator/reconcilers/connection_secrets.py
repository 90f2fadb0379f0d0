"""What programs read to sign in, and what the operator remembers beside it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from gopherpay_operator.backends.ports import Rejected
from gopherpay_operator.plans.rotation import Credential, Memory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gopherpay_operator.engine.ports import Secret
    from gopherpay_operator.resources.connections import PostgresConnectionSpec
    from gopherpay_operator.resources.roles import ConnectionSecret

REMEMBERED: Final = ".rotation"
"""The key of what is remembered; programs that mount the Secret do not see it in a listing."""

_PARTS: Final = ("username", "password", "host", "port", "database", "uri")
_PLACE: Final = re.compile(r"\{(" + "|".join(_PARTS) + r")\}")


@dataclass(frozen=True, slots=True)
class Way:
    """One way to a database.

    Attributes:
        prefix: Of its keys.
    """

    prefix: str
    host: str
    port: int


def ways(
    template: ConnectionSecret, connection: PostgresConnectionSpec, host: str, port: int
) -> list[Way]:
    """Return the ways that *template* wants.

    Args:
        template: What the role says of its Secret.
        connection: What its connection says.
        host: Of the primary, which may stand in a Secret.
        port: Of the primary.

    Raises:
        Rejected: If the connection does not know one of them.
    """
    found = {"Primary": Way("", host, port)}
    others = {"Replica": connection.replica, "Pooler": connection.pooler}
    for name, endpoint in others.items():
        if endpoint is not None:
            found[name] = Way(f"{name.lower()}-", endpoint.host, endpoint.port)
    missing = [name for name in template.variants if name not in found]
    if missing:
        raise Rejected(
            f"connectionSecretTemplate wants {missing[0]}, and the connection has no "
            f"{missing[0].lower()}. Add it there, or take it out of variants."
        )
    return [found[name] for name in template.variants]


def content(
    template: ConnectionSecret, some: list[Way], told: Credential, memory: Memory
) -> dict[str, str]:
    """Return all that stands in the connection Secret."""
    keys = template.keys or {part: f"{{{part}}}" for part in _PARTS}
    filled = {
        way.prefix + key: _filled(text, way, template.database, told)
        for way in some
        for key, text in keys.items()
    }
    return {**filled, REMEMBERED: _written(memory)}


def remembered(secret: Secret | None) -> Memory | None:
    """Return what *secret* says that we shall remember; ``None`` when it says nothing of use."""
    text = secret.data.get(REMEMBERED, b"") if secret is not None else b""
    try:
        return _read(json.loads(text))
    except (ValueError, KeyError, TypeError):
        return None


def _filled(text: str, way: Way, database: str, told: Credential) -> str:
    # An address of IPv6 stands in brackets before a port (RFC 3986 §3.2.2).
    host = f"[{way.host}]" if ":" in way.host else way.host
    user, password, path = (quote(each, safe="") for each in (told.role, told.password, database))
    values = {
        "username": told.role,
        "password": told.password,
        "host": way.host,
        "port": str(way.port),
        "database": database,
        "uri": f"postgresql://{user}:{password}@{host}:{way.port}/{path}",
    }
    return _PLACE.sub(lambda found: values[found[1]], text)


def _written(memory: Memory) -> str:
    active = memory.active
    said: dict[str, Any] = {
        "role": active and active.role,
        "password": active and active.password,
        "rotatedAt": memory.rotated_at.isoformat(),
        "asked": memory.asked,
        "left": memory.left,
        "leftAt": memory.left_at.isoformat(),
    }
    return json.dumps(said, sort_keys=True)


def _read(said: Mapping[str, Any]) -> Memory:
    if not said["role"] or not said["password"]:
        raise ValueError("Nobody could sign in.")
    return Memory(
        active=Credential(str(said["role"]), str(said["password"])),
        rotated_at=_time(said["rotatedAt"]),
        asked=str(said["asked"]),
        left=None if said["left"] is None else str(said["left"]),
        left_at=_time(said["leftAt"]),
    )


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
