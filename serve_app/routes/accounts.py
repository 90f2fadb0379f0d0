"""Accounts: open, read, rename, close, freeze."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from uuid import UUID

from msgspec import Meta

from actors.currencies import currency
from actors.domain.accounts import AccountStatus
from actors.domain.errors import (
    AccountClosed,
    AccountNotEmpty,
    CurrencyUnknown,
    KeyInProgress,
    KeyReused,
)
from actors.ports.ledger import KeyClaim
from serve_app.http.access import Scoped, reads_as
from serve_app.http.errors import CursorInvalid, invalid
from serve_app.http.exchange import Answer, created, ok
from serve_app.http.idempotency import fingerprint
from serve_app.http.routing import KeyPolicy, Route
from serve_app.http.texts import Body, CurrencyText, Empty, Name, Query, Reason, When
from serve_app.routes.lists import Listing, Page, Paged
from serve_app.routes.objects import (
    AccountObject,
    BalanceAtObject,
    EntryObject,
    account_object,
    balance_at_object,
    entry_object,
)
from serve_app.routes.outcomes import REPLAYED

if TYPE_CHECKING:
    from actors.domain.accounts import Wallet
    from actors.ports.ledger import IdSource
    from serve_app.http.cursors import Cursors
    from serve_app.http.exchange import Call
    from serve_app.ports import AccountCommands, AccountReads, Names

TAG: Final = "Accounts"
READ: Final = Scoped("accounts:read", or_operators="admin:read")
WRITE: Final = Scoped("accounts:write")
OPERATE: Final = Scoped("admin:write")

_TWINS_MAX: Final = 3


class NewAccount(Body, frozen=True):
    """What a new account shall be."""

    currency: CurrencyText
    name: Name | None = None


class AccountChange(Body, frozen=True):
    """What shall become of an account; what is left out stays."""

    name: Name | None = None
    default: (
        Annotated[
            bool, Meta(description="To end it, name another.", extra_json_schema={"enum": [True]})
        ]
        | None
    ) = None


class Because(Body, frozen=True):
    """Why an operator does this."""

    reason: Reason


class AccountsAsked(Paged, frozen=True):
    """Which accounts; without a status, those that are not closed."""

    status: Literal["open", "frozen", "closed"] | None = None


class Moment(Query, frozen=True):
    """When; now if it is left out."""

    at: When | None = None


class Accounts:
    """The endpoints of accounts."""

    def __init__(
        self,
        commands: AccountCommands,
        reads: AccountReads,
        names: Names,
        *,
        cursors: Cursors,
        new_id: IdSource,
    ) -> None:
        self._commands = commands
        self._reads = reads
        self._names = names
        self._cursors = cursors
        self._new_id = new_id

    async def open(self, call: Call[NewAccount, Query]) -> Answer:
        """Open an account; a twin of this request is waited for and answered alike."""
        body = call.body
        currency(body.currency)
        claim = None
        if call.idempotency_key is not None:
            command = fingerprint("account", body.currency, body.name)
            claim = KeyClaim(call.principal.id, call.idempotency_key, command)
        for _ in range(_TWINS_MAX):
            try:
                wallet, replayed = await self._commands.open(
                    self._new_id(), call.principal.id, body.currency, body.name, claim
                )
            except KeyInProgress:
                continue
            answer = created(account_object(wallet))
            return Answer(201, answer.body, headers=REPLAYED) if replayed else answer
        raise KeyInProgress

    async def many(self, call: Call[None, AccountsAsked]) -> Answer:
        """List the caller's own accounts."""
        query, reader = call.query, call.principal.id
        listing = Listing(self._cursors, reader, "accounts", (query.status,))
        position = listing.position(query.cursor)
        rows = await self._reads.many(
            reader,
            status=None if query.status is None else AccountStatus(query.status),
            before=None if position is None else UUID(str(position[0])),
            limit=query.limit + 1,
        )
        return ok(listing.page(rows, query.limit, lambda row: (str(row.id),), account_object))

    async def one(self, call: Call[None, Query]) -> Answer:
        """Show an account."""
        return _shown(await self._reads.one(call.ids[0], reads_as(call.principal)))

    async def change(self, call: Call[AccountChange, Query]) -> Answer:
        """Rename an account, or make it the default of its currency."""
        account_id, owner_id, body = call.ids[0], call.principal.id, call.body
        if body.default is False:
            raise invalid("default", "must be true")
        wallet = await self._reads.one(account_id, owner_id)
        if body.default:
            wallet = await self._commands.make_default(account_id, owner_id)
        if body.name is not None:
            wallet = await self._commands.rename(account_id, owner_id, body.name)
        return _shown(wallet)

    async def close(self, call: Call[Empty, Query]) -> Answer:
        """Close an empty account."""
        return _shown(await self._commands.close(call.ids[0], call.principal.id))

    async def freeze(self, call: Call[Because, Query]) -> Answer:
        """Stop every debit of an account."""
        return _shown(await self._commands.freeze(call.ids[0], call.body.reason))

    async def unfreeze(self, call: Call[Because, Query]) -> Answer:
        """Allow debits of an account again."""
        return _shown(await self._commands.unfreeze(call.ids[0], call.body.reason))

    async def entries(self, call: Call[None, Paged]) -> Answer:
        """List the postings of an account."""
        account_id, query = call.ids[0], call.query
        listing = Listing(self._cursors, call.principal.id, "entries", (account_id,))
        position = listing.position(query.cursor)
        rows = await self._reads.entries(
            account_id,
            reads_as(call.principal),
            before_version=None if position is None else int(position[0]),
            limit=query.limit + 1,
        )
        names = await self._names.masked({row.counterparty_id for row in rows})
        return ok(
            listing.page(
                rows,
                query.limit,
                lambda row: (row.version,),
                lambda row: entry_object(row, names.get(row.counterparty_id)),
            )
        )

    async def balance(self, call: Call[None, Moment]) -> Answer:
        """Show what an account held at a moment."""
        account_id = call.ids[0]
        await self._reads.one(account_id, reads_as(call.principal))
        balance = await self._reads.balance_at(account_id, call.query.at)
        if balance is None:
            raise invalid("at", "must not lie in the future")
        return ok(balance_at_object(balance))


