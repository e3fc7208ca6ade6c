"""The virtual flash chip: NOR rules, counters, and cuts that leave what they say."""

import pytest

from host_tools.bench.nor import NorFlash, PowerCut
from host_tools.errors import BadInput

SECTOR_BYTES = 256


def chip_with(content):
    chip = NorFlash(4 * SECTOR_BYTES, SECTOR_BYTES)
    chip.program(0, content)
    chip.reset_counters()
    return chip


def test_program_only_clears_bits_and_counts_what_it_could_not_set():
    chip = NorFlash(4 * SECTOR_BYTES, SECTOR_BYTES)
    chip.program(10, b"\xf0\x0f")
    assert chip.read(9, 4) == b"\xff\xf0\x0f\xff"
    assert (chip.overprogrammed, chip.reprogrammed) == (0, 0)
    chip.program(10, b"\x0f\x0f")
    assert chip.read(10, 2) == b"\x00\x0f"
    assert (chip.overprogrammed, chip.reprogrammed) == (1, 1)
    chip.program(11, b"\xff")  # asks for ones over zeros, changes nothing
    assert (chip.overprogrammed, chip.reprogrammed) == (2, 1)
    assert (chip.ops, chip.programs, chip.erases, chip.bytes_programmed) == (3, 3, 0, 5)


def test_erase_sets_one_sector_to_ones():
    chip = NorFlash(4 * SECTOR_BYTES, SECTOR_BYTES)
    chip.program(0, bytes(4 * SECTOR_BYTES))
    chip.erase(2)
    assert chip.read(2 * SECTOR_BYTES, SECTOR_BYTES) == b"\xff" * SECTOR_BYTES
    assert chip.image.count(0) == 3 * SECTOR_BYTES
    assert (chip.ops, chip.erases) == (2, 1)


def test_clean_cut_leaves_nothing_and_the_chip_stays_dead_until_power_on():
    chip = chip_with(b"\x55" * 16)
    before = bytes(chip.image)
    chip.arm_cut(2)
    chip.program(100, b"\x00")
    with pytest.raises(PowerCut):
        chip.erase(0)
    assert chip.image[:64] == before[:64]
    for dead in (lambda: chip.erase(1), lambda: chip.program(0, b"a"), lambda: chip.read(0, 1),
                 lambda: chip.readinto(0, bytearray(1))):
        with pytest.raises(PowerCut):
            dead()
    chip.power_on()
    chip.erase(0)
    assert chip.read(0, 16) == b"\xff" * 16
    assert chip.ops == 2


@pytest.mark.parametrize("seed", range(36))
def test_torn_program_lies_between_old_and_new(seed):
    wanted = bytes(range(1, 65))
    chip = NorFlash(4 * SECTOR_BYTES, SECTOR_BYTES)
    chip.arm_cut(1, torn=True, seed=seed)
    with pytest.raises(PowerCut):
        chip.program(64, wanted)
    left = bytes(chip.image[64:128])
    assert all(have & want == want for have, want in zip(left, wanted, strict=True))
    assert (left == wanted) == (seed % 6 == 5)
    assert left != b"\xff" * 64
    assert chip.image[:64] == b"\xff" * 64
    assert chip.image[128:] == b"\xff" * (len(chip.image) - 128)


@pytest.mark.parametrize("seed", range(36))
def test_torn_erase_touches_only_its_sector_and_is_repeatable(seed):
    def cut_erase():
        chip = NorFlash(4 * SECTOR_BYTES, SECTOR_BYTES)
        chip.program(0, b"\x5a" * chip.size)
        chip.arm_cut(1, torn=True, seed=seed)
        with pytest.raises(PowerCut):
            chip.erase(1)
        return bytes(chip.image)

    left = cut_erase()
    assert left == cut_erase()
    sector = left[SECTOR_BYTES:2 * SECTOR_BYTES]
    assert sector != b"\x5a" * SECTOR_BYTES
    assert (sector == b"\xff" * SECTOR_BYTES) == (seed % 6 == 5)
    assert left[:SECTOR_BYTES] == b"\x5a" * SECTOR_BYTES
    assert set(left[2 * SECTOR_BYTES:]) == {0x5A}


def test_view_is_a_partition_with_its_own_numbers():
    chip = NorFlash(4 * SECTOR_BYTES, SECTOR_BYTES)
    view = chip.view(2 * SECTOR_BYTES, 2 * SECTOR_BYTES)
    assert (view.sector_count, view.sector_bytes) == (2, SECTOR_BYTES)
    view.program(SECTOR_BYTES, b"\x01\x02")
    assert chip.read(3 * SECTOR_BYTES, 2) == b"\x01\x02"
    buf = bytearray(2)
    view.readinto(SECTOR_BYTES, buf)
    assert buf == b"\x01\x02"
    view.erase(1)
    assert chip.read(3 * SECTOR_BYTES, 2) == b"\xff\xff"
    for outside in (lambda: view.erase(2), lambda: view.program(2 * SECTOR_BYTES, b"a"),
                    lambda: view.readinto(-1, buf), lambda: chip.view(1, SECTOR_BYTES)):
        with pytest.raises(ValueError, match="partition"):
            outside()


def test_image_file_round_trip(tmp_path):
    chip = chip_with(b"content")
    chip.save(tmp_path / "flash.bin")
    other = NorFlash(chip.size, SECTOR_BYTES)
    view = other.view(0, SECTOR_BYTES)
    other.load(tmp_path / "flash.bin")
    buf = bytearray(7)
    view.readinto(0, buf)
    assert buf == b"content"
    assert [path.name for path in tmp_path.iterdir()] == ["flash.bin"]
    (tmp_path / "short.bin").write_bytes(b"\xff")
    with pytest.raises(BadInput, match=r"short\.bin"):
        other.load(tmp_path / "short.bin")
    with pytest.raises(BadInput, match="No such file"):
        other.load(tmp_path / "absent.bin")
