"""The reader of compiled tariffs: what it says of a good one, and that it takes no bad one."""

import binascii
import struct

from protocol.errors import LayoutError
from protocol.fares.tariff import BytesStore, Tariff, check_payload
from tests.shared.tariff_payload import CENTRAL_EUROPE, ON_BOARD, RIDES, Sheet, rule


def _sheet():
    sheet = Sheet()
    sheet.category("adult")
    sheet.category("reduced", concession=True)
    sheet.media("card")
    sheet.card_media = 1
    sheet.version = 77
    sheet.purse_max = 20000
    sheet.passback_s = 90
    sheet.service_day_start_s = 4 * 3600
    sheet.zone = CENTRAL_EUROPE
    single = sheet.product("single", 100)
    sheet.product("ten", 900, kind=RIDES, length=10, flags=ON_BOARD)
    network = sheet.network("bus")
    first = sheet.stop("north")
    second = sheet.stop("süd")
    sheet.area("centre")
    sheet.route("r5", network, (second, first))
    sheet.route("r6")
    sheet.legs[0, 0, 0] = (rule(single),)
    return sheet


def _refuses(payload):
    try:
        Tariff(BytesStore(payload))
        check_payload(BytesStore(payload), len(payload))
    except LayoutError:
        return True
    return False


def test_what_a_tariff_says():
    tariff = Tariff(BytesStore(_sheet().payload()))
    assert (tariff.version, tariff.currency, tariff.exponent) == (77, "KZT", 2)
    assert (tariff.passback_s, tariff.recovery_s, tariff.purse_max_minor) == (90, 43200, 20000)
    assert (tariff.default_category, tariff.card_media) == (0, 1)
    assert (tariff.valid_from, tariff.valid_until) == (0, 0xFFFF)
    assert not tariff.plain
    assert not tariff.has_checkout
    assert tariff.same_vehicle_transfer
    assert (tariff.category_count, tariff.product_count, tariff.route_count) == (2, 2, 2)
    assert (tariff.stop_count, tariff.area_count, tariff.network_count) == (2, 1, 1)
    assert tariff.is_concession(1)
    assert not tariff.is_concession(0)
    assert not tariff.is_concession(2)


def test_names_and_ids():
    tariff = Tariff(BytesStore(_sheet().payload()))
    assert (tariff.category_id(1), tariff.category_name(1)) == ("reduced", "reduced")
    assert (tariff.product_id(2), tariff.product_name(2)) == ("ten", "the ten")
    assert (tariff.route_id(1), tariff.route_name(1)) == ("r5", "the r5")
    assert tariff.network_id(1) == "bus"
    assert (tariff.stop_id(2), tariff.stop_name(2)) == ("süd", "the süd")
    assert (tariff.stop_id(0x8001), tariff.stop_name(0x8001)) == ("centre", "the centre")


def test_codes_that_nobody_knows_have_no_name():
    tariff = Tariff(BytesStore(_sheet().payload()))
    names = [tariff.category_id(2), tariff.product_id(0), tariff.product_name(3)]
    names += [tariff.route_id(0), tariff.route_name(3), tariff.stop_name(3)]
    names += [tariff.stop_id(0), tariff.stop_id(0x8000), tariff.stop_name(0x8002)]
    assert names == [""] * len(names)


def test_stops_of_a_route():
    tariff = Tariff(BytesStore(_sheet().payload()))
    assert [tariff.route_stop_count(route) for route in range(4)] == [0, 2, 0, 0]
    assert [tariff.route_stop(1, index) for index in (-1, 0, 1, 2)] == [0, 2, 1, 0]
    assert tariff.route_stop(2, 0) == 0


def test_days_follow_zone_and_service_day():
    tariff = Tariff(BytesStore(_sheet().payload()))
    midnight = 10 * 86400 - 3600  # 2020-01-11 00:00 there
    assert [tariff.day(midnight + s) for s in (-1, 0)] == [9, 10]
    assert [tariff.service_day(midnight + s) for s in (0, 14399, 14400)] == [9, 9, 10]


def test_every_flipped_bit_is_seen():
    payload = _sheet().payload()
    assert not _refuses(payload)
    for at in range(len(payload)):
        bad = bytearray(payload)
        bad[at] ^= 1 << at % 8
        assert _refuses(bytes(bad)), at


def test_every_cut_is_seen():
    payload = _sheet().payload()
    for size in range(len(payload)):
        assert _refuses(payload[:size]), size
    assert _refuses(payload + b"\x00")


def _with_head(at, *changed):
    """A payload with other bytes in its head and a right checksum over it."""
    payload = bytearray(_sheet().payload())
    for index in range(len(changed)):
        payload[at + index] = changed[index]
    head = payload[:248]
    return bytes(head + struct.pack("<I", binascii.crc32(bytes(head))) + payload[252:])


def test_a_head_that_is_signed_and_wrong():
    assert not _refuses(_with_head(12, 78))
    for at in (16, 17, 18):
        assert _refuses(_with_head(at, 0x80)), "a currency that is no text"
    assert _refuses(_with_head(0, 0x4E))  # magic
    assert _refuses(_with_head(4, 2))  # format
    assert _refuses(_with_head(6, 255, 0))  # head width
    assert _refuses(_with_head(8, 0, 1, 0, 0))  # shorter than its tables
    assert _refuses(_with_head(72, 1, 1, 0, 0))  # first table not after the head
    assert _refuses(_with_head(76, 3))  # three categories: the media begin elsewhere
    assert _refuses(_with_head(78, 9))  # wider rows
    assert _refuses(_with_head(62, 2))  # cells of two to classes


def _raises(call, *arguments):
    try:
        call(*arguments)
    except LayoutError:
        return True
    return False


def test_rows_that_are_not_there():
    tariff = Tariff(BytesStore(_sheet().payload()))
    assert not _raises(tariff.row, 2, 1)
    assert _raises(tariff.row, 2, 2)
    assert _raises(tariff.row, 2, -1)
    assert _raises(tariff.row, 21, 0)
    assert not _raises(tariff.cell_rule_set, 0, 0)
    assert _raises(tariff.cell_rule_set, 1, 0)
    assert _raises(tariff.cell_rule_set, 0, 1)
