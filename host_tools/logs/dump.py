"""The dump file of a journal: header and slots (SPEC §3.5)."""

import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from host_tools.errors import BadInput
from host_tools.logs.files import whole_file
from protocol.fields import RAW, get_uint, layout_width, pack_into, parse, put_uint
from protocol.journal.records import RECORD_BYTES

MAGIC = b"MINIKLOG"
VERSION = 1
HEADER_BYTES = 64
HEAD_UNKNOWN = 0xFFFFFFFF
_FLAG_PREVIOUS_MAC = 1
_CRC_OFFSET = 60

HEADER_LAYOUT = (
    ("magic", 0, 8, RAW),
    ("version", 8, 1),
    ("flags", 9, 1),
    ("journal_id", 12, 4, RAW),
    ("device_id", 16, 16, RAW),
    ("first_seq", 32, 4),
    ("previous_mac", 36, 8, RAW),
    ("count", 44, 4),
    ("head", 48, 4),
    ("reserved", 52, 8, RAW),
    ("crc", _CRC_OFFSET, 4),
)
assert layout_width(HEADER_LAYOUT) == HEADER_BYTES


@dataclass(frozen=True)
class DumpHeader:
    """Who and what a dump is of.

    `previous_mac` is that of the last good record before `first_seq`, None if not known; `head`
    is the journal's head when it was read, None if not known.
    """

    device_id: str
    journal_id: bytes
    first_seq: int
    count: int
    previous_mac: bytes | None = None
    head: int | None = None


def pack_header(header: DumpHeader) -> bytes:
    """The 64 bytes of `header`; ValueError for a field that does not fit."""
    buf = bytearray(HEADER_BYTES)
    pack_into(HEADER_LAYOUT, buf, 0, {
        "magic": MAGIC,
        "version": VERSION,
        "flags": 0 if header.previous_mac is None else _FLAG_PREVIOUS_MAC,
        "journal_id": header.journal_id,
        "device_id": header.device_id.encode("ascii"),
        "first_seq": header.first_seq,
        "previous_mac": header.previous_mac or b"",
        "count": header.count,
        "head": HEAD_UNKNOWN if header.head is None else header.head,
    })
    put_uint(buf, _CRC_OFFSET, 4, binascii.crc32(bytes(buf[:_CRC_OFFSET])))
    return bytes(buf)


def parse_header(content: bytes, name: str = "dump") -> DumpHeader:
    """The header at the start of `content`; BadInput, naming `name`, if it is none or damaged."""
    if len(content) < HEADER_BYTES or content[:8] != MAGIC:
        raise BadInput(f"{name}: not a journal dump")
    if get_uint(content, _CRC_OFFSET, 4) != binascii.crc32(content[:_CRC_OFFSET]):
        raise BadInput(f"{name}: the header of the dump is damaged (CRC)")
    fields = parse(HEADER_LAYOUT, content)
    if fields["version"] != VERSION:
        raise BadInput(f"{name}: dump version {fields['version']}; this minik reads {VERSION}")
    try:
        device_id = fields["device_id"].rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError as error:
        raise BadInput(f"{name}: the device id of the dump is not ASCII") from error
    return DumpHeader(
        device_id=device_id,
        journal_id=fields["journal_id"],
        first_seq=fields["first_seq"],
        count=fields["count"],
        previous_mac=fields["previous_mac"] if fields["flags"] & _FLAG_PREVIOUS_MAC else None,
        head=None if fields["head"] == HEAD_UNKNOWN else fields["head"],
    )


def write_dump(path: Path, header: DumpHeader, slots: Iterable[bytes]) -> None:
    """Write a dump, whole or not at all: `header.count` slots of 64 bytes (torn: as they are).

    ValueError when the slots are more, fewer or of another length; BadInput when `path` cannot
    be written.
    """
    with whole_file(path, binary=True) as file:
        file.write(pack_header(header))
        count = 0
        for slot in slots:
            if len(slot) != RECORD_BYTES:
                raise ValueError("a slot has 64 bytes")
            file.write(slot)
            count += 1
        if count != header.count:
            raise ValueError("the header counts other slots")
