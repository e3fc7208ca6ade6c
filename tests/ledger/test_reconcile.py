"""Each sentence of reconcile, provoked once."""

import pytest

from host_tools.ledger.reconcile import reconcile
from protocol import outcomes
from protocol.journal import records
from tests.ledger.world import Card, Validator, issue_all, new_ledger, sync


@pytest.fixture
def line():
    """A ledger, a card that rode once, and two validators."""
    card = Card(b"\x04\x01\x02\x03", 100_000)
    ledger = new_ledger()
    issue_all(ledger, [card])
    here, there = Validator("V1"), Validator("V2")
    here.place(route=5)
    there.place(route=7)
    here.tap(card, 10000)
    return ledger, card, here, there


def tamper(ledger, statement: str) -> None:
    with ledger.writing() as connection:
        connection.exec_driver_sql(statement)


def texts(lines) -> list[str]:
    return [f"{line.kind}: {line.text}" for line in lines]


def test_a_sound_ledger_balances(line):
    ledger, _, here, there = line
    for validator in (here, there):
        sync(ledger, validator)
    found = reconcile(ledger)
    assert found.verdict() == "books balance"
    assert (found.problems, found.open, found.findings) == ([], [], [])
    assert (found.taps, found.revenue, found.cash) == (1, 10000, 100_000)
    assert (found.float_account, found.value_on_cards) == (90_000, 90_000)


def test_an_empty_ledger_balances():
    assert reconcile(new_ledger()).verdict() == "books balance"


def test_an_entry_that_was_changed(line):
    ledger, _, here, _ = line
    sync(ledger, here)
    tamper(ledger, "UPDATE entries SET amount = -9000 WHERE account = 'revenue:5'")
    found = reconcile(ledger)
    kinds = [problem.kind for problem in found.problems]
    assert kinds == ["posting", "entries", "revenue"]
    assert "do not sum to zero: 10.00 KZT" in found.problems[0].text
    assert found.problems[1].text == "all entries together do not sum to zero: 10.00 KZT"
    assert found.problems[2].text == (
        "revenue accounts hold 90.00 KZT, the rides sum to 100.00 KZT"
    )
    assert found.verdict().startswith("books do NOT balance: the entries of posting ride/")
    assert found.verdict().endswith("(and 2 more)")


def test_a_posting_that_was_removed(line):
    ledger, _, here, _ = line
    sync(ledger, here)
    tamper(ledger, "DELETE FROM entries WHERE posting LIKE 'grant/%'")
    assert texts(reconcile(ledger).problems) == [
        "float: the float account holds -100.00 KZT, grants less rides come to 900.00 KZT"
    ]


def test_a_card_that_no_desk_booked(line):
    ledger, _, _, there = line
    stray = Card(b"\x04\x09\x09\x09", 70_000)
    there.tap(stray, 10000)
    sync(ledger, there)
    found = reconcile(ledger)
    assert texts(found.problems) == [
        "unbooked: card 04090909 was granted 700.00 KZT, but desks booked 0.00 KZT"
    ]
    assert found.unbooked == 70_000
    issue_all(ledger, [stray])
    assert reconcile(ledger).balanced
    assert reconcile(ledger).unbooked == 0


def test_a_card_that_spent_more_than_it_was_granted(line):
    ledger, card, here, _ = line
    here.tap(card, 95_000)
    sync(ledger, here)
    assert texts(reconcile(ledger).problems) == [
        "overspent: card 04010203 spent 1050.00 KZT of only 1000.00 KZT granted"
    ]


def test_a_clone_rides_too(line):
    ledger, card, here, there = line
    clone = card.clone()
    here.tap(card, 10000)
    there.tap(clone, 10000)
    for validator in (here, there):
        sync(ledger, validator)
    found = reconcile(ledger)
    assert texts(found.problems) == [
        "counter: card 04010203 itself counts 2 transaction(s) and 200.00 KZT,"
        " the books hold 3 and 300.00 KZT"
    ]
    assert texts(found.findings) == [
        "two_tags: card number 04010203/3 was held by two different transactions:"
        " a clone, or a card that was rolled back"
    ]


def test_a_card_rolled_back_at_one_device(line):
    ledger, card, here, _ = line
    before = card.clone()
    here.tap(card, 10000)
    sync(ledger, here)
    here.refuse(before)
    sync(ledger, here)
    assert texts(reconcile(ledger).findings) == [
        "counter_backwards: record V1/00000001/5 shows a card's counter lower than the same device"
        " saw before: a clone, or a card that was rolled back"
    ]


