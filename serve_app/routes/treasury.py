"""Money that comes in from the world outside the books, and leaves for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from actors.domain.transfers import TransferKind
from serve_app.http.access import Scoped
from serve_app.http.routing import KeyPolicy, Route
from serve_app.routes import commands
from serve_app.routes.commands import Asked, NewTreasuryMovement
from serve_app.routes.objects import TransferObject
from serve_app.routes.outcomes import answer_of
from serve_app.routes.transfers import EXAMPLE, MOVING_PROBLEMS

if TYPE_CHECKING:
    from actors.ports.ledger import IdSource
    from serve_app.http.exchange import Answer, Call
    from serve_app.http.texts import Query
    from serve_app.ports import Movements


class Treasury:
    """The endpoints of deposits and withdrawals."""

    def __init__(self, movements: Movements, *, new_id: IdSource) -> None:
        self._movements = movements
        self._new_id = new_id

    async def deposit(self, call: Call[NewTreasuryMovement, Query]) -> Answer:
        """Bring money in."""
        return await self._move(TransferKind.DEPOSIT, call)

    async def withdraw(self, call: Call[NewTreasuryMovement, Query]) -> Answer:
        """Let money out."""
        return await self._move(TransferKind.WITHDRAWAL, call)

    async def _move(self, kind: TransferKind, call: Call[NewTreasuryMovement, Query]) -> Answer:
        """Move money between an account and its currency's world account."""
        movement = commands.treasury(kind, call.body, Asked.by(call), self._new_id)
        return answer_of(await self._movements.submit(movement, call.deadline_seconds), call)


def routes(treasury: Treasury) -> list[Route]:
    """Return the routes of deposits and withdrawals."""
    shared: Final[dict[str, Any]] = {
        "method": "POST",
        "access": Scoped("treasury:write"),
        "tag": "Treasury",
        "body": NewTreasuryMovement,
        "key": KeyPolicy.REQUIRED,
        "answers": {201: TransferObject},
        "problems": MOVING_PROBLEMS,
        "example": {
            "account_id": EXAMPLE["source_account_id"],
            "amount": "100.00",
            "currency": "USD",
            "reference": "Bank statement 2026-01-31, line 7",
        },
    }
    return [
        Route(path="/v1/deposits", endpoint=treasury.deposit, summary="Deposit", **shared),
        Route(path="/v1/withdrawals", endpoint=treasury.withdraw, summary="Withdraw", **shared),
    ]
