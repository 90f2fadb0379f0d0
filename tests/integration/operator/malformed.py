"""More than two hundred resources that nobody should write, over all kinds.

Most are samples with one value exchanged, place by place; the rest were thought of by hand. The
server refuses most of them. What it lets in must get a condition, and must harm nobody.
"""

from __future__ import annotations

import copy
import itertools
from typing import NamedTuple

from tests.integration.operator.resources import changed

DEEP = None
for _ in range(60):
    DEEP = [DEEP]

NASTY = [
    None,
    "",
    "x" * 70_000,
    "\u202e\u0000\U0001f4a5 \ufeff",
    "'; DROP DATABASE postgres; --",
    "{password} {0} %s ${HOME} {{7*7}}",
    "../../etc/passwd",
    -1,
    2**63 - 1,
    2**64,
    0.5,
    True,
    [],
    {},
    {"name": None},
    DEEP,
    "9" * 400,
    "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----",
]
"""Values that are put where something sensible was."""

SECRETS = {
    "no-keys": {},
    "wrong-keys": {"user": "a", "pass": "b"},
    "empty-values": {"username": "", "password": "", "apiKey": "", "token": "", "ca.crt": ""},
    "strange-values": {
        "username": "x' OR '1'='1",
        "password": "p\u00e4ss\nword \\ '",
        "apiKey": "a\r\nX-Evil: 1",
        "host": "127.0.0.1 options=-csearch_path=evil",
        "port": "not a port",
        "token": "t" * 50_000,
    },
    "rubbish-pem": {
        "ca.crt": "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n",
        "tls.crt": "rubbish",
        "tls.key": "rubbish",
    },
}
"""Secrets that the resources by hand refer to."""

CONFIG_MAPS = {
    "no-keys": {},
    "mails": {"empty": "", "huge": "h" * 200_000, "broken": "{{#if}} {{content"},
    "schemas": {"broken": "{", "list": "[]", "text": '"x"', "deep": "[" * 3000 + "]" * 3000},
    "rubbish-pem": {"ca.crt": "rubbish"},
}
"""ConfigMaps that the resources by hand refer to."""


def _missing(path, name="not-there"):
    return {path: name}


OWNER, MEMBER, DATABASE = "samples_owner", "samples_member", "samples"
"""What the samples need of Postgres, under names that nobody else uses on a shared server."""

