"""The identity use cases for verbs that need no HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from actors.domain.errors import GopherPayError, StoreUnavailable
from actors.identity.service import build_identity
from actors.security.keys import KeysUnusable, load_keys
from actors.store.pool import Pool
from serve_app.composition import identity_rules
from serve_app.embedded.failures import StartFailure

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from actors.identity.service import Identity
    from actors.settings import Settings


class VerbRefused(StartFailure):
    """What was asked for cannot be done."""


@asynccontextmanager
async def people(settings: Settings) -> AsyncIterator[Identity]:
    """Yield the identity use cases on the database of *settings*.

    Raises:
        VerbRefused: If keys or the database are missing, or the use case says no.
    """
    try:
        keys = load_keys(settings.keys_folder)
        pool = Pool(settings.app_dsn, size_max=1, name="gopherpay-cli")
        await pool.open()
    except KeysUnusable as error:
        raise VerbRefused(f"The keys cannot be used: {error}.") from error
    except StoreUnavailable as error:
        raise VerbRefused("The database does not answer.") from error
    identity = build_identity(pool, keys, identity_rules(settings))
    try:
        yield identity
    except GopherPayError as error:
        raise VerbRefused(_sentence(error)) from error
    finally:
        identity.close()
        await pool.close()


def _sentence(error: GopherPayError) -> str:
    """Return the error's title, which is the first line of its docstring, and its facts."""
    title = (type(error).__doc__ or "It was refused.").splitlines()[0].rstrip(".")
    facts = "; ".join(f"{name}: {value}" for name, value in error.facts().items())
    return f"{title} ({facts})." if facts else f"{title}."
