"""The bank as a few dictionaries: what Postgres must answer, said a second time and simpler."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from uuid import UUID

from actors.domain.accounts import world_account_id
from actors.domain.principals import PLATFORM_ID

MOST = 2**63 - 1
FREED = {"same-account", "currency-mismatch", "destination-unknown"}


@dataclass(slots=True)
class ModelAccount:
    owner_id: UUID
    currency: str
    is_world: bool = False
    status: str = "open"
    balance_minor: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a movement must be answered."""

    verdict: str
    code: str | None = None
    transfer_id: UUID | None = None
    facts: tuple = ()
    replayed: bool = False


@dataclass(slots=True)
class Model:
    accounts: dict = field(default_factory=dict)
    keys: dict = field(default_factory=dict)

    def with_world(self, *currencies):
        for currency in currencies:
            self.accounts[world_account_id(currency)] = ModelAccount(
                PLATFORM_ID, currency, is_world=True
            )
        return self

    def commit(self, movements):
        """Return the answers to a batch and move the money."""
        return [self._one(movement) for movement in movements]

    def commit_all_or_none(self, movements):
        """Return the answers to a batch that stands or falls as one."""
        trial = copy.deepcopy(self)
        answers = trial.commit(movements)
        if all(answer.verdict == "posted" for answer in answers):
            self.accounts, self.keys = trial.accounts, trial.keys
            return answers
        standing = {answer.transfer_id for _, answer in self.keys.values()}
        return [_undone(answer, standing) for answer in answers]

    def rehearse(self, movement):
        """Return what the answer would be under a key that was never used."""
        trial = copy.deepcopy(self)
        trial.keys = {}
        return trial.commit([movement])[0]

    def _one(self, movement):
        key = (movement.principal_id, movement.idempotency_key)
        if key in self.keys:
            fingerprint, first = self.keys[key]
            if fingerprint == movement.fingerprint and first.verdict != "opened":
                return replace(first, replayed=True)
            kinds = {"posted": "transfer", "opened": "account"}
            object_id = first.transfer_id and str(first.transfer_id)
            return Answer(
                "key-reused",
                facts=(("object_id", object_id), ("object_kind", kinds.get(first.verdict))),
            )
        answer = self._decided(movement)
        if answer.verdict != "not-found" and answer.code not in FREED:
            self.keys[key] = (movement.fingerprint, answer)
        return answer

    def _decided(self, movement):
        refusal = self._refusal(movement)
        if refusal is not None:
            return refusal
        for account_id, sign in ((movement.source_id, -1), (movement.destination_id, 1)):
            account = self.accounts[account_id]
            account.balance_minor += sign * movement.amount_minor
            account.version += 1
        return Answer("posted", transfer_id=movement.transfer_id)

    def _refusal(self, movement):
        source = self.accounts.get(movement.source_id)
        target = self.accounts.get(movement.destination_id)
        if source is None or source.is_world != (movement.kind == "deposit"):
            return Answer("not-found")
        if movement.owner_id not in {None, source.owner_id}:
            return Answer("not-found")
        return (
            _cannot_be_named(target, movement)
            or _does_not_fit(source, target, movement)
            or _cannot_pay(source, movement)
            or _cannot_take(target, movement)
        )


def _cannot_be_named(target, movement):
    deposits, withdraws = movement.kind == "deposit", movement.kind == "withdrawal"
    if target is None or target.is_world != withdraws:
        return Answer("not-found") if deposits else _refused("destination-unknown")
    if target.status == "closed":
        return _refused("account-closed" if deposits else "destination-unknown")
    return None


def _does_not_fit(source, target, movement):
    if source is target:
        return _refused("same-account")
    if not source.currency == target.currency == movement.currency:
        return _refused("currency-mismatch")
    return None


def _cannot_pay(source, movement):
    if source.status != "open":
        return _refused(f"account-{source.status}")
    if source.is_world:
        overdrawn = source.balance_minor - movement.amount_minor < -MOST
        return _refused("balance-overflow") if overdrawn else None
    if source.balance_minor < movement.amount_minor:
        return _refused(
            "insufficient-funds",
            ("available_minor", source.balance_minor),
            ("currency", movement.currency),
            ("requested_minor", movement.amount_minor),
        )
    return None


def _cannot_take(target, movement):
    full = target.balance_minor + movement.amount_minor > MOST
    return _refused("balance-overflow") if full else None


def _refused(code, *facts):
    return Answer("refused", code, facts=facts)


def _undone(answer, standing):
    """Return what is left of an answer when its whole batch was undone."""
    if answer.verdict == "posted" and answer.transfer_id not in standing:
        return _refused("bulk-aborted")
    named = dict(answer.facts).get("object_id")
    if answer.verdict == "key-reused" and named not in {str(each) for each in standing}:
        return Answer("key-reused", facts=(("object_id", None), ("object_kind", None)))
    return answer
