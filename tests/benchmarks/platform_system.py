"""GopherPay as a system under test: the real command, as a user starts it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import httpx
import psycopg
from pydantic import SecretStr

from actors.domain.accounts import world_account_id
from actors.domain.principals import PLATFORM_ID
from actors.domain.transfers import Movement, TransferKind, Verdict
from actors.ids import new_id
from actors.settings import Settings
from actors.store import books
from actors.store.commit import PostgresLedger
from actors.store.pool import Pool
from serve_app.embedded.data_folder import find_running
from serve_app.embedded.ports import free_port
from tests.benchmarks import usage
from tests.benchmarks.plan import Api, Template
from tests.benchmarks.systems import (
    CURRENCY,
    OPENING_MINOR,
    READS,
    USERS,
    BenchFailure,
    Child,
    Target,
    answers,
    committed,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import psutil

PASSWORD = "a long walk by the river in may"
SCOPES = ["transfers:write", "transfers:read", "accounts:read"]
BULK = Template("/v1/transfers/bulk", body='{"mode":"independent","transfers":[{items}]}')
DEPOSITS_PER_COMMIT = 500
OPEN = """
INSERT INTO accounts (id, owner_id, kind, currency)
SELECT u.id, u.owner_id, 'customer', %s FROM unnest(%s::uuid[], %s::uuid[]) AS u(id, owner_id)
"""


class PlatformSystem:
    """``gopherpay up`` on the shared Postgres."""

    def __init__(
        self,
        dsn: str,
        folder: Path,
        log_folder: Path,
        *,
        name: str = "gopherpay",
        variables: Mapping[str, str],
    ) -> None:
        self.name = name
        self.dsn = dsn
        chosen = ", ".join(f"{name}={value}" for name, value in variables.items())
        self.setup = chosen or "default settings"
        self._port = free_port()
        self._folder = folder
        self._owners: list[UUID] = []
        self._child = Child(
            [str(Path(sys.executable).with_name("gopherpay")), "up"],
            mark=self.name,
            log_file=log_folder / f"{name}.log",
            variables={
                **variables,
                "GOPHERPAY_POSTGRES_URL": dsn,
                "GOPHERPAY_DATA_DIR": str(folder),
                "GOPHERPAY_PORT": str(self._port),
                "TMPDIR": str(log_folder),  # Ray's helpers leave folders there
            },
            stop_signal=signal.SIGINT,
        )

    def start(self) -> None:
        """Start the platform; it writes its note when it is ready."""
        self._child.start(lambda: find_running(self._folder) is not None)

    def is_ready(self) -> bool:
        """Tell whether database, schema and slots are there."""
        return answers(f"http://127.0.0.1:{self._port}/readyz")

    def prepare(self, accounts: int) -> Target:
        """Sign users up over HTTP, then open accounts and deposit through the real commit path."""
        with httpx.Client(base_url=f"http://127.0.0.1:{self._port}", timeout=30) as client:
            signed_up = [_sign_up(client, number) for number in range(USERS)]
        self._owners = [person.id for person in signed_up]
        ids = [new_id() for _ in range(accounts)]
        owners = [place % USERS for place in range(accounts)]
        with psycopg.connect(self.dsn) as connection:
            connection.execute(OPEN, (CURRENCY, ids, [self._owners[place] for place in owners]))
        asyncio.run(_deposit(self.dsn, ids))
        return Target(
            self._port,
            [person.api_key for person in signed_up],
            [str(each) for each in ids],
            owners,
            api=Api(bulk=BULK, reads=READS),
            log_in_bodies=[person.log_in_body for person in signed_up],
        )

    def processes(self) -> list[psutil.Process]:
        """Return the command, Ray's processes, the replicas and HAProxy."""
        return usage.marked(self.name)

    def committed(self, key_prefix: str) -> set[str]:
        """Return the ids of the transfers whose keys begin so."""
        return committed(self.dsn, "principal_id", self._owners, key_prefix)

    def discrepancies(self) -> list[str]:
        """Return what ``gopherpay verify`` finds."""
        report = books.verify(self.dsn, progress=lambda _title, _done: None)
        return [str(finding) for finding in report.findings]

    def stop(self) -> None:
        """Stop the platform as Ctrl-C does."""
        self._child.stop()


@dataclass(frozen=True, slots=True)
class _Person:
    id: UUID
    api_key: str
    log_in_body: str


def _sign_up(client: httpx.Client, number: int) -> _Person:
    """Return a new, verified user with an API key that may transfer and read."""
    address = f"bench-{number}-{uuid4().hex}@example.com"
    person = {"email": address, "password": PASSWORD}
    _post(client, "/v1/auth/register", {**person, "full_name": f"Bench {number}"})
    mails = client.get("/v1/dev/mailbox", params={"email": address}).json()["data"]
    _post(client, "/v1/auth/verify", {"token": mails[0]["token"]})
    session = _post(client, "/v1/auth/login", person)
    key = {"name": "bench", "scopes": SCOPES}
    made = _post(client, "/v1/api-keys", key, token=session["access_token"])
    return _Person(UUID(session["user"]["id"]), made["secret"], json.dumps(person))


def _post(client: httpx.Client, path: str, body: object, *, token: str | None = None) -> dict:
    """Return the answer.

    Raises:
        BenchFailure: If it is a refusal.
    """
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = client.post(path, json=body, headers=headers)
    if not answer.is_success:
        raise BenchFailure(f"{path} answered {answer.status_code}: {answer.text}")
    return answer.json()


async def _deposit(owner_dsn: str, accounts: Sequence[UUID]) -> None:
    """Give every account its opening money.

    Raises:
        BenchFailure: If a deposit is refused.
    """
    pool = Pool(_app_dsn(owner_dsn), size_max=1, name="bench")
    await pool.open()
    try:
        for start in range(0, len(accounts), DEPOSITS_PER_COMMIT):
            part = accounts[start : start + DEPOSITS_PER_COMMIT]
            outcomes = await PostgresLedger(pool).commit([_deposit_to(a) for a in part], fence=None)
            if any(outcome.verdict is not Verdict.POSTED for outcome in outcomes):
                raise BenchFailure("a deposit was refused")
    finally:
        await pool.close()


def _deposit_to(account_id: UUID) -> Movement:
    key = f"opening-{account_id}"
    return Movement(
        transfer_id=new_id(),
        kind=TransferKind.DEPOSIT,
        source_id=world_account_id(CURRENCY),
        destination_id=account_id,
        amount_minor=OPENING_MINOR,
        currency=CURRENCY,
        principal_id=PLATFORM_ID,
        owner_id=None,
        idempotency_key=key,
        fingerprint=hashlib.sha256(key.encode()).digest(),
        request_id="bench",
        reference="opening",
    )


def _app_dsn(owner_dsn: str) -> str:
    """Return the address for the application's role, as the platform makes it."""
    return Settings(data_dir=Path(os.devnull), postgres_url=SecretStr(owner_dsn)).app_dsn
