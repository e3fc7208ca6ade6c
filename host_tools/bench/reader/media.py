"""Cards as a user names them: a type with or without a UID, or the file of a memory dump."""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from random import Random

from host_tools.bench.reader.classic import ClassicCard
from host_tools.errors import BadInput

# type → size, UID length
TYPES = {
    "classic1k": ("1k", 4),
    "classic4k": ("4k", 4),
    "classic1k-7b": ("1k", 7),
    "classic4k-7b": ("4k", 7),
}
NXP = 0x04  # manufacturer byte of a 7-byte UID
NOT_FIRST = (0x08, 0x88)  # ISO/IEC 14443-3 §6.5.4: random UID, cascade tag


class Medium:
    """One card and, if it came from a dump, the file it came from."""

    def __init__(self, kind: str, card: ClassicCard, path: Path | None = None):
        self.kind = kind
        self.card = card
        self.path = path
        self._loaded = card.image

    def describe(self) -> dict[str, str | None]:
        """For a JSON line: type, uid in hex, file."""
        return {"type": self.kind, "uid": self.card.uid.hex(),
                "file": None if self.path is None else str(self.path)}

    def save(self) -> bool:
        """Put a changed image back into its file, whole or not at all; whether it was written.

        BadInput if the file cannot be written.
        """
        image = self.card.image
        if self.path is None or image == self._loaded:
            return False
        try:
            _replace(self.path, image)
        except OSError as error:
            raise BadInput(f"{self.path}: cannot be written: {error.strerror}") from None
        self._loaded = image
        return True


def load_media(names: list[str], seed: int = 0) -> list[Medium]:
    """The media that `names` (types or files) mean; BadInput for the first one that is wrong."""
    if not names:
        raise BadInput("no medium given: name at least one type or dump file")
    media = [_load(name, seed, index) for index, name in enumerate(names)]
    paths = [medium.path.resolve() for medium in media if medium.path is not None]
    for path in paths:
        if paths.count(path) > 1:
            raise BadInput(f"{path}: given twice; one card cannot be in the field twice")
    uids = [medium.card.uid for medium in media]
    for uid in uids:
        if uids.count(uid) > 1:
            raise BadInput(f"UID {uid.hex()} twice: no reader could tell these two cards apart")
    return media


def _load(name: str, seed: int, index: int) -> Medium:
    kind, colon, uid_text = name.partition(":")
    if kind not in TYPES:
        return _load_dump(name)
    size, uid_length = TYPES[kind]
    if colon:
        uid = _uid_of(name, uid_text, uid_length)
    else:
        uid = _seeded_uid(Random(f"{seed}:{index}:{kind}"), uid_length)
    return Medium(kind, ClassicCard.transport(uid, size))


def _uid_of(name: str, text: str, length: int) -> bytes:
    try:
        uid = bytes.fromhex(text)
    except ValueError:
        raise BadInput(f"{name}: the UID is not hexadecimal") from None
    if len(uid) != length:
        raise BadInput(f"{name}: the UID has {len(uid)} bytes, this type has {length}")
    if uid[0] in NOT_FIRST and length == 4:
        raise BadInput(f"{name}: no card's UID begins with {uid[0]:02x}")
    return uid


def _seeded_uid(source: Random, length: int) -> bytes:
    if length == 7:
        return bytes((NXP,)) + source.randbytes(6)
    while (uid := source.randbytes(4))[0] in NOT_FIRST:
        pass
    return uid


def _load_dump(name: str) -> Medium:
    path = Path(name)
    try:
        dump = path.read_bytes()
    except FileNotFoundError:
        types = ", ".join(TYPES)
        raise BadInput(f"{name}: neither a file nor a type of medium ({types})") from None
    except OSError as error:
        raise BadInput(f"{name}: cannot be read: {error.strerror}") from None
    try:
        card = ClassicCard.from_dump(dump)
    except ValueError as error:
        raise BadInput(f"{name}: not a MIFARE Classic dump: {error}") from None
    kind = f"classic{card.size}" + ("-7b" if len(card.uid) == 7 else "")
    return Medium(kind, card, path)


def _replace(path: Path, image: bytes) -> None:
    target = path.resolve()
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(image)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
