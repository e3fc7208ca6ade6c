"""Flash as the firmware meets it: NOR through esp32.Partition, littlefs, NVS, and cuts of all."""

import pytest

from host_tools.bench.board import BOOT_US
from host_tools.device.image import DEFAULT_LAYOUT, TABLE_OFFSET, read_littlefs
from tests.bench_board.sample import LAYOUT, make_board, run, run_to_end

JOURNAL = LAYOUT.find("journal")
FIND = "import esp32\np = esp32.Partition.find(esp32.Partition.TYPE_DATA, label='journal')[0]\n"


def test_partitions_are_those_of_the_table():
    lines = run(
        "from esp32 import Partition as P\n"
        "for kind in (P.TYPE_APP, P.TYPE_DATA):\n"
        "    for part in P.find(kind):\n        print(part.info())\n"
        "print(P.find(P.TYPE_DATA, label='nothing'))\n"
        "print(P(P.RUNNING).info()[4], P('vfs').info()[4])\n",
        layout=DEFAULT_LAYOUT,
    )
    expected = [
        str((part.type, part.subtype, part.offset, part.size, part.label, False))
        for kind in (0, 1) for part in DEFAULT_LAYOUT.partitions if part.type == kind
    ]
    assert lines == [*expected, "[]", "ota_0 vfs"]


def test_partition_writes_follow_nor_rules():
    lines = run(
        FIND
        + "one = bytearray(b'\\xf0' * 32)\nback = bytearray(4)\n"
        "def show(at):\n    p.readblocks(0, back, at)\n    print(back.hex())\n"
        "p.writeblocks(0, one, 64)\nshow(64)\nshow(0)\n"
        "p.writeblocks(0, b'\\x3c' * 32, 64)\nshow(64)\n"
        "p.writeblocks(0, b'\\x55' * 4096)\nshow(64)\nshow(4092)\n"
        "print(p.ioctl(4, 0), p.ioctl(5, 0), p.ioctl(6, 0))\nshow(64)\n"
        "for bad in ((8, 0), (7, 4093), (0, -4)):\n"
        "    try:\n        p.readblocks(bad[0], back, bad[1])\n"
        "    except OSError as e:\n        print(e.errno)\n"
        "try:\n    p.writeblocks(0, bytes(100))\nexcept OSError as e:\n    print(e.errno)\n"
    )
    assert lines == [
        "f0f0f0f0", "ffffffff", "30303030", "55555555", "55555555", "8 4096 0", "ffffffff",
        "5", "5", "5", "5",
    ]


def test_flash_work_is_counted_and_takes_its_time():
    with make_board(
        FIND + "p.writeblocks(0, bytes(64), 0)\np.ioctl(6, 1)\n"
        "p.writeblocks(2, bytes(4096))\n"
    ) as board:
        run_to_end(board)
        assert (board.flash.programs, board.flash.erases) == (2, 2)
        assert board.flash.bytes_programmed == 64 + 4096
        worked_us = board.local_us - BOOT_US
        modelled_us = (30 + 157) + 45_000 + 45_000 + 16 * (30 + 637)
        assert modelled_us <= worked_us < modelled_us + 2_000


def test_a_blank_board_makes_its_file_system_and_a_ruined_one_says_so():
    with make_board("") as board:
        vfs = LAYOUT.find("vfs")
        board.flash.image[vfs.offset:vfs.end] = b"\xff" * vfs.size
        run_to_end(board)
        assert board.state == "repl"
        assert read_littlefs(bytes(board.flash.image[vfs.offset:vfs.end])) == {}
        board.power_cut()
        board.flash.image[vfs.offset:vfs.end] = bytes(vfs.size)
        assert "no file system on the vfs partition" in run_to_end(board)


def test_the_firmware_sees_only_its_own_flash():
    assert run(
        "import os, sys\nprint(os.listdir('/'), os.getcwd(), sys.path)\n"
        "for path in ('/etc/passwd', '/rom/time.mpy'):\n"
        "    try:\n        os.stat(path)\n        print('seen')\n"
        "    except OSError as e:\n        print(e.errno)\n"
    ) == ["['main.py'] / ['', '.frozen', '/lib']", "2", "2"]


RENAME = (
    "import os\n"
    "with open('/state.tmp', 'wb') as f:\n    f.write(b'new' * 50)\n"
    "os.rename('/state.tmp', '/state')\n"
    "print('renamed')\n"
)
OLD, NEW = b"old" * 50, b"new" * 50


def _flash_ops_of(main, files):
    with make_board(main, files) as board:
        run_to_end(board)
        return board.flash.ops


