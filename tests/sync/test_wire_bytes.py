"""The bytes a tap costs on the line stay what they are believed to be."""

from tests.sync.wire_bytes import wire_bytes_per_tap


def test_bytes_a_tap():
    many = wire_bytes_per_tap(100)
    assert many["coded"] < 40
    assert many["coded"] < many["up"] < many["both"] < 55
    alone = wire_bytes_per_tap(1)
    assert alone["both"] < 240
