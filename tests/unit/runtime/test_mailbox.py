import asyncio
import sys

from actors.runtime.mailbox import Mailbox, Mailboxes, Turn
from tests.unit.runtime.fakes import a_movement, an_id


def a_turn(mailbox):
    return Turn(a_movement(an_id(), an_id()), 1.0, asyncio.Future(), mailbox)


async def test_turns_leave_in_the_order_of_their_arrival():
    mailbox = Mailbox(0)
    turns = [a_turn(mailbox) for _ in range(3)]
    for turn in turns:
        mailbox.put(turn)

    assert [mailbox.take() for _ in turns] == turns


async def test_an_account_is_the_same_mailbox_while_it_is_remembered():
    mailboxes, account = Mailboxes(accounts=10, idle_seconds=60), an_id()

    assert mailboxes.of(account, 0) is mailboxes.of(account, 59)


async def test_an_idle_account_is_passivated_after_its_time():
    mailboxes = Mailboxes(accounts=10, idle_seconds=60)
    mailboxes.of(an_id(), 0)
    mailboxes.of(an_id(), 30)

    assert mailboxes.passivate(60, at_most=10) == 1
    assert len(mailboxes) == 1


async def test_an_account_with_waiting_turns_is_never_passivated():
    mailboxes, busy = Mailboxes(accounts=10, idle_seconds=60), an_id()
    mailbox = mailboxes.of(busy, 0)
    mailbox.put(a_turn(mailbox))

    assert mailboxes.passivate(1_000, at_most=10) == 0
    assert mailboxes.of(busy, 1_000) is mailbox


async def test_the_least_recently_used_account_makes_room():
    mailboxes = Mailboxes(accounts=3, idle_seconds=60)
    first, second, third = an_id(), an_id(), an_id()
    kept = mailboxes.of(first, 0)
    forgotten = mailboxes.of(second, 0)
    mailboxes.of(third, 0)
    mailboxes.of(first, 1)
    mailboxes.of(an_id(), 2)

    assert mailboxes.of(first, 3) is kept
    assert mailboxes.of(second, 3) is not forgotten
    assert len(mailboxes) <= 3


async def test_an_idle_mailbox_weighs_less_than_two_hundred_bytes():
    mailbox = Mailbox(0)
    mailbox.put(a_turn(mailbox))
    mailbox.take()

    assert sys.getsizeof(mailbox) + sys.getsizeof(mailbox.waiting) < 200
