"""Rotation, wherever it is cut off: what programs are told is true, and it comes to an end."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gopherpay_operator.plans.rotation import (
    Credential,
    Memory,
    Rule,
    after,
    lost,
    next_rotation,
    sign_in_names,
    step,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DUAL = Rule(name="app", is_dual=True, interval=timedelta(days=1), grace=HOUR)
IN_PLACE = Rule(name="app", interval=timedelta(days=1), grace=HOUR)
PLAIN = Rule(name="app", grace=HOUR)
A, B = sign_in_names("app")

MANY = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
CUTS = st.sampled_from(["before", "set", "shut out", "never", "never"])
MOVES = st.tuples(
    st.sampled_from([DUAL, DUAL, DUAL, IN_PLACE, PLAIN]),
    CUTS,
    st.integers(0, 30),
    st.sampled_from(["", "x", "y"]),
    st.booleans(),
)


@dataclass
class World:
    """A server's passwords, a Secret, and passes that may be cut off."""

    now: datetime = NOON
    memory: Memory | None = None
    passwords: dict = field(default_factory=dict)
    numbers: count = field(default_factory=count)

    def pass_over(self, rule, asked="", cut="never", *, is_used=False):
        before = self.memory or lost(rule, None, self.now)
        made = step(before, rule, self.now, asked, lambda: f"secret-{next(self.numbers)}")
        if cut == "before":
            return
        self.passwords |= made.passwords
        if cut == "set":
            return
        if made.shut_out and not is_used:
            self.passwords[made.shut_out] = None
        if cut == "shut out":
            return
        is_out = made.shut_out is not None and not is_used
        self.memory = after(made, self.now, is_shut_out=is_out)

    @property
    def told(self):
        return self.memory.active if self.memory else None

    def is_true(self):
        return self.told is None or self.passwords[self.told.role] == self.told.password


def settled(world, rule):
    """Bring *world* to rest: nobody uses what was left, and nothing is cut off."""
    for _ in range(6):
        world.pass_over(rule, "z")
        world.now += 2 * HOUR
    return world


@MANY
@given(st.lists(MOVES, max_size=12))
def test_with_two_roles_the_secret_is_true_at_every_moment(moves):
    world = World()

    for _, cut, hours, asked, is_used in moves:
        world.now += hours * HOUR
        world.pass_over(DUAL, asked, cut, is_used=is_used)

        assert world.is_true()


@MANY
@given(st.lists(MOVES, max_size=12))
def test_whatever_was_cut_off_the_next_passes_reach_the_same_end(moves):
    world = World()
    for rule, cut, hours, asked, is_used in moves:
        world.now += hours * HOUR
        world.pass_over(rule, asked, cut, is_used=is_used)

    settled(world, DUAL)

    assert world.is_true()
    assert world.told.role in DUAL.homes
    assert world.memory.left is None
    assert world.memory.asked == "z"


@MANY
@given(st.lists(MOVES, max_size=12))
def test_a_role_that_is_used_keeps_its_password(moves):
    world = World()

    for rule, cut, hours, asked, _ in moves:
        world.now += hours * HOUR
        left = world.memory.left if world.memory else None
        held = world.passwords.get(left)
        world.pass_over(rule, asked, cut, is_used=True)

        assert world.passwords.get(left) == held


@MANY
@given(st.lists(MOVES, min_size=1, max_size=8))
def test_in_place_every_pass_that_is_through_leaves_a_true_secret(moves):
    world = World()
    for _, cut, hours, asked, _ in moves:
        world.now += hours * HOUR
        world.pass_over(IN_PLACE, asked, cut)

    world.pass_over(IN_PLACE, "z")

    assert world.is_true()
    assert world.memory.left is None


def test_the_two_roles_take_turns():
    world = World()
    told = []
    for _ in range(3):
        world.pass_over(DUAL)
        told.append(world.told.role)
        world.now += 2 * HOUR
        world.pass_over(DUAL)
        world.now += timedelta(days=1)

    assert told == [A, B, A]


def test_the_password_before_holds_until_its_grace_is_over():
    world = World()
    world.pass_over(DUAL)
    world.now += timedelta(days=1)
    world.pass_over(DUAL)
    before = world.passwords[A]

    world.now += HOUR - timedelta(seconds=1)
    world.pass_over(DUAL)
    held = world.passwords[A]
    world.now += timedelta(seconds=1)
    world.pass_over(DUAL)

    assert held == before
    assert world.passwords[A] is None


def test_another_password_waits_for_those_who_use_the_one_before():
    memory = Memory(Credential(B, "new"), NOON, left=A, left_at=NOON)

    made = step(memory, DUAL, NOON + timedelta(days=9), "now", lambda: "unused")

    assert made.waits
    assert made.next is None
    assert made.shut_out == A


def test_the_same_wish_is_followed_once():
    world = World()
    world.pass_over(PLAIN)
    first = world.told
    world.pass_over(PLAIN, "today")
    second = world.told
    world.pass_over(PLAIN, "today")

    assert first != second
    assert world.told == second


def test_a_password_without_rotation_stays():
    world = World()
    world.pass_over(PLAIN)
    first = world.told
    world.now += timedelta(days=9999)
    world.pass_over(PLAIN)

    assert world.told == first
    assert next_rotation(world.memory, PLAIN) is None


def test_a_password_that_is_given_is_followed_and_never_made():
    world = World()
    world.pass_over(Rule(name="app", given="one"))
    world.pass_over(Rule(name="app", given="two"), "now")

    assert world.told == Credential("app", "two")


def test_a_secret_that_is_lost_leaves_its_readers_their_password():
    memory = lost(DUAL, A, NOON)

    made = step(memory, DUAL, NOON, "", lambda: "new")

    assert made.next.role == B
    assert after(made, NOON, is_shut_out=False).left == A


def test_a_secret_that_is_lost_in_place_leaves_nobody_behind():
    assert lost(IN_PLACE, "app", NOON) == Memory()


def test_moving_to_two_roles_and_back_leaves_the_role_before_for_a_while():
    world = World()
    for rule, told, left in ((PLAIN, "app", None), (DUAL, A, "app"), (PLAIN, A, "app")):
        world.pass_over(rule)
        assert (world.told.role, world.memory.left) == (told, left)
    world.now += 2 * HOUR
    world.pass_over(PLAIN)
    world.pass_over(PLAIN)

    assert (world.told.role, world.memory.left) == ("app", A)


@pytest.mark.parametrize(
    ("rotated", "planned"),
    [
        ("2026-03-01T02:00:00+00:00", "2026-03-01T03:30:00+00:00"),
        ("2026-03-01T03:30:00+00:00", "2026-03-02T03:30:00+00:00"),
        ("2026-03-01T12:00:00+00:00", "2026-03-02T03:30:00+00:00"),
    ],
)
def test_a_time_of_day_is_the_next_one(rotated, planned):
    rule = Rule(name="app", at=time(3, 30))
    memory = Memory(Credential("app", "x"), datetime.fromisoformat(rotated))

    assert next_rotation(memory, rule) == datetime.fromisoformat(planned)


def test_nothing_shows_a_password():
    made = step(Memory(), Rule(name="app", given="tell-nobody"), NOON, "", str)

    shown = repr(made) + repr(after(made, NOON, is_shut_out=False))
    assert "tell-nobody" not in shown + repr(Rule(name="app", given="tell-nobody"))
