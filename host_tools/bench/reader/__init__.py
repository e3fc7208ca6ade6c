"""A virtual PN532 with an RF field and cards, in bench time (decision 0004).

`VirtualPn532` is the chip on its serial line, `DirectReader` the same chip without the line for
exhaustive tests, `RfField` the air between chip and cards, `ClassicCard` a card.
"""

from host_tools.bench.reader.classic import ClassicCard
from host_tools.bench.reader.direct import DirectReader
from host_tools.bench.reader.field import RfField
from host_tools.bench.reader.hsu import VirtualPn532
from host_tools.bench.reader.picc import Faults, Picc
from host_tools.bench.reader.stats import ReaderStats

__all__ = ["ClassicCard", "DirectReader", "Faults", "Picc", "ReaderStats", "RfField",
           "VirtualPn532"]
