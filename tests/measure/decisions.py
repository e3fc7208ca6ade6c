"""Times the decisions of a corpus and weighs their garbage, under CPython or in the VM.

    micropython tests/measure/decisions.py REPOSITORY CORPUS

A corpus as tests/fares/tap_runner.py has it, with one tariff. Prints `name value` lines:
us_per_decision, and where the interpreter can weigh its heap tariff_bytes and fares_bytes (what a
Tariff and a Fares hold after a collection), garbage_bytes_max and garbage_bytes_mean (of one
decision).
"""

import sys
import time

try:
    import gc

    weigh = gc.mem_alloc
except AttributeError:
    weigh = None

try:
    micros = time.ticks_us
except AttributeError:

    def micros():
        """CPython's clock in the board's unit."""
        return time.perf_counter_ns() // 1000


def held_bytes(make):
    """What the object that `make` returns holds."""
    make()  # the first one also loads what it needs
    gc.collect()
    before = weigh()
    made = make()
    gc.collect()
    held = weigh() - before
    assert made
    return held


class Scales:
    """Weighs and times one decision after another."""

    def __init__(self):
        self.count = 0
        self.spent_us = 0
        self.bytes_max = 0
        self.bytes_sum = 0

    def decide(self, fares, state, place, now, choice, decision, after):
        """In place of `fares.decide`: once on the scales, once against the clock."""
        if weigh:
            gc.collect()
            gc.disable()
            before = weigh()
            fares.decide(state, place, now, choice, decision, after)
            garbage = weigh() - before
            gc.enable()
            self.bytes_max = max(self.bytes_max, garbage)
            self.bytes_sum += garbage
            after.copy_from(state)
        begin = micros()
        fares.decide(state, place, now, choice, decision, after)
        self.spent_us += micros() - begin
        self.count += 1


class OnScales:
    """Takes the place of a Fares object."""

    def __init__(self, fares, scales):
        self._fares = fares
        self._scales = scales

    def decide(self, *args):
        """As of Fares."""
        self._scales.decide(self._fares, *args)


def main(path):
    """Run the corpus and print the figures."""
    from protocol.fares.engine import Fares
    from protocol.fares.tariff import Tariff
    from tests.fares.tap_runner import TapRunner

    if weigh:
        before = weigh()
        known = bytearray(100)
        assert weigh() - before >= len(known)
    scales = Scales()
    runner = TapRunner(path.rsplit("/", 1)[0])
    with open(path) as corpus:
        for line in corpus:
            runner.line(line)
            if line[0] == "T":
                if weigh:
                    print("tariff_bytes", held_bytes(lambda: Tariff(runner.store)))
                    print("fares_bytes", held_bytes(lambda: Fares(runner.fares.tariff)))
                runner.fares = OnScales(runner.fares, scales)
    if weigh:
        print("garbage_bytes_max", scales.bytes_max)
        print("garbage_bytes_mean", scales.bytes_sum // scales.count)
    print("us_per_decision", scales.spent_us / scales.count)


if __name__ == "__main__":
    sys.path.insert(0, sys.argv[1])
    main(sys.argv[2])
