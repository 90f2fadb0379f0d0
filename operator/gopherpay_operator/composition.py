"""Puts the operator together from its settings, and runs it."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import threading
from typing import TYPE_CHECKING, Final

from gopherpay_operator.engine.connecting import Connecting
from gopherpay_operator.engine.managed import Managed
from gopherpay_operator.engine.servers import Servers
from gopherpay_operator.engine.working import Work
from gopherpay_operator.kubernetes import access
from gopherpay_operator.kubernetes.access import NoAccess
from gopherpay_operator.kubernetes.rim import Rim
from gopherpay_operator.observability import logs
from gopherpay_operator.observability.metrics import Metrics
from gopherpay_operator.process import ENDED_BY_ITSELF, Parts, Process
from gopherpay_operator.reconcilers.database_migrations import DatabaseMigrations
from gopherpay_operator.reconcilers.event_topics import EventTopics
from gopherpay_operator.reconcilers.kafka_connections import KafkaConnections
from gopherpay_operator.reconcilers.novu_access import NovuAccess
from gopherpay_operator.reconcilers.novu_connections import NovuConnections
from gopherpay_operator.reconcilers.novu_integrations import NovuIntegrations
from gopherpay_operator.reconcilers.novu_layouts import NovuLayouts
from gopherpay_operator.reconcilers.novu_promotions import NovuPromotions
from gopherpay_operator.reconcilers.novu_topics import NovuTopics
from gopherpay_operator.reconcilers.novu_workflows import NovuWorkflows
from gopherpay_operator.reconcilers.postgres_access import PostgresAccess
from gopherpay_operator.reconcilers.postgres_connections import PostgresConnections
from gopherpay_operator.reconcilers.postgres_databases import PostgresDatabases
from gopherpay_operator.reconcilers.postgres_roles import PostgresRoles

if TYPE_CHECKING:
    from typing import Any

    from gopherpay_operator.engine.ports import Meter, Reconciler
    from gopherpay_operator.engine.things import Thing
    from gopherpay_operator.settings import Settings

__all__ = ["NoAccess", "reconcilers", "serve"]

EXIT_SECONDS_MAX: Final = 20.0
"""Shorter than the 30 seconds that a pod is given to end."""


def serve(settings: Settings) -> int:
    """Run the operator until it is told to end; return the exit code.

    Raises:
        NoAccess: If there is nothing that says where the API server is.
    """
    way = access.find(settings.kubeconfig, settings.context)
    logs.configure(settings.log_level, settings.log_format)
    return asyncio.run(_run(settings, way))


async def _run(settings: Settings, way: access.Access) -> int:
    loop, told_to_end = asyncio.get_running_loop(), asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, told_to_end.set)
    process = Process(settings, _parts(settings, way))
    try:
        return await process.run(told_to_end)
    finally:
        _end_for_certain()
        await process.close()


def _end_for_certain() -> None:
    """End the process in a while even if a thread hangs in the call of a server."""
    timer = threading.Timer(EXIT_SECONDS_MAX, os._exit, (ENDED_BY_ITSELF,))
    timer.daemon = True
    timer.start()


def _parts(settings: Settings, way: access.Access) -> Parts:
    identity = f"{socket.gethostname()}_{secrets.token_hex(4)}"
    metrics, rim = Metrics(), Rim(way, settings.namespaces, identity)
    servers = Servers(metrics)
    name = settings.lease_name
    return Parts(
        rim=rim,
        work=Work(
            rim.cluster,
            rim.writer,
            reconcilers(settings.cluster, servers, metrics),
            metrics,
            servers=servers,
            workers=settings.workers,
            interest=rim.interest,
        ),
        servers=servers,
        metrics=metrics,
        lease=None if name is None else rim.lease(settings.lease_namespace, name),
    )


def reconcilers(cluster_name: str, servers: Servers, meter: Meter) -> dict[str, Reconciler]:
    """Return by kind how its resources are brought about."""

    def managed(thing: Thing[Any, Any]) -> Reconciler:
        return Managed(thing, servers, cluster_name, meter)

    postgres, novu = PostgresAccess(), NovuAccess(cluster_name)
    return {
        "KafkaConnection": Connecting(KafkaConnections()),
        "EventTopic": managed(EventTopics()),
        "PostgresConnection": Connecting(PostgresConnections(postgres)),
        "PostgresDatabase": managed(PostgresDatabases(postgres)),
        "PostgresRole": managed(PostgresRoles(postgres)),
        "DatabaseMigration": DatabaseMigrations(),
        "NovuConnection": Connecting(NovuConnections(novu)),
        "NovuIntegration": managed(NovuIntegrations(novu)),
        "NovuLayout": managed(NovuLayouts(novu)),
        "NovuWorkflow": managed(NovuWorkflows(novu)),
        "NovuTopic": managed(NovuTopics(novu)),
        "NovuPromotion": NovuPromotions(novu),
    }
