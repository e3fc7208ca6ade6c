"""The AES of whichever interpreter this is, as it is handed to `protocol`."""

try:
    from cryptolib import aes as Aes
except ImportError:
    from host_tools.keys.aes import Aes

__all__ = ["Aes"]
