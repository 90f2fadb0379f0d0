"""The trace that the work under way belongs to.

Whoever takes a request in says so once; whoever writes a fact takes it from here, so that nothing
in between carries it.  Money does not go this way: a batch holds the movements of many requests,
and each movement has a trace of its own.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

trace_parent: Final[ContextVar[str | None]] = ContextVar("trace_parent", default=None)
"""W3C trace context of the request, None when it has none."""
