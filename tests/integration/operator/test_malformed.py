"""Hundreds of resources that nobody should write: none harms the operator, each is answered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.operator.malformed import (
    CONFIG_MAPS,
    DATABASE,
    MEMBER,
    OWNER,
    SECRETS,
    malformed,
)
from tests.integration.operator.outside import ADMIN, connect_kafka
from tests.integration.operator.resources import create
from tests.integration.operator.waiting import until
from tests.integration.operator.world import conditions

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator")]

COUNT_MIN = 200
LET_IN_MIN = 100
ANSWER_SECONDS_MAX = 120
PARTITIONS_MAX = 200


@pytest.fixture(scope="module")
def prepared(team, kafka, ledger, development, server):
    """Return the team with all that the samples need, and with what the wrong ones refer to."""
    connect_kafka(team, kafka.bootstrap_servers, limits={"maxPartitions": PARTITIONS_MAX})
    for role in (OWNER, MEMBER):
        if not server.has_role(role):
            server.do("CREATE ROLE {role}", role=role)
        server.do("GRANT {role} TO {admin} WITH ADMIN OPTION", role=role, admin=ADMIN)
    for name, data in SECRETS.items():
        team.write_secret(name, **data)
    for name, data in CONFIG_MAPS.items():
        team.write_config_map(name, **data)
    assert {ledger, development} == {"ledger", "development"}
    team.apply("PostgresDatabase", "gopherpay", {"owner": OWNER, "externalName": DATABASE})
    team.until("PostgresDatabase", "gopherpay")
    return team


def test_what_is_malformed_is_refused_or_answered_and_harms_nobody(
    prepared, operator, cluster, samples, free_name
):
    cases = malformed(samples, free_name)
    assert len(cases) >= COUNT_MIN
    assert {case.kind for case in cases} == samples.keys()
    process = operator.pid

    let_in, silent = [], []
    for case in cases:
        answer = create(cluster, prepared.namespace, case.document, fieldValidation="Ignore")
        assert answer.status_code in {201, 400, 422}, (case.kind, case.places, answer.text)
        if answer.is_success:
            let_in.append(case)
        elif not answer.json().get("message"):
            silent.append(case)

    assert silent == []
    assert len(let_in) >= LET_IN_MIN
    assert {case.kind for case in let_in} == samples.keys()
    until(
        lambda: unanswered(prepared, let_in) == [],
        seconds=ANSWER_SECONDS_MAX,
        told=lambda: str(unanswered(prepared, let_in)),
    )
    assert blamed_on_us(prepared, let_in) == []
    assert operator.pid == process
    assert operator.probe("/healthz") == 200
    assert operator.tracebacks() == []
    prepared.apply("EventTopic", f"{free_name}-right")
    prepared.until("EventTopic", f"{free_name}-right")


def looked_at(team, cases):
    """Return each case with its resource as it is now."""
    with ThreadPoolExecutor(4) as readers:
        found = readers.map(
            lambda case: team.read(case.kind, case.document["metadata"]["name"]), cases
        )
        return list(zip(cases, found, strict=True))


def unanswered(team, cases):
    """Return those without a Ready condition for what they want now."""
    return [
        (case.kind, case.places)
        for case, found in looked_at(team, cases)
        if "Ready" not in conditions(found)
        or found["status"]["observedGeneration"] != found["metadata"]["generation"]
    ]


def blamed_on_us(team, cases):
    """Return those whose condition says that the operator itself did not cope."""
    return [
        (case.kind, case.places, conditions(found)["Ready"]["message"])
        for case, found in looked_at(team, cases)
        if conditions(found)["Ready"]["reason"] == "InternalError"
    ]
