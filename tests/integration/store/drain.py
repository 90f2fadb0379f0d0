"""A process of its own that takes from one account until nothing is left, and says how often."""

import asyncio
import sys
from uuid import UUID

from actors.domain.transfers import Verdict
from serve_app import logs
from tests.fixtures.ledger import a_bank, a_movement


async def drain(dsn, source_id, target_id, amount_minor):
    """Return how many transfers were posted."""
    posted = 0
    async with a_bank(dsn, connections=4) as bank:
        while True:
            batch = [a_movement(source_id, target_id, amount_minor) for _ in range(3)]
            outcomes = await bank.post(*batch)
            posted += sum(outcome.verdict is Verdict.POSTED for outcome in outcomes)
            if any(outcome.verdict is Verdict.REFUSED for outcome in outcomes):
                return posted


if __name__ == "__main__":
    logs.configure("INFO")  # to the standard error: the output is the answer
    dsn, source, target, amount = sys.argv[1:]
    sys.stdout.write(str(asyncio.run(drain(dsn, UUID(source), UUID(target), int(amount)))))
