"""What a thousand open streams cost a process that answers HTTP."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from actors.ids import new_id
from actors.security.keys import ensure_keys
from actors.security.opaque_tokens import new_api_key
from serve_app.stream.door import DESCRIPTORS

STREAMS = 1_000
STREAMS_EACH = 10
MEMORY_MAX_BYTES = 100 * 1024 * 1024
PATIENCE_SECONDS = 90
ROOT = Path(__file__).parents[3]

ADD_USERS = """
INSERT INTO users (id, email_index, kek_id, data_key, email_sealed, full_name_sealed, status)
SELECT id, sha256(id::text::bytea), 'k', '', '', '', 'active' FROM unnest(%s::uuid[]) AS u (id)
"""
TELL = """
WITH told AS (
    INSERT INTO notification_counters
    SELECT unnest(%s::uuid[]), 1 RETURNING user_id, last_number
)
INSERT INTO notifications (user_id, number, id, event_id, kind, title, body, data)
SELECT user_id, last_number, gen_random_uuid(), gen_random_uuid(), 'login.new', 't', 'b', '{}'
FROM told
"""

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("streams"), pytest.mark.timeout(240)]


@contextmanager
def a_server(database, folder):
    """Yield the process id and the port of an ingress."""
    ensure_keys(folder / "keys")
    command = [sys.executable, "-m", "tests.integration.notifier.stream_server"]
    process = subprocess.Popen(
        [*command, database.owner_dsn, folder / "keys"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process.pid, int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(PATIENCE_SECONDS)
        process.stdout.close()


def memory_bytes(pid):
    """Return how much memory a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [kilobytes] = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    return int(kilobytes) * 1024


async def listeners(stage):
    """Return people with a key each who only listen."""
    people = [(new_id(), new_api_key(new_id())) for _ in range(STREAMS // STREAMS_EACH)]
    await stage.owner.execute(ADD_USERS, ([user_id for user_id, _ in people],))
    for user_id, key in people:
        await stage.owner.execute(
            "INSERT INTO api_keys (id, user_id, name, scopes, secret_hash)"
            " VALUES (%s, %s, 'tests', '{notifications:read}', %s)",
            (key.id, user_id, key.fingerprint),
        )
    return people


async def opened(port, key):
    """Return a new stream whose head has come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"GET /v1/notifications/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}"
    writer.write(head.encode() + b"\r\n\r\n")
    assert b" 200 " in await reader.readuntil(b"\r\n")
    await reader.readuntil(b"retry:")
    return reader, writer


async def closed(streams):
    for _, writer in streams:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for _, writer in streams))


async def test_a_thousand_open_streams_cost_little_memory(stage, database, tmp_path, capsys):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < 2 * STREAMS:
        pytest.skip(f"a process may have {hard} open files here")
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    people = await listeners(stage)
    with a_server(database, tmp_path) as (pid, port):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await closed([await opened(port, people[0][1].text) for _ in range(STREAMS_EACH)])
            before = memory_bytes(pid)
            streams = [
                await opened(port, key.text) for _, key in people for _ in range(STREAMS_EACH)
            ]
            await stage.owner.execute(TELL, ([user_id for user_id, _ in people],))
            await asyncio.gather(*(reader.readuntil(b"event:") for reader, _ in streams))
            cost = memory_bytes(pid) - before
        await closed(streams)

    with capsys.disabled():
        sys.stdout.write(f"\n{STREAMS} open streams: {cost / 2**20:.1f} MiB\n")
    assert cost <= MEMORY_MAX_BYTES
