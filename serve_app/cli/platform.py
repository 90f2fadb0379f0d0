"""The whole embedded platform: started part by part, watched, and stopped in reverse order."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Final

import httpx

from actors.security.keys import ensure_keys
from serve_app.cli.migration import await_schema, migrate_database
from serve_app.cli.options import refuse_own_kafka, refuse_unsafe
from serve_app.embedded.data_folder import Running, forget, held, note
from serve_app.embedded.database import application_dsn, embedded_postgres, with_postgres
from serve_app.embedded.failures import StartFailure
from serve_app.embedded.kafka_bus import embedded_kafka, with_embedded_kafka
from serve_app.embedded.ports import check_free
from serve_app.embedded.ray_instance import RayInstance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from actors.settings import Settings
    from serve_app.embedded.kafka import EmbeddedKafka
    from serve_app.embedded.postgres import EmbeddedPostgres

READY_SECONDS_MAX: Final = 60
READY_POLL_SECONDS: Final = 0.1
WATCH_SECONDS: Final = 0.5
KAFKA_AGAIN_SECONDS: Final = 5.0  # between two attempts to bring it back
STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked us to stop; not an error, and to be caught by nobody on the way."""


class Platform:
    """A running platform: its settings, and the parts that have to be watched."""

    def __init__(self, settings: Settings, postgres: EmbeddedPostgres | None) -> None:
        self.settings = settings
        self._postgres = postgres
        self._kafka: EmbeddedKafka | None = None
        self._kafka_launched = 0.0

    def use_kafka(self, kafka: EmbeddedKafka) -> None:
        """Send the events through *kafka*, and watch it too."""
        self._kafka = kafka
        self.settings = with_embedded_kafka(self.settings, kafka.bootstrap_servers)

    @property
    def own_kafka(self) -> str | None:
        """Return where our own broker is, if there is one."""
        return None if self._kafka is None else self._kafka.bootstrap_servers

    def watch(self) -> None:
        """Keep the parts alive until we are asked to stop.

        Ray restarts its own processes; a Postgres or a Kafka that was killed is started again
        here, and the platform's connections come back by themselves.
        """
        while True:
            time.sleep(WATCH_SECONDS)
            if self._postgres is not None and not self._postgres.is_running:
                self._postgres.start()
            if self._kafka is not None and not self._kafka.is_running:
                self._bring_back(self._kafka)

    def _bring_back(self, kafka: EmbeddedKafka) -> None:
        """Start *kafka* again, now and then; payments go on meanwhile, whatever comes of it."""
        now = time.monotonic()
        if now < self._kafka_launched + KAFKA_AGAIN_SECONDS:
            return
        self._kafka_launched = now
        try:
            kafka.launch()
        except StartFailure as failure:
            sys.stderr.write(f"{failure}\n")  # which is the log, see _quiet


@contextmanager
def running_platform(
    settings: Settings, report: Callable[[str], None], *, kafka: bool = False
) -> Iterator[Platform]:
    """Start everything, yield when it answers, and stop what was started, whatever happens.

    Raises:
        StartFailure: If a part cannot start.
        Stopped: If a signal asks us to stop.
    """
    refuse_unsafe(settings)
    if kafka:
        refuse_own_kafka(settings)
    check_free(settings.host, settings.port)
    with ExitStack() as parts:
        parts.enter_context(held(settings.data_dir))
        parts.enter_context(_quiet(settings))
        parts.enter_context(_signals_restored())
        try:
            _listen_for_signals()
            platform = _start_storing(settings, parts, report)
            if kafka:
                _start_kafka(platform, parts, report)
            _start_serving(platform, parts, report)
            yield platform
        finally:
            _ignore_signals()  # the ending below is bounded in time and must not be torn


