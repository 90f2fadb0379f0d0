"""The model obeys what is known of queues without it."""

import msgspec
import pytest

from tests.benchmarks.scaling.costs import Cost, Costs, Shares
from tests.benchmarks.scaling.fitting import fitted
from tests.benchmarks.scaling.model import Layout, simulate
from tests.benchmarks.scaling.test_costs import POINT

COSTS = Costs(
    machine="",
    settings="",
    cores=2,
    batch_max=200,
    commits_in_flight=1,
    stations={
        "load": Cost(0.02, 0.0),
        "balancer": Cost(0.03, 0.0),
        "ingress": Cost(0.2, 0.5),
        "postgres": Cost(0.1, 0.4),
    },
    commit=Cost(0.05, 0.4),
    flush_ms=0.25,
    hop_ms=0.5,
    background_cores=0.0,
    wal_bytes=2_000.0,
    points=[],
    check=[],
)
LONE_MS = 0.02 + 0.03 + 0.2 + 0.5 + 0.1 + 0.4 + 0.25 + 0.5


def without(**changed):
    return msgspec.structs.replace(COSTS, **changed)


def test_a_lone_transfer_takes_the_sum_of_its_stations():
    said = simulate(COSTS, Layout(connections=1))

    assert said.p50_ms == pytest.approx(LONE_MS)
    assert said.rate == pytest.approx(1000 / LONE_MS, rel=0.01)
    assert said.batch == 1


def test_as_many_are_under_way_as_there_are_connections():
    said = simulate(COSTS, Layout(connections=64))

    mean_ms = 64 / said.rate * 1000
    assert said.p50_ms <= mean_ms * 1.5  # Little's law: what waits is rate times time
    assert said.p99_ms >= mean_ms


def test_more_connections_make_larger_batches_and_cheaper_transfers():
    few, many = (simulate(COSTS, Layout(connections=count)) for count in (4, 64))

    assert many.batch > few.batch
    assert many.rate > few.rate
    assert many.busy["postgres"] / many.rate < few.busy["postgres"] / few.rate


def test_a_second_batch_under_way_uses_what_the_first_leaves_idle():
    one, two = (simulate(COSTS, Layout(64, count, cores=0)) for count in (1, 2))

    assert two.rate > 1.2 * one.rate
    assert two.batch < one.batch
    assert two.busy["postgres"] > one.busy["postgres"]


def test_a_connection_does_one_batch_after_another_however_many_are_under_way():
    said = simulate(COSTS, Layout(64, 8, cores=0))

    commits_per_ms = said.rate / said.batch / 1000
    postgres = COSTS.stations["postgres"]
    commit_ms = postgres.batch_ms + said.batch * postgres.each_ms + COSTS.flush_ms
    assert commits_per_ms * commit_ms <= 1.01


def test_a_lone_transfer_has_nobody_to_share_with_or_wait_for():
    said = simulate(COSTS, Layout(1, 3))

    assert said.batch == 1
    assert said.p50_ms == pytest.approx(LONE_MS)


def test_no_batch_is_larger_than_allowed():
    said = simulate(without(batch_max=8), Layout(connections=64))

    assert said.batch <= 8


def test_cores_are_never_used_twice():
    said = simulate(COSTS, Layout(connections=64, cores=1))

    assert sum(said.busy.values()) <= 1.01
    assert said.rate < simulate(COSTS, Layout(connections=64, cores=2)).rate


def test_a_second_ingress_of_its_own_core_doubles_the_rate():
    one, two = (
        simulate(COSTS, Layout(connections=64 * count, cores=0, ingresses=count))
        for count in (1, 2)
    )

    assert two.rate == pytest.approx(2 * one.rate, rel=0.1)


def test_a_slow_log_bounds_the_rate():
    bytes_per_ms = 1_000.0  # half a transfer

    said = simulate(COSTS, Layout(connections=64, disk_bytes_per_ms=bytes_per_ms))

    assert said.rate <= bytes_per_ms / COSTS.wal_bytes * 1000 * 1.01


def test_the_background_takes_time_from_the_rest():
    busy = simulate(without(background_cores=0.8), Layout(connections=64, cores=1))

    assert busy.rate < simulate(COSTS, Layout(connections=64, cores=1)).rate


def test_a_fit_finds_the_shares_that_made_the_points():
    shares = Shares(answer=0.6, after=0.2)
    made = without(shares=shares)
    points = [
        msgspec.structs.replace(
            POINT, connections=count, rate=simulate(made, Layout(count), 600).rate
        )
        for count in (1, 8)
    ]

    assert fitted(without(points=points)).shares == shares