@pytest.mark.parametrize("torn", [False, True])
def test_littlefs_survives_a_cut_at_every_operation_of_a_rename(torn):
    files = {"/state": OLD}
    operations = _flash_ops_of(RENAME, files)
    assert operations >= 4
    vfs = LAYOUT.find("vfs")
    seen = set()
    with make_board(RENAME, files) as board:
        fresh = bytes(board.flash.image)
        for at_op in range(1, operations + 1):
            for seed in range(6 if torn else 1):
                board.flash.image[:] = fresh
                board.arm_power_cut(at_op, torn=torn, seed=seed)
                board.boot()
                assert board.run_until(lambda: board.state != "running", 10_000)
                assert board.state == "off"
                disk = read_littlefs(bytes(board.flash.image[vfs.offset:vfs.end]))
                assert disk["/state"] in (OLD, NEW)
                seen.add(disk["/state"])
    assert OLD in seen
    assert (NEW in seen) or not torn


def test_a_raw_cut_leaves_what_it_leaves_and_the_board_boots_again():
    main = FIND + (
        "buf = bytearray(1)\n"
        "p.readblocks(0, buf, 0)\nprint(buf[0])\n"
        "for n in range(4):\n    p.writeblocks(0, bytes(32), n * 32)\nprint('all')\n"
    )
    with make_board(main) as board:
        board.arm_power_cut(3)
        board.boot()
        assert board.run_until(lambda: board.state == "off", 1000)
        written = bytes(board.flash.image[JOURNAL.offset:JOURNAL.offset + 128])
        assert written == bytes(64) + b"\xff" * 64
        assert "all" not in board.console.text
        assert run_to_end(board) == ["255", "0", "all"]
        assert board.boot_count == 2
        assert board.reset_cause == 1


def test_flash_callbacks_do_not_allocate():
    """The collector closes files with the heap locked; an allocating callback fails there."""
    assert run(
        FIND + "import micropython\n"
        "buf = bytearray(4096)\n"
        "micropython.heap_lock()\n"
        "p.readblocks(0, buf, 0)\np.writeblocks(1, buf, 0)\np.writeblocks(2, buf)\n"
        "p.ioctl(6, 3)\np.ioctl(4, 0)\n"
        "micropython.heap_unlock()\nprint('fine')\n"
        "import gc\n"
        "f = open('/left_open', 'wb')\nf.write(b'kept')\nf = None\n"
        "gc.collect()\ngc.collect()\n"
        "print(open('/left_open', 'rb').read())\n"
    ) == ["fine", "b'kept'"]


NVS = (
    "import esp32\n"
    "n = esp32.NVS('cfg')\n"
    "buf = bytearray(300)\n"
    "def get(key):\n"
    "    try:\n        return n.get_i32(key)\n"
    "    except OSError as e:\n        return e.args\n"
)


def test_nvs_keeps_what_was_set():
    main = NVS + (
        "print(get('boots'))\n"
        "n.set_i32('boots', -7)\nn.set_blob('key', b'\\x00\\xff' * 100)\n"
        "print(get('boots'), n.get_blob('key', buf), bytes(buf[198:202]))\n"
        "print(esp32.NVS('other').get_blob('key', buf) if 0 else 'apart')\n"
        "n.set_i32('gone', 1)\nn.erase_key('gone')\nn.commit()\nprint(get('gone'))\n"
        "try:\n    n.get_blob('key', bytearray(5))\nexcept OSError as e:\n    print(e.errno)\n"
    )
    missing = "(-4354, 'ESP_ERR_NVS_NOT_FOUND')"
    with make_board(main) as board:
        kept = ["-7 200 b'\\x00\\xff\\x00\\x00'", "apart", missing, "5"]
        assert run_to_end(board) == [missing, *kept]
        board.power_cut()
        assert run_to_end(board)[5:] == ["-7", *kept]


@pytest.mark.parametrize("torn", [False, True])
def test_nvs_survives_a_cut_at_every_operation(torn):
    """Each value is the one before or the one after, also while the log is copied over."""
    main = NVS + (
        "import os\nvalue = get('count')\n"
        "value = 0 if isinstance(value, tuple) else value\n"
        "print('found', value)\n"
        "for step in range(1, 4):\n"
        "    n.set_blob('fill', os.urandom(2000))\n"
        "    n.set_i32('count', value + step)\n    print('set', value + step)\n"
    )
    with make_board(main) as board:
        run_to_end(board)
        operations = board.flash.ops
        assert board.flash.erases >= 2  # the log was copied
    for at_op in range(1, operations + 1):
        with make_board(main) as board:
            board.arm_power_cut(at_op, torn=torn, seed=at_op)
            board.boot()
            assert board.run_until(lambda board=board: board.state == "off", 10_000)
            told = [int(line.split()[1]) for line in board.console.text.splitlines()]
            again = [int(line.split()[1]) for line in run_to_end(board)[len(told):]]
            assert again[0] in (told[-1], told[-1] + 1)
            board.power_cut()
            assert not board.flash.powered
            assert run_to_end(board)[len(told) + len(again)] == f"found {again[-1]}"


def test_the_table_bytes_are_in_the_image():
    with make_board("") as board:
        table = bytes(board.flash.image[TABLE_OFFSET:TABLE_OFFSET + 4096])
        assert table == LAYOUT.table_bytes()
        assert table[:2] == b"\xaa\x50"
