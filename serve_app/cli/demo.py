"""The demonstration: two people, two currencies, a transfer, a refusal, a replay; all over HTTP."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

from serve_app.cli import terminal
from serve_app.cli.keys import create_key
from serve_app.cli.options import DataDir, load_settings
from serve_app.cli.verify import verify_books
from serve_app.embedded.data_folder import find_running
from serve_app.embedded.database import with_postgres
from serve_app.embedded.failures import StartFailure

if TYPE_CHECKING:
    from rich.console import Console

    from actors.settings import Settings
    from serve_app.cli.terminal import Terminal

Answer = dict[str, Any]

SHOWN_MEMBERS: Final = (
    "id", "status", "kind", "amount", "currency", "balance", "code", "available", "requested",
    "data", "email", "expires_in",
)  # fmt: skip
TOLD_SECONDS_MAX: Final = 30
TOLD_POLL_SECONDS: Final = 0.2
HIDDEN_MEMBERS: Final = ("password", "token", "source_account_id", "destination_account_id")


class DemoFailed(StartFailure):
    """The platform answered something that the story does not expect."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed up in the story."""

    name: str
    email: str
    token: str


class Storyteller:
    """Speaks to the platform and shows each request with the real answer."""

    def __init__(self, url: str, console: Console) -> None:
        self._http = httpx.Client(base_url=url, timeout=30)
        self._console = console

    def chapter(self, title: str) -> None:
        """Begin a part of the story."""
        self._console.print(f"\n[bold]{title}[/bold]")

    def ask(
        self,
        line: str,
        body: Answer | None = None,
        *,
        token: str | None = None,
        key: str | None = None,
        expected: int = 200,
    ) -> Answer:
        """Send the request that *line* names (``POST /v1/…``), show it, and return the answer.

        Raises:
            DemoFailed: If the status is not the expected one.
        """
        method, path = line.split(" ", 1)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        headers |= {"Idempotency-Key": key} if key else {}
        response = self._http.request(method, path, json=body, headers=headers)
        answer: Answer = response.json() if response.content else {}
        self._show(line, body or {}, response, answer)
        if response.status_code != expected:
            raise DemoFailed(f"{line} answered {response.status_code} instead of {expected}.")
        return answer

    def peek(self, path: str, token: str) -> Answer:
        """Return an answer without showing it.

        Raises:
            DemoFailed: If it is not there.
        """
        response = self._http.get(path, headers={"Authorization": f"Bearer {token}"})
        if response.status_code != httpx.codes.OK:
            raise DemoFailed(f"GET {path} answered {response.status_code}.")
        answer: Answer = response.json()
        return answer

    def say(self, line: str) -> None:
        """Show a line that somebody is told."""
        self._console.print(f"  {line}", markup=False)

    def _show(self, line: str, body: Answer, response: httpx.Response, answer: Answer) -> None:
        sent = {name: body[name] for name in body if name not in HIDDEN_MEMBERS}
        got: Answer = {name: answer[name] for name in SHOWN_MEMBERS if name in answer}
        replayed = " replayed" if "Idempotent-Replayed" in response.headers else ""
        self._console.print(f"  {line}  {_brief(sent)}", markup=False)
        self._console.print(f"    → {response.status_code}{replayed}  {_brief(got)}", markup=False)


def _brief(members: Answer) -> str:
    """Return the members in one line: of a balance what can be spent, of a list what it lists."""
    return " ".join(f"{name}={_brief_value(value)}" for name, value in members.items())


def _brief_value(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, dict):
        return str(value.get("available", ""))
    if isinstance(value, list):
        return str([item.get("subject", item.get("id")) for item in value])
    return str(value)


def demo(data_dir: DataDir = None) -> None:
    """Play the demonstration on the running platform."""
    settings = load_settings(data_dir=data_dir)
    running = find_running(settings.data_dir)
    if running is None:
        raise StartFailure(
            f"No platform runs on the data folder {settings.data_dir}; "
            "start one with 'gopherpay up --demo'."
        )
    tell_story(running.url, with_postgres(settings, running.owner_dsn), terminal.terminal())


