"""Where the outside is and how one gets in: Kafka clusters and Postgres servers."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from gopherpay_operator.resources.block import AS_SET, Block, Rule
from gopherpay_operator.resources.kinds import (
    AGE,
    CONDITIONS,
    REASON,
    Column,
    Kind,
    condition,
)
from gopherpay_operator.resources.policies import WatchedSpec
from gopherpay_operator.resources.references import (
    AllowedNamespaces,
    HostName,
    ObjectName,
    Port,
    SecretKey,
    SecretReference,
    Timeout,
    TrustReference,
)
from gopherpay_operator.resources.status import ConnectionStatus

CONNECTION_CONDITIONS = {
    **CONDITIONS,
    "Reachable": "The last call was answered.",
    "DependenciesReady": "All Secrets and ConfigMaps that are named are there.",
    "DeletionBlocked": "It is to be deleted, and resources still use it; the message counts them.",
}


class ConnectionSpec(WatchedSpec):
    """What every connection can be told."""

    allowed_namespaces: AllowedNamespaces = AllowedNamespaces()
    """Whose resources may use this connection."""


class SaslCredentials(Block):
    """Keys of the Secret that holds a user's name and password."""

    name: ObjectName
    """Name of the Secret."""

    username_key: SecretKey = "username"
    """Key of the user's name."""

    password_key: SecretKey = "password"  # noqa: S105 - the name of a key
    """Key of the password."""


class Sasl(Block):
    """How the operator signs in to Kafka."""

    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    """The SASL mechanism."""

    secret_ref: SaslCredentials
    """The Secret with the user's name and password."""


class KafkaTls(Block):
    """Whom the operator trusts, and by what it is known itself."""

    ca_ref: TrustReference | None = None
    """Certificates that are trusted; those of the operator's image when absent."""

    cert_ref: SecretReference | None = None
    """A Secret of type kubernetes.io/tls with the operator's own certificate and key."""


class KafkaLimits(Block):
    """How much may be made through this connection."""

    max_partitions: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Partitions of all its EventTopics together; unlimited when absent."""

    max_topics: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """EventTopics; unlimited when absent."""


class KafkaConnectionSpec(ConnectionSpec):
    """Where a Kafka cluster is, and what may be done there."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.sasl) == self.securityProtocol.startsWith('SASL_')",
            "sasl must be given when securityProtocol begins with SASL_, and only then",
            ".sasl",
        ),
        Rule(
            "!has(self.tls) || self.securityProtocol.endsWith('SSL')",
            "tls has no effect with this securityProtocol: choose SSL or SASL_SSL, or remove tls",
            ".tls",
        ),
        Rule(
            "self.bootstrapServers.all(s, s.matches('^[^:/ ]+:[0-9]{1,5}$'))",
            "every bootstrap server must be host:port, such as kafka.example:9092",
            ".bootstrapServers",
        ),
    )

    bootstrap_servers: Annotated[
        list[Annotated[str, Field(min_length=3, max_length=260)]],
        Field(min_length=1, max_length=16, json_schema_extra=AS_SET),
    ]
    """Brokers to begin with, each as host:port."""

    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "SASL_SSL"
    """How brokers are spoken to. The two without SSL are for loopback and closed networks."""

    sasl: Sasl | None = None
    """How the operator signs in; with a securityProtocol that begins with SASL_."""

    tls: KafkaTls | None = None
    """Certificates; with a securityProtocol that ends with SSL."""

    config_allow_list: (
        Annotated[
            list[Annotated[str, Field(min_length=1, max_length=128)]],
            Field(max_length=64, json_schema_extra=AS_SET),
        ]
        | None
    ) = None
    """Topic configurations that EventTopics may set; all of them when absent, none when empty."""

    limits: KafkaLimits = KafkaLimits()
    """How much may be made through this connection."""

    admin_timeout: Timeout = "30s"
    """How long one administrative call may take: 1s to 10m."""


class KafkaObserved(Block):
    """What was found at the Kafka cluster."""

    cluster_id: Annotated[str, Field(max_length=64)] | None = None
    """Id that the cluster has given itself."""

    broker_count: int | None = None
    """Brokers that are up."""

    controller_known: bool | None = None
    """Whether the cluster has a controller, without which nothing can be changed."""

    features: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=64)] | None = (
        None
    )
    """What the brokers allow, each as name=on or name=off: acls and topic-deletion."""


class KafkaConnectionStatus(ConnectionStatus):
    """What a Kafka connection says of itself."""

    observed: KafkaObserved | None = None
    """What was found at the cluster."""


KAFKA_CONNECTION = Kind(
    name="KafkaConnection",
    plural="kafkaconnections",
    short_names=("kconn",),
    summary=(
        "A Kafka cluster, how the operator signs in to it, and whose EventTopics may use it. "
        "Deleting it changes nothing in Kafka, and waits while EventTopics use it."
    ),
    spec=KafkaConnectionSpec,
    status=KafkaConnectionStatus,
    conditions={
        **CONNECTION_CONDITIONS,
        "AutoCreateEnabled": "A warning: brokers make topics that nobody declared.",
    },
    columns=(
        condition("Ready"),
        Column("Brokers", ".status.observed.brokerCount", "integer"),
        Column("ClusterId", ".status.observed.clusterId"),
        Column("Servers", ".spec.bootstrapServers", wide=True),
        Column(REASON.name, REASON.path, wide=True),
        AGE,
    ),
)


