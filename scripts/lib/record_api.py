"""The page docs/reference/api.md: every call of a running platform, with its real answer."""

from __future__ import annotations

import json
import re
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from actors.store.books import save, verify
from serve_app.cli.keys import create_key
from serve_app.cli.options import load_settings
from serve_app.embedded.data_folder import find_running
from serve_app.embedded.database import with_postgres
from serve_app.embedded.failures import StartFailure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "api.md"
HEAD: Final = (
    "# API",
    "",
    "<!-- Recorded by scripts/docs --api from a running platform. -->",
    "",
    "What holds for every call is said in [conventions](conventions.md).",
    "Each call is shown with one request and the answer that it got; secrets are cut short.",
    "What may be refused is in the OpenAPI document by call, and in [errors](errors.md) by code.",
)
OPERATOR_SCOPES: Final = ["treasury:write", "admin:read", "admin:write"]
SECRET: Final = re.compile(r'("(?:access_token|refresh_token|secret|token)": ")([^"]{4})[^"]*"')
LINK: Final = re.compile(r"#token=[\w-]+")
LINES_SHOWN: Final = 40
TOLD_SECONDS_MAX: Final = 30


@dataclass(frozen=True)
class Exchange:
    """One request and its answer, as text."""

    request: str
    answer: str


@dataclass
class Recorder:
    """Speaks to the platform and keeps the first exchange of each call."""

    http: httpx.Client
    kept: dict[str, Exchange] = field(default_factory=dict)

    def ask(
        self,
        call: str,
        body: Mapping[str, object] | None = None,
        *,
        bearer: str | None = None,
        key: str | None = None,
        **ids: str,
    ) -> dict[str, Any]:
        """Make *call* (``POST /v1/accounts/{account_id}/close``) and return what it answers.

        Raises:
            httpx.HTTPStatusError: If it is refused; an example shows how a call succeeds.
        """
        method, path = call.split(" ", 1)
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        headers |= {"Idempotency-Key": key} if key else {}
        response = self.http.request(method, path.format(**ids), json=body, headers=headers)
        response.raise_for_status()
        name = f"{method} {path.partition('?')[0]}"
        self.kept.setdefault(name, Exchange(_request(response.request), _answer(response)))
        answer: dict[str, Any] = response.json() if _is_json(response) else {}
        return answer

    def listen(self, call: str, *, bearer: str, last_id: str) -> None:
        """Make *call*, a stream, and keep its first event."""
        method, path = call.split(" ", 1)
        headers = {"Authorization": f"Bearer {bearer}", "Last-Event-ID": last_id}
        with self.http.stream(method, path, headers=headers) as response:
            lines = []
            for line in response.iter_lines():
                lines.append(line)
                if line.startswith("data:"):
                    break
            asked = f"{_request(response.request)}\nLast-Event-ID: {last_id}"
            told = "\n".join([f"{response.status_code} {response.reason_phrase}", "", *lines])
            self.kept[call] = Exchange(asked, told)


def _is_json(response: httpx.Response) -> bool:
    """Tell whether there is a body and it is JSON."""
    return "json" in response.headers.get("content-type", "")


def _request(request: httpx.Request) -> str:
    """Return *request* as a reader would write it."""
    lines = [f"{request.method} {request.url.raw_path.decode()}"]
    if "authorization" in request.headers:
        lines.append("Authorization: Bearer …")
    if "idempotency-key" in request.headers:
        lines.append(f"Idempotency-Key: {request.headers['idempotency-key']}")
    if request.content:
        lines += ["Content-Type: application/json", "", _pretty(request.content)]
    return "\n".join(lines)


def _answer(response: httpx.Response) -> str:
    """Return status and body of *response*."""
    first = f"{response.status_code} {response.reason_phrase}"
    if not response.content:
        return first
    text = _pretty(response.content) if _is_json(response) else response.text.strip()
    lines = text.splitlines()
    shown = [*lines[:LINES_SHOWN], "…"] if len(lines) > LINES_SHOWN else lines
    return "\n".join([first, "", *shown])


