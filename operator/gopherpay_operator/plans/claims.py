"""The record of who owns a database or a role: one line of its comment, beside people's own."""

from __future__ import annotations

from typing import Final

MARK: Final = "gopherpay.dev/owner="


def claim_of(comment: str | None) -> str | None:
    """Return who claims in *comment* to be the owner; the first, should there be several."""
    lines = [line for line in (comment or "").split("\n") if line.startswith(MARK)]
    return lines[0].removeprefix(MARK) if lines else None


def with_claim(comment: str | None, claim: str) -> str:
    """Return *comment* with *claim* as its only claim; what people wrote stays.

    Raises:
        ValueError: If *claim* is empty or more than a line.
    """
    if not claim or "\n" in claim:
        raise ValueError(f"A claim is one line, not {claim!r}.")
    kept = without_claim(comment)
    return f"{kept}\n{MARK}{claim}" if kept else f"{MARK}{claim}"


def without_claim(comment: str | None) -> str | None:
    """Return *comment* without any claim; ``None`` when nothing is left."""
    lines = [line for line in (comment or "").split("\n") if not line.startswith(MARK)]
    return "\n".join(lines) or None
