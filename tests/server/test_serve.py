"""`minik serve` as its own process, with a device at the other end of a PTY."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import tty

import pytest

from host_tools.keys.store import KeyStore
from host_tools.ledger import open_ledger
from tests.ledger.world import issue_all
from tests.server.device import Device, busy_validator, chain_up
from tests.tariff.feeds import changed, city_feed, write_feed

MINIK = [sys.executable, "-c", "from host_tools.cli import main; main()"]
DEADLINE_S = 30


class Bench:
    """A PTY, a key store and a ledger in a folder."""

    def __init__(self, folder) -> None:
        self.store = KeyStore.create(folder / "keys")
        self.url = f"sqlite:///{folder / 'ledger.db'}"
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.arguments = ["--keys", str(folder / "keys"), "--db", self.url]
        self.arguments += ["--port", os.ttyname(self.slave)]

    def start(self, *more: str) -> subprocess.Popen:
        return subprocess.Popen(
            [*MINIK, "serve", *self.arguments, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def drive(self, device: Device, process: subprocess.Popen, until) -> None:
        """Be the device until `until()` or the server ends."""
        while process.poll() is None and not until():
            ready, _, _ = select.select([self.master], [], [], 0.05)
            if ready:
                answer = device.feed(os.read(self.master, 4096), 1)
                if answer:
                    os.write(self.master, answer)

    def close(self) -> None:
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


def test_once_takes_everything_and_leaves_0(bench):
    validator, cards = busy_validator(taps=40)
    chain_up(validator, bench.store)
    ledger = open_ledger(bench.url, keys=bench.store)
    issue_all(ledger, cards)
    process = bench.start("--once", "--json")
    device = Device(validator, bench.store)
    bench.drive(device, process, lambda: False)
    out, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, err) == (0, "")
    events = [json.loads(line) for line in out.splitlines()]
    assert [events[0]["event"], events[1]["event"]] == ["serving", "device"]
    assert events[-1] == {"event": "caught_up", "device": "V1", "next_seq": 81}
    assert ledger.totals() == (40, 400_000)


def test_sigint_leaves_0(bench):
    process = bench.start()
    assert process.stdout.readline().startswith("serving")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, err) == (0, "")


def test_once_with_nobody_there_leaves_3(bench):
    process = bench.start("--once", "--wait", "0.3")
    _, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 3
    assert err.count("\n") == 1
    assert "no device answered" in err


def test_once_with_an_edited_journal_leaves_1(bench):
    validator, _ = busy_validator(taps=3)
    chain_up(validator, bench.store)
    record = bytearray(validator.journal[2])
    record[30] ^= 1
    validator.journal[2] = bytes(record)
    process = bench.start("--once", "--json")
    bench.drive(Device(validator, bench.store), process, lambda: False)
    out, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 1
    assert err == "minik: V1: sync failed at record 0 or after (chain)\n"
    assert json.loads(out.splitlines()[-1]) == {
        "event": "fault", "device": "V1", "fault": "chain", "next_seq": 0,
    }


def test_the_ledger_takes_currency_and_names_from_a_tariff(bench, tmp_path):
    feed = write_feed(city_feed(), tmp_path / "feed")
    process = bench.start("--once", "--wait", "0.3", "--tariff", str(feed))
    process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 3  # nobody there, but the ledger is laid out
    ledger = open_ledger(bench.url, create=False)
    assert ledger.names("route") == {1: "R5", 2: "R7"}
    swapped = changed(city_feed(), "routes.txt", "R5,A,5,Market", "R6,A,5,Market")
    swapped = changed(swapped, "route_networks.txt", "bus,R5", "bus,R6")
    swapped["trips.txt"] = swapped["trips.txt"].replace("R5,", "R6,")
    other = write_feed(swapped, tmp_path / "other")
    process = bench.start("--once", "--tariff", str(other))
    _, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 2
    assert err.count("\n") == 1
    assert "route 1 of this ledger is R5, of the tariff R6; compile the tariff with" in err
