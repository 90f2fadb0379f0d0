"""A bound on the work inside: who finds it full is told at once, nobody waits in a line."""

from __future__ import annotations

from actors.domain.errors import Overloaded


class Gate:
    """Counts the requests that are being served.

    Args:
        places: How many there may be at once.
    """

    __slots__ = ("_places", "inside")

    def __init__(self, places: int) -> None:
        self._places = places
        self.inside = 0

    def __enter__(self) -> None:
        if self.inside >= self._places:
            raise Overloaded(retry_after_seconds=1)
        self.inside += 1

    def __exit__(self, *_exception: object) -> None:
        self.inside -= 1
