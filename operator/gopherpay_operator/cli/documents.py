"""Resources in a file of YAML, checked as far as that needs no cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import yaml
from pydantic import ValidationError

from gopherpay_operator.resources.block import Block
from gopherpay_operator.resources.catalogue import KINDS
from gopherpay_operator.resources.policies import GROUP

if TYPE_CHECKING:
    from collections.abc import Iterable


MISTAKES_MAX: Final = 10


class Unreadable(Exception):
    """A file does not say what it should; the message says where."""


@dataclass(frozen=True, slots=True)
class Document:
    """One resource of ours."""

    kind: str
    namespace: str
    name: str
    annotations: dict[str, str]
    spec: Block


def read(text: str) -> list[Document]:
    """Return the resources of our group in *text*; other kinds are not ours to plan.

    Raises:
        Unreadable: If it is no YAML, or a resource of ours is not as its kind demands.
    """
    try:
        parsed = list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        raise Unreadable(f"The file is no YAML: {' '.join(str(error).split())}.") from None
    return [_document(each) for each in _flat(parsed) if _is_ours(each)]


def _flat(parsed: Iterable[object]) -> Iterable[dict[str, Any]]:
    """Return the resources, also those inside a ``List``."""
    for each in parsed:
        if isinstance(each, dict) and each.get("kind") == "List":
            yield from _flat(each.get("items") or [])
        elif isinstance(each, dict):
            yield each


def _is_ours(document: dict[str, Any]) -> bool:
    return str(document.get("apiVersion", "")).startswith(f"{GROUP}/")


def _document(document: dict[str, Any]) -> Document:
    kind, metadata = str(document.get("kind")), document.get("metadata") or {}
    name = metadata.get("name")
    if kind not in KINDS or not isinstance(name, str):
        raise Unreadable(f"{kind} '{name}' is no resource of ours: its kind or its name is wrong.")
    try:
        spec = KINDS[kind].spec.model_validate(document.get("spec") or {})
    except ValidationError as error:
        raise Unreadable(f"{kind} '{name}' is wrong: {_mistakes(error)}.") from None
    return Document(
        kind=kind,
        namespace=metadata.get("namespace") or "default",
        name=name,
        annotations=metadata.get("annotations") or {},
        spec=spec,
    )


def _mistakes(error: ValidationError) -> str:
    """Return what is wrong and where, without the values, which may be secrets."""
    return "; ".join(
        f"spec.{'.'.join(str(part) for part in each['loc'])}: {each['msg']}"
        for each in error.errors(include_input=False)[:MISTAKES_MAX]
    )
