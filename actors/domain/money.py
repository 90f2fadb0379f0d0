"""Amounts of money: whole minor units in 64 bits, and their text form."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from actors.domain.errors import AmountInvalid

AMOUNT_MINOR_MAX: Final = 10**15
"""The most that one movement may carry: keeps a thousand of them far inside 64 bits."""

BALANCE_MINOR_MAX: Final = 2**63 - 1
BALANCE_MINOR_MIN: Final = -(2**63 - 1)

_AMOUNT: Final = re.compile(r"(0|[1-9][0-9]{0,15})(?:\.([0-9]{1,8}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Currency:
    """An ISO 4217 currency.

    Attributes:
        code: Three upper-case letters.
        decimals: How many decimals its minor unit has (USD 2, VND 0, KWD 3).
    """

    code: str
    decimals: int


def parse_amount(text: str, currency: Currency) -> int:
    """Return the minor units that *text* means in *currency*.

    The grammar is ``(0|[1-9][0-9]*)(.[0-9]{1,d})?`` with d the currency's decimals.

    Raises:
        AmountInvalid: If the grammar, the sign or the limit is not kept.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise AmountInvalid
    whole, fraction = match[1], match[2] or ""
    if len(fraction) > currency.decimals:
        raise AmountInvalid
    minor = int(whole + fraction.ljust(currency.decimals, "0"))
    if not 0 < minor <= AMOUNT_MINOR_MAX:
        raise AmountInvalid
    return minor


def format_amount(minor: int, decimals: int) -> str:
    """Return *minor* as a decimal text with exactly *decimals* decimals."""
    if decimals == 0:
        return str(minor)
    digits = str(abs(minor)).rjust(decimals + 1, "0")
    sign = "-" if minor < 0 else ""
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"
