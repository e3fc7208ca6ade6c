"""Any tariff a user can name, ready for use: a built-in one, a feed or a compiled file.

A feed is compiled in memory. Signatures are not verified here: who may sign is a device's
question, and tools work on unsigned tariffs too (`sign.verifies`).
"""

import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from host_tools.errors import BadInput
from host_tools.tariff.built_in import BUILT_IN, built_in
from host_tools.tariff.compile import compile_feed
from host_tools.tariff.feed import Finding
from host_tools.tariff.pack import pack
from host_tools.tariff.read_feed import read_feed
from host_tools.tariff.sign import FILE_BYTES_MAX, read_signed
from host_tools.tariff.tables import Tables
from host_tools.tariff.unpack import unpack
from protocol.errors import LayoutError
from protocol.fares.tariff import ZONE_STOP, BytesStore, Tariff

__all__ = ["BUILT_IN", "BadFeed", "LoadedTariff", "load_tariff"]


class BadFeed(BadInput):
    """A feed has errors: `findings` has them with the warnings, the text a line for each."""

    def __init__(self, path: Path, findings: list[Finding]) -> None:
        self.path = path
        self.findings = findings
        errors = (found for found in findings if found.severity == "error")
        super().__init__("\n".join(f"{path}: {found}" for found in errors))


@dataclass
class LoadedTariff:
    """A tariff as bytes, as rows and as the engine reads it.

    Looking up the code of an id that the tariff does not have, or no longer has, is a KeyError.
    """

    source: str
    payload: bytes
    tables: Tables
    findings: tuple[Finding, ...] = ()  # warnings
    signed_key_id: int | None = None  # who claims to have signed it; None: unsigned

    def __post_init__(self) -> None:
        self.tariff = Tariff(BytesStore(self.payload))

    @property
    def category_ids(self) -> tuple[str, ...]:
        """Ids of rider categories by code."""
        return tuple(row.id for row in self.tables.categories)

    @property
    def product_ids(self) -> tuple[str | None, ...]:
        """Ids of products by code; 0 is none."""
        return (None, *(row.id for row in self.tables.products))

    def category_code(self, category_id: str) -> int:
        return self._codes["categories"][category_id]

    def media_code(self, media_id: str) -> int:
        return self._codes["media"][media_id]

    def product_code(self, product_id: str) -> int:
        return self._codes["products"][product_id]

    def network_code(self, network_id: str) -> int:
        return self._codes["networks"][network_id]

    def route_code(self, route_id: str) -> int:
        return self._codes["routes"][route_id]

    def stop_code(self, stop_id: str) -> int:
        return self._codes["stops"][stop_id]

    def zone_code(self, area_id: str) -> int:
        """The stop code of an area chosen by hand: from 0x8000 on."""
        return ZONE_STOP + self._codes["areas"][area_id]

    @cached_property
    def _codes(self) -> dict[str, dict[str, int]]:
        """Codes by id, table by table; a row without a name is that of an id that is gone."""
        first = {"categories": 0}
        tables = ("categories", "media", "products", "networks", "routes", "stops", "areas")
        return {
            table: {
                row.id: code
                for code, row in enumerate(_rows(self.tables, table), first.get(table, 1))
                if row.name
            }
            for table in tables
        }


def load_tariff(name_or_path: str | Path, after: Tables | None = None) -> LoadedTariff:
    """The tariff of a built-in name, a feed's folder or zip, or a compiled file.

    A feed is compiled `after` an older tariff if one is given, so that ids keep their codes.
    BadInput if there is none, BadFeed if the feed has errors.
    """
    name = str(name_or_path)
    if name in BUILT_IN and isinstance(name_or_path, str):
        compiled, findings = built_in(name)
        return LoadedTariff(name, pack(compiled), compiled, findings)
    path = Path(name_or_path)
    return _of_feed(path, after) if _is_feed(path) else _of_file(path)


def _is_feed(path: Path) -> bool:
    try:
        return path.is_dir() or (path.is_file() and zipfile.is_zipfile(path))
    except (OSError, ValueError):  # what is wrong with it, reading it says
        return False


def _of_feed(path: Path, after: Tables | None) -> LoadedTariff:
    feed, findings = read_feed(path)
    compiled = None
    if feed is not None:
        compiled, said = compile_feed(feed, after)
        findings = [*findings, *said]
    if compiled is None:
        raise BadFeed(path, findings)
    return LoadedTariff(str(path), pack(compiled), compiled, tuple(findings))


def _of_file(path: Path) -> LoadedTariff:
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        known = ", ".join(BUILT_IN)
        raise BadInput(f"{path}: no such file or folder; built-in tariffs: {known}") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a name"
        raise BadInput(f"{path}: cannot be read ({reason})") from None
    try:
        signed = read_signed(content)
        compiled = unpack(signed.payload)
        return LoadedTariff(str(path), signed.payload, compiled, (), signed.key_id)
    except LayoutError as error:
        why = " ".join(map(str, error.args))
        text = f"{path}: neither a fare feed nor a compiled tariff ({why})"
        raise BadInput(text) from None


def _rows(tables: Tables, table: str) -> Any:
    return getattr(tables, table)
