"""The chain's MAC against published vectors, and what it covers. Runs on both interpreters."""

from binascii import unhexlify

from protocol.journal.chain import Chain


def raises_value_error(call):
    try:
        call()
    except ValueError:
        return True
    return False


def test_hmac_vectors_of_rfc_4231():
    # the 20-byte key of case 1 (message "Hi There"), the 25-byte key of case 4
    case_1 = Chain(b"\x0b" * 20, b"\x00" * 4)
    assert case_1._hmac(b"Hi ", b"There") == unhexlify("b0344c61d8db3853")
    case_4 = Chain(bytes(range(1, 26)), b"\x00" * 4)
    assert case_4._hmac(b"\xcd" * 20, b"\xcd" * 30) == unhexlify("82558a389a443c0e")


def test_start_depends_on_key_and_journal():
    start = Chain(b"k" * 32, b"\x00\x00\x00\x01").start()
    assert len(start) == 8
    assert start != Chain(b"k" * 32, b"\x00\x00\x00\x02").start()
    assert start != Chain(b"K" * 32, b"\x00\x00\x00\x01").start()
    assert start == Chain(bytearray(b"k" * 32), bytearray(b"\x00\x00\x00\x01")).start()


def test_every_bit_of_record_and_previous_counts_and_the_mac_field_does_not():
    chain = Chain(b"k" * 32, b"\x00\x00\x00\x01")
    record = bytearray(range(64))
    previous = bytearray(b"previous")
    right = chain.mac(previous, record)
    assert right == chain.mac(bytes(previous), bytes(record))
    for index in range(64):
        record[index] ^= 0x10
        assert (chain.mac(previous, record) == right) == (index >= 56)
        record[index] ^= 0x10
    for index in range(8):
        previous[index] ^= 0x01
        assert chain.mac(previous, record) != right
        previous[index] ^= 0x01


def test_wrong_lengths_are_refused():
    assert raises_value_error(lambda: Chain(b"short", b"\x00" * 4))
    assert raises_value_error(lambda: Chain(b"k" * 65, b"\x00" * 4))
    assert raises_value_error(lambda: Chain(b"k" * 32, b"\x00" * 3))
