"""When a password becomes another one, and under which role: pure, and safe to be cut off anywhere.

A pass takes what the connection Secret remembers, has the passwords of its `Step` set in Postgres,
and only then writes the Secret that `after` returns. With two sign-in roles the Secret therefore
never names a password that is not in effect: the new one is set on the role that nobody uses, and
the old one stays until nobody uses that role any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SUFFIXES: Final = ("a", "b")
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Credential:
    """Who signs in, and with what."""

    role: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered from pass to pass, in the connection Secret alone.

    Attributes:
        active: What programs are told; ``None`` when that was lost.
        rotated_at: When they were told something else.
        asked: The last wish of a person that was followed.
        left: The role that programs were told before, while its password still holds.
        left_at: Since when.
    """

    active: Credential | None = None
    rotated_at: datetime = EPOCH
    asked: str = ""
    left: str | None = None
    left_at: datetime = EPOCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What the resource says of its password.

    Attributes:
        name: The role that has the rights.
        is_dual: Whether programs sign in as one of two roles by turns.
        interval: How long a password lives; ``None`` without end.
        at: The time of day, in UTC, at which it becomes another one; ``None`` at none.
        grace: How long the password before holds at least.
        given: The password that somebody else keeps; ``None`` when we make it.
    """

    name: str
    is_dual: bool = False
    interval: timedelta | None = None
    at: time | None = None
    grace: timedelta = timedelta()
    given: str | None = field(default=None, repr=False)

    @property
    def homes(self) -> tuple[str, ...]:
        """Return the roles that programs may be told."""
        return sign_in_names(self.name) if self.is_dual else (self.name,)


@dataclass(frozen=True, slots=True)
class Step:
    """What a pass shall bring about.

    Attributes:
        before: What the Secret remembers.
        next: What programs shall be told from now on; ``None`` for what they are told already.
        shut_out: The role whose password ends now if nobody uses it.
        waits: Whether another password is due and waits for those who still use the one before.
        asked: What a person has asked for, followed by this step if there is a *next*.
    """

    before: Memory
    next: Credential | None = None
    shut_out: str | None = None
    waits: bool = False
    asked: str = ""

    @property
    def told(self) -> Credential:
        """Return what programs are told when the pass is through."""
        told = self.next or self.before.active
        assert told is not None  # noqa: S101 - a step without an active credential has a next one
        return told

    @property
    def passwords(self) -> Mapping[str, str]:
        """Return by role the passwords that have to be in effect before the Secret is written."""
        return {each.role: each.password for each in (self.before.active, self.next) if each}

    def signs_in(self, role: str) -> bool:
        """Tell whether somebody may be signing in as *role*."""
        return role in self.passwords or role == self.before.left


def sign_in_names(name: str) -> tuple[str, str]:
    """Return the two roles that programs sign in as by turns, for the rights of *name*."""
    first, second = SUFFIXES
    return f"{name}_{first}", f"{name}_{second}"


def lost(rule: Rule, told: str | None, now: datetime) -> Memory:
    """Return what is remembered at *now* when the Secret is gone that told programs of *told*."""
    others = {rule.name, *sign_in_names(rule.name)} - ({rule.name} if not rule.is_dual else set())
    return Memory(left=told, left_at=now) if told in others else Memory()


def step(before: Memory, rule: Rule, now: datetime, asked: str, make: Callable[[], str]) -> Step:
    """Return what the pass at *now* shall bring about.

    Args:
        before: What the Secret remembers.
        rule: What the resource says.
        now: The time of the pass.
        asked: What a person wrote to ask for another password; the same again asks for nothing.
        make: Makes a password.
    """
    is_over = before.left is not None and now - before.left_at >= rule.grace
    shut_out = before.left if is_over else None
    if not _is_due(before, rule, now, asked):
        return Step(before, shut_out=shut_out, asked=asked)
    role = _next_role(before, rule)
    if _is_held_up(before, role):
        return Step(before, shut_out=shut_out, waits=True, asked=asked)
    return Step(before, Credential(role, rule.given or make()), shut_out, asked=asked)


def after(made: Step, now: datetime, *, is_shut_out: bool) -> Memory:
    """Return what the Secret shall remember once the passwords of *made* are in effect.

    Args:
        made: The step.
        now: The time of the pass.
        is_shut_out: Whether the password of the role that was left is no more in effect.
    """
    memory = made.before
    if is_shut_out or (made.next and made.next.role == memory.left):
        memory = replace(memory, left=None, left_at=EPOCH)
    if made.next is None:
        return memory
    memory = replace(memory, active=made.next, rotated_at=now, asked=made.asked or memory.asked)
    was = made.before.active
    if was is None or was.role == made.next.role:
        return memory
    return replace(memory, left=was.role, left_at=now)


def next_rotation(memory: Memory, rule: Rule) -> datetime | None:
    """Return when the password becomes another one by itself."""
    if rule.given is not None or memory.active is None:
        return None
    if rule.interval is not None:
        return memory.rotated_at + rule.interval
    if rule.at is None:
        return None
    same_day = datetime.combine(memory.rotated_at.date(), rule.at, UTC)
    return same_day if same_day > memory.rotated_at else same_day + timedelta(days=1)


def _is_due(before: Memory, rule: Rule, now: datetime, asked: str) -> bool:
    active = before.active
    if active is None or active.role not in rule.homes:
        return True
    if rule.given is not None:
        return active.password != rule.given
    planned = next_rotation(before, rule)
    return bool(asked and asked != before.asked) or (planned is not None and planned <= now)


def _next_role(before: Memory, rule: Rule) -> str:
    """Return a role that nobody uses, or else one that is not told now, if there is another."""
    told = before.active.role if before.active else None
    others = [each for each in rule.homes if each != told] or list(rule.homes)
    return next((each for each in others if each != before.left), others[0])


def _is_held_up(before: Memory, role: str) -> bool:
    """Tell whether a step to *role* would leave a second role behind, or break one in use."""
    active = before.active
    return before.left is not None and active is not None and active.role != role
