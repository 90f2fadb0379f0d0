"""The owner's line in the comment of a database or a role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from psycopg import sql

from gopherpay_operator.backends.ports import Overtaken
from gopherpay_operator.plans.claims import claim_of, with_claim, without_claim

if TYPE_CHECKING:
    from collections.abc import Callable

    from gopherpay_operator.backends.postgres import Session

What = Literal["DATABASE", "ROLE"]
_LOOK: Final[dict[What, str]] = {
    "DATABASE": "SELECT oid::bigint, shobj_description(oid, 'pg_database')"
    " FROM pg_database WHERE datname = %s",
    "ROLE": "SELECT oid::bigint, shobj_description(oid, 'pg_authid')"
    " FROM pg_roles WHERE rolname = %s",
}
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtext('gopherpay.dev/owner'), hashtext(%s))"


def owner(session: Session, what: What, name: str) -> str | None:
    """Return who has claimed it; ``None`` when nobody has, or it is not there."""
    row = session.execute(_LOOK[what].encode(), (name,)).fetchone()
    return claim_of(_text(row[1])) if row is not None else None


def claim(session: Session, what: What, name: str, claimant: str) -> None:
    """Write *claimant* into the comment, beside what people wrote.

    Raises:
        Overtaken: If it is another's, or not there any more.
    """
    _rewrite(session, what, name, claimant, lambda comment: with_claim(comment, claimant))


def release(session: Session, what: What, name: str, claimant: str) -> None:
    """Take *claimant* out of the comment.

    Raises:
        Overtaken: If it is another's, or not there any more.
    """
    _rewrite(session, what, name, claimant, without_claim)


def check(session: Session, what: What, name: str, claimant: str, oid: int) -> None:
    """Make sure that the thing is still the one that was looked at, and is *claimant*'s.

    Raises:
        Overtaken: If it is not.
    """
    row = session.execute(_LOOK[what].encode(), (name,)).fetchone()
    if row is None or row[0] != oid or claim_of(_text(row[1])) != claimant:
        raise Overtaken(f"{what.title()} '{name}' is not the one any more that was looked at.")


def _rewrite(
    session: Session,
    what: What,
    name: str,
    claimant: str,
    change: Callable[[str | None], str | None],
) -> None:
    with session.transaction():
        session.execute(_LOCK, (name,))
        row = session.execute(_LOOK[what].encode(), (name,)).fetchone()
        if row is None:
            raise Overtaken(f"{what.title()} '{name}' is not there any more.")
        comment = _text(row[1])
        other = claim_of(comment)
        if other not in {None, claimant}:
            raise Overtaken(f"{what.title()} '{name}' was claimed by '{other}' in between.")
        session.execute(
            sql.SQL("COMMENT ON {} {} IS {}").format(
                sql.SQL(what), sql.Identifier(name), sql.Literal(change(comment))
            )
        )


def _text(value: object) -> str | None:
    return None if value is None else str(value)