def _pretty(content: bytes) -> str:
    """Return JSON over several lines, without its secrets."""
    text = json.dumps(json.loads(content), indent=2, ensure_ascii=False)
    return LINK.sub("#token=…", SECRET.sub(r'\1\2…"', text))


@dataclass(frozen=True)
class Person:
    """Somebody in the story."""

    email: str
    password: str
    bearer: str
    refresh_token: str


def record(recorder: Recorder, operator: str) -> None:
    """Tell a story in which every call has its place."""
    recorder.ask("GET /healthz")
    recorder.ask("GET /readyz")
    recorder.ask("GET /.well-known/jwks.json")
    ada, linh = _join(recorder, "Ada Lovelace"), _join(recorder, "Nguyễn Linh")
    usd = _wallet(recorder, ada, "USD", "Household")
    other = _wallet(recorder, linh, "USD", None)
    _treasury(recorder, operator, usd)
    _transfers(recorder, ada, usd, other)
    _accounts(recorder, ada, operator, usd)
    _notifications(recorder, ada)
    _webhooks(recorder, ada, operator, usd)
    _credentials(recorder, ada)
    _farewell(recorder, linh)
    recorder.ask("GET /v1/admin/books", bearer=operator)
    recorder.ask("GET /metrics")
    recorder.ask("GET /openapi.json")
    recorder.ask("GET /docs")


def _join(recorder: Recorder, full_name: str) -> Person:
    """Sign somebody up, verify the address and sign in."""
    email = f"{full_name.rsplit(maxsplit=1)[-1].lower()}.{secrets.token_hex(3)}@example.com"
    password = f"violet {secrets.token_hex(4)} umbrella"
    wish = {"email": email, "password": password, "full_name": full_name}
    recorder.ask("POST /v1/auth/register", wish)
    token = _token(recorder, email)
    recorder.ask("POST /v1/auth/verify", {"token": token})
    session = recorder.ask("POST /v1/auth/login", {"email": email, "password": password})
    return Person(email, password, session["access_token"], session["refresh_token"])


def _token(recorder: Recorder, email: str) -> str:
    """Return the token of the newest mail."""
    mails = recorder.ask("GET /v1/dev/mailbox?email={email}", email=email)
    return str(mails["data"][0]["token"])


def _wallet(recorder: Recorder, person: Person, currency: str, name: str | None) -> str:
    """Open an account and return its id."""
    wish = {"currency": currency} | ({"name": name} if name else {})
    return str(recorder.ask("POST /v1/accounts", wish, bearer=person.bearer)["id"])


def _treasury(recorder: Recorder, operator: str, account_id: str) -> None:
    """Let money in and out."""
    money = {"account_id": account_id, "amount": "100.00", "currency": "USD", "reference": "line 7"}
    recorder.ask("POST /v1/deposits", money, bearer=operator, key=_key("deposit"))
    back = {**money, "amount": "20.00"}
    recorder.ask("POST /v1/withdrawals", back, bearer=operator, key=_key("withdrawal"))


def _transfers(recorder: Recorder, ada: Person, source: str, destination: str) -> None:
    """Move money, once and many times."""
    wish = {
        "source_account_id": source,
        "destination_account_id": destination,
        "amount": "10.50",
        "currency": "USD",
        "description": "Lunch",
        "metadata": {"order": "1234"},
    }
    moved = recorder.ask("POST /v1/transfers", wish, bearer=ada.bearer, key=_key("order"))
    recorder.ask("GET /v1/transfers?limit=1", bearer=ada.bearer)
    one = "GET /v1/transfers/{transfer_id}"
    recorder.ask(one, bearer=ada.bearer, transfer_id=str(moved["id"]))
    del wish["metadata"]
    too_much = {"idempotency_key": _key("order"), **wish, "amount": "1000.00"}
    items = [{"idempotency_key": _key("order"), **wish}, too_much]
    bulk = {"mode": "independent", "transfers": items}
    recorder.ask("POST /v1/transfers/bulk", bulk, bearer=ada.bearer)


