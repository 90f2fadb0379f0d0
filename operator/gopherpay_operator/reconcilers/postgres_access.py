"""How the Postgres server of a connection is reached, from its spec and its Secrets."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import ssl
import threading
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING

from gopherpay_operator.backends.ports import DependencyMissing
from gopherpay_operator.backends.postgres import PostgresServer, address
from gopherpay_operator.engine.ports import Key
from gopherpay_operator.engine.things import Access
from gopherpay_operator.resources.connections import PostgresConnectionSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from gopherpay_operator.backends.ports import Backend
    from gopherpay_operator.engine.ports import Cluster, Resource
    from gopherpay_operator.resources.references import TrustReference

KIND = "PostgresConnection"


@dataclass(frozen=True, slots=True)
class Administrator:
    """Where a server is, and who we are to it."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)
    ssl_mode: str
    trusted: str | None = field(default=None, repr=False)

    def keyed_hash(self, *parts: str) -> str:
        """Return what says whether *parts* are others, and only to who knows our password."""
        text = "\0".join(parts).encode()
        return "hmac-sha256:" + hmac.new(self.password.encode(), text, hashlib.sha256).hexdigest()


class PostgresAccess:
    """Ways to servers; one object for all kinds, so that a connection's limit holds for all."""

    def __init__(self) -> None:
        """Start with no server known."""
        self._pepper = secrets.token_bytes(32)
        self._sessions: dict[Key, tuple[int, threading.Semaphore]] = {}

    async def administrator(self, connection: Resource, cluster: Cluster) -> Administrator:
        """Return who we are to the server of *connection*.

        Raises:
            DependencyMissing: If a Secret, a ConfigMap or a key of it is not there.
        """
        spec, namespace = _spec(connection), connection.key.namespace
        keys = spec.admin_secret_ref.key_mapping
        values = await _Values.read(cluster, namespace, spec.admin_secret_ref.name)
        return Administrator(
            host=spec.host if spec.host is not None else values.text(keys.host or "host"),
            port=spec.port if keys.port is None else values.number(keys.port),
            database=spec.database,
            user=values.text(keys.username),
            password=values.text(keys.password),
            ssl_mode=spec.ssl_mode,
            trusted=await _trusted(cluster, namespace, spec.ca_ref),
        )

    async def access(
        self,
        connection: Resource,
        cluster: Cluster,
        make: Callable[[PostgresServer], Backend[Any, Any]],
    ) -> Access:
        """Return how the server of *connection* is reached by what *make* makes of it."""
        who = await self.administrator(connection, cluster)
        sessions = self._limit(connection)
        text = repr(astuple(who)).encode()
        return Access(
            fingerprint=hmac.new(self._pepper, text, hashlib.sha256).hexdigest(),
            make=lambda: make(server_of(who, sessions)),
            concurrency=_spec(connection).connection_limit,
        )

    async def server(self, connection: Resource, cluster: Cluster) -> PostgresServer:
        """Return a server of its own, which the caller closes."""
        return server_of(await self.administrator(connection, cluster), self._limit(connection))

    def _limit(self, connection: Resource) -> threading.Semaphore:
        limit = _spec(connection).connection_limit
        kept = self._sessions.get(connection.key)
        if kept is None or kept[0] != limit:
            kept = self._sessions[connection.key] = (limit, threading.Semaphore(limit))
        return kept[1]


def needs_of(connection: Resource) -> frozenset[Key]:
    """Return the Secrets and ConfigMaps that *connection* names."""
    spec, namespace = _spec(connection), connection.key.namespace
    needs = {Key("Secret", namespace, spec.admin_secret_ref.name)}
    if spec.ca_ref is not None:
        needs.add(Key(spec.ca_ref.kind, namespace, spec.ca_ref.name))
    return frozenset(needs)


def server_of(who: Administrator, sessions: threading.Semaphore) -> PostgresServer:
    """Return the server, not connected yet."""
    return PostgresServer(
        address(
            host=who.host,
            port=who.port,
            database=who.database,
            user=who.user,
            password=who.password,
            ssl_mode=who.ssl_mode,
        ),
        sessions=sessions,
        trusted=who.trusted,
        trusted_file=_of_the_image(who),
    )


def _of_the_image(who: Administrator) -> str | None:
    """Return the file of certificates that the image trusts; libpq would look in a home folder."""
    if who.trusted is not None or not who.ssl_mode.startswith("verify-"):
        return None
    return ssl.get_default_verify_paths().cafile


def _spec(connection: Resource) -> PostgresConnectionSpec:
    spec = connection.spec
    assert isinstance(spec, PostgresConnectionSpec)  # noqa: S101 - of that kind only
    return spec


@dataclass(frozen=True, slots=True)
class _Values:
    """A Secret or a ConfigMap that has to be there."""

    where: str
    data: dict[str, str] = field(repr=False)

    @classmethod
    async def read(cls, cluster: Cluster, namespace: str, name: str) -> _Values:
        where = f"Secret {namespace}/{name}"
        secret = await cluster.secret(namespace, name)
        if secret is None:
            raise DependencyMissing(f"{where} is not there.")
        try:
            return cls(where, {key: value.decode() for key, value in secret.data.items()})
        except UnicodeDecodeError:
            raise DependencyMissing(f"{where} has a value that is no text.") from None

    def text(self, key: str) -> str:
        if not self.data.get(key):
            raise DependencyMissing(f"{self.where} has no key '{key}', or an empty one.")
        return self.data[key]

    def number(self, key: str) -> int:
        if not self.text(key).isdecimal():
            raise DependencyMissing(f"Key '{key}' of {self.where} is no number.")
        return int(self.text(key))


async def secret_text(cluster: Cluster, namespace: str, name: str, key: str) -> str:
    """Return one value of a Secret.

    Raises:
        DependencyMissing: If the Secret or the key is not there.
    """
    return (await _Values.read(cluster, namespace, name)).text(key)


async def _trusted(
    cluster: Cluster, namespace: str, reference: TrustReference | None
) -> str | None:
    if reference is None:
        return None
    if reference.kind == "Secret":
        return await secret_text(cluster, namespace, reference.name, reference.key)
    where = f"ConfigMap {namespace}/{reference.name}"
    data = await cluster.config_map(namespace, reference.name)
    if data is None:
        raise DependencyMissing(f"{where} is not there.")
    return _Values(where, dict(data)).text(reference.key)
