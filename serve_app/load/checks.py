"""Whether what was acknowledged is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from serve_app.load.api import Refused, at_once

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serve_app.load.api import Api
    from serve_app.load.tally import Answer
    from serve_app.load.town import Town

AT_ONCE: Final = 8
NOT_FOUND: Final = 404


async def missing(api: Api, town: Town, acknowledged: Sequence[Answer]) -> list[str]:
    """Return the ids of acknowledged transfers that the deployment does not know."""
    waiting = iter(acknowledged)
    lost: list[str] = []

    async def work() -> None:
        for answer in waiting:
            if not await _is_there(api, town.users[answer.user], answer.text):
                lost.append(answer.text)  # noqa: PERF401  several tasks share the list

    await at_once(work, AT_ONCE)
    return sorted(lost)


async def _is_there(api: Api, user: str, transfer_id: str) -> bool:
    try:
        found = await api.ask(f"GET /v1/transfers/{transfer_id}", bearer=user)
    except Refused as refused:
        if refused.status != NOT_FOUND:
            raise
        return False
    return found.get("id") == transfer_id and found.get("status") == "posted"
