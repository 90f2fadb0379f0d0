"""Money as each language writes it, from whole minor units.

The forms are those of Unicode's CLDR 48. Babel, which carries them for Python, is not used: it
takes decimals from CLDR, which has none for currencies whose minor unit is out of use (Iraq's
dinar has three by ISO 4217), so that parts of an amount would vanish; and it weighs 31 MB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from actors.currencies import currency as currency_of
from actors.domain.money import format_amount

NO_BREAK: Final = "\N{NO-BREAK SPACE}"

_SHARED: Final = {
    "BRL": "R$",
    "CAD": "CA$",
    "CNY": "CN\N{YEN SIGN}",
    "EUR": "\N{EURO SIGN}",
    "GBP": "\N{POUND SIGN}",
    "HKD": "HK$",
    "ILS": "\N{NEW SHEQEL SIGN}",
    "INR": "\N{INDIAN RUPEE SIGN}",
    "JPY": "\N{YEN SIGN}",
    "KRW": "\N{WON SIGN}",
    "MXN": "MX$",
    "NZD": "NZ$",
    "TWD": "NT$",
    "VND": "\N{DONG SIGN}",
    "XCD": "EC$",
}


@dataclass(frozen=True, slots=True)
class _Form:
    """How a language writes money.

    Attributes:
        symbols: By currency; others are written by their code.
        symbol_first: Whether the symbol stands before the number.
    """

    group: str
    decimal: str
    symbols: Mapping[str, str]
    symbol_first: bool


_FORMS: Final[Mapping[str, _Form]] = MappingProxyType(
    {
        "en": _Form(
            group=",",
            decimal=".",
            symbols={**_SHARED, "AUD": "A$", "PHP": "\N{PESO SIGN}", "USD": "$"},
            symbol_first=True,
        ),
        "vi": _Form(
            group=".",
            decimal=",",
            symbols={
                **_SHARED,
                "AUD": "AU$",
                "THB": "\N{THAI CURRENCY SYMBOL BAHT}",
                "USD": "US$",
            },
            symbol_first=False,
        ),
    }
)


def written(amount_minor: int, currency: str, language: str) -> str:
    """Return an amount above zero as *language* writes it: ``$10.50``, ``10,50 US$``.

    Raises:
        CurrencyUnknown: If there is no such currency.
        KeyError: If there is no such language.
    """
    form = _FORMS[language]
    whole, _, fraction = format_amount(amount_minor, currency_of(currency).decimals).partition(".")
    number = f"{int(whole):,}".replace(",", form.group)
    if fraction:
        number += form.decimal + fraction
    symbol = form.symbols.get(currency)
    if not form.symbol_first:
        return f"{number}{NO_BREAK}{symbol or currency}"
    return f"{symbol}{number}" if symbol else f"{currency}{NO_BREAK}{number}"
