"""Which passwords are refused, and why (NIST SP 800-63B-4 §3.1.1; no composition rules)."""

from __future__ import annotations

import itertools
import string
import unicodedata
from functools import cache
from typing import Final

from zxcvbn.frequency_lists import FREQUENCY_LISTS

from actors.domain.errors_identity import FieldInvalid

MIN_CHARACTERS: Final = 15
"""NIST's minimum when the password is the only factor."""

MAX_BYTES: Final = 1024
"""Bounds the work of the checks; far above any passphrase."""

CONTEXT_MIN_CHARACTERS: Final = 5
"""Shorter names occur inside too many innocent words."""

_TWO_WORDS_MIN_CHARACTERS: Final = 3
_ROWS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890", "qwertzuiop", "azertyuiop")
_NEIGHBOURS: Final = frozenset(
    pair for row in _ROWS for a, b in itertools.pairwise(row) for pair in (a + b, b + a)
)
_LEET: Final = str.maketrans("4@83610!5$7+2", "aabegiioisstz")
_DECORATION: Final = string.digits + string.punctuation + string.whitespace


def check_password(password: str, *, field: str, email: str, full_name: str) -> None:
    """Pass if *password* may be used by the person of *email* and *full_name*.

    Raises:
        FieldInvalid: If not; the reason never repeats the password.
    """
    reason = _size(password) or _weakness(password) or _context(password, email, full_name)
    if reason:
        raise FieldInvalid(field, reason)


def _size(password: str) -> str | None:
    if len(password) < MIN_CHARACTERS:
        return f"too short: at least {MIN_CHARACTERS} characters"
    if len(password.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        return f"too long: at most {MAX_BYTES} bytes"
    if any("\ud800" <= character <= "\udfff" for character in password):
        return "not text: a lone surrogate"
    return None


def _weakness(password: str) -> str | None:
    folded = password.casefold()
    if _is_common(folded):
        return "too common: it is among the passwords that are tried first"
    if _is_repetitive(folded):
        return "too simple: a repeated pattern"
    if _is_sequential(folded):
        return "too simple: a sequence of neighbouring characters"
    return None


def _context(password: str, email: str, full_name: str) -> str | None:
    bare = _bare(password)
    local = email.rpartition("@")[0]
    words = [_bare(word) for word in full_name.split()]
    for word in (_bare(email), _bare(local), _bare(full_name), *words, "gopherpay"):
        if len(word) >= CONTEXT_MIN_CHARACTERS and word in bare:
            return "too easy to guess: it contains your address, your name or ours"
    return None


@cache
def _common() -> frozenset[str]:
    """Return the frequency list of leaked passwords, 30,000 of them, read on first use."""
    return frozenset(FREQUENCY_LISTS["passwords"])


def _is_common(folded: str) -> bool:
    """Tell whether a leaked password, decorated or doubled, is most of *folded*."""
    core = folded.strip(_DECORATION)
    plain = core.translate(_LEET)
    mostly = 2 * len(core) >= len(folded)
    return (
        folded in _common()
        or (mostly and (core in _common() or plain in _common()))
        or _are_two_common(folded)
    )


def _are_two_common(folded: str) -> bool:
    cuts = range(_TWO_WORDS_MIN_CHARACTERS, len(folded) - _TWO_WORDS_MIN_CHARACTERS + 1)
    return any(folded[:cut] in _common() and folded[cut:] in _common() for cut in cuts)


def _is_repetitive(folded: str) -> bool:
    """Tell whether *folded* is one unit over and over, or made of hardly any characters."""
    few = len(set(folded)) * 4 <= min(len(folded), MIN_CHARACTERS + 1)
    periods = range(1, len(folded) // 2 + 1)
    return few or any(folded[period:] == folded[:-period] for period in periods)


def _is_sequential(folded: str) -> bool:
    """Tell whether at most a third of the characters do not follow from the one before."""
    steps = itertools.pairwise(folded)
    surprises = 1 + sum(not _follows(before, after) for before, after in steps)
    return 3 * surprises <= len(folded)


def _follows(before: str, after: str) -> bool:
    return abs(ord(before) - ord(after)) <= 1 or before + after in _NEIGHBOURS


def _bare(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(character for character in folded if character.isalnum())
