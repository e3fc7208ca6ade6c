"""Laws of the ledger: money is conserved, the order of arrival is irrelevant, replays harmless."""

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from host_tools.ledger.reconcile import reconcile
from tests.ledger.world import Card, Validator, contents, issue_all, new_ledger, sync

CHARGES = (0, 5000, 10000)
EVENTS = ("tap", "refuse", "place", "lost_mark", "cut", "torn", "unsure", "sure", "twice")

event = st.tuples(
    st.sampled_from(EVENTS),
    st.integers(0, 2),  # card
    st.integers(0, 2),  # validator
    st.sampled_from(CHARGES),
    st.booleans(),  # a broken-off sale was committed
)
transfer = st.tuples(st.integers(0, 2), st.integers(1, 5), st.integers(0, 4))


def play(events) -> tuple[list[Card], list[Validator], int]:
    """Let it happen; afterwards every card taps twice more, which settles all that is open.

    Returns the number of transactions announced on more than one device as well.
    """
    cards = [Card(bytes((4, index, 0, 1)), 1_000_000) for index in range(3)]
    validators = [Validator(f"V{index}") for index in range(3)]
    announced: dict[bytes, set[str]] = {}
    for validator in validators:
        validator.place(route=1)
    for name, card_index, at, charge, committed in events:
        card, validator = cards[card_index], validators[at]
        validator.now += 60
        if name == "place":
            validator.place(route=1 + charge // 5000)
        elif name == "refuse":
            validator.refuse(card)
        elif name == "twice":
            validator.tap_twice_in_a_second(card, charge)
        elif name in ("tap", "lost_mark"):
            validator.tap(card, charge)
            announced.setdefault(card.tag, set()).add(validator.device_id)
            card.announced = name == "tap"
        else:
            if not card.announced:
                announced.setdefault(card.tag, set()).add(validator.device_id)
            validator.torn_tap(card, charge, committed and name != "sure", name)
    for card in cards:
        if not card.announced:
            announced.setdefault(card.tag, set()).add("V0")
            validators[0].tap(card, 0)
        validators[0].tap(card, 5000)
    return cards, validators, sum(len(where) > 1 for where in announced.values())


def ingest(cards, validators, transfers=()):
    """A ledger that got these journals by `transfers` (validator, batch, records sent again)."""
    ledger = new_ledger()
    issue_all(ledger, cards)
    for index, batch, again in transfers:
        validator = validators[index]
        at, _ = ledger.position(validator.device_id, validator.journal_id)
        first = max(0, at - again)
        ledger.commit(
            validator.device_id, validator.journal_id, first, validator.journal[first : at + batch]
        )
    for validator in validators:
        sync(ledger, validator)
    return ledger


@settings(max_examples=50, deadline=None, derandomize=True)
@given(events=st.lists(event, max_size=25))
def test_the_ledger_holds_what_the_cards_really_paid(events):
    cards, validators, announced_twice = play(events)
    ledger = ingest(cards, validators)
    assert ledger.totals() == (
        sum(card.seq - 1 for card in cards),
        sum(card.spent() for card in cards),
    )
    found = reconcile(ledger)
    assert found.problems == []
    assert found.pending == found.in_transit == 0
    assert found.value_on_cards == found.float_account
    assert found.float_account == sum(card.granted - card.spent() for card in cards)
    assert found.cash == found.float_account + found.revenue
    assert [line.kind for line in found.findings] == ["announced_twice"] * announced_twice


@settings(max_examples=50, deadline=None, derandomize=True)
@given(events=st.lists(event, max_size=25), transfers=st.lists(transfer, max_size=30))
def test_order_of_arrival_and_replays_change_nothing(events, transfers):
    cards, validators, _ = play(events)
    straight = ingest(cards, validators)
    mixed = ingest(cards, list(reversed(validators)), transfers)
    assert contents(mixed) == contents(straight)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(events=st.lists(event, max_size=20), transfers=st.lists(transfer, max_size=20))
def test_books_balance_after_every_single_batch(events, transfers):
    cards, validators, _ = play(events)
    ledger = new_ledger()
    issue_all(ledger, cards)
    for index, batch, again in transfers:
        validator = validators[index]
        at, _ = ledger.position(validator.device_id, validator.journal_id)
        first = max(0, at - again)
        ledger.commit(
            validator.device_id, validator.journal_id, first, validator.journal[first : at + batch]
        )
        found = reconcile(ledger)
        assert found.problems == []
        assert found.value_on_cards + found.in_transit == found.float_account


def test_every_interleaving_of_two_devices_ends_the_same():
    """A sale cut after the commit, recovered elsewhere, then one that never reached the card."""
    card = Card(b"\x04\x01\x02\x03\x04\x05\x06", 100_000)
    here, there = Validator("V1"), Validator("V2")
    here.place(route=5)
    there.place(route=7)
    here.torn_tap(card, 10000, True, "cut")
    there.tap(card, 10000)
    here.torn_tap(card, 5000, False, "unsure")
    there.tap(card, 5000)
    here.refuse(card)
    count, other = len(here.journal), len(there.journal)
    ends = []
    for chosen in combinations(range(count + other), count):
        ledger = new_ledger()
        issue_all(ledger, [card])
        for turn in range(count + other):
            validator = here if turn in chosen else there
            at, _ = ledger.position(validator.device_id, validator.journal_id)
            ledger.commit(
                validator.device_id, validator.journal_id, at, validator.journal[at : at + 1]
            )
        ends.append(contents(ledger))
        ledger.close()
    assert len(ends) == 126
    assert all(end == ends[0] for end in ends)
    assert ends[0]["balances"] == [
        ("cash", 100_000), ("float", -85_000), ("revenue:5", -10_000), ("revenue:7", -5_000),
    ]  # fmt: skip
