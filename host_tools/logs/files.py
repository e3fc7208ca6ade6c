"""Files that appear whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from host_tools.errors import BadInput


@contextmanager
def whole_file(path: Path, binary: bool = False) -> Iterator[IO]:
    """A file open for writing that takes the name `path` only when the block ends well.

    A symlink stays: what it points to is replaced. What is there and is no regular file (a pipe,
    a terminal) is written straight into, never replaced. BadInput when it cannot be written.
    """
    if os.path.exists(path) and not os.path.isfile(path):
        with _straight_into(path, binary) as file:
            yield file
        return
    named, path = path, Path(os.path.realpath(path))
    try:
        handle, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}-")
    except OSError as error:
        raise BadInput(f"{named}: {error.strerror}") from error
    try:
        with _opened(handle, binary) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        _forget(temporary)
        raise BadInput(f"{named}: {error.strerror}") from error
    except BaseException:
        _forget(temporary)
        raise


def not_itself(out: Path, source: Path) -> None:
    """BadInput if writing `out` would write over `source`, which is being read."""
    if os.path.exists(out) and os.path.exists(source) and os.path.samefile(out, source):
        raise BadInput(f"{out}: this is the file that is read; write to another one")


@contextmanager
def _straight_into(path: Path, binary: bool) -> Iterator[IO]:
    try:
        with _opened(os.open(path, os.O_WRONLY | os.O_NOCTTY), binary) as file:
            yield file
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error


def _opened(handle: int, binary: bool) -> IO:
    if binary:
        return os.fdopen(handle, "wb")
    return os.fdopen(handle, "w", encoding="utf-8", newline="")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _forget(temporary: str) -> None:
    Path(temporary).unlink(missing_ok=True)