BY_HAND = [
    # References to what is not there, or is something else
    ("EventTopic", _missing("spec.connectionRef.name")),
    ("EventTopic", {"spec.connectionRef.namespace": "kube-system"}),
    ("EventTopic", {"spec.connectionRef.name": "UPPER/case name"}),
    ("EventTopic", {"spec.schemaRef": {"configMapKeyRef": {"name": "schemas", "key": "broken"}}}),
    ("EventTopic", {"spec.schemaRef": {"configMapKeyRef": {"name": "schemas", "key": "list"}}}),
    ("EventTopic", {"spec.schemaRef": {"configMapKeyRef": {"name": "schemas", "key": "deep"}}}),
    ("EventTopic", {"spec.schemaRef": {"configMapKeyRef": {"name": "schemas", "key": "none"}}}),
    ("EventTopic", {"spec.schemaRef": {"configMapKeyRef": {"name": "not-there", "key": "a"}}}),
    ("PostgresDatabase", _missing("spec.connectionRef.name")),
    ("PostgresDatabase", _missing("spec.owner", "nobody_has_this_name")),
    ("PostgresRole", _missing("spec.connectionRef.name")),
    ("PostgresRole", _missing("spec.databaseRef.name")),
    ("PostgresRole", {"spec.memberOf": ["nobody_has_this_name"]}),
    ("PostgresRole", {"spec.memberOf": ["pg_read_all_data", "postgres"]}),
    ("DatabaseMigration", _missing("spec.databaseRef.name")),
    ("DatabaseMigration", _missing("spec.requireBackupRef.name")),
    ("DatabaseMigration", {"spec.requireBackupRef.apiVersion": "a/b/c"}),
    ("DatabaseMigration", {"spec.requireBackupRef.apiVersion": "../../api/v1"}),
    ("DatabaseMigration", {"spec.requireBackupRef.kind": "Secret?watch=true"}),
    ("NovuIntegration", _missing("spec.credentialsSecretRef.name")),
    ("NovuIntegration", _missing("spec.connectionRef.name")),
    ("NovuLayout", _missing("spec.connectionRef.name")),
    ("NovuLayout", {"spec.content": {"configMapKeyRef": {"name": "not-there", "key": "a"}}}),
    ("NovuWorkflow", _missing("spec.connectionRef.name")),
    ("NovuWorkflow", _missing("spec.steps.2.controlValues.layoutId")),
    ("NovuTopic", _missing("spec.connectionRef.name")),
    ("NovuPromotion", _missing("spec.sourceRef.name")),
    ("NovuPromotion", {"spec.resources.workflows": ["not there", "\u0000"]}),
    # Kafka
    ("KafkaConnection", {"spec.bootstrapServers": ["256.1.1.1:99999"]}),
    ("KafkaConnection", {"spec.bootstrapServers": ["[::1]:9092", "a:1,b:2"]}),
    ("KafkaConnection", {"spec.bootstrapServers": ["127.0.0.1:1"], "spec.adminTimeout": "1s"}),
    ("KafkaConnection", {"spec.sasl.secretRef.name": "no-keys"}),
    ("KafkaConnection", {"spec.sasl.secretRef.name": "wrong-keys"}),
    ("KafkaConnection", {"spec.sasl.secretRef.name": "empty-values"}),
    ("KafkaConnection", {"spec.sasl.secretRef.name": "strange-values"}),
    ("KafkaConnection", {"spec.tls": {"caRef": {"name": "rubbish-pem"}}}),
    ("KafkaConnection", {"spec.tls": {"caRef": {"kind": "ConfigMap", "name": "rubbish-pem"}}}),
    ("KafkaConnection", {"spec.tls": {"certRef": {"name": "rubbish-pem"}}}),
    ("KafkaConnection", {"spec.configAllowList": ["\u0000", "*"]}),
    ("KafkaConnection", {"spec.allowedNamespaces": {"policy": "Selected", "names": ["../x"]}}),
    ("EventTopic", {"spec.partitions": 10_000}),
    ("EventTopic", {"spec.replicationFactor": 32, "spec.config": {}}),
    ("EventTopic", {"spec.config": {"retention.bytes": "many"}}),
    ("EventTopic", {"spec.config": {"no.such.key": "1"}}),
    ("EventTopic", {"spec.config": {"segment.bytes": "-5"}}),
    ("EventTopic", {"spec.config": {"min.insync.replicas": "\u0000"}}),
    ("EventTopic", {"spec.config": {f"a.b{n}": None for n in range(64)}}),
    ("EventTopic", {"spec.acls.0.principal": "User:*\u0000\n"}),
    ("EventTopic", {"spec.acls.0.host": "not a host"}),
    ("EventTopic", {"metadata.annotations": {"gopherpay.dev/allow-destroy": "x" * 10_000}}),
    ("EventTopic", {"metadata.annotations": {"gopherpay.dev/reconcile-at": "\u0000"}}),
    ("EventTopic", {"spec.resyncInterval": "99999999999h"}),
    ("EventTopic", {"spec.resyncInterval": "\u0661h"}),
    # Postgres
    ("PostgresConnection", {"spec.host": "/tmp"}),  # noqa: S108 - where a socket would be
    ("PostgresConnection", {"spec.host": "a,b,c"}),
    ("PostgresConnection", {"spec.host": "x sslmode=disable"}),
    ("PostgresConnection", {"spec.host": "\u0000"}),
    ("PostgresConnection", {"spec.host": "127.0.0.1", "spec.port": 1}),
    ("PostgresConnection", {"spec.database": "\u0000'\""}),
    ("PostgresConnection", {"spec.adminSecretRef.name": "no-keys"}),
    ("PostgresConnection", {"spec.adminSecretRef.name": "wrong-keys"}),
    ("PostgresConnection", {"spec.adminSecretRef.name": "strange-values"}),
    ("PostgresConnection", {"spec.caRef": {"name": "rubbish-pem"}}),
    (
        "PostgresConnection",
        {
            "spec.host": ...,
            "spec.adminSecretRef": {
                "name": "strange-values",
                "keyMapping": {"host": "host", "port": "port"},
            },
        },
    ),
    ("PostgresDatabase", {"spec.owner": 'x"; DROP ROLE y; --'}),
    ("PostgresDatabase", {"spec.owner": OWNER, "spec.encoding": "NONSENSE"}),
    ("PostgresDatabase", {"spec.owner": OWNER, "spec.locale": "xx_YY\u0000"}),
    ("PostgresDatabase", {"spec.owner": OWNER, "spec.settings": {"a": "1"}}),
    (
        "PostgresDatabase",
        {"spec.owner": OWNER, "spec.settings": {"work_mem": "'; --"}},
    ),
    (
        "PostgresDatabase",
        {"spec.owner": OWNER, "spec.extensions": [{"name": "not_there"}]},
    ),
    (
        "PostgresDatabase",
        {"spec.owner": OWNER, "spec.schemas": [{"name": 'a"b\u0000'}]},
    ),
    ("PostgresRole", {"spec.externalName": 'quote"in\u0000name'}),
    ("PostgresRole", {"spec.externalName": "\U0001f4a5" * 16}),
    ("PostgresRole", {"spec.grants.0.database": "nobody_has_this_name"}),
    ("PostgresRole", {"spec.grants.0.schemas": ["\u0000"]}),
    ("PostgresRole", {"spec.grants.0.creators": ["nobody_has_this_name"]}),
    ("PostgresRole", {"spec.connectionSecretTemplate.keys": {"a": "{nothing}"}}),
    ("PostgresRole", {"spec.connectionSecretTemplate.keys": {"a": "{uri.__class__}"}}),
    ("PostgresRole", {"spec.connectionSecretTemplate.keys": {"a": "{", "b": "}{"}}),
    ("PostgresRole", {"spec.connectionSecretTemplate.name": "No Name"}),
    ("PostgresRole", {"spec.connectionSecretTemplate.name": "strange-values"}),
    ("PostgresRole", {"spec.connectionSecretTemplate.labels": {"a b": "c d"}}),
    (
        "PostgresRole",
        {"spec.password": {"secretRef": {"name": "wrong-keys"}}},
    ),
    (
        "PostgresRole",
        {"spec.password": {"secretRef": {"name": "empty-values"}}},
    ),
    (
        "PostgresRole",
        {"spec.password": {"secretRef": {"name": "strange-values"}}},
    ),
    # Migrations
    ("DatabaseMigration", {"spec.job.image": "not an image \u0000"}),
    ("DatabaseMigration", {"spec.job.args": ["{nothing}", "{", "{targetRevision.__class__}"]}),
    ("DatabaseMigration", {"spec.job.resources": {"limits": {"cpu": "lots"}}}),
    ("DatabaseMigration", {"spec.job.tolerations": [{"key": 5, "operator": []}]}),
    ("DatabaseMigration", {"spec.job.nodeSelector": {"a b c": "d e f"}}),
    ("DatabaseMigration", {"spec.targetRevision": "\u0000 $(reboot)"}),
    ("DatabaseMigration", {"spec.job.serviceAccountName": "../x"}),
    # Novu
    ("NovuConnection", {"spec.apiUrl": "http://[::1"}),
    ("NovuConnection", {"spec.apiUrl": "http://127.0.0.1:1"}),
    ("NovuConnection", {"spec.apiUrl": "https://user:pass@x/\u0000"}),
    ("NovuConnection", {"spec.apiKeySecretRef": {"name": "no-keys", "key": "apiKey"}}),
    ("NovuConnection", {"spec.apiKeySecretRef": {"name": "strange-values", "key": "apiKey"}}),
    ("NovuConnection", {"spec.apiKeySecretRef": {"name": "strange-values", "key": "token"}}),
    ("NovuConnection", {"spec.apiKeySecretRef": {"name": "empty-values", "key": "apiKey"}}),
    ("NovuIntegration", {"spec.credentialsSecretRef": {"name": "no-keys"}}),
    ("NovuIntegration", {"spec.credentialsSecretRef": {"name": "strange-values"}}),
    ("NovuIntegration", {"spec.providerId": "\u0000"}),
    ("NovuLayout", {"spec.content.inline": "no place for content"}),
    ("NovuLayout", {"spec.content.inline": "{{content" * 1000}),
    ("NovuLayout", {"spec.content": {"configMapKeyRef": {"name": "mails", "key": "huge"}}}),
    ("NovuWorkflow", {"spec.steps.2.bodyFrom": {"name": "mails", "key": "broken"}}),
    ("NovuWorkflow", {"spec.steps.2.bodyFrom": {"name": "mails", "key": "none"}}),
    ("NovuWorkflow", {"spec.payloadSchema": {"type": "object", "properties": 5}}),
    ("NovuWorkflow", {"spec.payloadSchema": {"type": "object", "$ref": "#"}}),
    ("NovuWorkflow", {"spec.payloadSchema": {"type": "object", "deep": DEEP}}),
    ("NovuWorkflow", {"spec.steps.0.controlValues.body": "\u0000"}),
    ("NovuWorkflow", {"spec.steps.0.controlValues.extra": DEEP}),
    ("NovuTopic", {"spec.name": "\u0000"}),
    ("NovuTopic", {"spec.externalName": "::::"}),
]
"""Kind of the sample, and what is changed in it; paths are those of `resources.changed`."""


