"""How an unresolved tap is settled: each rule of SPEC §3.3's last paragraph, and its opposite."""

import pytest

from host_tools.ledger import Ledger
from host_tools.ledger.settle import COMMITTED, UNRESOLVED, VOID
from protocol import outcomes
from protocol.journal import records
from tests.ledger.world import START, Card, Validator, contents, issue_all, new_ledger, sync


@pytest.fixture
def card() -> Card:
    return Card(b"\x04\x01\x02\x03", 100_000)


@pytest.fixture
def here() -> Validator:
    made = Validator("V1")
    made.place(route=5)
    return made


@pytest.fixture
def there() -> Validator:
    made = Validator("V2")
    made.place(route=7)
    return made


def settled(card: Card, *validators: Validator) -> list[tuple]:
    """(card_seq, status, charge, line posted, who settled it) of every transaction of the card.

    The same whether whole journals or single records arrive, and from whom first.
    """
    ledgers = []
    for order in (validators, validators[::-1]):
        for batch in (0, 1):
            ledgers.append(new_ledger())
            issue_all(ledgers[-1], [card])
            for validator in order:
                sync(ledgers[-1], validator, batch)
    found = [contents(ledger) for ledger in ledgers]
    assert found.count(found[0]) == 4
    return transactions(ledgers[0])


def transactions(ledger: Ledger) -> list[tuple]:
    with ledger.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT card_seq, status, charge, posted_route, settled_device, settled_seq"
            " FROM card_transactions ORDER BY card_seq, status DESC"
        ).all()
    return [(*row[:4], f"{row[4]}/{row[5]}" if row[4] else None) for row in rows]


def test_intent_without_outcome_stays_open(card, here):
    here.torn_tap(card, 10000, True, "cut")
    assert settled(card, here) == [(2, UNRESOLVED, 10000, None, None)]


def test_outcome_flagged_unresolved_settles_nothing(card, here):
    here.torn_tap(card, 10000, True, "unsure")
    assert settled(card, here) == [(2, UNRESOLVED, 10000, None, None)]


def test_torn_outcome_settles_nothing(card, here):
    here.torn_tap(card, 10000, True, "torn")
    assert settled(card, here) == [(2, UNRESOLVED, 10000, None, None)]


def test_own_outcome_retap_is_certainly_not_committed(card, here):
    here.torn_tap(card, 10000, False, "sure")
    assert settled(card, here) == [(2, VOID, 10000, None, "V1/2")]


def test_own_outcome_unreadable_after_the_intent_is_not_committed(card, here):
    seq, _, _ = here.intent(card, 10000)
    here.outcome(card, outcomes.REFUSED, reason=outcomes.UNREADABLE, intent_seq=seq)
    assert settled(card, here) == [(2, VOID, 10000, None, "V1/2")]


def test_an_outcome_elsewhere_with_its_tag_proves_it(card, here, there):
    here.torn_tap(card, 10000, True, "cut")
    there.refuse(card, outcomes.DENIED)
    assert settled(card, here, there) == [(2, COMMITTED, 10000, 5, "V2/1")]


def test_an_intent_built_on_its_tag_proves_it(card, here, there):
    here.torn_tap(card, 10000, True, "cut")
    card.announced = True
    there.torn_tap(card, 5000, False, "cut")
    assert settled(card, here, there) == [
        (2, COMMITTED, 10000, 5, "V2/1"),
        (3, UNRESOLVED, 5000, None, None),
    ]


def test_a_sibling_that_was_committed_proves_it_was_not(card, here, there):
    here.torn_tap(card, 10000, False, "cut")
    there.tap(card, 5000)
    assert settled(card, here, there) == [
        (2, COMMITTED, 5000, 7, "V2/2"),
        (2, VOID, 10000, None, "V2/2"),
    ]


def test_two_siblings_that_are_both_open_settle_nothing_across_devices(card, here, there):
    here.torn_tap(card, 10000, False, "cut")
    there.torn_tap(card, 5000, False, "cut")
    assert [row[1] for row in settled(card, here, there)] == [UNRESOLVED, UNRESOLVED]


def test_the_same_device_building_on_the_same_state_again_proves_the_first_was_not(card, here):
    here.torn_tap(card, 10000, False, "cut")
    here.torn_tap(card, 5000, False, "cut")
    assert settled(card, here) == [
        (2, VOID, 10000, None, "V1/2"),
        (2, UNRESOLVED, 5000, None, None),
    ]


def test_the_same_device_seeing_the_state_before_again_proves_it_was_not(card, here):
    here.torn_tap(card, 10000, False, "cut")
    here.refuse(card)
    assert settled(card, here) == [(2, VOID, 10000, None, "V1/2")]


