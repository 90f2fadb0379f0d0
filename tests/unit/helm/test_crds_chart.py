"""The chart of the definitions: all of them, as they are generated, and kept when it goes."""

from __future__ import annotations

import pytest
import yaml

from gopherpay_operator.crds.definitions import definition
from gopherpay_operator.resources.catalogue import KINDS
from tests.unit.helm.rendering import helm, render

NAME = "gopherpay-crds"
KEEP = "helm.sh/resource-policy"


@pytest.fixture(scope="module")
def rendered():
    return render(NAME, {})


def test_helm_finds_nothing_wrong():
    [answer] = helm(["lint", NAME, {}])

    assert [each for each in answer["messages"] if each["severity"] > 1] == []
    assert answer["errors"] == []


def test_every_kind_comes_out_as_it_was_made(rendered):
    made = {each["spec"]["names"]["kind"]: each["spec"] for each in rendered}
    wanted = {name: definition(kind)["spec"] for name, kind in KINDS.items()}

    # Once through YAML, as Helm has read it.
    assert made == yaml.safe_load(yaml.safe_dump(wanted))


def test_definitions_stay_when_the_chart_goes_unless_it_is_said_otherwise(rendered):
    let_go = render(NAME, {"keep": False})

    assert {each["metadata"]["annotations"][KEEP] for each in rendered} == {"keep"}
    assert not any(KEEP in each["metadata"].get("annotations", {}) for each in let_go)


def test_annotations_and_labels_are_added_to_every_definition():
    annotation = {"argocd.argoproj.io/sync-options": "ServerSideApply=true"}

    for each in render(NAME, {"annotations": annotation, "labels": {"team": "pay"}}):
        assert annotation.items() <= each["metadata"]["annotations"].items()
        assert each["metadata"]["labels"]["team"] == "pay"
        assert each["metadata"]["labels"]["app.kubernetes.io/part-of"] == "gopherpay"


def test_a_value_that_does_not_exist_is_refused():
    [answer] = helm(["rendered", NAME, {"colour": "green"}])

    assert "colour" in answer["refused"]
