import json
import re
from dataclasses import replace

import pytest

from serve_app.load.curves import BOTTOM, TOP, by_step, over_time, ticks
from serve_app.load.report import Books, Outcome
from serve_app.load.steps import Step
from serve_app.load.tally import Figures, Moment
from tests.unit.load.test_plan import a_plan


def a_step(shards=None, **more):
    moments = [Moment(second, 100.0 * (second + 1), 2.0, 9.0, 0) for second in range(5)]
    facts = {"errors": {}, "unsent": 0, "acknowledged": 500, "checked": 200, "missing": []}
    figures = Figures(500, 500, 300.0, 2.0, 4.0, 5.0, 9.0, 12.0, 15.0)
    return Step(**{"shards": shards, "figures": figures, "moments": moments, **facts, **more})


def an_outcome(*steps, books="right"):
    return Outcome(
        url="http://<deployment>",
        began_at="2026-01-31 12:00:00 UTC",
        engine="k6 v1",
        plan=a_plan(ramp_seconds=2, seconds=3),
        steps=list(steps) or [a_step()],
        books=Books(books, "As verified."),
    )


def test_right_books_and_found_transfers_are_no_failure():
    assert an_outcome().failures == []
    assert an_outcome(books="not verified").failures == []


def test_wrong_books_a_lost_transfer_and_a_silent_step_are_failures():
    silent = a_step(2, figures=replace(a_step().figures, good=0))

    assert an_outcome(a_step(1, missing=["an-id"]), silent, books="wrong").failures == [
        "The books are wrong.",
        "The acknowledged transfer an-id is missing.",
        "Nothing succeeded in the step '2 processes'.",
    ]


def test_a_program_can_read_everything():
    facts = json.loads(an_outcome(a_step(1, errors={"overloaded": 3})).json_text())

    assert facts["passed"] is True
    assert facts["plan"]["scenario"] == "uniform"
    assert facts["steps"][0]["errors"] == {"overloaded": 3}
    assert facts["steps"][0]["figures"]["p999_ms"] == 12.0
    assert len(facts["steps"][0]["moments"]) == 5


def test_a_report_needs_nothing_from_elsewhere():
    page = an_outcome(a_step(1), a_step(2)).html_text()

    assert not re.search(r"<script|<link|<img|@import|url\(|src=", page)
    assert "http://&lt;deployment&gt;" in page  # what comes from outside is no markup
    assert re.findall(r"https?://[^&\s\"<]+", page) == []


def test_a_report_has_curves_over_time_and_by_step_only_where_there_are_steps():
    assert an_outcome().html_text().count("<svg") == 2
    assert an_outcome(a_step(1), a_step(2)).html_text().count("<svg") == 4


def test_a_report_names_what_went_wrong():
    page = an_outcome(
        a_step(missing=["an-id"], errors={"overloaded": 3}), books="wrong"
    ).html_text()

    assert "The acknowledged transfer an-id is missing." in page
    assert "The books are wrong." in page
    assert "<td>overloaded</td>" in page


@pytest.mark.parametrize(
    ("highest", "expected"),
    [
        (0, [0, 1]),
        (4, [0, 1, 2, 3, 4]),
        (0.4, [0, 0.1, 0.2, 0.3, 0.4]),
        (3_326, [0, 1e3, 2e3, 3e3, 4e3]),
    ],
)
def test_an_axis_has_round_numbers_and_room_for_the_highest(highest, expected):
    assert ticks(highest) == pytest.approx(expected)


def test_steps_follow_one_another_and_their_ramps_are_marked():
    plan = a_plan(ramp_seconds=2, seconds=3)
    chart = over_time("x", [a_step(1), a_step(2)], plan, {"rate": lambda m: m.rate_per_second})
    heights = [float(point.split(",")[1]) for point in chart.lines[0].points.split()]

    assert [start.text for start in chart.starts] == ["1 process", "2 processes"]
    assert len(chart.ramps) == 2
    assert heights == sorted(heights[:5], reverse=True) * 2
    assert heights[4] == TOP  # 500 is a round number itself


def test_a_bar_stands_on_the_axis():
    chart = by_step("x", [a_step(1), a_step(2)], lambda step: step.figures.rate_per_second)

    assert [bar.name for bar in chart.bars] == ["1 process", "2 processes"]
    assert all(bar.top + bar.height == pytest.approx(BOTTOM) for bar in chart.bars)
