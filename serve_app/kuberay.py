"""The platform in a pod of KubeRay: ``python -m serve_app.kuberay`` begins a node of its Ray.

KubeRay knows how Ray is started there and says so in a variable; what Serve and HAProxy have to
know besides is made here, so that it is said once for every way to run the platform.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from serve_app.cli.options import load_settings, refuse_unsafe
from serve_app.embedded.balancer import Front, balancing, write_answers
from serve_app.embedded.failures import StartFailure
from serve_app.embedded.ray_instance import BACKEND, RayPorts, ray_environment
from serve_app.stream.door import PORT_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.settings import Settings

START_VARIABLE: Final = "KUBERAY_GEN_RAY_START_CMD"
"""Where KubeRay says how this node is started."""

SHELL: Final = "/bin/bash"

FOLDER: Final = Path("/tmp/gopherpay")  # noqa: S108 - a volume of the pod, nobody else is in it

PORTS: Final = RayPorts(
    dashboard=8265,
    haproxy_stats=8404,
    haproxy_metrics=9101,
    fallback_http=8500,
    fallback_grpc=9500,
    ray_http=8001,
    streams=8002,
    ingress_first=30_000,
)
"""A pod has all ports for itself; the policies of the network name these.

``ray_http`` is the port that the Serve configuration must name: clients come by ours.
"""

DRAINING_SECONDS: Final = 10
"""How long a replica that ends goes on answering, until every HAProxy has heard of it."""

HARD_STOP_SECONDS: Final = 30

FILES_OPEN: Final = 65_536
"""As many as KubeRay would ask for: each connection and each stream is one."""


def node_environment(settings: Settings, folder: Path) -> dict[str, str]:
    """Return what Ray, Serve and HAProxy have to know on each node.

    The token is KubeRay's matter.
    """
    answers = folder / "h"
    token = {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"}
    every_way = ray_environment(folder, folder / "no-token", PORTS)
    return {
        **{name: value for name, value in every_way.items() if name not in token},
        "RAY_SERVE_HAPROXY_BALANCE_ALGORITHM": balancing(answers, _front(settings)),
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": str(HARD_STOP_SECONDS),
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": str(DRAINING_SECONDS),
        PORT_VARIABLE: str(PORTS.streams),
    }


def _front(settings: Settings) -> Front:
    """Return what clients reach, on every address of the pod."""
    return Front(
        address=f"*:{settings.port}",
        backend=BACKEND,
        ray=f"127.0.0.1:{PORTS.ray_http}",
        streams=f"127.0.0.1:{PORTS.streams}",
    )


def start(environment: Mapping[str, str], folder: Path = FOLDER) -> None:
    """Become the node of Ray that KubeRay asks for; does not return.

    Raises:
        StartFailure: If the settings are refused, or KubeRay has asked for nothing.
    """
    settings = load_settings()
    refuse_unsafe(settings)
    command = environment.get(START_VARIABLE)
    if not command:
        raise StartFailure(f"{START_VARIABLE} is not set; this is for a pod that KubeRay makes.")
    write_answers(folder / "h")
    _allow_files()
    ours = node_environment(settings, folder)
    # What the chart or a person has set for this pod is meant.
    os.execve(SHELL, [SHELL, "-c", command], {**ours, **environment})  # noqa: S606


def _allow_files() -> None:
    """Raise the limit on open files as far as this pod may; what Ray starts inherits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_OPEN if hard == resource.RLIM_INFINITY else min(FILES_OPEN, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def main() -> None:
    """Start the node, or say in one sentence why not."""
    try:
        start(os.environ)
    except StartFailure as failure:
        sys.exit(str(failure))


if __name__ == "__main__":
    main()
