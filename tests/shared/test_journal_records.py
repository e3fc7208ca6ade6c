"""Records byte for byte as SPEC §3 has them. Runs on both interpreters."""

from binascii import unhexlify

from protocol.fields import layout_width
from protocol.journal import records


def packed(kind, fields):
    body = bytearray(b"\xee" * 40)
    records.pack_body(kind, body, fields)
    return bytes(body)


def test_header_bytes():
    record = bytearray(64)
    records.pack_header(record, 0x01020304, records.INTENT, 2, 0x0506, 0x0708090A, 0x0B0C0D0E)
    assert bytes(record[:16]) == unhexlify("04030201030206050a0908070e0d0c0b")
    assert records.parse_header(record) == {
        "seq": 0x01020304, "kind": 3, "clock_quality": 2, "boot": 0x0506, "time": 0x0708090A,
        "uptime_s": 0x0B0C0D0E}
    assert records.record_seq(record) == 0x01020304


def test_boot_bytes():
    body = packed(records.BOOT, {
        "reset_cause": 1, "torn_count": 2, "first_torn_seq": 0x03040506, "firmware_major": 7,
        "firmware_minor": 8, "firmware_patch": 9, "tariff_version": 10,
        "journal_id": b"\xaa\xbb\xcc\xdd", "device_id": b"V1"})
    assert body == (unhexlify("0102060504030708090a000000aabbccdd") + b"V1" + bytes(21))


def test_place_clock_and_health_bytes():
    assert packed(records.PLACE, {"vehicle": 101, "route": 5, "stop": 1}) == (
        b"\x65\x00\x05\x00\x01\x00" + bytes(34))
    assert packed(records.CLOCK, {"old_time": 1, "new_time": 2, "source": 3}) == (
        b"\x01\x00\x00\x00\x02\x00\x00\x00\x03" + bytes(31))
    assert packed(records.HEALTH, {
        "fault_bits": 1, "fill_percent": 50, "reader_faults": 2, "heap_free": 0x12345}) == (
        unhexlify("0100000032020045230100") + bytes(29))


def test_intent_bytes():
    body = packed(records.INTENT, {
        "medium": 1, "uid_length": 4, "uid": b"\x01\x02\x03\x04", "flags": 4, "card_seq": 0x050607,
        "product": 8, "rider_category": 9, "riders": 1, "charge": 10000, "k": 0x0A0B0C0D,
        "tag_before": b"befo", "tag_after": b"afte", "granted": 50000, "grant_seq": 2,
        "companions": 0x1201})
    assert body == (unhexlify("0104010203040000000407060508090110270000" "0d0c0b0a")
                    + b"befoafte" + unhexlify("50c3000002000112"))


def test_outcome_bytes():
    body = packed(records.OUTCOME, {
        "medium": 1, "uid_length": 7, "uid": b"\x01\x02\x03\x04\x05\x06\x07", "flags": 1,
        "outcome": 1, "reason": 7, "product": 3, "rider_category": 2, "charge": 1, "k": 2,
        "tag": b"tags", "intent_seq": records.SEQ_NONE, "card_seq": 5, "granted": 6,
        "grant_seq": 7, "riders": 8})
    assert body == (unhexlify("0107010203040506070101070302" "01000000" "02000000")
                    + b"tags" + unhexlify("ffffffff" "050000" "06000000" "0700" "08"))


def test_every_layout_is_gapless_and_fits():
    assert records.HEADER_LAYOUT[-1][1] + 4 == records.BODY_OFFSET
    for layout in (records.HEADER_LAYOUT,) + records.BODY_LAYOUTS[1:]:  # noqa: RUF005
        offset = 0
        for field in layout:
            assert field[1] == offset, field
            offset += field[2]
    for layout in records.BODY_LAYOUTS[1:]:
        assert layout_width(layout) <= records.BODY_BYTES
    assert layout_width(records.INTENT_LAYOUT) == records.BODY_BYTES
    assert layout_width(records.OUTCOME_LAYOUT) == records.BODY_BYTES
    assert len(records.BODY_LAYOUTS) == len(records.KIND_NAMES)


def test_body_round_trip_and_bad_input():
    fields = {"vehicle": 1, "route": 2, "stop": 3}
    record = bytearray(64)
    records.pack_header(record, 0, records.PLACE, 0, 0, 0, 0)
    records.pack_body(records.PLACE, memoryview(record)[16:56], fields)
    assert records.parse_body(record) == fields
    record[4] = 77
    assert records.parse_body(record) == {}
    for kind, bad in ((0, {}), (7, {}), (2, {"vehicle": 65536}), (2, {"nonsense": 1})):
        try:
            records.pack_body(kind, bytearray(40), bad)
        except ValueError:
            continue
        raise AssertionError(bad)


def test_blank():
    assert records.is_blank(b"\xff" * 64)
    assert not records.is_blank(b"\xff" * 63 + b"\xfe")
