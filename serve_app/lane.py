"""The lane: from the edge straight to the application of the same process.

Ray Serve starts this process, replaces and scales it, tells HAProxy where it is and waits for its
HTTP server when it ends. What Serve would do for each single request costs as much as the request
itself and is done here by other means: the bound on requests inside is the frame's own gate, and
what was answered is counted by its meter (ADR 0019).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from serve_app.gateway import Asgi


class Lane:
    """Where requests go; closed until the application is ready, and again when it ends."""

    __slots__ = ("application",)

    def __init__(self, application: Asgi | None = None) -> None:
        self.application = application


LANE: Final = Lane()
"""That of this process: Serve constructs the edge and the application far from each other."""
