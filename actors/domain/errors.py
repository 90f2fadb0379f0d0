"""What can be wrong, grouped by what the caller should do next.

    GopherPayError
    ├── Malformed          the request cannot be read; mend the client
    ├── Invalid            readable but wrong; mend the values
    ├── Unauthenticated    present a credential
    ├── Forbidden          this credential will never do
    ├── NotFound           no such thing for you
    ├── Refused            understood and declined; do not repeat unchanged
    ├── Conflict           another state or command stands in the way
    ├── Throttled          your own limit; wait
    └── Unavailable        ours; repeat safely under the same key

Leaves are dataclasses with facts as fields.
The first line of a leaf's docstring is the title a client sees.
Status codes live in ``serve_app.http.problems`` alone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar, TypeAlias

Fact: TypeAlias = str | int | bool | None


@dataclass(eq=False)
class GopherPayError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "internal"

    def facts(self) -> dict[str, Fact]:
        """Return the fields of this error by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __str__(self) -> str:
        """Return the code and the facts, for logs."""
        return f"{self.code} {self.facts()}"

    def __reduce__(self) -> tuple[type[GopherPayError], tuple[object, ...]]:
        """Pickle by the fields, since errors cross process boundaries."""
        return type(self), tuple(self.facts().values())


class Malformed(GopherPayError):
    """The request cannot be read."""


class Invalid(GopherPayError):
    """The request is well-formed but wrong."""

    code = "validation-failed"


@dataclass(eq=False)
class Unauthenticated(GopherPayError):
    """A valid credential is required."""

    code: ClassVar[str] = "unauthenticated"


class Forbidden(GopherPayError):
    """This credential may not do that."""

    code = "forbidden-action"


@dataclass(eq=False)
class NotFound(GopherPayError):
    """There is no such object."""

    code: ClassVar[str] = "not-found"


class Refused(GopherPayError):
    """The platform understood and declined."""


class Conflict(GopherPayError):
    """Another command or state stands in the way."""


@dataclass(eq=False)
class Throttled(GopherPayError):
    """Too many requests of yours; wait before the next one."""

    code: ClassVar[str] = "rate-limited"
    retry_after_seconds: int


class Unavailable(GopherPayError):
    """The platform cannot serve this now; repeat under the same key."""


@dataclass(eq=False)
class Overloaded(Unavailable):
    """The platform is busy; wait before the next request."""

    code: ClassVar[str] = "overloaded"
    retry_after_seconds: int


@dataclass(eq=False)
class OutcomeUnknown(Unavailable):
    """It is not known whether this happened; repeat it under the same key."""

    code: ClassVar[str] = "outcome-unknown"


@dataclass(eq=False)
class StoreUnavailable(Unavailable):
    """The database did not answer; nothing was written."""

    code: ClassVar[str] = "overloaded"
    retry_after_seconds: int = 1


@dataclass(eq=False)
class InsufficientScope(Forbidden):
    """The credential lacks the scope this call needs."""

    code: ClassVar[str] = "insufficient-scope"
    required_scope: str


# --- Money: refusals -------------------------------------------------------------------


@dataclass(eq=False)
class CurrencyUnknown(Invalid):
    """The currency is not an upper-case ISO 4217 code with minor units."""

    code: ClassVar[str] = "currency-unknown"


@dataclass(eq=False)
class AmountInvalid(Invalid):
    """The amount is not a positive decimal string within the currency's decimals and limit."""

    code: ClassVar[str] = "amount-invalid"


@dataclass(eq=False)
class InsufficientFunds(Refused):
    """The account holds less than the transfer needs."""

    code: ClassVar[str] = "insufficient-funds"
    available_minor: int
    requested_minor: int
    currency: str


@dataclass(eq=False)
class CurrencyMismatch(Refused):
    """The currency differs from that of an account."""

    code: ClassVar[str] = "currency-mismatch"


@dataclass(eq=False)
class SameAccount(Refused):
    """Source and destination are the same account."""

    code: ClassVar[str] = "same-account"


@dataclass(eq=False)
class AccountFrozen(Refused):
    """The account is frozen."""

    code: ClassVar[str] = "account-frozen"


@dataclass(eq=False)
class AccountClosed(Refused):
    """The account is closed."""

    code: ClassVar[str] = "account-closed"


@dataclass(eq=False)
class DestinationUnknown(Refused):
    """There is no such open destination account."""

    code: ClassVar[str] = "destination-unknown"


@dataclass(eq=False)
class BalanceOverflow(Refused):
    """The balance would leave 64 bits."""

    code: ClassVar[str] = "balance-overflow"


@dataclass(eq=False)
class BulkAborted(Refused):
    """Another item of this atomic bulk was refused."""

    code: ClassVar[str] = "bulk-aborted"


@dataclass(eq=False)
class KeyReused(Conflict):
    """This idempotency key belongs to another command."""

    code: ClassVar[str] = "idempotency-key-reused"
    object_kind: str | None
    object_id: str | None


@dataclass(eq=False)
class KeyInProgress(Conflict):
    """The command of this idempotency key is still running."""

    code: ClassVar[str] = "idempotency-key-in-progress"
    retry_after_seconds: int = 1


@dataclass(eq=False)
class AccountNotEmpty(Conflict):
    """The account still holds money or open holds."""

    code: ClassVar[str] = "account-not-empty"


@dataclass(eq=False)
class AccountsNotEmpty(Conflict):
    """Some account still holds money or open holds."""

    code: ClassVar[str] = "accounts-not-empty"


REFUSALS_BY_CODE: dict[str, type[Refused]] = {
    leaf.code: leaf
    for leaf in (
        InsufficientFunds,
        CurrencyMismatch,
        SameAccount,
        AccountFrozen,
        AccountClosed,
        DestinationUnknown,
        BalanceOverflow,
        BulkAborted,
    )
}
"""What a kept refusal is read back as; a code is never renamed or removed."""
