"""ISO/IEC 14443-3 type A as cards and chip play it: states, anticollision, one and two targets."""

from itertools import combinations
from random import Random

import pytest

from host_tools.bench.reader import ClassicCard, Picc, RfField
from host_tools.bench.reader.picc import CRC, HLTA, REQA, SHORT, WUPA, cascade_blocks
from tests.bench_reader.cards import (
    AUTH_FAILED,
    OK,
    TIMEOUT,
    UID_4,
    UID_7,
    WRONG_CONTEXT,
    Bench,
)

FF = b"\xff" * 6
UID_10 = bytes.fromhex("04a1a2a3a4a5a6a7a8a9")


def blank(uid, size="1k"):
    return ClassicCard.transport(uid, size)


class Air:
    """A card alone in a field, spoken to frame by frame."""

    def __init__(self, card):
        self.field = RfField()
        self.field.switch(True, 0)
        self.field.place(card)
        self.card = card

    def send(self, payload, flags=0, last_bits=0):
        return self.field.exchange(payload, flags, last_bits, 0)

    def wake(self, code=REQA):
        return self.send(bytes((code,)), SHORT)

    def select(self):
        for code, block in zip((0x93, 0x95, 0x97), cascade_blocks(self.card.uid), strict=False):
            answer = self.send(bytes((code, 0x70)) + block, CRC)
        return answer


@pytest.mark.parametrize(("uid", "size", "atqa", "sak"), [
    (UID_4, "1k", "0004", 0x08), (UID_4, "4k", "0002", 0x18),
    (UID_7, "1k", "0044", 0x08), (UID_7, "4k", "0042", 0x18),
])
def test_identity(uid, size, atqa, sak):
    assert Bench(blank(uid, size)).listed() == [(1, bytes.fromhex(atqa), sak, uid)]


@pytest.mark.parametrize("uid", [UID_4, UID_7, UID_10])
def test_each_cascade_level_is_selected(uid):
    air = Air(Picc(uid, b"\x44\x00", 0x20))
    assert air.wake() is not None
    assert air.select().payload == b"\x20"


def test_a_card_without_field_hears_nothing():
    air = Air(blank(UID_4))
    air.field.switch(False, 0)
    assert air.wake() is None
    assert air.card.frames == 0


def test_halt_answers_only_wupa():
    air = Air(blank(UID_4))
    air.wake()
    air.select()
    assert air.send(HLTA, CRC) is None
    assert air.wake(REQA) is None
    assert air.wake(WUPA) is not None


def test_an_error_leads_back_to_where_the_card_was_woken():
    for code in (REQA, WUPA):
        air = Air(blank(UID_4))
        air.wake(code)
        air.select()
        assert air.wake() is None  # not expected in ACTIVE: silence, back to IDLE
        assert air.wake(REQA) is not None
    air = Air(blank(UID_4))
    air.wake()
    air.select()
    air.send(HLTA, CRC)
    air.wake(WUPA)
    air.select()
    assert air.wake(REQA) is None  # an error in ACTIVE*: back to HALT
    assert air.wake(REQA) is None
    assert air.wake(WUPA) is not None


def test_the_field_switched_off_ends_halt():
    air = Air(blank(UID_4))
    air.wake()
    air.select()
    air.send(HLTA, CRC)
    air.field.switch(False, 0)
    air.field.switch(True, 0)
    assert air.wake(REQA) is not None


def test_a_select_of_another_card_leads_back():
    air = Air(blank(UID_4))
    air.wake()
    other = cascade_blocks(bytes.fromhex("11223344"))[0]
    assert air.send(b"\x93\x70" + other, CRC) is None
    assert air.select() is None
    assert air.wake() is not None


@pytest.mark.parametrize("known", range(40))
def test_anticollision_answers_the_rest_of_the_uid(known):
    air = Air(blank(UID_4))
    block = int.from_bytes(cascade_blocks(UID_4)[0], "little")
    whole, bits = divmod(known, 8)
    prefix = (block & ((1 << known) - 1)).to_bytes(whole + bool(bits), "little")
    command = bytes((0x93, (whole + 2) << 4 | bits))
    air.wake()
    answer = air.send(command + prefix, 0, bits)
    assert answer.bit_count == 40 - known
    assert int.from_bytes(answer.payload, "little") == block >> known
    if known:
        wrong = bytearray(prefix)
        wrong[0] ^= 1
        assert air.send(command + bytes(wrong), 0, bits) is None
    assert air.select() is not None  # a prefix of another card does not lead back


def test_two_cards_of_any_uids_are_both_found():
    source = Random(11)
    uids = [source.randbytes(4) for _ in range(12)] + [b"\x04" + source.randbytes(6)
                                                       for _ in range(12)]
    uids += [UID_4, UID_4[:3] + b"\xc2", b"\x05" + UID_4[1:], UID_7[:6] + b"\x81", UID_7]
    uids = [uid for uid in uids if uid[0] != 0x88]
    for first, second in combinations(uids, 2):
        bench = Bench(blank(first), blank(second))
        assert {uid for *_, uid in bench.listed(2)} == {first, second}


def test_every_single_bit_of_difference_is_resolved():
    for bit in range(32):
        other = (int.from_bytes(UID_4, "little") ^ 1 << bit).to_bytes(4, "little")
        if other[0] == 0x88:
            continue
        bench = Bench(blank(UID_4), blank(other))
        assert {uid for *_, uid in bench.listed(2)} == {UID_4, other}


def test_three_cards_two_are_listed():
    cards = [blank(UID_4), blank(UID_7), blank(b"\x10\x20\x30\x40")]
    assert len({uid for *_, uid in Bench(*cards).listed(2)}) == 2


