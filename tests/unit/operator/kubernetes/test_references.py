"""What is watched of others is exactly what is referred to."""

from __future__ import annotations

import pytest

from gopherpay_operator.engine.ports import Key
from gopherpay_operator.kubernetes.references import Target, target


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (Key("Secret", "team", "s"), Target("Secret", "team", "s")),
        (Key("ConfigMap", "team", "c"), Target("ConfigMap", "team", "c")),
        (Key("Job", "team", "j"), Target("Job", "team")),
        (Key("KafkaConnection", "team", "k"), None),
    ],
)
def test_a_key_has_the_watch_that_tells_of_it(key, expected):
    # given, when, then
    assert target(key) == expected


def test_a_secret_is_asked_for_by_its_name():
    # given, when, then
    assert Target("Secret", "team", "s").fields == {"metadata.name": "s"}
    assert Target("Secret", "team", "s").labels is None


def test_jobs_are_asked_for_by_our_label():
    # given, when, then
    assert Target("Job", "team").labels == {"app.kubernetes.io/managed-by": "gopherpay-operator"}
    assert Target("Job", "team").fields is None
