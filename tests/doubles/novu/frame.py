"""What every call of the double goes through: credential, rate, idempotency key, shapes.

A module of calls lists ``Call`` values; a new resource is a new module in ``server.MODULES``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pydantic

from tests.doubles.novu.world import Remembered, moment

KEYED_METHODS = {"POST", "PATCH"}
"""Those for which Novu remembers idempotency keys."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes
    arguments: tuple[str, ...] = ()

    def json(self):
        """Return the body."""
        return json.loads(self.body) if self.body else None

    def first(self, name, otherwise=None):
        """Return the first value of a query parameter."""
        return self.query.get(name, [otherwise])[0]


@dataclass(frozen=True, slots=True)
class Told:
    """An answer; *content* is JSON to be, None is no body at all."""

    status: int
    content: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API.

    Attributes:
        path: With ``{name}`` for each argument.
        takes: The client's model of the body.
        gives: The client's model of each success; what does not fit it fails the test.
        is_page: Whether a list is answered as it is and not inside ``data``.
    """

    method: str
    path: str
    handle: Callable
    takes: Any = None
    gives: Mapping[int, Any] = field(default_factory=dict)
    is_page: bool = False

    def match(self, method, path):
        """Return the arguments in *path* if this is its call."""
        pattern = re.sub(r"\{[^}]+\}", "([^/]+)", self.path)
        found = re.fullmatch(pattern, path) if method == self.method else None
        return None if found is None else found.groups()


class Refusal(Exception):
    """The call is answered with a failure."""

    def __init__(self, told):
        super().__init__(told.status)
        self.told = told


def error(asked, status, message, **more):
    """Return a failure as Novu words it."""
    content = {
        "statusCode": status,
        "timestamp": moment(),
        "path": asked.path,
        "message": message,
        **more,
    }
    return Told(status, content)


def invalid(asked, field_name, message):
    """Return "unprocessable" for one field."""
    errors = {field_name: {"messages": [message]}}
    return error(asked, 422, "Validation failed", errors=errors)


class Frame:
    """The calls of one world."""

    def __init__(self, world, calls):
        self._world = world
        self._calls = calls

    def answer(self, asked):
        """Return what the double says to *asked*, and remember it under its key."""
        if self._world.site(asked) is None:
            return error(asked, 401, "API Key not found")
        if (limited := self._limited()) is not None:
            return limited
        key = asked.headers.get("idempotency-key")
        if asked.method not in KEYED_METHODS or key is None or not self._world.keeps_answers:
            return self._done(asked)
        return self._once(asked, key)

    def keep(self, asked, told):
        """Remember *told* under the key of *asked*, as for a failure of Novu's own."""
        key = asked.headers.get("idempotency-key")
        if key and self._world.keeps_answers:
            self._world.remembered.setdefault(key, Remembered(asked.body, told))

    def _limited(self):
        world = self._world
        if world.tokens is None:
            return None
        if world.tokens > 0:
            world.tokens -= 1
            return None
        return Told(429, "API rate limit exceeded", {"retry-after": str(world.reset_seconds)})

    def rate_headers(self):
        """Return what every answer says of the rate limit."""
        tokens = self._world.tokens
        return {
            "ratelimit-limit": "100",
            "ratelimit-remaining": str(99 if tokens is None else tokens),
            "ratelimit-reset": str(self._world.reset_seconds),
            "ratelimit-policy": '100;w=1;burst=110;comment="token bucket"',
        }

    def _once(self, asked, key):
        with self._world.lock:
            known = self._world.remembered.get(key)
            if known is None:
                self._world.remembered[key] = Remembered(asked.body)
        if known is None:
            told = self._done(asked)
            self._world.remembered[key].told = told
            return replace(told, headers={**told.headers, "idempotency-key": key})
        if known.told is None:
            return replace(error(asked, 409, "in progress"), headers={"retry-after": "1"})
        if known.body != asked.body:
            return invalid(asked, "idempotency-key", "reused for a different body")
        replayed = {"idempotency-key": key, "idempotency-replay": "true"}
        return replace(known.told, headers={**known.told.headers, **replayed})

    def _done(self, asked):
        for call in self._calls:
            arguments = call.match(asked.method, asked.path)
            if arguments is not None:
                return self._called(call, replace(asked, arguments=arguments))
        return error(asked, 404, f"Cannot {asked.method} {asked.path}")

    def _called(self, call, asked):
        try:
            if call.takes is not None:
                _fits(call.takes, asked)
            with self._world.lock:
                told = call.handle(self._world, asked)
        except Refusal as refusal:
            return refusal.told
        if told.status in call.gives:
            _read(call.gives[told.status], told.content)
        if told.content is None or told.status >= 300 or call.is_page:
            return told
        return replace(told, content={"data": told.content})


def _fits(model, asked):
    """Refuse a body that the client's own model would not have made."""
    try:
        _read(model, json.loads(asked.body))
    except pydantic.ValidationError as broken:
        name = ".".join(map(str, broken.errors()[0]["loc"])) or "body"
        raise Refusal(invalid(asked, name, "is not as described")) from broken
    except ValueError as broken:
        raise Refusal(error(asked, 400, "not JSON")) from broken


def _read(model, content):
    """Read *content* as the client does."""
    return pydantic.TypeAdapter(model).validate_python(content)