def _accounts(recorder: Recorder, ada: Person, operator: str, account_id: str) -> None:
    """Look at accounts, and change them."""
    account = "/v1/accounts/{account_id}"
    recorder.ask("GET /v1/accounts?limit=1", bearer=ada.bearer)
    recorder.ask(f"GET {account}", bearer=ada.bearer, account_id=account_id)
    recorder.ask(f"PATCH {account}", {"name": "Rent"}, bearer=ada.bearer, account_id=account_id)
    recorder.ask(f"GET {account}/entries?limit=1", bearer=ada.bearer, account_id=account_id)
    recorder.ask(f"GET {account}/balance", bearer=ada.bearer, account_id=account_id)
    why = {"reason": "Asked by its owner."}
    recorder.ask(f"POST {account}/freeze", why, bearer=operator, account_id=account_id)
    recorder.ask(f"POST {account}/unfreeze", why, bearer=operator, account_id=account_id)
    empty = _wallet(recorder, ada, "VND", None)
    recorder.ask(f"POST {account}/close", bearer=ada.bearer, account_id=empty)


def _notifications(recorder: Recorder, ada: Person) -> None:
    """Hear of it, and choose how to hear of more."""
    one, before = _last_two_told(recorder, ada)
    recorder.ask("GET /v1/notifications?limit=1", bearer=ada.bearer)
    recorder.listen("GET /v1/notifications/stream", bearer=ada.bearer, last_id=before)
    read = "POST /v1/notifications/{notification_id}/read"
    recorder.ask(read, bearer=ada.bearer, notification_id=one)
    recorder.ask("POST /v1/notifications/read-all", bearer=ada.bearer)
    recorder.ask("GET /v1/notifications/novu", bearer=ada.bearer)
    preferences = "/v1/notifications/preferences"
    recorder.ask(f"GET {preferences}", bearer=ada.bearer)
    recorder.ask(f"PATCH {preferences}", {"transfer.sent": {"email": True}}, bearer=ada.bearer)


def _last_two_told(recorder: Recorder, person: Person) -> tuple[str, str]:
    """Return the ids of the newest two notifications, once there are so many.

    Raises:
        StartFailure: If nobody is told anything.
    """
    for _ in range(TOLD_SECONDS_MAX):
        bearer = {"Authorization": f"Bearer {person.bearer}"}
        told = recorder.http.get("/v1/notifications", headers=bearer).json()["data"]
        if len(told) > 1:
            return told[0]["id"], told[1]["id"]
        time.sleep(1)
    raise StartFailure("Nobody is told of anything; does the notifier run?")


def _webhooks(recorder: Recorder, ada: Person, operator: str, account_id: str) -> None:
    """Let a server hear of it as well."""
    ask, bearer, one = recorder.ask, ada.bearer, "/v1/webhooks/{webhook_id}"
    wish = {"url": "https://shop.example.com/hooks", "event_types": ["deposit.posted"]}
    webhook_id = str(ask("POST /v1/webhooks", wish, bearer=bearer)["id"])
    ask("GET /v1/webhooks?limit=1", bearer=bearer)
    ask(f"GET {one}", bearer=bearer, webhook_id=webhook_id)
    change = {"event_types": ["transfer.posted", "deposit.posted"]}
    ask(f"PATCH {one}", change, bearer=bearer, webhook_id=webhook_id)
    money = {"account_id": account_id, "amount": "5.00", "currency": "USD", "reference": "line 8"}
    ask("POST /v1/deposits", money, bearer=operator, key=_key("deposit"))
    ids = {"webhook_id": webhook_id, "delivery_id": _first_delivery(recorder, ada, webhook_id)}
    ask(f"GET {one}/deliveries?limit=1", bearer=bearer, webhook_id=webhook_id)
    ask(f"POST {one}/deliveries/{{delivery_id}}/replay", bearer=bearer, **ids)
    ask(f"DELETE {one}", bearer=bearer, webhook_id=webhook_id)


def _first_delivery(recorder: Recorder, person: Person, webhook_id: str) -> str:
    """Return the id of the first delivery to a webhook, once there is one.

    Raises:
        StartFailure: If there is none for long.
    """
    headers = {"Authorization": f"Bearer {person.bearer}"}
    for _ in range(TOLD_SECONDS_MAX):
        path = f"/v1/webhooks/{webhook_id}/deliveries"
        sent = recorder.http.get(path, headers=headers).json()["data"]
        if sent:
            return str(sent[0]["id"])
        time.sleep(1)
    raise StartFailure("No webhook is told of anything; does the consumer of webhooks run?")


