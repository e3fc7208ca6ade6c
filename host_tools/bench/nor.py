"""A NOR flash chip in memory: erase sets a sector to ones, programming only clears bits.

Every program and every erase is one operation; operations are counted and one of them can be
chosen to lose its power, before it began or in its midst. What is not modelled: wear, the 256-byte
page of a real chip (a program of any length is one operation) and cells erased so weakly that they
read differently each time. Source: the program and erase rules common to SPI NOR parts.
"""

import os
import random
import tempfile

from host_tools.errors import BadInput

ERASED = 0xFF


class PowerCut(Exception):
    """The chip has no power: the operation did not complete, and none does until `power_on()`."""


def _and(old, new):
    """Bytewise AND of two equally long byte strings."""
    width = len(old)
    return (int.from_bytes(old, "big") & int.from_bytes(new, "big")).to_bytes(width, "big")


def _or(old, new):
    """Bytewise OR of two equally long byte strings."""
    width = len(old)
    return (int.from_bytes(old, "big") | int.from_bytes(new, "big")).to_bytes(width, "big")


class NorFlash:
    """`size` bytes in sectors of `sector_bytes`; `image` (a bytearray) is used in place if given.

    Counters: `ops` = `programs` + `erases`, `bytes_programmed`; `overprogrammed` counts programs
    that asked for a one where the cell holds a zero (the chip silently leaves the zero);
    `reprogrammed` counts programs that touched a byte which was no longer blank. An operation
    that is cut is counted in none of them.
    """

    def __init__(self, size, sector_bytes=4096, image=None):
        if size <= 0 or size % sector_bytes:
            raise ValueError("the size is a positive multiple of the sector")
        if image is None:
            image = bytearray([ERASED]) * size
        elif len(image) != size:
            raise ValueError("the image has another size")
        self.image = image
        self.size = size
        self.sector_bytes = sector_bytes
        self.sector_count = size // sector_bytes
        self.powered = True
        self._cut_in_ops = 0
        self._cut_torn = False
        self._cut_seed = 0
        self.reset_counters()

    def reset_counters(self):
        """All counters to zero."""
        self.ops = 0
        self.programs = 0
        self.erases = 0
        self.bytes_programmed = 0
        self.overprogrammed = 0
        self.reprogrammed = 0

    # -- reading

    def read(self, offset, n):
        """`n` bytes at `offset`; ValueError outside the chip, PowerCut without power."""
        self._check(offset, n)
        return bytes(self.image[offset:offset + n])

    def readinto(self, offset, buf):
        """Fill `buf` from `offset`; errors as `read`."""
        self._check(offset, len(buf))
        buf[:] = self.image[offset:offset + len(buf)]

    # -- changing

    def program(self, offset, buf):
        """AND `buf` onto the content at `offset`: one operation."""
        wanted = bytes(buf)
        self._check(offset, len(wanted))
        old = bytes(self.image[offset:offset + len(wanted)])
        new = _and(old, wanted)
        if self._cut_now():
            if self._cut_torn:
                torn = _torn_program(old, new, self._cut_seed)
                self.image[offset:offset + len(wanted)] = torn
            raise PowerCut
        self.image[offset:offset + len(wanted)] = new
        self.ops += 1
        self.programs += 1
        self.bytes_programmed += len(wanted)
        self.overprogrammed += new != wanted
        self.reprogrammed += any(
            before != ERASED != asked for before, asked in zip(old, wanted, strict=True)
        )

    def erase(self, sector_index):
        """Set sector `sector_index` to ones: one operation."""
        start = sector_index * self.sector_bytes
        self._check(start, self.sector_bytes)
        blank = bytes([ERASED]) * self.sector_bytes
        if self._cut_now():
            if self._cut_torn:
                old = bytes(self.image[start:start + self.sector_bytes])
                self.image[start:start + self.sector_bytes] = _torn_erase(old, self._cut_seed)
            raise PowerCut
        self.image[start:start + self.sector_bytes] = blank
        self.ops += 1
        self.erases += 1

    # -- power

    def arm_cut(self, at_op, torn=False, seed=0):
        """Lose power at the `at_op`-th program or erase from now (1 = the next).

        Clean: that operation has no effect at all. `torn`: it happened in part, in one of several
        patterns chosen by `seed` (`seed % 6` is the pattern, so six seeds see each once; the
        last pattern is an operation that happened whole and was never acknowledged). Either way
        it raises PowerCut, and so does every read, program and erase until `power_on()`.
        """
        if at_op < 1:
            raise ValueError("operations are counted from 1")
        self._cut_in_ops = at_op
        self._cut_torn = torn
        self._cut_seed = seed

    def disarm(self):
        """Forget an armed cut that has not struck."""
        self._cut_in_ops = 0

    def power_off(self):
        """Cut the power now, between operations."""
        self.powered = False
        self._cut_in_ops = 0

    def power_on(self):
        """Power is back; the content is what the cut left."""
        self.powered = True

    def _cut_now(self):
        if not self._cut_in_ops:
            return False
        self._cut_in_ops -= 1
        if self._cut_in_ops:
            return False
        self.powered = False
        return True

    def _check(self, offset, n):
        if not self.powered:
            raise PowerCut
        if offset < 0 or offset + n > self.size:
            raise ValueError("outside the flash")

    # -- the image as a file

    def load(self, path):
        """Replace the content by the file's; BadInput if unreadable or of another size."""
        try:
            with open(path, "rb") as file:
                content = file.read(self.size + 1)
        except OSError as error:
            raise BadInput(f"{path}: {error.strerror}") from error
        if len(content) != self.size:
            raise BadInput(f"{path}: a flash image of {self.size} bytes was expected")
        self.image[:] = content

    def save(self, path):
        """Write the content to `path`, whole or not at all."""
        folder = os.path.dirname(os.path.abspath(path))
        handle, temporary = tempfile.mkstemp(dir=folder, prefix=".flash-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(self.image)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise

    def view(self, offset, size):
        """The `size` bytes at `offset` as a partition of its own (both whole sectors)."""
        return FlashView(self, offset, size)


class FlashView:
    """Part of a NorFlash behind the flash seam: offsets and sectors count from its start."""

    def __init__(self, chip, offset, size):
        if offset % chip.sector_bytes or size % chip.sector_bytes or size <= 0:
            raise ValueError("a partition is whole sectors")
        if offset < 0 or offset + size > chip.size:
            raise ValueError("outside the flash")
        self._chip = chip
        self._offset = offset
        self.size = size
        self.sector_bytes = chip.sector_bytes
        self.sector_count = size // chip.sector_bytes

    def readinto(self, offset, buf):
        """Fill `buf` from `offset` of the partition."""
        self._check(offset, len(buf))
        self._chip.readinto(self._offset + offset, buf)

    def program(self, offset, buf):
        """AND `buf` onto the content at `offset` of the partition: one operation."""
        self._check(offset, len(buf))
        self._chip.program(self._offset + offset, buf)

    def erase(self, sector_index):
        """Set sector `sector_index` of the partition to ones: one operation."""
        if not 0 <= sector_index < self.sector_count:
            raise ValueError("outside the partition")
        self._chip.erase(self._offset // self.sector_bytes + sector_index)

    def _check(self, offset, n):
        if offset < 0 or offset + n > self.size:
            raise ValueError("outside the partition")


def _torn_program(old, new, seed):
    """What a program from `old` towards `new` may leave when its power goes."""
    rng = random.Random(f"program {seed}")
    width = len(old)
    pattern = seed % 6
    if pattern == 0:  # a prefix, then a byte with some of its bits
        whole = rng.randrange(width)
        part = new[whole] | (old[whole] & rng.randrange(256))
        return new[:whole] + bytes([part]) + old[whole + 1:]
    if pattern == 1:  # half of the bits, all over
        return _or(new, _and(old, rng.randbytes(width)))
    if pattern == 2:  # few of the bits, all over
        keep = _or(_or(rng.randbytes(width), rng.randbytes(width)), rng.randbytes(width))
        return _or(new, _and(old, keep))
    cleared = [
        (index, 1 << bit) for index in range(width) for bit in range(8)
        if (old[index] & ~new[index]) >> bit & 1
    ]
    if pattern == 5 or not cleared:  # whole, only never acknowledged
        return new
    index, mask = rng.choice(cleared)
    torn = bytearray(old if pattern == 3 else new)
    torn[index] ^= mask  # 3: a single bit was cleared; 4: a single bit is missing
    return bytes(torn)


def _torn_erase(old, seed):
    """What an erase of `old` may leave when its power goes.

    Real parts first program the sector to zeros and then erase it, so zeros may stand where ones
    stood.
    """
    rng = random.Random(f"erase {seed}")
    width = len(old)
    half = width // 2
    pattern = seed % 6
    if pattern == 0:  # the first half is blank, the second as before
        return bytes([ERASED]) * half + old[half:]
    if pattern == 1:  # the second half is blank
        return old[:half] + bytes([ERASED]) * (width - half)
    if pattern == 2:  # half of the bits are back to ones, all over
        return _or(old, rng.randbytes(width))
    if pattern == 3:  # programmed to zeros up to somewhere, the erase itself never began
        zeros = rng.randrange(1, width)
        return bytes(zeros) + old[zeros:]
    if pattern == 4:  # zeros everywhere, a few bits are not back yet
        torn = bytearray([ERASED]) * width
        for _ in range(rng.randrange(1, 40)):
            torn[rng.randrange(width)] &= ~(1 << rng.randrange(8))
        return bytes(torn)
    return bytes([ERASED]) * width  # whole, only never acknowledged
