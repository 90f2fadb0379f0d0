"""Free ports on this machine, for parts that cannot choose one themselves."""

from __future__ import annotations

import errno
import socket
from contextlib import suppress
from random import SystemRandom
from typing import Final

from serve_app.embedded.failures import PortBusy, StartFailure

LOOPBACK: Final = "127.0.0.1"
CANDIDATES: Final = range(20_000, 32_000)


def free_port() -> int:
    """Return a port that nobody listens on now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Return *count* different ports that nobody listens on now.

    They lie below the range from which the kernel serves outgoing connections, so that none of
    those takes a port between our look and its use.

    Raises:
        StartFailure: If there are not that many.
    """
    found: list[int] = []
    for port in SystemRandom().sample(CANDIDATES, len(CANDIDATES)):
        if len(found) == count:
            return found
        with suppress(OSError), _bound(port):
            found.append(port)
    raise StartFailure(f"This machine has no {count} free ports.")


def check_free(host: str, port: int) -> None:
    """Make sure that we may listen on *port* of *host*.

    Raises:
        PortBusy: If another program does.
        StartFailure: If we lack the right, or the address is not of this machine.
    """
    try:
        _bound(port, host).close()
    except PermissionError as error:
        raise StartFailure(f"This account may not listen on port {port}; use --port.") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortBusy(port) from error
        raise StartFailure(f"Nobody can listen on {host} port {port}: {error.strerror}.") from error


def _bound(port: int, host: str = LOOPBACK) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # A connection of an earlier run that lingers in TIME_WAIT is no listener.
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
