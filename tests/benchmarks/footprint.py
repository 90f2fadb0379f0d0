"""What the platform takes when it is idle, and what touched accounts add."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx

from tests.benchmarks import tables, usage
from tests.benchmarks.systems import CURRENCY, BenchFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from serve_app.embedded.postgres import EmbeddedPostgres
    from tests.benchmarks.platform_system import PlatformSystem
    from tests.benchmarks.systems import Target

TOUCHED = 100_000
BULK = 1_000
SETTLE_SECONDS = 10  # start-up work ends, and caches reach their size


def measure(
    system: PlatformSystem, postgres: EmbeddedPostgres, report: Callable[[str], None]
) -> None:
    """Print the idle platform by program, then what 100,000 debited accounts add to it."""
    report(f"letting it settle for {SETTLE_SECONDS} s")
    time.sleep(SETTLE_SECONDS)
    idle_share = _cpu_share(system)
    everything = [*system.processes(), *usage.tree(postgres.pid or 0)]
    groups = {**usage.memory_by_program(everything), "all": usage.memory(everything)}
    print(f"{tables.machine()}\n\n{tables.memory(groups)}\n")  # noqa: T201  the result
    print(f"Idle it uses {idle_share:.1%} of one core, without Postgres.")  # noqa: T201  the result
    report(f"making {TOUCHED:,} accounts")
    target = system.prepare(TOUCHED)
    before = _in_use(system)
    seen = [_in_use(system) for _ in _touch(target, report)]
    print(  # noqa: T201  the result
        f"{TOUCHED:,} touched accounts added {(seen[-1] - before) / usage.MIB:.0f} MiB,"
        f" {(max(seen) - before) / usage.MIB:.0f} MiB at most meanwhile (PSS, without Postgres)."
    )


def _cpu_share(system: PlatformSystem) -> float:
    """Return the part of one core that the idle platform uses."""
    before = usage.cpu_by_process(system.processes())
    time.sleep(SETTLE_SECONDS)
    after = usage.cpu_by_process(system.processes())
    return usage.spent_seconds(before, after) / SETTLE_SECONDS


def _in_use(system: PlatformSystem) -> int:
    return usage.memory(system.processes()).proportional_bytes


def _touch(target: Target, report: Callable[[str], None]) -> Iterator[None]:
    """Debit every account once, in bulk, and yield after each user.

    Raises:
        BenchFailure: If a transfer is refused.
    """
    url = f"http://{target.host}:{target.port}{target.path}/bulk"
    owned = list(zip(target.accounts, target.owners, strict=True))
    with httpx.Client(timeout=30) as client:
        for place, token in enumerate(target.tokens):
            mine = [account for account, owner in owned if owner == place]
            report(f"debiting {len(mine):,} accounts of user {place + 1}/{len(target.tokens)}")
            for start in range(0, len(mine), BULK):
                body = {"mode": "independent", "transfers": _ring(mine, start)}
                answer = client.post(url, json=body, headers={"Authorization": f"Bearer {token}"})
                _check(answer)
            yield


def _ring(accounts: list[str], start: int) -> list[dict[str, str]]:
    """Return transfers from each account of one part to the next account."""
    return [
        {
            "idempotency_key": f"touch-{accounts[place]}",
            "source_account_id": accounts[place],
            "destination_account_id": accounts[(place + 1) % len(accounts)],
            "amount": "0.01",
            "currency": CURRENCY,
        }
        for place in range(start, min(start + BULK, len(accounts)))
    ]


def _check(answer: httpx.Response) -> None:
    statuses = {each["status"] for each in answer.json().get("results", ())}
    if statuses != {httpx.codes.CREATED}:
        raise BenchFailure(f"bulk answered {answer.status_code}: {answer.text[:300]}")
