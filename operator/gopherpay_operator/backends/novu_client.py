"""A client of one environment of Novu whose answers are JSON or failures of ours.

``novu-py`` makes the requests. Its models of the answers are not used: they refuse a whole answer
for one value that is younger than the client, after what was asked has been done. Its retries are
off: they go on for an hour, also after a refusal, and the engine has its own.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx
from novu_py import Novu, models
from novu_py.utils import BackoffStrategy, RetryConfig
from pydantic import BaseModel, ValidationError

from gopherpay_operator.backends.novu_answers import Answer, bound, failure
from gopherpay_operator.backends.ports import Rejected, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from gopherpay_operator.backends.novu_pace import Pace

Model = TypeVar("Model", bound=BaseModel)

ANSWER_SECONDS: Final = 15.0
NOT_FOUND: Final = 404
_NO_RETRIES: Final = RetryConfig("none", BackoffStrategy(0, 0, 1, 0), retry_connection_errors=False)

# Its line for each request carries the reason phrase, which is the other side's text.
logging.getLogger("httpx").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class NovuAddress:
    """Where Novu is, and the key to one of its environments; the key is never shown."""

    url: str
    key: str

    def __repr__(self) -> str:
        """Return it without the key."""
        return f"NovuAddress({self.url!r})"


class _Silent:
    """A log that keeps nothing: the client's has whole bodies in it, credentials included."""

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - the client's
        """Keep nothing."""


class NovuClient:
    """One environment; every call takes a turn of its pace."""

    def __init__(
        self,
        address: NovuAddress,
        pace: Pace,
        *,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        """Make the client; nothing is connected yet."""
        self._address = address
        self._pace = pace
        self._heard = threading.local()
        self.rate_remaining: int | None = None
        self._http = httpx.Client(
            timeout=answer_seconds,
            headers={"accept-encoding": "identity"},
            # A cookie of theirs would be sent with every request from then on.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            event_hooks={"response": [self._hear]},
        )
        self._novu = Novu(
            secret_key=address.key,
            server_url=address.url,
            client=self._http,
            retry_config=_NO_RETRIES,
            debug_logger=_Silent(),
        )

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def ask(self, doing: str, call: Callable[[Novu], object], secrets: Collection[str] = ()) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON that *call* brings; ``None`` when there is no content.

        Args:
            doing: What is done, the beginning of a sentence.
            call: Calls one method of the client that it is given.
            secrets: What must not stand in the sentence of a failure, beside our key.

        Raises:
            BackendFailure: As Novu says, in a sentence that begins with *doing*.
        """
        answer = self._answer(doing, call)
        if answer.is_success:
            return answer.content(doing)
        raise failure(doing, answer, (self._address.key, *secrets))

    def ask_if_there(self, doing: str, call: Callable[[Novu], object]) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON that *call* brings, ``None`` for what is not there.

        Raises:
            BackendFailure: As for `ask`.
        """
        answer = self._answer(doing, call)
        if answer.status == NOT_FOUND and answer.is_of_novu:
            return None
        if answer.is_success:
            return answer.content(doing)
        raise failure(doing, answer, (self._address.key,))

    def send(
        self,
        doing: str,
        method: str,
        path: str,
        body: object = None,
        secrets: Collection[str] = (),
    ) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON of a call that the client has no right model of.

        Raises:
            BackendFailure: As for `ask`.
        """
        return self.ask(doing, lambda _: self.request(method, path, body), secrets)

    def request(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Make a plain request, inside of `ask` or `ask_if_there`."""
        headers = {"authorization": f"ApiKey {self._address.key}"}
        url = f"{self._address.url.rstrip('/')}{path}"
        return self._http.request(method, url, json=body, headers=headers)

    def _answer(self, doing: str, call: Callable[[Novu], object]) -> Answer:
        """Return what *call* was answered, whatever the client makes of it."""
        time.sleep(self._pace.take())  # its turn is then
        self._heard.answer = None
        try:
            call(self._novu)
        except (models.NovuError, models.NoResponseError):
            pass  # it was heard all the same
        except ValidationError as error:
            raise Rejected(f"{doing}: {_misfits(error)}.") from None
        except httpx.HTTPError as error:
            raise Unavailable(f"{doing}: Novu does not answer ({type(error).__name__}).") from None
        answer: Answer | None = self._heard.answer
        if answer is None:
            raise Unavailable(f"{doing}: Novu has not answered.")
        self._pace.rest(answer.rest_seconds)
        return answer

    def _hear(self, response: httpx.Response) -> None:
        """Keep an answer for whoever has asked in this thread: a hook of httpx."""
        bound(response)
        response.read()
        self._heard.answer = Answer(response.status_code, dict(response.headers), response.content)
        remaining = response.headers.get("ratelimit-remaining", "")
        self.rate_remaining = int(remaining) if remaining.isdecimal() else None


def modelled(doing: str, model: type[Model], body: Mapping[str, Any]) -> Model:
    """Return *body* as the client wants it.

    Raises:
        Rejected: If it is not as Novu has published it; the sentence begins with *doing*.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise Rejected(f"{doing}: {_misfits(error)}.") from None


def _misfits(error: ValidationError) -> str:
    """Return where a request is not as published, without the values."""
    found = error.errors(include_input=False, include_url=False, include_context=False)[:3]
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found)
