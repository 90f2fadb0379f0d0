"""What is remembered is bounded, and old news of the time is no news."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from actors.domain.accounts import Account, AccountKind, AccountStatus
from actors.domain.transfers import Movement, TransferKind
from actors.store.remembered import CLOCK_SECONDS_MAX, DatabaseClock, RememberedAccounts

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def an_account(number):
    kind, status = AccountKind.CUSTOMER, AccountStatus.OPEN
    return Account(UUID(int=number), UUID(int=9), kind, "USD", status, 0, 0, 0, 0, None)


def a_movement(source, target):
    return Movement(
        UUID(int=1),
        TransferKind.TRANSFER,
        UUID(int=source),
        UUID(int=target),
        1,
        "USD",
        UUID(int=9),
        None,
        "k",
        b"f",
        "r",
    )


def test_a_batch_is_remembered_whole_or_not_at_all():
    accounts = RememberedAccounts()
    accounts.keep([an_account(1), an_account(2)])

    found = accounts.of([a_movement(1, 2)])
    assert found.keys() == {UUID(int=1), UUID(int=2)}
    assert accounts.of([a_movement(1, 2), a_movement(1, 3)]) is None


def test_what_is_remembered_is_not_replaced_by_what_was_read():
    accounts, mine, read = RememberedAccounts(), an_account(1), an_account(1)
    accounts.keep([mine])
    assert accounts.missing([a_movement(1, 2), a_movement(2, 1)]) == [UUID(int=2)]

    accounts.learn([read, an_account(2)])
    assert accounts.of([a_movement(1, 2)])[UUID(int=1)] is mine
    assert accounts.missing([a_movement(1, 2)]) == []


def test_what_was_forgotten_is_not_remembered():
    accounts = RememberedAccounts()
    accounts.keep([an_account(1), an_account(2)])
    accounts.forget([UUID(int=2), UUID(int=7)])

    assert accounts.of([a_movement(1, 2)]) is None
    assert len(accounts) == 1


def test_the_least_recently_used_account_makes_room():
    accounts = RememberedAccounts(accounts_max=3)
    accounts.keep(map(an_account, (1, 2, 3)))
    accounts.of([a_movement(1, 2)])
    accounts.keep([an_account(4)])

    assert accounts.of([a_movement(1, 2)]) is not None
    assert accounts.of([a_movement(1, 3)]) is None


def test_the_databases_time_goes_on_by_our_own_clock():
    ours = [100.0]
    clock = DatabaseClock(lambda: ours[0])
    assert clock.now() is None

    clock.hear(NOON)
    ours[0] += 1.5
    assert clock.now() == NOON + timedelta(seconds=1.5)

    clock.hear_microseconds(1_000_001)
    assert clock.now() == datetime(1970, 1, 1, 0, 0, 1, 1, tzinfo=UTC)


def test_old_news_of_the_time_is_no_news():
    ours = [0.0]
    clock = DatabaseClock(lambda: ours[0])
    clock.hear(NOON)
    ours[0] = CLOCK_SECONDS_MAX + 1

    assert clock.now() is None