POSSIBLE = {
    "EventTopic": {
        "spec.partitions": 2,
        "spec.replicationFactor": 1,
        "spec.config.min/insync/replicas": "1",
    },
    "PostgresDatabase": {"spec.owner": OWNER},
    "PostgresRole": {
        "spec.memberOf": [MEMBER],
        "spec.grants.0.database": DATABASE,
        "spec.grants.0.creators": [OWNER],
        "spec.grants.1.database": DATABASE,
        "spec.connectionSecretTemplate.database": DATABASE,
        "spec.connectionSecretTemplate.variants": ["Primary"],
    },
    "DatabaseMigration": {"spec.strategy": "Automatic"},
}
"""What makes a sample fit the servers of the tests, so that only its own fault is in the way."""

NOT_HERE = ("acls", "extensions", "requireBackupRef")
"""Parts of samples that the servers of the tests cannot satisfy; kept where they are at fault."""


class Malformed(NamedTuple):
    """A resource, and where in it something is wrong."""

    kind: str
    places: tuple[str, ...]
    document: dict


def malformed(samples, prefix):
    """Return all of them, each with a name that begins with *prefix* and things of its own."""
    nasty = itertools.cycle(NASTY)
    possible = {kind: changed(each, POSSIBLE.get(kind, {})) for kind, each in samples.items()}
    by_place = [
        (kind, {place: copy.deepcopy(next(nasty))})
        for kind, sample in sorted(possible.items())
        for place in places(sample["spec"])
    ]
    return [
        Malformed(kind, tuple(changes), _own(possible[kind], f"{prefix}-{number}", changes))
        for number, (kind, changes) in enumerate([*by_place, *BY_HAND])
    ]


def places(value, path="spec"):
    """Return the paths of all values below *value*, lists and maps among them."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    found = []
    for key, each in inner:
        place = f"{path}.{str(key).replace('.', '/')}"
        found += [place, *(places(each, place) if isinstance(each, dict | list) else ())]
    return found


def _own(sample, name, changes):
    """Return the changed *sample*, so that it meets no other one, and could be brought about."""
    document = changed(sample, {"metadata.name": name})
    spec = document["spec"]
    spec.pop("externalName", None)
    if "connectionSecretTemplate" in spec:
        spec["connectionSecretTemplate"]["name"] = name
    for part in NOT_HERE:
        if part in spec and not any(place.startswith(f"spec.{part}") for place in changes):
            del spec[part]
    return changed(document, changes)
