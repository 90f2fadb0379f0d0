"""What a real API server does with the definitions and with resources."""

from __future__ import annotations

import pytest

from gopherpay_operator.resources.catalogue import KINDS
from tests.integration.operator.resources import (
    DEFINITIONS,
    address,
    apply,
    changed,
    create,
)
from tests.integration.operator.wrong import ALLOWED, FIXED, WRONG

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kubernetes")]

NOW = "2026-01-01T00:00:00Z"
OPENAPI = "/openapi/v3/apis/gopherpay.dev/v1alpha1"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.fixture
def created(cluster, namespace, samples):
    """Return a function that creates the sample of a kind and returns it as it is stored."""

    def create_sample(kind):
        answer = create(cluster, namespace, samples[kind])
        assert answer.status_code == 201, answer.text
        return answer.json()

    return create_sample


def put(cluster, document, **params):
    place = address(
        document["kind"], document["metadata"]["namespace"], document["metadata"]["name"]
    )
    return cluster.put(place, params={"fieldValidation": "Strict", **params}, json=document)


def status(type_, value):
    return {"type": type_, "status": value, "reason": "Told", "lastTransitionTime": NOW}


def as_status(document, conditions, **fields):
    metadata = {key: document["metadata"][key] for key in ("name", "namespace")}
    whole = {"apiVersion": document["apiVersion"], "kind": document["kind"], "metadata": metadata}
    return {**whole, "status": {"conditions": conditions, **fields}}


def test_all_definitions_are_established(cluster):
    items = cluster.get(DEFINITIONS).json()["items"]

    states = {
        item["spec"]["names"]["kind"]: {
            each["type"]: each["status"] for each in item["status"]["conditions"]
        }
        for item in items
    }
    assert sorted(states) == sorted(KINDS)
    for kind, conditions in states.items():
        assert conditions["Established"] == "True", kind
        assert conditions["NamesAccepted"] == "True", kind
        assert "NonStructuralSchema" not in conditions, kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_is_accepted_in_a_strict_dry_run(cluster, namespace, samples, kind):
    answer = create(cluster, namespace, samples[kind], dryRun="All")

    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(("kind", "changes", "message"), WRONG)
def test_what_is_wrong_is_refused_with_our_words(
    cluster, namespace, samples, kind, changes, message
):
    answer = create(cluster, namespace, changed(samples[kind], changes), dryRun="All")

    assert answer.status_code == 422, answer.text
    assert message in answer.json()["message"]


@pytest.mark.parametrize(("kind", "changes", "message"), FIXED)
def test_what_is_fixed_cannot_be_changed(cluster, created, kind, changes, message):
    answer = put(cluster, changed(created(kind), changes))

    assert answer.status_code == 422, answer.text
    assert message in answer.json()["message"]


@pytest.mark.parametrize(("kind", "changes"), ALLOWED)
def test_what_is_not_fixed_can_be_changed(cluster, created, kind, changes):
    before = created(kind)

    answer = put(cluster, changed(before, changes))

    assert answer.status_code == 200, answer.text
    assert answer.json()["metadata"]["generation"] == before["metadata"]["generation"] + 1


def test_an_unknown_field_is_refused_when_asked_and_dropped_otherwise(cluster, namespace, samples):
    document = changed(samples["NovuTopic"], {"spec.colour": "green"})

    strict = create(cluster, namespace, document)
    lenient = create(cluster, namespace, document, fieldValidation="Warn")

    assert strict.status_code == 400
    assert 'unknown field "spec.colour"' in strict.json()["message"]
    assert lenient.status_code == 201
    assert "spec.colour" in lenient.headers["warning"]
    assert "colour" not in lenient.json()["spec"]


def test_what_goes_to_novu_as_it_is_keeps_unknown_fields(created):
    spec = created("NovuWorkflow")["spec"]

    assert spec["steps"][0]["controlValues"]["redirect"] == {"url": "/transfers"}
    assert spec["payloadSchema"]["properties"]["amount"] == {"type": "string"}


def test_defaults_appear(created):
    topic, role = created("NovuTopic")["spec"], created("PostgresRole")["spec"]
    workflow, migration = created("NovuWorkflow")["spec"], created("DatabaseMigration")["spec"]

    assert {key: topic[key] for key in topic if key not in {"connectionRef", "name"}} == {
        "suspend": False,
        "resyncInterval": "10m",
        "deletionPolicy": "Retain",
        "adoptionPolicy": "IfIdentical",
        "driftPolicy": "Correct",
    }
    assert role["attributes"]["inherit"]
    assert workflow["preferences"]["channels"]["email"] == {"enabled": True}
    assert migration["job"]["attemptsMax"] == 3


