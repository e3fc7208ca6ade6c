"""ES256 verification beside the library `cryptography`, on CPython and in the VM."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
    encode_dss_signature,
)

from protocol.tickets import p256

ROOT = Path(__file__).resolve().parents[2]
CURVE = ec.SECP256R1()
CASES = 120
_IN_VM = """
import sys
from binascii import unhexlify
sys.path.insert(0, sys.argv[1])
from protocol.tickets import p256
for line in sys.stdin:
    parts = [unhexlify(part) for part in line.split()]
    print(int(p256.verify(parts[0], parts[1], parts[2])))
"""


def _case(drawn: random.Random) -> tuple[bytes, bytes, bytes]:
    """Key, digest and signature; in half of the cases something of it is wrong."""
    key = ec.derive_private_key(drawn.randrange(1, p256.N), CURVE)
    digest = drawn.randbytes(32)
    signed = key.sign(digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    r, s = decode_dss_signature(signed)
    numbers = key.public_key().public_numbers()
    match drawn.randrange(8):
        case 0:
            r = drawn.choice((0, 1, p256.N - 1, p256.N, 2**256 - 1))
        case 1:
            s = drawn.choice((0, 1, p256.N - 1, p256.N, 2**256 - 1))
        case 2:
            digest = drawn.randbytes(32)
        case 3:
            s = p256.N - s
    public = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
    return public, digest, r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _library(public: bytes, digest: bytes, signature: bytes) -> bool:
    x, y = int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")
    key = ec.EllipticCurvePublicNumbers(x, y, CURVE).public_key()
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        key.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(hashes.SHA256())))
    except InvalidSignature:
        return False
    return True


@pytest.fixture(scope="module")
def cases() -> list[tuple[tuple[bytes, bytes, bytes], bool]]:
    drawn = random.Random(256)
    made = [_case(drawn) for _ in range(CASES)]
    judged = [(case, _library(*case)) for case in made]
    assert 20 < sum(good for _case_, good in judged) < CASES - 20
    return judged


def test_cpython_decides_as_the_library(cases):
    for case, good in cases:
        assert p256.verify(*case) == good


def test_the_vm_decides_as_the_library(cases, tmp_path):
    script = tmp_path / "verify.py"
    script.write_text(_IN_VM)
    lines = "".join(" ".join(part.hex() for part in case) + "\n" for case, _good in cases)
    vm = Path(sys.executable).with_name("micropython")
    done = subprocess.run(
        [vm, "-X", "heapsize=240k", script, ROOT],
        input=lines, capture_output=True, text=True, timeout=120, check=True,
    )
    assert [line == "1" for line in done.stdout.split()] == [good for _case_, good in cases]


def test_a_point_off_the_curve_is_refused_by_both():
    """The library will not even make such a key."""
    x, y = 5, 7
    with pytest.raises(ValueError, match="curve"):
        ec.EllipticCurvePublicNumbers(x, y, CURVE).public_key()
    assert not p256.verify(x.to_bytes(32, "big") + y.to_bytes(32, "big"), bytes(32), b"\1" * 64)
