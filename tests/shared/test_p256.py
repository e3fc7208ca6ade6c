"""ES256 verification: a published vector and every way to be malformed. On both interpreters."""

from binascii import unhexlify
from hashlib import sha256

from protocol.tickets import p256

# RFC 6979 appendix A.2.5: P-256, SHA-256, messages "sample" and "test"
PUBLIC = unhexlify(
    "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)
SAMPLE = unhexlify(
    "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"
    "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
)
TEST = unhexlify(
    "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367"
    "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083"
)
DIGEST = sha256(b"sample").digest()


def _number(value):
    return value.to_bytes(32, "big")


def _flip(content, bit):
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_the_vectors_of_rfc_6979():
    assert p256.verify(PUBLIC, DIGEST, SAMPLE)
    assert p256.verify(PUBLIC, sha256(b"test").digest(), TEST)


def test_a_signature_over_something_else():
    assert not p256.verify(PUBLIC, DIGEST, TEST)
    for bit in (0, 7, 100, 255):
        assert not p256.verify(PUBLIC, _flip(DIGEST, bit), SAMPLE)
    for bit in (0, 255, 256, 511):
        assert not p256.verify(PUBLIC, DIGEST, _flip(SAMPLE, bit))
        assert not p256.verify(_flip(PUBLIC, bit), DIGEST, SAMPLE)


def test_r_and_s_must_lie_between_1_and_n_minus_1():
    r = int.from_bytes(SAMPLE[:32], "big")
    s = int.from_bytes(SAMPLE[32:], "big")
    for wrong in (0, p256.N, p256.N + r, 2**256 - 1):
        if wrong < 2**256:
            assert not p256.verify(PUBLIC, DIGEST, _number(wrong) + _number(s))
    for wrong in (0, p256.N, 2**256 - 1):
        assert not p256.verify(PUBLIC, DIGEST, _number(r) + _number(wrong))
    # the twin of a signature is one too: nothing of ours takes a signature for a name
    assert p256.verify(PUBLIC, DIGEST, _number(r) + _number(p256.N - s))


def test_the_key_must_be_a_point():
    x = int.from_bytes(PUBLIC[:32], "big")
    y = int.from_bytes(PUBLIC[32:], "big")
    assert p256.on_curve(x, y)
    assert p256.on_curve(x, p256.P - y)
    for pair in ((0, 0), (x, 0), (x, y + 1), (x + 1, y), (p256.P, y), (2**256 - 1, 2**256 - 1)):
        assert not p256.on_curve(pair[0], pair[1])
        assert not p256.verify(_number(pair[0]) + _number(pair[1]), DIGEST, SAMPLE)


def test_wrong_lengths_are_no_signature():
    for cut in range(0, 64, 7):
        assert not p256.verify(PUBLIC[:cut], DIGEST, SAMPLE)
        assert not p256.verify(PUBLIC, DIGEST, SAMPLE[:cut])
    assert not p256.verify(PUBLIC + b"\x00", DIGEST, SAMPLE)
    assert not p256.verify(PUBLIC, DIGEST, SAMPLE + b"\x00")
    assert not p256.verify(PUBLIC, DIGEST[:31], SAMPLE)


def test_the_key_that_is_the_base_point_or_its_opposite():
    # d = 1 and d = n - 1: the joint table meets a doubling and infinity
    gx = 0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296
    gy = 0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5
    digest = int.from_bytes(DIGEST, "big")
    for y, d in ((gy, 1), (p256.P - gy, p256.N - 1)):
        # k = 1: r = gx, s = digest + r d
        s = (digest + gx * d) % p256.N
        good = _number(gx % p256.N) + _number(s)
        assert p256.verify(_number(gx) + _number(y), DIGEST, good)
        assert not p256.verify(_number(gx) + _number(y), DIGEST, _flip(good, 256))
