"""A shard in a process of its own, reached over a Unix socket, that a test can freeze and kill.

One call is one connection: the call's bytes there, the answers' bytes back.
In the home "ingress" the process is a whole ingress without HTTP: a directory with its shard.
"""

from __future__ import annotations

import asyncio
import json
import sys

from actors.domain.transfers import Outcome
from actors.runtime.directory import Directory
from actors.runtime.doors import LocalDoor
from actors.runtime.limits import RuntimeLimits, TenancyLimits
from actors.runtime.messages import UNKNOWN, decode_call, done, encode_answers
from actors.runtime.shard import Shard
from actors.runtime.transports import OwnerUnreachable, serve
from actors.store.commit import PostgresLedger
from actors.store.pool import Pool
from actors.store.slots import PostgresSlots

HEALTH = b"health"
DEADLINE_SECONDS = 10
STREAM_BYTES = 2**24


async def ask(address, request):
    """Return the answer of the process at *address* to *request*."""
    reader, writer = await asyncio.open_unix_connection(address, limit=STREAM_BYTES)
    try:
        writer.write(request)
        writer.write_eof()
        answer = await reader.read()
    finally:
        writer.close()
    if not answer:
        raise ConnectionResetError
    return answer


class SocketTransport:
    """``ShardTransport`` to such processes."""

    async def send(self, address, call, deadline_seconds):
        try:
            async with asyncio.timeout(deadline_seconds):
                return await ask(address, call)
        except (OSError, TimeoutError) as trouble:
            raise OwnerUnreachable from trouble


async def through(directory, call):
    """Return the encoded answers of an ingress to an encoded call."""
    results = await directory.submit_many(decode_call(call).movements, DEADLINE_SECONDS)
    return encode_answers([done(one) if isinstance(one, Outcome) else UNKNOWN for one in results])


async def main(home, dsn, address, lease_seconds, believed_seconds):
    """Serve at *address*; a shard that believes in more than its lease is a stale owner."""
    pool = Pool(dsn, size_max=6, name="shard")
    await pool.open()
    ledger = PostgresLedger(pool)
    limits = RuntimeLimits(tenancy=TenancyLimits(lease_seconds=float(believed_seconds)))
    slots = PostgresSlots(pool, lease_seconds=float(lease_seconds))
    shard = Shard(ledger, slots, owner=address, address=address, limits=limits)
    directory = Directory(LocalDoor(shard), ledger, limits.batches)
    await directory.open()

    async def on_connection(reader, writer):
        request = await reader.read()
        if request == HEALTH:
            health = shard.health()
            answer = json.dumps({name: getattr(health, name) for name in health.__slots__}).encode()
        elif home == "ingress":
            answer = await through(directory, request)
        else:
            answer = await serve(shard, request)
        writer.write(answer)
        writer.close()

    server = await asyncio.start_unix_server(on_connection, address, limit=STREAM_BYTES)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
