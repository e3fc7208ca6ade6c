"""`minik card` against the virtual reader on a pseudo-terminal, and what the desk books."""

import json
import sqlite3
import threading
from functools import partial

import pytest

from host_tools import cli
from host_tools.bench.reader import RfField, VirtualPn532
from host_tools.bench.reader.media import load_media
from host_tools.bench.reader.pty_server import PtyServer
from host_tools.keys.store import KeyStore
from host_tools.ledger import Issue, open_ledger
from host_tools.ledger.reconcile import reconcile


@pytest.fixture
def desk(tmp_path):
    """(reader option, key folder, ledger URL, field) with one blank card in the field."""
    KeyStore.create(tmp_path / "keys")
    field = RfField()
    (medium,) = load_media(["classic1k:04a1b2c3"], 0)
    field.place(medium.card)
    server = PtyServer(VirtualPn532(field))
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield f"pn532:{server.path}", str(tmp_path / "keys"), f"sqlite:///{tmp_path / 'l.db'}", field
    server.stop()
    thread.join()
    server.close()


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    code = cli.run(arguments)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_issue_books_the_card_and_show_reads_it_back(desk, capsys):
    reader, keys, url, _ = desk
    where = ("--reader", reader, "--keys", keys)
    code, out, err = run(
        capsys, "card", "issue", *where, "--balance", "50000", "--category", "reduced",
        "--db", url, "--json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    issued = json.loads(out)
    assert (issued["uid"], issued["balance_minor"], issued["booked"]) == ("04a1b2c3", 50000, True)
    code, out, _ = run(capsys, "card", "show", *where, "--json")
    assert code == 0
    shown = json.loads(out)
    assert (shown["balance_minor"], shown["rider_category"]) == (50000, "reduced")
    assert shown["card_serial"] == issued["card_serial"]
    ledger = open_ledger(url, create=False)
    found = reconcile(ledger)
    assert (found.cash, found.float_account, found.value_on_cards) == (50000, 50000, 50000)
    assert found.balanced
    code, _, err = run(capsys, "card", "issue", *where, "--balance", "1")
    assert (code, err) == (2, "minik: this card has been issued already; nothing was written\n")
    code, out, _ = run(capsys, "card", "show", *where)
    assert "grant signature      valid" in out
    assert "balance              500.00 KZT" in out
    assert "blocked              no" in out


def test_a_person_sees_that_a_card_is_being_issued(desk, capsys, look):
    reader, keys, _, _ = desk
    terminal = look()
    assert cli.run(["card", "issue", "--reader", reader, "--keys", keys, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["uid"] == "04a1b2c3"
    assert "issuing the card" in terminal.getvalue()


def test_a_card_the_ledger_knows_is_not_written(desk, capsys):
    reader, keys, url, _ = desk
    ledger = open_ledger(url)
    ledger.issue(Issue("04a1b2c3", 1, 1, 100, 200_000_000))
    code, _, err = run(
        capsys, "card", "issue", "--reader", reader, "--keys", keys, "--db", url
    )
    assert code == 2
    assert "booked already" in err
    code, _, err = run(capsys, "card", "show", "--reader", reader, "--keys", keys)
    assert (code, err) == (2, "minik: this card was not issued with these keys\n")


def test_a_reader_that_dies_is_one_line(tmp_path, capsys, monkeypatch):
    keys = str(tmp_path / "keys")
    KeyStore.create(keys)
    server = PtyServer(VirtualPn532(RfField()))
    thread = threading.Thread(target=server.serve)
    thread.start()

    def die_first(client):
        server.stop()
        thread.join()
        server.close()
        return client.exchange(b"\x30\x00")

    monkeypatch.setattr("host_tools.device.pn532_client.Pn532Client.targets", die_first)
    code, _, err = run(capsys, "card", "show", "--reader", f"pn532:{server.path}", "--keys", keys)
    assert code == 3
    assert err == (
        f"minik: {server.path}: the reader's port failed; is it plugged in, and used by no other"
        " program?\n"
    )


def test_a_locked_ledger_keeps_the_card_blank(desk, capsys, monkeypatch):
    reader, keys, url, _ = desk
    open_ledger(url).close()
    monkeypatch.setattr("host_tools.ledger.open_ledger", partial(open_ledger, lock_wait_s=0.05))
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    sale = ("card", "issue", "--reader", reader, "--keys", keys, "--balance", "700", "--db", url)
    code, _, err = run(capsys, *sale)
    assert code == 2
    assert "another process is writing" in err
    other.execute("ROLLBACK")
    code, out, _ = run(capsys, *sale)
    assert code == 0
    assert "issued with 700 minor units, adult (booked)" in out
    other.close()


def test_books_that_fail_after_the_card_can_be_made_up_for(desk, capsys, monkeypatch):
    reader, keys, url, _ = desk
    sale = ("card", "issue", "--reader", reader, "--keys", keys, "--balance", "700", "--db", url)

    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("host_tools.ledger.store.update_cards", full)
        code, _, err = run(capsys, *sale)
    assert code == 2
    assert "card 04a1b2c3 carries 700 minor units but is NOT booked" in err
    assert "disk is full" in err
    code, _, err = run(capsys, *sale, "--balance", "800")
    assert code == 2
    assert "--balance 700 --category adult" in err
    code, out, _ = run(capsys, *sale)
    assert code == 0
    assert "card 04a1b2c3 was issued before with 700 minor units, adult (booked)" in out
    found = reconcile(open_ledger(url, create=False))
    assert (found.cash, found.float_account, found.balanced) == (700, 700, True)
    code, _, err = run(capsys, *sale)
    assert code == 2
    assert "booked already" in err


def test_no_card_there(desk, capsys):
    reader, keys, _, field = desk
    for card in list(field.cards):
        field.remove(card)
    code, _, err = run(capsys, "card", "show", "--reader", reader, "--keys", keys)
    assert (code, err) == (2, "minik: put exactly one card on the reader\n")
