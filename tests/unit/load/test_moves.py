from collections import Counter

import pytest

from serve_app.load.moves import MOVE_LENGTH, MOVES_MAX, MOVES_MIN, moves
from serve_app.load.plan import Scenario

ACCOUNTS = 50


def drawn(scenario, accounts=ACCOUNTS):
    """Return the moves as the engine reads them: what is done, source, destination."""
    text = moves(scenario, accounts)
    parts = [text[at : at + MOVE_LENGTH] for at in range(0, len(text), MOVE_LENGTH)]
    return [(part[0], int(part[1:7]), int(part[7:])) for part in parts]


@pytest.mark.parametrize("scenario", Scenario)
@pytest.mark.parametrize("accounts", [2, ACCOUNTS])
def test_every_move_joins_two_accounts_that_are_there(scenario, accounts):
    everyone = set(range(accounts))

    for _, source, destination in drawn(scenario, accounts):
        assert source != destination
        assert {source, destination} <= everyone


def test_an_even_draw_prefers_nobody():
    payers = Counter(source for _, source, _ in drawn(Scenario.UNIFORM))

    assert len(payers) == ACCOUNTS
    assert max(payers.values()) < 2 * min(payers.values())


def test_zipf_prefers_the_first_in_proportion_to_their_rank():
    takers = Counter(place for _, *both in drawn(Scenario.ZIPF) for place in both)

    assert [place for place, _ in takers.most_common(3)] == [0, 1, 2]
    assert takers[0] / takers[9] == pytest.approx(10, rel=0.5)


def test_a_hot_account_is_on_one_side_of_every_payment():
    assert {source for _, source, _ in drawn(Scenario.HOT_DEBIT)} == {0}
    assert {destination for _, _, destination in drawn(Scenario.HOT_CREDIT)} == {0}
    assert len({source for _, source, _ in drawn(Scenario.HOT_CREDIT)}) == ACCOUNTS - 1


def test_ping_pong_goes_back_and_forth():
    assert drawn(Scenario.PING_PONG)[:3] == [("T", 0, 1), ("T", 1, 0), ("T", 0, 1)]


def test_mixed_has_one_payment_to_four_reads():
    does = Counter(move for move, _, _ in drawn(Scenario.MIXED))

    assert does["T"] / does.total() == pytest.approx(0.2, abs=0.01)
    assert set(does) == set("TAEG")


def test_many_accounts_get_more_moves_up_to_a_bound():
    assert len(drawn(Scenario.UNIFORM)) == MOVES_MIN
    assert len(drawn(Scenario.UNIFORM, 20_000)) == 40_000
    assert len(drawn(Scenario.UNIFORM, 999_999)) == MOVES_MAX
