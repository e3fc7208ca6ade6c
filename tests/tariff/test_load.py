"""Whatever a user can name as a tariff, and the codes that others ask of it."""

from pathlib import Path

import pytest

from host_tools.errors import BadInput
from host_tools.keys.store import KeyStore
from host_tools.tariff.load import BadFeed, load_tariff
from host_tools.tariff.pack import pack
from host_tools.tariff.sign import sign
from protocol.fares.engine import Fares
from protocol.fares.tariff import Place, check_payload
from tests.tariff import made as m
from tests.tariff.feeds import added, changed, city_feed, flat_feed, without, write_feed
from tests.tariff.rows import SMALL
from tests.tariff.test_compile_after import NEW, OLD


def test_flat_reads_as_the_engine_wants_it() -> None:
    loaded = load_tariff("flat")
    tariff = loaded.tariff
    assert (tariff.version, tariff.currency, tariff.exponent, tariff.plain) == (1, "KZT", 2, True)
    assert (tariff.passback_s, tariff.recovery_s, tariff.purse_max_minor) == (60, 43_200, None)
    assert (tariff.category_name(1), tariff.is_concession(1)) == ("Reduced", True)
    assert not tariff.has_checkout
    fares = Fares(tariff)
    noon = 217_000_000
    assert [fares.offer(category, Place(), noon) for category in (0, 1)] == [
        (10_000, 1),
        (5_000, 1),
    ]
    assert tariff.day(noon) == (noon + 18_000) // 86_400


def test_every_compiled_tariff_is_well_formed_to_a_device(tmp_path: Path) -> None:
    for files in (flat_feed(), city_feed()):
        loaded = load_tariff(write_feed(files, tmp_path / str(len(files))))
        check_payload(loaded.tariff._store, len(loaded.payload))


def test_folder_zip_and_file_are_the_same_tariff(tmp_path: Path) -> None:
    folder = load_tariff(write_feed(city_feed(), tmp_path / "city"))
    archive = load_tariff(str(write_feed(city_feed(), tmp_path / "city.zip")))
    compiled = tmp_path / "city.tariff"
    compiled.write_bytes(sign(folder.payload, KeyStore.deterministic(1)))
    file = load_tariff(compiled)
    assert folder.payload == archive.payload == file.payload
    assert folder.tables == file.tables
    assert (folder.signed_key_id, file.signed_key_id) == (None, 1)
    assert folder.findings == archive.findings != ()
    assert file.findings == ()
    compiled.write_bytes(sign(folder.payload, None))
    assert load_tariff(compiled).signed_key_id is None


def test_codes_of_ids(tmp_path: Path) -> None:
    loaded = load_tariff(write_feed(city_feed(), tmp_path / "city"))
    assert loaded.category_ids == ("adult", "reduced")
    assert loaded.product_ids[:3] == (None, "ride", "peak_ride")
    assert (loaded.category_code("adult"), loaded.category_code("reduced")) == (0, 1)
    assert (loaded.product_code("ride"), loaded.network_code("rail")) == (1, 2)
    assert (loaded.route_code("R7"), loaded.media_code("cash")) == (2, 2)
    assert loaded.tariff.stop_id(loaded.stop_code("S2")) == "S2"
    assert loaded.zone_code("outer") == 0x8002
    assert loaded.tariff.stop_name(0x8002) == "Airport"
    for look_up in ("category", "product", "network", "route", "media", "stop", "zone"):
        with pytest.raises(KeyError):
            getattr(loaded, f"{look_up}_code")("nothing")


def test_what_is_gone_has_no_code_to_use(tmp_path: Path) -> None:
    path = tmp_path / "new.tariff"
    path.write_bytes(sign(pack(m.compiled(NEW, m.compiled(OLD))), None))
    loaded = load_tariff(path)
    assert loaded.product_ids == (None, "ride", "day")  # a card may still say 2
    with pytest.raises(KeyError):
        loaded.product_code("day")
    with pytest.raises(KeyError):
        loaded.route_code("R2")


def test_a_feed_after_an_older_tariff(tmp_path: Path) -> None:
    path = write_feed(flat_feed(), tmp_path / "flat")
    assert load_tariff(path).route_code("R7") == 2
    rows = flat_feed()["routes.txt"].splitlines()
    turned = flat_feed() | {"routes.txt": "\n".join([rows[0], rows[2], rows[1]]) + "\n"}
    other = write_feed(turned, tmp_path / "turned")
    assert load_tariff(other).route_code("R7") == 1
    assert load_tariff(other, load_tariff(path).tables).route_code("R7") == 2


def test_a_feed_with_errors_says_them_all(tmp_path: Path) -> None:
    files = changed(flat_feed(), "fare_products.txt", "100.00", "free")
    path = write_feed(added(files, "fare_leg_rules.txt", "city,,,,nothing"), tmp_path / "bad")
    with pytest.raises(BadFeed) as caught:
        load_tariff(path)
    lines = str(caught.value).splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{path}: fare_") for line in lines)
    assert [found.severity for found in caught.value.findings] == ["error", "error"]


def test_errors_of_the_compiler_too(tmp_path: Path) -> None:
    files = changed(flat_feed(), "agency.txt", "Asia/Almaty", "America/Nuuk")
    path = write_feed(files, tmp_path / "bad")
    with pytest.raises(BadFeed, match="has a rule that a tariff can't say"):
        load_tariff(path)


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"MNKT", sign(b"", None), sign(pack(SMALL)[:-1], None)]
)
def test_files_that_are_no_tariff(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.tariff"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="neither a fare feed nor a compiled tariff") as caught:
        load_tariff(path)
    assert "\n" not in str(caught.value)


def test_names_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no such file or folder; built-in tariffs: flat"):
        load_tariff(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="no such file"):
        load_tariff(Path("flat"))  # a path is no name
    with pytest.raises(BadInput):
        load_tariff("a\0b")
    with pytest.raises(BadInput, match="neither"):
        load_tariff("/dev/zero")  # has no end
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(BadFeed, match="is missing"):
        load_tariff(empty)
    with pytest.raises(BadFeed, match=r"fare_products\.txt"):
        load_tariff(write_feed(without(flat_feed(), "fare_products.txt"), tmp_path / "less"))
