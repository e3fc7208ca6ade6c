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
from host_tools.tariff.load import load_tariff
from tests.tap.line import START, Validator, copy_of
from tests.tap.town import BUS, TOWN, TRAIN
from tests.tariff.feeds import write_feed


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


@pytest.fixture
def town(tmp_path) -> str:
    """A feed with passes, a cap of 250.00 a day and a ceiling of 5000.00 on the purse."""
    return str(write_feed(TOWN, tmp_path / "town"))


def test_passes_are_sold_booked_and_shown(desk, capsys, town):
    reader, keys, url, _ = desk
    where = ("--reader", reader, "--keys", keys, "--tariff", town)
    code, out, err = run(
        capsys, "card", "issue", *where, "--balance", "50000", "--product", "month",
        "--product", "ten", "--db", url, "--json",
    )  # fmt: skip
    assert (code, err) == (0, "")
    issued = json.loads(out)
    assert (issued["balance_minor"], issued["paid_minor"]) == (50000, 50000 + 300_000 + 80_000)
    assert [one["fare_product_id"] for one in issued["products"]] == ["month", "ten"]
    found = reconcile(open_ledger(url, create=False))
    assert (found.cash, found.sales, found.float_account) == (430_000, 380_000, 50_000)
    assert found.balanced
    code, out, _ = run(capsys, "card", "show", *where, "--json")
    assert code == 0
    shown = json.loads(out)
    month, ten = shown["contracts"]
    assert (month["fare_product_id"], month["status"], month["rides_left"]) == (
        "month", "valid", None,
    )  # fmt: skip
    assert (ten["name"], ten["rides_left"]) == ("Ten rides", 10)
    assert shown["caps"] == [{"period": "day", "spent_minor": 0, "cap_minor": 25_000}]
    assert (shown["journey"], shown["check_in"], shown["companions"]) == (None, None, {})
    code, out, _ = run(capsys, "card", "show", *where)
    assert f"pass                 30 days, {month['starts']} to {month['ends']}\n" in out
    assert "pass                 Ten rides, 10 left, from " in out
    assert "spent this day       0.00 KZT of at most 250.00 KZT\n" in out


def test_a_sale_of_a_pass_that_was_not_booked_is_made_up_for(desk, capsys, monkeypatch, town):
    reader, keys, url, _ = desk
    sale = ("card", "issue", "--reader", reader, "--keys", keys, "--tariff", town, "--db", url,
            "--category", "reduced", "--concession-until", "2099-05-31")  # fmt: skip

    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr("host_tools.ledger.store.update_cards", full)
        code, _, err = run(capsys, *sale, "--product", "month")
    assert code == 2
    assert "carries 0 minor units and month but is NOT booked" in err
    code, _, err = run(capsys, *sale, "--product", "ten")
    assert code == 2
    assert "say --balance 0 --category reduced --product month" in err
    assert "--concession-until 2099-05-31" in err
    code, out, _ = run(capsys, *sale, "--product", "month")
    assert code == 0
    assert "was issued before with 0 minor units, reduced, month (booked)" in out
    found = reconcile(open_ledger(url, create=False))
    assert (found.cash, found.sales, found.balanced) == (300_000, 300_000, True)
    code, out, _ = run(capsys, "card", "show", "--reader", reader, "--keys", keys,
                       "--tariff", town)  # fmt: skip
    assert "concession until     2099-05-31\n" in out
    assert "valid until          -\n" in out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--balance", "500001"), "purse_ceiling: this tariff lets a card hold 500000 minor"),
        (("--balance", "-1"), "from 0 to"),
        (("--category", "senior"), "the tariff knows adult, reduced"),
        (("--product", "week"), "the passes and rides of this tariff are month, ten"),
        (("--product", "month@2026-12-01"), "begins when it is sold"),
        (("--product", "ten", "--product", "ten", "--product", "ten"), "a card has room for 2"),
        (("--concession-until", "2026-12-31"), "adult pays what everybody pays"),
        (("--category", "reduced", "--concession-until", "soon"), "give a date as YYYY-MM-DD"),
    ],
)
def test_what_the_tariff_does_not_sell_is_one_line(desk, capsys, town, options, said):
    reader, keys, url, field = desk
    before = bytes(field.cards[0].image)
    code, out, err = run(
        capsys, "card", "issue", "--reader", reader, "--keys", keys, "--tariff", town,
        "--db", url, *options,
    )  # fmt: skip
    assert (code, out) == (2, "")
    assert said in err
    assert err.startswith("minik: --")
    assert err.count("\n") == 1
    assert bytes(field.cards[0].image) == before


def test_a_card_on_a_train_shows_where_it_got_on(desk, capsys, monkeypatch, town):
    """Ride a bus twice, then check in to a train: what the desk tells its holder."""
    reader, keys, _, field = desk
    where = ("--reader", reader, "--keys", keys, "--tariff", town)
    code, _, _ = run(capsys, "card", "issue", *where, "--balance", "90000")
    assert code == 0
    monkeypatch.setattr("host_tools.cards.show.minik_now", lambda: START)
    store = KeyStore.load(keys)
    card = field.cards[0]
    fresh = copy_of(card)
    bus = Validator("V1", 101, store, load_tariff(town), BUS)
    bus.validation.choice.companions = 0x11
    bus.tap(fresh, START - 200)
    _put_back(card, fresh)
    _, out, _ = run(capsys, "card", "show", *where)
    assert "journey              1 leg, began " in out
    assert ", ride\n" in out
    assert "companions           1 reduced\n" in out
    assert "100.00 KZT of at most 250.00 KZT" in out
    fresh = copy_of(fresh)
    Validator("T1", 201, store, load_tariff(town), TRAIN, stop=2).tap(fresh, START - 100)
    _put_back(card, fresh)
    _, out, _ = run(capsys, "card", "show", *where, "--json")
    shown = json.loads(out)
    check_in = shown["check_in"]
    assert (check_in["network_id"], check_in["stop_id"], check_in["vehicle"]) == (
        "train", "S2", 201,
    )  # fmt: skip
    assert [journey["vehicle"] for journey in shown["journeys"]] == [201, 101]
    _, out, _ = run(capsys, "card", "show", *where)
    assert f"checked in           {check_in['time']} at Bridge, not out yet\n" in out


def _put_back(card, tapped):
    for block in range(64):
        card.set_block(block, tapped.block(block))
