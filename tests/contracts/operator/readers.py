"""Programs that read a connection Secret again and again."""

import asyncio
import time

from tests.contracts.operator.postgres_world import SECONDS_MAX


class Readers:
    """Some of them; each counts its rounds: it has read, signed in, and ended what it did."""

    def __init__(self, how_many):
        self.rounds = [0] * how_many

    async def have_read_anew(self):
        """Wait until everyone has read the Secret after now, and has ended what it did."""
        wanted = [rounds + 2 for rounds in self.rounds]
        deadline = time.monotonic() + SECONDS_MAX
        while any(has < need for has, need in zip(self.rounds, wanted, strict=True)):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
