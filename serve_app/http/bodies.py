"""Reading a body: never more of it than the call takes, never longer than it may last."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from serve_app.http.errors import BodyTooLarge, BodyTooSlow, ContentTypeUnsupported

if TYPE_CHECKING:
    from serve_app.http.asgi import Message, Receive
    from serve_app.http.headers import Headers
    from serve_app.http.patience import Patience

READING_SECONDS: Final = 10.0
"""A client that sends one byte a second is let go; it holds nothing but its own connection."""

_JSON_TYPE: Final = re.compile(
    rb'application/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*"?utf-8"?[ \t]*)?', re.IGNORECASE
)


class Gone(Exception):
    """The client went away before its request was whole."""


def check_head(headers: Headers, *, limit_bytes: int, optional: bool) -> bool:
    """Tell whether there is a body to read, from the headers alone.

    Raises:
        BodyTooLarge: If it says so itself.
        ContentTypeUnsupported: If it is not plain JSON in UTF-8.
    """
    announced = headers.body_bytes
    if announced is not None and announced > limit_bytes:
        raise BodyTooLarge(limit_bytes)
    if headers.content_encoding:
        raise ContentTypeUnsupported
    if optional and announced == 0:
        return False
    types = headers.content_type
    if len(types) != 1 or not _JSON_TYPE.fullmatch(types[0]):
        raise ContentTypeUnsupported
    return True


async def read(receive: Receive, *, limit_bytes: int, patience: Patience) -> bytes:
    """Return the whole body.

    Raises:
        BodyTooLarge: As soon as more than *limit_bytes* have come.
        BodyTooSlow: If it has not come in time.
        Gone: If the client went away.
    """
    try:
        with patience.at_most(READING_SECONDS):
            return await _whole(receive, limit_bytes)
    except TimeoutError:
        raise BodyTooSlow from None


async def _whole(receive: Receive, limit_bytes: int) -> bytes:
    """Return all parts of the body together; most come in one."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        only: bytes = message.get("body", b"")
        if len(only) > limit_bytes:
            raise BodyTooLarge(limit_bytes)
        return only
    return await _parts(receive, message, limit_bytes)


async def _parts(receive: Receive, message: Message, limit_bytes: int) -> bytes:
    """Return the body that begins with *message*."""
    whole = bytearray()
    while True:
        if message["type"] == "http.disconnect":
            raise Gone
        whole += message.get("body", b"")
        if len(whole) > limit_bytes:
            raise BodyTooLarge(limit_bytes)
        if not message.get("more_body", False):
            return bytes(whole)
        message = await receive()
