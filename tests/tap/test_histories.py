"""Random mornings: cards, passengers and books agree; `make bench` lives through many more."""

import pytest

from tests.tap.histories import harm_of

MORNINGS = 240
AT_ONCE = 40


@pytest.mark.parametrize("first", range(0, MORNINGS, AT_ONCE))
def test_cards_passengers_and_books_agree(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        harm = harm_of(seed)
        assert harm is None, f"seed {seed}: {harm}"
