"""Where a webhook may lead: which URLs are taken, and which addresses are connected to.

A URL is written by a stranger, and the request is made from inside the platform's network.
So a URL has one strict spelling; its name is resolved at every attempt, every address that it has
must be public, and the connection goes to an address that was looked at, not to the name again.
"""

from __future__ import annotations

import asyncio
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias
from urllib.parse import SplitResult, urlsplit

from actors.domain.webhooks import URL_MAX_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

Address: TypeAlias = IPv4Address | IPv6Address

PORTS: Final = {"https": 443, "http": 80}
LOWEST_OTHER_PORT: Final = 1_024
"""Below are mail, remote shells and other services that a request could be smuggled to."""

HOST_MAX_CHARACTERS: Final = 253
RESOLVER_THREADS: Final = 64
"""One for each attempt under way: a name that resolves slowly must not hold the others."""

_SPELLED: Final = re.compile(r"[A-Za-z0-9\-._~:/?\[\]@!$&'()*+,;=%]+")
"""What a URL is made of (RFC 3986 §2) without a fragment; no blank, no backslash."""

_NAME: Final = re.compile(r"(?:(?!-)[a-z0-9-]{1,63}(?<!-)\.)*(?!-)[a-z0-9-]{1,63}(?<!-)")
_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
"""A host that a URL parser takes for an IPv4 address (WHATWG URL §3.5, "ends in a number")."""

_INSIDE: Final = re.compile(
    r"(?:.+\.)?(?:localhost|localdomain|local|internal|intranet|lan|home\.arpa|test|invalid)"
)
"""Names that lead nowhere in public (RFC 6761, RFC 6762, RFC 8375, and use)."""

_NOT_PUBLIC: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)
"""IANA's special-purpose registries (RFC 6890), multicast and reserved space, and 6to4, whose
addresses carry an IPv4 one."""

_GLOBAL_V6: Final = IPv6Network("2000::/3")
"""All that is given out; mapped, NAT64, local and multicast addresses lie outside."""


class UrlRefused(Exception):
    """A URL that no webhook may have; the text says why."""


class AddressRefused(Exception):
    """A name has an address that is not public."""


class NameUnknown(Exception):
    """A name has no address now."""


class Resolver(Protocol):
    """Finds the addresses of a name."""

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return all addresses of *host*, the best first.

        Raises:
            NameUnknown: If there is none.
        """
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in parts, each in its one spelling.

    Attributes:
        host: In lower case; a name in ASCII, or an address without brackets.
        path: With the query.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Return what the Host header says (RFC 9110 §7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def at(self, address: Address) -> str:
        """Return the URL that leads to *address* without asking for the name again."""
        host = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def target(url: str, *, anywhere: bool) -> Target:
    """Return where *url* leads.

    Args:
        url: As its owner wrote it.
        anywhere: Whether plain HTTP and hosts of the inside are taken too.

    Raises:
        UrlRefused: If it may not be used.
    """
    parts = _split(url)
    if parts.scheme not in (PORTS if anywhere else ("https",)):
        raise UrlRefused("must begin with https://")
    if "@" in parts.netloc:
        raise UrlRefused("must hold no user name or password")
    host = _host(parts, anywhere=anywhere)
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme, host, _port(parts), f"{parts.path or '/'}{query}")


def _split(url: str) -> SplitResult:
    """Return *url* in its parts.

    Raises:
        UrlRefused: If it is too long or spelled in a way that two readers may read differently.
    """
    if len(url) > URL_MAX_CHARACTERS:
        raise UrlRefused(f"must have at most {URL_MAX_CHARACTERS} characters")
    if "#" in url:
        raise UrlRefused("must have no fragment")
    if not _SPELLED.fullmatch(url):
        raise UrlRefused("must be ASCII; write an international name in its xn-- form")
    try:
        return urlsplit(url)
    except ValueError:
        raise UrlRefused("must be a URL") from None


def _port(parts: SplitResult) -> int:
    """Return the port.

    Raises:
        UrlRefused: If it is none that is meant for HTTP.
    """
    try:
        port = PORTS[parts.scheme] if parts.port is None else parts.port
    except ValueError:
        raise UrlRefused("must have a port below 65536") from None
    if port not in PORTS.values() and port < LOWEST_OTHER_PORT:
        raise UrlRefused(f"must have the port 443, 80, or one from {LOWEST_OTHER_PORT}")
    return port


def _host(parts: SplitResult, *, anywhere: bool) -> str:
    """Return the host.

    Raises:
        UrlRefused: If it is no host, or one of the inside.
    """
    host = parts.hostname or ""
    if parts.netloc.startswith("[") or _NUMBER.fullmatch(host):
        return str(_literal(host, anywhere=anywhere))
    if len(host) > HOST_MAX_CHARACTERS or not _NAME.fullmatch(host):
        raise UrlRefused("must have a host name in ASCII, without a dot at its end")
    if not anywhere and ("." not in host or _INSIDE.fullmatch(host)):
        raise UrlRefused("must have a public host name")
    return host


def _literal(text: str, *, anywhere: bool) -> Address:
    """Return the address that *text* spells the one usual way.

    Raises:
        UrlRefused: If it spells it another way, or the address is not public.
    """
    try:
        address = ip_address(text)
    except ValueError:
        raise UrlRefused("must have an address in its usual form") from None
    if isinstance(address, IPv6Address) and address.scope_id:
        raise UrlRefused("must have an address without a zone")
    if not anywhere and not is_public(address):
        raise UrlRefused("must have a public address")
    return address


def is_public(address: Address) -> bool:
    """Tell whether *address* is one of the internet's, and nobody's inside.

    Not left to ``ipaddress.is_global``, whose lists differ between versions of Python.
    """
    if isinstance(address, IPv6Address) and address not in _GLOBAL_V6:
        return False
    return not any(
        address in network for network in _NOT_PUBLIC if network.version == address.version
    )


async def pinned(where: Target, resolver: Resolver, *, anywhere: bool) -> list[Address]:
    """Return the addresses that may be connected to, the best first.

    One that is not public spoils all: who controls a name does not get to choose among them.

    Raises:
        NameUnknown: If there is none.
        AddressRefused: If one is not public.
    """
    try:
        found: list[Address] = [ip_address(where.host)]
    except ValueError:
        texts = await resolver.addresses(where.host, where.port)
        found = [ip_address(text) for text in dict.fromkeys(texts)]
    if not found:
        raise NameUnknown
    if not anywhere and not all(is_public(address) for address in found):
        raise AddressRefused
    return found


class SystemResolver:
    """Asks the operating system, in threads of its own."""

    def __init__(self, threads: int = RESOLVER_THREADS) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="webhook-names")

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """Return all addresses of *host*, in the order of RFC 6724.

        Raises:
            NameUnknown: If there is none.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, _asked, host, port)
        except (OSError, UnicodeError):
            raise NameUnknown from None
        return found

    def close(self) -> None:
        """End the threads, without waiting for a name that is still being asked."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _asked(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]
