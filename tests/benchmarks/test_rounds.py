"""A round is believed only if its answers agree with the database, and the tables say what was."""

import math

import pytest

from tests.benchmarks import comparisons, tables
from tests.benchmarks.overload import Overload, percentile
from tests.benchmarks.plan import Result
from tests.benchmarks.rounds import Cell, Round, violations

CELL = Cell("uniform", 64)


class FakeSystem:
    def __init__(self, committed, discrepancies=()):
        self._committed = None if committed is None else set(committed)
        self._discrepancies = list(discrepancies)

    def committed(self, _key_prefix):
        return self._committed

    def discrepancies(self):
        return self._discrepancies


def a_result(created_ids, unknown=0):
    return Result(
        seconds=1,
        latencies_ms=[1.0] * len(created_ids),
        codes={"201": len(created_ids)},
        created=len(created_ids),
        created_ids=list(created_ids),
        unknown=unknown,
        cpu_seconds=0.1,
    )


def a_round(system, *, created=1_000, **changes):
    fields = {
        "system": system,
        "cell": CELL,
        "seconds": 2.0,
        "created": created,
        "codes": {"201": created},
        "unknown": 0,
        "p50_ms": 10.0,
        "p99_ms": 20.0,
        "max_ms": 30.0,
        "server_cpu_seconds": 1.0,
        "postgres_cpu_seconds": 1.0,
        "load_cpu_seconds": 0.1,
        "wal_bytes": 2_000_000,
        "server_memory_bytes": 0,
        "violations": [],
    }
    return Round(**{**fields, **changes})


def cells(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


@pytest.mark.parametrize(
    ("acknowledged", "committed", "unknown", "found"),
    [
        ("ab", "ab", 0, []),
        ("ab", "abc", 1, []),
        ("ab", "a", 0, ["1 transfers acknowledged but not committed"]),
        ("abb", "ab", 0, ["1 transfers acknowledged twice"]),
        ("a", "abc", 1, ["1 transfers committed but never acknowledged"]),
    ],
)
def test_answers_and_database_must_agree(acknowledged, committed, unknown, found):
    system = FakeSystem(committed)

    assert violations(system, a_result(acknowledged, unknown), "key-") == found


def test_a_system_without_a_database_is_not_checked():
    assert violations(FakeSystem(None), a_result("a"), "key-") is None


def test_wrong_books_spoil_a_round():
    system = FakeSystem("a", discrepancies=["I4 balance-is-sum"])

    assert violations(system, a_result("a"), "key-") == ["I4 balance-is-sum"]


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([3.0, 1.0, 2.0], 50, 2.0),
        ([float(n) for n in range(1, 101)], 99, 99.0),
        ([float(n) for n in range(1, 101)], 50, 50.0),
        ([5.0], 99, 5.0),
    ],
)
def test_a_percentile_is_the_nearest_rank(values, percent, expected):
    assert percentile(values, percent) == expected


def test_nothing_has_no_percentile():
    assert math.isnan(percentile([], 50))


def test_figures_are_medians_with_their_spread():
    rounds = [a_round("plain", created=created) for created in (1_000, 3_000, 1_400)]
    row = cells(tables.figures(rounds))[2]

    assert row[:3] == ["uniform, 64", "plain", "700 (500-1500)"]


def test_cpu_is_stated_per_thousand_transfers_and_wal_for_each():
    row = cells(tables.figures([a_round("plain")]))[2]

    assert row[6:10] == ["1.00", "1.00", "0.100", "2000"]


def test_a_read_counts_as_much_as_a_transfer():
    row = cells(tables.figures([a_round("plain", reads=4_000)]))[2]

    assert row[2] == "2500"
    assert row[6] == "0.20"


def test_ratios_divide_ours_by_the_plain_service():
    rounds = [
        a_round("plain"),
        a_round("gopherpay", created=4_000, p50_ms=5.0, p99_ms=4.0),
    ]
    row = cells(comparisons.ratios(rounds))[2]

    assert row == ["uniform, 64", "4.00x", "0.50x", "0.20x", "0.25x"]


def test_one_system_alone_has_no_ratio():
    assert comparisons.all_of([a_round("plain")]) == []


def test_ours_is_compared_with_every_other_system():
    rounds = [a_round(name) for name in ("plain", "gopherpay", "gopherpay-shards")]
    heads = [cells(each)[0][0] for each in comparisons.all_of(rounds)]

    assert heads == ["gopherpay ÷ plain", "gopherpay ÷ gopherpay-shards"]


def test_a_hot_load_is_stated_as_a_share_of_the_uniform_one():
    rounds = [a_round("plain"), a_round("plain", cell=Cell("hot-debit", 64), created=900)]

    assert cells(comparisons.hot_shares(rounds))[2] == ["hot-debit, 64", "plain", "0.90x"]


def test_log_ins_are_compared_with_the_same_load_alone():
    beside = a_round(
        "gopherpay", cell=Cell("log-ins", 64), p99_ms=26.0, log_in_codes={"200": 3, "503": 9}
    )
    row = cells(comparisons.beside_log_ins([a_round("gopherpay"), beside]))[2]

    assert row[2:] == ["26.0", "20.0", "1.30x", "1.00x", "3 x 200, 9 x 503"]


@pytest.mark.parametrize(("ends", "told"), [((0.5, 2.0), "2.0"), ((0.5, None), "not in time")])
def test_an_overload_is_told_by_its_worst_end(ends, told):
    rounds = [
        a_round(
            "plain", cell=Cell("uniform", 1024, "2x"), overload=Overload(100, 200, 95, 0.2, 9, end)
        )
        for end in ends
    ]
    row = cells(comparisons.overloads(rounds))[2]

    assert (row[0], row[5], row[8]) == ("uniform, 2x", "95% (95%-95%)", told)
    assert tables.figures(rounds) == ""