def test_one_target_asked_for_leaves_the_other_idle():
    bench = Bench(blank(UID_4), blank(UID_7))
    first = bench.listed(1)
    bench.command(b"\x44\x00")  # InDeselect: HLTA
    second = bench.listed(1)
    assert {first[0][3], second[0][3]} == {UID_4, UID_7}
    bench.command(b"\x44\x00")
    assert bench.listed(1) == []


def test_asking_for_two_costs_the_frames_it_costs():
    """HLTA and a REQA in vain after the only card; WUPA and SELECT at its first exchange."""
    bench = Bench(blank(UID_4))
    bench.command(b"\x32\x01\x01")
    bench.stats.reset()
    assert len(bench.listed(2)) == 1
    assert bench.stats.frames == 3 + 2  # REQA, anticollision, SELECT; HLTA, REQA
    bench.stats.reset()
    assert bench.auth(4, FF) == OK
    assert bench.stats.frames == 2 + 2  # WUPA, SELECT; two of the authentication
    bench.stats.reset()
    assert bench.auth(8, FF) == OK
    assert bench.stats.frames == 2


def test_changing_targets_costs_the_frames_it_costs():
    bench = Bench(blank(UID_4), blank(b"\x10\x20\x30\x40"))
    targets = bench.listed(2)
    bench.stats.reset()
    bench.command(b"\x54\x01")
    assert bench.stats.frames == 3  # HLTA to the second, WUPA, SELECT
    bench.command(b"\x54\x01")
    assert bench.stats.frames == 3
    bench.auth(4, FF, uid_part=targets[1][3], tg=2)
    assert bench.stats.frames == 3 + 3 + 2


def test_two_targets_are_used_in_turn():
    cards = {UID_4: blank(UID_4), UID_7: blank(UID_7)}
    bench = Bench(*cards.values())
    for _ in range(3):
        for tg, _, _, uid in bench.listed(2):
            assert bench.auth(4, FF, uid_part=uid[-4:], tg=tg) == OK
            assert bench.exchange(b"\xa0\x04" + uid.ljust(16), tg) == (OK, b"")
        bench.command(b"\x32\x01\x00")
    for uid, card in cards.items():
        assert card.block(4) == uid.ljust(16)


def test_a_uid_given_finds_that_card_even_halted():
    bench = Bench(blank(UID_4), blank(UID_7))
    bench.listed(2)
    assert bench.command(b"\x4a\x01\x00" + UID_4)[0] == 1
    bench.command(b"\x44\x01")
    assert bench.command(b"\x4a\x01\x00\x88" + UID_7)[4:] == b"\x08\x07" + UID_7
    bench.command(b"\x44\x01")
    assert bench.command(b"\x4a\x01\x00" + b"\x99\x98\x97\x96") == b"\x00"


def test_other_kinds_of_card_are_never_there():
    bench = Bench(blank(UID_4))
    for kind in (b"\x01\x00\xff\xff\x00\x00", b"\x02\x00\xff\xff\x00\x00", b"\x03\x00", b"\x04"):
        assert bench.command(b"\x4a\x01" + kind) == b"\x00"


def test_select_deselect_release():
    bench = Bench(blank(UID_4), blank(UID_7))
    targets = bench.listed(2)
    last = targets[1][3]
    first = targets[0][3]
    assert bench.command(b"\x54\x01") == b"\x00"
    assert bench.auth(4, FF, uid_part=first[-4:], tg=1) == OK
    assert bench.command(b"\x44\x01") == b"\x00"
    assert bench.auth(4, FF, uid_part=last[-4:], tg=2) == OK
    assert bench.command(b"\x52\x01") == b"\x00"
    assert bench.exchange(b"\x30\x04", 1) == (WRONG_CONTEXT, b"")
    assert bench.exchange(b"\x30\x04", 2)[0] == OK  # authenticated still
    assert bench.command(b"\x52\x00") == b"\x00"
    for code in (0x44, 0x52, 0x54):
        assert bench.command(bytes((code, 2))) == bytes((WRONG_CONTEXT,))


def test_after_a_failed_authentication_deselect_and_use_it_again():
    bench = Bench(blank(UID_4))
    bench.listed(2)
    assert bench.auth(4, b"wrong!") == AUTH_FAILED
    assert bench.auth(4, FF) == TIMEOUT  # the card has gone back to HALT
    bench.command(b"\x44\x01")
    assert bench.auth(4, FF) == OK


def test_authentication_checks_the_uid_part():
    for uid in (UID_4, UID_7):
        bench = Bench(blank(uid))
        bench.listed()
        assert bench.auth(4, FF, uid_part=b"\x00\x00\x00\x00") == AUTH_FAILED
        bench.again()
        assert bench.auth(4, FF, uid_part=uid[-4:]) == OK


def test_nested_authentication_and_its_failure():
    bench = Bench(blank(UID_4))
    bench.listed()
    assert bench.auth(4, FF) == OK
    assert bench.auth(8, FF, "B") == OK
    assert bench.read(4)[0] != OK  # another sector
    bench.again()
    bench.auth(4, FF)
    assert bench.auth(8, b"wrong!") == AUTH_FAILED
    assert bench.read(4)[0] == TIMEOUT


def test_a_card_left_active_is_found_at_the_second_try():
    bench = Bench(blank(UID_4))
    bench.listed()
    assert bench.listed() == []
    assert len(bench.listed()) == 1
    bench.command(b"\x32\x05\xff\x01\x01")
    assert len(bench.listed()) == 1
