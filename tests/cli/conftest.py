"""A terminal that a person looks at."""

import io
import sys

import pytest


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def look(monkeypatch, capsys):
    """Call it in the test, for pytest sets stderr before that: a stderr that a person looks at."""

    def begin() -> Terminal:
        terminal = Terminal()
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys, "stderr", terminal)
        return terminal

    return begin
