"""Predictions say what they were checked against, and what a transfer across databases costs."""

import msgspec
import pytest

from tests.benchmarks.scaling import predictions
from tests.benchmarks.scaling.costs import Cost, Sharing
from tests.benchmarks.scaling.model import Layout, simulate
from tests.benchmarks.scaling.test_costs import POINT
from tests.benchmarks.scaling.test_model import COSTS


def measured(connections, rate):
    return msgspec.structs.replace(
        POINT,
        connections=connections,
        rate=rate,
        cpu_ms=dict.fromkeys(("load", "balancer", "ingress", "postgres"), 0.1),
    )


def test_a_model_that_is_off_where_it_was_not_calibrated_is_named():
    right = simulate(COSTS, Layout(connections=4)).rate
    costs = msgspec.structs.replace(
        COSTS, points=[measured(8, 1.0)], check=[measured(4, right), measured(2, 1.0)]
    )

    table, wrong = predictions.checked(costs)

    assert [sentence.split(":")[0] for sentence in wrong] == ["2 connections"]
    assert "| 4           | no                |" in table


def test_larger_loads_need_more_of_everything():
    costs = msgspec.structs.replace(COSTS, points=[measured(64, 3_000.0)])

    table = predictions.needs(costs, predictions.Hardware(postgres_cores=1), (1, 10, 100))

    rows = [
        [cell.strip().replace(",", "") for cell in line.split("|")] for line in table.split("\n")
    ]
    databases = [int(row[3]) for row in rows[2:]]
    assert databases == sorted(databases)
    assert databases[0] == 1
    assert databases[-1] > 100


def test_ingresses_that_share_a_database_cost_what_sharing_costs():
    costs = msgspec.structs.replace(COSTS, points=[measured(64, 1_000.0)])
    hardware = predictions.Hardware(postgres_cores=1)
    dearer = msgspec.structs.replace(costs, sharing=Sharing(ingress=Cost(0.2, 0.5)))

    cheap, dear = (predictions.needs(each, hardware, (1, 10)) for each in (costs, dearer))

    cheap_rows, dear_rows = cheap.split("\n")[2:], dear.split("\n")[2:]
    assert cheap_rows[0].split() == dear_rows[0].split()  # one ingress shares with nobody
    for less, more in zip(cheap_rows[1:], dear_rows[1:], strict=True):
        ingresses = [int(row.split("|")[4].replace(",", "")) for row in (less, more)]
        assert ingresses[0] < ingresses[1]


@pytest.mark.parametrize(("databases", "commits"), [(1, 1.0), (2, 2.0), (10**9, 3.0)])
def test_a_transfer_between_two_databases_costs_three_commits(databases, commits):
    assert predictions.work(databases) == pytest.approx(commits)
