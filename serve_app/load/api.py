"""The API of the deployment under load, as the preparation and the checks use it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import httpx

from serve_app.embedded.failures import StartFailure

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

Document = dict[str, Any]

TRIES_MAX: Final = 6
WAIT_SECONDS_MAX: Final = 30
"""A deployment that asks for more patience is not one to make users on now."""
WORTH_WAITING: Final = frozenset({429, 503, 504})
TIMEOUT_SECONDS: Final = 30


class Unreachable(StartFailure):
    """Nothing answers where the deployment should be."""


class Refused(StartFailure):
    """The deployment says no to something that the load needs."""

    def __init__(self, line: str, status: int, code: str) -> None:
        self.status, self.code = status, code
        super().__init__(f"{line} was refused: {status} {code}.")


@dataclass(frozen=True, slots=True)
class Api:
    """Asks, waits as long as it is told to, and asks again; what moves money has a key."""

    http: httpx.AsyncClient
    say: Callable[[str], None] = field(default=lambda _text: None)

    async def ask(
        self,
        line: str,
        body: Mapping[str, object] | None = None,
        *,
        bearer: str | None = None,
        key: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Document:
        """Send the request that *line* names (``POST /v1/…``) and return the answer.

        Raises:
            Refused: If the answer is no success, and waiting does not help.
            Unreachable: If there is no answer.
        """
        for patience in range(TRIES_MAX, 0, -1):
            answer = await self._send(line, body, _headers(bearer, key), query)
            if answer.is_success:
                document: Document = answer.json() if answer.content else {}
                return document
            wait_seconds = _wait_seconds(answer)
            if patience == 1 or wait_seconds is None:
                raise Refused(line, answer.status_code, _code(answer))
            self.say(f"{line} waits {wait_seconds:g} s: {_code(answer)}")
            await asyncio.sleep(wait_seconds)
        raise AssertionError  # pragma: no cover  the last try returns or raises

    async def _send(
        self,
        line: str,
        body: Mapping[str, object] | None,
        headers: dict[str, str],
        query: Mapping[str, str] | None,
    ) -> httpx.Response:
        method, path = line.split(" ", 1)
        try:
            return await self.http.request(method, path, json=body, headers=headers, params=query)
        except httpx.HTTPError as error:
            raise Unreachable(
                f"{self.http.base_url} does not answer ({type(error).__name__}); "
                "start the platform with 'gopherpay up', or name another deployment with --url."
            ) from error


async def check_ready(api: Api) -> None:
    """Make sure that a GopherPay answers and can serve.

    Raises:
        Unreachable: If none does.
    """
    try:
        ready = (await api.ask("GET /readyz")).get("status") == "ok"
    except (ValueError, AttributeError):
        ready = False
    except Refused as refused:
        raise Unreachable(f"{api.http.base_url} cannot serve now: {refused}") from refused
    if not ready:
        raise Unreachable(f"What answers at {api.http.base_url} is no GopherPay.")


async def at_once(work: Callable[[], Coroutine[Any, Any, None]], count: int) -> None:
    """Do *work* in *count* tasks; the first failure ends them all and is raised as it is."""
    tasks = [asyncio.create_task(work()) for _ in range(count)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def client(url: str, connections: int = 16) -> httpx.AsyncClient:
    """Return an HTTP client for the deployment at *url*."""
    return httpx.AsyncClient(
        base_url=url,
        timeout=TIMEOUT_SECONDS,
        limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
    )


def _headers(bearer: str | None, key: str | None) -> dict[str, str]:
    headers = {} if bearer is None else {"Authorization": f"Bearer {bearer}"}
    return headers if key is None else {**headers, "Idempotency-Key": key}


def _wait_seconds(answer: httpx.Response) -> float | None:
    """Return how long to wait before the next try, None if there should be none."""
    if answer.status_code not in WORTH_WAITING:
        return None
    text = answer.headers.get("Retry-After", "1")
    wait_seconds = float(text) if text.isdecimal() else 1.0
    return wait_seconds if wait_seconds <= WAIT_SECONDS_MAX else None


def _code(answer: httpx.Response) -> str:
    """Return the code of a problem, or what stands in its place."""
    try:
        document = answer.json()
    except ValueError:
        return "without a reason"
    known = isinstance(document, dict) and document.get("code")
    return str(known) if known else "without a reason"
