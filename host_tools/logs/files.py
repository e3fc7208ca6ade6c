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

    BadInput when it cannot be written.
    """
    try:
        handle, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}-")
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error
    try:
        with (
            os.fdopen(handle, "wb") if binary
            else os.fdopen(handle, "w", encoding="utf-8", newline="")
        ) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        _forget(temporary)
        raise BadInput(f"{path}: {error.strerror}") from error
    except BaseException:
        _forget(temporary)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _forget(temporary: str) -> None:
    Path(temporary).unlink(missing_ok=True)
