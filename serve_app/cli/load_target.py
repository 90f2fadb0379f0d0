"""The deployment under load: where it is, who funds accounts, how it scales, where books are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from actors.settings import Settings
from serve_app.cli.keys import create_key
from serve_app.cli.scale import serve_api, wait_until_spread
from serve_app.cli.verify import verify_books
from serve_app.cli.verifying import NotVerifiable
from serve_app.embedded.data_folder import Running, find_running
from serve_app.embedded.database import with_postgres
from serve_app.embedded.failures import StartFailure
from serve_app.load.api import Api, Refused, Unreachable, client
from serve_app.load.report import Books
from serve_app.load.serve import ScalingRefused, ServeApi

if TYPE_CHECKING:
    from collections.abc import Callable

    from serve_app.cli.terminal import Terminal
    from serve_app.load.steps import Shards

OPERATOR_SCOPES: Final = ("treasury:write", "admin:read")
START_SECONDS_MAX: Final = 300
"""On a cluster a node may have to come first."""
LOOK_SECONDS: Final = 1.0
SETTLE_SECONDS: Final = 15
"""Slots move a part at a time; without the database nobody says when the last one has moved."""


class TargetMissing(StartFailure):
    """It is not said where the load goes, or what it needs there."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the command line says of the deployment; the token and the key are secrets."""

    url: str | None
    operator_key: str | None
    serve_url: str | None
    serve_token: str | None
    deployment: str


@dataclass(frozen=True, slots=True)
class Target:
    """A deployment that was found."""

    url: str
    settings: Settings
    running: Running | None
    given: Given

    @property
    def dsn(self) -> str | None:
        """Return where the books can be read, None if that is not known."""
        if self.running is not None:
            return self.running.owner_dsn
        return None if self.settings.postgres_url is None else self.settings.owner_dsn

    def funder(self) -> str:
        """Return who funds the accounts, for a reader.

        Raises:
            TargetMissing: If nobody can.
        """
        if self.given.operator_key is not None:
            return "the operator's key that is given"
        if self.running is None:
            raise TargetMissing(
                "Accounts are funded by deposits, which need an operator's key: give one with "
                "--operator-key or GOPHERPAY_LOAD_OPERATOR_KEY "
                "(gopherpay keys create --scopes treasury:write,admin:read --name load)."
            )
        return "a new key of the local platform"

    def operator_key(self) -> str:
        """Return the key that opens the treasury, a new one on the local platform.

        Raises:
            TargetMissing: If there is none and none can be made.
        """
        self.funder()
        if self.given.operator_key is not None or self.running is None:
            return str(self.given.operator_key)
        settings = with_postgres(self.settings, self.running.owner_dsn)
        return create_key(settings, OPERATOR_SCOPES, "gopherpay load")

    def scaler(self) -> str:
        """Return what is scaled, and by whom, for a reader.

        Raises:
            TargetMissing: If it is not said where Serve is.
        """
        if self.running is not None:
            return (
                f"Serve at {self.running.dashboard_url}, deployment {self.running.shard_deployment}"
            )
        if self.given.serve_url is None:
            raise TargetMissing(
                "--shards needs Serve's scaling API of that deployment: name it with --serve-url."
            )
        return f"Serve at {self.given.serve_url}, deployment {self.given.deployment}"

    def shards(self) -> Shards:
        """Return the processes that can be scaled.

        Raises:
            TargetMissing: If it is not said where Serve is.
        """
        self.scaler()
        if self.running is not None:
            return LocalShards(self.settings, self.running)
        url = str(self.given.serve_url).rstrip("/")
        return RemoteShards(ServeApi(url, self.given.serve_token, self.given.deployment))


@dataclass(frozen=True, slots=True)
class LocalShards:
    """The shards of the platform that runs on the data folder."""

    settings: Settings
    running: Running

    async def wanted(self) -> int:
        """Return how many there shall be now."""
        return await asyncio.to_thread(serve_api(self.settings, self.running).wanted)

    async def scale(self, count: int, say: Callable[[str], None]) -> None:
        """Scale, and wait until all slots are spread in equal parts."""
        await asyncio.to_thread(serve_api(self.settings, self.running).scale, count)
        await wait_until_spread(self.settings, self.running.app_dsn, count, say)


@dataclass(frozen=True, slots=True)
class RemoteShards:
    """Shards of which only Serve can be asked."""

    serve: ServeApi

    async def wanted(self) -> int:
        """Return how many there shall be now."""
        return await asyncio.to_thread(self.serve.wanted)

    async def scale(self, count: int, say: Callable[[str], None]) -> None:
        """Scale, wait until they run, and give them time to share the slots.

        Raises:
            ScalingRefused: If they do not run in time.
        """
        await asyncio.to_thread(self.serve.scale, count)
        running = -1
        try:
            async with asyncio.timeout(START_SECONDS_MAX):
                while (running := await asyncio.to_thread(self.serve.running)) != count:
                    say(f"{running} of {count} processes run")
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError as error:
            raise ScalingRefused(
                f"After {START_SECONDS_MAX} s {running} of {count} processes run."
            ) from error
        say(f"{count} processes run; waiting {SETTLE_SECONDS} s until they have shared the slots")
        await asyncio.sleep(SETTLE_SECONDS)


def find_target(settings: Settings, given: Given) -> Target:
    """Return the deployment that is given, else the one that runs on the data folder.

    Raises:
        TargetMissing: If neither is there, or the key that is given is empty.
    """
    if given.operator_key is not None and not given.operator_key.strip():
        raise TargetMissing("The key of --operator-key is empty; leave it out or give a key.")
    running = find_running(settings.data_dir)
    if given.url is not None:
        url = given.url.rstrip("/")
        if not url.startswith(("http://", "https://")):
            raise TargetMissing(f"--url takes an address such as http://host:8000; not {url!r}.")
        is_local = running is not None and running.url == url.replace("//localhost", "//127.0.0.1")
        return Target(url, settings, running if is_local else None, given)
    if running is None:
        raise TargetMissing(
            f"No platform runs on the data folder {settings.data_dir}; "
            "start one with 'gopherpay up', or name a deployment with --url."
        )
    return Target(running.url, settings, running, given)


def check_books(target: Target, shown: Terminal, since_end: Callable[[], float]) -> Books:
    """Verify the books by the database, else ask for the last verification.

    Args:
        target: The deployment.
        shown: Where the findings are printed.
        since_end: Returns the seconds since the load has ended.
    """
    if target.dsn is not None:
        try:
            is_right = verify_books(target.dsn, shown) == 0
        except NotVerifiable as failure:
            return Books("not verified", str(failure))
        return Books("right" if is_right else "wrong", "Verified from the database after the load.")
    if target.given.operator_key is None:
        return Books("not verified", "Give --postgres-url, or an operator's key with admin:read.")
    return asyncio.run(_ask_for_books(target.url, target.given.operator_key, since_end))


async def _ask_for_books(url: str, operator_key: str, since_end: Callable[[], float]) -> Books:
    try:
        async with client(url) as http:
            last = await Api(http).ask("GET /v1/admin/books", bearer=operator_key)
    except (Refused, Unreachable) as failure:
        return Books("not verified", str(failure))
    found = "found discrepancies" if last["discrepancies"] else "found nothing"
    if last["age_seconds"] >= since_end():
        how = f"The last verification, which {found}, is older than the end of this load."
        return Books("not verified", how)
    if last["discrepancies"]:
        return Books("wrong", f"The verification of {last['verified_at']} found discrepancies.")
    return Books("right", f"Verified by the deployment itself at {last['verified_at']}.")
