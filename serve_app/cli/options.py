"""Options that several verbs share, and how they become settings."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from actors.settings import PREFIX, Settings, production_refusals
from serve_app.embedded.failures import StartFailure


class Profile(StrEnum):
    """How strict the platform is."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


PostgresUrl = Annotated[
    str | None, typer.Option(help="A Postgres to use instead of the embedded one.")
]
Port = Annotated[int | None, typer.Option(help="The port to serve HTTP on. [default: 8000]")]
DataDir = Annotated[Path | None, typer.Option(help="The folder for data, keys and logs.")]
OwnKafka = Annotated[
    bool, typer.Option("--kafka", help="Start an Apache Kafka too, and send events through it.")
]
ProfileName = Annotated[Profile | None, typer.Option(help="How strict to be.")]


class SettingsRefused(StartFailure):
    """A setting has a value that cannot be, or one that its profile forbids."""


def load_settings(
    *,
    postgres_url: str | None = None,
    port: int | None = None,
    data_dir: Path | None = None,
    profile: Profile | None = None,
) -> Settings:
    """Return the settings: options first, then variables, then defaults.

    Raises:
        SettingsRefused: If a value is bad, in one sentence that names it but does not repeat it.
    """
    given = {
        "postgres_url": postgres_url,
        "port": port,
        "data_dir": None if data_dir is None else data_dir.absolute(),
        "profile": None if profile is None else profile.value,
    }
    try:
        return Settings.model_validate(
            {name: value for name, value in given.items() if value is not None}
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise SettingsRefused(_sentence(str(first["loc"][0]), first["msg"])) from error


def refuse_unsafe(settings: Settings) -> None:
    """Make sure that the profile allows these settings.

    Raises:
        SettingsRefused: If production would run on parts that are for development only.
    """
    if refusals := production_refusals(settings):
        raise SettingsRefused(f"The production profile refuses {', '.join(refusals)}.")


def refuse_own_kafka(settings: Settings) -> None:
    """Make sure that a broker of our own does not contradict these settings.

    Raises:
        SettingsRefused: If there is another one, or production is to depend on ours.
    """
    if settings.kafka_bootstrap_servers is not None:
        raise SettingsRefused(
            f"--kafka starts a broker, but {PREFIX}KAFKA_BOOTSTRAP_SERVERS names another one; "
            "leave one of them out."
        )
    if settings.is_production:
        raise SettingsRefused(
            "The production profile refuses the embedded Kafka "
            f"(leave --kafka out and set {PREFIX}KAFKA_BOOTSTRAP_SERVERS)."
        )


def _sentence(name: str, message: str) -> str:
    variable = f"{PREFIX}{name.upper()}"
    option = f"--{name.replace('_', '-')}"
    return f"{variable} ({option}) has a bad value: {message[0].lower()}{message[1:]}."
