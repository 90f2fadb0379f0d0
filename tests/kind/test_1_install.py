"""What a fresh install must have made, and what people do with it."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.kind.payments import CLIENT, Door, open_account, sign_up
from tests.kind.platform import is_ready, query, run_job

MADE = {
    "eventtopics": {"gopherpay-account", "gopherpay-user", "gopherpay-dead-letter"},
    "novuworkflows": {"gopherpay-transfer-received", "gopherpay-verify-email"},
    "postgresdatabases": {"gopherpay"},
    "postgresroles": {
        "gopherpay-owner-role",
        "gopherpay-app-role",
        "gopherpay-owner",
        "gopherpay-app",
    },
}
KAFKA = "/opt/kafka/bin"
NOVU_KEY = {"token": "novu-secret-for-tests", "scheme": "ApiKey"}


def in_kafka(cluster, script, *arguments, seconds=120):
    """Run one of Kafka's own programs in its pod."""
    command = (f"{KAFKA}/{script}.sh", "--bootstrap-server", "localhost:9092", *arguments)
    return cluster.kubectl("exec", "kafka-0", "--", *command, seconds=seconds)


def test_the_operator_has_made_what_the_chart_asks_for(cluster):
    for kind, names in MADE.items():
        found = {one["metadata"]["name"]: one for one in cluster.get(kind)["items"]}
        assert names <= set(found)
        assert all(is_ready(found[name]) for name in names)

    topics = set(in_kafka(cluster, "kafka-topics", "--list").split())
    roles = {name for (name,) in query(cluster, "SELECT rolname FROM pg_roles")}

    assert {f"gopherpay.{name}.v1" for name in ("account", "user", "dead-letter")} <= topics
    assert {"gopherpay_owner", "gopherpay_app", "gopherpay_migrator", "gopherpay_login"} <= roles


def test_the_operator_has_written_the_workflows_to_novu(door):
    novu = Door(door.cluster, "novu", 3000)

    path = "/v2/workflows/gopherpay-transfer-received"
    found = novu.expect(200, "GET", path, **NOVU_KEY)["data"]

    assert found["active"]
    assert [step["type"] for step in found["steps"]] == ["email", "push"]


def test_every_pod_is_a_restricted_one(cluster):
    label = "pod-security.kubernetes.io/enforce"
    namespace = cluster.get(f"namespace/{cluster.namespace}")

    assert namespace["metadata"]["labels"][label] == "restricted"
    assert len(cluster.get("pods")["items"]) >= 5


def test_the_log_of_a_pod_shows_what_the_platform_says(cluster):
    (worker,) = cluster.pods("worker")
    command = ("logs", worker["metadata"]["name"], "--container=ray")

    def events():
        lines = cluster.kubectl(*command).splitlines()
        return {json.loads(line)["event"] for line in lines if line.startswith("{")}

    cluster.until(lambda: {"lanes.held", "identity.swept"} <= events(), "they are in the log", 90)


def test_helm_test_says_that_it_works(cluster):
    said = cluster.helm("test", "gopherpay", "--timeout=2m", "--logs")

    assert "Phase:          Succeeded" in said
    assert "Ed25519" in said


def test_a_payment_is_settled_and_told_to_kafka_the_inbox_and_novu(cluster, door, treasury):
    _, ada = sign_up(cluster, door, "Ada")
    _, grace = sign_up(cluster, door, "Grace")
    source = open_account(door, ada, treasury, "100.00")
    destination = open_account(door, grace, treasury, "1.00")
    wish = {
        "source_account_id": source,
        "destination_account_id": destination,
        "amount": "10.50",
        "currency": "USD",
    }
    transfer = door.expect(201, "POST", "/v1/transfers", token=ada, key=uuid.uuid4().hex, body=wish)

    balance = door.expect(200, "GET", f"/v1/accounts/{destination}/balance", token=grace)
    event = cluster.until(lambda: _event(cluster, transfer["id"]), "the event is in Kafka", 90)
    notice = cluster.until(
        lambda: _notice(door, grace, transfer["id"]), "the notification is in the inbox", 90
    )
    sent = cluster.until(lambda: _sent(cluster, transfer["id"]), "Novu was told of it", 90)

    assert (transfer["status"], balance["posted"]) == ("posted", "11.50")
    assert (event["source_account_id"], event["amount_minor"]) == (source, 1050)
    assert (notice["kind"], notice["data"]["amount"]) == ("transfer.received", "10.50")
    assert sent["template"]["name"] == "gopherpay-transfer-received"
    assert sent["payload"]["title"] == notice["title"]


def _notice(door, session, transfer_id):
    """Return the notification of a transfer, None when there is none yet."""
    told = door.expect(200, "GET", "/v1/notifications", token=session)["data"]
    return next((notice for notice in told if notice["data"]["transfer_id"] == transfer_id), None)


def _sent(cluster, transfer_id):
    """Return what Novu was told of a transfer, None when it was told nothing yet."""
    novu = Door(cluster, "novu", 3000)
    told = novu.expect(200, "GET", "/v1/notifications?limit=50", **NOVU_KEY)["data"]
    return next(
        (one for one in told if one["payload"].get("data", {}).get("transfer_id") == transfer_id),
        None,
    )


def _event(cluster, transfer_id):
    """Return what the topic says of a transfer, None when it says nothing yet."""
    printed = in_kafka(
        cluster,
        "kafka-console-consumer",
        *("--topic", "gopherpay.account.v1", "--from-beginning", "--timeout-ms", "5000"),
    )
    lines = [line for line in printed.splitlines() if transfer_id in line]
    return json.loads(lines[0]) if lines else None


SHORTEN = """
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource
entry = ConfigEntry("retention.ms", "60000", incremental_operation=AlterConfigOpType.SET)
topic = ConfigResource("TOPIC", "gopherpay.account.v1", incremental_configs=[entry])
admin = AdminClient({"bootstrap.servers": "kafka:9092"})
[done.result() for done in admin.incremental_alter_configs([topic]).values()]
"""


@pytest.mark.usefixtures("door")
def test_the_operator_corrects_what_somebody_else_has_changed(cluster):
    described = ("kafka-topics", "--describe", "--topic", "gopherpay.account.v1")
    before = in_kafka(cluster, *described)
    cluster.kubectl("exec", CLIENT, "--", "python", "-c", SHORTEN)
    changed = in_kafka(cluster, *described)
    look = f"gopherpay.dev/reconcile-at={uuid.uuid4().hex}"
    cluster.kubectl("annotate", "--overwrite", "eventtopic/gopherpay-account", look)

    cluster.until(
        lambda: in_kafka(cluster, *described) == before, "the operator has corrected the topic", 180
    )

    assert "retention.ms=60000" in changed
    assert is_ready(cluster.get("eventtopic/gopherpay-account"))


def test_a_backup_can_be_restored_and_its_books_are_right(cluster, payments):
    with payments.running():
        dumped = run_job(cluster, "backup")
    drilled = run_job(cluster, "restore-drill")

    assert "bytes" in dumped
    assert "The books are right" in drilled