@pytest.mark.parametrize("kind", [name for name in KINDS if name.endswith("Connection")])
def test_a_connection_lets_only_its_own_namespace_in_by_default(cluster, namespace, samples, kind):
    document = samples[kind]
    document["spec"].pop("allowedNamespaces", None)

    answer = create(cluster, namespace, document)

    assert answer.json()["spec"]["allowedNamespaces"] == {"policy": "Same"}


def test_a_null_in_the_configuration_of_a_topic_stays_there(cluster, created):
    document = created("EventTopic")
    assert document["spec"]["config"] == {"min.insync.replicas": "2", "segment.bytes": None}
    metadata = {key: document["metadata"][key] for key in ("name", "namespace")}
    place = address("EventTopic", metadata["namespace"], metadata["name"])
    wish = {key: document[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": metadata}
    wish["spec"]["config"] = {"retention.bytes": None}
    del wish["spec"]["retentionClass"]

    answer = apply(cluster, place, wish, force="true")

    assert answer.status_code == 200, answer.text
    assert answer.json()["spec"]["config"]["retention.bytes"] is None
    assert "retention.bytes" in cluster.get(place).json()["spec"]["config"]


def test_a_status_is_written_apart_and_is_no_new_generation(cluster, created):
    document = created("EventTopic")
    place = address("EventTopic", document["metadata"]["namespace"], document["metadata"]["name"])

    by_the_way = put(cluster, {**document, "status": {"externalId": "no"}})
    apart = apply(
        cluster,
        f"{place}/status",
        as_status(document, [status("Ready", "True")], observed={"partitions": 12}),
    )

    assert "status" not in by_the_way.json()
    assert apart.status_code == 200, apart.text
    assert apart.json()["metadata"]["generation"] == document["metadata"]["generation"]
    assert apart.json()["status"]["observed"] == {"partitions": 12}


def test_two_may_write_conditions_and_keep_those_of_the_other(cluster, created):
    document = created("NovuTopic")
    place = address("NovuTopic", document["metadata"]["namespace"], document["metadata"]["name"])

    for writer, type_ in (("one", "Ready"), ("two", "Drifted")):
        wish = as_status(document, [status(type_, "False")])
        answer = apply(cluster, f"{place}/status", wish, fieldManager=writer)
        assert answer.status_code == 200, answer.text

    conditions = cluster.get(place).json()["status"]["conditions"]
    assert sorted(each["type"] for each in conditions) == ["Drifted", "Ready"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_explained(cluster, kind):
    schemas = cluster.get(OPENAPI).json()["components"]["schemas"]
    schema = schemas[f"dev.gopherpay.v1alpha1.{kind}"]

    assert KINDS[kind].summary == schema["description"]
    assert silent(schema["properties"]["spec"]) == []
    assert silent(schema["properties"]["status"]) == []


def silent(schema, path=""):
    """Return the paths of the fields below *schema* that nothing is said of."""
    fields = {f"{path}.{name}": each for name, each in schema.get("properties", {}).items()}
    below = {**fields, f"{path}[]": schema["items"]} if "items" in schema else fields
    found = [name for name, each in fields.items() if not each.get("description")]
    return found + [each for name, inner in below.items() for each in silent(inner, name)]


def test_a_list_shows_the_columns_that_matter(cluster, created):
    document = created("EventTopic")
    place = address("EventTopic", document["metadata"]["namespace"])

    table = cluster.get(place, headers={"Accept": TABLE}).json()

    shown = [each["name"] for each in table["columnDefinitions"] if not each["priority"]]
    assert shown == ["Name", "Topic", "Partitions", "RF", "Ready", "Drifted", "Reason", "Age"]
    assert 12 in table["rows"][0]["cells"]


def test_kubectl_knows_the_kinds_by_their_short_names_and_category(cluster):
    found = cluster.get("/apis/gopherpay.dev/v1alpha1").json()["resources"]

    by_kind = {each["kind"]: each for each in found if "/" not in each["name"]}
    assert {name: tuple(each["shortNames"]) for name, each in by_kind.items()} == {
        name: kind.short_names for name, kind in KINDS.items()
    }
    assert all(each["categories"] == ["gopherpay"] for each in by_kind.values())
