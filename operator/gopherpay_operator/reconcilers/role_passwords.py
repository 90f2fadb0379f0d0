"""Where a role's password comes from, and what a pass does about it."""

from __future__ import annotations

import secrets
import string
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from gopherpay_operator.backends.ports import Rejected
from gopherpay_operator.engine.durations import seconds_of
from gopherpay_operator.plans import rotation
from gopherpay_operator.plans.desired import Password, SignIn
from gopherpay_operator.plans.scram import SALT_BYTES_MIN
from gopherpay_operator.reconcilers.connection_secrets import remembered
from gopherpay_operator.reconcilers.postgres_access import secret_text
from gopherpay_operator.resources.policies import ROTATE_AT
from gopherpay_operator.resources.roles import PostgresRoleSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from gopherpay_operator.engine.ports import Cluster, Resource
    from gopherpay_operator.plans.desired import PostgresRole
    from gopherpay_operator.reconcilers.postgres_access import Administrator

LETTERS: Final = string.ascii_letters + string.digits
"""Of a generated password: nothing that a shell, a URI or a YAML file could take amiss."""


def generated(length: int) -> str:
    """Return a password of *length* letters and digits."""
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def spec_of(resource: Resource) -> PostgresRoleSpec:
    """Return what *resource* says."""
    spec = resource.spec
    assert isinstance(spec, PostgresRoleSpec)  # noqa: S101 - of that kind only
    return spec


def name_of(resource: Resource) -> str:
    """Return the role's name in Postgres."""
    return spec_of(resource).external_name or resource.key.name


async def rule_of(resource: Resource, cluster: Cluster) -> rotation.Rule:
    """Return what *resource* says of its password, read from its Secret if that has it.

    Raises:
        DependencyMissing: If that Secret or its key is not there.
        Rejected: If nobody could sign in with what it holds.
    """
    password, name = spec_of(resource).password, name_of(resource)
    assert password is not None  # noqa: S101 - the caller has looked
    if password.secret_ref is not None:
        reference = password.secret_ref
        given = await secret_text(cluster, resource.key.namespace, reference.name, reference.key)
        if "\0" in given:
            raise Rejected(f"Secret '{reference.name}' has a password that Postgres cannot take.")
        return rotation.Rule(name=name, given=given)
    planned = password.generate.rotation if password.generate else None
    if planned is None:
        return rotation.Rule(name=name)
    return rotation.Rule(
        name=name,
        is_dual=planned.strategy == "DualRole",
        interval=timedelta(seconds=seconds_of(planned.interval)) if planned.interval else None,
        at=time.fromisoformat(planned.at) if planned.at else None,
        grace=timedelta(seconds=seconds_of(planned.grace_period)),
    )


async def step_of(
    resource: Resource,
    cluster: Cluster,
    who: Administrator,
    now: datetime,
    make: Callable[[int], str],
) -> rotation.Step:
    """Return what the pass at *now* shall bring about of the password.

    Raises:
        DependencyMissing: If the Secret with the password is not there.
        Rejected: If the connection Secret is somebody else's.
    """
    rule = await rule_of(resource, cluster)
    memory = await _memory(resource, cluster, rule, who, now)
    password = spec_of(resource).password
    length = password.generate.length if password and password.generate else 0
    asked = resource.annotations.get(ROTATE_AT, "")
    return rotation.step(memory, rule, now, asked, lambda: make(length))


def with_step(
    wanted: PostgresRole, step: rotation.Step, believed: Callable[[rotation.Credential], bool]
) -> PostgresRole:
    """Return *wanted* with the passwords of *step*, and with the roles that sign in for it.

    Args:
        wanted: The role, as its spec wants it.
        step: What is to be brought about.
        believed: Tells whether a password is believed to be in effect.
    """

    def password(role: str) -> Password | None:
        clear = step.passwords.get(role)
        if clear is None:
            return None
        is_next = step.next is not None and step.next.role == role
        return Password(
            clear,
            secrets.token_bytes(SALT_BYTES_MIN),
            is_believed_set=not is_next and believed(rotation.Credential(role, clear)),
            is_next=is_next,
        )

    both = rotation.sign_in_names(wanted.name)
    is_dual = step.told.role in both
    some = [role for role in both if is_dual or step.signs_in(role)]
    login = step.signs_in(wanted.name)
    return replace(
        wanted,
        attributes=replace(wanted.attributes, login=login),
        password=password(wanted.name),
        sign_ins=tuple(SignIn(role, password(role)) for role in some),
        shut_out=step.shut_out,
        step=step,
    )


async def _memory(
    resource: Resource,
    cluster: Cluster,
    rule: rotation.Rule,
    who: Administrator,
    now: datetime,
) -> rotation.Memory:
    template = spec_of(resource).connection_secret_template
    observed = resource.status.get("observed") or {}
    if template is None:
        if rule.given is None:
            raise Rejected("A generated password needs connectionSecretTemplate.")
        given = rotation.Credential(rule.name, rule.given or "")
        is_believed = observed.get("passwordSecretHash") == hash_of(resource, who, given)
        if not is_believed:
            return rotation.Memory()
        since = observed.get("lastRotation")
        rotated_at = datetime.fromisoformat(since) if since else rotation.EPOCH
        return rotation.Memory(active=given, rotated_at=rotated_at)
    secret = await cluster.secret(resource.key.namespace, template.name)
    if secret is not None and secret.owner_uid != resource.uid:
        raise Rejected(
            f"Secret '{template.name}' is there already and was not made for this resource. "
            "Delete it, or name another one in connectionSecretTemplate."
        )
    return remembered(secret) or rotation.lost(rule, observed.get("role"), now)


def hash_of(resource: Resource, who: Administrator, told: rotation.Credential) -> str:
    """Return what the status says of a password, of use only to see whether it is another one."""
    return who.keyed_hash(resource.uid, told.role, told.password)
