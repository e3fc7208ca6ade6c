"""Firmware builds and images: the same bytes each time, and clear errors."""

import re
from pathlib import Path

import pytest

from host_tools.bench.board import shim_rom
from host_tools.bench.board.messages import Op
from host_tools.device import build, image
from host_tools.errors import BadInput
from tests.bench_board.sample import make_board, run_to_end

MANIFEST = 'MODULES = {"validator": ("pkg.sub.mod", "pkg.other")}\n'


@pytest.fixture
def project(tmp_path: Path):
    for path, source in {
        "firmware/manifest.py": MANIFEST,
        "firmware/boot.py": "print('boot')\n",
        "firmware/main.py": "from pkg.sub.mod import answer\nprint(answer())\n",
        "pkg/__init__.py": "",
        "pkg/other.py": "X = 1\n",
        "pkg/unlisted.py": "X = 2\n",
        "pkg/sub/__init__.py": "",
        "pkg/sub/mod.py": "from pkg import other\n\n\ndef answer():\n    return other.X + 41\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(source)
    return tmp_path


def test_a_build_holds_what_the_manifest_lists(project):
    modules = build.manifest("validator", project)
    files = build.build(modules, project)
    assert sorted(files) == [
        "/boot.py", "/main.py", "/pkg/__init__.mpy", "/pkg/other.mpy", "/pkg/sub/__init__.mpy",
        "/pkg/sub/mod.mpy",
    ]
    assert files["/pkg/other.mpy"][:2] == b"M\x06"
    assert files == build.build(modules, project)
    assert image.flash_image(files) == image.flash_image(files)


@pytest.mark.parametrize("folder", ["", "/rom"])
def test_a_build_boots_from_files_and_in_place(project, folder):
    files = build.build(build.manifest("validator", project), project)
    placed = {(folder if path.endswith(".mpy") else "") + path: files[path] for path in files}
    with make_board("", placed) as board:
        assert run_to_end(board) == ["boot", "42"]


def test_the_firmware_of_this_project_builds_the_same_twice():
    first = build.build_firmware("validator")
    build.compile_module.cache_clear()
    assert first == build.build_firmware("validator")
    assert {"/boot.py", "/main.py", "/font.bin"} <= set(first)


def test_what_does_not_build_is_one_clear_line(project):
    (project / "pkg/other.py").write_text("def broken(:\n")
    with pytest.raises(BadInput, match=r"pkg[./]other"):
        build.build(build.manifest("validator", project), project)
    (project / "firmware/manifest.py").write_text('MODULES = {"validator": ("pkg.none",)}\n')
    with pytest.raises(BadInput, match=r"pkg\.none"):
        build.build(build.manifest("validator", project), project)
    with pytest.raises(BadInput, match="no role 'inspector'"):
        build.manifest("inspector", project)
    (project / "firmware/manifest.py").unlink()
    with pytest.raises(BadInput, match="no firmware manifest"):
        build.manifest("validator", project)


def test_littlefs_images_hold_their_files_and_refuse_too_many():
    files = {"/a/b/c.mpy": bytes(5000), "/config.json": b"{}"}
    disk = image.littlefs_image(files, 32 * 4096)
    assert image.read_littlefs(disk) == files
    with pytest.raises(BadInput, match="does not go into"):
        image.littlefs_image({"/big": bytes(40 * 4096)}, 32 * 4096)
    with pytest.raises(BadInput, match="not a sound littlefs"):
        image.read_littlefs(bytes(32 * 4096))


def test_layouts_are_checked():
    nvs = image.PartitionEntry("nvs", 1, 2, 0x9000, 0x6000)
    for other in (
        image.PartitionEntry("x", 1, 6, 0xE000, 0x1000),
        image.PartitionEntry("x", 1, 6, 0xF000, 100),
        image.PartitionEntry("x", 1, 6, 0xF000, 0x1000000),
    ):
        with pytest.raises(ValueError, match="partition"):
            image.FlashLayout(0x100000, (nvs, other))


def test_shims_and_bench_speak_of_the_same_operations():
    seen = {}
    for source in shim_rom.SHIMS.glob("*.py"):
        for name, number in re.findall(r"^_OP_(\w+) = const\((\d+)\)$", source.read_text(), re.M):
            seen[name] = int(number)
    assert seen == {op.name: op.value for op in Op}
