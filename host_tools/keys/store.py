"""The agency's key store: a directory with its masters, device master and issuer key.

`minik keys init` makes one. `store.json` says what is in it (nothing secret), `masters.json`
holds the symmetric masters, `issuer-N.pem` the ES256 key with key id N. The directory is 0700,
its files 0600. Device keys are derived, never stored (SPEC §5.3). Nothing here prints a secret.
"""

import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from host_tools.errors import BadInput
from host_tools.keys.aes import Aes
from protocol.keys import keyset
from protocol.keys.vault import MASTER_BYTES, PURPOSES, KeyVault
from protocol.tickets import cbor
from protocol.tickets.cose import PROTECTED_ES256, sig_structure

FORMAT = 1
DEVICE_MASTER_BYTES = 32
GRANT_PAYLOAD_BYTES = 32
_KEY_ID_AT = slice(6, 8)  # of a grant (SPEC §2.8)
_COORDINATE_BYTES = 32
_CURVE = ec.SECP256R1()
_CURVE_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_STORE, _MASTERS = "store.json", "masters.json"


class KeyStore:
    """The keys of one agency. Made by `create`, `load` or, for tests, `deterministic`."""

    def __init__(
        self,
        agency: int,
        key_version: int,
        masters: dict[str, bytes],
        device_master: bytes,
        issuer: ec.EllipticCurvePrivateKey,
        issuer_key_id: int,
    ) -> None:
        self.agency = agency
        self.key_version = key_version
        self.issuer_key_id = issuer_key_id
        self._masters = masters
        self._device_master = device_master
        self._issuer = issuer

    @classmethod
    def create(cls, directory: str | Path, agency: int = 1) -> "KeyStore":
        """A new store with random keys in `directory`, which must not hold anything yet."""
        store = cls._drawn(agency, secrets.token_bytes)
        store.save(directory)
        return store

    @classmethod
    def deterministic(cls, seed: int | str, agency: int = 1) -> "KeyStore":
        """For tests and the bench only: every key follows from `seed`, so none is a secret."""
        drawn = 0

        def draw(count: int) -> bytes:
            nonlocal drawn
            drawn += 1
            return hashlib.sha256(f"minik bench {seed} {drawn}".encode()).digest()[:count]

        return cls._drawn(agency, draw)

    @classmethod
    def _drawn(cls, agency: int, draw: Callable[[int], bytes]) -> "KeyStore":
        if not 0 < agency <= 0xFFFF:
            raise BadInput(f"agency {agency} is not between 1 and 65535")
        masters = {purpose: draw(MASTER_BYTES) for purpose in PURPOSES}
        device_master = draw(DEVICE_MASTER_BYTES)
        scalar = 0
        while not 0 < scalar < _CURVE_ORDER:
            scalar = int.from_bytes(draw(_COORDINATE_BYTES), "big")
        return cls(agency, 1, masters, device_master, ec.derive_private_key(scalar, _CURVE), 1)

    @classmethod
    def load(cls, directory: str | Path) -> "KeyStore":
        """The store in `directory`; BadInput says which file is missing or wrong."""
        folder = Path(directory)
        said = _read_json(folder / _STORE)
        kept = _read_json(folder / _MASTERS)
        where = folder / _STORE
        try:
            if said["format"] != FORMAT:
                raise BadInput(f"{where}: format {said['format']} is not known")
            agency, version, key_id = (
                int(said[name]) for name in ("agency", "key_version", "issuer_key_id")
            )
            where = folder / _MASTERS
            masters = {purpose: _unhex(kept[purpose], MASTER_BYTES) for purpose in PURPOSES}
            device_master = _unhex(kept["device"], DEVICE_MASTER_BYTES)
        except (KeyError, TypeError, ValueError) as error:
            raise BadInput(f"{where}: a field is missing or wrong ({error})") from None
        issuer = _read_issuer(folder / f"issuer-{key_id}.pem")
        return cls(agency, version, masters, device_master, issuer, key_id)

    def save(self, directory: str | Path) -> None:
        """Write the store, whole or not at all. BadInput if `directory` holds something."""
        folder = Path(directory)
        masters = {purpose: key.hex() for purpose, key in self._masters.items()}
        content = {
            _STORE: _json(
                {
                    "format": FORMAT,
                    "agency": self.agency,
                    "key_version": self.key_version,
                    "issuer_key_id": self.issuer_key_id,
                }
            ),
            _MASTERS: _json({**masters, "device": self._device_master.hex()}),
            f"issuer-{self.issuer_key_id}.pem": self._issuer.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        }
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BadInput(f"{folder}: there is something already; a key store is never replaced")
        try:
            _write_folder(folder, content)
        except OSError as error:
            raise BadInput(f"{folder}: cannot be written ({error.strerror})") from None

    def vault(self, purposes: Iterable[str]) -> KeyVault:
        """A vault that holds the masters of `purposes`."""
        return KeyVault(Aes, self._masters, tuple(purposes))

    def device_keys(self, device_id: str, journal_id: bytes) -> tuple[bytes, bytes] | None:
        """(seal key, journal key) of a device with this journal; None for an impossible name."""
        if not keyset.device_id_ok(device_id) or len(journal_id) != 4:
            return None
        name = bytes([len(device_id)]) + device_id.encode() + bytes(journal_id)
        return self._derive(b"minik seal 1" + name, 16), self._derive(
            b"minik journal 1" + name, 32
        )

    def device_keyset(self, device_id: str, journal_id: bytes, role: str) -> bytes:
        """The key set file (SPEC §5.4) of a device; `role` is validator or inspector."""
        keys = self.device_keys(device_id, journal_id)
        if keys is None:
            raise BadInput(
                f"device id {device_id!r}: 1 to 16 of A-Z a-z 0-9 - _; a journal id has 4 bytes"
            )
        if role not in keyset.ROLE_NAMES[1:]:
            raise BadInput(f"role {role!r} is neither validator nor inspector")
        code = keyset.ROLE_NAMES.index(role)
        purposes = keyset.ROLE_PURPOSES[code]
        return cbor.encode(
            {
                0: keyset.FORMAT,
                1: self.agency,
                2: self.key_version,
                3: device_id,
                4: bytes(journal_id),
                5: keys[0],
                6: keys[1],
                7: code,
                8: {keyset.PURPOSE_CODES.index(name): self._masters[name] for name in purposes},
                9: {self.issuer_key_id: self.issuer_public()},
            },
            keyset.BYTES_MAX,
        )

    def issuer_public(self) -> bytes:
        """The issuer's public key: 64 bytes x ‖ y."""
        numbers = self._issuer.public_key().public_numbers()
        return b"".join(n.to_bytes(_COORDINATE_BYTES, "big") for n in (numbers.x, numbers.y))

    def sign_grant(self, payload: bytes, uid: bytes) -> bytes:
        """The 64-byte ES256 signature r ‖ s of a grant's first 32 bytes for the card `uid`.

        ValueError unless the payload names this store's issuer key.
        """
        if len(payload) != GRANT_PAYLOAD_BYTES or _key_id(payload) != self.issuer_key_id:
            raise ValueError("a grant has 32 bytes and names the key that signs it")
        return self.sign1(bytes(payload), bytes(uid))

    def sign1(self, payload: bytes, external_aad: bytes) -> bytes:
        """The 64-byte ES256 signature r ‖ s of a COSE_Sign1 around `payload` (RFC 9052 §4.4).

        The same key and bytes give the same signature (RFC 6979).
        """
        signed = sig_structure(PROTECTED_ES256, external_aad, payload)
        algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        r, s = decode_dss_signature(self._issuer.sign(signed, algorithm))
        return r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")

    def verify_grant(self, payload: bytes, uid: bytes, signature: bytes) -> bool:
        """Whether `signature` is this agency's on that grant for that card."""
        if len(payload) != GRANT_PAYLOAD_BYTES or len(signature) != 2 * _COORDINATE_BYTES:
            return False
        if _key_id(payload) != self.issuer_key_id:
            return False
        r = int.from_bytes(signature[:_COORDINATE_BYTES], "big")
        s = int.from_bytes(signature[_COORDINATE_BYTES:], "big")
        try:
            self._issuer.public_key().verify(
                encode_dss_signature(r, s),
                _grant_signed(payload, uid),
                ec.ECDSA(hashes.SHA256()),
            )
        except InvalidSignature:
            return False
        return True

    def listing(self) -> list[dict[str, Any]]:
        """Every key by name, id, version and fingerprint; nothing secret."""
        symmetric = {**self._masters, "device": self._device_master}
        keys: list[dict[str, Any]] = [
            {
                "name": name,
                "kind": "aes-128 master" if name in PURPOSES else "device master",
                "id": None,
                "version": self.key_version,
                "fingerprint": _fingerprint(name.encode() + b":" + key),
            }
            for name, key in symmetric.items()
        ]
        keys.append(
            {
                "name": "issuer",
                "kind": "es256",
                "id": self.issuer_key_id,
                "version": self.key_version,
                "fingerprint": _fingerprint(self.issuer_public()),
            }
        )
        return keys

    def _derive(self, label: bytes, length: int) -> bytes:
        return HKDF(hashes.SHA256(), length, None, label).derive(self._device_master)


