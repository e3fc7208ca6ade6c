"""Standard output and error of a `minik` process, where either may be full, closed or gone.

A result that can't be printed ends the command; a complaint that can't be printed changes nothing.
"""

import io
import os
import sys
from typing import Any

from host_tools.errors import BadInput, UserVisibleError


class ReaderGone(UserVisibleError):
    """Nobody reads our output any more; no line about it, as for a command in a pipe."""

    exit_code = 141


class _Output(io.TextIOWrapper):
    """Standard output: what can't be written comes out as one of our errors."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError as error:
            raise self._lost(error) from error

    def flush(self) -> None:
        try:
            super().flush()
        except OSError as error:
            raise self._lost(error) from error

    def _lost(self, error: OSError) -> UserVisibleError:
        _drop(self.fileno())  # what is still in the buffer
        if isinstance(error, BrokenPipeError):
            return ReaderGone()
        return BadInput(f"standard output: {error.strerror}")


class _Complaints(io.TextIOWrapper):
    """Standard error: what can't be written is dropped."""

    def write(self, text: str) -> int:
        try:
            return super().write(text)
        except OSError:
            _drop(self.fileno())
            return len(text)

    def flush(self) -> None:
        try:
            super().flush()
        except OSError:
            _drop(self.fileno())


def guard() -> None:
    """Take over both streams of this process; BadInput if standard output is closed."""
    # a closed descriptor must not become that of the next file that is opened
    closed = sys.stdout is None
    sys.stdout = _nowhere() if closed else _like(sys.stdout, _Output)
    sys.stderr = _nowhere() if sys.stderr is None else _like(sys.stderr, _Complaints)
    if closed:
        raise BadInput("standard output is closed; for no output say >/dev/null")


def _like(stream: Any, kind: type[io.TextIOWrapper]) -> io.TextIOWrapper:
    return kind(
        stream.buffer,
        encoding=stream.encoding,
        errors="backslashreplace" if stream.errors == "strict" else stream.errors,
        line_buffering=stream.line_buffering,
    )


def _nowhere() -> io.TextIOWrapper:
    return open(os.devnull, "w", encoding="utf-8")


def _drop(descriptor: int) -> None:
    """From now on what is written to `descriptor` goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)
