"""What the engine asks of a kind that owns something outside, and of a kind that leads there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from gopherpay_operator.backends.ports import Backend
from gopherpay_operator.engine.ports import Fact, Happening
from gopherpay_operator.resources.block import Block

if TYPE_CHECKING:
    from datetime import datetime

    from gopherpay_operator.engine.ports import Cluster, Key, Resource
    from gopherpay_operator.plans.actions import Plan
    from gopherpay_operator.plans.observed import Found

Wish = TypeVar("Wish")
State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Access:
    """How a server is reached; the engine keeps what *make* returns for as long as it holds.

    Attributes:
        fingerprint: Another one when the connection or one of its Secrets changed; no secret.
        make: Makes the client; blocking, called in a thread, closed by its ``close()`` if any.
        concurrency: How many calls may be under way at once.
        batch_max: How many things one look may be about.
    """

    fingerprint: str
    make: Callable[[], Backend[Any, Any]] = field(repr=False)
    concurrency: int = 4
    batch_max: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What the status says of a thing."""

    observed: Block | None = None
    external_id: str | None = None
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """What was done in the cluster once the thing was as it is wanted, such as a Secret."""

    facts: tuple[Fact, ...] = ()
    happenings: tuple[Happening, ...] = ()
    again_in_seconds: float | None = None
    is_ready: bool = True
    reason: str = ""
    message: str = ""
    observed: Block | None = None


class Thing(Protocol[Wish, State]):
    """A kind whose resources each own one thing outside: a topic, a database, a workflow.

    `engine.managed.Managed` does the rest for all of them: connection, allowed namespaces,
    policies, plan, application, adoption, drift, deletion, Events, conditions.
    """

    kind: str
    connection_kind: str

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return what it refers to beside its connection. Pure."""

    def external_name(self, resource: Resource) -> str:
        """Return its name outside. Pure."""

    async def access(self, connection: Resource, cluster: Cluster) -> Access:
        """Return how the server is reached.

        Raises:
            DependencyMissing: If a Secret or a key of it is not there.
        """

    async def wish(self, resource: Resource, connection: Resource, cluster: Cluster) -> Wish:
        """Return what is wanted, with what it needs of Secrets and ConfigMaps.

        Of a resource that is being deleted, no more is needed than its end takes.

        Raises:
            DependencyMissing: If something that it refers to is not there or not Ready.
            Rejected: If it can never be, as it is written.
        """

    def describe(
        self, resource: Resource, wish: Wish, found: Found[State], plan: Plan
    ) -> Description:
        """Return what the status says; *plan* is what is left to do. Pure."""

    async def finish(
        self, resource: Resource, wish: Wish, found: Found[State], cluster: Cluster, now: datetime
    ) -> Finish:
        """See to what depends on the thing; called when it is as it is wanted."""


@runtime_checkable
class WithInputs(Protocol):
    """A `Thing` whose wish holds more than its spec: a password, the body of a ConfigMap.

    Without it, such a change would look as if others had changed the outside, and driftPolicy
    would decide about it.
    """

    def inputs(self, wish: Any) -> str:  # noqa: ANN401 - of any kind
        """Return another text whenever what came from elsewhere is another; no secret. Pure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What a look at a server found."""

    observed: Block
    facts: tuple[Fact, ...] = ()
    is_ready: bool = True
    reason: str = "Reachable"
    message: str = ""


class Probe(Protocol):
    """A kind that leads to a server: `engine.connecting.Connecting` does the rest."""

    kind: str

    @property
    def user_kinds(self) -> tuple[str, ...]:
        """Return the kinds whose resources refer to it."""

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return the Secrets and ConfigMaps that it names. Pure."""

    async def look(self, resource: Resource, cluster: Cluster) -> Reached:
        """Ask the server who it is and what we may do; at most two calls.

        Raises:
            BackendFailure: `DependencyMissing` for a Secret, `Unavailable`, `Forbidden`.
        """
