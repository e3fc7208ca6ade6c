"""CMAC, AN10922 and CCM against published vectors. Runs on both interpreters."""

from binascii import unhexlify

from protocol.errors import SealError
from protocol.keys.ccm import Ccm
from protocol.keys.cmac import Cmac, equal
from tests.shared.aes import Aes

RFC4493_KEY = unhexlify("2b7e151628aed2a6abf7158809cf4f3c")
RFC4493_MESSAGE = unhexlify(
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
)
RFC4493_TAGS = (
    (0, "bb1d6929e95937287fa37d129b756746"),
    (16, "070a16b46b4d4144f79bdd9dd04a287c"),
    (40, "dfa66747de9ae63030ca32611497c827"),
    (64, "51f0bebf7e3b9d92fc49741779363cfe"),
)

CCM_KEY = unhexlify("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf")
# RFC 3610 §8: nonce, header length, message (header and payload), tag length, sealed payload
CCM_VECTORS = (
    ("00000003020100a0a1a2a3a4a5", 8, 31, 8,
     "588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0"),
    ("00000004030201a0a1a2a3a4a5", 8, 32, 8,
     "72c91a36e135f8cf291ca894085c87e3cc15c439c9e43a3ba091d56e10400916"),
    ("00000005040302a0a1a2a3a4a5", 8, 33, 8,
     "51b1e5f44a197d1da46b0f8e2d282ae871e838bb64da8596574adaa76fbd9fb0c5"),
    ("00000006050403a0a1a2a3a4a5", 12, 31, 8,
     "a28c6865939a9a79faaa5c4c2a9d4a91cdac8c96c861b9c9e61ef1"),
    ("00000009080706a0a1a2a3a4a5", 8, 31, 10,
     "0135d1b2c95f41d5d1d4fec185d166b8094e999dfed96c048c56602c97acbb7490"),
)


def test_cmac_vectors_of_rfc_4493():
    cmac = Cmac(Aes, RFC4493_KEY)
    for length, tag in RFC4493_TAGS:
        assert bytes(cmac.compute(RFC4493_MESSAGE[:length])) == unhexlify(tag)


def test_cmac_takes_another_key():
    cmac = Cmac(Aes, bytes(16))
    cmac.compute(b"something")
    cmac.rekey(RFC4493_KEY)
    assert bytes(cmac.compute(b"")) == unhexlify(RFC4493_TAGS[0][1])


def test_diversification_vector_of_an10922():
    # AN10922 §2.2.1 (AES-128 key): UID, application id, system identifier
    master = Cmac(Aes, unhexlify("00112233445566778899aabbccddeeff"))
    diversifier = unhexlify("04782e21801d80" + "3042f5" + "4e585020416275")
    assert bytes(master.diversify(diversifier)) == unhexlify("a8dd63a3b89d54b37ca802473fda9175")


def test_diversifier_lengths_pad_to_two_blocks():
    # the same 32 bytes, padded by hand, through the plain CBC-MAC that both are built of
    master = Cmac(Aes, RFC4493_KEY)
    zero = bytearray(16)
    Aes(RFC4493_KEY, 1).encrypt(zero, zero)
    for length in range(1, 32):
        message = bytes(range(1, length + 1))
        assert bytes(master.diversify(message)) == by_hand(zero, message)


def by_hand(encrypted_zero, message):
    top = 1 << 128
    subkeys = [int.from_bytes(encrypted_zero, "big")]
    for _ in range(2):
        doubled = subkeys[-1] << 1
        subkeys.append(doubled ^ top ^ 0x87 if doubled & top else doubled)
    block = b"\x01" + message
    subkey = subkeys[1]
    if len(block) < 32:
        subkey = subkeys[2]
        block += b"\x80" + bytes(31 - len(block))
    first = Aes(RFC4493_KEY, 1).encrypt(block[:16])
    last = int.from_bytes(first, "big") ^ int.from_bytes(block[16:], "big") ^ subkey
    return Aes(RFC4493_KEY, 1).encrypt(last.to_bytes(16, "big"))


def test_diversifier_of_no_or_too_many_bytes():
    master = Cmac(Aes, RFC4493_KEY)
    for length in (0, 32):
        try:
            master.diversify(bytes(length))
            raise AssertionError("taken")
        except ValueError:
            pass


def test_equal():
    assert equal(b"", b"")
    assert equal(b"abc", bytearray(b"abc"))
    assert not equal(b"abc", b"abd")
    assert not equal(b"abc", b"abcd")


def test_ccm_vectors_of_rfc_3610():
    for nonce, header_length, length, tag_length, sealed in CCM_VECTORS:
        ccm = Ccm(Aes, CCM_KEY, tag_bytes=tag_length, length_bytes=2)
        message = bytes(range(length))
        header = message[:header_length]
        buf = bytearray(message[header_length:] + bytes(tag_length))
        end = length - header_length
        assert ccm.seal(unhexlify(nonce), header, buf, 0, end) == end + tag_length
        assert bytes(buf) == unhexlify(sealed)
        assert ccm.open(unhexlify(nonce), header, buf, 0, len(buf)) == end
        assert bytes(buf[:end]) == message[header_length:]


def test_ccm_in_the_middle_of_a_buffer():
    ccm = Ccm(Aes, CCM_KEY)
    buf = bytearray(b"before" + b"payload" + bytes(16) + b"after")
    assert ccm.seal(bytes(13), b"", buf, 6, 13) == 29
    assert buf[:6] == b"before"
    assert buf[29:] == b"after"
    assert ccm.open(bytes(13), b"", buf, 6, 29) == 13
    assert buf[:13] == b"beforepayload"


def test_ccm_every_bit_counts():
    ccm = Ccm(Aes, CCM_KEY)
    sealed = bytearray(b"0123456789abcdefX" + bytes(16))
    ccm.seal(bytes(13), b"aad", sealed, 0, 17)
    for position in range(len(sealed)):
        for bit in range(8):
            flipped = bytearray(sealed)
            flipped[position] ^= 1 << bit
            assert refused(ccm, bytes(13), b"aad", flipped)
            assert flipped == bytes(len(sealed))  # nothing of it is left to be used
    assert refused(ccm, b"\x01" + bytes(12), b"aad", bytearray(sealed))
    assert refused(ccm, bytes(13), b"aae", bytearray(sealed))
    assert refused(ccm, bytes(13), b"", bytearray(sealed))
    assert refused(ccm, bytes(13), b"aad", bytearray(15))
    assert not refused(ccm, bytes(13), b"aad", sealed)


def refused(ccm, nonce, aad, buf):
    try:
        ccm.open(nonce, aad, buf, 0, len(buf))
    except SealError:
        return True
    return False
