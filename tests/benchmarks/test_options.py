"""Options mean what their help says."""

import pytest
import typer

from tests.benchmarks import options
from tests.benchmarks.rounds import Cell


@pytest.mark.parametrize(("scenario", "most"), [("bulk-10", 8), ("bulk-1000", 4)])
def test_bulks_stop_at_what_a_queue_takes(scenario, most):
    found = options.cells([scenario], [1, 8, 64])

    assert found == [Cell(scenario, 1), Cell(scenario, most)]


def test_log_ins_run_beside_the_most_connections_and_are_measured_without_too():
    found = options.cells(["log-ins"], [1, 64])

    assert found == [Cell("uniform", 64), Cell("log-ins", 64)]


def test_rates_are_offered_to_the_uniform_load():
    found = options.open_cells(["zipf", "uniform"], "500,2x", 99)

    assert found == [Cell("uniform", 99, "500"), Cell("uniform", 99, "2x")]
    assert [cell.is_overload for cell in found] == [False, True]


@pytest.mark.parametrize(
    ("chosen", "found"), [(["bulk-10", "zipf"], "zipf"), (["mixed", "hot-debit"], "hot-debit")]
)
def test_only_loads_of_single_transfers_have_rates(chosen, found):
    assert options.open_cells(chosen, "2x", 99) == [Cell(found, 99, "2x")]


@pytest.mark.parametrize(
    ("chosen", "rates"),
    [(["bulk-10"], "2x"), (["mixed"], "500"), (["uniform"], "x"), (["uniform"], "0x")],
)
def test_a_rate_that_means_nothing_is_refused(chosen, rates):
    with pytest.raises(typer.BadParameter):
        options.open_cells(chosen, rates, 99)


def lineup(systems="plain,gopherpay", chosen=("uniform",), **changes):
    given = {"plain_workers": 1, "given": None, "variants": None, "drivers": None, **changes}
    return options.lineup(systems, chosen, **given)


def test_a_variant_has_settings_of_its_own():
    found = lineup(given=["A=1"], variants=["shards:B=2,C=3"])

    assert found.variables == {"A": "1"}
    assert found.variants == {"shards": {"B": "2", "C": "3"}}
    assert found.size == 3


def test_throttles_are_wide_when_log_ins_are_measured():
    assert "GOPHERPAY_THROTTLE_MULTIPLIER" in lineup(chosen=("log-ins",)).variables
    assert "GOPHERPAY_THROTTLE_MULTIPLIER" not in lineup().variables


@pytest.mark.parametrize("systems", ["", "plain,plain", "x"])
def test_systems_have_different_known_names(systems):
    with pytest.raises(typer.BadParameter):
        lineup(systems)
