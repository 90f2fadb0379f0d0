"""What people write becomes what the planner takes, with nothing lost on the way."""

from pathlib import Path

import pytest

from gopherpay_operator import wishes
from gopherpay_operator.cli.documents import Unreadable, read
from gopherpay_operator.plans.desired import (
    Attributes,
    DataLossGuard,
    EventTopic,
    Extension,
    ObjectGrant,
    PostgresDatabase,
    PostgresRole,
    Profile,
    ProfileGrant,
    Schema,
)
from gopherpay_operator.plans.observed import Found
from gopherpay_operator.plans.planning import plan
from gopherpay_operator.plans.policy import Adoption, Deletion, Drift, Policy
from gopherpay_operator.resources.kafka import EventTopicSpec
from gopherpay_operator.resources.postgres import PostgresDatabaseSpec
from gopherpay_operator.resources.roles import PostgresRoleSpec

SAMPLES = Path(__file__).parents[3] / "k8s" / "samples"
CONNECTED = {"connectionRef": {"name": "main"}}


def test_a_topic():
    spec = EventTopicSpec.model_validate(
        {
            **CONNECTED,
            "externalName": "pay.ledger",
            "partitions": 6,
            "replicationFactor": 3,
            "config": {"segment.ms": None, "min.insync.replicas": "2"},
            "keyed": False,
            "allowPartitionIncrease": True,
            "retentionClass": "Forever",
            "dataLossGuard": "ConsumerLag",
        }
    )

    assert wishes.topic("it", spec, config_allowed=["segment.ms"], partitions_max=9) == EventTopic(
        "pay.ledger",
        6,
        3,
        {
            "segment.ms": None,
            "min.insync.replicas": "2",
            "cleanup.policy": "delete",
            "retention.ms": "-1",
        },
        keyed=False,
        allow_partition_increase=True,
        data_loss_guard=DataLossGuard.CONSUMER_LAG,
        config_allowed=frozenset({"segment.ms", "cleanup.policy", "retention.ms"}),
        partitions_max=9,
    )


def test_a_database():
    spec = PostgresDatabaseSpec.model_validate(
        {
            **CONNECTED,
            "owner": "app",
            "encoding": "UTF8",
            "locale": "C",
            "schemas": [{"name": "audit", "owner": "auditor"}, {"name": "old", "ensure": "Absent"}],
            "extensions": [{"name": "pg_trgm", "version": "1.6", "schema": "audit"}],
            "connectionLimit": 7,
            "settings": {"work_mem": "8MB"},
            "revokePublic": False,
        }
    )

    assert wishes.database("ledger", spec, name_prefix="l") == PostgresDatabase(
        "ledger",
        "app",
        "UTF8",
        "C",
        (Schema("audit", "auditor"), Schema("old", is_present=False)),
        (Extension("pg_trgm", "1.6", "audit"),),
        7,
        {"work_mem": "8MB"},
        revoke_public=False,
        name_prefix="l",
    )


GRANTS = [
    {"database": "pay", "profile": "reader", "schemas": ["a", "b"], "creators": ["c"]},
    {"database": "pay", "privileges": ["CONNECT"], "objectType": "Database"},
    {"database": "pay", "privileges": ["USAGE"], "objectType": "Schema"},
    {"database": "pay", "privileges": ["SELECT"], "objectType": "Table", "objects": ["t"]},
    {"database": "pay", "privileges": ["USAGE"], "objectType": "Sequence"},
]


def test_a_role():
    written = {
        "login": False,
        "attributes": {"createDatabase": True, "connectionLimit": 3},
        "memberOf": ["readers"],
        "grants": GRANTS,
    }
    spec = PostgresRoleSpec.model_validate({**CONNECTED, **written})

    assert wishes.role("app", spec) == PostgresRole(
        "app",
        Attributes(login=False, create_database=True, connection_limit=3),
        frozenset({"readers"}),
        (
            ProfileGrant("pay", Profile.READER, "a", frozenset({"c"})),
            ProfileGrant("pay", Profile.READER, "b", frozenset({"c"})),
            ObjectGrant("pay", "database", frozenset({"CONNECT"})),
            ObjectGrant("pay", "schema", frozenset({"USAGE"})),
            ObjectGrant("pay", "table", frozenset({"SELECT"}), names=frozenset({"t"})),
            ObjectGrant("pay", "sequence", frozenset({"USAGE"})),
        ),
    )


def test_a_policy():
    spec = EventTopicSpec.model_validate(
        {
            **CONNECTED,
            "partitions": 1,
            "deletionPolicy": "Delete",
            "adoptionPolicy": "Never",
            "driftPolicy": "Report",
            "suspend": True,
        }
    )

    assert wishes.policy("one/pay/it", spec, allow_destroy="it") == Policy(
        "one/pay/it",
        Deletion.DELETE,
        Adoption.NEVER,
        Drift.REPORT,
        suspended=True,
        allow_destroy="it",
    )


@pytest.mark.parametrize(
    ("name", "wish"),
    [
        ("eventtopic", wishes.topic),
        ("postgresdatabase", wishes.database),
        ("postgresrole", wishes.role),
    ],
)
def test_every_sample_can_be_planned(name, wish):
    documents = read((SAMPLES / f"{name}.yaml").read_text(encoding="utf-8"))

    assert documents
    for each in documents:
        nothing = Found(acls=frozenset())
        made = plan(wish(each.name, each.spec), nothing, wishes.policy("one/pay/it", each.spec))
        assert made.steps


def test_resources_in_a_list_are_found_and_others_left_out():
    text = """
    kind: List
    items:
    - {apiVersion: v1, kind: Secret}
    - apiVersion: gopherpay.dev/v1alpha1
      kind: EventTopic
      metadata: {name: ledger}
      spec: {connectionRef: {name: main}, partitions: 1}
    """

    assert [(each.kind, each.namespace, each.name) for each in read(text)] == [
        ("EventTopic", "default", "ledger")
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{apiVersion: gopherpay.dev/v1alpha1, kind: Topic, metadata: {name: a}}", "its kind"),
        ("{apiVersion: gopherpay.dev/v1alpha1, kind: EventTopic}", "its name"),
        (
            "{apiVersion: gopherpay.dev/v1, kind: EventTopic, metadata: {name: a}}",
            "spec.partitions: Field required",
        ),
    ],
)
def test_a_wrong_resource_is_told_with_its_place(text, complaint):
    with pytest.raises(Unreadable, match=complaint):
        read(text)


def test_a_role_whose_programs_take_turns_does_not_sign_in_itself():
    generate = {"rotation": {"interval": "24h"}}
    spec = PostgresRoleSpec.model_validate({**CONNECTED, "password": {"generate": generate}})

    wanted = wishes.role("app", spec)

    assert not wanted.attributes.login
    assert [each.name for each in wanted.sign_ins] == ["app_a", "app_b"]
