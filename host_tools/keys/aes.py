"""AES in ECB for `protocol` on the host, in the shape of MicroPython's `cryptolib.aes`."""

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

MODE_ECB = 1


class Aes:
    """`Aes(key, 1)`; encrypt and decrypt whole blocks, into `out` (in place too) if one is given.

    As on the board, one object either encrypts or decrypts. ValueError for anything else than a
    16- or 32-byte key, mode 1 and whole blocks.
    """

    def __init__(self, key: bytes | bytearray, mode: int = MODE_ECB) -> None:
        if mode != MODE_ECB or len(key) not in (16, 32):
            raise ValueError("AES with a 16- or 32-byte key in ECB only")
        self._cipher = Cipher(algorithms.AES(bytes(key)), modes.ECB())
        self._encryptor = self._cipher.encryptor()
        self._decryptor = self._cipher.decryptor()

    def encrypt(self, block: bytes | bytearray, out: bytearray | None = None) -> bytes | bytearray:
        """Ciphertext of `block`."""
        return self._run(self._encryptor, block, out)

    def decrypt(self, block: bytes | bytearray, out: bytearray | None = None) -> bytes | bytearray:
        """Plaintext of `block`."""
        return self._run(self._decryptor, block, out)

    @staticmethod
    def _run(context, block, out):
        if len(block) % 16:
            raise ValueError("blocks of 16 bytes only")
        result = context.update(bytes(block))
        if out is None:
            return result
        out[: len(result)] = result
        return out
