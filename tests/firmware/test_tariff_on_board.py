"""Tariff files on the virtual board: in use, taken at boot, cut off anywhere while taken."""

from dataclasses import replace

import pytest

from host_tools.bench.board import BoardState
from host_tools.device.build import ROM_FOLDER, build, manifest
from host_tools.device.image import DEFAULT_LAYOUT, read_littlefs
from host_tools.keys.store import KeyStore
from host_tools.tariff.load import load_tariff
from host_tools.tariff.pack import pack
from host_tools.tariff.sign import sign
from protocol.fields import get_uint
from protocol.journal import records
from tests.firmware.door import STORE, Door, new_card
from tests.firmware.tariffs import flat, town

pytestmark = pytest.mark.vm

NEWER = sign(pack(replace(load_tariff("flat").tables, version=2)), STORE)
OLDER = sign(pack(replace(load_tariff("flat").tables, version=0)), STORE)
FOREIGN = sign(load_tariff("flat").payload, KeyStore.deterministic("somebody else"))
CUTS_MAX = 60
HELD_BYTES_MAX = 2048
BOARD_PERCENT = 60  # what the 64-bit VM keeps takes so much of it on a board (decision 0007)
HOLD = b"""
import gc
from firmware.services.tariff_store import load_tariff
from protocol.fares.engine import Fares
from protocol.keys.keyset import load_keyset
with open("/keys.cbor", "rb") as file:
    keyset = load_keyset(file.read())
for _ in range(2):
    tariff = None
    gc.collect()
    before = gc.mem_alloc()
    tariff = load_tariff(keyset, lambda: None)
    gc.collect()
    held = gc.mem_alloc() - before
print("held=%d version=%d" % (held, tariff.version))
"""


def files(door):
    """What lies in the file system."""
    part = door.board.layout.find("vfs")
    return read_littlefs(bytes(door.board.flash.image[part.offset:part.end]))


def versions(door):
    """Tariff versions in the BOOT records, in slot order."""
    part = door.board.layout.find("journal")
    raw = bytes(door.board.flash.image[part.offset:part.end])
    at = records.BODY_OFFSET + next(
        field[1] for field in records.BOOT_LAYOUT if field[0] == "tariff_version"
    )
    return [
        get_uint(raw, slot + at, 4)
        for slot in range(0, len(raw), records.RECORD_BYTES)
        if raw[slot + 4] == records.BOOT and raw[slot] != 0xFF
    ]


@pytest.mark.parametrize(
    ("held", "why"),
    [(b"", "truncated"), (flat()[:300], "truncated"), (FOREIGN, "foreign"),
     (flat()[:200] + b"!" + flat()[201:], "damaged")],
)
def test_without_a_good_tariff_the_door_is_closed(held, why):
    with Door(tariff=held) as door:
        assert door.boot("fault no") == "fault no tariff"
        assert f"fault tariff {why}\n" in door.board.console.text
        door.board.run_for(60_000)
        assert (door.light, door.lines[1:]) == ("red", ["Out of", "service", "no tariff"])
        assert (door.board.boot_count, door.board.state) == (1, BoardState.RUNNING)
        assert files(door)["/tariff.bin"] == held


def test_a_newer_tariff_is_taken_at_the_next_boot_and_journalled():
    with Door(files={"/tariff.new": NEWER}) as door:
        assert door.boot("tariff version") == "tariff version=2"
        door.wait("ready")
        assert "fault" not in door.board.console.text
        assert versions(door) == [2]
        assert files(door)["/tariff.bin"] == NEWER
        assert "/tariff.new" not in files(door)
        assert door.tap(new_card())["charged"] == "10000"


def test_a_tariff_with_other_places_and_passes_is_taken_as_well():
    with Door(files={"/tariff.new": town()}) as door:
        assert door.boot("tariff version") == "tariff version=3"
        door.wait("ready")
        assert door.lines == ["Line 5 08:00", "Hold your", "card here", "Market"]


@pytest.mark.parametrize(
    ("offered", "why"),
    [(OLDER, "older"), (FOREIGN, "foreign"), (NEWER[:-70], "truncated"),
     (NEWER[:300] + b"!" + NEWER[301:], "damaged")],
)
def test_what_is_refused_leaves_the_old_one_in_use(offered, why):
    with Door(files={"/tariff.new": offered}) as door:
        assert door.boot("tariff version") == "tariff version=1"
        assert door.board.console.text.count("fault") == 1
        assert f"fault tariff {why}\n" in door.board.console.text
        door.wait("ready")
        assert versions(door) == [1]
        assert files(door)["/tariff.bin"] == flat()
        assert "/tariff.new" not in files(door)


def test_a_tariff_in_use_holds_little_memory():
    modules = {
        ROM_FOLDER + path if path.endswith(".mpy") else path: content
        for path, content in build(manifest("validator")).items()
    }
    with Door(tariff=town(), files=modules | {"/main.py": HOLD}, layout=DEFAULT_LAYOUT) as door:
        held, version = door.boot("held=").split()
        assert version == "version=3"
        held_bytes = int(held.removeprefix("held=")) * BOARD_PERCENT // 100
        assert 0 < held_bytes <= HELD_BYTES_MAX


@pytest.mark.parametrize("torn", [False, True])
@pytest.mark.parametrize(("offered", "version"), [(NEWER, 2), (OLDER, 1)])
def test_power_cut_at_any_flash_operation_leaves_the_old_or_the_new_one_whole(
    offered, version, torn
):
    seen = set()
    for number in range(1, CUTS_MAX):
        with Door(files={"/tariff.new": offered}) as door:
            door.board.arm_power_cut(number, torn=torn, seed=number)
            door.board.boot()
            door.board.run_until(
                lambda door=door: door.board.state is BoardState.OFF
                or "ready" in door.board.console.text,
                3000,
            )
            if door.board.state is not BoardState.OFF:
                break
            kept = files(door)
            assert kept["/tariff.bin"] in (flat(), offered)
            seen.add((kept["/tariff.bin"] == offered, "/tariff.new" in kept))
            since = len(door.board.console.lines)
            door.board.boot()
            assert door.wait("tariff version", since=since) == f"tariff version={version}"
            door.wait("ready", since=since)
            kept = files(door)
            assert kept["/tariff.bin"] == (offered if version == 2 else flat())
            assert "/tariff.new" not in kept
    else:
        pytest.fail("more flash operations than the test has looked at")
    assert seen == {(False, True), (version == 2, False)}
