"""Novu as a messenger: ``actors.ports.courier.Messenger`` through the ``novu-py`` client.

Importing this takes the best part of a second: only processes that send do it.

The client's own retries are off: they go on for an hour and know nothing of the ledger.
What Novu answers is untrusted: it is bounded, it is never logged, and whatever it holds becomes
an outcome.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final

import httpx
from novu_py import Novu, models
from novu_py.utils import BackoffStrategy, RetryConfig

from actors.ids import new_id
from actors.notifier.novu_answers import (
    UNPROCESSABLE,
    UNREACHABLE,
    Reply,
    Throttle,
    bound,
    failure,
    mentions,
)
from actors.ports.courier import Accepted, AlreadyAccepted, Later, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from actors.ports.courier import Message, Outcome, Profile

CALL_SECONDS: Final = 10.0
CONNECTIONS_MAX: Final = 32
LOCALES: Final = {"en": "en_US", "vi": "vi_VN"}

_PROCESSED: Final = models.TriggerEventResponseDtoStatus.PROCESSED
_CANNOT_BE_ASKED: Final = frozenset({400, 403, 404, 405, 422})
_NO_RETRIES: Final = RetryConfig("none", BackoffStrategy(0, 0, 1, 0), retry_connection_errors=False)

# Its line for each request carries the reason phrase, which is the other side's text.
logging.getLogger("httpx").setLevel(logging.WARNING)


class _Silent:
    """A log that keeps nothing: the client's has whole bodies in it, mailed tokens included."""

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401  the client's
        """Keep nothing."""


class NovuMessenger:
    """One environment of Novu.

    Args:
        secret_key: Of the environment.
        url: Where Novu answers.
        call_seconds: How long one call may take, reading the answer included.
        clock: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        secret_key: str,
        url: str,
        *,
        call_seconds: float = CALL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._call_seconds = call_seconds
        self._throttle = Throttle(clock)
        self._environment = hashlib.sha256(f"{url}\0{secret_key}".encode()).digest()
        self._http = httpx.AsyncClient(
            timeout=call_seconds,
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            headers={"accept-encoding": "identity"},
            # A cookie of theirs would be sent with every request from then on, whatever is in it.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            event_hooks={"response": [bound]},
        )
        self._novu = Novu(
            secret_key=secret_key,
            server_url=url,
            async_client=self._http,
            retry_config=_NO_RETRIES,
            debug_logger=_Silent(),
        )
        self._subscribers = self._novu.subscribers  # imported here, not in the first call
        self._notifications = self._novu.notifications

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    @property
    def environment(self) -> bytes:
        """Return a mark of this environment."""
        return self._environment

    def pause_seconds(self) -> float:
        """Return for how long nothing should be sent."""
        return self._throttle.pause_seconds()

    async def tell(self, message: Message) -> Outcome:
        """Trigger the workflow for the subscriber; see ``actors.ports.courier.Messenger``."""
        reply = await self._ask(lambda: self._trigger(message))
        if reply.is_success:
            return _told(reply.result)
        # Also the answer to a key that had another body, which then was accepted.
        if reply.status == UNPROCESSABLE and await self.has(message.transaction_id) is True:
            return AlreadyAccepted()
        return failure(reply)

    async def has(self, transaction_id: str) -> bool | Later:
        """Look for a notification of *transaction_id*; Novu makes it soon after accepting."""
        request = models.NotificationsControllerListNotificationsRequest(
            transaction_id=transaction_id  # no limit: the client writes one as "1.0"
        )
        reply = await self._ask(lambda: self._notifications.list_async(request=request))
        if isinstance(reply.result, models.ActivitiesResponseDto):
            return any(row.transaction_id == transaction_id for row in reply.result.data)
        if reply.is_success:
            found = mentions(reply.body, transaction_id)
            return Later("unreadable", is_doubtful=True) if found is None else found
        if reply.status in _CANNOT_BE_ASKED:
            return False
        outcome = failure(reply)
        return outcome if isinstance(outcome, Later) else False

    async def keep(self, profile: Profile) -> Outcome:
        """Make or update the subscriber.

        The key is new each time: Novu answers a known key from memory for a day, and would not
        hear of a profile that has become what it was before.
        """
        reply = await self._ask(lambda: self._upsert(profile))
        return Accepted() if reply.is_success else failure(reply)

    async def forget(self, user_id: UUID) -> Outcome:
        """Delete the subscriber."""
        reply = await self._ask(lambda: self._subscribers.delete_async(subscriber_id=str(user_id)))
        is_unknown = reply.status == 404 and reply.is_fit  # noqa: PLR2004  not found
        return Accepted() if reply.is_success or is_unknown else failure(reply)

    def _trigger(self, message: Message) -> Awaitable[models.EventsControllerTriggerResponse]:
        request = models.TriggerEventRequestDto(
            workflow_id=message.workflow,
            to=str(message.subscriber_id),
            payload=dict(message.payload),
            transaction_id=message.transaction_id,
        )
        return self._novu.trigger_async(
            trigger_event_request_dto=request, idempotency_key=message.idempotency_key
        )

    def _upsert(
        self, profile: Profile
    ) -> Awaitable[models.SubscribersControllerCreateSubscriberResponse]:
        request = models.CreateSubscriberRequestDto(
            subscriber_id=str(profile.user_id),
            email=profile.email,
            first_name=profile.full_name,  # no rule divides the names of all peoples
            last_name=None,
            locale=LOCALES.get(profile.language, LOCALES["en"]),
        )
        return self._subscribers.create_async(
            create_subscriber_request_dto=request, idempotency_key=str(new_id())
        )

    async def _ask(self, call: Callable[[], Awaitable[Any]]) -> Reply:
        """Return what *call* came back with, whatever that is."""
        try:
            async with asyncio.timeout(self._call_seconds):
                response = await call()
            headers = {name: values[0] for name, values in response.headers.items()}
            reply = Reply(200, headers, response.result, is_fit=True)
        except Exception as error:  # noqa: BLE001  an answer of any kind must not end the courier
            reply = _reply_of(error)
        self._throttle.heed(reply)
        return reply


def _told(result: object) -> Outcome:
    """Return what the answer to an accepted request says of the workflow."""
    if not isinstance(result, models.TriggerEventResponseDto):
        return Accepted()  # done; the rest of the answer is of a shape not known yet
    if result.status is _PROCESSED:
        return Accepted()
    return Refused(result.status.value.replace("_", "-"))


def _reply_of(error: Exception) -> Reply:
    """Return the reply that *error* stands for."""
    if isinstance(error, models.NovuError):
        is_fit = isinstance(error, (models.ErrorDto, models.ResponseValidationError))
        headers = dict(error.headers)
        return Reply(error.status_code, headers, is_fit=is_fit, body=error.body)
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)):
        return Reply(reason=UNREACHABLE)
    if isinstance(error, (TimeoutError, httpx.TimeoutException)):
        return Reply(reason="timeout")
    if isinstance(error, httpx.TransportError):
        return Reply(reason="connection-lost")
    return Reply(reason=f"unreadable-{type(error).__name__}")