def _start_storing(settings: Settings, parts: ExitStack, report: Callable[[str], None]) -> Platform:
    """Start the embedded Postgres unless one is given, migrate, and make the keys."""
    postgres = None
    if settings.postgres_url is None:
        report("starting Postgres")
        postgres = embedded_postgres(settings)
        parts.callback(postgres.stop)
        postgres.start()
        settings = with_postgres(settings, postgres.superuser_dsn)
    if settings.migrate_at_start:
        report("migrating the database")
        migrate_database(settings, report)
    else:
        await_schema(settings, report)
    if postgres is not None:
        settings = with_postgres(settings, postgres.superuser_dsn, application_dsn(postgres))
    if settings.keys_dir is None:
        ensure_keys(settings.keys_folder)
    return Platform(settings, postgres)


def _start_kafka(platform: Platform, parts: ExitStack, report: Callable[[str], None]) -> None:
    report("starting Kafka")
    kafka = embedded_kafka(platform.settings, report)
    parts.callback(kafka.stop)
    kafka.start()
    platform.use_kafka(kafka)


def _start_serving(platform: Platform, parts: ExitStack, report: Callable[[str], None]) -> None:
    settings = platform.settings
    ray = RayInstance(
        owner=settings.data_dir,
        token_file=settings.data_dir / "keys" / "ray-token",
        log_folder=settings.logs_folder / "ray",
    )
    report("starting Ray")
    os.environ.update(settings.environment())  # what every replica will read
    parts.callback(ray.stop)
    ray.start(host=settings.host, port=settings.port)
    _listen_for_signals()  # Ray has put its own handler there
    report("deploying the applications")
    _deploy(settings)
    _wait_until_ready(settings, report)
    note(settings.data_dir, _running(platform, ray))
    parts.callback(forget, settings.data_dir)


def _deploy(settings: Settings) -> None:
    """Put the applications on Serve.

    Raises:
        StartFailure: If a replica cannot start; why stands in its log.
    """
    from serve_app.app import deploy  # noqa: PLC0415 - imports Ray, which reads its variables then

    try:
        deploy(settings)
    except RuntimeError as error:
        logs = settings.logs_folder / "ray" / "serve"
        raise StartFailure(f"An application did not start; see its log in {logs}.") from error


def _running(platform: Platform, ray: RayInstance) -> Running:
    settings = platform.settings
    return Running(
        pid=os.getpid(),
        url=settings.url,
        dashboard_url=ray.dashboard_url,
        owner_dsn=settings.owner_dsn,
        app_dsn=settings.app_dsn,
        kafka_bootstrap_servers=platform.own_kafka,
        shard_deployment="AccountShard" if settings.shard_place == "deployment" else "Ingress",
    )


def _wait_until_ready(settings: Settings, report: Callable[[str], None]) -> None:
    """Wait for ``/readyz``: schema, database and slots are there.

    Raises:
        StartFailure: If it does not say yes in time.
    """
    report("waiting until it is ready")
    deadline = time.monotonic() + READY_SECONDS_MAX
    while not _is_ready(settings.url):
        if time.monotonic() > deadline:
            raise StartFailure(
                f"The platform was not ready within {READY_SECONDS_MAX} s; "
                f"its logs are in {settings.logs_folder}."
            )
        time.sleep(READY_POLL_SECONDS)


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


@contextmanager
def _quiet(settings: Settings) -> Iterator[None]:
    """Send what Ray prints to a log, not between the lines of the terminal."""
    settings.logs_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    log_file = settings.logs_folder / "gopherpay.log"
    with (
        log_file.open("a", encoding="utf-8", buffering=1) as log,
        redirect_stdout(log),
        redirect_stderr(log),
    ):
        yield


@contextmanager
def _signals_restored() -> Iterator[None]:
    """Give the signals back at the very end."""
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listen_for_signals() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)


def _ignore_signals() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _stop(_number: int, _frame: FrameType | None) -> None:
    """Turn the first signal that asks to stop into an exception; later ones change nothing."""
    _ignore_signals()
    raise Stopped
