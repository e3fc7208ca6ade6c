"""How the conformance tests find, bound and run programs that nobody here wrote."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from host_tools.bench.reader import ClassicCard, RfField, VirtualPn532
from host_tools.bench.reader.pty_server import PtyServer

CLIENT_TIMEOUT_S = 60


def need(package: str, *programs: str) -> None:
    """Skip loudly when programs of a Debian package are missing; fail in CI."""
    missing = [program for program in programs if shutil.which(program) is None]
    if not missing:
        return
    reason = f"NOT PROVEN: {', '.join(missing)} missing; apt install {package}"
    if os.environ.get("MINIK_CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def served(*cards: ClassicCard) -> Iterator[str]:
    """A virtual PN532 with `cards` in its field; gives the path of its pseudo-terminal."""
    field = RfField()
    for card in cards:
        field.place(card)
    server = PtyServer(VirtualPn532(field))
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        yield server.path
    finally:
        server.stop()
        thread.join(10)
        server.close()


def run(path: str, arguments: Sequence[str | Path]) -> str:
    """Run a libnfc client on the reader at `path`; its standard output, whatever it exits with.

    Exit codes of these clients do not tell success, so the callers look at output and files.
    """
    environment = {**os.environ, "LIBNFC_DEVICE": f"pn532_uart:{path}:115200"}
    finished = subprocess.run(
        [str(argument) for argument in arguments], env=environment, timeout=CLIENT_TIMEOUT_S,
        stdin=subprocess.DEVNULL, capture_output=True, check=False,
    )
    return finished.stdout.decode(errors="replace")
