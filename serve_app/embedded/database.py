"""The database that a verb works on: the given one, a running platform's, or our own started."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from actors.store.migrate import owner_connection
from actors.store.roles import make_login
from serve_app.embedded.data_folder import find_running, held
from serve_app.embedded.kafka_bus import with_embedded_kafka
from serve_app.embedded.ports import free_port
from serve_app.embedded.postgres import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from actors.settings import Settings
    from serve_app.embedded.data_folder import Running


APPLICATION_LOGIN: Final = "gopherpay_login"


def embedded_postgres(settings: Settings) -> EmbeddedPostgres:
    """Return the Postgres of this data folder, not started yet."""
    return EmbeddedPostgres(
        settings.data_dir / "postgres",
        port=settings.postgres_port or free_port(),
        log_file=settings.logs_folder / "postgres.log",
    )


def with_postgres(settings: Settings, owner_dsn: str, app_dsn: str | None = None) -> Settings:
    """Return *settings* that name the database at *owner_dsn*, and how the application logs in."""
    if app_dsn is None:
        return settings.model_copy(update={"postgres_url": SecretStr(owner_dsn)})
    return settings.model_copy(
        update={"postgres_url": SecretStr(app_dsn), "postgres_owner_url": SecretStr(owner_dsn)}
    )


def with_kafka(settings: Settings, running: Running) -> Settings:
    """Return *settings* that name the broker of the *running* platform, where it has its own."""
    if settings.kafka_bootstrap_servers is not None or running.kafka_bootstrap_servers is None:
        return settings
    return with_embedded_kafka(settings, running.kafka_bootstrap_servers)


def application_dsn(postgres: EmbeddedPostgres) -> str:
    """Return the address for the application, whose login can do nothing but its work."""
    with owner_connection(postgres.superuser_dsn) as connection:
        make_login(connection, APPLICATION_LOGIN, postgres.password_of(APPLICATION_LOGIN))
    return postgres.login_dsn(APPLICATION_LOGIN)


@contextmanager
def reachable_database(settings: Settings) -> Iterator[Settings]:
    """Yield settings whose database can be reached, for as long as one verb takes.

    Raises:
        StartFailure: If the embedded Postgres has to be started and does not.
    """
    if settings.postgres_url is not None:
        yield settings
    elif running := find_running(settings.data_dir):
        yield with_kafka(with_postgres(settings, running.owner_dsn), running)
    else:
        with held(settings.data_dir):
            server = embedded_postgres(settings)
            try:
                server.start()
                yield with_postgres(settings, server.superuser_dsn)
            finally:
                server.stop()
