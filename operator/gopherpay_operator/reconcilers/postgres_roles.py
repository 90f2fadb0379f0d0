"""Roles of Postgres, and the Secrets by which programs sign in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from gopherpay_operator import wishes
from gopherpay_operator.backends import postgres_roles as backend
from gopherpay_operator.backends.ports import DependencyMissing
from gopherpay_operator.engine.connections import let_in
from gopherpay_operator.engine.ports import Fact, Key
from gopherpay_operator.engine.statuses import is_ready
from gopherpay_operator.engine.things import Access, Description, Finish
from gopherpay_operator.plans import rotation
from gopherpay_operator.plans.actions import Reason, Refused
from gopherpay_operator.plans.role_actions import (
    ChangePrivileges,
    GrantMembership,
    RevokeMembership,
)
from gopherpay_operator.plans.sign_ins import found as found_of
from gopherpay_operator.plans.sign_ins import is_credential, is_in_effect, is_shut_out
from gopherpay_operator.reconcilers import connection_secrets
from gopherpay_operator.reconcilers.postgres_access import KIND, PostgresAccess
from gopherpay_operator.reconcilers.postgres_databases import prefix_of
from gopherpay_operator.reconcilers.role_passwords import (
    generated,
    hash_of,
    name_of,
    rule_of,
    spec_of,
    step_of,
    with_step,
)
from gopherpay_operator.resources.connections import PostgresConnectionSpec
from gopherpay_operator.resources.roles import RoleObserved

if TYPE_CHECKING:
    from collections.abc import Callable

    from gopherpay_operator.engine.ports import Cluster, Resource
    from gopherpay_operator.plans.actions import Plan
    from gopherpay_operator.plans.desired import PostgresRole
    from gopherpay_operator.plans.observed import Found, RoleState
    from gopherpay_operator.reconcilers.postgres_access import Administrator

LOOK_AGAIN_SECONDS: Final = 30.0
"""How soon it is looked again whether anybody still uses the role that was left."""

SOON_SECONDS: Final = 1.0
_RIGHTS: Final = (ChangePrivileges, GrantMembership, RevokeMembership)


class PostgresRoles:
    """`engine.things.Thing` for `PostgresRole`."""

    kind = "PostgresRole"
    connection_kind = KIND

    def __init__(
        self,
        access: PostgresAccess | None = None,
        *,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        make: Callable[[int], str] = generated,
    ) -> None:
        """Share *access* with the other kinds that use the same connections.

        Args:
            access: Ways to the servers.
            clock: Tells the time.
            make: Makes a password of so many characters.
        """
        self._access = access or PostgresAccess()
        self._clock = clock
        self._make = make

    def needs(self, resource: Resource) -> frozenset[Key]:
        """Return the Secrets of the password and for programs, and the database."""
        spec, namespace = spec_of(resource), resource.key.namespace
        needs = set[Key]()
        if spec.password is not None and spec.password.secret_ref is not None:
            needs.add(Key("Secret", namespace, spec.password.secret_ref.name))
        if spec.connection_secret_template is not None:
            needs.add(Key("Secret", namespace, spec.connection_secret_template.name))
        if spec.database_ref is not None:
            needs.add(Key("PostgresDatabase", namespace, spec.database_ref.name))
        return frozenset(needs)

    def external_name(self, resource: Resource) -> str:
        """Return its name in Postgres."""
        return name_of(resource)

    async def access(self, connection: Resource, cluster: Cluster) -> Access:
        """Return how the server is reached."""
        return await self._access.access(connection, cluster, backend.PostgresRoles)

    async def wish(
        self, resource: Resource, connection: Resource, cluster: Cluster
    ) -> PostgresRole:
        """Return what is wanted, with the passwords that have to be in effect."""
        spec = spec_of(resource)
        wanted = wishes.role(resource.key.name, spec, name_prefix=prefix_of(connection))
        if resource.is_deleting:
            return wanted  # what it needed may be gone already
        _await_database(resource, cluster)
        if spec.password is None:
            return wanted
        who = await self._access.administrator(connection, cluster)
        if spec.connection_secret_template is not None:
            _ways(resource, connection, who)
        step = await step_of(resource, cluster, who, self._clock(), self._make)
        known = (resource.status.get("observed") or {}).get("passwordSecretHash")
        return with_step(wanted, step, lambda told: hash_of(resource, who, told) == known)

    def describe(
        self, resource: Resource, wish: PostgresRole, found: Found[RoleState], plan: Plan
    ) -> Description:
        """Return what the status says."""
        del resource
        state = found.state
        return Description(
            external_id=None if state is None else str(state.oid),
            facts=(_grants_match(state, plan), _credentials_ready(wish, state, plan)),
        )

    async def finish(
        self,
        resource: Resource,
        wish: PostgresRole,
        found: Found[RoleState],
        cluster: Cluster,
        now: datetime,
    ) -> Finish:
        """Tell programs of a password that is in effect now, and say when to look again."""
        state, step = found.state, wish.step
        if step is None or state is None:
            return Finish(observed=RoleObserved(role=wish.name))
        if step.next is not None and not _is_in_effect(step.next, wish, state):
            # What is only reported keeps it from being set: programs are told what they were.
            if step.before.active is None:
                return Finish(is_ready=False, reason="PasswordNotSet")
            step = replace(step, next=None)
        is_left_out = step.shut_out is not None and is_shut_out(
            found_of(step.shut_out, wish, state)
        )
        memory = rotation.after(step, now, is_shut_out=is_left_out)
        connection = await let_in(resource, KIND, cluster)
        who = await self._access.administrator(connection, cluster)
        await _tell(resource, connection, who, memory, cluster)
        rule = await rule_of(resource, cluster)
        return Finish(
            facts=(_waiting(step, memory),),
            observed=_observed(resource, who, rule, memory, _left_sessions(memory, wish, state)),
            again_in_seconds=SOON_SECONDS if is_left_out else _again(memory, rule, now),
        )


def _await_database(resource: Resource, cluster: Cluster) -> None:
    """Raise `DependencyMissing` if the database of the role is not Ready."""
    reference = spec_of(resource).database_ref
    if reference is None:
        return
    key = Key("PostgresDatabase", resource.key.namespace, reference.name)
    database = cluster.resource(key)
    if database is None or not is_ready(database.status):
        raise DependencyMissing(f"{key} is {'not there' if database is None else 'not Ready'}.")


def _grants_match(state: RoleState | None, plan: Plan) -> Fact:
    if state is None:
        return Fact("GrantsMatch", "False", "RoleMissing", "The role is not there.")
    left = [
        each.sentence
        for each in plan.actions
        if isinstance(each, _RIGHTS)
        or (isinstance(each, Refused) and each.reason is Reason.PLACE_MISSING)
    ]
    if not left:
        return Fact("GrantsMatch", "True", "AsWritten")
    return Fact("GrantsMatch", "False", "NotAsWritten", " ".join(left[:10]))


def _credentials_ready(wish: PostgresRole, state: RoleState | None, plan: Plan) -> Fact:
    """Return what holds unless `finish` says more."""
    if state is None:
        return Fact("CredentialsReady", "False", "RoleMissing", "The role is not there.")
    if wish.step is None:
        return Fact("CredentialsReady", "True", "NoPassword", "The role has no password of ours.")
    left = [each for each in plan.actions if is_credential(wish.name, each)]
    if wish.step.before.active is None or left:
        message = " ".join(each.sentence for each in left) or "Programs are not told yet."
        return Fact("CredentialsReady", "False", "PasswordNotSet", message)
    return Fact("CredentialsReady", "True", "InEffect")


def _is_in_effect(told: rotation.Credential, wish: PostgresRole, state: RoleState) -> bool:
    has = found_of(told.role, wish, state)
    return has is not None and is_in_effect(has, told.password) is True


def _ways(
    resource: Resource, connection: Resource, who: Administrator
) -> list[connection_secrets.Way]:
    template, spec = spec_of(resource).connection_secret_template, connection.spec
    assert template is not None  # noqa: S101 - the caller has looked
    assert isinstance(spec, PostgresConnectionSpec)  # noqa: S101 - of that kind only
    return connection_secrets.ways(template, spec, who.host, who.port)


async def _tell(
    resource: Resource,
    connection: Resource,
    who: Administrator,
    memory: rotation.Memory,
    cluster: Cluster,
) -> None:
    template = spec_of(resource).connection_secret_template
    if template is None or memory.active is None:
        return
    ways = _ways(resource, connection, who)
    data = connection_secrets.content(template, ways, memory.active, memory)
    await cluster.write_secret(resource, template.name, data, template.labels or {})


def _waiting(step: rotation.Step, memory: rotation.Memory) -> Fact:
    message = ""
    if step.waits:
        message = (
            f"Another password is due, and waits until nobody uses role '{step.before.left}' and "
            "its grace period is over."
        )
    elif memory.left is not None:
        message = f"The password of role '{memory.left}', which was in use before, still holds."
    return Fact("CredentialsReady", "True", "InEffect", message)


def _left_sessions(memory: rotation.Memory, wish: PostgresRole, state: RoleState) -> int | None:
    if memory.left is None:
        return None
    has = found_of(memory.left, wish, state)
    return 0 if has is None else has.sessions


def _observed(
    resource: Resource,
    who: Administrator,
    rule: rotation.Rule,
    memory: rotation.Memory,
    left_sessions: int | None,
) -> RoleObserved:
    told = memory.active
    assert told is not None  # noqa: S101 - a pass that is through has told somebody
    planned = rotation.next_rotation(memory, rule)
    return RoleObserved(
        role=told.role,
        password_secret_hash=hash_of(resource, who, told),
        last_rotation=_written(memory.rotated_at) if memory.rotated_at > rotation.EPOCH else None,
        next_rotation=None if planned is None else _written(planned),
        active_role_suffix=told.role[-1] if told.role != rule.name else None,
        sessions_on_old_role=left_sessions,
    )


def _again(memory: rotation.Memory, rule: rotation.Rule, now: datetime) -> float | None:
    """Return when something is to be done without anybody asking."""
    due = []
    planned = rotation.next_rotation(memory, rule)
    if planned is not None:
        due.append(max((planned - now).total_seconds(), SOON_SECONDS))
    if memory.left is not None:
        is_over = memory.left_at + rule.grace - now
        due.append(LOOK_AGAIN_SECONDS if is_over <= timedelta() else is_over.total_seconds())
    return min(due, default=None)


def _written(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