def test_another_device_seeing_the_state_before_proves_nothing_since_clocks_may_lie(
    card, here, there
):
    here.torn_tap(card, 10000, True, "cut")
    earlier = card.clone()
    earlier.seq, earlier.k, earlier.tag = 1, 1, card.tag_of(1, 1, "issue")
    there.now = START + 10_000
    there.refuse(earlier)
    assert settled(card, here, there) == [(2, UNRESOLVED, 10000, None, None)]


def test_a_card_not_read_to_the_end_is_no_sighting(card, here):
    here.torn_tap(card, 10000, True, "cut")
    before = card.clone()
    before.seq, before.k, before.tag = 1, 1, card.tag_of(1, 1, "issue")
    for reason in (outcomes.UNREADABLE, outcomes.BAD_SIGNATURE, outcomes.UNKNOWN_MEDIUM):
        here.refuse(before, reason)
    assert settled(card, here) == [(2, UNRESOLVED, 10000, None, None)]


def test_the_same_transaction_tried_twice_counts_once(card, here):
    """Torn and tapped again within one second the new state, and so its tag, is the same."""
    seq, tag, k = here.intent(card, 10000, salt="same second")
    here.outcome(card, outcomes.RETAP, intent_seq=seq)
    seq, _, _ = here.intent(card, 10000, salt="same second")
    assert [row[1] for row in settled(card, here)] == [UNRESOLVED]
    here.commit(card, 10000, tag, k)
    here.outcome(card, outcomes.ACCEPTED, 10000, intent_seq=seq)
    assert settled(card, here) == [(2, COMMITTED, 10000, 5, "V1/4")]
    ledger = new_ledger()
    sync(ledger, here, batch=1)
    with ledger.reading() as connection:
        source = connection.exec_driver_sql("SELECT seq FROM card_transactions").scalar()
    assert source == 3, "the attempt that did not fail is the one that counts"


def test_a_recovered_announcement_posts_once_and_moves_to_the_line_of_the_intent(
    card, here, there
):
    here.torn_tap(card, 10000, True, "cut")
    there.recover(card)
    assert settled(card, there) == [(2, COMMITTED, 10000, 7, "V2/1")]
    assert settled(card, there, here) == [(2, COMMITTED, 10000, 5, "V2/1")]
    assert settled(card, here, there) == [(2, COMMITTED, 10000, 5, "V2/1")]


def test_a_recovered_issue_state_is_no_ride(card, here):
    here.outcome(card, outcomes.ACCEPTED, 0, flags=records.FLAG_RECOVERED)
    assert settled(card, here) == []


def test_a_place_holds_from_batch_to_batch(card, here):
    ledger = new_ledger()
    issue_all(ledger, [card])
    sync(ledger, here)
    here.tap(card, 10000)
    sync(ledger, here, batch=1)
    here.place(route=9)
    here.tap(card, 5000)
    sync(ledger, here, batch=1)
    with ledger.reading() as connection:
        rows = connection.exec_driver_sql(
            "SELECT account, sum(amount) FROM entries WHERE account LIKE 'revenue%' GROUP BY 1"
        ).all()
    assert [tuple(row) for row in rows] == [("revenue:5", -10000), ("revenue:9", -5000)]


def test_a_tag_that_comes_again_years_later_is_another_transaction(card, here):
    seq, tag, k = here.intent(card, 10000)
    here.commit(card, 10000, tag, k)
    here.outcome(card, outcomes.ACCEPTED, 10000, intent_seq=seq)
    card.announced = True
    here.tap(card, 5000)
    seq, _, k = here.intent(card, 5000)
    record = bytearray(here.journal[seq])
    record[16 + 28 : 16 + 32] = tag
    here.journal[seq] = bytes(record)
    here.commit(card, 5000, tag, k)
    here.outcome(card, outcomes.ACCEPTED, 5000, intent_seq=seq)
    assert [row[:3] for row in settled(card, here)] == [
        (2, COMMITTED, 10000),
        (3, COMMITTED, 5000),
        (4, COMMITTED, 5000),
    ]


def test_a_record_that_proves_nothing_does_not_reopen_what_is_void(card, here, there):
    here.torn_tap(card, 10000, False, "sure")
    unsure = card.clone()
    unsure.seq, unsure.tag = 2, b"\x01\x02\x03\x04"
    there.refuse(unsure, outcomes.UNREADABLE)
    assert settled(card, here, there) == [(2, VOID, 10000, None, "V1/2")]
