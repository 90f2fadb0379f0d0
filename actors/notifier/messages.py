"""From a fact to what is said to whom: a table by the fact's name, and nothing but text."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import UUID

import msgspec

from actors.currencies import currency as currency_of
from actors.domain.money import format_amount
from actors.domain.values import value
from actors.notifier.amounts import written
from actors.notifier.wording import WORDINGS
from actors.ports.notifications import Audience, Notice, Person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from actors.domain.events import CloudEvent

TEXT_MAX_CHARACTERS: Final = 140
"""As long as a description may be; what a consumer reads may come from anywhere."""

_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of what is not to be seen, or changes the direction of what is."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

_encode: Final = msgspec.json.Encoder().encode


@value
class Message:
    """What is to be said to one person, before it is in a language.

    Attributes:
        kind: One of the kinds that people choose by.
        wording: Which of the table's messages.
        account_id: The person's own, never the other side's.
        other_id: The person on the other side.
        text: What somebody wrote; shown, and trusted in nothing.
    """

    kind: str
    wording: str
    user_id: UUID
    account_id: UUID | None = None
    amount_minor: int | None = None
    currency: str | None = None
    other_id: UUID | None = None
    text: str | None = None
    transfer_id: UUID | None = None
    credential: str | None = None


Rule: TypeAlias = "Callable[[CloudEvent, Audience], Iterable[Message]]"


@dataclass(frozen=True, slots=True)
class _Money:
    """The members that every posting has.

    Raises:
        KeyError, TypeError, ValueError: If the event has not got them.
    """

    transfer_id: UUID
    source_id: UUID
    destination_id: UUID
    amount_minor: int
    currency: str
    description: str | None

    @classmethod
    def of(cls, event: CloudEvent) -> _Money:
        data = event.data
        amount_minor, description = data["amount_minor"], data.get("description")
        if not isinstance(amount_minor, int) or amount_minor < 1:
            raise ValueError("amount_minor")
        return cls(
            UUID(str(data["transfer_id"])),
            UUID(str(data["source_account_id"])),
            UUID(str(data["destination_account_id"])),
            amount_minor,
            str(data["currency"]),
            description if isinstance(description, str) else None,
        )

    def message(
        self,
        kind: str,
        user_id: UUID,
        account_id: UUID,
        *,
        wording: str = "",
        other: UUID | None = None,
    ) -> Message:
        return Message(
            kind,
            wording or kind,
            user_id,
            account_id=account_id,
            amount_minor=self.amount_minor,
            currency=self.currency,
            other_id=other,
            text=self.description,
            transfer_id=self.transfer_id,
        )


def _transfer(event: CloudEvent, audience: Audience) -> Iterable[Message]:
    money = _Money.of(event)
    payer = audience.owners.get(money.source_id)
    payee = audience.owners.get(money.destination_id)
    if payer is not None and payer == payee:
        yield money.message("transfer.sent", payer, money.source_id, wording="transfer between own")
        return
    if payer is not None:
        yield money.message("transfer.sent", payer, money.source_id, other=payee)
    if payee is not None:
        yield money.message("transfer.received", payee, money.destination_id, other=payer)


def _deposit(event: CloudEvent, audience: Audience) -> Iterable[Message]:
    money = _Money.of(event)
    payee = audience.owners.get(money.destination_id)
    if payee is not None:
        yield money.message("transfer.received", payee, money.destination_id, wording="deposit")


def _withdrawal(event: CloudEvent, audience: Audience) -> Iterable[Message]:
    money = _Money.of(event)
    payer = audience.owners.get(money.source_id)
    if payer is not None:
        yield money.message("transfer.sent", payer, money.source_id, wording="withdrawal")


def _frozen(event: CloudEvent, audience: Audience) -> Iterable[Message]:
    # The operator's reason is not told: it may name a suspicion.
    owner = audience.owners.get(event.subject)
    if owner is not None:
        yield Message(
            "account.frozen",
            "account.frozen",
            owner,
            account_id=event.subject,
            currency=str(event.data["currency"]),
        )


def _credential(event: CloudEvent, _audience: Audience) -> Iterable[Message]:
    credential = str(event.data["credential"])
    wording = f"credential.changed {credential}"
    known = wording in WORDINGS["en"]
    yield Message(
        "credential.changed",
        wording if known else "credential.changed",
        event.subject,
        credential=credential if known else None,
    )


def _login(event: CloudEvent, _audience: Audience) -> Iterable[Message]:
    yield Message("login.new", "login.new", event.subject)


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "transfer.posted": _transfer,
        "deposit.posted": _deposit,
        "withdrawal.posted": _withdrawal,
        "account.frozen": _frozen,
        "credential.changed": _credential,
        "login.new": _login,
    }
)
"""By the fact's name; of all others nobody is told."""


