"""Five hundred topics in one go."""

from __future__ import annotations

import json

import pytest

from tests.integration.operator.waiting import until
from tests.integration.operator.world import conditions

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator"), pytest.mark.timeout(600)]

COUNT = 500
READY_SECONDS_MAX = 300
GROWTH_MIB_MAX = 150


@pytest.mark.usefixtures("events")
def test_five_hundred_topics_are_ready_and_memory_stays_bounded(
    kubectl, team, operator, topics, free_name
):
    names = [f"{free_name}-{number}" for number in range(COUNT)]
    before_mib = operator.memory_mib()

    listed = {
        "apiVersion": "v1",
        "kind": "List",
        "items": [team.document("EventTopic", name) for name in names],
    }
    answer = kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(listed))
    assert answer.returncode == 0, answer.stderr

    def ready():
        return [
            each["metadata"]["name"]
            for each in team.list("EventTopic")
            if conditions(each).get("Ready", {}).get("status") == "True"
        ]

    until(
        lambda: len(ready()) == COUNT,
        seconds=READY_SECONDS_MAX,
        told=lambda: f"{len(ready())} are Ready",
    )
    assert set(names) <= topics.names()
    assert operator.memory_mib() - before_mib <= GROWTH_MIB_MAX
