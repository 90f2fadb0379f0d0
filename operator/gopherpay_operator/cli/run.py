"""``gopherpay-operator run``: the operator itself."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from gopherpay_operator.settings import LogFormat, LogLevel, Settings

EXTRA: Final = "gopherpay[operator]"
ONLY_HERE: Final = frozenset({"aiohttp", "httpx2", "kopf", "lightkube"})
"""What no other verb needs."""


class CannotRun(Exception):
    """Something is missing that the operator needs; the message says what to do."""


Cluster = Annotated[
    str,
    typer.Option(
        envvar="GOPHERPAY_OPERATOR_CLUSTER",
        help="Name of this cluster: things outside are owned as <cluster>/<namespace>/<name>. "
        "Choose it once, and another one for every cluster.",
    ),
]
Namespaces = Annotated[
    list[str] | None,
    typer.Option(
        "--namespace",
        "-n",
        envvar="GOPHERPAY_OPERATOR_NAMESPACES",
        help="A namespace to watch, once for each; all of them when absent, which needs rights "
        "in the whole cluster. In the variable, separated by spaces.",
    ),
]
Kubeconfig = Annotated[
    str | None,
    typer.Option(
        envvar="GOPHERPAY_OPERATOR_KUBECONFIG",
        help="A kubeconfig; when absent, the pod's own account, or the file that kubectl uses.",
    ),
]
Context = Annotated[
    str | None,
    typer.Option(envvar="GOPHERPAY_OPERATOR_CONTEXT", help="Its context, if not the current one."),
]
LeaseNamespace = Annotated[
    str | None,
    typer.Option(
        envvar="GOPHERPAY_OPERATOR_LEASE_NAMESPACE",
        help="Where the Lease is; the operator's own namespace when absent.",
    ),
]
LeaseName = Annotated[
    str,
    typer.Option(
        envvar="GOPHERPAY_OPERATOR_LEASE_NAME",
        help="The Lease: of all processes that share it, one acts.",
    ),
]
HasLease = Annotated[
    bool,
    typer.Option(
        "--lease/--no-lease",
        envvar="GOPHERPAY_OPERATOR_LEASE",
        help="Without one, nothing else may ever run for the same cluster and namespaces.",
    ),
]
HttpHost = Annotated[
    str,
    typer.Option(
        envvar="GOPHERPAY_OPERATOR_HTTP_HOST",
        help="Address of /healthz, /readyz and /metrics.",
    ),
]
HttpPort = Annotated[
    int, typer.Option(envvar="GOPHERPAY_OPERATOR_HTTP_PORT", min=0, max=65_535, help="Its port.")
]
Workers = Annotated[
    int,
    typer.Option(
        envvar="GOPHERPAY_OPERATOR_WORKERS",
        min=1,
        max=1024,
        help="How many resources are worked on at once.",
    ),
]
Format = Annotated[
    LogFormat,
    typer.Option(envvar="GOPHERPAY_OPERATOR_LOG_FORMAT", help="For machines, or for people."),
]
Level = Annotated[
    LogLevel,
    typer.Option(envvar="GOPHERPAY_OPERATOR_LOG_LEVEL", help="The least important that is logged."),
]


def run(  # noqa: PLR0913, PLR0917 - the options of a command line
    cluster: Cluster,
    namespaces: Namespaces = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    lease_namespace: LeaseNamespace = None,
    lease_name: LeaseName = "gopherpay-operator",
    has_lease: HasLease = True,  # noqa: FBT002 - an option
    http_host: HttpHost = "0.0.0.0",  # noqa: S104 - probes and Prometheus come from outside
    http_port: HttpPort = 8080,
    workers: Workers = 64,
    log_format: Format = "json",
    log_level: Level = "INFO",
) -> int:
    """Run the operator: watch resources, and keep things outside as they are written.

    Ends with 0 when it is told to by a signal, 3 when it lost its Lease, 1 otherwise.
    """
    return _serve(
        Settings(
            cluster=cluster,
            namespaces=frozenset(namespaces) if namespaces else None,
            kubeconfig=kubeconfig,
            context=context,
            lease_namespace=lease_namespace,
            lease_name=lease_name if has_lease else None,
            http_host=http_host,
            http_port=http_port,
            workers=workers,
            log_format=log_format,
            log_level=log_level,
        )
    )


def _serve(settings: Settings) -> int:
    try:
        from gopherpay_operator import composition  # noqa: PLC0415 - needs what 'plan' does not
    except ModuleNotFoundError as error:
        if error.name not in ONLY_HERE:
            raise
        raise CannotRun(
            f"The part '{error.name}' is not installed: pip install '{EXTRA}'."
        ) from None
    try:
        return composition.serve(settings)
    except composition.NoAccess as error:
        raise CannotRun(str(error)) from None