def _grant_signed(payload: bytes, uid: bytes) -> bytes:
    return sig_structure(PROTECTED_ES256, bytes(uid), bytes(payload))


def _key_id(payload: bytes) -> int:
    return int.from_bytes(payload[_KEY_ID_AT], "little")


def _fingerprint(key: bytes) -> str:
    """Eight hex digits of a hash: enough to compare by eye, nothing to work back from."""
    return hashlib.sha256(b"minik fingerprint " + key).hexdigest()[:8]


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()


def _unhex(text: str, width: int) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != width:
        raise ValueError("wrong length")
    return key


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(_read(path))
    except (ValueError, RecursionError):
        raise BadInput(f"{path}: is not JSON") from None
    if not isinstance(content, dict):
        raise BadInput(f"{path}: is not a key store's file")
    return content


def _read_issuer(path: Path) -> ec.EllipticCurvePrivateKey:
    try:
        key = serialization.load_pem_private_key(_read(path), None)
    except (ValueError, TypeError):
        raise BadInput(f"{path}: is not an unencrypted PEM key") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != _CURVE.name:
        raise BadInput(f"{path}: is not a P-256 key")
    return key


def _write_folder(folder: Path, content: dict[str, bytes]) -> None:
    """All files in a folder beside it, then one rename: a store is there whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=folder.name + ".", dir=folder.parent))  # 0700
    try:
        for name, body in content.items():
            descriptor = os.open(fresh / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
        os.rename(fresh, folder)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