class AdminKeys(Block):
    """Keys of the administrator's Secret."""

    username: SecretKey = "username"
    """Key of the role's name. CloudNativePG and Zalando write username, RDS username."""

    password: SecretKey = "password"  # noqa: S105 - the name of a key
    """Key of the password."""

    host: SecretKey | None = None
    """Key of the host, when it is to be read from the Secret instead of spec.host."""

    port: SecretKey | None = None
    """Key of the port, when it is to be read from the Secret instead of spec.port."""


class AdminSecret(Block):
    """The Secret by which the operator signs in, in whatever layout another operator made it."""

    name: ObjectName
    """Name of the Secret."""

    key_mapping: AdminKeys = AdminKeys()
    """Which key holds what; the defaults fit the Secrets of CloudNativePG, Zalando and RDS."""


class Endpoint(Block):
    """Another way to the same data."""

    host: HostName
    """Name or address."""

    port: Port = 5432
    """TCP port."""


class PostgresConnectionSpec(ConnectionSpec):
    """Where a Postgres server is, and what may be done there."""

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "has(self.host) != (has(self.adminSecretRef.keyMapping)"
            " && has(self.adminSecretRef.keyMapping.host))",
            "host must be given either here or by adminSecretRef.keyMapping.host, not by both",
            ".host",
        ),
        Rule(
            "!has(self.caRef) || self.sslMode in ['verify-ca', 'verify-full']",
            "caRef has no effect with this sslMode: choose verify-ca or verify-full",
            ".caRef",
        ),
        Rule(
            "!has(self.rolePrefix) || self.rolePrefix.matches('^[a-z_][a-z0-9_-]*$')"
            " && !self.rolePrefix.startsWith('pg_')",
            "rolePrefix must begin with a lower-case letter, continue with letters, digits, _ or "
            "-, and not begin with pg_, which Postgres keeps for itself",
            ".rolePrefix",
        ),
    )

    host: HostName | None = None
    """Name or address of the primary."""

    port: Port = 5432
    """TCP port of the primary."""

    database: Annotated[str, Field(min_length=1, max_length=63)] = "postgres"
    """Database that the operator signs in to before it works on others."""

    admin_secret_ref: AdminSecret
    """The Secret with the name and password of a role that may create roles and databases; it \
need not be a superuser."""

    ssl_mode: Literal["disable", "prefer", "require", "verify-ca", "verify-full"] = "verify-full"
    """How the connection is secured, in libpq's words."""

    ca_ref: TrustReference | None = None
    """Certificates that are trusted; those of the operator's image when absent."""

    role_prefix: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    """Roles and databases made through this connection must begin with this."""

    connection_limit: Annotated[int, Field(ge=1, le=32)] = 2
    """Connections that the operator keeps to the server at most."""

    replica: Endpoint | None = None
    """Where replicas answer, for the connection Secrets of roles."""

    pooler: Endpoint | None = None
    """Where a pooler answers, for the connection Secrets of roles."""


class PostgresObserved(Block):
    """What was found at the Postgres server."""

    server_version: Annotated[str, Field(max_length=64)] | None = None
    """Version, such as 18.1."""

    is_superuser: bool | None = None
    """Whether the operator's role is a superuser."""

    in_recovery: bool | None = None
    """True on a replica, where nothing can be changed."""

    extensions_available: (
        Annotated[list[Annotated[str, Field(max_length=63)]], Field(max_length=256)] | None
    ) = None
    """Extensions that could be created."""

    missing_privileges: (
        Annotated[list[Annotated[str, Field(max_length=256)]], Field(max_length=32)] | None
    ) = None
    """What the operator's role lacks, each with the statement that would grant it."""


class PostgresConnectionStatus(ConnectionStatus):
    """What a Postgres connection says of itself."""

    observed: PostgresObserved | None = None
    """What was found at the server."""


POSTGRES_CONNECTION = Kind(
    name="PostgresConnection",
    plural="postgresconnections",
    short_names=("pgconn",),
    summary=(
        "A Postgres server, how the operator signs in to it, and whose databases and roles may "
        "use it. Deleting it changes nothing in Postgres, and waits while others use it."
    ),
    spec=PostgresConnectionSpec,
    status=PostgresConnectionStatus,
    conditions={
        **CONNECTION_CONDITIONS,
        "PrivilegesSufficient": "The role may create roles and databases and grant what it made.",
    },
    columns=(
        condition("Ready"),
        Column("Version", ".status.observed.serverVersion"),
        Column("Replica", ".status.observed.inRecovery", "boolean", wide=True),
        Column("Primary", ".spec.host"),
        Column(REASON.name, REASON.path, wide=True),
        AGE,
    ),
)
