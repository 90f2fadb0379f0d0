"""Money as each language writes it; the expected texts are CLDR's."""

from __future__ import annotations

import pytest

from actors.currencies import currencies
from actors.domain.errors import CurrencyUnknown
from actors.domain.money import AMOUNT_MINOR_MAX, format_amount
from actors.notifier.amounts import written
from actors.notifier.wording import LANGUAGES


@pytest.mark.parametrize(
    ("amount_minor", "currency", "english", "vietnamese"),
    [
        (1050, "USD", "$10.50", "10,50\xa0US$"),
        (150_000, "VND", "₫150,000", "150.000\xa0₫"),
        (123_456_750, "EUR", "€1,234,567.50", "1.234.567,50\xa0€"),
        (1, "USD", "$0.01", "0,01\xa0US$"),
        (1_234_568, "JPY", "¥1,234,568", "1.234.568\xa0¥"),
        (1_500, "KWD", "KWD\xa01.500", "1,500\xa0KWD"),
        (12_345, "IQD", "IQD\xa012.345", "12,345\xa0IQD"),
        (100, "PHP", "₱1.00", "1,00\xa0PHP"),
        (100, "THB", "THB\xa01.00", "1,00\xa0฿"),
        (10**15, "CLP", "CLP\xa01,000,000,000,000,000", "1.000.000.000.000.000\xa0CLP"),
    ],
)
def test_money_is_written_the_way_the_language_does(amount_minor, currency, english, vietnamese):
    assert written(amount_minor, currency, "en") == english
    assert written(amount_minor, currency, "vi") == vietnamese


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("amount_minor", [1, 10, 999, 1_000, 123_456_789, AMOUNT_MINOR_MAX])
def test_no_digit_is_lost_in_any_currency(language, amount_minor):
    for code, currency in currencies().items():
        digits = [each for each in written(amount_minor, code, language) if each.isdigit()]

        assert "".join(digits) == format_amount(amount_minor, currency.decimals).replace(".", "")


def test_an_unknown_currency_is_an_error():
    with pytest.raises(CurrencyUnknown):
        written(1, "XXX", "en")
