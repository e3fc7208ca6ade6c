"""The flash of a virtual device as a provisioned one comes out of the depot.

The firmware's build, its configuration, its key set and its signed tariff in a file system, the
rest blank; nothing differs from a real board's but that nobody had to plug it in.
"""

import json
from functools import cache

from host_tools.bench.nor import NorFlash
from host_tools.device.build import build_firmware
from host_tools.device.image import DEFAULT_LAYOUT, flash_image, littlefs_image, read_littlefs
from host_tools.keys.store import KeyStore

CONFIG_PATH = "/config.json"
KEYS_PATH = "/keys.cbor"
NEW_TARIFF_PATH = "/tariff.new"
TARIFF_PATH = "/tariff.bin"


@cache
def _firmware(role: str) -> dict[str, bytes]:
    return build_firmware(role)


def provisioned_image(
    device_id: str,
    role: str,
    place: tuple[int, int, int],
    store: KeyStore,
    journal_id: bytes,
    tariff_file: bytes,
) -> bytearray:
    """The whole flash of device `device_id` at `place` (codes of vehicle, route, stop).

    `tariff_file` is a tariff signed by the issuer of `store` (SPEC §6.1).
    """
    config = {
        "device_id": device_id,
        "role": role,
        "agency": store.agency,
        "vehicle": place[0],
        "route": place[1],
        "stop": place[2],
    }
    return flash_image({
        **_firmware(role),
        CONFIG_PATH: json.dumps(config).encode(),
        KEYS_PATH: store.device_keyset(device_id, journal_id, role),
        TARIFF_PATH: tariff_file,
    })


def put_file(flash: NorFlash, path: str, content: bytes) -> None:
    """Put a file into the file system of a board that is off, as a depot does over the console.

    BadInput if the file system is not sound, or full.
    """
    part = DEFAULT_LAYOUT.find("vfs")
    files = read_littlefs(bytes(flash.image[part.offset:part.end]))
    files[path] = content
    flash.image[part.offset:part.end] = littlefs_image(files, part.size)
