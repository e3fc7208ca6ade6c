"""The one place that knows which interpreter this is.

Everything else in `protocol` imports from here what MicroPython and CPython spell differently.
"""

try:
    from micropython import const
except ImportError:

    def const(value):
        """CPython: a constant is its value."""
        return value


EPOCH_UNIX_S = const(1577836800)  # 2020-01-01T00:00:00Z, the zero of Minik time, as Unix time
SMALL_INT_MAX = const((1 << 30) - 1)  # above it an integer is boxed on a 32-bit board
