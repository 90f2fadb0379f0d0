"""The door for streams: a port beside that of the other requests.

HAProxy lets 256 requests into one replica and counts a stream as one for as long as it is open.
So streams come by another port, which all replicas of a machine share (SO_REUSEPORT, socket(7)):
the kernel gives each new one to any of them, and HAProxy counts them apart.
"""

from __future__ import annotations

import asyncio
import resource
import socket
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Final

import uvicorn
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from serve_app.gateway import Asgi
    from serve_app.http.asgi import Message, Receive, Scope, Send

PORT_VARIABLE: Final = "GOPHERPAY_STREAM_PORT"
"""Where the embedded HAProxy looks for streams; without it they come with everything else."""

LINE: Final = 1_024
"""Connections that may wait to be taken in, as many clients come back at once."""

CLOSING_SECONDS_MAX: Final = 3

DESCRIPTORS: Final = 8_192
"""Each stream has one, and the limit that a process begins with is often 1,024."""


class _Server(uvicorn.Server):
    """A server whose process belongs to somebody else, signals included."""

    @override
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def door(application: Asgi, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve *application* at a port that others may share; its streams end with the block.

    Args:
        application: What answers.
        host: The address to listen on.
        port: 0 for any that is free; yielded is the one it became.

    Raises:
        OSError: If the port belongs to somebody who does not share it.
    """
    _allow_descriptors()
    ends = asyncio.Event()
    server = _Server(
        uvicorn.Config(
            _ending_with(application, ends),
            lifespan="off",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            timeout_graceful_shutdown=CLOSING_SECONDS_MAX,
        )
    )
    with _listener(host, port) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield int(listener.getsockname()[1])
        finally:
            ends.set()
            server.should_exit = True
            await serving


def _allow_descriptors() -> None:
    """Raise this process's limit on open files as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _listener(host: str, port: int) -> socket.socket:
    """Return a listening socket."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
        listener.listen(LINE)
    except OSError:
        listener.close()
        raise
    return listener


def _ending_with(application: Asgi, ends: asyncio.Event) -> Asgi:
    """Return *application*, told that its clients are gone when *ends* is set."""

    async def served(scope: Scope, receive: Receive, send: Send) -> None:
        over = asyncio.ensure_future(ends.wait())

        async def receive_until_the_end() -> Message:
            heard = asyncio.ensure_future(receive())
            await asyncio.wait((heard, over), return_when=asyncio.FIRST_COMPLETED)
            if heard.done():
                return heard.result()
            heard.cancel()
            return {"type": "http.disconnect"}

        try:
            await application(scope, receive_until_the_end, send)
        finally:
            over.cancel()

    return served
