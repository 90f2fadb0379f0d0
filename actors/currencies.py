"""All currencies of ISO 4217 that have minor units, from a kept table."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import iso4217

from actors.domain.errors import CurrencyUnknown
from actors.domain.money import Currency

if TYPE_CHECKING:
    from collections.abc import Mapping


@cache
def currencies() -> Mapping[str, Currency]:
    """Return every currency by its upper-case code; metals and test codes have no minor unit."""
    return {
        entry.code: Currency(entry.code, entry.exponent)
        for entry in iso4217.Currency
        if entry.exponent is not None
    }


def currency(code: str) -> Currency:
    """Return the currency of *code*.

    Raises:
        CurrencyUnknown: If ISO 4217 has no such upper-case code with minor units.
    """
    try:
        return currencies()[code]
    except KeyError:
        raise CurrencyUnknown from None
