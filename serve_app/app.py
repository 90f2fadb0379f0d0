"""The platform as one Ray Serve application: ingress, identity, and shards of their own if wanted.

What a replica needs it reads from its own environment, so that no secret travels through Ray.
"""

from __future__ import annotations

import gc
import os
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

from ray import serve

from actors.runtime.hosting import ShardPlan
from actors.runtime.ray_shard import shard_application
from actors.runtime.ray_transport import RayTransport
from actors.settings import Settings
from serve_app import composition, logs
from serve_app.background import PARTS
from serve_app.edge import Edge
from serve_app.gateway import Gateway, serve_carried
from serve_app.lane import LANE
from serve_app.scrape import scraped
from serve_app.stream.door import PORT_VARIABLE, door

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ray.serve import Application as ServeApplication
    from ray.serve.handle import DeploymentHandle

    from serve_app.gateway import Asgi

APPLICATION_NAME: Final = "gopherpay"
INGRESS_NAME: Final = "Ingress"
IDENTITY_NAME: Final = "IdentityApi"

LOOPBACK: Final = "127.0.0.1"

CALLS_MAX: Final = 1_000
"""Far over what the application's own gate lets in: that one answers with a problem document."""

QUIET: Final = {"enable_access_log": False, "log_level": "WARNING"}
"""Replicas do not inherit what Serve was started with: they would write a line a request."""

GARBAGE_OBJECTS_MIN: Final = 50_000
"""New objects before the youngest generation is searched for cycles."""

BACKGROUND_NICENESS: Final = 10
"""Of the processes that nobody waits for: where a CPU is short, payments have it first."""

BACKGROUND_CALLS_MAX: Final = 8

IDENTITY_CALLS_MAX: Final = 128
"""Identity requests under way at once, all replicas of the ingress together."""


@serve.ingress()
class Ingress:
    """Answers HTTP; identity's requests are carried to their deployment."""

    def __init__(
        self,
        identity: DeploymentHandle[Any],
        shards: DeploymentHandle[Any] | None,
        background: list[DeploymentHandle[Any]],
    ) -> None:
        self._identity = identity
        self._shards = shards
        self._background = background  # bound here to be deployed with the rest, never called
        self._open = AsyncExitStack()

    async def __serve_build_asgi_app__(self) -> Asgi:
        """Return the application, ready to serve."""
        settings = _own_settings()
        here = await self._open.enter_async_context(
            composition.money(
                settings,
                owner=serve.get_replica_context().replica_id.unique_id,
                transport=None if self._shards is None else RayTransport(self._shards),
            )
        )
        application = Gateway(
            here,
            self._carry,
            places=IDENTITY_CALLS_MAX,
            deadline_seconds=composition.IDENTITY_DEADLINE_SECONDS,
        )
        LANE.application = application
        if PORT_VARIABLE in os.environ:
            edge = Edge(application, settings.trusted_proxies, LANE)
            port = int(os.environ[PORT_VARIABLE])
            await self._open.enter_async_context(door(edge, host=LOOPBACK, port=port))
        if settings.metrics_port is not None:
            shown = door(scraped(here.meter), host=settings.host, port=settings.metrics_port)
            await self._open.enter_async_context(shown)
        return application

    async def _carry(self, request: bytes) -> bytes:
        """Take a request to identity and its answer back."""
        answer: bytes = await self._identity.exchange.remote(request)
        return answer

    async def __del__(self) -> None:
        """Finish what was taken and give the slots back.

        Serve awaits this once, after its HTTP server has sent the last answer.
        """
        LANE.application = None
        if hasattr(self, "_open"):
            await self._open.aclose()


class IdentityApi:
    """Answers what the ingress carries here."""

    async def __init__(self) -> None:  # type: ignore[misc]  # Serve awaits it
        self._open = AsyncExitStack()
        application = composition.identity(_own_settings())
        self._application = await self._open.enter_async_context(application)

    async def exchange(self, request: bytes) -> bytes:
        """Return the answer to a carried request."""
        return await serve_carried(self._application, request)

    async def __del__(self) -> None:
        """Close what was opened."""
        if hasattr(self, "_open"):
            await self._open.aclose()


class BackgroundEnded(RuntimeError):
    """A loop of the replica has ended; only a new one helps."""


class Background:
    """Work that nobody waits for: no route, restarted and upgraded by Serve like the rest."""

    async def __init__(self, part: str) -> None:  # type: ignore[misc]  # Serve awaits it
        os.nice(BACKGROUND_NICENESS)
        self._open = AsyncExitStack()
        self._loops = await self._open.enter_async_context(PARTS[part](_own_settings()))

    def check_health(self) -> None:
        """Pass while the loops run; that Kafka or Novu are away is no reason to be replaced.

        Raises:
            BackgroundEnded: If one of them has ended.
        """
        if not self._loops.alive:
            raise BackgroundEnded

    async def __del__(self) -> None:
        """End the loops and close what they used; Serve awaits this once."""
        if hasattr(self, "_open"):
            await self._open.aclose()


def _own_settings() -> Settings:
    """Return the settings by the environment of this replica, whose logs they shape."""
    settings = Settings()
    logs.configure(settings.log_level, settings.log_file)
    # A request makes some hundred objects that die with it; looking for cycles is rarely due.
    gc.set_threshold(GARBAGE_OBJECTS_MIN)
    return settings


def shard_plan() -> ShardPlan:
    """Return what a shard of its own is made of, by the environment of its process."""
    settings = _own_settings()
    return ShardPlan(
        settings.app_dsn,
        generation=settings.shard_generation,
        limits=composition.runtime_limits(settings),
    )


def build(_arguments: Mapping[str, str] | None = None) -> ServeApplication:
    """Return the application by the environment: the import path of a Serve configuration."""
    settings = Settings()
    shards = None
    if settings.shard_place == "deployment":
        shards = shard_application(shard_plan, replicas=settings.shard_replicas)
    identity = serve.deployment(
        name=IDENTITY_NAME,
        num_replicas=settings.identity_replicas,
        max_ongoing_requests=IDENTITY_CALLS_MAX,
        max_queued_requests=IDENTITY_CALLS_MAX,
        ray_actor_options={"num_cpus": 0},
    )(IdentityApi)
    ingress = serve.deployment(
        name=INGRESS_NAME,
        num_replicas=settings.ingress_replicas,
        max_ongoing_requests=CALLS_MAX,
        max_queued_requests=CALLS_MAX,
        ray_actor_options={"num_cpus": 0},
    )(Ingress)
    return ingress.bind(identity.bind(), shards, _background(settings))


def _background(settings: Settings) -> list[ServeApplication]:
    """Return the deployments without a route; each is named after its part."""
    replicas = {"Notifier": settings.notifier_replicas, "Webhooks": settings.webhook_replicas}
    if settings.kafka_bootstrap_servers is not None:
        replicas["Relay"] = settings.relay_replicas
    return [
        serve.deployment(
            name=part,
            num_replicas=count,
            max_ongoing_requests=BACKGROUND_CALLS_MAX,
            ray_actor_options={"num_cpus": 0},
        )(Background).bind(part)
        for part, count in replicas.items()
    ]


def deploy(settings: Settings) -> None:
    """Run the application on the Serve that is up, and wait until its replicas are.

    The environment of this process must already say what *settings* say: replicas inherit it.
    """
    assert settings == Settings(), "export the settings before Ray starts"  # noqa: S101
    serve.run(
        build(),
        name=APPLICATION_NAME,
        route_prefix="/",
        logging_config=QUIET,
        external_scaler_enabled=True,
    )
