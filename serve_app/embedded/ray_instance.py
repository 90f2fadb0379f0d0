"""A local Ray of our own: own ports, own token, own short folder; nobody else's is touched."""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
import shutil
import signal
import stat
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Final

from serve_app.embedded import processes
from serve_app.embedded.balancer import Front, balancing, write_answers
from serve_app.embedded.failures import FolderUnusable, RayFailed, StartFailure
from serve_app.embedded.ports import LOOPBACK, free_port, free_ports
from serve_app.stream.door import PORT_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMESPACE: Final = "gopherpay"
BACKEND: Final = "http-gopherpay"  # as Ray calls the replicas of our one application
OBJECT_STORE_BYTES: Final = 80 * 1024 * 1024  # the least Ray takes; nothing of ours is large
INGRESS_PORTS: Final = 64  # replicas that answer HTTP, old and new ones of an upgrade together
DRAIN_SECONDS_MAX: Final = 8  # of the 15 s that the whole platform may take to end
END_SECONDS_MAX: Final = 1

# Unix socket names hold 107 bytes and Ray adds about 80, so the folder must be near the root.
SHORT_ROOT: Final = Path("/tmp")  # noqa: S108 - the folder made in it is ours alone, and checked


@dataclass(frozen=True, slots=True)
class RayPorts:
    """The ports of everything that cannot choose one by itself."""

    dashboard: int
    haproxy_stats: int
    haproxy_metrics: int
    fallback_http: int
    fallback_grpc: int
    ray_http: int
    streams: int
    ingress_first: int


def choose_ports() -> RayPorts:
    """Return ports that are free now; the ingress range begins at one of them."""
    dashboard, stats, metrics, http, grpc, ray_http, streams, first = free_ports(8)
    return RayPorts(
        dashboard=dashboard,
        haproxy_stats=stats,
        haproxy_metrics=metrics,
        fallback_http=http,
        fallback_grpc=grpc,
        ray_http=ray_http,
        streams=streams,
        ingress_first=first,
    )


def ray_environment(folder: Path, token_file: Path, ports: RayPorts) -> dict[str, str]:
    """Return the variables that Ray and Serve read at import, for us and all their processes."""
    return {
        **_serve_environment(ports),
        **_haproxy_environment(folder / "h", ports),
        "FORWARDED_ALLOW_IPS": "",  # who asks is read at the edge, not by uvicorn as well
        # Only who knows our token may speak to it.
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token_file),
        "RAY_USAGE_STATS_ENABLED": "0",
        # Postgres and the workers share two cores: nobody yields to the other.
        "RAY_worker_niceness": "0",
        # Each idle worker that is started in advance is a process of 90 MiB.
        "RAY_enable_worker_prestart": "0",
        "RAY_prestart_worker_first_driver": "0",
        "RAY_DEDUP_LOGS": "0",
    }


def _serve_environment(ports: RayPorts) -> dict[str, str]:
    """Return Serve's fast path: the first two without each other change the topology silently."""
    return {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
        # Nothing that a client sends may command Serve.
        "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "serve_app.edge:middlewares",
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(ports.fallback_http),
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": str(ports.fallback_grpc),
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(ports.ingress_first),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(ports.ingress_first + INGRESS_PORTS),
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0.5",
        PORT_VARIABLE: str(ports.streams),
    }


