"""State copies of a MIFARE Classic card, byte by byte (SPEC §2.3). Runs on both interpreters."""

from protocol.cards import classic
from protocol.cards.state import START_FIRST_USE, CardState
from protocol.keys.cmac import Cmac
from protocol.keys.vault import KeyVault
from tests.shared.aes import Aes

UID = b"\x04\xa1\xb2\xc3"
STATE_MASTER = bytes(range(16))
COUNTER = 20003

CORE = {
    "seq": 0x030201, "granted_minor": 0x07060504, "grant_seq": 0x0908, "action_seq": 0x0B0A,
    "tap_time": 0x0F0E0D0C, "rider_category": 0x10, "valid_until": 0x1211, "vehicle": 0x1413,
    "journey_legs": 5, "run_transfers": 1, "journey_age_s": 0x1716,
}
EXTENSION = {
    "spent_day_minor": 0x020100, "spent_week_minor": 0x050403, "spent_month_minor": 0x080706,
    "credit_minor": 0x0B0A09, "leg_group": 0x0C, "leg_product": 0x0D, "companions": 0x0F0E,
}
LEG = {
    "checked_in": True, "leg_network": 0x01, "leg_from_stop": 0x0302, "leg_exit_stop": 0x0504,
    "leg_age_s": 0x0706, "leg_ride_s": 0x0908, "run_ride_s": 0x0B0A,
}
BASE = {
    "base_credit_minor": 0x020100, "base_group": 0x03, "base_product": 0x04, "base_legs": 5,
    "base_run_transfers": 0, "base_age_s": 0x0706, "base_leg_age_s": 0x0908,
    "base_ride_s": 0x0B0A, "base_run_ride_s": 0x0D0C,
    "base_companions": 0x0F0E,
}
CONTRACTS = ((0x01, 0x05040302, 0x06), (0x08, 0x0C0B0A09, 0x0D))
ALL_NAMES = list(CORE) + list(EXTENSION) + list(LEG) + list(BASE)
FLAGS = ("extended", "blocked", "annexed", "concession_ends", "leg_block", "base_block")


def a_state(extended=False, annexed=False, leg_block=False, base_block=False):
    """A state whose every byte in use tells its own offset."""
    state = CardState()
    state.uid = UID
    for fields in (CORE, EXTENSION, LEG, BASE):
        for name in fields:
            setattr(state, name, fields[name])
    for slot in range(2):
        contract = state.contracts[slot]
        contract.product, contract.start, contract.rides = CONTRACTS[slot]
    state.extended = extended
    state.annexed = annexed
    state.leg_block = leg_block
    state.base_block = base_block
    return state


def stored(state):
    """The six blocks of a copy; what is not written stays 0xEE."""
    blocks = bytearray(b"\xee" * classic.COPY_WIDTH)
    classic.put_state(blocks, state)
    return blocks


def refused(call):
    try:
        call()
    except ValueError:
        return True
    return False


def test_core_bytes():
    blocks = stored(a_state())
    wanted = bytes([0x10]) + bytes(range(1, 0x15)) + b"\x15\x16\x17"
    assert bytes(blocks[:24]) == wanted
    assert blocks[24:] == b"\xee" * 72, "nothing but the core is in use"


def test_extension_bytes():
    blocks = stored(a_state(extended=True))
    assert blocks[0] == 0x11
    assert bytes(blocks[32:48]) == bytes(range(16))
    assert blocks[48:] == b"\xee" * 48


def test_annex_bytes():
    blocks = stored(a_state(annexed=True, leg_block=True, base_block=True))
    assert blocks[0] == 0x14
    assert blocks[32:48] == b"\xee" * 16
    assert bytes(blocks[48:64]) == bytes([3, 1, 2, 3, 4, 5, 6, 0, 8, 9, 10, 11, 12, 13, 0, 0])
    assert bytes(blocks[64:80]) == b"\x01" + bytes(range(1, 12)) + bytes(4)
    assert bytes(blocks[80:96]) == bytes(range(16))


def test_flags():
    for name, flags in (("extended", 1), ("blocked", 2), ("annexed", 4), ("concession_ends", 8)):
        state = CardState()
        setattr(state, name, True)
        assert stored(state)[0] == 0x10 | flags
    state = CardState()
    state.annexed = True
    assert stored(state)[48] == 0
    state.leg_block = True
    assert stored(state)[48] == 1
    state.base_block = True
    assert stored(state)[48] == 3
    assert stored(state)[64] == 0, "closed"