def _shown(wallet: Wallet) -> Answer:
    """Answer with the account."""
    return ok(account_object(wallet))


ITEM: Final = "/v1/accounts/{account_id}"


def routes(accounts: Accounts) -> list[Route]:
    """Return the routes of accounts."""
    return [
        *_collection(accounts),
        *_item(accounts),
        *_history(accounts),
        _closing(accounts),
        *_freezing(accounts),
    ]


def _collection(accounts: Accounts) -> list[Route]:
    """Return the routes of all accounts."""
    return [
        Route(
            method="POST",
            path="/v1/accounts",
            endpoint=accounts.open,
            access=WRITE,
            tag=TAG,
            summary="Open an account",
            body=NewAccount,
            key=KeyPolicy.OPTIONAL,
            answers={201: AccountObject},
            problems=(CurrencyUnknown, KeyReused, KeyInProgress),
            example={"currency": "USD", "name": "Savings"},
            notes="The oldest open account of a currency is its default until another is named.",
        ),
        Route(
            method="GET",
            path="/v1/accounts",
            endpoint=accounts.many,
            access=READ,
            tag=TAG,
            summary="List your accounts",
            query=AccountsAsked,
            answers={200: Page[AccountObject]},
            problems=(CursorInvalid,),
        ),
    ]


def _item(accounts: Accounts) -> list[Route]:
    """Return the routes of one account."""
    return [
        Route(
            method="GET",
            path=ITEM,
            endpoint=accounts.one,
            access=READ,
            tag=TAG,
            summary="Show an account",
            answers={200: AccountObject},
        ),
        Route(
            method="PATCH",
            path=ITEM,
            endpoint=accounts.change,
            access=WRITE,
            tag=TAG,
            summary="Rename an account or make it the default",
            body=AccountChange,
            answers={200: AccountObject},
            problems=(AccountClosed,),
            example={"name": "Rent", "default": True},
        ),
    ]


def _history(accounts: Accounts) -> list[Route]:
    """Return the routes of what an account held and when."""
    return [
        Route(
            method="GET",
            path=f"{ITEM}/entries",
            endpoint=accounts.entries,
            access=READ,
            tag=TAG,
            summary="List the entries of an account",
            query=Paged,
            answers={200: Page[EntryObject]},
            problems=(CursorInvalid,),
            notes="Versions count the postings of the account by one, without gaps.",
        ),
        Route(
            method="GET",
            path=f"{ITEM}/balance",
            endpoint=accounts.balance,
            access=READ,
            tag=TAG,
            summary="Show the balance at a moment",
            query=Moment,
            answers={200: BalanceAtObject},
        ),
    ]


def _closing(accounts: Accounts) -> Route:
    """Return the route that closes an account."""
    return Route(
        method="POST",
        path=f"{ITEM}/close",
        endpoint=accounts.close,
        access=WRITE,
        tag=TAG,
        summary="Close an empty account",
        body=Empty,
        body_optional=True,
        answers={200: AccountObject},
        problems=(AccountNotEmpty,),
    )


def _freezing(accounts: Accounts) -> list[Route]:
    """Return the routes of operators."""
    shared: dict[str, Any] = {
        "method": "POST",
        "access": OPERATE,
        "tag": TAG,
        "body": Because,
        "answers": {200: AccountObject},
        "problems": (AccountClosed,),
    }
    return [
        Route(
            path=f"{ITEM}/freeze",
            endpoint=accounts.freeze,
            summary="Freeze an account",
            example={"reason": "Asked by its owner."},
            notes="No debit passes; credits do.",
            **shared,
        ),
        Route(
            path=f"{ITEM}/unfreeze",
            endpoint=accounts.unfreeze,
            summary="Unfreeze an account",
            example={"reason": "The owner is back."},
            **shared,
        ),
    ]
