"""What may have been meant by a word that is none of those known."""

import difflib
from collections.abc import Iterable

_LISTED_MAX = 12


def did_you_mean(
    word: str, known: Iterable[str], own: tuple[str, ...] = (), only_close: bool = False
) -> str:
    """The end of a line of complaint: the close one, else those known but for `own`; or nothing.

    `only_close`: the line names those known already.
    """
    names = [name for name in known if name not in own]
    close = difflib.get_close_matches(word, names, 1, 0.6)
    if close:
        return f'; did you mean "{close[0]}"?'
    if only_close or not names:
        return ""
    more = f" and {len(names) - _LISTED_MAX} more" if len(names) > _LISTED_MAX else ""
    return f"; known: {', '.join(names[:_LISTED_MAX])}{more}"
