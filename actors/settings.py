"""Every setting of the platform, read once by a composition root and passed on as plain values.

Each comes from a ``GOPHERPAY_`` variable or from the command line; units stand in the names.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import quote

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX: Final = "GOPHERPAY_"
APPLICATION_ROLE: Final = "gopherpay_app"
BCRYPT_COST_MIN: Final = 12  # OWASP's password storage page, for production

Port = Annotated[int, Field(ge=1, le=65_535)]
Count = Annotated[int, Field(ge=1, le=1_024)]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


def default_data_dir() -> Path:
    """Return the folder for data when none is named, by the XDG rules.

    Root has another: Postgres then runs as an account to which ``/root`` is shut.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/gopherpay")
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "gopherpay"


class Settings(BaseSettings):
    """What can be chosen, with the default for one small machine."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    profile: Literal["development", "production"] = "development"
    """Production refuses embedded parts and secrets, open documentation and the mailbox."""
    data_dir: Path = Field(default_factory=default_data_dir)
    """Where the embedded parts, keys and logs live."""
    keys_dir: Path | None = None
    """Where the keys are; ``keys`` in the data folder, made on first start, when not given."""

    host: str = "127.0.0.1"
    """The address that HTTP is served on."""
    port: Port = 8000
    """The port that HTTP is served on."""
    trusted_proxies: Annotated[int, Field(ge=0, le=10)] = 0
    """Proxies of yours before the platform that add to ``X-Forwarded-For``."""
    public_url: str | None = None
    """How people reach the platform, for links in mails; the served address when not given."""
    metrics_port: Port | None = None
    """A port for ``/metrics`` alone, never to be shown to clients; none when not given."""

    postgres_url: SecretStr | None = None
    """A Postgres 15 or newer; the embedded one when not given."""
    postgres_owner_url: SecretStr | None = None
    """The same database for the owner of the tables; ``postgres_url`` when not given."""
    postgres_port: Port | None = None
    """The port of the embedded Postgres; a free one when not given."""
    postgres_pool_max: Count = 8
    """Connections that one process may open."""
    migrate_at_start: bool = True
    """Whether the start migrates the database; if not, it waits until somebody else has."""

    ingress_replicas: Count = 1
    """Processes that answer HTTP."""
    identity_replicas: Count = 1
    """Processes that check passwords."""
    shard_replicas: Count = 1
    """Processes that hold account actors, where shards have processes of their own."""
    shard_place: Literal["ingress", "deployment"] = "ingress"
    """Whether account actors live inside the ingress process or in a deployment of their own."""
    request_deadline_seconds: Seconds = 5
    """How long a request may wait for its outcome before the answer is "unknown"."""
    batch_transfers_max: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Transfers that one commit may carry."""
    commits_in_flight: Annotated[int, Field(ge=1, le=8)] = 2
    """Batches of one shard on their way to the database at once; it takes them in order."""
    queued_transfers_max: Annotated[int, Field(ge=1, le=1_000_000)] = 4_096
    """Transfers that may wait in one shard before it answers "overloaded"."""
    slot_lease_seconds: Seconds = 10
    """How long a shard owns its slots without renewing; availability only, never safety."""

    shard_generation: Annotated[int, Field(ge=0)] = 0
    """The version of the software as a rising number: a newer one takes slots over."""

    kafka_bootstrap_servers: str | None = None
    """Brokers of Apache Kafka (host:port, commas); the outbox itself is the bus when not given."""
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How the brokers are spoken to."""
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """How the user proves itself, where the protocol has SASL."""
    kafka_sasl_username: str | None = None
    """The user at the brokers."""
    kafka_sasl_password: SecretStr | None = None
    """Its password."""
    kafka_ca_file: Path | None = None
    """Certificates (PEM) of who may sign the brokers'; the system's when not given."""
    kafka_certificate_file: Path | None = None
    """The platform's own certificate (PEM), where the brokers ask for one."""
    kafka_key_file: Path | None = None
    """The key of that certificate (PEM)."""
    kafka_group_protocol: Literal["consumer", "classic"] = "consumer"
    """How consumers share partitions; ``classic`` for brokers older than Kafka 4.0."""
    kafka_topic_prefix: Annotated[str, Field(pattern=r"^[a-z][a-z0-9.-]{0,63}$")] = "gopherpay"
    """What every topic's name begins with."""
    kafka_topics_made: bool | None = None
    """Whether missing topics are made at the start; in development when not given."""
    kafka_partitions: Count = 8
    """Partitions of a topic that is made."""
    kafka_replication: Annotated[int, Field(ge=1, le=9)] = 1
    """Copies of a topic that is made."""
    relay_replicas: Count = 1
    """Processes that take facts to Kafka, where there is one."""
    outbox_days_kept: Annotated[int, Field(ge=1, le=365)] = 7
    """Days after which the outbox forgets what every reader has read."""

    notifier_replicas: Count = 1
    """Processes that tell people what happened."""
    webhook_replicas: Count = 1
    """Processes that send webhooks."""
    background_share: Annotated[float, Field(gt=0, le=1)] = 0.2
    """How much of its time a consumer may work while there is a backlog; it rests in between."""
    background_share_crowded: Annotated[float, Field(gt=0, le=1)] = 0.02
    """The same while CPUs are short, so that payments have them and people are told later."""
    novu_api_key: SecretStr | None = None
    """The secret key of a Novu environment; nobody is told by mail or push when not given."""
    novu_url: str = "https://api.novu.co"
    """Where Novu answers."""
    novu_application_identifier: str | None = None
    """The Novu environment's public name, for its inbox in a browser."""
    webhooks_anywhere: bool | None = None
    """Whether webhooks may use plain HTTP and private addresses; in development when not given."""

    bcrypt_cost: Annotated[int, Field(ge=4, le=16)] = BCRYPT_COST_MIN
    """The cost of a password hash; at least 12 in production."""
    password_workers: Count = 1
    """Threads of one identity process that hash passwords."""
    queued_passwords_max: Count = 64
    """Password checks that may wait before the answer is "overloaded"."""
    throttle_multiplier: Annotated[int, Field(ge=1, le=1_000)] | None = None
    """How much wider the throttles are; 1 in production and 10 in development."""
    issuer: str = "https://gopherpay.dev"
    """The issuer named in access tokens."""
    audience: str = "gopherpay"
    """The audience named in access tokens."""

    docs_open: bool | None = None
    """Whether ``/docs`` and ``/openapi.json`` are served; in development when not given."""
    mailbox_open: bool | None = None
    """Whether ``/v1/dev/mailbox`` is served; in development when not given."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least important event that is logged."""
    log_file: Path | None = None
    """A file to which events are appended, such as ``/proc/1/fd/2`` for the log of a container; \
the standard error of each process when not given."""

    @property
    def is_production(self) -> bool:
        """Tell whether the strict profile is chosen."""
        return self.profile == "production"

    @property
    def serves_docs(self) -> bool:
        """Tell whether the documentation is served."""
        return not self.is_production if self.docs_open is None else self.docs_open

    @property
    def serves_mailbox(self) -> bool:
        """Tell whether the development mailbox is served."""
        return not self.is_production if self.mailbox_open is None else self.mailbox_open

    @property
    def makes_topics(self) -> bool:
        """Tell whether missing topics are made at the start."""
        return not self.is_production if self.kafka_topics_made is None else self.kafka_topics_made

    @property
    def sends_webhooks_anywhere(self) -> bool:
        """Tell whether webhooks may go to private addresses, and without TLS."""
        return not self.is_production if self.webhooks_anywhere is None else self.webhooks_anywhere

    @property
    def throttle_factor(self) -> int:
        """Return how many times the throttles of production are allowed."""
        return self.throttle_multiplier or (1 if self.is_production else 10)

    @property
    def keys_folder(self) -> Path:
        """Return the folder that holds the keys."""
        return self.keys_dir or self.data_dir / "keys"

    @property
    def logs_folder(self) -> Path:
        """Return the folder that holds the logs of the embedded parts."""
        return self.data_dir / "logs"

    @property
    def url(self) -> str:
        """Return where HTTP is served."""
        return f"http://{self.host}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the variables by which another process comes to the same settings."""
        return {
            f"{PREFIX}{name.upper()}": _variable(value)
            for name, value in self
            if value is not None and value != type(self).model_fields[name].default
        }

    @property
    def app_dsn(self) -> str:
        """Return the database for the application, which may not change what is written.

        With one address for both, the owner's login steps down to the application's role.
        """
        dsn = _given(self.postgres_url)
        if self.postgres_owner_url is not None:
            return dsn
        separator = "&" if "?" in dsn else "?"
        return f"{dsn}{separator}options={quote(f'-c role={APPLICATION_ROLE}')}"

    @property
    def owner_dsn(self) -> str:
        """Return the database for the owner of the tables."""
        return _given(self.postgres_owner_url or self.postgres_url)


def production_refusals(settings: Settings) -> list[str]:
    """Return what forbids the production profile, one clause each; none in development."""
    if not settings.is_production:
        return []
    rules = {
        "the embedded Postgres (set GOPHERPAY_POSTGRES_URL)": settings.postgres_url is None,
        "keys made by itself (set GOPHERPAY_KEYS_DIR)": settings.keys_dir is None,
        "open documentation (unset GOPHERPAY_DOCS_OPEN)": settings.serves_docs,
        "the open mailbox (unset GOPHERPAY_MAILBOX_OPEN)": settings.serves_mailbox,
        "webhooks to anywhere (unset GOPHERPAY_WEBHOOKS_ANYWHERE)": (
            settings.sends_webhooks_anywhere
        ),
        f"bcrypt below cost {BCRYPT_COST_MIN}": settings.bcrypt_cost < BCRYPT_COST_MIN,
    }
    return [clause for clause, broken in rules.items() if broken]


def _variable(value: object) -> str:
    """Return *value* as it stands in a variable."""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _given(dsn: SecretStr | None) -> str:
    if dsn is None:
        raise LookupError("No Postgres is known yet: the embedded one has not been started.")
    return dsn.get_secret_value()