def tell_story(url: str, settings: Settings, shown: Terminal) -> None:
    """Play the demonstration against *url*, then verify the books.

    Raises:
        DemoFailed: If an answer is not what the story expects.
    """
    teller = Storyteller(url, shown.out)
    teller.chapter("Two people sign up and verify their mail")
    ada, linh = sign_up(teller, "Ada Lovelace"), sign_up(teller, "Nguyễn Linh")
    teller.chapter("They open wallets")
    wallets = {
        "ada usd": open_wallet(teller, ada, "USD"),
        "linh usd": open_wallet(teller, linh, "USD"),
        "linh vnd": open_wallet(teller, linh, "VND"),
    }
    teller.chapter("The treasury brings money in")
    treasury = create_key(settings, ["treasury:write"], "demonstration")
    deposit(teller, treasury, wallets["ada usd"], "100.00", "USD")
    deposit(teller, treasury, wallets["linh vnd"], "2500000", "VND")
    move_money(teller, ada, wallets)
    teller.chapter("Linh is told of it")
    be_told(teller, linh, "transfer.received", "30.25")
    teller.chapter("What is left")
    teller.ask(f"GET /v1/accounts/{wallets['ada usd']}", token=ada.token)
    teller.ask(f"GET /v1/accounts/{wallets['linh usd']}", token=linh.token)
    teller.chapter("The books are verified from the database alone")
    if verify_books(settings.owner_dsn, shown) != 0:
        raise DemoFailed("The books do not balance.")


def sign_up(teller: Storyteller, name: str) -> Person:
    """Register, verify by the development mailbox, and log in."""
    email = f"{name.rsplit(maxsplit=1)[-1].lower()}.{secrets.token_hex(4)}@example.com"
    password = f"{secrets.token_urlsafe(18)} staple"
    registration = {"email": email, "password": password, "full_name": name}
    teller.ask("POST /v1/auth/register", registration, expected=202)
    mails = teller.ask(f"GET /v1/dev/mailbox?email={email}")["data"]
    teller.ask("POST /v1/auth/verify", {"token": mails[0]["token"]})
    session = teller.ask("POST /v1/auth/login", {"email": email, "password": password})
    return Person(name=name, email=email, token=session["access_token"])


def open_wallet(teller: Storyteller, person: Person, currency: str) -> str:
    """Open a wallet and return its id."""
    answer = teller.ask(
        "POST /v1/accounts", {"currency": currency}, token=person.token, expected=201
    )
    return str(answer["id"])


def deposit(teller: Storyteller, treasury: str, wallet: str, amount: str, currency: str) -> None:
    """Bring money from outside into a wallet."""
    body = {"account_id": wallet, "amount": amount, "currency": currency, "reference": "top-up"}
    teller.ask("POST /v1/deposits", body, token=treasury, key=_fresh_key(), expected=201)


def move_money(teller: Storyteller, ada: Person, wallets: dict[str, str]) -> None:
    """Transfer, be refused, and repeat the first transfer under its key."""
    teller.chapter("Ada pays Linh")
    body = {
        "source_account_id": wallets["ada usd"],
        "destination_account_id": wallets["linh usd"],
        "amount": "30.25",
        "currency": "USD",
        "description": "dinner",
    }
    key = _fresh_key()
    first = teller.ask("POST /v1/transfers", body, token=ada.token, key=key, expected=201)
    teller.chapter("More than she has is refused")
    too_much = {**body, "amount": "1000.00"}
    teller.ask("POST /v1/transfers", too_much, token=ada.token, key=_fresh_key(), expected=422)
    teller.chapter("The first one repeated under its key happens no second time")
    again = teller.ask("POST /v1/transfers", body, token=ada.token, key=key, expected=201)
    if again != first:
        raise DemoFailed("The repeated transfer got another answer than the first.")


def be_told(teller: Storyteller, person: Person, kind: str, amount: str) -> None:
    """Wait until the person's inbox tells of something, and show how it is put.

    Raises:
        DemoFailed: If nobody is told in time.
    """
    deadline = time.monotonic() + TOLD_SECONDS_MAX
    while time.monotonic() < deadline:
        for told in teller.peek("/v1/notifications", person.token)["data"]:
            if told["kind"] == kind and amount in told["body"]:
                teller.say(f"{told['kind']}: {told['title']} - {told['body']}")
                return
        time.sleep(TOLD_POLL_SECONDS)
    raise DemoFailed(f"{person.name} was not told of the transfer in {TOLD_SECONDS_MAX} s.")


def _fresh_key() -> str:
    return secrets.token_hex(16)
