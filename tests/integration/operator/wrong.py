"""Resources that must be refused: a sample, what is changed in it, and what is said.

Paths are those of `resources.changed`.
"""

WRONG = [
    # What all have
    ("NovuTopic", {"spec.resyncInterval": "10s"}, "must be a duration from 30s to 24h"),
    ("NovuTopic", {"spec.resyncInterval": "soon"}, "such as 90s, 10m or 1h30m"),
    ("NovuTopic", {"spec.resyncInterval": "25h"}, "must be a duration from 30s to 24h"),
    ("NovuTopic", {"spec.deletionPolicy": "Perhaps"}, 'supported values: "Retain", "Delete"'),
    ("NovuTopic", {"spec.adoptionPolicy": "Maybe"}, '"Never", "IfIdentical", "Always"'),
    ("NovuTopic", {"spec.driftPolicy": "Panic"}, 'supported values: "Correct", "Report"'),
    ("NovuTopic", {"spec.connectionRef": ...}, "spec.connectionRef: Required value"),
    ("NovuTopic", {"spec.externalName": "a b"}, "the identifier in Novu must be of letters"),
    ("NovuTopic", {"spec": ...}, "spec: Required value"),
    # Kafka
    ("KafkaConnection", {"spec.sasl": ...}, "sasl must be given when securityProtocol begins"),
    ("KafkaConnection", {"spec.securityProtocol": "SSL"}, "sasl must be given when"),
    (
        "KafkaConnection",
        {"spec.securityProtocol": "SASL_PLAINTEXT"},
        "tls has no effect with this securityProtocol",
    ),
    ("KafkaConnection", {"spec.bootstrapServers.0": "kafka"}, "must be host:port"),
    ("KafkaConnection", {"spec.bootstrapServers": []}, "should have at least 1 items"),
    ("KafkaConnection", {"spec.adminTimeout": "1h"}, "must be a duration from 1s to 10m"),
    (
        "KafkaConnection",
        {"spec.allowedNamespaces.policy": "All"},
        "names or matchLabels must be given when policy is Selected, and only then",
    ),
    (
        "KafkaConnection",
        {"spec.allowedNamespaces.matchLabels": ...},
        "names or matchLabels must be given when policy is Selected, and only then",
    ),
    ("EventTopic", {"spec.partitions": 0}, "should be greater than or equal to 1"),
    ("EventTopic", {"spec.partitions": ...}, "spec.partitions: Required value"),
    ("EventTopic", {"spec.externalName": "__mine"}, "topics that begin with __ belong to Kafka"),
    ("EventTopic", {"spec.externalName": "a/b"}, "the topic's name must be of letters, digits"),
    ("EventTopic", {"spec.externalName": ".."}, "the topic's name must be of letters, digits"),
    ("EventTopic", {"spec.config.Retention": "1"}, "keys of config must be Kafka's"),
    ("EventTopic", {"spec.config.retention/ms": "1"}, "retentionClass decides retention.ms"),
    ("EventTopic", {"spec.config.min/insync/replicas": "4"}, "min.insync.replicas must be a whole"),
    ("EventTopic", {"spec.config.min/insync/replicas": "x"}, "or nobody could write"),
    (
        "EventTopic",
        {"spec.keyed": False, "spec.retentionClass": "Compacted"},
        "a topic without keys cannot be compacted",
    ),
    ("EventTopic", {"spec.acls.0.principal": "relay"}, "such as User:ledger"),
    (
        "EventTopic",
        {"spec.acls.0.consumerGroups": ["relay"]},
        "consumerGroups has no effect without the operation Read",
    ),
    ("EventTopic", {"spec.schemaRef": {}}, "exactly one of configMapKeyRef and url"),
    ("EventTopic", {"spec.schemaRef.url": "ftp://x/schema"}, "url must be an address"),
    ("EventTopic", {"spec.dataLossGuard": "Sometimes"}, '"Records", "ConsumerLag", "None"'),
    # Postgres
    ("PostgresConnection", {"spec.host": ...}, "host must be given either here or by"),
    (
        "PostgresConnection",
        {"spec.adminSecretRef.keyMapping": {"host": "endpoint"}},
        "host must be given either here or by",
    ),
    ("PostgresConnection", {"spec.sslMode": "require"}, "caRef has no effect with this sslMode"),
    ("PostgresConnection", {"spec.rolePrefix": "pg_app"}, "not begin with pg_"),
    ("PostgresConnection", {"spec.rolePrefix": "App"}, "must begin with a lower-case letter"),
    ("PostgresConnection", {"spec.port": 70_000}, "should be less than or equal to 65535"),
    ("PostgresDatabase", {"spec.externalName": "template9"}, "are not for applications"),
    ("PostgresDatabase", {"metadata.name": "postgres"}, "are not for applications"),
    ("PostgresDatabase", {"metadata.name": "a" * 64}, "must have at most 63 characters"),
    ("PostgresDatabase", {"spec.owner": "pg_read_all_data"}, "cannot own a database"),
    ("PostgresDatabase", {"spec.dropWithForce": True}, "dropWithForce has no effect unless"),
    ("PostgresDatabase", {"spec.schemas.0.name": "pg_own"}, "schemas that begin with pg_"),
    ("PostgresDatabase", {"spec.settings.Work Mem": "1"}, "keys of settings must be names"),
    (
        "PostgresDatabase",
        {"spec.schemas": [{"name": "a"}, {"name": "a"}]},
        "Duplicate value",
    ),
    ("PostgresRole", {"spec.externalName": "pg_monitor"}, "roles named postgres, public, none"),
    ("PostgresRole", {"spec.externalName": "postgres"}, "roles named postgres, public, none"),
    ("PostgresRole", {"spec.login": False}, "a role that may not sign in has no use for"),
    ("PostgresRole", {"spec.password": ...}, "connectionSecretTemplate needs password"),
    (
        "PostgresRole",
        {"spec.connectionSecretTemplate": ...},
        "a generated password needs connectionSecretTemplate",
    ),
    (
        "PostgresRole",
        {"spec.password.secretRef": {"name": "mine"}},
        "exactly one of secretRef and generate",
    ),
    ("PostgresRole", {"spec.password.generate.length": 8}, "greater than or equal to 24"),
    (
        "PostgresRole",
        {"spec.password.generate.rotation.at": "03:30"},
        "exactly one of interval and at",
    ),
    (
        "PostgresRole",
        {"spec.password.generate.rotation": {"at": "25:00"}},
        "must be a time of day in UTC",
    ),
    (
        "PostgresRole",
        {"spec.password.generate.rotation.interval": "5m"},
        "must be a duration from 1h to 8760h",
    ),
    ("PostgresRole", {"spec.grants": []}, "should have at least 1 items"),
    (
        "PostgresRole",
        {"spec.grants.0.privileges": ["SELECT"]},
        "exactly one of profile and privileges",
    ),
    ("PostgresRole", {"spec.grants.1.objectType": ...}, "privileges must say on what kind"),
    ("PostgresRole", {"spec.grants.0.objects": ["t"]}, "objects can be named only with"),
    ("PostgresRole", {"spec.grants.1.creators": ["a"]}, "creators has no effect without profile"),
    ("PostgresRole", {"spec.grants.1.privileges": ["FLY"]}, "spec.grants[1].privileges[0]"),
    (
        "PostgresRole",
        {"spec.connectionSecretTemplate.keys": {"a b": "{uri}"}},
        "keys of a Secret must be of letters",
    ),
    ("DatabaseMigration", {"spec.lockTimeout": "6m"}, "must be a duration from 1s to 5m"),
    ("DatabaseMigration", {"spec.job.deadline": "1s"}, "must be a duration from 10s to 24h"),
    ("DatabaseMigration", {"spec.job.env.0.value": "x"}, "exactly one of value and secretKeyRef"),
    # Novu
    ("NovuConnection", {"spec.apiUrl": "api.novu.co"}, "apiUrl must be an address"),
    ("NovuConnection", {"spec.environment": "Staging"}, '"Development", "Production"'),
    ("NovuIntegration", {"spec.active": False}, "a primary integration must be active"),
    ("NovuIntegration", {"spec.channel": "push"}, "only the channels email and sms have"),
    (
        "NovuIntegration",
        {
            "spec.conditions": [
                {"rules": [{"source": "payload", "field": "a", "operator": "EQUAL"}]}
            ]
        },
        "a primary integration has no conditions",
    ),
    ("NovuLayout", {"spec.content": {}}, "exactly one of inline and configMapKeyRef"),
    ("NovuWorkflow", {"spec.steps": []}, "should have at least 1 items"),
    ("NovuWorkflow", {"spec.steps.0.stepId": "In Box"}, "stepId must be of lower-case letters"),
    ("NovuWorkflow", {"spec.steps.1.stepId": "inbox"}, "Duplicate value"),
    ("NovuWorkflow", {"spec.steps.1.controlValues.unit": ...}, "a step of type delay needs"),
    ("NovuWorkflow", {"spec.steps.2.controlValues.subject": ...}, "a step of type email needs"),
    ("NovuWorkflow", {"spec.steps.2.bodyFrom": ...}, "exactly one of controlValues.body and"),
    (
        "NovuWorkflow",
        {"spec.steps.1.bodyFrom": {"name": "a", "key": "b"}},
        "bodyFrom is only for steps that tell something",
    ),
    ("NovuWorkflow", {"spec.payloadSchema": ...}, "validatePayload needs payloadSchema"),
    ("NovuWorkflow", {"spec.tags": ["gopherpay:me"]}, "are the operator's own mark"),
    ("NovuPromotion", {"spec.targetRef.name": "development"}, "must name two environments"),
    ("NovuPromotion", {"spec.resources.all": True}, "either all must be true, or workflows"),
    (
        "NovuPromotion",
        {"spec.approvedPlanHash": "abc", "spec.mode": "Auto"},
        "approvedPlanHash has no effect unless mode is OnApproval",
    ),
]
"""Kind of the sample, what is changed, and a part of what is said."""

