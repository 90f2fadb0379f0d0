"""One attempt: signed, to an address that was looked at, and without a word of the answer kept."""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from typing import TYPE_CHECKING, Final

import httpx
import structlog

from actors.notifier.webhooks.addresses import (
    AddressRefused,
    NameUnknown,
    UrlRefused,
    pinned,
    target,
)
from actors.notifier.webhooks.signing import signed_headers
from actors.ports.webhooks import SecretUnreadable, Told

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.notifier.webhooks.addresses import Address, Resolver, Target
    from actors.ports.webhooks import Due, Secrets

log = structlog.get_logger()

TIMEOUT_SECONDS: Final = 10.0
"""For all of an attempt: the name, the connection, the request, and the head of the answer."""

ADDRESSES_TRIED_MAX: Final = 3
CONNECT_SECONDS: Final = 4.0
"""For one address, so that there is time left for another."""

CONTENT_TYPE: Final = "application/cloudevents+json; charset=utf-8"
AGENT: Final = "GopherPay-Webhooks/1"

_ERRORS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (UrlRefused, "url-refused"),
    (AddressRefused, "address-refused"),
    (NameUnknown, "name-unknown"),
    (SecretUnreadable, "secret-unreadable"),
    (TimeoutError, "timeout"),
    (httpx.TimeoutException, "timeout"),
    (httpx.ConnectError, "connect-failed"),
    (httpx.TransportError, "connection-lost"),
)


def http_client(verify: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    """Return a client that follows nothing and knows no proxy.

    A connection serves one attempt: the client knows it by its address, and another name at the
    same address must not be spoken to over a connection whose certificate is the first one's.
    """
    # Its lines at INFO hold whole URLs, and those may hold a password of the receiver.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    return httpx.AsyncClient(
        verify=verify or ssl_context(),
        timeout=httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS, pool=None),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        follow_redirects=False,
        trust_env=False,
    )


def ssl_context() -> ssl.SSLContext:
    """Return how receivers are verified: by the certificates that ``httpx`` trusts."""
    return httpx.create_ssl_context(trust_env=False)


class Poster:
    """Makes attempts.

    Args:
        client: From ``http_client``.
        resolver: Finds addresses.
        secrets: Opens what is signed with.
        anywhere: Whether plain HTTP and addresses of the inside are allowed.
        timeout_seconds: For all of an attempt.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        resolver: Resolver,
        secrets: Secrets,
        *,
        anywhere: bool,
        timeout_seconds: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._resolver = resolver
        self._secrets = secrets
        self._anywhere = anywhere
        self._timeout_seconds = timeout_seconds
        self._clock = clock

    async def post(self, due: Due) -> Told:
        """Try *due* once and return what came of it, whatever that is."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                status = await self._send(due)
        except Exception as failure:  # noqa: BLE001  one receiver must not stop the others
            return Told(None, _code(failure, due))
        return Told(status, None if 200 <= status < 300 else f"http-{status}")  # noqa: PLR2004

    async def _send(self, due: Due) -> int:
        """Return the status of the answer, whose body is never read.

        Raises:
            Exception: Whatever kept it from being answered.
        """
        where = target(due.url, anywhere=self._anywhere)
        addresses = await pinned(where, self._resolver, anywhere=self._anywhere)
        body, key = due.body.encode(), self._secrets.open(due.secret)
        headers = {
            "host": where.authority,
            "content-type": CONTENT_TYPE,
            "user-agent": AGENT,
            "connection": "close",
            **signed_headers(key, due.id, int(self._clock()), body),
        }
        *others, last = addresses[:ADDRESSES_TRIED_MAX]
        for address in others:
            try:
                return await self._send_to(where, address, headers, body)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue  # nothing was sent: another address may do
        return await self._send_to(where, last, headers, body)

    async def _send_to(
        self, where: Target, address: Address, headers: dict[str, str], body: bytes
    ) -> int:
        async with self._client.stream(
            "POST",
            where.at(address),
            headers=headers,
            content=body,
            extensions={"sni_hostname": where.host},
        ) as response:
            return response.status_code


def _code(failure: Exception, due: Due) -> str:
    """Return the code of *failure*."""
    if isinstance(failure, httpx.ConnectError) and _is_of_tls(failure):
        return "tls-failed"
    for kind, code in _ERRORS:
        if isinstance(failure, kind):
            return code
    log.error("webhook.attempt_broken", delivery_id=str(due.id), kind=type(failure).__name__)
    return "internal"


def _is_of_tls(failure: BaseException | None) -> bool:
    """Tell whether TLS stood at the beginning of *failure*."""
    while failure is not None:
        if isinstance(failure, ssl.SSLError):
            return True
        failure = failure.__cause__ or failure.__context__
    return False
