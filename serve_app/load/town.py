"""Users and accounts that hold money, made through the API like everybody's."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from serve_app.embedded.failures import StartFailure
from serve_app.load.api import Refused, at_once
from serve_app.load.plan import CURRENCY

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from serve_app.load.api import Api

OPENING: Final = "1000000.00"
"""A hundred million payments of a cent, before an account that only pays is empty."""
SCOPES: Final = ["accounts:read", "accounts:write", "transfers:read", "transfers:write"]
KEY_LIFE: Final = timedelta(days=2)
"""Longer than a load can be; the keys end by themselves."""
AT_ONCE: Final = 16
NOT_FOUND: Final = 404


class TownFailed(StartFailure):
    """Users or accounts cannot be made."""


@dataclass(frozen=True, slots=True)
class Town:
    """API keys of users, and accounts: the account in place n belongs to user n modulo users."""

    users: tuple[str, ...]
    accounts: tuple[str, ...]


async def sign_up(api: Api, count: int, say: Callable[[str], None]) -> tuple[str, ...]:
    """Make *count* users, verify them by the development mailbox, and return a key of each.

    Raises:
        TownFailed: If the deployment shows no mailbox, or wants no more users now.
    """
    keys = []
    for number in range(1, count + 1):
        say(f"signing up user {number} of {count}")
        email = f"load-{secrets.token_hex(8)}@example.com"
        password = f"{secrets.token_urlsafe(18)} staple"
        person = {"email": email, "password": password}
        try:
            await api.ask("POST /v1/auth/register", {**person, "full_name": f"Load {number}"})
        except Refused as refused:
            raise TownFailed(f"User {number} of {count} cannot sign up: {refused}") from refused
        await api.ask("POST /v1/auth/verify", {"token": await _mailed_token(api, email)})
        keys.append(await log_in(api, email, password))
    return tuple(keys)


async def _mailed_token(api: Api, email: str) -> str:
    try:
        mails = await api.ask("GET /v1/dev/mailbox", query={"email": email})
    except Refused as refused:
        if refused.status != NOT_FOUND:
            raise
        raise TownFailed(
            "This deployment shows no mailbox, so new users cannot be verified; "
            "give a user with --email and --password, or keys with --api-keys FILE."
        ) from refused
    return str(mails["data"][0]["token"])


async def log_in(api: Api, email: str, password: str) -> str:
    """Return a new API key of a user, which ends by itself."""
    session = await api.ask("POST /v1/auth/login", {"email": email, "password": password})
    expires_at = (datetime.now(UTC) + KEY_LIFE).isoformat().replace("+00:00", "Z")
    wish = {"name": "gopherpay load", "scopes": SCOPES, "expires_at": expires_at}
    made = await api.ask("POST /v1/api-keys", wish, bearer=session["access_token"])
    return str(made["secret"])


def keys_in(file: Path) -> tuple[str, ...]:
    """Return the API keys in *file*, one a line, each of another user.

    Raises:
        TownFailed: If it cannot be read or holds none.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TownFailed(f"The file of --api-keys, {file}, cannot be read.") from error
    keys = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if not keys:
        raise TownFailed(f"The file of --api-keys, {file}, holds no key.")
    return keys


async def settle(
    api: Api, users: Sequence[str], count: int, operator_key: str, say: Callable[[str], None]
) -> Town:
    """Open *count* accounts of *users* in turn, fund each, and return them.

    Raises:
        TownFailed: If the operator's key does not open the treasury.
    """
    places = iter(range(count))
    accounts = [""] * count
    run = secrets.token_hex(6)
    done = 0

    async def work() -> None:
        nonlocal done
        for place in places:
            accounts[place] = await _open(api, users[place % len(users)])
            await _fund(api, accounts[place], operator_key, f"load-opening-{run}-{place}")
            done += 1
            if done % 100 == 0 or done == count:
                say(f"{done:,} of {count:,} accounts hold money")

    await at_once(work, AT_ONCE)
    return Town(tuple(users), tuple(accounts))


async def _open(api: Api, user: str) -> str:
    answer = await api.ask("POST /v1/accounts", {"currency": CURRENCY, "name": "Load"}, bearer=user)
    return str(answer["id"])


async def _fund(api: Api, account: str, operator_key: str, key: str) -> None:
    body = {"account_id": account, "amount": OPENING, "currency": CURRENCY, "reference": "load"}
    try:
        await api.ask("POST /v1/deposits", body, bearer=operator_key, key=key)
    except Refused as refused:
        if refused.status not in {401, 403}:
            raise
        raise TownFailed(
            "The operator's key does not open the treasury; it needs the scope treasury:write "
            "(gopherpay keys create --scopes treasury:write,admin:read --name load)."
        ) from refused
