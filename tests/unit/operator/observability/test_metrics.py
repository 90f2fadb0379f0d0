"""The figures have the names that dashboards know."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gopherpay_operator.observability.heartbeat import SILENT_SECONDS_MAX, Heartbeat
from gopherpay_operator.observability.metrics import Metrics, State


class Standing:
    def state(self):
        return State(
            queue_depth=3,
            queue_oldest_seconds=1.5,
            is_lease_held=True,
            managed={("EventTopic", "True"): 2, ("EventTopic", "False"): 1},
            watch_restarts={"EventTopic": 4},
        )


@pytest.fixture
def samples():
    metrics = Metrics()
    metrics.stand_by(Standing())
    metrics.reconciled("EventTopic", "ready", "Ready", 0.02)
    metrics.called("kafka", "observe", 0.01, has_failed=False)
    metrics.drifted("EventTopic")
    text = metrics.text().decode()
    return {
        (sample.name.removeprefix("gopherpay_operator_"), *sorted(sample.labels.values())): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (("reconcile_total", "EventTopic", "Ready", "ready"), 1),
        (("reconcile_seconds_count", "EventTopic"), 1),
        (("backend_call_seconds_count", "kafka", "observe", "ok"), 1),
        (("drift_detected_total", "EventTopic"), 1),
        (("queue_depth",), 3),
        (("queue_oldest_seconds",), 1.5),
        (("lease_held",), 1),
        (("managed_objects", "EventTopic", "True"), 2),
        (("managed_objects", "EventTopic", "False"), 1),
        (("watch_restart_total", "EventTopic"), 4),
        (("event_loop_lag_seconds",), 0),
    ],
)
def test_a_figure_is_there(samples, name, value):
    # given, when, then
    assert samples[name] == value


def test_a_loop_that_hangs_is_told_of():
    # given
    now = [0.0]
    heart = Heartbeat(clock=lambda: now[0])

    # when
    now[0] = SILENT_SECONDS_MAX + 1

    # then
    assert "31 s" in heart.silent()
    assert heart.lag_seconds == 30


def test_a_loop_that_beats_is_well():
    # given
    now = [0.0]
    heart = Heartbeat(clock=lambda: now[0])

    # when
    now[0] = SILENT_SECONDS_MAX - 1

    # then
    assert heart.silent() is None
