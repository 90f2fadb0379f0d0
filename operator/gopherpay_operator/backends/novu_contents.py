"""What layouts and workflows have in common: Novu may make something else of what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gopherpay_operator.plans.novu import Hashes, hashed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gopherpay_operator.plans.novu import Document, NovuLayout, NovuWorkflow

ISSUES_MAX: Final = 32
ISSUE_LENGTH_MAX: Final = 300


class Echoes:
    """What Novu made of what was written last, for as long as no status says it.

    It adds defaults that no document names and may tidy texts. Without this, such a thing would be
    written again at every look.
    """

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._heard: dict[str, Hashes] = {}

    def hear(self, name: str, sent: Document, live: Document) -> None:
        """Remember what became of *sent*."""
        self._heard[name] = Hashes(hashed(sent), hashed(live))

    def understood(self, wish: NovuLayout | NovuWorkflow, live: Document) -> Document:
        """Return what *live* stands for: what is wanted, if that is what became of it."""
        both = Hashes(hashed(wish.document), hashed(live))
        return wish.document if both in {self._heard.get(wish.name), wish.believed} else live


def complaints(issues: object, where: str = "") -> Iterator[str]:
    """Return the messages in Novu's tree of *issues*, each with its place."""
    if isinstance(issues, list):
        for each in issues:
            yield from complaints(each, where)
    elif isinstance(issues, dict) and isinstance(issues.get("message"), str):
        yield f"{where}: {issues['message']}"[:ISSUE_LENGTH_MAX]
    elif isinstance(issues, dict):
        for name, each in issues.items():
            yield from complaints(each, f"{where}.{name}" if where else str(name))
