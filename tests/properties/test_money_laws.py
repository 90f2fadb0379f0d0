"""The laws of amounts and of the rules that move them, over everything that can be asked."""

import re
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from actors.currencies import currencies
from actors.domain.accounts import Account, AccountKind, AccountStatus
from actors.domain.batches import decide, decide_all_or_none
from actors.domain.errors import AmountInvalid
from actors.domain.money import AMOUNT_MINOR_MAX, format_amount, parse_amount
from actors.domain.transfers import Verdict
from tests.fixtures.ledger import a_movement
from tests.fixtures.times import NOON

CURRENCIES = st.sampled_from(sorted(currencies().values(), key=lambda each: each.code))
AMOUNTS = st.integers(1, AMOUNT_MINOR_MAX)
IDS = [UUID(int=number) for number in range(1, 6)]


@given(AMOUNTS, CURRENCIES)
def test_what_is_written_is_read_back(minor, currency):
    assert parse_amount(format_amount(minor, currency.decimals), currency) == minor


@given(AMOUNTS, CURRENCIES)
def test_an_amount_is_written_with_exactly_its_decimals(minor, currency):
    text = format_amount(minor, currency.decimals)

    assert len(text.partition(".")[2]) == currency.decimals
    assert ("." in text) == (currency.decimals > 0)
    assert int(text.replace(".", "")) == minor


@given(st.integers(-(2**63), 2**63), st.integers(0, 4))
def test_a_debit_is_the_credit_with_a_sign(minor, decimals):
    assume(minor > 0)

    assert format_amount(-minor, decimals) == f"-{format_amount(minor, decimals)}"


@given(st.text("0123456789.-+eE_, ٣½\n", max_size=20), CURRENCIES)
def test_only_the_grammar_is_read(text, currency):
    fraction = rf"(\.[0-9]{{1,{currency.decimals}}})?" if currency.decimals else ""
    fits = re.fullmatch(rf"(0|[1-9][0-9]*){fraction}", text, re.ASCII)
    whole, _, decimals = text.partition(".")
    minor = int(whole + decimals.ljust(currency.decimals, "0")) if fits else 0
    if 0 < minor <= AMOUNT_MINOR_MAX:
        assert parse_amount(text, currency) == minor
    else:
        with pytest.raises(AmountInvalid):
            parse_amount(text, currency)


@given(CURRENCIES)
def test_the_limit_is_inclusive(currency):
    most = format_amount(AMOUNT_MINOR_MAX, currency.decimals)
    too_much = format_amount(AMOUNT_MINOR_MAX + 1, currency.decimals)

    assert parse_amount(most, currency) == AMOUNT_MINOR_MAX
    with pytest.raises(AmountInvalid):
        parse_amount(too_much, currency)


def _account(account_id, balance_minor, overdraft_minor):
    return Account(
        account_id,
        account_id,
        AccountKind.CUSTOMER,
        "USD",
        AccountStatus.OPEN,
        balance_minor,
        0,
        overdraft_minor,
        0,
        None,
    )


BALANCES = st.lists(
    st.tuples(st.one_of(st.integers(0, 300), st.integers(0, 2**63 - 1)), st.integers(0, 50)),
    min_size=len(IDS),
    max_size=len(IDS),
)
MOVEMENTS = st.lists(
    st.builds(
        a_movement,
        st.sampled_from(IDS),
        st.sampled_from(IDS),
        st.one_of(st.integers(1, 100), AMOUNTS),
        key=st.sampled_from([None, "a", "b"]),
    ),
    min_size=1,
    max_size=20,
)


@pytest.mark.parametrize("rule", [decide, decide_all_or_none])
@given(BALANCES, MOVEMENTS)
def test_deciding_makes_and_loses_nothing(rule, balances, movements):
    before = {
        account_id: _account(account_id, *balance)
        for account_id, balance in zip(IDS, balances, strict=True)
    }
    opened_minor = {account_id: account.balance_minor for account_id, account in before.items()}
    batch = rule(movements, before, {}, NOON)
    moved_minor = dict.fromkeys(IDS, 0)
    for posting in batch.postings:
        moved_minor[posting.account_id] += posting.amount_minor
        assert posting.balance_after_minor == opened_minor[posting.account_id] + sum(
            each.amount_minor
            for each in batch.postings
            if each.account_id == posting.account_id and each.version <= posting.version
        )

    assert sum(moved_minor.values()) == 0
    assert len(batch.postings) == 2 * len(batch.transfers)
    assert all(
        -account.overdraft_minor <= account.balance_minor < 2**63
        for account in batch.changed.values()
    )


@given(BALANCES, MOVEMENTS)
def test_every_movement_has_one_answer_and_every_key_one_effect(balances, movements):
    accounts = {
        account_id: _account(account_id, *balance)
        for account_id, balance in zip(IDS, balances, strict=True)
    }
    batch = decide(movements, accounts, {}, NOON)
    posted = [each for each in batch.outcomes if each.verdict is Verdict.POSTED]

    assert len(batch.outcomes) == len(movements)
    assert len({transfer.idempotency_key for transfer in batch.transfers}) == len(batch.transfers)
    assert {each.transfer.id for each in posted} == {each.id for each in batch.transfers}
    assert len(batch.events) == len(batch.keys)
