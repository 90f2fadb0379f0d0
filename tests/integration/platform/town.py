"""People with money on a running platform, all made over HTTP."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field

import httpx

PASSWORD = "correct horse battery staple"
PEOPLE = 4
ACCOUNTS_EACH = 8
OPENING_MINOR = 1_000_000
FRESH_SECONDS = 120  # a token lives five minutes, and no test takes three


@dataclass
class Person:
    email: str
    accounts: list[str] = field(default_factory=list)
    token: str = ""


class Town:
    """Some people, each with some accounts in dollars."""

    def __init__(self, url, treasury):
        self.http = httpx.Client(base_url=url, timeout=30)
        self._treasury = treasury
        self._logged_in_at = float("-inf")
        self.people = [self._person() for _ in range(PEOPLE)]

    def log_in(self):
        """Renew everybody's token if it has not long to live."""
        if time.monotonic() - self._logged_in_at < FRESH_SECONDS:
            return
        self._logged_in_at = time.monotonic()
        for person in self.people:
            session = self._post("/v1/auth/login", email=person.email, password=PASSWORD)
            person.token = session["access_token"]

    def close(self):
        self.http.close()

    def pairs(self):
        """Return each account and its owner."""
        return [(account, person) for person in self.people for account in person.accounts]

    def _person(self):
        person = Person(f"{secrets.token_hex(8)}@example.com")
        self._post(
            "/v1/auth/register", email=person.email, password=PASSWORD, full_name="Ada Lovelace"
        )
        mails = self.http.get("/v1/dev/mailbox", params={"email": person.email}).json()["data"]
        self._post("/v1/auth/verify", token=mails[0]["token"])
        session = self._post("/v1/auth/login", email=person.email, password=PASSWORD)
        for _ in range(ACCOUNTS_EACH):
            account = self._post("/v1/accounts", session["access_token"], currency="USD")["id"]
            self._deposit(account)
            person.accounts.append(account)
        return person

    def _deposit(self, account):
        body = {"account_id": account, "currency": "USD", "reference": "opening"}
        self._post("/v1/deposits", self._treasury, amount=f"{OPENING_MINOR // 100}.00", **body)

    def _post(self, path, credential=None, **body):
        headers = {"Idempotency-Key": secrets.token_hex(16)}
        if credential is not None:
            headers["Authorization"] = f"Bearer {credential}"
        answer = self.http.post(path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()