def messages(event: CloudEvent, audience: Audience) -> list[Message]:
    """Return what *event* lets us say, to active people only.

    Raises:
        KeyError, TypeError, ValueError: If the event lacks what its kind must have.
    """
    rule = RULES.get(event.name)
    if rule is None:
        return []
    return [each for each in rule(event, audience) if each.user_id in audience.people]


def notice(
    message: Message, event: CloudEvent, person: Person, names: Mapping[UUID, str]
) -> Notice:
    """Return *message* in the language of *person*.

    Args:
        message: What to say.
        event: Why.
        person: To whom.
        names: Masked names of people; without one the message speaks of nobody.

    Raises:
        CurrencyUnknown: If there is no such currency.
    """
    name = None if message.other_id is None else names.get(message.other_id)
    wording = message.wording if name is None else f"{message.wording} by name"
    title, body = WORDINGS[person.language][wording]
    facts = {"name": name, "currency": message.currency}
    if message.amount_minor is not None and message.currency is not None:
        facts["amount"] = written(message.amount_minor, message.currency, person.language)
    said = None if message.text is None else shown(message.text)
    body = body.format_map(facts)
    return Notice(
        notice_id(event.id, person.id, message.kind, event.time),
        event.id,
        person.id,
        message.kind,
        title.format_map(facts),
        f"{body} \N{LEFT DOUBLE QUOTATION MARK}{said}\N{RIGHT DOUBLE QUOTATION MARK}"
        if said
        else body,
        _encode(_data(message, name, said)).decode(),
        event.time,
    )


def _data(message: Message, name: str | None, said: str | None) -> dict[str, str | UUID]:
    """Return what a program may want to know of *message*; what there is not, is left out."""
    members: dict[str, str | UUID | None] = {
        "transfer_id": message.transfer_id,
        "account_id": message.account_id,
        "amount": None,
        "currency": message.currency,
        "counterparty": name,
        "description": said or None,
        "credential": message.credential,
    }
    if message.amount_minor is not None and message.currency is not None:
        decimals = currency_of(message.currency).decimals
        members["amount"] = format_amount(message.amount_minor, decimals)
    return {key: member for key, member in members.items() if member is not None}


def shown(text: str) -> str:
    """Return *text* on one line, at most 140 characters, without what cannot be seen."""
    if text.isascii() and text.isprintable() and len(text) <= TEXT_MAX_CHARACTERS:
        return text.strip()
    cut = text[: 2 * TEXT_MAX_CHARACTERS]
    spaced = " ".join(cut.split())
    kept = "".join(each for each in spaced if unicodedata.category(each) not in _UNSEEN).strip()
    return kept[:TEXT_MAX_CHARACTERS].rstrip()


def notice_id(event_id: UUID, user_id: UUID, kind: str, at: datetime) -> UUID:
    """Return the one id of what *user_id* is told of an event, however often it is made.

    A UUIDv7 (RFC 9562 §5.7) of the event's time whose random bits are a hash.
    """
    milliseconds = (at - _EPOCH) // _MILLISECOND
    digest = int.from_bytes(sha256(event_id.bytes + user_id.bytes + kind.encode()).digest()[:10])
    high = (milliseconds & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | (digest >> 68) << 64
    return UUID(int=high | 0b10 << 62 | digest & (1 << 62) - 1)
