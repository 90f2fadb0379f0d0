import pytest

from serve_app.cli.scale import is_spread


@pytest.mark.parametrize(
    "held", [{"a": 1024}, {"a": 512, "b": 512}, {"a": 342, "b": 342, "c": 340}]
)
def test_equal_parts_of_everything_are_spread(held):
    assert is_spread(held, len(held))


@pytest.mark.parametrize(
    "held", [{}, {"a": 1024}, {"a": 512, "b": 500}, {"a": 600, "b": 424}, {"a": 1, "b": 1, "c": 1}]
)
def test_a_missing_owner_slot_or_balance_is_not_spread(held):
    assert not is_spread(held, 2)
