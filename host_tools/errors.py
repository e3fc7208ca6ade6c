"""What a user of `minik` can cause, as exceptions that carry the exit code and one clear line.

Every command lets these out; `host_tools.cli.main` prints the line and exits. Anything else that
gets out is our own bug.
"""


class UserVisibleError(Exception):
    """Root: `str(error)` is one line that says what and where."""

    exit_code = 2


class CheckFailed(UserVisibleError):
    """The command ran and what it checked is not so (exit 1)."""

    exit_code = 1


class BadInput(UserVisibleError):
    """A file, option or field the user gave is wrong (exit 2)."""


class NoAnswer(UserVisibleError):
    """A device or link did not answer (exit 3)."""

    exit_code = 3
