"""Records by name, in three formats; a card's UID only when asked for."""

import csv
import io
import json

from host_tools.logs.decode import COLUMNS, iso_time, row_of, rows
from host_tools.logs.formats import write_csv, write_jsonl, write_table
from protocol.journal import records
from tests.logs.journals import DEVICE_ID, JOURNAL_ID, Device


def sample():
    device = Device()
    device.put(records.PLACE, {"vehicle": 101, "route": 5, "stop": 1})
    device.tap(1)
    device.put(records.OUTCOME, {
        "medium": 2, "outcome": 1, "reason": 2, "intent_seq": records.SEQ_NONE})
    device.put(records.CLOCK, {"old_time": 0, "new_time": 86400, "source": 2})
    device.put(records.HEALTH, {"fault_bits": 3, "fill_percent": 1, "heap_free": 50000})
    return device.journal()


def test_rows_by_name():
    boot, place, intent, outcome, refused, clock, health = rows(sample(), uids=True)
    assert boot["kind"] == "boot"
    assert boot["firmware"] == "1.2.3"
    assert (boot["device_id"], boot["journal_id"]) == (DEVICE_ID, JOURNAL_ID.hex())
    assert (boot["first_torn_seq"], boot["torn_count"]) == (None, 0)
    assert boot["time"] == "2026-11-16T13:46:40Z"
    assert boot["clock_quality"] == "centre"
    assert (place["vehicle"], place["route"], place["stop"]) == (101, 5, 1)
    assert intent["uid"] == "c0ffee01"
    assert (intent["charge"], intent["k"], intent["tag_before"]) == (10000, 20002, b"tag0".hex())
    assert (outcome["outcome"], outcome["reason"], outcome["flags"]) == (
        "accepted", None, ["transfer"])
    assert (outcome["intent_seq"], outcome["medium"]) == (2, "classic1k")
    assert (refused["outcome"], refused["reason"]) == ("refused", "one_card_please")
    assert (refused["intent_seq"], refused["uid"]) == (None, "")
    assert clock["new_time"] == "2020-01-02T00:00:00Z"
    assert clock["source"] == "centre"
    assert (health["fault_bits"], health["heap_free"]) == (3, 50000)
    for row in (boot, place, intent, outcome, refused, clock, health):
        assert set(row) <= set(COLUMNS)


def test_zones_companions_and_check_outs_by_name():
    device = Device()
    device.put(records.PLACE, {"vehicle": 101, "route": 5, "stop": 0x8002})
    device.put(records.INTENT, {
        "medium": 1, "riders": 6, "companions": 0x1302, "flags": records.FLAG_MISSED})
    device.put(records.OUTCOME, {"medium": 1, "riders": 6, "flags": records.FLAG_CHECKOUT})
    _, place, intent, outcome = rows(device.journal())
    assert (place["stop"], place["zone"]) == (None, 2)
    assert (intent["companions"], intent["flags"]) == (["0:2", "1:3"], ["missed"])
    assert (outcome["flags"], outcome["riders"]) == (["checkout"], 6)
    assert "zone" not in next(row for row in rows(sample()) if row["kind"] == "place")


def test_uids_are_left_out_by_default():
    text = io.StringIO()
    for write in (write_jsonl, write_csv, write_table):
        write(rows(sample()), text)
    assert "c0ffee" not in text.getvalue().lower()
    assert all("uid" not in row for row in rows(sample()))


def test_kinds_are_chosen():
    assert [row["kind"] for row in rows(sample(), frozenset({"clock", "place"}))] == [
        "place", "clock"]


def test_unreadable_and_unknown_values_do_not_stop_the_decoding():
    journal = sample()
    record = bytearray(journal.slots[3])
    assert row_of(bytes(64), 3) == {"seq": 3, "kind": "unreadable"}
    record[16] = 200  # medium
    record[26:28] = b"\xc8\xc8"  # outcome, reason
    record[25] = 0xF0  # flags
    row = row_of(bytes(record), 3)
    assert (row["medium"], row["outcome"], row["reason"], row["flags"]) == (
        "unknown_200", "unknown_200", "unknown_200", ["checkout", "missed", "bits_0xc0"])
    record[4] = 99
    assert row_of(bytes(record), 3)["kind"] == "unreadable"
    assert iso_time(0xFFFFFFFF) == "2156-02-07T06:28:15Z"


def test_every_byte_value_in_every_place_decodes():
    for slot in sample().slots:
        for index in range(4, 64):
            for value in (0x00, 0x7F, 0x80, 0xFF):
                record = bytearray(slot)
                record[index] = value
                write_jsonl([row_of(bytes(record), records.record_seq(record), True)],
                            io.StringIO())


def test_jsonl_and_csv_say_the_same():
    lines, table = io.StringIO(), io.StringIO(newline="")
    assert write_jsonl(rows(sample()), lines) == 7
    assert write_csv(rows(sample()), table) == 7
    objects = [json.loads(line) for line in lines.getvalue().splitlines()]
    read = list(csv.DictReader(io.StringIO(table.getvalue())))
    assert list(read[0]) == list(COLUMNS)
    for one, other in zip(objects, read, strict=True):
        for name, value in one.items():
            text = " ".join(value) if isinstance(value, list) else str(value)
            assert other[name] == ("" if value is None else text)


def test_table_has_one_line_a_record():
    text = io.StringIO()
    assert write_table(rows(sample()), text) == 7
    lines = text.getvalue().splitlines()
    assert len(lines) == 8
    assert lines[4].split() == [
        "3", "2026-11-16T13:46:43Z", "1", "outcome", "medium=classic1k", "flags=transfer",
        "outcome=accepted", "charge=10000", "k=20002", "intent_seq=2", "card_seq=2",
        "granted=50000", "grant_seq=1", "riders=1"]
