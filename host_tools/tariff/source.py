"""The files of a feed, from a folder or a zip, within bounds: nothing is unpacked to disk.

A zip may have one folder around everything. What a file says is not looked at here.
"""

import io
import lzma
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, Protocol

from host_tools.tariff.findings import Findings, shown

READ_ERRORS = (
    OSError,
    EOFError,
    ValueError,
    IndexError,
    OverflowError,
    NotImplementedError,
    RuntimeError,  # a member needs a password
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
)
"""What reading a damaged archive or a failing disk may raise."""

MEMBERS_MAX = 10_000
RATIO_MAX = 200  # real timetables shrink to a tenth or less, never to a 200th
RATIO_FROM_BYTES = 1 << 20


class TooBig(OSError):
    """A file has more bytes than is read of it."""


class Source(Protocol):
    """A feed's files by name."""

    def names(self) -> list[str]: ...

    def open(self, name: str, bytes_max: int) -> BinaryIO:
        """The bytes of a file of `names`. Reading raises one of READ_ERRORS."""

    def close(self) -> None: ...


class _Bounded(io.RawIOBase):
    """A stream that raises TooBig instead of giving more than `bytes_max` bytes."""

    def __init__(self, stream: BinaryIO, bytes_max: int) -> None:
        self._stream = stream
        self._left = bytes_max

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        chunk = self._stream.read(len(buffer))
        self._left -= len(chunk)
        if self._left < 0:
            raise TooBig("is longer than is read of such a file")
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._stream.close()
        super().close()


def _bounded(stream: BinaryIO, bytes_max: int) -> BinaryIO:
    return io.BufferedReader(_Bounded(stream, bytes_max), 1 << 16)


class FolderSource:
    def __init__(self, path: Path) -> None:
        self._files = {entry.name: entry for entry in path.iterdir() if entry.is_file()}

    def names(self) -> list[str]:
        return sorted(self._files)

    def open(self, name: str, bytes_max: int) -> BinaryIO:
        return _bounded(self._files[name].open("rb"), bytes_max)

    def close(self) -> None:
        pass


class ZipSource:
    def __init__(self, path: Path, findings: Findings) -> None:
        self._archive = zipfile.ZipFile(path)
        self._members: dict[str, zipfile.ZipInfo] = {}
        entries = [entry for entry in self._archive.infolist() if not _is_clutter(entry)]
        if len(entries) > MEMBERS_MAX:
            findings.error(path.name, None, None, f"has more than {MEMBERS_MAX:,} files")
            return
        top = _top_folder(entries)
        for entry in entries:
            name = entry.filename.removeprefix(top)
            if "/" in name:
                continue
            if name in self._members:
                findings.error(
                    shown(name), None, None, "is in the zip twice: keep the one that is right"
                )
            self._members[name] = entry

    def names(self) -> list[str]:
        return sorted(self._members)

    def open(self, name: str, bytes_max: int) -> BinaryIO:
        entry = self._members[name]
        if entry.file_size > max(RATIO_FROM_BYTES, RATIO_MAX * entry.compress_size):
            raise TooBig(f"unpacks to more than {RATIO_MAX} times its size in the zip")
        return _bounded(self._archive.open(entry), bytes_max)  # type: ignore[arg-type]

    def close(self) -> None:
        self._archive.close()


def _is_clutter(entry: zipfile.ZipInfo) -> bool:
    return entry.is_dir() or entry.filename.startswith("__MACOSX/")


def _top_folder(entries: list[zipfile.ZipInfo]) -> str:
    """`name/` if every file lies in that one folder, else nothing."""
    tops = {entry.filename.partition("/")[0] for entry in entries}
    if len(tops) == 1 and all("/" in entry.filename for entry in entries):
        return f"{tops.pop()}/"
    return ""


def open_source(path: Path, findings: Findings) -> Source | None:
    """The feed at `path`; None with a finding if there is none."""
    name = shown(path.name or str(path))
    try:
        if path.is_dir():
            return FolderSource(path)
        if path.is_file():
            return ZipSource(path, findings)
        text = "there is no such folder or zip file: check the path"
    except zipfile.BadZipFile:
        text = "is neither a folder nor a zip file that can be read: zip the feed's files again"
    except READ_ERRORS as error:
        text = f"can't be read: {shown(reason_of(error))}"
    findings.error(name, None, None, text)
    return None


def reason_of(error: Exception) -> str:
    """An operating system's or archive's own words in one short line."""
    strerror = getattr(error, "strerror", None)
    words = strerror if isinstance(strerror, str) else str(error)
    return words.splitlines()[0] if words else type(error).__name__