def _haproxy_environment(folder: Path, ports: RayPorts) -> dict[str, str]:
    """Return HAProxy's places; the names are short, as a node id of 56 characters joins them."""
    return {
        "RAY_SERVE_HAPROXY_NBTHREAD": "1",
        "RAY_SERVE_HAPROXY_BALANCE_ALGORITHM": balancing(folder),
        # Who stops in the middle of a body; Ray would keep the connection for an hour.
        "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": "30",
        "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",  # costs a datagram and a parse per request
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(folder / "c"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(folder / "s"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(folder),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(folder / "state"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(folder / "m"),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(ports.haproxy_stats),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(ports.haproxy_metrics),
        "RAY_SERVE_HAPROXY_HARD_STOP_AFTER_S": "10",
    }


class RayInstance:
    """One local Ray with Serve, which ends with us and leaves nothing behind."""

    def __init__(self, *, owner: Path, token_file: Path, log_folder: Path) -> None:
        self._folder = SHORT_ROOT / f"gopherpay-{os.geteuid()}-{_digest(owner)}"
        self._token_file = token_file
        self._log_folder = log_folder
        self._ports = choose_ports()
        self._started = False

    @property
    def dashboard_url(self) -> str:
        """Return where Ray's dashboard and Serve's scale API are; both want the token."""
        return f"http://{LOOPBACK}:{self._ports.dashboard}"

    @property
    def haproxy_stats_port(self) -> int:
        """Return the port of HAProxy's own statistics."""
        return self._ports.haproxy_stats

    def environment(self) -> Mapping[str, str]:
        """Return the variables of this instance."""
        return ray_environment(self._folder, self._token_file, self._ports)

    def start(self, *, host: str, port: int) -> None:
        """Start Ray, then Serve's HTTP on *host* and *port*, in the main thread.

        Ray's processes die with the thread that started them, so it must live as long as we do.

        Raises:
            FolderUnusable: If Ray's folder belongs to somebody else.
            RayFailed: If Ray or Serve does not come up.
        """
        if "ray" in sys.modules:
            raise StartFailure("Ray was imported before its settings were made; start again.")
        self._clear_leftovers()
        _make_own(self._folder)
        _make_token(self._token_file)
        write_answers(self._folder / "h")
        os.environ.pop("RAY_ADDRESS", None)
        os.environ.update(self.environment())
        os.environ["RAY_SERVE_HAPROXY_BALANCE_ALGORITHM"] = balancing(
            self._folder / "h", _front(host, port, self._ports)
        )
        self._link_logs()
        self._started = True
        try:
            self._start_ray_patiently()
            _start_serve(LOOPBACK, self._ports.ray_http)
        except Exception as error:  # Ray raises bare ones
            reason = (str(error).strip().splitlines() or [repr(error)])[0]
            raise RayFailed(reason.rstrip("."), self._log_folder) from error

    def stop(self) -> None:
        """Stop Serve, then Ray, then whatever of it is left, and keep the logs."""
        if self._started:
            self._started = False
            _stop_serve_and_ray()
        self._end_leftovers()
        self._keep_logs()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start_ray_patiently(self) -> None:
        """Start Ray, and once more if it fails: a busy machine may need more than its 30 s."""
        try:
            self._start_ray()
        except Exception:  # noqa: BLE001 - Ray raises bare ones; the second says why
            _stop_ray()
            self._ports = replace(self._ports, dashboard=free_port())  # the first may linger
            self._start_ray()

    def _start_ray(self) -> None:
        import ray  # noqa: PLC0415 - reads its variables at import

        ray.init(
            address="local",
            num_cpus=1,
            include_dashboard=True,
            dashboard_host=LOOPBACK,
            dashboard_port=self._ports.dashboard,
            object_store_memory=OBJECT_STORE_BYTES,
            namespace=NAMESPACE,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _node_ip_address=LOOPBACK,
            _temp_dir=str(self._folder / "r"),
        )

    def _clear_leftovers(self) -> None:
        """Clear what a killed run left; the folder is ours, as the data folder is."""
        self._end_leftovers()
        if self._folder.is_dir() and not self._folder.is_symlink():
            shutil.rmtree(self._folder, ignore_errors=True)

    def _end_leftovers(self) -> None:
        """End HAProxy, which outlives the actor that started it, and a headless Ray."""
        for program in ("haproxy", "raylet", "gcs_server"):
            left = processes.mentioning(self._folder, program)
            processes.end(left, signal.SIGTERM, patience_seconds=END_SECONDS_MAX)

    def _link_logs(self) -> None:
        """Show Ray's logs among ours while it runs."""
        self._log_folder.parent.mkdir(parents=True, exist_ok=True)
        _remove(self._log_folder)
        self._log_folder.symlink_to(self._folder / "r" / "session_latest" / "logs")

    def _keep_logs(self) -> None:
        """Keep the last run's logs, since Ray's own folder goes."""
        if self._log_folder.is_symlink() and self._log_folder.exists():
            logs = self._log_folder.resolve()
            self._log_folder.unlink()
            shutil.copytree(logs, self._log_folder, ignore=_ignore_sockets)


def _front(host: str, port: int, ports: RayPorts) -> Front:
    """Return what clients reach at *host* and *port*."""
    return Front(
        address=f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        backend=BACKEND,
        ray=f"{LOOPBACK}:{ports.ray_http}",
        streams=f"{LOOPBACK}:{ports.streams}",
    )


def _start_serve(host: str, port: int) -> None:
    from ray import serve  # noqa: PLC0415 - reads its variables at import

    serve.start(
        proxy_location="HeadOnly",
        http_options={"host": host, "port": port},
        logging_config={"enable_access_log": False, "log_level": "WARNING"},
    )


def _stop_serve_and_ray() -> None:
    import ray  # noqa: PLC0415 - see above
    from ray import serve  # noqa: PLC0415 - see above

    if not ray.is_initialized():
        return
    # A dead controller cannot say goodbye and may never answer; ending Ray ends it as well.
    goodbye = Thread(target=serve.shutdown, name="serve-shutdown", daemon=True)
    goodbye.start()
    goodbye.join(timeout=DRAIN_SECONDS_MAX)
    _stop_ray()


def _stop_ray() -> None:
    import ray  # noqa: PLC0415 - see above

    ray.shutdown()


def _digest(owner: Path) -> str:
    """Return a short name for *owner*, the same in every run, so that leftovers are found."""
    return hashlib.sha256(os.fsencode(owner.resolve())).hexdigest()[:8]


def _make_own(folder: Path) -> None:
    """Make *folder* for us alone: in a shared place it might be somebody's trap."""
    try:
        folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError as error:
        raise FolderUnusable(folder, error.strerror or str(error)) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise FolderUnusable(folder, "it belongs to somebody else")


def _make_token(token_file: Path) -> None:
    """Make the secret that Ray asks of everybody who talks to it, once."""
    token_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not token_file.exists():
        token_file.touch(mode=0o600)
        token_file.write_text(secrets.token_hex(32), encoding="ascii")


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def _ignore_sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if stat.S_ISSOCK((Path(folder) / name).lstat().st_mode)]
