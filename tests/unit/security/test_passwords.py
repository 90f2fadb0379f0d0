"""Hashing: nothing is cut off, nothing is told by the time, and the pool has an end."""

from __future__ import annotations

import asyncio
import statistics
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.domain.credentials import PasswordHash
from actors.domain.errors import Overloaded
from actors.security.keys import Secret
from actors.security.passwords import HashPool, PasswordHasher

PEPPER, OTHER_PEPPER = Secret("one", b"1" * 32), Secret("two", b"2" * 32)
HASHER = PasswordHasher(PEPPER, {PEPPER.id: PEPPER}, 4)

passwords = st.text(st.characters(exclude_categories=["Cs"]), min_size=15, max_size=256).filter(
    lambda text: len(text.encode()) <= 1024
)


@settings(max_examples=500, deadline=None)
@given(passwords, st.data())
def test_the_right_password_passes_and_one_changed_character_anywhere_fails(password, data):
    stored = HASHER.hash(password)
    at = data.draw(st.integers(0, len(password) - 1))
    changed = password[:at] + ("x" if password[at] != "x" else "y") + password[at + 1 :]

    assert HASHER.is_right(password, stored)
    assert not HASHER.is_right(changed, stored)
    assert not HASHER.is_right(password + "x", stored)
    assert not HASHER.is_right(password[:-1], stored)


@pytest.mark.parametrize("at", [0, 71, 72, 73, 299, 1023])
def test_every_byte_counts_beyond_what_bcrypt_reads(at):
    password = "a" * 1024
    stored = HASHER.hash(password)

    assert HASHER.is_right(password, stored)
    assert not HASHER.is_right(password[:at] + "b" + password[at + 1 :], stored)


@pytest.mark.parametrize("password", ["a\0" + "b" * 20, "😀" * 64, "é" * 15, " " * 15])
def test_a_password_is_taken_exactly_as_sent(password):
    stored = HASHER.hash(password)

    assert HASHER.is_right(password, stored)
    assert not HASHER.is_right(password.replace("\0", ""), stored) or "\0" not in password
    assert not HASHER.is_right("e\u0301" * 15, stored)


def test_two_hashes_of_one_password_differ():
    assert HASHER.hash("p" * 15).text != HASHER.hash("p" * 15).text


def test_a_hash_says_how_it_was_made():
    stored = HASHER.hash("p" * 15)

    assert (stored.scheme, stored.pepper_id, stored.cost) == (1, "one", 4)
    assert stored.text.startswith("$2b$04$")


def test_a_stolen_hash_is_of_no_use_without_the_pepper():
    stored = HASHER.hash("p" * 15)
    thief = PasswordHasher(OTHER_PEPPER, {"one": OTHER_PEPPER}, 4)

    assert not thief.is_right("p" * 15, stored)


def test_an_old_pepper_still_compares_and_is_stale():
    stored = HASHER.hash("p" * 15)
    rotated = PasswordHasher(OTHER_PEPPER, {"one": PEPPER, "two": OTHER_PEPPER}, 4)

    assert rotated.is_right("p" * 15, stored)
    assert rotated.is_stale(stored)
    assert not HASHER.is_stale(stored)


def test_another_cost_is_stale():
    assert PasswordHasher(PEPPER, {"one": PEPPER}, 5).is_stale(HASHER.hash("p" * 15))


@pytest.mark.parametrize(
    "stored",
    [None, PasswordHash(1, "gone", 4, "$2b$04$" + "." * 53), PasswordHash(9, "one", 4, "")],
)
def test_without_a_usable_hash_the_answer_is_no(stored):
    assert not HASHER.is_right("p" * 15, stored)


@pytest.mark.parametrize("password", ["p", "p" * 72, "p" * 73, "p" * 300])
def test_an_unknown_user_takes_the_time_of_a_known_one(password):
    """Processor time, so that what else the machine does is not measured."""
    hasher = PasswordHasher(PEPPER, {"one": PEPPER}, 8)
    stored = hasher.hash("another password")
    known, unknown = [], []
    for _ in range(25):
        known.append(_cpu_seconds(hasher, password, stored))
        unknown.append(_cpu_seconds(hasher, password, None))

    ratio = statistics.median(unknown) / statistics.median(known)
    assert 0.85 < ratio < 1.15


def _cpu_seconds(hasher, password, stored):
    started_at = time.thread_time()
    hasher.is_right(password, stored)
    return time.thread_time() - started_at


def test_no_secret_shows_in_a_representation():
    stored = HASHER.hash("p" * 15)

    assert stored.text not in repr(stored)
    assert "1" * 8 not in repr(HASHER)


class HeldHasher:
    """Hashes only when it is allowed to."""

    def __init__(self):
        self.may_go = threading.Event()

    def is_right(self, password, stored):
        self.may_go.wait(timeout=30)
        return password == stored


async def test_the_queue_has_an_end_and_refuses_at_once():
    hasher = HeldHasher()
    pool = HashPool(hasher, threads=1, queue=2)
    waiting = [asyncio.create_task(pool.is_right("p", "p")) for _ in range(3)]
    await asyncio.sleep(0)

    with pytest.raises(Overloaded) as refused:
        await pool.is_right("p", "p")

    hasher.may_go.set()
    assert await asyncio.gather(*waiting) == [True, True, True]
    assert refused.value.retry_after_seconds >= 1
    assert await pool.is_right("p", "p")
    pool.close()


async def test_a_caller_who_goes_away_keeps_the_place_until_the_work_is_done():
    hasher = HeldHasher()
    pool = HashPool(hasher, threads=1, queue=0)
    gone = asyncio.create_task(pool.is_right("p", "p"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)

    with pytest.raises(Overloaded):
        pool.require_room()

    hasher.may_go.set()
    await _room(pool)
    assert await pool.is_right("p", "p")
    pool.close()


async def _room(pool):
    """Wait until the pool has room."""
    async with asyncio.timeout(60):
        while True:
            try:
                return pool.require_room()
            except Overloaded:
                await asyncio.sleep(0)