def _credentials(recorder: Recorder, ada: Person) -> None:
    """Use everything that concerns profile, keys, session and password."""
    me = "/v1/users/me"
    recorder.ask(f"GET {me}", bearer=ada.bearer)
    recorder.ask(f"PATCH {me}", {"full_name": "Ada King"}, bearer=ada.bearer)
    wish = {"name": "bookkeeping", "scopes": ["accounts:read", "transfers:read"]}
    made = recorder.ask("POST /v1/api-keys", wish, bearer=ada.bearer)
    recorder.ask("GET /v1/api-keys", bearer=ada.bearer)
    recorder.ask("DELETE /v1/api-keys/{api_key_id}", bearer=ada.bearer, api_key_id=str(made["id"]))
    new = f"copper {secrets.token_hex(4)} lantern"
    change = {"current_password": ada.password, "new_password": new}
    recorder.ask("POST /v1/auth/password", change, bearer=ada.bearer)
    recorder.ask("POST /v1/auth/refresh", {"refresh_token": ada.refresh_token})
    recorder.ask("POST /v1/auth/password/forgot", {"email": ada.email})
    reset = {"token": _token(recorder, ada.email), "new_password": f"{new} again"}
    recorder.ask("POST /v1/auth/password/reset", reset)


def _farewell(recorder: Recorder, linh: Person) -> None:
    """Leave: the session, then the platform."""
    recorder.ask("POST /v1/auth/logout", bearer=linh.bearer)
    leaver = _join(recorder, "Grace Hopper")
    recorder.ask("DELETE /v1/users/me", {"password": leaver.password}, bearer=leaver.bearer)


def _key(purpose: str) -> str:
    """Return a new idempotency key."""
    return f"{purpose}-{secrets.token_hex(4)}"


def page(document: Mapping[str, Any], kept: Mapping[str, Exchange]) -> Iterator[str]:
    """Yield the lines of the page: every operation of the OpenAPI *document* by its tag."""
    yield from HEAD
    for tag in document["tags"]:
        yield f"\n## {tag['name']}"
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if tag["name"] in operation["tags"]:
                    yield from _section(f"{method.upper()} {path}", operation, kept)


def _section(
    name: str, operation: Mapping[str, Any], kept: Mapping[str, Exchange]
) -> Iterator[str]:
    """Yield the lines about one call."""
    exchange = kept[name]
    yield f"\n### {name}\n"
    yield f"{operation['summary']}."
    yield from re.split(r"(?<=[.]) (?=[A-Z])", operation["description"])
    parameters = [one for one in operation["parameters"] if one["in"] != "path"]
    if parameters:
        yield f"Takes {', '.join(_parameter(one) for one in parameters)}."
    yield f"\n```http\n{exchange.request}\n```\n\n```http\n{exchange.answer}\n```"


def _parameter(parameter: Mapping[str, Any]) -> str:
    """Return a parameter's name, and whether it must be there."""
    header = "the header " if parameter["in"] == "header" else ""
    optional = "" if parameter["required"] else " (optional)"
    if "dry run" in parameter.get("description", ""):
        optional = " (not for a dry run)"
    return f"{header}`{parameter['name']}`{optional}"


def main() -> None:
    """Record the platform that runs on the data folder.

    Raises:
        StartFailure: If none does.
    """
    settings = load_settings()
    running = find_running(settings.data_dir)
    if running is None:
        raise StartFailure(f"No platform runs on the data folder {settings.data_dir}.")
    # So that there is a verification to show.
    save(running.owner_dsn, verify(running.owner_dsn, progress=lambda *_: None))
    operator = create_key(with_postgres(settings, running.owner_dsn), OPERATOR_SCOPES, "record")
    recorder = Recorder(httpx.Client(base_url=running.url, timeout=30))
    record(recorder, operator)
    document = recorder.http.get("/openapi.json").json()
    PAGE.write_text("\n".join(page(document, recorder.kept)) + "\n", encoding="utf-8")
    print("docs/reference/api.md")


if __name__ == "__main__":
    main()