FIXED = [
    ("NovuTopic", {"spec.externalName": "other"}, "externalName cannot be changed"),
    ("PostgresRole", {"spec.externalName": "other"}, "externalName cannot be changed"),
    ("PostgresRole", {"spec.externalName": ...}, "externalName cannot be changed"),
    ("NovuTopic", {"spec.connectionRef.name": "other"}, "connectionRef cannot be changed"),
    ("NovuTopic", {"spec.connectionRef.namespace": "other"}, "connectionRef cannot be changed"),
    ("EventTopic", {"spec.partitions": 6}, "partitions cannot become fewer"),
    ("EventTopic", {"spec.partitions": 24}, "set allowPartitionIncrease to true"),
    ("PostgresDatabase", {"spec.locale": "C"}, "locale cannot be changed"),
    ("PostgresDatabase", {"spec.locale": ...}, "locale cannot be changed"),
    ("PostgresDatabase", {"spec.encoding": ...}, "encoding cannot be changed"),
    ("DatabaseMigration", {"spec.databaseRef.name": "b"}, "databaseRef cannot be changed"),
    ("NovuConnection", {"spec.environment": "Production"}, "environment cannot be changed"),
    ("NovuIntegration", {"spec.providerId": "ses"}, "providerId and channel cannot be changed"),
    ("NovuPromotion", {"spec.sourceRef.name": "b"}, "sourceRef and targetRef cannot be changed"),
]
"""Kind of the sample, what is changed after it was created, and a part of what is said."""

ALLOWED = [
    ("EventTopic", {"spec.partitions": 24, "spec.allowPartitionIncrease": True}),
    ("EventTopic", {"spec.partitions": 24, "spec.keyed": False}),
    ("EventTopic", {"spec.replicationFactor": ..., "spec.config.min/insync/replicas": None}),
    ("PostgresDatabase", {"spec.deletionPolicy": "Delete", "spec.dropWithForce": True}),
    ("PostgresRole", {"spec.password.generate": ..., "spec.password.secretRef": {"name": "a"}}),
    ("NovuPromotion", {"spec.approvedPlanHash": "sha256:0a"}),
    ("NovuIntegration", {"spec.primary": False, "spec.active": False}),
]
"""Kind of the sample, and what may be changed after it was created."""
