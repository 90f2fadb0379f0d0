"""Measured costs become a line: so much a transfer, so much a batch."""

import msgspec
import pytest

from tests.benchmarks.scaling import costs
from tests.benchmarks.scaling.costs import Cost, Costs, Point
from tests.benchmarks.systems import BenchFailure

POINT = Point(connections=64, rate=1.0, p50_ms=1.0, p99_ms=1.0, batch=32.0, cpu_ms={"load": 1.0})
SOME = Costs(
    machine="a machine",
    settings="default settings",
    cores=2,
    batch_max=200,
    commits_in_flight=1,
    stations={"load": Cost(0.02, 0.05)},
    commit=Cost(0.03, 0.4),
    flush_ms=0.1,
    hop_ms=0.2,
    background_cores=0.1,
    wal_bytes=2_300.0,
    points=[POINT],
    check=[],
)


@pytest.mark.parametrize("cost", [Cost(0.1, 0.9), Cost(0.1, 0.0), Cost(0.0, 0.9)])
def test_a_fit_finds_the_costs_that_made_the_points(cost):
    points = [(batch, cost.of(batch)) for batch in (1.0, 4.0, 32.0)]

    found = costs.fit(points)

    assert found.each_ms == pytest.approx(cost.each_ms, abs=1e-9)
    assert found.batch_ms == pytest.approx(cost.batch_ms, abs=1e-9)


@pytest.mark.parametrize(
    "points", [[(1.0, 0.1), (4.0, 0.2), (32.0, 0.4)], [(1.0, 1.0), (2.0, 0.4), (4.0, 0.1)]]
)
def test_no_cost_is_below_zero(points):
    found = costs.fit(points)

    assert found.each_ms >= 0
    assert found.batch_ms >= 0


def test_what_one_costs_beyond_the_other_is_never_below_zero():
    assert Cost(0.3, 0.1).beyond(Cost(0.1, 0.2)) == Cost(pytest.approx(0.2), 0.0)


def test_costs_are_read_as_they_were_saved(tmp_path):
    costs.save(SOME, tmp_path / "costs.json")

    assert costs.read(tmp_path / "costs.json") == SOME


def test_a_missing_file_names_the_command_that_makes_it(tmp_path):
    with pytest.raises(BenchFailure, match="scripts/bench calibrate"):
        costs.read(tmp_path / "costs.json")


def test_a_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "costs.json").write_bytes(msgspec.json.encode({"machine": "a machine"}))

    with pytest.raises(BenchFailure, match="calibrate again"):
        costs.read(tmp_path / "costs.json")
