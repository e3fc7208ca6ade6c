"""Fares: a large city's tariff, its decisions on both interpreters, and the proof in bulk."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from protocol import tap
from protocol.fares.engine import Fares
from protocol.fares.tariff import BytesStore, Tariff
from tests.fares.corpus import City, compiled, lives, random_city, write_corpus
from tests.fares.lockstep import Engine, live
from tests.fares.tap_runner import answers
from tests.fares.test_same_on_both_interpreters import REPOSITORY, VM, in_the_vm
from tests.measure.figures import Figure, at_least, at_most, report
from tests.tap.line import FROM_TODAY, NO_FAULTS, START, Validator, copy_of, issued_card
from tests.tap.town import BUS, town
from tests.tariff.big_city import big_city

TARIFFS = 100  # of 200 taps each
TAPS = 20_000
CARDS = 40  # in the large city, of ten taps each
SCALES = REPOSITORY / "tests" / "measure" / "decisions.py"


def measure() -> Iterator[Figure]:
    """The large city first, then the random ones."""
    files = big_city()
    begin = time.perf_counter()
    city = compiled(files)
    yield at_most(
        "tariff_compile_s", round(time.perf_counter() - begin, 2), "s", 10,
        "60 routes, 1,500 stops, 40 products: read, checked, compiled",
    )
    yield at_most("tariff_bytes", len(city.payload), "bytes", 65_536, "the same city")
    yield from reading(city)
    yield from deciding(city)
    yield at_most(
        "tap_commands_caps_and_pass", commands_with_caps_and_pass(), "PN532 commands", 20,
        "exchanges with the card",
    )
    yield from proving()


class CountingStore(BytesStore):
    """Counts what is read of a tariff."""

    read_bytes = 0

    def readinto(self, offset, buf):
        self.read_bytes += len(buf)
        super().readinto(offset, buf)


def reading(city: City) -> Iterator[Figure]:
    """Bytes of the tariff that one tap reads."""
    store = CountingStore(city.payload)
    engine = Engine(city)
    engine.fares = Fares(Tariff(store))
    read = []
    for card, taps in lives(city, 1, CARDS, 10):
        engine.line(city.card_line(card))
        for one in taps:
            before = store.read_bytes
            engine.line(city.tap_line(one))
            read.append(store.read_bytes - before)
    yield at_most(
        "tariff_bytes_read_per_tap", max(read), "bytes", 2048,
        f"the most of {len(read)} taps with passes, companions, choices; mean "
        f"{sum(read) / len(read):.0f}",
    )


def deciding(city: City) -> Iterator[Figure]:
    """Time, garbage and memory held, in the VM beside CPython in the same run."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = corpus_of(city, Path(folder))
        device = on_the_scales([str(VM), "-X", "heapsize=1m"], corpus)
        host = on_the_scales([sys.executable], corpus)
    yield report(
        "decision_us", round(device["us_per_decision"]), "us", "in the VM; peer: CPython",
        round(host["us_per_decision"]),
    )
    yield at_most(
        "decision_heap_bytes", device["garbage_bytes_max"], "bytes", 512,
        f"the most that one decision allocates; mean {device['garbage_bytes_mean']:.0f}",
    )
    yield at_most(
        "tariff_held_bytes", device["tariff_bytes"], "bytes", 2048,
        "what a Tariff of the large city holds on the 64-bit VM; a board's is smaller",
    )
    yield report(
        "fares_held_bytes", device["fares_bytes"], "bytes",
        "the engine's working memory on the 64-bit VM, the same for every tariff",
    )


def corpus_of(city: City, folder: Path) -> Path:
    """A corpus of one city."""
    (folder / "city.bin").write_bytes(city.payload)
    lines = ["T city.bin"]
    for card, taps in lives(city, 1, CARDS, 10):
        lines += [city.card_line(card), *map(city.tap_line, taps)]
    path = folder / "corpus.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def on_the_scales(interpreter: list[str], corpus: Path) -> dict[str, float]:
    """What decisions.py says."""
    done = subprocess.run(
        [*interpreter, SCALES, REPOSITORY, corpus],
        capture_output=True, text=True, timeout=600, check=True,
    )
    return {name: float(value) for name, value in map(str.split, done.stdout.splitlines())}


def commands_with_caps_and_pass() -> int:
    """A pass holder's second ride where there are caps and transfers."""
    card = issued_card("04c1b2c3", 500_000, contracts=(FROM_TODAY,))
    Validator("V1", 101, tariff=town(), route=BUS).tap(card, START - 7200)
    seen: list[int] = []
    told = Validator("V2", 102, tariff=town(), route=BUS).tap(
        copy_of(card), START, NO_FAULTS, seen.append
    )
    assert (told.outcome, told.charged) == ("accepted", 0), told
    return seen.count(tap.EXCHANGE)


def proving() -> Iterator[Figure]:
    """Every tap of the corpus: the same in the VM, and as the slow evaluator says."""
    with tempfile.TemporaryDirectory() as folder:
        corpus = write_corpus(Path(folder), range(TARIFFS))
        host = list(answers(str(corpus)))
        same = sum(ours == theirs for ours, theirs in zip(host, in_the_vm(corpus), strict=True))
    yield at_least(
        "taps_same_in_vm", same, "taps", max(TAPS, len(host)),
        f"decisions and cards afterwards, byte for byte; {TARIFFS} random tariffs",
    )
    agreed, asked = 0, 0
    for seed in range(TARIFFS):
        city = random_city(seed)
        for card, taps in lives(city, seed, 20, 10):
            asked += len(taps)
            agreed += len(live(city, card, taps)[1])
    yield at_least(
        "taps_as_slow_evaluator", agreed, "taps", max(TAPS, asked),
        "the same taps, priced from the feeds' rows by the specification's text",
    )
