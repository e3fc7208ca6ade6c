"""How far long work is, on stderr and only where a person looks at it.

What is printed on stdout meanwhile stays there: nothing is redirected. So a spinner is ended
before anything is printed to the same terminal (`while_waiting` does that), and a bar is for work
that prints nothing.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def watched() -> bool:
    """Does a person look at stderr?"""
    return sys.stderr.isatty()


@contextmanager
def counting(what: str, total: int | None = None) -> Iterator[Callable[..., None]]:
    """A bar; call it with how much is done and, once that is known, how much there is to do."""
    if not watched():
        yield lambda done, total=None: None
        return
    with _bar() as bar:
        task = bar.add_task(what, total=total)
        yield lambda done, total=None: bar.update(task, completed=done, total=total)


@contextmanager
def spinning(what: str) -> Iterator[Callable[[str], None]]:
    """A sign that work goes on; call it with what is being done now."""
    if not watched():
        yield lambda what: None
        return
    from rich.progress import SpinnerColumn, TextColumn

    with _bar(SpinnerColumn(), TextColumn("{task.description}", markup=False)) as bar:
        task = bar.add_task(what, total=None)
        yield lambda what: bar.update(task, description=what)


def while_waiting(what: str, coming: Iterator[Any]) -> Iterator[Any]:
    """What comes out of `coming`, with a spinner while it is waited for."""
    done = object()
    while True:
        with spinning(what):
            got = next(coming, done)
        if got is done:
            return
        yield got


def _bar(*columns: Any) -> Any:
    from rich.console import Console
    from rich.progress import Progress

    return Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
