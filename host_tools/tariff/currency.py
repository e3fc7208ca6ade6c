"""Amounts of money as the feed writes them: decimals in, whole minor units out, never floats.

How many decimals a currency has is ISO 4217, from the package `iso4217`.
"""

import re
from decimal import Decimal
from typing import NamedTuple

from iso4217 import Currency as Iso4217

_AMOUNT = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")


class Currency(NamedTuple):
    code: str
    exponent: int


class NotAnAmount(ValueError):
    """Says in one line what to write instead."""


def currency_of(code: str) -> Currency | None:
    """The currency by its alphabetical code; None if there is none or it has no minor units."""
    try:
        exponent = Iso4217(code).exponent
    except ValueError:
        return None
    return None if exponent is None else Currency(code, exponent)


def parse_amount(text: str, currency: Currency) -> int:
    """Minor units of an amount with exactly the currency's decimals; NotAnAmount otherwise."""
    if not _AMOUNT.fullmatch(text):
        raise NotAnAmount(f"write an amount as {format_amount(123_400, currency)}")
    amount = Decimal(text)
    decimals = -int(amount.as_tuple().exponent)
    if decimals != currency.exponent:
        raise NotAnAmount(
            f"{currency.code} has {currency.exponent} decimals, not {decimals}:"
            f" write it like {format_amount(123_400, currency)}"
        )
    return int(amount.scaleb(currency.exponent))


def format_amount(minor: int, currency: Currency) -> str:
    """Minor units as the feed writes them, without the code."""
    return str(Decimal(minor).scaleb(-currency.exponent))
