"""``gopherpay-operator run`` says in a sentence what is missing."""

from __future__ import annotations

import pytest

from gopherpay_operator.cli.main import run
from tests.fixtures.kubernetes import allowed


def test_a_cluster_must_be_named(capsys):
    # given, when
    code = run(["run"])

    # then
    assert code == 1
    assert "'--cluster'" in capsys.readouterr().err


def test_a_kubeconfig_that_is_not_there_is_named(capsys, tmp_path):
    # given
    path = tmp_path / "nowhere.yaml"

    # when
    code = run(["run", "--cluster", "c", "--kubeconfig", str(path)])

    # then
    assert code == 1
    assert str(path) in capsys.readouterr().err


def test_a_context_that_is_not_there_is_named(capsys, tmp_path):
    # given
    path = tmp_path / "kubeconfig.yaml"
    path.write_text("{contexts: [], clusters: [], users: []}")

    # when
    code = run(["run", "--cluster", "c", "--kubeconfig", str(path), "--context", "theirs"])

    # then
    assert code == 1
    assert "'theirs'" in capsys.readouterr().err


@pytest.mark.parametrize("context", ["", "production", "a-kind-of-production"])
def test_tests_refuse_a_cluster_that_is_none_of_kinds(context):
    # given, when, then
    with pytest.raises(RuntimeError, match="tests do not touch it"):
        allowed({"current-context": context})
