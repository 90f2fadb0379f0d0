"""What `gopherpay-operator run` is told, read once from options and variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LogFormat = Literal["json", "console"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How one process of the operator runs.

    Attributes:
        cluster: In whose name things are owned outside: ``<cluster>/<namespace>/<name>``.
        namespaces: Where resources are watched; ``None`` for everywhere.
        kubeconfig: Path of a kubeconfig; ``None`` for the pod's account or the user's file.
        context: Of the kubeconfig; ``None`` for its current one.
        lease_namespace: Where the Lease is; ``None`` for our own namespace.
        lease_name: Of the Lease; ``None`` to act without one.
        http_host: Where probes and metrics are served.
        http_port: 0 for any free one, which the log names.
        workers: How many resources are worked on at once.
    """

    cluster: str
    namespaces: frozenset[str] | None = None
    kubeconfig: str | None = None
    context: str | None = None
    lease_namespace: str | None = None
    lease_name: str | None = "gopherpay-operator"
    http_host: str = "0.0.0.0"  # noqa: S104 - the kubelet and Prometheus come from outside
    http_port: int = 8080
    workers: int = 64
    log_format: LogFormat = "json"
    log_level: LogLevel = "INFO"
