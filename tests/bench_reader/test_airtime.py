"""Modelled times against the figures computed by hand from ISO/IEC 14443-3 and the data sheets."""

import pytest

from host_tools.bench.reader.classic import value_block
from tests.bench_reader.cards import KEY_A, UID_4, Bench, keyed_card

EEPROM_MS, COMPUTE_MS = 10, 5
TIMEOUT_MS = 51.2  # the chip's setting after power-up (UM 7.3.1, item 2)


def spent_ms(bench, run):
    bench.stats.reset()
    run()
    return bench.stats.rf_us / 1000


@pytest.fixture
def bench():
    card = keyed_card()
    card.set_block(4, value_block(1000, 4))
    return Bench(card)


def test_selection_of_a_4_byte_uid(bench):
    bench.command(b"\x32\x01\x01")
    assert spent_ms(bench, bench.listed) == pytest.approx(0.46 + 0.82 + 1.24, abs=0.01)


def test_authentication_and_read(bench):
    bench.listed()
    assert spent_ms(bench, lambda: bench.auth(4)) == pytest.approx(2.15, abs=0.005)
    assert spent_ms(bench, lambda: bench.read(4)) == pytest.approx(2.09, abs=0.005)


def test_value_commands(bench):
    bench.listed()
    bench.auth(4)
    decrement_ms = spent_ms(bench, lambda: bench.compute(0xC0, 4, 7))
    assert decrement_ms == pytest.approx(1.23 + COMPUTE_MS, abs=0.005)
    assert spent_ms(bench, lambda: bench.transfer(5)) == pytest.approx(0.60 + EEPROM_MS, abs=0.005)


def test_write(bench):
    bench.listed()
    bench.auth(4)
    # two frames of 4 and 18 bytes, two 4-bit answers: (39 + 165 + 2·6) etu and two of both delays
    frames_ms = (39 + 165 + 12) * 128 / 13560 + 2 * (1236 + 1172) / 13560
    written_ms = spent_ms(bench, lambda: bench.write(5, bytes(16)))
    assert written_ms == pytest.approx(frames_ms + EEPROM_MS, abs=0.003)


def test_an_absent_card_costs_the_time_out(bench):
    bench.listed()
    bench.auth(4)
    bench.field.clear()
    assert spent_ms(bench, lambda: bench.read(4)) == pytest.approx(TIMEOUT_MS + 0.46, abs=0.01)
    bench.command(b"\x32\x02\x00\x0b\x06")  # 3.2 ms
    assert spent_ms(bench, lambda: bench.read(4)) == pytest.approx(3.2 + 0.46, abs=0.01)


def test_the_field_takes_5_ms_to_come_up_once(bench):
    first_ms = spent_ms(bench, bench.listed)
    bench.command(b"\x32\x01\x00")
    bench.command(b"\x32\x01\x01")
    assert first_ms - spent_ms(bench, bench.listed) == pytest.approx(5.0, abs=0.001)


def test_empty_tries_take_their_time():
    bench = Bench(tries=2)
    bench.command(b"\x32\x01\x01")
    assert 2 * 5.0 < spent_ms(bench, bench.listed) < 3 * 5.0
    assert bench.stats.frames == 3


def test_link_bytes_are_24_and_what_goes_and_comes(bench):
    bench.listed()
    bench.stats.reset()
    bench.auth(4)
    assert bench.stats.link_bytes == 24 + (2 + 6 + 4 + 1) + 1
    bench.stats.reset()
    bench.read(4)
    assert bench.stats.link_bytes == 24 + 3 + 17
    assert bench.stats.link_us == round(44 * 10e6 / 921600)
    assert bench.stats.snapshot() == {
        "rf_us": bench.stats.rf_us, "link_us": 477, "commands": 1, "frames": 1, "link_bytes": 44,
    }


def test_virtual_time_is_air_and_line_together(bench):
    bench.stats.reset()
    start_us = bench.reader.now_us
    bench.listed(2)
    assert bench.auth(4, KEY_A, uid_part=UID_4) == 0
    passed_us = bench.reader.now_us - start_us
    assert passed_us == pytest.approx(bench.stats.rf_us + bench.stats.link_us, abs=4)
