"""The generated pages of docs/reference: what the settings and the errors are, from the source."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args, get_origin

from pydantic import SecretStr
from pydantic_core import PydanticUndefined

from actors.domain import errors, errors_identity, errors_notifications
from actors.settings import PREFIX, Settings
from serve_app.cli.options import load_settings
from serve_app.http import errors as errors_http
from serve_app.http.problems import document, status_of, title_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pydantic.fields import FieldInfo

FOLDER: Final = Path(__file__).parents[2] / "docs" / "reference"
GENERATED: Final = "<!-- Made by scripts/docs; a test says when it is stale. -->"

NOT_CONSTANT: Final = {"data_dir": "[by the account](../operating/start.md#where-things-are)"}
"""Defaults that depend on who starts it, and where that is said."""

ADVICE: Final[Mapping[str, str]] = {
    "account-closed": "Choose another account; a closed one stays closed.",
    "account-frozen": "Ask an operator; credits still pass.",
    "account-not-empty": "Move what is left elsewhere, then close it.",
    "accounts-not-empty": "Empty every account, then close the user.",
    "amount-invalid": (
        "Send a string such as `10.50`, above zero, within the currency's decimals and "
        "10^15 minor units."
    ),
    "balance-overflow": "Use several accounts; a balance has 64 bits.",
    "body-too-large": "Send less; `limit_bytes` says how much fits.",
    "body-too-slow": "Send the whole body within ten seconds.",
    "bulk-aborted": "Mend the items that have another code, and send all again.",
    "content-type-unsupported": "Send `Content-Type: application/json` and no `Content-Encoding`.",
    "currency-mismatch": "Both accounts and the command need one currency.",
    "currency-unknown": "Send an upper-case ISO 4217 code.",
    "cursor-invalid": (
        "Send it as it came, to the same list with the same filters, or begin without one."
    ),
    "destination-unknown": "Check the id; the account may be closed.",
    "forbidden-action": "Use a session, or ask for less than your role reaches.",
    "headers-too-large": "Send fewer or shorter headers; a query string counts too.",
    "idempotency-key-in-progress": "Wait for `Retry-After` and repeat.",
    "idempotency-key-invalid": "Send one header of 1 to 255 visible ASCII characters.",
    "idempotency-key-missing": (
        "Make a key that you can make again after a lost answer, and send it."
    ),
    "idempotency-key-reused": (
        "Use a new key for a new command; `transfer_id` or `account_id` names what this "
        "one has made."
    ),
    "insufficient-funds": (
        "Send less, or bring money in; then use a new key, since this answer is kept."
    ),
    "insufficient-scope": "Use a credential with the scope that is named.",
    "internal": "Report the `request_id`.",
    "json-malformed": "Send one JSON text in UTF-8: no key twice, no `NaN`, at most 32 levels.",
    "method-not-allowed": "`Allow` lists the methods.",
    "not-found": "Check the path and the id; another's object is the same answer.",
    "not-ready": "Wait; `failing` names what is missing.",
    "outcome-unknown": "Repeat with the same key; the answer tells.",
    "overloaded": "Nothing was done: wait for `Retry-After`, then repeat with the same key.",
    "password-wrong": "Send the present password.",
    "preference-locked": "Leave it on: it tells you when somebody else acts in your name.",
    "rate-limited": "Wait for `Retry-After`.",
    "same-account": "Name two accounts.",
    "token-invalid": "Ask for a new mail.",
    "unauthenticated": "Refresh the token, or sign in; a key may have been deleted.",
    "user-unknown": "Only the command line says this: the user must have verified the address.",
    "validation-failed": "`errors` names each wrong field and the rule it breaks.",
    "webhook-disabled": "Set its `status` to `active`, then replay.",
    "webhooks-too-many": "Delete one; a webhook can also hear several types of events.",
}
"""What to do, by code; a code without advice is not finished."""


def settings_page() -> str:
    """Return the page of all settings."""
    told, options = _docstrings(), inspect.signature(load_settings).parameters
    lines = [
        "# Settings",
        "",
        GENERATED,
        "",
        "Each setting is a variable; those with an option can be given at the command line too.",
        "An option wins over a variable, a variable over the default.",
        "A bad value ends the start with one sentence that names the variable.",
        "`gopherpay config` prints what is in effect, with secrets masked.",
    ]
    for name, info in Settings.model_fields.items():
        option = f" · option `--{name.replace('_', '-')}`" if name in options else ""
        lines += [
            "",
            f"## {PREFIX}{name.upper()}",
            "",
            told[name],
            "",
            f"{_kind(info)} · {_default(name, info)}{option}",
        ]
    return "\n".join(lines) + "\n"


def _docstrings() -> dict[str, str]:
    """Return the sentence below each field of the settings."""
    (cls,) = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(cls, ast.ClassDef)  # noqa: S101  it is the source of one
    told = {}
    for field, text in zip(cls.body, cls.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            assert isinstance(field.target, ast.Name)  # noqa: S101  fields are plain names
            told[field.target.id] = inspect.cleandoc(ast.literal_eval(text.value)).replace(
                "``", "`"
            )
    return told


def _kind(info: FieldInfo) -> str:
    """Return in words what values there are."""
    kind, limits = _plain(info.annotation)
    limits += info.metadata
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(f"`{value}`" for value in get_args(kind))
    words = {
        bool: "`true` or `false`",
        int: "a whole number",
        float: "a number",
        Path: "a path",
        SecretStr: "a secret text",
        str: "a text",
    }
    return " ".join([words[kind], *_bounds(limits)])


def _plain(annotation: Any) -> tuple[Any, list[Any]]:  # noqa: ANN401  a type expression
    """Return the type without its ``None`` and its limits, and the limits."""
    limits: list[Any] = []
    while get_args(annotation) and get_origin(annotation) is not Literal:
        if get_origin(annotation) is Annotated:
            limits += annotation.__metadata__
            annotation = annotation.__origin__
        else:
            (annotation,) = (arg for arg in get_args(annotation) if arg is not NoneType)
    return annotation, limits


def _bounds(limits: list[Any]) -> Iterator[str]:
    """Yield each limit in words."""
    words = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
    for limit in limits:
        for part in getattr(limit, "metadata", [limit]):
            for name, word in words.items():
                if hasattr(part, name):
                    yield f"{word} {getattr(part, name):,}"


def _default(name: str, info: FieldInfo) -> str:
    """Return in words what holds when nothing is given."""
    if name in NOT_CONSTANT:
        return f"default {NOT_CONSTANT[name]}"
    if info.default is None or info.default is PydanticUndefined:
        return "no default"
    return f"default `{info.default}`"


def errors_page() -> str:
    """Return the page of all problems, by status."""
    lines = [
        "# Errors",
        "",
        GENERATED,
        "",
        "Every error is a problem document (RFC 9457), `application/problem+json`:",
        "`type`, `title`, `status`, `detail`, `code`, `retryable`, `request_id`,",
        "and the members named below.",
        "`code` is stable; `type` is `https://gopherpay.dev/problems/` and the code.",
        "`retryable` says whether the same request may succeed later.",
        "",
        "```json",
        _example(),
        "```",
    ]
    status = 0
    for code, kinds in sorted(_by_code().items(), key=lambda pair: (_status(pair[1]), pair[0])):
        if _status(kinds) != status:
            status = _status(kinds)
            lines += ["", f"## {status} {status_of(kinds[0]).phrase}"]
        lines += ["", f"### {code}", "", *_described(code, kinds)]
    return "\n".join(lines) + "\n"


def _status(kinds: list[type[errors.GopherPayError]]) -> int:
    """Return the status of a code, which all its kinds share."""
    (status,) = {status_of(kind).value for kind in kinds}
    return status


def _described(code: str, kinds: list[type[errors.GopherPayError]]) -> Iterator[str]:
    """Yield the lines about one code."""
    yield from dict.fromkeys(title_of(kind) for kind in kinds)
    yield ADVICE[code]
    facts = [_document(kind) for kind in kinds]
    members = dict.fromkeys(name for told in facts for name in told if name not in BASE)
    yield ""
    if members:
        yield f"Members: {', '.join(f'`{name}`' for name in members)}."
    yield "Retryable." if any(told["retryable"] for told in facts) else "Not retryable."


def _by_code() -> dict[str, list[type[errors.GopherPayError]]]:
    """Return the errors that a client can be told, by their code."""
    found: dict[str, list[type[errors.GopherPayError]]] = {}
    for kind in _kinds():
        if "code" in vars(kind):
            found.setdefault(kind.code, []).append(kind)
    return found


def _kinds() -> Iterator[type[errors.GopherPayError]]:
    """Yield every error that a module of ours defines."""
    for module in (errors, errors_identity, errors_notifications, errors_http):
        for kind in vars(module).values():
            ours = isinstance(kind, type) and issubclass(kind, errors.GopherPayError)
            if ours and kind.__module__ == module.__name__:
                yield kind


def _document(kind: type[errors.GopherPayError]) -> dict[str, Any]:
    """Return the problem document of *kind*, with facts made up."""
    return document(kind(*(_fact(field.name) for field in fields(kind))), "0f3c")


def _fact(name: str) -> object:
    """Return a fact of that name."""
    known: dict[str, object] = {
        "currency": "USD",
        "errors": (),
        "object_id": "01890a5d-ac96-774b-bcce-b302099a8057",
        "object_kind": "transfer",
    }
    return known.get(name, 1050 if re.search("_(minor|seconds|bytes)$", name) else "text")


BASE: Final = frozenset(_document(errors.NotFound))
"""What every problem has."""


def _example() -> str:
    """Return one document as text."""
    told = _document(errors.InsufficientFunds)
    return "{\n" + ",\n".join(f'  "{name}": {_json(fact)}' for name, fact in told.items()) + "\n}"


def _json(fact: object) -> str:
    """Return a plain value as JSON."""
    return str(fact).lower() if isinstance(fact, bool | int) else f'"{fact}"'


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "errors.md": errors_page,
    "settings.md": settings_page,
}


def main() -> None:
    """Write the pages."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
        print(f"docs/reference/{name}")


if __name__ == "__main__":
    main()
