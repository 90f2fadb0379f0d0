"""What became of a movement, as an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actors.domain.transfers import Verdict
from serve_app.http.exchange import Answer, created
from serve_app.http.problems import problem
from serve_app.routes.objects import transfer_object

if TYPE_CHECKING:
    from actors.domain.transfers import Outcome
    from serve_app.http.exchange import Call

REPLAYED: Final = ((b"idempotent-replayed", b"true"),)
"""Says that this answer was given before under the same key."""


def answer_of(outcome: Outcome, call: Call[Any, Any]) -> Answer:
    """Return the answer that *outcome* gives, byte for byte the same each time it is replayed."""
    if outcome.verdict is Verdict.POSTED and outcome.transfer is not None:
        answer = created(transfer_object(outcome.transfer, call.principal.id))
    else:
        answer = problem(outcome.error(), outcome.request_id or call.request_id)
    if not outcome.replayed:
        return answer
    return Answer(answer.status, answer.body, answer.content_type, (*answer.headers, *REPLAYED))
