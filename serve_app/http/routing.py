"""The table of routes: what each call is, who may make it, and what it takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from uuid import UUID

import msgspec

from actors.domain.errors import GopherPayError, NotFound
from serve_app.http.access import Access
from serve_app.http.errors import MethodNotAllowed
from serve_app.http.texts import Query

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from serve_app.http.exchange import Answer, Call, StreamedAnswer

    Endpoint: TypeAlias = Callable[[Call[Any, Any]], Awaitable[Answer | StreamedAnswer]]

BODY_LIMIT_BYTES: Final = 64 * 1024
BULK_LIMIT_BYTES: Final = 2 * 1024 * 1024

_ID: Final = re.compile(rb"/([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?=/|\Z)")
_PARAMETER: Final = re.compile(r"\{[a-z_]+\}")


class KeyPolicy(Enum):
    """What a route does with the Idempotency-Key header."""

    IGNORED = "ignored"
    OPTIONAL = "optional"
    REQUIRED = "required"
    REQUIRED_UNLESS_DRY_RUN = "required unless dry run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One call of the API.

    Attributes:
        path: Each ``{name}`` is an id; nothing else can be a parameter.
        access: Who may call; it has no default, so that nothing is open by mistake.
        body_optional: Whether the call may be made without a body, which then counts as ``{}``.
        answers: The shape of each success by status; None means no body.
        problems: What may be refused beyond what the frame itself refuses.
        example: A body for the documentation.
        notes: One or two sentences beyond the summary.
        content_type: Of the successes.
    """

    method: str
    path: str
    endpoint: Endpoint
    access: Access
    tag: str
    summary: str
    body: type[msgspec.Struct] | None = None
    body_optional: bool = False
    query: type[Query] = Query
    key: KeyPolicy = KeyPolicy.IGNORED
    body_limit_bytes: int = BODY_LIMIT_BYTES
    answers: Mapping[int, Any] = field(default_factory=dict)
    problems: tuple[type[GopherPayError], ...] = ()
    example: Mapping[str, object] | None = None
    notes: str = ""
    content_type: str = "application/json"

    @property
    def name(self) -> str:
        """Return the method and path, as metrics and documents name this route."""
        return f"{self.method} {self.path}"


class Resource:
    """The routes of one path by method."""

    __slots__ = ("allow", "id_count", "routes")

    def __init__(self, path: str) -> None:
        self.routes: dict[str, Route] = {}
        self.id_count = len(_PARAMETER.findall(path))
        self.allow = ""

    def add(self, route: Route) -> None:
        """Take *route* in.

        Raises:
            ValueError: If its method is taken.
        """
        if route.method in self.routes:
            message = f"{route.name} is there twice"
            raise ValueError(message)
        self.routes[route.method] = route
        methods = {*self.routes, "OPTIONS"}
        if "GET" in methods:
            methods.add("HEAD")
        self.allow = ", ".join(sorted(methods))


class Router:
    """Finds the route of a request.

    The path is compared as it came: no decoding, no normalising, no case folding, so that
    ``//``, ``/../``, ``%2e``, ``;x`` and a trailing slash are other paths, that is 404.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._resources: dict[bytes, Resource] = {}
        for route in self.routes:
            key = _PARAMETER.sub("{}", route.path).encode()
            self._resources.setdefault(key, Resource(route.path)).add(route)

    def resource(self, path: bytes) -> tuple[Resource, tuple[UUID, ...]]:
        """Return what *path* names, and the ids in it.

        Raises:
            NotFound: If there is no such path.
        """
        found = self._resources.get(path)
        if found is not None and not found.id_count:
            return found, ()
        ids = _ID.findall(path)
        found = self._resources.get(_ID.sub(b"/{}", path)) if ids else None
        if found is None or found.id_count != len(ids):
            raise NotFound
        return found, tuple(UUID(text.decode()) for text in ids)

    @staticmethod
    def route(resource: Resource, method: str) -> Route:
        """Return the route of *method*; HEAD is answered as GET.

        Raises:
            MethodNotAllowed: If the resource has no such method.
        """
        found = resource.routes.get("GET" if method == "HEAD" else method)
        if found is None:
            raise MethodNotAllowed(resource.allow)
        return found
