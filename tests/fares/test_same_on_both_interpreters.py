"""The same taps end the same under CPython and in the real MicroPython VM, byte for byte.

Here a seeded 2,000 taps in the lean profile's heap; `make bench` runs 20,000.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fares.corpus import CARDS_OF_A_TARIFF, TAPS_OF_A_CARD, write_corpus
from tests.fares.tap_runner import answers

REPOSITORY = Path(__file__).resolve().parents[2]
RUNNER = REPOSITORY / "tests" / "fares" / "tap_runner.py"
VM = Path(sys.executable).with_name("micropython")
HEAP = "heapsize=240k"
TARIFFS = 10
TAPS = TARIFFS * CARDS_OF_A_TARIFF * TAPS_OF_A_CARD


def in_the_vm(corpus: Path) -> list[str]:
    """The answers of the VM to a corpus."""
    done = subprocess.run(
        [VM, "-X", HEAP, RUNNER, REPOSITORY, corpus], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    return done.stdout.splitlines()


def replay(corpus: Path, number: int) -> str:
    """The lines of a corpus that tap `number` depends on: its tariff, its card, its taps."""
    tariff, card, taps = "", "", 0
    life: list[str] = []
    for line in corpus.read_text().splitlines():
        if line[0] == "T":
            tariff = line
        elif line[0] == "C":
            card, life = line, []
        else:
            life.append(line)
            if taps == number:
                break
            taps += 1
    return "\n".join([tariff, card, *life])


def first_difference(corpus: Path, host: list[str], device: list[str]) -> str | None:
    """What to look at and how to replay it, None if every answer is the same."""
    for number, (ours, theirs) in enumerate(zip(host, device, strict=False)):
        if ours != theirs:
            return f"host {ours}\n vm  {theirs}\n{replay(corpus, number)}"
    return None if len(host) == len(device) else f"{len(host)} answers, {len(device)} in the VM"


@pytest.mark.vm
def test_2000_taps_end_the_same_in_the_vm(tmp_path):
    corpus = write_corpus(tmp_path, range(TARIFFS))
    host = list(answers(str(corpus)))
    assert len(host) == TAPS
    assert first_difference(corpus, host, in_the_vm(corpus)) is None


def test_the_corpus_has_every_kind_of_tap(tmp_path):
    corpus = write_corpus(tmp_path, range(TARIFFS))
    words = [line.split() for line in answers(str(corpus))]
    reasons = {line[1] for line in words if line[0] == "1"}
    assert {"1", "5", "6", "7"} <= reasons  # funds, here, now, passback
    accepted = [line for line in words if line[0] == "0"]
    for position, name in ((2, "charge"), (4, "transfer"), (5, "capped"), (7, "companions"),
                           (9, "check-out"), (10, "missed")):
        assert sum(line[position] != "0" for line in accepted) >= 10, name


def test_a_difference_says_how_to_replay_it(tmp_path):
    corpus = write_corpus(tmp_path, range(2))
    host = list(answers(str(corpus)))
    wrong = [*host]
    number = CARDS_OF_A_TARIFF * TAPS_OF_A_CARD + TAPS_OF_A_CARD + 2  # the second tariff and card
    wrong[number] += "1"
    said = first_difference(corpus, host, wrong)
    assert said is not None
    lines = said.splitlines()
    assert lines[2] == "T 1.bin"
    assert [line[0] for line in lines[3:]] == ["C", "P", "P", "P"]
    replayed = tmp_path / "replay.txt"
    replayed.write_text("\n".join(lines[2:]))
    assert list(answers(str(replayed)))[-1] == host[number]
    assert first_difference(corpus, host, host[:-1]) is not None