def test_every_choice_of_blocks_reads_back_and_only_these():
    for choice in range(16):
        leg_block, base_block = bool(choice & 4), bool(choice & 8)
        annexed = bool(choice & 2)
        state = a_state(bool(choice & 1), annexed, leg_block, base_block)
        blocks = stored(state)
        again = CardState()
        classic.get_state(blocks, again)
        empty = CardState()
        in_use = list(CORE)
        in_use += list(EXTENSION) if state.extended else []
        in_use += list(LEG) if annexed and leg_block else []
        in_use += list(BASE) if annexed and base_block else []
        for name in ALL_NAMES:
            wanted = state if name in in_use else empty
            assert getattr(again, name) == getattr(wanted, name), name
        assert again.leg_block == (annexed and leg_block)
        assert again.base_block == (annexed and base_block)
        for slot in range(2):
            contract = again.contracts[slot]
            found = (contract.product, contract.start, contract.rides)
            assert found == (CONTRACTS[slot] if annexed else (0, 0, 0))
        used = [index for index in range(6) if classic.in_use(blocks, index)]
        wanted_blocks = [0, 1]
        wanted_blocks += [2] if state.extended else []
        wanted_blocks += [3] if annexed else []
        wanted_blocks += [4] if annexed and leg_block else []
        wanted_blocks += [5] if annexed and base_block else []
        assert used == wanted_blocks


def test_largest_values():
    state = CardState()
    state.extended = state.annexed = state.leg_block = state.base_block = True
    state.journey_legs = state.run_transfers = state.base_legs = 15
    state.credit_minor = state.base_credit_minor = 0xFFFFFF
    state.contracts[1].start = START_FIRST_USE
    state.contracts[1].rides = 255
    again = CardState()
    classic.get_state(stored(state), again)
    assert (again.journey_legs, again.run_transfers, again.base_legs) == (15, 15, 15)
    assert again.base_run_transfers == 0
    assert again.credit_minor == again.base_credit_minor == 0xFFFFFF
    assert (again.contracts[1].start, again.contracts[1].rides) == (START_FIRST_USE, 255)


def test_what_the_layout_cannot_say():
    for name, value in (
        ("journey_legs", 16), ("run_transfers", 16), ("base_legs", 16),
        ("base_run_transfers", 16), ("credit_minor", 1 << 24), ("spent_day_minor", -1),
        ("leg_age_s", 1 << 16), ("vehicle", 1 << 16),
    ):
        state = CardState()
        state.extended = state.annexed = state.leg_block = state.base_block = True
        setattr(state, name, value)
        assert refused(lambda state=state: stored(state)), name
    state = CardState()
    state.annexed = True
    state.contracts[0].rides = 256
    assert refused(lambda: stored(state))


def test_where_the_blocks_lie():
    assert [classic.block_of(0, index) for index in range(6)] == [8, 9, 10, 36, 37, 38]
    assert [classic.block_of(1, index) for index in range(6)] == [12, 13, 14, 40, 41, 42]


def test_what_no_layout_says():
    blocks = stored(a_state(True, True, True, True))
    assert classic.is_layout(blocks)
    assert classic.is_layout(blocks, 3)
    for bit in range(4, 8):
        blocks[0] ^= 1 << bit
        assert not classic.is_layout(blocks)
        blocks[0] ^= 1 << bit
    for bit in range(2, 8):
        blocks[48] ^= 1 << bit
        assert not classic.is_layout(blocks, 3)
        assert classic.is_layout(blocks)
        blocks[48] ^= 1 << bit


def test_the_mac_is_that_of_the_blocks_in_use():
    vault = KeyVault(Aes, {"state": STATE_MASTER}, ("state",))
    seal = classic.StateSeal(vault)
    key = bytes(Cmac(Aes, STATE_MASTER).diversify(UID + b"\x53"))
    for choice in range(16):
        state = a_state(bool(choice & 1), bool(choice & 2), bool(choice & 4), bool(choice & 8))
        blocks = stored(state)
        seal.seal(UID, COUNTER, blocks)
        message = UID + b"\x43\x01" + COUNTER.to_bytes(4, "little") + bytes(blocks[:24])
        for index in range(2, 6):
            if classic.in_use(blocks, index):
                message += bytes(blocks[16 * index:16 * index + 16])
        mac = bytes(Cmac(Aes, key).compute(message)[:8])
        assert bytes(blocks[24:32]) == mac
        assert classic.tag_of(blocks) == mac[:4]
        assert seal.fits(UID, COUNTER, blocks)
        assert not seal.fits(UID, COUNTER + 1, blocks)
        assert not seal.fits(UID + b"\x01\x02\x03", COUNTER, blocks)


def test_every_bit_in_use_is_sealed_and_none_that_is_not():
    seal = classic.StateSeal(KeyVault(Aes, {"state": STATE_MASTER}, ("state",)))
    for choice in (0, 1, 3, 7, 15):
        state = a_state(bool(choice & 1), bool(choice & 2), bool(choice & 4), bool(choice & 8))
        blocks = stored(state)
        seal.seal(UID, COUNTER, blocks)
        used = [classic.in_use(blocks, index) for index in range(6)]
        for position in range(classic.COPY_WIDTH):
            for bit in range(8):
                blocks[position] ^= 1 << bit
                assert seal.fits(UID, COUNTER, blocks) == (not used[position // 16])
                blocks[position] ^= 1 << bit
