"""The three kinds of files hold the same journal; what is none is said in one line."""

import struct

import pytest

from host_tools.bench.nor import PowerCut
from host_tools.errors import BadInput
from host_tools.logs.dump import DumpHeader, pack_header, parse_header, write_dump
from host_tools.logs.sources import read_journal
from host_tools.logs.verify import verify
from protocol.journal import records
from tests.logs.journals import DEVICE_ID, FLASH_BYTES, JOURNAL_ID, JOURNAL_OFFSET, Device, chain


def written(tmp_path, content, name="file"):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def test_dump_header_byte_for_byte():
    header = DumpHeader("V1", b"\x01\x02\x03\x04", 5, 6, b"12345678", 11)
    packed = pack_header(header)
    assert packed[:60] == (
        b"MINIKLOG" + b"\x01\x01\x00\x00" + b"\x01\x02\x03\x04" + b"V1" + bytes(14)
        + b"\x05\x00\x00\x00" + b"12345678" + b"\x06\x00\x00\x00" + b"\x0b\x00\x00\x00" + bytes(8)
    )
    assert parse_header(packed) == header
    plain = DumpHeader("V1", b"\x01\x02\x03\x04", 0, 0)
    assert parse_header(pack_header(plain)) == plain
    for index in range(8, 64):
        damaged = bytearray(packed)
        damaged[index] ^= 1
        with pytest.raises(BadInput, match="damaged"):
            parse_header(bytes(damaged))


def test_dump_is_written_whole_or_not_at_all(tmp_path):
    header, slots = Device().dump()
    path = tmp_path / "v1.dump"
    write_dump(path, header, slots)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="counts"):
        write_dump(path, header, slots + slots)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["v1.dump"]
    with pytest.raises(BadInput, match="nowhere"):
        write_dump(tmp_path / "nowhere" / "v1.dump", header, slots)


@pytest.mark.parametrize("taps", [0, 1, 31, 32, 63, 100, 127, 128, 129, 200, 450])
def test_dump_partition_and_flash_image_hold_the_same_journal(tmp_path, taps):
    device = Device()
    device.run(taps)
    header, slots = device.dump()
    write_dump(tmp_path / "dump", header, slots)
    for path, source in (
        (tmp_path / "dump", "dump"),
        (written(tmp_path, bytes(device.flash.image), "raw"), "partition image"),
        (written(tmp_path, device.whole_flash(), "flash"), "flash image"),
    ):
        journal = read_journal(path)
        assert journal.source == source
        assert (journal.device_id or DEVICE_ID) == DEVICE_ID
        assert (journal.journal_id or JOURNAL_ID) == JOURNAL_ID
        end = journal.first_seq + len(journal.slots)
        assert end == device.ring.head
        assert journal.first_seq <= device.ring.oldest  # an image may hold a sector more
        assert journal.slots[device.ring.oldest - journal.first_seq:] == slots
        report = verify(journal, chain())
        assert report.ok
        assert report.unproven == ([journal.first_seq] if journal.first_seq else [])


def test_identity_comes_from_boot_records(tmp_path):
    device = Device()
    device.run(10)
    journal = read_journal(written(tmp_path, bytes(device.flash.image)))
    assert (journal.device_id, journal.journal_id) == (DEVICE_ID, JOURNAL_ID)


@pytest.mark.parametrize("seed", range(6))
def test_image_taken_after_a_torn_erase_is_genuine(tmp_path, seed):
    device = Device()
    device.run(140)  # wrapped
    device.ring.acknowledge(device.ring.head)
    while device.ring.head % 64 != 5:
        device.tap(1) if device.ring.head % 64 < 4 else device.put(records.PLACE, {"vehicle": 1})
    device.flash.arm_cut(1, torn=True, seed=seed)
    device.ring._erased_start = -1
    with pytest.raises(PowerCut):
        device.ring.erase_ahead()
    journal = read_journal(written(tmp_path, bytes(device.flash.image)))
    assert journal.first_seq + len(journal.slots) == device.ring.head
    report = verify(journal, chain())
    # a cut right at the start of an erase may leave one old record damaged: it is acknowledged
    assert all(finding.seq < device.ring.oldest for finding in report.findings)
    assert len(report.findings) <= 1


def test_flips_in_a_wrapped_image_are_named(tmp_path):
    device = Device()
    device.run(140)
    image = bytes(device.flash.image)
    clean = read_journal(written(tmp_path, image))
    for seq in range(clean.first_seq, device.ring.head):
        for bit in (3, 200, 450):
            flipped = bytearray(image)
            flipped[device.slot_offset(seq) + bit // 8] ^= 1 << bit % 8
            report = verify(read_journal(written(tmp_path, bytes(flipped))), chain())
            found = [finding.seq for finding in report.findings]
            if seq == clean.first_seq and 32 <= bit < 448:
                assert report.unproven == [seq]  # nothing before it is left to prove it
            elif seq == clean.first_seq and bit >= 448:
                assert found == [seq + 1]  # its MAC, or the content of the next: no telling
            else:
                assert found == [seq], (seq, bit)


def test_sector_wiped_out_of_an_image_is_named(tmp_path):
    device = Device()
    device.run(90)
    image = bytearray(device.flash.image)
    image[4096:8192] = b"\xff" * 4096
    report = verify(read_journal(written(tmp_path, bytes(image))), chain())
    assert [(f.seq, f.what) for f in report.findings] == [(n, "dropped") for n in range(64, 128)]
    assert report.unproven == [128]


def test_old_sector_put_back_is_named(tmp_path):
    device = Device(sectors=6)
    device.run(60)
    old = bytes(device.flash.image[4096:8192])
    device.run(230)
    assert device.ring.head == 581  # one lap later, two sectors on
    image = bytearray(device.flash.image)
    image[4096:8192] = old
    report = verify(read_journal(written(tmp_path, bytes(image))), chain())
    assert {finding.seq for finding in report.findings} >= set(range(448, 512))


def test_an_empty_partition_is_an_empty_journal(tmp_path):
    journal = read_journal(written(tmp_path, b"\xff" * 16384))
    assert (journal.slots, journal.notes) == ([], ["the journal is empty"])
    assert verify(journal, chain()).ok


def no_journals():
    table = bytearray(b"\xff" * 0x10000)
    struct.pack_into("<2sBBII16sI", table, 0x8000, b"\xaa\x50", 1, 2, 0x9000, 0x6000, b"nvs", 0)
    cut = bytearray(Device().whole_flash()[:JOURNAL_OFFSET + 4096])
    return {
        "empty": b"", "text": b"hello\n" * 100, "short": bytes(4096), "zeros": bytes(16384),
        "noise": bytes((at * 167 + at // 251) % 256 for at in range(16384)),
        "no journal partition": bytes(table), "cut inside": bytes(cut),
        "magic only": b"MINIKLOG",
        "other version": b"MINIKLOG\x02" + bytes(60),
    }


@pytest.mark.parametrize("name", no_journals())
def test_what_is_no_journal_is_said_so(tmp_path, name):
    path = written(tmp_path, no_journals()[name], "some.file")
    with pytest.raises(BadInput, match=r"some\.file") as caught:
        read_journal(path)
    assert "\n" not in str(caught.value)


def test_unreadable_files_are_said_so(tmp_path):
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(BadInput, match=str(path)):
            read_journal(path)


def test_whole_flash_is_sixteen_megabytes_here():
    assert len(Device().whole_flash()) == FLASH_BYTES
