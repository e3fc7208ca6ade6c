"""A journal read from a dump file, a partition image or a whole flash image.

Nothing here needs a key and nothing is verified: a record is taken at its word about its journal
seq, by majority of its sector, and `verify` judges. The partition table is that of ESP-IDF
(32-byte entries at 0x8000: 0xAA 0x50, type, subtype, offset, size, 16-byte label, flags).
"""

import struct
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from host_tools.errors import BadInput
from host_tools.logs import dump
from protocol.journal import records
from protocol.journal.records import BLANK, RECORD_BYTES

SECTOR_BYTES = 4096
PER_SECTOR = SECTOR_BYTES // RECORD_BYTES
PARTITION_LABEL = "journal"
_TABLE_OFFSET = 0x8000
_TABLE_BYTES = 0xC00
_ENTRY = struct.Struct("<2sBBII16sI")
_FILE_BYTES_MAX = 64 << 20
_ZEROS = bytes(RECORD_BYTES)


@dataclass
class JournalFile:
    """The slots of a journal, oldest first.

    `slots[i]` are the 64 bytes of journal seq `first_seq + i`; in a dump from which slots were
    taken they are fewer than `count`, and `verify` says which. `device_id` and `journal_id` are
    what the file says of itself (a dump's header, a raw image's BOOT records), or None.
    `notes` are lines a reader should see.
    """

    source: str
    first_seq: int
    count: int
    slots: list[bytes]
    device_id: str | None = None
    journal_id: bytes | None = None
    previous_mac: bytes | None = None
    head: int | None = None
    notes: list[str] = field(default_factory=list)


def read_journal(path: Path) -> JournalFile:
    """The journal in the file `path`, whichever of the three kinds it is; BadInput if none."""
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise BadInput(f"{path}: {error.strerror}") from error
    if len(content) > _FILE_BYTES_MAX:
        raise BadInput(f"{path}: larger than any journal (64 MiB)")
    if content.startswith(dump.MAGIC):
        return _from_dump(content, str(path))
    partition = _find_partition(content, str(path))
    if partition is not None:
        return _from_partition(partition, "flash image", str(path))
    return _from_partition(content, "partition image", str(path))


# -- dump


def _from_dump(content: bytes, name: str) -> JournalFile:
    header = dump.parse_header(content, name)
    body = content[dump.HEADER_BYTES:]
    whole = len(body) // RECORD_BYTES * RECORD_BYTES
    journal = JournalFile(
        "dump", header.first_seq, header.count,
        [body[at:at + RECORD_BYTES] for at in range(0, whole, RECORD_BYTES)],
        header.device_id, header.journal_id, header.previous_mac, header.head,
    )
    if whole != len(body):
        journal.notes.append(f"the file ends inside a record ({len(body) - whole} bytes over)")
    return journal


# -- flash image


def _find_partition(content: bytes, name: str) -> bytes | None:
    """The journal partition of a whole flash image; None if there is no partition table."""
    if len(content) < _TABLE_OFFSET + _ENTRY.size:
        return None
    labels = []
    for at in range(_TABLE_OFFSET, _TABLE_OFFSET + _TABLE_BYTES, _ENTRY.size):
        if at + _ENTRY.size > len(content):
            break
        magic, _, _, offset, size, label, _ = _ENTRY.unpack_from(content, at)
        if magic != b"\xaa\x50":
            break
        text = label.rstrip(b"\0").decode("ascii", "replace")
        if text == PARTITION_LABEL:
            if offset + size > len(content):
                raise BadInput(f"{name}: the image ends inside its journal partition")
            return content[offset:offset + size]
        labels.append(text)
    if labels:
        raise BadInput(f"{name}: a flash image without a journal partition ({', '.join(labels)})")
    return None


# -- raw partition


def _from_partition(content: bytes, source: str, name: str) -> JournalFile:
    capacity = len(content) // RECORD_BYTES
    if len(content) % SECTOR_BYTES or capacity < 3 * PER_SECTOR:
        raise BadInput(f"{name}: not a journal (neither a dump nor whole flash sectors)")
    starts = _sector_starts(content, capacity)
    if not _plausible(content, starts):
        if content.count(0xFF) == len(content):
            return JournalFile(source, 0, 0, [], head=0, notes=["the journal is empty"])
        raise BadInput(f"{name}: not a journal (no sector holds journal records)")
    first, last_start = _window(starts, capacity)

    def slot(seq: int) -> bytes:
        at = seq % capacity * RECORD_BYTES
        return content[at:at + RECORD_BYTES]

    notes = []
    if first == last_start + PER_SECTOR - capacity:
        oldest = [slot(seq) for seq in range(first, first + PER_SECTOR)]
        if _half_erased(oldest, first):
            first += PER_SECTOR
            notes.append(f"the sector before journal seq {first} is half erased and left out")
    end = last_start + PER_SECTOR
    while end > last_start and slot(end - 1) == BLANK:
        end -= 1
    slots = [slot(seq) for seq in range(first, end)]
    journal = JournalFile(source, first, len(slots), slots, notes=notes)
    _learn_from_boot(journal)
    return journal


def _sector_starts(content: bytes, capacity: int) -> dict[int, int]:
    """First journal seq of each sector that holds records → how many slots of it agree."""
    starts = {}
    for base in range(0, capacity, PER_SECTOR):
        votes: Counter[int] = Counter()
        for index in range(base, base + PER_SECTOR):
            seq, kind = struct.unpack_from("<IB", content, index * RECORD_BYTES)
            if seq % capacity == index and 0 < kind < 0xFF:
                votes[seq - (index - base)] += 1
        if votes:
            start, agreeing = max(votes.items(), key=lambda vote: (vote[1], vote[0]))
            starts[start] = agreeing
    return starts


def _plausible(content: bytes, starts: dict[int, int]) -> bool:
    """True if a quarter of what is not blank claims to be records."""
    written = sum(
        content[at:at + RECORD_BYTES] != BLANK for at in range(0, len(content), RECORD_BYTES)
    )
    return bool(starts) and 4 * sum(starts.values()) >= written


def _window(starts: dict[int, int], capacity: int) -> tuple[int, int]:
    """The lowest and the highest sector start of the lap that most records agree on."""
    ordered = sorted(starts)
    best_count, best = -1, (0, 0)
    low = 0
    count = 0
    for high, start in enumerate(ordered):
        count += starts[start]
        while ordered[low] <= start - capacity:
            count -= starts[ordered[low]]
            low += 1
        if count >= best_count:
            best_count, best = count, (ordered[low], ordered[high])
    return best


def _half_erased(slots: list[bytes], first: int) -> bool:
    """An erase was cut here: blank or zero slots, or hardly a record left.

    A begun sector has neither blank nor zero slots behind its head, and few torn ones.
    """
    wrong = sum(records.record_seq(slot) != first + at for at, slot in enumerate(slots))
    return BLANK in slots or _ZEROS in slots or wrong > len(slots) // 2


def _learn_from_boot(journal: JournalFile) -> None:
    """Take device id and journal id from the BOOT records, as most of them name them."""
    named: Counter[tuple[str, bytes]] = Counter()
    for at, slot in enumerate(journal.slots):
        if slot[4] == records.BOOT and records.record_seq(slot) == journal.first_seq + at:
            body = records.parse_body(slot)
            device_id = body["device_id"].rstrip(b"\0")
            if device_id and device_id.isascii():
                named[device_id.decode("ascii"), body["journal_id"]] += 1
    if named:
        (journal.device_id, journal.journal_id), _ = named.most_common(1)[0]