def test_counter_findings_do_not_depend_on_where_batches_are_cut(line):
    _, card, here, _ = line
    before = card.clone()
    here.tap(card, 10000)
    here.refuse(before)
    here.refuse(card)
    here.refuse(before)
    found = []
    for batch in (0, 1, 2, 5):
        ledger = new_ledger()
        sync(ledger, here, batch=batch)
        found.append(texts(reconcile(ledger).findings))
    assert len(found[0]) == 2
    assert found.count(found[0]) == 4


def test_a_ride_of_a_device_that_has_not_synced_is_in_transit(line):
    ledger, card, _, there = line
    there.refuse(card)
    sync(ledger, there)
    found = reconcile(ledger)
    assert found.balanced
    assert texts(found.open) == [
        "in_transit: card 04010203 shows 1 transaction(s) worth 100.00 KZT"
        " that no device has reported yet"
    ]
    assert (found.in_transit, found.value_on_cards, found.float_account) == (
        10_000, 90_000, 100_000,
    )  # fmt: skip


def test_an_unresolved_intent_is_pending_money(line):
    ledger, card, here, _ = line
    here.torn_tap(card, 10000, False, "cut")
    sync(ledger, here)
    found = reconcile(ledger)
    assert found.balanced
    assert found.pending == 10000
    assert texts(found.open) == [
        "unresolved: 100.00 KZT of card 04010203 by record 3 of device V1:"
        " the card's next sighting settles it"
    ]


def test_torn_records_are_told(line):
    ledger, card, here, _ = line
    here.refuse(card)
    here.tear_last()
    sync(ledger, here)
    found = reconcile(ledger)
    assert found.balanced
    assert texts(found.open) == [
        "torn: journal 00000001 of device V1 has 1 record(s) torn by a power cut"
    ]


def test_records_that_are_gone(line):
    ledger, _, here, _ = line
    sync(ledger, here)
    tamper(ledger, "DELETE FROM records WHERE seq = 1")
    assert texts(reconcile(ledger).problems) == [
        "gap: journal 00000001 of device V1 has 3 records, the ledger keeps 2 of them"
    ]


def test_one_ride_announced_on_two_devices(line):
    ledger, card, here, there = line
    there.recover(card)
    for validator in (here, there):
        sync(ledger, validator)
    found = reconcile(ledger)
    assert found.balanced
    assert (found.taps, found.revenue) == (1, 10000)
    assert texts(found.findings) == [
        f"announced_twice: transaction 04010203/2/{card.tag.hex()} was announced by more than one"
        " device: its confirmation was torn off; charged once"
    ]


def test_records_that_disagree_on_a_charge(line):
    ledger, card, here, there = line
    card.last_charge = 1
    there.recover(card)
    for validator in (there, here):
        sync(ledger, validator)
    found = reconcile(ledger)
    assert found.balanced
    assert found.revenue == 10000
    assert [line.text for line in found.findings if line.kind == "charge_conflict"] == [
        f"records disagree on the charge of transaction 04010203/2/{card.tag.hex()};"
        " its intent is believed"
    ]


def test_an_accepted_ride_without_a_transaction(line):
    ledger, card, here, _ = line
    card.tag = bytes(4)
    here.outcome(card, outcomes.ACCEPTED, 5000)
    sync(ledger, here)
    assert texts(reconcile(ledger).findings) == [
        "no_transaction: record V1/00000001/3 accepts a ride without a transaction on a card;"
        " not counted"
    ]
    assert ledger.totals() == (1, 10000)


def test_a_record_that_makes_no_sense(line):
    ledger, _, here, _ = line
    here.write(records.INTENT, uid_length=200, charge=5000)
    sync(ledger, here)
    assert texts(reconcile(ledger).findings) == [
        "malformed: record V1/00000001/3 verifies but makes no sense; kept, not booked"
    ]


def test_a_journal_handed_in_again_with_other_content(line):
    ledger, _, here, _ = line
    sync(ledger, here)
    other = bytearray(here.journal[1])
    other[30] ^= 1
    here.journal[1] = bytes(other)
    assert ledger.commit("V1", here.journal_id, 0, here.journal)[0] == 3
    found = reconcile(ledger)
    assert found.balanced
    assert texts(found.findings) == [
        "journal_fork: journal V1/00000001/0 was handed in again with other content; refused"
    ]


def test_a_batch_beyond_the_position_is_refused_whole(line):
    ledger, _, here, _ = line
    start = ledger.position("V1", here.journal_id)
    assert ledger.commit("V1", here.journal_id, 1, here.journal[1:]) == start
    assert ledger.totals() == (0, 0)
