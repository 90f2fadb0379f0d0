"""``gopherpay-operator plan``: what would be done, asked of the live servers, and not done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer
from rich.console import Console
from rich.table import Table

from gopherpay_operator import wishes
from gopherpay_operator.backends.kafka import KafkaTopics
from gopherpay_operator.backends.kafka_claims import KafkaClaims
from gopherpay_operator.backends.postgres import PostgresServer
from gopherpay_operator.backends.postgres_databases import PostgresDatabases
from gopherpay_operator.backends.postgres_roles import PostgresRoles
from gopherpay_operator.cli import novu_plans
from gopherpay_operator.cli.documents import Document, Unreadable, read
from gopherpay_operator.plans import planning
from gopherpay_operator.plans.novu import Surroundings
from gopherpay_operator.plans.novu_marks import owners
from gopherpay_operator.resources.kafka import EventTopicSpec
from gopherpay_operator.resources.policies import ALLOW_DESTROY, ManagedSpec
from gopherpay_operator.resources.postgres import PostgresDatabaseSpec
from gopherpay_operator.resources.roles import PostgresRoleSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gopherpay_operator.backends.ports import Backend
    from gopherpay_operator.plans.actions import Plan
    from gopherpay_operator.plans.desired import Desired

DIFFERS: Final = 2
STANDARD_INPUT: Final = "-"
Backends = dict[str, "Backend[Any, Any]"]

File = Annotated[
    str, typer.Option("--file", "-f", help="A file of resources in YAML; - for standard input.")
]
Kafka = Annotated[
    str | None,
    typer.Option(
        envvar="GOPHERPAY_OPERATOR_KAFKA",
        help="For EventTopics: host:port of brokers, separated by commas.",
    ),
]
KafkaSettings = Annotated[
    Path | None,
    typer.Option(
        envvar="GOPHERPAY_OPERATOR_KAFKA_SETTINGS",
        help="More settings of librdkafka, a line each as key=value: security.protocol and so on.",
    ),
]
Postgres = Annotated[
    str | None,
    typer.Option(
        envvar="GOPHERPAY_OPERATOR_POSTGRES",
        help="For databases and roles: where the server is, as libpq has it; prefer the variable "
        "or a passfile for a password, since others see a command line.",
    ),
]
Novu = Annotated[
    str | None,
    typer.Option(
        envvar="GOPHERPAY_OPERATOR_NOVU",
        help="For what is in Novu: the address of its API. The environment's key is read from "
        f"{novu_plans.KEY_VARIABLE}.",
    ),
]
Environment = Annotated[
    Literal["Development", "Production"],
    typer.Option("--novu-environment", help="Which environment the key is of."),
]
Cluster = Annotated[
    str,
    typer.Option(
        envvar="GOPHERPAY_OPERATOR_CLUSTER",
        help="The cluster in whose name things are owned, as in the record of their owner.",
    ),
]


def plan(
    *,
    file: File,
    kafka: Kafka = None,
    kafka_settings: KafkaSettings = None,
    postgres: Postgres = None,
    novu: Novu = None,
    novu_environment: Environment = "Development",
    cluster: Cluster = "default",
) -> int:
    """Show what would be done for the resources of a file, and do nothing.

    Ends with 0 when everything is as it is written, 2 when something differs, 1 when that cannot
    be said. The acls of topics are compared; passwords and credentials are not, for they are in
    the cluster's Secrets. What needs a ConfigMap, a Job or two environments is not planned.
    """
    documents = read(_text(file))
    backends = _backends(kafka, _settings(kafka_settings), postgres)
    if novu is not None:
        backends |= novu_plans.backends(novu)
    around = _surroundings(documents, cluster, novu_environment)
    plans = [(each, _planned(each, backends, cluster, around)) for each in documents]
    skipped = [each for each, made in plans if made is None]
    known = [(each, made) for each, made in plans if made is not None]
    _show(known, skipped)
    return DIFFERS if any(not made.is_empty for _, made in known) else 0


def _text(file: str) -> str:
    try:
        if file == STANDARD_INPUT:
            return typer.get_text_stream("stdin").read()
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"The file {file} cannot be read: {error}.") from None


def _settings(file: Path | None) -> dict[str, str]:
    lines = [] if file is None else _text(str(file)).splitlines()
    pairs = [line.partition("=") for line in lines if line.strip() and not line.startswith("#")]
    return {key.strip(): value.strip() for key, _, value in pairs}


def _backends(kafka: str | None, settings: Mapping[str, str], postgres: str | None) -> Backends:
    made: Backends = {}
    if kafka is not None:
        configuration = {**settings, "bootstrap.servers": kafka}
        made["EventTopic"] = KafkaTopics(configuration, KafkaClaims(configuration))
    if postgres is not None:
        server = PostgresServer(postgres)
        made["PostgresDatabase"] = PostgresDatabases(server)
        made["PostgresRole"] = PostgresRoles(server)
    return made


def _surroundings(documents: Sequence[Document], cluster: str, environment: str) -> Surroundings:
    return Surroundings(
        environment, owners=owners(cluster, [_claim(each, cluster) for each in documents])
    )


def _claim(document: Document, cluster: str) -> str:
    return f"{cluster}/{document.namespace}/{document.name}"


def _planned(
    document: Document, backends: Backends, cluster: str, around: Surroundings
) -> Plan | None:
    """Return the plan for *document*; ``None`` for a kind that is not planned from here.

    Raises:
        Unreadable: If nobody has said where its server is.
    """
    desired, spec = _desired(document, around), document.spec
    if desired is None or not isinstance(spec, ManagedSpec):
        return None
    backend = backends.get(document.kind)
    if backend is None:
        option = _option(document.kind)
        raise Unreadable(f"{document.kind} '{document.name}' needs its server: give {option}.")
    policy = wishes.policy(
        _claim(document, cluster),
        spec,
        allow_destroy=document.annotations.get(ALLOW_DESTROY),
    )
    return planning.plan(desired, backend.observe([desired])[desired.name], policy)


def _option(kind: str) -> str:
    if kind.startswith("Novu"):
        return "--novu"
    return "--kafka" if kind == "EventTopic" else "--postgres"


def _desired(document: Document, around: Surroundings) -> Desired | None:
    match document.spec:
        case EventTopicSpec() as spec:
            return wishes.topic(document.name, spec)
        case PostgresDatabaseSpec() as spec:
            return wishes.database(document.name, spec)
        case PostgresRoleSpec() as spec:
            return wishes.role(document.name, spec)
        case _:
            return novu_plans.desired(document, around)


def _show(plans: list[tuple[Document, Plan]], skipped: list[Document]) -> None:
    console = Console(highlight=False, markup=False)
    table = Table("Resource", "Risk", "What would be done", box=None, pad_edge=False)
    for document, made in plans:
        for action in made.actions:
            table.add_row(f"{document.kind}/{document.name}", action.risk.value, action.sentence)
    if table.row_count:
        console.print(table)
    same = sum(made.is_empty for _, made in plans)
    console.print(f"{len(plans) - same} of {len(plans)} resources differ.")
    for each in skipped:
        console.print(f"{each.kind}/{each.name} is not planned from here.")
